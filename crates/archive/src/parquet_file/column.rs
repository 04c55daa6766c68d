//! What a column is, and the data a caller gives for it.

use std::sync::Arc;

use parquet::basic::{LogicalType, Repetition, TimeUnit, Type as PhysicalType};
use parquet::errors::ParquetError;
use parquet::schema::types::{Type, TypePtr};

use crate::parquet_file::delta_binary_packed::DeltaLayout;
use crate::parquet_file::error::WriteError;
use crate::parquet_file::statistics::Value;

/// One column of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ColumnSpec {
    /// Name of the column, unique in the file.
    pub name: &'static str,
    /// What its values mean.
    pub kind: ColumnKind,
    /// How many values a row has.
    pub shape: ColumnShape,
    /// How its values are laid out.
    pub encoding: ColumnEncoding,
    /// zstd level of its pages, 1 to 22, instead of the file's. Noise, such as tightly packed differences, gains
    /// nothing from a higher one.
    pub zstd_level: Option<i32>,
}

impl ColumnSpec {
    /// A column with a value in every row.
    pub const fn required(name: &'static str, kind: ColumnKind, encoding: ColumnEncoding) -> Self {
        Self { name, kind, shape: ColumnShape::Required, encoding, zstd_level: None }
    }

    /// A column whose rows may be null.
    pub const fn nullable(name: &'static str, kind: ColumnKind, encoding: ColumnEncoding) -> Self {
        Self { name, kind, shape: ColumnShape::Nullable, encoding, zstd_level: None }
    }

    /// A column with a list in every row, possibly empty, of values that are not null.
    pub const fn list(name: &'static str, kind: ColumnKind, encoding: ColumnEncoding) -> Self {
        Self { name, kind, shape: ColumnShape::List, encoding, zstd_level: None }
    }

    /// The column with a zstd level of its own.
    pub const fn with_zstd_level(self, zstd_level: i32) -> Self {
        Self { zstd_level: Some(zstd_level), ..self }
    }

    /// The Parquet schema of the column.
    pub(crate) fn parquet_type(&self) -> Result<TypePtr, WriteError> {
        self.validate()?;
        let field = match self.shape {
            ColumnShape::Required => self.leaf(self.name, Repetition::REQUIRED)?,
            ColumnShape::Nullable => self.leaf(self.name, Repetition::OPTIONAL)?,
            ColumnShape::List => {
                let element = self.leaf("element", Repetition::REQUIRED)?;
                let list =
                    Type::group_type_builder("list").with_repetition(Repetition::REPEATED).with_fields(vec![element]);
                Arc::new(
                    Type::group_type_builder(self.name)
                        .with_repetition(Repetition::REQUIRED)
                        .with_logical_type(Some(LogicalType::List))
                        .with_fields(vec![Arc::new(list.build()?)])
                        .build()?,
                )
            }
        };
        Ok(field)
    }

    fn leaf(&self, name: &str, repetition: Repetition) -> Result<TypePtr, ParquetError> {
        let leaf = Type::primitive_type_builder(name, self.kind.physical())
            .with_repetition(repetition)
            .with_logical_type(self.kind.logical());
        let leaf = match self.kind {
            ColumnKind::Decimal { precision, scale } => {
                leaf.with_precision(i32::from(precision)).with_scale(i32::from(scale))
            }
            _ => leaf,
        };
        Ok(Arc::new(leaf.build()?))
    }

    fn validate(&self) -> Result<(), WriteError> {
        let integer = matches!(self.kind.physical(), PhysicalType::INT32 | PhysicalType::INT64);
        let problem = match (self.kind, self.encoding) {
            (ColumnKind::Decimal { precision, scale }, _) if !(1..=18).contains(&precision) || scale > precision => {
                Some("a decimal has 1 to 18 digits, of which at most all follow the point")
            }
            _ if self.zstd_level.is_some_and(|level| !(1..=22).contains(&level)) => Some("zstd levels are 1 to 22"),
            _ if self.shape == ColumnShape::List && !integer => Some("a list holds integers, times or decimals"),
            (ColumnKind::Boolean, ColumnEncoding::Plain) => None,
            (ColumnKind::Boolean, _) => Some("booleans have the encoding Plain only"),
            (ColumnKind::Utf8, ColumnEncoding::Delta(_)) => Some("strings have no encoding Delta: use DeltaLength"),
            (_, ColumnEncoding::DeltaLength) if integer => Some("DeltaLength is for strings: use Delta"),
            (_, ColumnEncoding::Delta(layout)) => layout.problem(),
            _ => None,
        };
        match problem {
            Some(problem) => Err(WriteError::Schema { column: self.name.to_owned(), problem: problem.to_owned() }),
            None => Ok(()),
        }
    }
}

/// What the values of a column mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnKind {
    /// True or false. Data: [`ColumnData::Booleans`].
    Boolean,
    /// −32 768 to 32 767, stored as INT32. Data: [`ColumnData::I32`].
    Int16,
    /// Data: [`ColumnData::I32`].
    Int32,
    /// Data: [`ColumnData::I64`].
    Int64,
    /// Microseconds since the Unix epoch, UTC. Data: [`ColumnData::I64`].
    TimestampMicros,
    /// A number of `precision` decimal digits, `scale` of them after the point, given without the point.
    /// Data: [`ColumnData::I32`] up to 9 digits, else [`ColumnData::I64`] (up to 18).
    Decimal {
        /// Digits in all, 1 to 18.
        precision: u8,
        /// Digits after the point, at most `precision`.
        scale: u8,
    },
    /// Text. Data: [`ColumnData::Strings`], [`ColumnData::PackedStrings`] or [`ColumnData::Categories`].
    Utf8,
}

impl ColumnKind {
    /// How the values are stored.
    pub(crate) fn physical(self) -> PhysicalType {
        match self {
            Self::Boolean => PhysicalType::BOOLEAN,
            Self::Int16 | Self::Int32 => PhysicalType::INT32,
            Self::Int64 | Self::TimestampMicros => PhysicalType::INT64,
            Self::Decimal { precision, .. } if precision <= 9 => PhysicalType::INT32,
            Self::Decimal { .. } => PhysicalType::INT64,
            Self::Utf8 => PhysicalType::BYTE_ARRAY,
        }
    }

    fn logical(self) -> Option<LogicalType> {
        match self {
            Self::Boolean | Self::Int32 | Self::Int64 => None,
            Self::Int16 => Some(LogicalType::integer(16, true)),
            Self::TimestampMicros => Some(LogicalType::timestamp(true, TimeUnit::MICROS)),
            Self::Decimal { precision, scale } => Some(LogicalType::decimal(i32::from(scale), i32::from(precision))),
            Self::Utf8 => Some(LogicalType::String),
        }
    }

    /// The integers that the kind can hold, if they are fewer than its storage can.
    pub(crate) fn range(self) -> Option<(i64, i64)> {
        match self {
            Self::Int16 => Some((i64::from(i16::MIN), i64::from(i16::MAX))),
            Self::Decimal { precision, .. } => {
                let greatest = 10_i64.pow(u32::from(precision)) - 1;
                Some((-greatest, greatest))
            }
            _ => None,
        }
    }
}

/// How many values a row has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnShape {
    /// One.
    Required,
    /// One or none.
    Nullable,
    /// Any number, in order; an empty list is not null. For integers, times and decimals.
    List,
}

/// How the values of a column are laid out in its pages, before zstd.
///
/// A column chunk whose values are all equal is stored as a dictionary of one whatever its encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnEncoding {
    /// Each distinct value once per row group, then indices of 8, 16 or 24 bits, as narrow as each page allows. Where
    /// more than 256 integers are distinct and few of them frequent, those come first.
    /// Where the distinct values of a row group outgrow 1 MiB, that row group is stored as `Delta(DeltaLayout::TIGHT)`
    /// (integers) or `DeltaLength` (strings) instead. Not for booleans.
    Dictionary,
    /// Differences of successive values. For integers, times and decimals.
    Delta(DeltaLayout),
    /// The values as they are; eight booleans to a byte.
    Plain,
    /// The lengths of strings, then their bytes: for long strings that hardly repeat.
    DeltaLength,
}

/// Which rows have a value: one flag per row, `true` where there is one. `None`: every row has.
/// What a value slice holds at a row without one is ignored. Only for [`ColumnShape::Nullable`].
pub type Validity<'a> = Option<&'a [bool]>;

/// The values of one column in one row group.
#[derive(Debug, Clone)]
pub enum ColumnData<'a> {
    /// Booleans, one per row.
    Booleans(&'a [bool], Validity<'a>),
    /// INT32 values, one per row.
    I32(&'a [i32], Validity<'a>),
    /// INT64 values, one per row.
    I64(&'a [i64], Validity<'a>),
    /// Strings, one per row.
    Strings(&'a [&'a str], Validity<'a>),
    /// Strings one after another in `data`; row `r` is `data[offsets[r]..offsets[r + 1]]`.
    PackedStrings {
        /// One more than there are rows, none less than the one before it.
        offsets: &'a [u32],
        /// All the strings.
        data: &'a str,
        /// Rows that have a value.
        validity: Validity<'a>,
    },
    /// Strings by number; row `r` is `values[indices[r]]`. Costs less than spelled-out strings: only distinct values
    /// are looked at. `values` may hold more than is used.
    Categories {
        /// One per row, an index into `values`.
        indices: &'a [u32],
        /// The strings.
        values: &'a [&'a str],
        /// Rows that have a value.
        validity: Validity<'a>,
    },
    /// Lists of INT32 values; the list of row `r` is `values[offsets[r]..offsets[r + 1]]`.
    I32Lists {
        /// One more than there are rows, none less than the one before it.
        offsets: &'a [u32],
        /// The elements of all lists.
        values: &'a [i32],
    },
    /// Lists of INT64 values; the list of row `r` is `values[offsets[r]..offsets[r + 1]]`.
    I64Lists {
        /// One more than there are rows, none less than the one before it.
        offsets: &'a [u32],
        /// The elements of all lists.
        values: &'a [i64],
    },
    /// The same value in every row. Not for lists.
    Constant {
        /// The value.
        value: Value,
        /// How many rows.
        rows: usize,
    },
    /// No value in any row. For [`ColumnShape::Nullable`].
    AllNull {
        /// How many rows.
        rows: usize,
    },
}

impl ColumnData<'_> {
    /// Number of rows.
    pub fn rows(&self) -> usize {
        match self {
            Self::Booleans(values, _) => values.len(),
            Self::I32(values, _) => values.len(),
            Self::I64(values, _) => values.len(),
            Self::Strings(values, _) => values.len(),
            Self::Categories { indices, .. } => indices.len(),
            Self::PackedStrings { offsets, .. } | Self::I32Lists { offsets, .. } | Self::I64Lists { offsets, .. } => {
                offsets.len().saturating_sub(1)
            }
            Self::Constant { rows, .. } | Self::AllNull { rows } => *rows,
        }
    }
}
