//! Writing the files of one table: rows in, one Parquet file per day out, each with the statistics that its table's
//! log keeps.

mod row_groups;

use std::{collections::BTreeMap, ops::Range};

use bytes::Bytes;
use xxhash_rust::xxh3::xxh3_64;

use crate::{
    Error,
    columns::{Columns, CopiedColumns, Row, file_schema},
    parquet_file::{FileSummary, FileWriter, Value, WriterOptions},
    schema::{ColumnType, DATE, Table},
    segment_name::SegmentName,
    store::Store,
    table::{AddFile, FileStats, StatValue},
};

use row_groups::RowGroups;

/// Rows of a row group: what a writer holds in memory per day.
const ROWS_PER_GROUP: usize = 262_144;

/// Days since the Unix epoch, UTC: the partition of a row.
pub type Day = i64;

/// The UTC day of a time in nanoseconds.
pub fn day_of(nanos: i64) -> Day {
    nanos.div_euclid(86_400_000_000_000)
}

/// The day as the partition column has it, `2026-08-11`.
pub fn day_text(day: Day) -> String {
    let nanos = i128::from(day) * 86_400_000_000_000;
    match jiff::Timestamp::from_nanosecond(nanos) {
        Ok(start) => start.strftime("%Y-%m-%d").to_string(),
        Err(_) => "1970-01-01".to_owned(),
    }
}

/// Writes the files of one table.
pub struct SegmentWriter {
    table: Table,
    parts: BTreeMap<Day, Part>,
    /// Rows to make room for in each row group.
    expected: usize,
}

struct Part {
    columns: Columns,
    groups: RowGroups,
}

/// A file written, not yet part of its table.
pub struct WrittenFile {
    /// What the table's log is to say of it.
    pub add: AddFile,
    /// Its rows.
    pub rows: u64,
}

impl SegmentWriter {
    /// A writer without rows.
    pub fn new(table: Table) -> SegmentWriter {
        SegmentWriter { table, parts: BTreeMap::new(), expected: 0 }
    }

    /// The same, of which one knows about how many rows it will get.
    pub fn expecting(table: Table, rows: usize) -> SegmentWriter {
        SegmentWriter { expected: rows.min(ROWS_PER_GROUP), ..SegmentWriter::new(table) }
    }

    fn options(&self) -> WriterOptions {
        // A keyframe is large, and is read with few others; a delta is read with its neighbours.
        let rows_per_page = match self.table {
            Table::Keyframes => 64,
            Table::Deltas => 8_192,
            _ => 2_048,
        };
        let sorted_by: Vec<&'static str> = match self.table {
            Table::Unparsed => vec!["ordinal"],
            Table::Markets | Table::Events | Table::Series | Table::Settlements => vec!["ticker", "valid_from"],
            Table::Coverage => vec!["ticker", "first_ordinal"],
            Table::Sources => Vec::new(),
            _ => vec!["ticker", "ordinal"],
        };
        WriterOptions { rows_per_page, sorted_by, ..WriterOptions::default() }
    }

    /// Starts a row of this day. Rows of one day must come in the table's order.
    pub fn row(&mut self, day: Day) -> Result<Row<'_>, Error> {
        Ok(self.part(day)?.columns.row())
    }

    /// Writes rows of a file of the same table. Rows of one day must come in the table's order.
    pub fn copy(&mut self, day: Day, from: &CopiedColumns, mut rows: Range<usize>) -> Result<(), Error> {
        while !rows.is_empty() {
            let columns = &mut self.part(day)?.columns;
            let end = rows.end.min(rows.start + (ROWS_PER_GROUP - columns.rows()));
            columns.copy(from, rows.start..end);
            rows.start = end;
        }
        Ok(())
    }

    /// Changes a number of the row of this day that was written last.
    pub fn set_last_i32(&mut self, day: Day, column: usize, value: i32) {
        let day = if self.table.is_partitioned() { day } else { 0 };
        if let Some(part) = self.parts.get_mut(&day) {
            part.columns.set_last_i32(column, value);
        }
    }

    /// The rows of a day, with room for one more.
    fn part(&mut self, day: Day) -> Result<&mut Part, Error> {
        let day = if self.table.is_partitioned() { day } else { 0 };
        if !self.parts.contains_key(&day) {
            let file = FileWriter::new(Vec::new(), &file_schema(self.table), self.options())?;
            let part = Part { columns: Columns::new(self.table, self.expected), groups: RowGroups::new(file) };
            self.parts.insert(day, part);
        }
        let part = self.parts.get_mut(&day).expect("the part was just inserted");
        if part.columns.rows() == ROWS_PER_GROUP {
            part.groups.write(self.table, &mut part.columns)?;
        }
        Ok(part)
    }

    /// Whether no row was written.
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// Finishes the files in memory, by day.
    pub fn encode(self) -> Result<Vec<(Day, Vec<u8>, FileSummary)>, Error> {
        let mut encoded = Vec::with_capacity(self.parts.len());
        for (day, part) in self.parts {
            let (bytes, summary) = part.groups.close(&part.columns)?;
            encoded.push((day, bytes, summary));
        }
        Ok(encoded)
    }

    /// Finishes the files and puts them into the store, durably. They become visible when the table commits them.
    /// `first..=last` are the ordinals that the files may hold, for their names.
    pub fn finish(self, store: &Store, first: u64, last: u64, now_millis: i64) -> Result<Vec<WrittenFile>, Error> {
        let table = self.table;
        let mut written = Vec::new();
        for (day, bytes, summary) in self.encode()? {
            let tail_bytes = summary.tail_bytes;
            let tail = &bytes[bytes.len() - usize::try_from(tail_bytes).unwrap_or(bytes.len())..];
            let name = SegmentName { first, last, tail_bytes, tail_digest: xxh3_64(tail) };
            let partition = table.is_partitioned().then(|| day_text(day));
            let path = match &partition {
                Some(date) => format!("{DATE}={date}/{}", name.file_name()),
                None => name.file_name(),
            };
            let size = bytes.len() as u64;
            let full = format!("{}/{path}", table.name());
            store.put(&full, Bytes::from(bytes))?;
            store.make_durable(&full)?;
            let partition: Vec<(String, Option<String>)> =
                partition.into_iter().map(|date| (DATE.to_owned(), Some(date))).collect();
            let stats = statistics(table, &summary);
            let add = AddFile { path, size, partition, modification_time_ms: now_millis, stats };
            written.push(WrittenFile { rows: summary.rows, add });
        }
        Ok(written)
    }
}

/// What the table's log is to keep of a file.
fn statistics(table: Table, summary: &FileSummary) -> FileStats {
    let mut stats = FileStats::new(summary.rows);
    for (column, found) in table.columns().iter().zip(&summary.columns) {
        if matches!(column.kind, ColumnType::PriceList | ColumnType::QuantityList) || found.name == "raw" {
            continue;
        }
        let bound = |value: &Option<Value>, upper: bool| -> Option<StatValue> {
            Some(match (column.kind, value.as_ref()?) {
                (ColumnType::Timestamp, Value::I64(micros)) => {
                    return if upper { StatValue::not_before(*micros) } else { StatValue::not_after(*micros) };
                }
                (ColumnType::Price, Value::I32(value)) => decimal(i64::from(*value), 4),
                (ColumnType::Quantity, Value::I64(value)) => decimal(*value, 2),
                (_, Value::I32(value)) => StatValue::Integer(i64::from(*value)),
                (_, Value::I64(value)) => StatValue::Integer(*value),
                (_, Value::Boolean(value)) => StatValue::Boolean(*value),
                // Long texts would bloat the log, and a cut-off bound must not hide rows: none is given then.
                (_, Value::Str(text)) if text.len() <= 200 => StatValue::Text(text.as_str().into()),
                (_, Value::Str(_)) => return None,
            })
        };
        let nulls = Some(found.null_count);
        stats = stats.column(column.name, bound(&found.min, false), bound(&found.max, true), nulls);
    }
    stats
}

fn decimal(value: i64, scale: u32) -> StatValue {
    let (magnitude, unit) = (value.unsigned_abs(), 10_u64.pow(scale));
    let sign = if value < 0 { "-" } else { "" };
    let width = scale as usize;
    StatValue::Number(format!("{sign}{}.{:0width$}", magnitude / unit, magnitude % unit).into())
}
