//! Reading one segment file: finding a market's rows by the page index, and reading columns of a range of rows.

use std::{
    ops::Range,
    sync::{Arc, OnceLock},
};

use arrow::{
    array::{
        Array, ArrayRef, AsArray, BooleanArray, DictionaryArray, Int16Array, ListArray, PrimitiveArray, RecordBatch,
        StringArray,
    },
    datatypes::{
        ArrowPrimitiveType, Decimal32Type, Decimal64Type, Int32Type, Int64Type, SchemaRef, TimestampMicrosecondType,
    },
};
use bytes::Bytes;
use parquet::{
    arrow::{
        ProjectionMask,
        arrow_reader::{
            ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
            RowSelection,
        },
    },
    file::metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader},
};

use crate::{
    Error,
    checked_file::CheckedFile,
    columns::arrow_schema,
    parquet_file::{checksum_list, page_decode::PageBody},
    schema::Table,
    segment_columns::{Dictionaries, Dictionary, decode, next_segment_number},
    segment_index::{GroupIndex, SegmentIndex},
    segment_name::SegmentName,
    store::{Store, StoredFile},
};

/// One immutable file of a table, open for reading.
///
/// A question about a market reads single pages of our own files, and of their tail only what says where those are.
/// The general reader, which wants to know every page beforehand, is set up when a scan first asks for it.
pub struct Segment {
    number: u64,
    table: Table,
    path: String,
    location: Arc<str>,
    size: u64,
    file: StoredFile,
    footer: Arc<ParquetMetaData>,
    index: SegmentIndex,
    schema: SchemaRef,
    /// What our own files hold beside what any Parquet file does.
    checksums: Option<Checksums>,
    dictionaries: Arc<Dictionaries>,
    scanning: OnceLock<Scanning>,
}

/// CRC-32C of every page.
struct Checksums {
    pages: Vec<u32>,
    /// Where each row group's begin.
    groups: Vec<usize>,
}

/// What the general reader needs.
struct Scanning {
    input: CheckedFile,
    metadata: ArrowReaderMetadata,
}

impl Checksums {
    fn new(footer: &ParquetMetaData, index: &SegmentIndex) -> Result<Option<Checksums>, String> {
        let Some(pages) = checksum_list(footer)? else { return Ok(None) };
        let (mut groups, mut at) = (Vec::with_capacity(footer.num_row_groups()), 0);
        for (number, group) in footer.row_groups().iter().enumerate() {
            groups.push(at);
            let pages = index.first_pages[number + 1] - index.first_pages[number];
            at += group.columns().iter().map(|chunk| pages + usize::from(has_dictionary(chunk))).sum::<usize>();
        }
        if at == pages.len() {
            Ok(Some(Checksums { pages, groups }))
        } else {
            Err("its page checksums do not fit its pages".to_owned())
        }
    }

    /// Of a page of a column; of its dictionary, if `page` is `None`.
    fn of(
        &self,
        footer: &ParquetMetaData,
        group: usize,
        pages: usize,
        leaf: usize,
        page: Option<usize>,
    ) -> Option<u32> {
        let columns = footer.row_group(group).columns();
        let before: usize = columns[..leaf].iter().map(|chunk| pages + usize::from(has_dictionary(chunk))).sum();
        let inside = page.map_or(0, |page| page + usize::from(has_dictionary(&columns[leaf])));
        self.pages.get(self.groups[group] + before + inside).copied()
    }
}

fn has_dictionary(chunk: &parquet::file::metadata::ColumnChunkMetaData) -> bool {
    chunk.dictionary_page_offset().is_some()
}

impl Segment {
    /// Opens the file. One read; what it says of itself is checked against the checksum in its name.
    pub fn open(store: &Store, table: Table, path: &str, size: u64) -> Result<Segment, Error> {
        Segment::open_with(store, table, path, size, Arc::default())
    }

    /// The same, with dictionaries that it shares with other segments.
    pub fn open_with(
        store: &Store,
        table: Table,
        path: &str,
        size: u64,
        dictionaries: Arc<Dictionaries>,
    ) -> Result<Segment, Error> {
        let file = store.file_with_size(path, size)?;
        let location: Arc<str> = file.location().into();
        let damaged = |reason: String| Error::Damaged { file: location.to_string(), reason };
        if file.size() != size {
            return Err(damaged(format!("it has {} bytes, the table's log says {size}", file.size())));
        }
        let name = SegmentName::parse(path).filter(|name| name.tail_bytes <= size);
        let tail = match &name {
            Some(name) => {
                let tail = file.read_range(size - name.tail_bytes..size)?;
                if name.digest(&tail) != name.tail_digest {
                    return Err(damaged("its footer does not match the checksum in its name".to_owned()));
                }
                tail
            }
            // Another writer's file, from an outside compaction: nothing to check it against.
            None => file.read_range(0..size)?,
        };
        let mut reader = ParquetMetaDataReader::new().with_page_index_policy(PageIndexPolicy::Skip);
        reader.try_parse_sized(&tail, size).map_err(|error| damaged(error.to_string()))?;
        let footer = Arc::new(reader.finish().map_err(|error| damaged(error.to_string()))?);
        let tail_start = size - tail.len() as u64;
        let mut index = SegmentIndex::new(&footer, tail.clone(), tail_start).map_err(damaged)?;
        let checksums = match &name {
            Some(_) => Checksums::new(&footer, &index).map_err(damaged)?,
            None => None,
        };
        let scanning = OnceLock::new();
        let as_written = footer.file_metadata().schema_descr().num_columns() == table.columns().len();
        let checksums = checksums.filter(|_| as_written);
        if checksums.is_none() {
            index.read_all(&footer).ok_or_else(|| damaged("its page index contradicts its footer".to_owned()))?;
            let _ = scanning.set(Scanning::new(table, &file, &tail).map_err(damaged)?);
        }
        Ok(Segment {
            number: next_segment_number(),
            table,
            path: path.to_owned(),
            size,
            file,
            footer,
            index,
            schema: arrow_schema(table),
            checksums,
            dictionaries,
            scanning,
            location,
        })
    }

    /// A number that no other open segment has.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The table that it belongs to.
    pub fn table(&self) -> Table {
        self.table
    }

    /// Its path in the archive.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.index.row_groups.last().copied().unwrap_or(0)
    }

    /// Number of pages.
    pub fn pages(&self) -> usize {
        self.index.first_pages.last().copied().unwrap_or(0)
    }

    fn damaged(&self, reason: impl ToString) -> Error {
        Error::Damaged { file: self.location.to_string(), reason: reason.to_string() }
    }

    /// The error that a row's content contradicts itself.
    pub fn damaged_row(&self, row: usize) -> Error {
        self.damaged(format!("row {row} does not match its own digest"))
    }

    fn group(&self, group: usize) -> Result<&GroupIndex, Error> {
        let index = self.index.group(&self.footer, group);
        index.ok_or_else(|| self.damaged("its page index contradicts its footer"))
    }

    /// The row group of a page, and its number there.
    fn place(&self, page: usize) -> (usize, usize) {
        let group = self.index.first_pages.partition_point(|first| *first <= page).saturating_sub(1);
        (group, page - self.index.first_pages[group])
    }

    /// The page that holds a row.
    pub fn page_of(&self, row: usize) -> Result<usize, Error> {
        let groups = self.index.row_groups.len() - 1;
        let group = self.index.row_groups[..groups].partition_point(|first| *first <= row).saturating_sub(1);
        let inside = self.group(group)?.first_rows.partition_point(|first| *first <= row).saturating_sub(1);
        Ok(self.index.first_pages[group] + inside)
    }

    /// The rows of a page.
    pub fn page_rows(&self, page: usize) -> Result<Range<usize>, Error> {
        let (group, inside) = self.place(page);
        let first_rows = &self.group(group)?.first_rows;
        Ok(first_rows[inside]..first_rows.get(inside + 1).copied().unwrap_or(self.index.row_groups[group + 1]))
    }

    /// The pages that can hold rows of a market. The file is sorted by ticker.
    pub fn pages_of(&self, ticker: &str) -> Result<Range<usize>, Error> {
        let ticker = ticker.as_bytes();
        let start = self.first_page_where(|(_, greatest)| greatest >= ticker)?;
        let end = self.first_page_where(|(least, _)| least > ticker)?;
        Ok(start..end.max(start))
    }

    fn first_page_where(&self, reached: impl Fn((&[u8], &[u8])) -> bool) -> Result<usize, Error> {
        // Row groups first: only those that are looked into have their index read.
        let reaches = |page: usize| -> Result<bool, Error> {
            let (group, inside) = self.place(page);
            let bounds = self.group(group)?.tickers.get(inside).and_then(Option::as_ref);
            // Nulls come first.
            Ok(bounds.is_some_and(|(least, greatest)| reached((least, greatest))))
        };
        let (mut low, mut high) = (0, self.index.first_pages.len() - 1);
        while low < high {
            let middle = (low + high) / 2;
            let reached = reaches(self.index.first_pages[middle + 1] - 1)?;
            if reached { high = middle } else { low = middle + 1 }
        }
        if low + 1 == self.index.first_pages.len() {
            return Ok(self.pages());
        }
        let (mut low, mut high) = (self.index.first_pages[low], self.index.first_pages[low + 1]);
        while low < high {
            let middle = (low + high) / 2;
            if reaches(middle)? { high = middle } else { low = middle + 1 }
        }
        Ok(low)
    }

    /// Narrows a market's rows to a start from which every row with an ordinal above `ordinal` follows.
    /// Whole pages are skipped by their index; some rows up to `ordinal` may remain.
    pub fn skip_to_ordinal(&self, rows: Range<usize>, ordinal: u64) -> Result<Range<usize>, Error> {
        // In another writer's file the pages of one column need not be those of the next.
        if rows.is_empty() || self.checksums.is_none() {
            return Ok(rows);
        }
        let (first, last) = (self.page_of(rows.start)?, self.page_of(rows.end - 1)?);
        // Pages that lie wholly inside hold only this market, in order: their least ordinal is their first.
        let mut from = first + 1;
        let mut to = if self.page_rows(last)?.end <= rows.end { last + 1 } else { last };
        to = to.max(from);
        let inside = from;
        while from < to {
            let middle = (from + to) / 2;
            let (group, page) = self.place(middle);
            let least = self.group(group)?.ordinals.get(page).copied().flatten();
            if least.is_some_and(|least| least <= ordinal) { from = middle + 1 } else { to = middle }
        }
        let start = if from > inside { self.page_rows(from - 1)?.start } else { rows.start };
        Ok(start.max(rows.start)..rows.end)
    }

    /// The columns of a whole page.
    pub fn page(&self, columns: &[&str], page: usize) -> Result<Batch, Error> {
        if let Some(batch) = self.own_page(columns, page)? {
            return Ok(batch);
        }
        let rows = self.page_rows(page)?;
        self.gather(self.scan(columns, rows.clone(), rows.len())?.collect::<Result<Vec<_>, _>>()?, rows.len())
    }

    /// A page by our own decoder; `None` for what is for the general one.
    fn own_page(&self, columns: &[&str], page: usize) -> Result<Option<Batch>, Error> {
        let Some(checksums) = &self.checksums else { return Ok(None) };
        let rows = self.page_rows(page)?.len();
        let (group, page) = self.place(page);
        let index = self.group(group)?;
        let (mut fields, mut arrays) = (Vec::with_capacity(columns.len()), Vec::with_capacity(columns.len()));
        for (leaf, column) in self.table.columns().iter().enumerate() {
            if !columns.contains(&column.name) {
                continue;
            }
            let pages = &index.locations[leaf];
            let (Some(place), Some(first)) = (pages.get(page), pages.first()) else { return Ok(None) };
            let checksum = |page| checksums.of(&self.footer, group, index.first_rows.len(), leaf, page);
            let chunk = self.footer.row_group(group).column(leaf);
            let dictionary = match chunk.dictionary_page_offset().and_then(|offset| u64::try_from(offset).ok()) {
                Some(offset) => self.dictionaries.get((self.number, group, leaf), || {
                    let bytes = self.checked(offset..first.offset, checksum(None))?;
                    Ok::<_, Error>(Dictionary::read(&bytes, column))
                })?,
                None => None,
            };
            let bytes = self.checked(place.offset..place.offset + u64::from(place.bytes), checksum(Some(page)))?;
            let data_type = self.schema.field(leaf).data_type();
            let array = PageBody::read(&bytes, false)
                .and_then(|body| decode(column, data_type, rows, &body, dictionary.as_deref()));
            let Some(array) = array else { return Ok(None) };
            fields.push(leaf);
            arrays.push(array);
        }
        let schema = Arc::new(self.schema.project(&fields).map_err(|error| self.damaged(error))?);
        // What contradicts itself is told by the general reader, which finds the same.
        let Ok(record) = RecordBatch::try_new(schema, arrays) else { return Ok(None) };
        Ok(Some(Batch { record, file: self.location.clone(), table: self.table }))
    }

    /// The bytes of a page, compared with its checksum.
    fn checked(&self, range: Range<u64>, checksum: Option<u32>) -> Result<Bytes, Error> {
        let start = range.start;
        if range.is_empty() || range.end > self.size {
            return Err(self.damaged(format!("there is no page at byte {start}")));
        }
        let bytes = self.file.read_range(range)?;
        if checksum != Some(crc32c::crc32c(&bytes)) {
            let length = bytes.len();
            return Err(self.damaged(format!("the page at byte {start} ({length} bytes) does not match its checksum")));
        }
        Ok(bytes)
    }

    /// Reads the columns of some rows at once.
    pub fn read(&self, columns: &[&str], rows: Range<usize>) -> Result<Batch, Error> {
        let mut parts = Vec::new();
        if rows.is_empty() {
            return self.gather(parts, 0);
        }
        for page in self.page_of(rows.start)?..=self.page_of(rows.end - 1)? {
            let held = self.page_rows(page)?;
            let from = held.start.max(rows.start);
            let batch = self.page(columns, page)?;
            parts.push(batch.slice(from - held.start, held.end.min(rows.end) - from));
        }
        self.gather(parts, rows.len())
    }

    fn gather(&self, mut parts: Vec<Batch>, count: usize) -> Result<Batch, Error> {
        let got: usize = parts.iter().map(Batch::rows).sum();
        if got != count {
            return Err(self.damaged(format!("it gave {got} rows where {count} were asked for")));
        }
        if parts.len() == 1 {
            return Ok(parts.remove(0));
        }
        let records: Vec<&RecordBatch> = parts.iter().map(|part| &part.record).collect();
        let schema = match records.first() {
            Some(record) => record.schema(),
            None => Arc::new(self.schema.project(&[]).map_err(|error| self.damaged(error))?),
        };
        let record = arrow::compute::concat_batches(&schema, records).map_err(|error| self.damaged(error))?;
        Ok(Batch { record, file: self.location.clone(), table: self.table })
    }

    /// What the general reader needs; read on the first scan.
    fn scanning(&self) -> Result<&Scanning, Error> {
        if let Some(scanning) = self.scanning.get() {
            return Ok(scanning);
        }
        let scanning =
            Scanning::new(self.table, &self.file, self.index.tail()).map_err(|reason| self.damaged(reason))?;
        Ok(self.scanning.get_or_init(|| scanning))
    }

    /// Reads the columns of some rows in batches of at most `batch_rows`.
    pub fn scan(&self, columns: &[&str], rows: Range<usize>, batch_rows: usize) -> Result<Scan, Error> {
        let Scanning { input, metadata } = self.scanning()?;
        let row_groups = &self.index.row_groups;
        let mut leaves = Vec::with_capacity(columns.len());
        for (leaf, descriptor) in metadata.parquet_schema().columns().iter().enumerate() {
            if columns.contains(&descriptor.path().parts()[0].as_str()) {
                leaves.push(leaf);
            }
        }
        let mask = ProjectionMask::leaves(metadata.parquet_schema(), leaves);
        let first = row_groups.partition_point(|start| *start <= rows.start).saturating_sub(1);
        let last = row_groups.partition_point(|start| *start < rows.end).max(first + 1);
        let groups: Vec<usize> =
            if rows.is_empty() { Vec::new() } else { (first..last.min(row_groups.len() - 1)).collect() };
        let offset = row_groups[first.min(row_groups.len() - 1)];
        let covered = groups.last().map_or(0, |group| row_groups[group + 1] - offset);
        let mut builder = ParquetRecordBatchReaderBuilder::new_with_metadata(input.clone(), metadata.clone())
            .with_projection(mask)
            .with_row_groups(groups)
            .with_batch_size(batch_rows);
        if !rows.is_empty() && rows.len() != covered {
            let wanted = rows.start - offset..rows.end - offset;
            builder =
                builder.with_row_selection(RowSelection::from_consecutive_ranges(std::iter::once(wanted), covered));
        }
        let reader = builder.build().map_err(|error| self.damaged(error))?;
        Ok(Scan { reader, file: self.location.clone(), table: self.table })
    }
}

impl Scanning {
    fn new(table: Table, file: &StoredFile, tail: &Bytes) -> Result<Scanning, String> {
        let mut reader = ParquetMetaDataReader::new().with_page_index_policy(PageIndexPolicy::Required);
        reader.try_parse_sized(tail, file.size()).map_err(|error| error.to_string())?;
        let parsed = Arc::new(reader.finish().map_err(|error| error.to_string())?);
        let input = CheckedFile::new(file.clone(), &parsed)?;
        let options = ArrowReaderOptions::new().with_schema(arrow_schema(table));
        let metadata = ArrowReaderMetadata::try_new(parsed, options)
            .map_err(|error| format!("its columns are not those of the table {}: {error}", table.name()))?;
        Ok(Scanning { input, metadata })
    }
}

/// Batches of rows of a segment, in order.
pub struct Scan {
    reader: ParquetRecordBatchReader,
    file: Arc<str>,
    table: Table,
}

impl Iterator for Scan {
    type Item = Result<Batch, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.reader.next()?;
        Some(match next {
            Ok(record) => Ok(Batch { record, file: self.file.clone(), table: self.table }),
            Err(error) => Err(Error::Damaged { file: self.file.to_string(), reason: error.to_string() }),
        })
    }
}

/// Some rows of some columns.
#[derive(Clone)]
pub struct Batch {
    record: RecordBatch,
    file: Arc<str>,
    table: Table,
}

/// A column of text, stored as it is or by dictionary.
pub enum Texts<'a> {
    /// One text per row.
    Plain(&'a StringArray),
    /// One index per row.
    Dictionary(&'a DictionaryArray<Int32Type>, &'a StringArray),
}

impl<'a> Texts<'a> {
    /// Number of rows.
    pub fn len(&self) -> usize {
        match self {
            Texts::Plain(array) => array.len(),
            Texts::Dictionary(array, _) => array.len(),
        }
    }

    /// Whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The text of a row.
    pub fn get(&self, row: usize) -> Option<&'a str> {
        match self {
            Texts::Plain(array) => array.is_valid(row).then(|| array.value(row)),
            Texts::Dictionary(array, values) => {
                array.is_valid(row).then(|| values.value(usize::try_from(array.keys().value(row)).unwrap_or(0)))
            }
        }
    }

    /// Stretches of equal texts, in order, each with its rows.
    pub fn runs(&self) -> Vec<(Option<&'a str>, Range<usize>)> {
        let mut runs: Vec<(Option<&'a str>, Range<usize>)> = Vec::new();
        let (mut at, rows) = (0, self.len());
        let nulls = match self {
            Texts::Plain(array) => array.null_count() > 0,
            Texts::Dictionary(array, _) => array.null_count() > 0,
        };
        while at < rows {
            let text = self.get(at);
            let end = match self.keys() {
                // Most rows are like the one before: their numbers tell.
                Some(keys) if text.is_some() => at + keys[at..].iter().take_while(|key| **key == keys[at]).count(),
                _ => at + 1,
            };
            let end = if nulls { (at + 1..end).find(|row| self.get(*row).is_none()).unwrap_or(end) } else { end };
            match runs.last_mut().filter(|(held, _)| *held == text) {
                Some((_, run)) => run.end = end,
                None => runs.push((text, at..end)),
            }
            at = end;
        }
        runs
    }

    /// A number that stands for the row's text in this batch: equal texts mostly have equal numbers.
    pub fn keys(&self) -> Option<&'a [i32]> {
        match self {
            Texts::Plain(_) => None,
            Texts::Dictionary(array, _) => Some(array.keys().values()),
        }
    }

    /// The distinct texts, where stored by dictionary.
    pub fn dictionary(&self) -> Option<&'a StringArray> {
        match self {
            Texts::Plain(_) => None,
            Texts::Dictionary(_, values) => Some(values),
        }
    }
}

impl Batch {
    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.record.num_rows()
    }

    /// The rows as Arrow has them.
    pub fn record(&self) -> &RecordBatch {
        &self.record
    }

    /// Some of the rows; nothing is copied.
    fn slice(&self, from: usize, count: usize) -> Batch {
        Batch { record: self.record.slice(from, count), ..self.clone() }
    }

    /// The error that a column is not what it should be.
    pub fn wrong(&self, column: &str, what: &str) -> Error {
        let table = self.table.name();
        Error::Damaged { file: self.file.to_string(), reason: format!("column {column} of {table} is {what}") }
    }

    fn array(&self, column: &str) -> Result<&ArrayRef, Error> {
        self.record.column_by_name(column).ok_or_else(|| self.wrong(column, "missing"))
    }

    fn primitive<T: ArrowPrimitiveType>(&self, column: &str) -> Result<&PrimitiveArray<T>, Error> {
        self.array(column)?.as_primitive_opt::<T>().ok_or_else(|| self.wrong(column, "not of the type expected"))
    }

    /// A column of 64-bit integers.
    pub fn i64s(&self, column: &str) -> Result<&PrimitiveArray<Int64Type>, Error> {
        self.primitive(column)
    }

    /// A column of 32-bit integers.
    pub fn i32s(&self, column: &str) -> Result<&PrimitiveArray<Int32Type>, Error> {
        self.primitive(column)
    }

    /// A column of 16-bit integers.
    pub fn i16s(&self, column: &str) -> Result<&Int16Array, Error> {
        self.primitive(column)
    }

    /// A column of times in microseconds.
    pub fn times(&self, column: &str) -> Result<&PrimitiveArray<TimestampMicrosecondType>, Error> {
        self.primitive(column)
    }

    /// A column of prices.
    pub fn prices(&self, column: &str) -> Result<&PrimitiveArray<Decimal32Type>, Error> {
        self.primitive(column)
    }

    /// A column of quantities.
    pub fn quantities(&self, column: &str) -> Result<&PrimitiveArray<Decimal64Type>, Error> {
        self.primitive(column)
    }

    /// A column of truth values.
    pub fn booleans(&self, column: &str) -> Result<&BooleanArray, Error> {
        self.array(column)?.as_boolean_opt().ok_or_else(|| self.wrong(column, "not of the type expected"))
    }

    /// A column of lists.
    pub fn lists(&self, column: &str) -> Result<&ListArray, Error> {
        self.array(column)?.as_list_opt().ok_or_else(|| self.wrong(column, "not a list"))
    }

    /// A column of text.
    pub fn texts(&self, column: &str) -> Result<Texts<'_>, Error> {
        let array = self.array(column)?;
        if let Some(plain) = array.as_string_opt::<i32>() {
            return Ok(Texts::Plain(plain));
        }
        let dictionary = array.as_dictionary_opt::<Int32Type>();
        let values = dictionary.and_then(|dictionary| dictionary.values().as_string_opt::<i32>());
        dictionary
            .zip(values)
            .map(|(keys, values)| Texts::Dictionary(keys, values))
            .ok_or_else(|| self.wrong(column, "not text"))
    }

    /// A time in nanoseconds out of its two columns.
    pub fn nanos(&self, times: &str, nanos: &str, row: usize) -> Result<i64, Error> {
        Ok(self.times(times)?.value(row).saturating_mul(1_000).saturating_add(i64::from(self.i16s(nanos)?.value(row))))
    }
}

#[cfg(test)]
mod tests;
