//! Least and greatest values and null counts, of pages, of column chunks and of the file.

use std::cmp::Ordering;

use parquet::basic::{BoundaryOrder, Type as PhysicalType};
use parquet::data_type::ByteArray;
use parquet::errors::ParquetError;
use parquet::file::metadata::ColumnIndexBuilder;
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use parquet::file::statistics::{Statistics, ValueStatistics};

/// Longest string that is stored whole as a bound in the file; a longer one is rounded outward to this.
const MAX_BOUND_BYTES: usize = 200;

/// A value of a column, as it is stored: a decimal without its point, a time in microseconds.
///
/// Values of one column compare as their meanings do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    /// Of a boolean column.
    Boolean(bool),
    /// Of a column stored as INT32.
    I32(i32),
    /// Of a column stored as INT64.
    I64(i64),
    /// Of a text column.
    Str(String),
}

impl Value {
    /// The value as the page index stores it.
    fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Boolean(value) => vec![u8::from(*value)],
            Self::I32(value) => value.to_le_bytes().to_vec(),
            Self::I64(value) => value.to_le_bytes().to_vec(),
            Self::Str(value) => value.clone().into_bytes(),
        }
    }
}

/// What is known about the values of a page, a chunk or a column.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ValueSummary {
    /// Least and greatest value; none where all are null.
    pub(crate) bounds: Option<(Value, Value)>,
    /// Nulls; in a list column, empty lists.
    pub(crate) nulls: u64,
}

impl ValueSummary {
    /// Widens the summary to what `other` covers.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.nulls += other.nulls;
        let Some((least, greatest)) = &other.bounds else { return };
        match &mut self.bounds {
            None => self.bounds = other.bounds.clone(),
            Some(bounds) => {
                if *least < bounds.0 {
                    bounds.0.clone_from(least);
                }
                if *greatest > bounds.1 {
                    bounds.1.clone_from(greatest);
                }
            }
        }
    }

    /// The statistics of a column chunk.
    pub(crate) fn to_statistics(&self, physical: PhysicalType) -> Result<Statistics, ParquetError> {
        let nulls = Some(self.nulls);
        Ok(match &self.bounds {
            Some((Value::Boolean(least), Value::Boolean(greatest))) => {
                Statistics::boolean(Some(*least), Some(*greatest), None, nulls, false)
            }
            Some((Value::I32(least), Value::I32(greatest))) => {
                Statistics::int32(Some(*least), Some(*greatest), None, nulls, false)
            }
            Some((Value::I64(least), Value::I64(greatest))) => {
                Statistics::int64(Some(*least), Some(*greatest), None, nulls, false)
            }
            Some((Value::Str(least), Value::Str(greatest))) => {
                let (low, high) = (round_down(least), round_up(greatest));
                let exact = (low == *least, high == *greatest);
                let bounds = (ByteArray::from(low.into_bytes()), ByteArray::from(high.into_bytes()));
                Statistics::ByteArray(
                    ValueStatistics::new(Some(bounds.0), Some(bounds.1), None, nulls, false)
                        .with_min_is_exact(exact.0)
                        .with_max_is_exact(exact.1),
                )
            }
            _ => match physical {
                PhysicalType::BOOLEAN => Statistics::boolean(None, None, None, nulls, false),
                PhysicalType::INT32 => Statistics::int32(None, None, None, nulls, false),
                PhysicalType::INT64 => Statistics::int64(None, None, None, nulls, false),
                PhysicalType::BYTE_ARRAY => Statistics::byte_array(None, None, None, nulls, false),
                other => return Err(ParquetError::NYI(format!("statistics of {other}"))),
            },
        })
    }
}

/// The page index of a column chunk.
pub(crate) fn column_index(
    physical: PhysicalType,
    pages: &[ValueSummary],
) -> Result<ColumnIndexMetaData, ParquetError> {
    let mut index = ColumnIndexBuilder::new(physical);
    let mut previous: Option<(Value, Value)> = None;
    let (mut ascending, mut descending) = (true, true);
    for page in pages {
        let nulls = page.nulls as i64;
        let Some((least, greatest)) = &page.bounds else {
            index.append(true, Vec::new(), Vec::new(), nulls);
            continue;
        };
        let bounds = match (least, greatest) {
            (Value::Str(least), Value::Str(greatest)) => {
                (Value::Str(round_down(least)), Value::Str(round_up(greatest)))
            }
            _ => (least.clone(), greatest.clone()),
        };
        index.append(false, bounds.0.to_bytes(), bounds.1.to_bytes(), nulls);
        if let Some(previous) = &previous {
            let orders = [previous.0.cmp(&bounds.0), previous.1.cmp(&bounds.1)];
            ascending &= !orders.contains(&Ordering::Greater);
            descending &= !orders.contains(&Ordering::Less);
        }
        previous = Some(bounds);
    }
    index.set_boundary_order(match (ascending, descending) {
        (true, _) => BoundaryOrder::ASCENDING,
        (false, true) => BoundaryOrder::DESCENDING,
        (false, false) => BoundaryOrder::UNORDERED,
    });
    index.build()
}

/// `value`, or the longest of its beginnings that is short enough to store.
fn round_down(value: &str) -> String {
    value[..value.floor_char_boundary(MAX_BOUND_BYTES)].to_owned()
}

/// `value`, or a short string that is greater. Where there is none, `value`.
fn round_up(value: &str) -> String {
    let mut short = round_down(value);
    if short.len() == value.len() {
        return short;
    }
    while let Some(last) = short.pop() {
        // Text is ordered by code point, in UTF-8 as well.
        if let Some(next) = (last..=char::MAX).nth(1) {
            short.push(next);
            return short;
        }
    }
    value.to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn rounded_bounds_enclose_the_value(value in "[a\u{7f}é\u{d7ff}\u{10ffff}]{0,250}") {
            let (low, high) = (round_down(&value), round_up(&value));
            prop_assert!(low <= value && value <= high);
            if value.len() <= MAX_BOUND_BYTES {
                prop_assert_eq!((&low, &high), (&value, &value));
            } else {
                prop_assert!(low.len() <= MAX_BOUND_BYTES);
                prop_assert!(high == value || high.len() <= MAX_BOUND_BYTES + 1);
            }
        }
    }

    #[test]
    fn an_upper_bound_skips_characters_that_have_no_successor() {
        let value = format!("a{}", "\u{10ffff}".repeat(100));
        assert_eq!(round_up(&value), "b");
        let greatest = "\u{10ffff}".repeat(100);
        assert_eq!(round_up(&greatest), greatest);
        let surrogates = format!("{}\u{d7ff}x", "a".repeat(197));
        assert_eq!(round_up(&surrogates), format!("{}\u{e000}", "a".repeat(197)));
    }

    #[test]
    fn the_boundary_order_ignores_null_pages() {
        let page = |bounds: Option<(i64, i64)>| ValueSummary {
            bounds: bounds.map(|(least, greatest)| (Value::I64(least), Value::I64(greatest))),
            nulls: 0,
        };
        let order = |pages: &[Option<(i64, i64)>]| {
            let pages: Vec<_> = pages.iter().map(|bounds| page(*bounds)).collect();
            column_index(PhysicalType::INT64, &pages).unwrap().get_boundary_order()
        };
        assert_eq!(order(&[Some((1, 5)), None, Some((1, 6))]), Some(BoundaryOrder::ASCENDING));
        assert_eq!(order(&[Some((1, 5)), None, Some((0, 5))]), Some(BoundaryOrder::DESCENDING));
        assert_eq!(order(&[Some((1, 5)), Some((0, 6))]), Some(BoundaryOrder::UNORDERED));
    }
}
