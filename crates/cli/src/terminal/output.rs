//! Query results as people and programs want them: streaming writers for six formats behind one function.
//!
//! One text form for each kind of value, whatever the format: decimals in full scale (`0.4800`, `12.50`), times as
//! RFC 3339 in UTC with no more fraction than they have. JSON quotes both, so that no reader takes a price for a float.

mod binary;
mod cells;
mod csv;
mod json;
mod table;

use std::{
    error::Error,
    fmt,
    io::{self, BufWriter, Write},
};

use arrow::{
    array::RecordBatch,
    datatypes::{Schema, SchemaRef},
};

use self::cells::Column;
use crate::terminal::screen::Screen;

/// The metadata key of a text column whose values are JSON: with the value `true` they are embedded in JSON output as
/// they are, not quoted. A value that is not JSON after all is quoted.
pub const JSON_TEXT: &str = "daybook:json";

/// How much text is gathered before it is written.
const CHUNK: usize = 64 * 1024;

/// How results are printed. `table` unless asked otherwise, on a terminal and in a pipe alike: what a command prints
/// must not change because somebody looks at it through `less` or `grep`. A program asks for the format that it reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, clap::ValueEnum)]
pub enum Format {
    /// Aligned columns for people.
    #[default]
    Table,
    /// One JSON array of objects.
    Json,
    /// One JSON object per line.
    Ndjson,
    /// Comma-separated values with a header (RFC 4180).
    Csv,
    /// A Parquet file, zstd-compressed.
    Parquet,
    /// An Arrow IPC stream.
    Arrow,
}

impl Format {
    /// The word on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Format::Table => "table",
            Format::Json => "json",
            Format::Ndjson => "ndjson",
            Format::Csv => "csv",
            Format::Parquet => "parquet",
            Format::Arrow => "arrow",
        }
    }

    /// Whether it is no text.
    pub const fn is_binary(self) -> bool {
        matches!(self, Format::Parquet | Format::Arrow)
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// How an output that did not fail ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Everything was written.
    Complete,
    /// The reader went away (`… | head`). Nobody waits for more: stop quietly, with success.
    Closed,
}

/// What was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Rows written; where the reader went away, at most so many reached it.
    pub rows: u64,
    /// How it ended.
    pub ending: Ending,
    /// Columns that a table had no room for: worth a line on stderr.
    pub hidden: Vec<String>,
}

/// Why an output failed. What was written by then is incomplete, and does not pass for complete: a JSON array stays
/// open, a Parquet file has no footer. The formats that know no end get one that readers stumble over, where the source
/// broke off: the last line of NDJSON is `{"error":{"code":"incomplete","message":…}}`, the last record of CSV is a
/// single field whose quotes are never closed, and an Arrow stream announces a message that never comes.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// Refused before anything was read or written.
    #[error(
        "{0} is binary and would garble the terminal: redirect it (> FILE), pipe it on, or choose another --format"
    )]
    BinaryToTerminal(Format),
    /// Objects cannot hold two values of one name.
    #[error(
        "two columns are called {name:?}, which {format} cannot tell apart: rename one (SELECT … AS …), or use csv"
    )]
    DuplicateColumn {
        /// The name.
        name: String,
        /// The format asked for.
        format: Format,
    },
    /// The source broke off.
    #[error(transparent)]
    Source(Box<dyn Error + Send + Sync>),
    /// The sink broke, other than by its reader going away.
    #[error("cannot write the output after {rows} rows: {source}; what was written is incomplete")]
    Sink {
        /// Rows written before.
        rows: u64,
        /// What the system said.
        source: io::Error,
    },
    /// A batch cannot be written in this format, or is not what was announced.
    #[error("cannot write the rows after row {rows} as {format}: {source}; try another --format")]
    Encode {
        /// Rows written before.
        rows: u64,
        /// The format asked for.
        format: Format,
        /// What the encoder said.
        source: Box<dyn Error + Send + Sync>,
    },
}

/// Writes all batches, as they come, in one format. Text reaches the sink after each batch, and every 64 KiB within one;
/// memory is bounded by the largest batch (Parquet: a row group of 131 072 rows).
///
/// # Errors
/// [`OutputError`]; a reader that goes away is no error but [`Ending::Closed`].
pub fn write_batches<W, E>(
    sink: W,
    format: Format,
    screen: Screen,
    schema: &SchemaRef,
    batches: impl IntoIterator<Item = Result<RecordBatch, E>>,
) -> Result<Summary, OutputError>
where
    W: Write + Send,
    E: Into<Box<dyn Error + Send + Sync>>,
{
    if format.is_binary() && screen.terminal {
        return Err(OutputError::BinaryToTerminal(format));
    }
    if !matches!(format, Format::Table | Format::Csv)
        && let Some(name) = first_duplicate(schema)
    {
        return Err(OutputError::DuplicateColumn { name: name.to_owned(), format });
    }
    let mut sink = Watched { sink, closed: false };
    let mut run = Run { format, schema, rows: 0 };
    let mut hidden = Vec::new();
    let batches = batches.into_iter();
    let result = match format {
        Format::Table => {
            let mut table = table::TableRows::new(schema, screen);
            let result = run.text(&mut sink, &mut table, batches);
            hidden = table.into_hidden();
            result
        }
        Format::Json => run.text(&mut sink, &mut json::JsonRows::array(schema), batches),
        Format::Ndjson => run.text(&mut sink, &mut json::JsonRows::lines(schema), batches),
        Format::Csv => run.text(&mut sink, &mut csv::CsvRows::new(schema), batches),
        Format::Parquet => run.parquet(&mut sink, batches),
        Format::Arrow => run.arrow(BufWriter::with_capacity(CHUNK, &mut sink), batches),
    };
    let ending = match result {
        Ok(()) => Ending::Complete,
        Err(_) if sink.closed => Ending::Closed,
        Err(error) => return Err(error),
    };
    Ok(Summary { rows: run.rows, ending, hidden })
}

fn first_duplicate(schema: &Schema) -> Option<&str> {
    let names = || schema.fields().iter().map(|field| field.name().as_str());
    names().enumerate().find(|(at, name)| names().take(*at).any(|earlier| earlier == *name)).map(|(_, name)| name)
}

/// A text format, row by row. Everything is appended to `out`; the caller empties it.
trait TextRows {
    /// Before the rows of a batch.
    fn start_batch(&mut self, columns: &[Column<'_>], rows: usize, out: &mut Vec<u8>);
    /// One row.
    fn row(&mut self, columns: &[Column<'_>], row: usize, out: &mut Vec<u8>);
    /// After all batches; there may have been none.
    fn finish(&mut self, out: &mut Vec<u8>);
    /// Instead of the end, where the source broke off: what tells a program so.
    fn break_off(&mut self, reason: &str, out: &mut Vec<u8>);
}

/// One output under way.
struct Run<'a> {
    format: Format,
    schema: &'a SchemaRef,
    rows: u64,
}

impl Run<'_> {
    fn text<E: Into<Box<dyn Error + Send + Sync>>>(
        &mut self,
        sink: &mut impl Write,
        rows: &mut dyn TextRows,
        batches: impl Iterator<Item = Result<RecordBatch, E>>,
    ) -> Result<(), OutputError> {
        let mut out = Vec::with_capacity(CHUNK + CHUNK / 4);
        for batch in batches {
            let batch = match self.conforming(batch) {
                Err(error @ OutputError::Source(_)) => {
                    rows.break_off(&error.to_string(), &mut out);
                    self.drain(sink, &mut out)?;
                    self.flush(sink)?;
                    return Err(error);
                }
                batch => batch?,
            };
            let columns: Vec<Column<'_>> = (batch.columns().iter().zip(self.schema.fields()))
                .map(|(array, field)| Column::new(array, field))
                .collect::<Result<_, _>>()
                .map_err(|error| self.encode(error))?;
            rows.start_batch(&columns, batch.num_rows(), &mut out);
            for row in 0..batch.num_rows() {
                rows.row(&columns, row, &mut out);
                self.rows += 1;
                if out.len() >= CHUNK {
                    self.drain(sink, &mut out)?;
                }
            }
            self.drain(sink, &mut out)?;
            self.flush(sink)?;
        }
        rows.finish(&mut out);
        self.drain(sink, &mut out)?;
        self.flush(sink)
    }

    /// The next batch under the announced schema.
    fn conforming<E: Into<Box<dyn Error + Send + Sync>>>(
        &self,
        batch: Result<RecordBatch, E>,
    ) -> Result<RecordBatch, OutputError> {
        let batch = batch.map_err(|error| OutputError::Source(error.into()))?;
        let (_, columns, rows) = batch.into_parts();
        let options = arrow::array::RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(self.schema.clone(), columns, &options).map_err(|error| self.encode(error))
    }

    fn drain(&self, sink: &mut impl Write, out: &mut Vec<u8>) -> Result<(), OutputError> {
        sink.write_all(out).map_err(|source| OutputError::Sink { rows: self.rows, source })?;
        out.clear();
        Ok(())
    }

    fn flush(&self, sink: &mut impl Write) -> Result<(), OutputError> {
        sink.flush().map_err(|source| OutputError::Sink { rows: self.rows, source })
    }

    fn encode(&self, source: impl Into<Box<dyn Error + Send + Sync>>) -> OutputError {
        OutputError::Encode { rows: self.rows, format: self.format, source: source.into() }
    }
}

/// A sink that remembers whether its reader went away: encoders wrap that error beyond recognition.
struct Watched<W> {
    sink: W,
    closed: bool,
}

impl<W: Write> Watched<W> {
    fn note<T>(&mut self, result: io::Result<T>) -> io::Result<T> {
        self.closed |= result.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::BrokenPipe);
        result
    }
}

impl<W: Write> Write for Watched<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let result = self.sink.write(bytes);
        self.note(result)
    }

    fn flush(&mut self) -> io::Result<()> {
        let result = self.sink.flush();
        self.note(result)
    }
}

#[cfg(test)]
mod tests;
