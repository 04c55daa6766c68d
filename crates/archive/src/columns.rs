//! Rows gathered column by column, as a segment file takes them.

mod copied;

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

pub use copied::CopiedColumns;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use hashbrown::HashMap;

use crate::{
    parquet_file::{ColumnData, ColumnEncoding, ColumnKind, ColumnSpec, DeltaLayout},
    schema::{Column, ColumnType, Layout, Table},
};

/// Rows of one table, by column.
pub struct Columns {
    buffers: Vec<Buffer>,
    rows: usize,
}

enum Buffer {
    Boolean { values: Vec<bool>, presence: Presence },
    I32 { values: Vec<i32>, presence: Presence },
    I64 { values: Vec<i64>, presence: Presence },
    Text { indices: Vec<u32>, presence: Presence, texts: Texts },
    I32List { offsets: Vec<u32>, values: Vec<i32> },
    I64List { offsets: Vec<u32>, values: Vec<i64> },
}

/// Which rows of a column have a value. Nothing is kept of it while all have one, as in most columns.
#[derive(Default)]
struct Presence {
    /// A flag per row, once there was a null.
    flags: Vec<bool>,
    nulls: usize,
}

impl Presence {
    /// Notes the row that follows `before` others.
    #[inline]
    fn push(&mut self, before: usize, is_present: bool) {
        if self.nulls == 0 {
            if is_present {
                return;
            }
            self.flags.resize(before, true);
        }
        self.flags.push(is_present);
        self.nulls += usize::from(!is_present);
    }

    /// Notes so many rows that all have a value.
    fn push_present(&mut self, count: usize) {
        if self.nulls > 0 {
            self.flags.resize(self.flags.len() + count, true);
        }
    }

    fn clear(&mut self) {
        self.flags.clear();
        self.nulls = 0;
    }

    /// The flags, if any row is null.
    fn flags(&self) -> Option<&[bool]> {
        (self.nulls > 0).then_some(&self.flags)
    }
}

/// The different texts of a column, numbered.
struct Texts {
    values: Vec<Arc<str>>,
    index: HashMap<Arc<str>, u32>,
    last: u32,
    /// No other texts of this process have this number.
    set: u64,
}

impl Default for Texts {
    fn default() -> Texts {
        static SETS: AtomicU64 = AtomicU64::new(1);
        let set = SETS.fetch_add(1, Ordering::Relaxed);
        Texts { values: Vec::new(), index: HashMap::new(), last: 0, set }
    }
}

impl Texts {
    fn index(&mut self, text: &str) -> u32 {
        if self.values.get(self.last as usize).is_some_and(|last| &**last == text) {
            return self.last;
        }
        self.last = match self.index.get(text) {
            Some(index) => *index,
            None => {
                let index = self.values.len() as u32;
                let text: Arc<str> = text.into();
                self.values.push(text.clone());
                self.index.insert(text, index);
                index
            }
        };
        self.last
    }
}

/// The number of one text in the column that it was written to last.
#[derive(Clone, Copy, Debug, Default)]
pub struct TextNumber {
    /// Whose number it is; none has zero.
    set: u64,
    number: u32,
}

impl Columns {
    /// No rows yet, and room for so many: what grows while it is filled is copied and touched twice.
    pub fn new(table: Table, rows: usize) -> Columns {
        let buffers = table
            .columns()
            .iter()
            .map(|column| match column.kind {
                ColumnType::Boolean => {
                    Buffer::Boolean { values: Vec::with_capacity(rows), presence: Presence::default() }
                }
                ColumnType::Int16 | ColumnType::Int32 | ColumnType::Price => {
                    Buffer::I32 { values: Vec::with_capacity(rows), presence: Presence::default() }
                }
                ColumnType::Int64 | ColumnType::Timestamp | ColumnType::Quantity => {
                    Buffer::I64 { values: Vec::with_capacity(rows), presence: Presence::default() }
                }
                ColumnType::Text => Buffer::Text {
                    indices: Vec::with_capacity(rows),
                    presence: Presence::default(),
                    texts: Texts::default(),
                },
                ColumnType::PriceList => Buffer::I32List { offsets: vec![0], values: Vec::new() },
                ColumnType::QuantityList => Buffer::I64List { offsets: vec![0], values: Vec::new() },
            })
            .collect();
        Columns { buffers, rows: 0 }
    }

    /// Rows gathered.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Starts a row, to be filled column after column in the table's order.
    pub fn row(&mut self) -> Row<'_> {
        self.rows += 1;
        Row { columns: self, at: 0 }
    }

    /// Forgets the rows and keeps the memory.
    pub fn clear(&mut self) {
        self.rows = 0;
        for buffer in &mut self.buffers {
            match buffer {
                Buffer::Boolean { values, presence } => {
                    values.clear();
                    presence.clear();
                }
                Buffer::I32 { values, presence } => {
                    values.clear();
                    presence.clear();
                }
                Buffer::I64 { values, presence } => {
                    values.clear();
                    presence.clear();
                }
                Buffer::Text { indices, presence, texts } => {
                    indices.clear();
                    presence.clear();
                    *texts = Texts::default();
                }
                Buffer::I32List { offsets, values } => {
                    offsets.truncate(1);
                    values.clear();
                }
                Buffer::I64List { offsets, values } => {
                    offsets.truncate(1);
                    values.clear();
                }
            }
        }
    }

    /// Hands the columns to a file writer.
    pub fn with_data<T>(&self, write: impl FnOnce(&[ColumnData<'_>]) -> T) -> T {
        let texts: Vec<Vec<&str>> = self
            .buffers
            .iter()
            .map(|buffer| match buffer {
                Buffer::Text { texts, .. } => texts.values.iter().map(|text| &**text).collect(),
                _ => Vec::new(),
            })
            .collect();
        let data: Vec<ColumnData<'_>> = self
            .buffers
            .iter()
            .zip(&texts)
            .map(|(buffer, texts)| match buffer {
                Buffer::Boolean { presence, .. }
                | Buffer::I32 { presence, .. }
                | Buffer::I64 { presence, .. }
                | Buffer::Text { presence, .. }
                    if presence.nulls == self.rows =>
                {
                    ColumnData::AllNull { rows: self.rows }
                }
                Buffer::Boolean { values, presence } => ColumnData::Booleans(values, presence.flags()),
                Buffer::I32 { values, presence } => ColumnData::I32(values, presence.flags()),
                Buffer::I64 { values, presence } => ColumnData::I64(values, presence.flags()),
                Buffer::Text { indices, presence, .. } => {
                    ColumnData::Categories { indices, values: texts, validity: presence.flags() }
                }
                Buffer::I32List { offsets, values } => ColumnData::I32Lists { offsets, values },
                Buffer::I64List { offsets, values } => ColumnData::I64Lists { offsets, values },
            })
            .collect();
        write(&data)
    }
}

/// One row being filled. Each call fills the next column of the table.
pub struct Row<'a> {
    columns: &'a mut Columns,
    at: usize,
}

impl Row<'_> {
    #[inline]
    fn next(&mut self) -> &mut Buffer {
        self.at += 1;
        &mut self.columns.buffers[self.at - 1]
    }

    /// A 16- or 32-bit integer.
    #[inline]
    pub fn i32(self, value: i32) -> Self {
        self.optional_i32(Some(value))
    }

    /// A 16- or 32-bit integer, or none.
    #[inline]
    pub fn optional_i32(mut self, value: Option<i32>) -> Self {
        match self.next() {
            Buffer::I32 { values, presence } => {
                presence.push(values.len(), value.is_some());
                values.push(value.unwrap_or(0));
            }
            _ => unreachable!("the row is filled in the order of the table's columns"),
        }
        self
    }

    /// A 64-bit integer, a time in microseconds or a quantity in hundredths.
    #[inline]
    pub fn i64(self, value: i64) -> Self {
        self.optional_i64(Some(value))
    }

    /// The same, or none.
    #[inline]
    pub fn optional_i64(mut self, value: Option<i64>) -> Self {
        match self.next() {
            Buffer::I64 { values, presence } => {
                presence.push(values.len(), value.is_some());
                values.push(value.unwrap_or(0));
            }
            _ => unreachable!("the row is filled in the order of the table's columns"),
        }
        self
    }

    /// A time in nanoseconds, into its two columns.
    pub fn nanos(self, nanos: i64) -> Self {
        self.i64(nanos.div_euclid(1_000)).i32(nanos.rem_euclid(1_000) as i32)
    }

    /// A time in nanoseconds or none, into its two columns.
    pub fn optional_nanos(self, nanos: Option<i64>) -> Self {
        self.optional_i64(nanos.map(|nanos| nanos.div_euclid(1_000)))
            .optional_i32(nanos.map(|nanos| nanos.rem_euclid(1_000) as i32))
    }

    /// Text.
    pub fn text(self, value: &str) -> Self {
        self.optional_text(Some(value))
    }

    /// Text that rows before may have had as well. `known` is of this text alone, and spares looking it up again.
    #[inline]
    pub fn known_text(mut self, value: &str, known: &mut TextNumber) -> Self {
        match self.next() {
            Buffer::Text { indices, presence, texts } => {
                if known.set != texts.set {
                    *known = TextNumber { set: texts.set, number: texts.index(value) };
                }
                debug_assert_eq!(&*texts.values[known.number as usize], value, "a number is of one text");
                presence.push(indices.len(), true);
                indices.push(known.number);
            }
            _ => unreachable!("the row is filled in the order of the table's columns"),
        }
        self
    }

    /// Text or none.
    pub fn optional_text(mut self, value: Option<&str>) -> Self {
        match self.next() {
            Buffer::Text { indices, presence, texts } => {
                presence.push(indices.len(), value.is_some());
                indices.push(value.map_or(0, |value| texts.index(value)));
            }
            _ => unreachable!("the row is filled in the order of the table's columns"),
        }
        self
    }

    /// True, false or none.
    pub fn optional_bool(mut self, value: Option<bool>) -> Self {
        match self.next() {
            Buffer::Boolean { values, presence } => {
                presence.push(values.len(), value.is_some());
                values.push(value.unwrap_or(false));
            }
            _ => unreachable!("the row is filled in the order of the table's columns"),
        }
        self
    }

    /// The prices of a ladder, then its sizes, into two columns.
    pub fn ladder(mut self, levels: impl Iterator<Item = (i32, i64)>) -> Self {
        let at = self.at;
        self.at += 2;
        let (prices, sizes) = self.columns.buffers[at..].split_at_mut(1);
        match (&mut prices[0], &mut sizes[0]) {
            (
                Buffer::I32List { offsets: price_offsets, values: prices },
                Buffer::I64List { offsets: size_offsets, values: sizes },
            ) => {
                for (price, size) in levels {
                    prices.push(price);
                    sizes.push(size);
                }
                price_offsets.push(prices.len() as u32);
                size_offsets.push(sizes.len() as u32);
            }
            _ => unreachable!("the row is filled in the order of the table's columns"),
        }
        self
    }

    /// Ends the row.
    pub fn end(self) {
        debug_assert_eq!(self.at, self.columns.buffers.len(), "every column of the row is filled");
    }
}

/// The columns as the file writer wants them.
pub fn file_schema(table: Table) -> Vec<ColumnSpec> {
    table.columns().iter().map(column_spec).collect()
}

fn column_spec(column: &Column) -> ColumnSpec {
    let (kind, list) = match column.kind {
        ColumnType::Int16 => (ColumnKind::Int16, false),
        ColumnType::Int32 => (ColumnKind::Int32, false),
        ColumnType::Int64 => (ColumnKind::Int64, false),
        ColumnType::Timestamp => (ColumnKind::TimestampMicros, false),
        ColumnType::Price => (ColumnKind::Decimal { precision: 5, scale: 4 }, false),
        ColumnType::Quantity => (ColumnKind::Decimal { precision: 18, scale: 2 }, false),
        ColumnType::Boolean => (ColumnKind::Boolean, false),
        ColumnType::Text => (ColumnKind::Utf8, false),
        ColumnType::PriceList => (ColumnKind::Decimal { precision: 5, scale: 4 }, true),
        ColumnType::QuantityList => (ColumnKind::Decimal { precision: 18, scale: 2 }, true),
    };
    let encoding = match (kind, column.layout) {
        (ColumnKind::Boolean, _) | (ColumnKind::Int64 | ColumnKind::TimestampMicros, Layout::Plain) => {
            ColumnEncoding::Plain
        }
        (ColumnKind::Utf8, Layout::Plain) => ColumnEncoding::DeltaLength,
        (_, Layout::Plain) => ColumnEncoding::Plain,
        (_, Layout::Dictionary) => ColumnEncoding::Dictionary,
        (_, Layout::Delta) => ColumnEncoding::Delta(DeltaLayout::TIGHT),
        (_, Layout::DeltaBytes) => ColumnEncoding::Delta(DeltaLayout::BYTE_ALIGNED),
    };
    if list {
        ColumnSpec::list(column.name, kind, encoding)
    } else if column.nullable {
        ColumnSpec::nullable(column.name, kind, encoding)
    } else {
        ColumnSpec::required(column.name, kind, encoding)
    }
}

/// The columns as we ask the Arrow reader for them: narrow decimals, and texts that repeat as dictionaries.
pub fn arrow_schema(table: Table) -> SchemaRef {
    let fields = table.columns().iter().map(|column| {
        let price = DataType::Decimal32(5, 4);
        let quantity = DataType::Decimal64(18, 2);
        let kind = match column.kind {
            ColumnType::Int16 => DataType::Int16,
            ColumnType::Int32 => DataType::Int32,
            ColumnType::Int64 => DataType::Int64,
            ColumnType::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            ColumnType::Price => price,
            ColumnType::Quantity => quantity,
            ColumnType::Boolean => DataType::Boolean,
            ColumnType::Text if column.layout == Layout::Dictionary => {
                DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
            }
            ColumnType::Text => DataType::Utf8,
            ColumnType::PriceList => DataType::List(Arc::new(Field::new("element", price, false))),
            ColumnType::QuantityList => DataType::List(Arc::new(Field::new("element", quantity, false))),
        };
        Field::new(column.name, kind, column.nullable)
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Fills `unparsed`: an ordinal, a time that may be absent, a connection and three texts.
    fn fill(columns: &mut Columns, rows: &[(Option<i64>, usize)], numbers: &mut [TextNumber; 3]) {
        for (at, (time, text)) in rows.iter().enumerate() {
            let text = (["a", "b", "a"][*text], &mut numbers[*text]);
            columns
                .row()
                .i64(at as i64)
                .optional_nanos(*time)
                .i32(7)
                .known_text(text.0, text.1)
                .text("origin")
                .text("raw")
                .end();
        }
    }

    fn check(columns: &Columns, rows: &[(Option<i64>, usize)]) -> Result<(), TestCaseError> {
        prop_assert_eq!(columns.rows(), rows.len());
        columns.with_data(|data| {
            let present: Vec<bool> = rows.iter().map(|(time, _)| time.is_some()).collect();
            match &data[1] {
                ColumnData::I64(values, None) => {
                    prop_assert!(present.iter().all(|present| *present));
                    prop_assert_eq!(values.len(), rows.len());
                }
                ColumnData::I64(values, Some(valid)) => {
                    prop_assert_eq!(*valid, &present[..]);
                    for (value, (time, _)) in values.iter().zip(rows) {
                        prop_assert!(time.is_none_or(|time| time.div_euclid(1_000) == *value));
                    }
                }
                ColumnData::AllNull { rows: count } => {
                    prop_assert_eq!(*count, rows.len());
                    prop_assert!(present.iter().all(|present| !present));
                }
                other => prop_assert!(false, "{other:?}"),
            }
            if let ColumnData::Categories { indices, values, validity: None } = &data[4] {
                let texts: Vec<&str> = indices.iter().map(|index| values[*index as usize]).collect();
                let expected: Vec<&str> = rows.iter().map(|(_, text)| ["a", "b", "a"][*text]).collect();
                prop_assert_eq!(texts, expected);
            } else {
                prop_assert!(rows.is_empty());
            }
            Ok(())
        })
    }

    proptest! {
        #[test]
        fn rows_are_as_they_were_filled_in(
            first in prop::collection::vec((any::<Option<i64>>(), 0usize..3), 0..40),
            second in prop::collection::vec((any::<Option<i64>>(), 0usize..3), 0..40),
            room in 0usize..50,
        ) {
            let mut columns = Columns::new(Table::Unparsed, room);
            // Numbers that are known of other columns, or of those before they were cleared, are no numbers here.
            let mut numbers = [TextNumber::default(); 3];
            let mut others = Columns::new(Table::Unparsed, 0);
            fill(&mut others, &second, &mut numbers);
            fill(&mut columns, &first, &mut numbers);
            check(&columns, &first)?;
            columns.clear();
            fill(&mut columns, &second, &mut numbers);
            check(&columns, &second)?;
            check(&others, &second)?;
        }
    }
}
