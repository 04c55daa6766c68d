//! Lists as Arrow batches: the one form that all output formats are printed from.

use std::{io, sync::Arc};

use arrow::{
    array::{
        ArrayRef, BooleanBuilder, Decimal32Builder, Decimal64Builder, Decimal128Builder, Int32Builder, Int64Builder,
        RecordBatch, StringBuilder, TimestampMicrosecondBuilder, TimestampNanosecondBuilder,
    },
    datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit},
};
use daybook_archive::BookAnswer;
use daybook_book::{Money, Price, Quantity, Side};

use super::{Failure, screen};
use crate::terminal::output::{Format, JSON_TEXT, write_batches};

/// Rows per batch.
pub const BATCH_ROWS: usize = 4_096;

/// A column of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    Text,
    /// Text that is JSON.
    Json,
    /// 32-bit integer.
    Int32,
    /// 64-bit integer.
    Int64,
    /// True or false.
    Boolean,
    /// Dollars.
    Price,
    /// Contracts.
    Quantity,
    /// A sum of dollars.
    Money,
    /// Nanoseconds since the Unix epoch.
    Nanos,
    /// Microseconds since the Unix epoch.
    Micros,
}

/// A value of a list.
#[derive(Clone, Copy, Debug)]
pub enum Cell<'a> {
    /// Absent.
    Null,
    /// Text, or JSON.
    Text(&'a str),
    /// An integer or a time.
    Int(i64),
    /// True or false.
    Bool(bool),
    /// Dollars.
    Price(Price),
    /// Contracts.
    Quantity(Quantity),
    /// A sum of dollars.
    Money(Money),
}

impl<'a> From<&'a str> for Cell<'a> {
    fn from(text: &'a str) -> Cell<'a> {
        Cell::Text(text)
    }
}

impl<'a, T: Into<Cell<'a>>> From<Option<T>> for Cell<'a> {
    fn from(value: Option<T>) -> Cell<'a> {
        value.map_or(Cell::Null, Into::into)
    }
}

impl From<i64> for Cell<'_> {
    fn from(value: i64) -> Self {
        Cell::Int(value)
    }
}

impl From<u64> for Cell<'_> {
    fn from(value: u64) -> Self {
        Cell::Int(value.cast_signed())
    }
}

impl From<u32> for Cell<'_> {
    fn from(value: u32) -> Self {
        Cell::Int(i64::from(value))
    }
}

impl From<bool> for Cell<'_> {
    fn from(value: bool) -> Self {
        Cell::Bool(value)
    }
}

impl From<Price> for Cell<'_> {
    fn from(value: Price) -> Self {
        Cell::Price(value)
    }
}

impl From<Money> for Cell<'_> {
    fn from(value: Money) -> Self {
        Cell::Money(value)
    }
}

impl From<Quantity> for Cell<'_> {
    fn from(value: Quantity) -> Self {
        Cell::Quantity(value)
    }
}

enum Builder {
    Text(StringBuilder),
    Int32(Int32Builder),
    Int64(Int64Builder),
    Boolean(BooleanBuilder),
    Price(Decimal32Builder),
    Quantity(Decimal64Builder),
    Money(Decimal128Builder),
    Nanos(TimestampNanosecondBuilder),
    Micros(TimestampMicrosecondBuilder),
}

/// Gathers rows into batches.
pub struct List {
    schema: SchemaRef,
    kinds: Vec<Kind>,
    builders: Vec<Builder>,
    rows: usize,
}

impl List {
    /// A list of these columns.
    pub fn new(columns: &[(&str, Kind)]) -> List {
        let utc = || Some("UTC".into());
        let fields = columns.iter().map(|(name, kind)| {
            let data_type = match kind {
                Kind::Text | Kind::Json => DataType::Utf8,
                Kind::Int32 => DataType::Int32,
                Kind::Int64 => DataType::Int64,
                Kind::Boolean => DataType::Boolean,
                Kind::Price => DataType::Decimal32(5, 4),
                Kind::Quantity => DataType::Decimal64(18, 2),
                Kind::Money => DataType::Decimal128(38, 6),
                Kind::Nanos => DataType::Timestamp(TimeUnit::Nanosecond, utc()),
                Kind::Micros => DataType::Timestamp(TimeUnit::Microsecond, utc()),
            };
            let field = Field::new(*name, data_type, true);
            if *kind == Kind::Json {
                field.with_metadata([(JSON_TEXT.to_owned(), "true".to_owned())].into())
            } else {
                field
            }
        });
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let kinds: Vec<Kind> = columns.iter().map(|(_, kind)| *kind).collect();
        List { schema, builders: kinds.iter().map(builder).collect(), kinds, rows: 0 }
    }

    /// The columns.
    pub fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    /// Adds a row; gives out a batch when one is full.
    pub fn push(&mut self, row: &[Cell<'_>]) -> Option<RecordBatch> {
        debug_assert_eq!(row.len(), self.builders.len(), "a row has a cell for every column");
        for (builder, cell) in self.builders.iter_mut().zip(row) {
            match builder {
                Builder::Text(builder) => builder.append_option(match cell {
                    Cell::Text(text) => Some(*text),
                    _ => None,
                }),
                Builder::Int32(builder) => builder.append_option(match cell {
                    Cell::Int(value) => i32::try_from(*value).ok(),
                    _ => None,
                }),
                Builder::Int64(builder) => builder.append_option(integer(cell)),
                Builder::Nanos(builder) => builder.append_option(integer(cell)),
                Builder::Micros(builder) => builder.append_option(integer(cell)),
                Builder::Boolean(builder) => builder.append_option(match cell {
                    Cell::Bool(value) => Some(*value),
                    _ => None,
                }),
                Builder::Price(builder) => builder.append_option(match cell {
                    Cell::Price(price) => Some(i32::from(price.ten_thousandths())),
                    _ => None,
                }),
                Builder::Quantity(builder) => builder.append_option(match cell {
                    Cell::Quantity(quantity) => Some(quantity.hundredths()),
                    _ => None,
                }),
                Builder::Money(builder) => builder.append_option(match cell {
                    Cell::Money(money) => Some(money.micros()),
                    _ => None,
                }),
            }
        }
        self.rows += 1;
        (self.rows >= BATCH_ROWS).then(|| self.finish())
    }

    /// The rows since the last batch.
    pub fn finish(&mut self) -> RecordBatch {
        let builders = std::mem::replace(&mut self.builders, self.kinds.iter().map(builder).collect());
        self.rows = 0;
        let decimal = "the precision and scale of prices and quantities are within bounds";
        let columns: Vec<ArrayRef> = builders
            .into_iter()
            .map(|builder| -> ArrayRef {
                match builder {
                    Builder::Text(mut builder) => Arc::new(builder.finish()),
                    Builder::Int32(mut builder) => Arc::new(builder.finish()),
                    Builder::Int64(mut builder) => Arc::new(builder.finish()),
                    Builder::Boolean(mut builder) => Arc::new(builder.finish()),
                    Builder::Nanos(mut builder) => Arc::new(builder.finish().with_timezone("UTC")),
                    Builder::Micros(mut builder) => Arc::new(builder.finish().with_timezone("UTC")),
                    Builder::Price(mut builder) => {
                        Arc::new(builder.finish().with_precision_and_scale(5, 4).expect(decimal))
                    }
                    Builder::Quantity(mut builder) => {
                        Arc::new(builder.finish().with_precision_and_scale(18, 2).expect(decimal))
                    }
                    Builder::Money(mut builder) => {
                        Arc::new(builder.finish().with_precision_and_scale(38, 6).expect(decimal))
                    }
                }
            })
            .collect();
        RecordBatch::try_new(self.schema.clone(), columns).expect("the builders were made from the schema")
    }
}

fn integer(cell: &Cell<'_>) -> Option<i64> {
    match cell {
        Cell::Int(value) => Some(*value),
        _ => None,
    }
}

fn builder(kind: &Kind) -> Builder {
    match kind {
        Kind::Text | Kind::Json => Builder::Text(StringBuilder::new()),
        Kind::Int32 => Builder::Int32(Int32Builder::new()),
        Kind::Int64 => Builder::Int64(Int64Builder::new()),
        Kind::Boolean => Builder::Boolean(BooleanBuilder::new()),
        Kind::Price => Builder::Price(Decimal32Builder::new()),
        Kind::Quantity => Builder::Quantity(Decimal64Builder::new()),
        Kind::Money => Builder::Money(Decimal128Builder::new()),
        Kind::Nanos => Builder::Nanos(TimestampNanosecondBuilder::new()),
        Kind::Micros => Builder::Micros(TimestampMicrosecondBuilder::new()),
    }
}

/// Rows that a thread makes while another prints them: lists of any length in bounded memory.
pub struct Rows {
    schema: SchemaRef,
    batches: Box<dyn Iterator<Item = Result<RecordBatch, Failure>> + Send>,
}

/// Where a listing puts its rows. `push` says whether anybody still reads.
pub struct Sink<'a> {
    list: List,
    sender: &'a std::sync::mpsc::SyncSender<Result<RecordBatch, Failure>>,
}

impl Sink<'_> {
    /// Adds a row; false when the reader has gone away.
    pub fn push(&mut self, row: &[Cell<'_>]) -> bool {
        match self.list.push(row) {
            Some(batch) => self.sender.send(Ok(batch)).is_ok(),
            None => true,
        }
    }

    /// Gives out the rows so far, for readers that wait for them; false when the reader has gone away.
    pub fn flush(&mut self) -> bool {
        let batch = self.list.finish();
        batch.num_rows() == 0 || self.sender.send(Ok(batch)).is_ok()
    }
}

impl Rows {
    /// Rows that are there already.
    pub fn of(schema: SchemaRef, batches: Vec<RecordBatch>) -> Rows {
        Rows { schema, batches: Box::new(batches.into_iter().map(Ok)) }
    }

    /// Rows from elsewhere.
    pub fn from_batches(
        schema: SchemaRef,
        batches: impl Iterator<Item = Result<RecordBatch, Failure>> + Send + 'static,
    ) -> Rows {
        Rows { schema, batches: Box::new(batches) }
    }

    /// Rows that `make` pushes, on a thread of its own.
    pub fn made(
        columns: &[(&str, Kind)],
        make: impl FnOnce(&mut Sink<'_>) -> Result<(), Failure> + Send + 'static,
    ) -> Rows {
        let list = List::new(columns);
        let schema = list.schema();
        let (sender, receiver) = std::sync::mpsc::sync_channel(4);
        std::thread::spawn(move || {
            let mut sink = Sink { list, sender: &sender };
            let end = make(&mut sink);
            let rest = sink.list.finish();
            // Nobody listens any more when the reader has gone away: then there is nobody to tell, either.
            if rest.num_rows() > 0 {
                let _ = sender.send(Ok(rest));
            }
            if let Err(failure) = end {
                let _ = sender.send(Err(failure));
            }
        });
        Rows { schema, batches: Box::new(receiver.into_iter()) }
    }
}

/// Prints rows to standard output.
pub fn write(format: Format, rows: Rows) -> Result<u64, Failure> {
    write_to(io::stdout(), format, screen(), rows)
}

/// Prints rows anywhere.
pub fn write_to(
    sink: impl io::Write + Send,
    format: Format,
    screen: crate::terminal::screen::Screen,
    rows: Rows,
) -> Result<u64, Failure> {
    // A failure of the source keeps its own kind and exit code; the output is told of it, lest it look whole.
    let mut failed = None;
    let batches = rows.batches.map(|batch| {
        batch.map_err(|failure| {
            let text = failure.to_string();
            failed = Some(failure);
            io::Error::other(text)
        })
    });
    let written = write_batches(sink, format, screen, &rows.schema, batches);
    if let Some(failure) = failed {
        return Err(failure);
    }
    let summary = written?;
    if !summary.hidden.is_empty() {
        let hidden = summary.hidden.join(", ");
        crate::terminal::tell::tell(format_args!("note: no room for the columns {hidden}: see --format csv or json"));
    }
    Ok(summary.rows)
}

/// A book's levels as rows, best first.
pub fn levels(answer: &BookAnswer, depth: Option<usize>) -> Rows {
    let mut list = List::new(&[("side", Kind::Text), ("price", Kind::Price), ("quantity", Kind::Quantity)]);
    let mut batches = Vec::new();
    for side in [Side::Yes, Side::No] {
        for (price, size) in answer.book.levels(side).take(depth.unwrap_or(usize::MAX)) {
            batches.extend(list.push(&[side.as_str().into(), price.into(), size.into()]));
        }
    }
    batches.push(list.finish());
    Rows::of(list.schema(), batches)
}
