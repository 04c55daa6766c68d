//! Reading one segment file: finding a market's rows by the page index, and reading columns of a range of rows.

use std::{ops::Range, sync::Arc};

use arrow::{
    array::{
        Array, ArrayRef, AsArray, BooleanArray, DictionaryArray, Int16Array, ListArray, PrimitiveArray, RecordBatch,
        StringArray,
    },
    datatypes::{ArrowPrimitiveType, Decimal32Type, Decimal64Type, Int32Type, Int64Type, TimestampMicrosecondType},
};
use parquet::{
    arrow::{
        ProjectionMask,
        arrow_reader::{
            ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
            RowSelection,
        },
    },
    file::{
        metadata::{PageIndexPolicy, ParquetMetaDataReader},
        page_index::column_index::ColumnIndexMetaData,
    },
};

use crate::{
    Error, checked_file::CheckedFile, columns::arrow_schema, schema::Table, segment_name::SegmentName, store::Store,
};

/// One immutable file of a table, open for reading.
pub struct Segment {
    table: Table,
    path: String,
    input: CheckedFile,
    metadata: ArrowReaderMetadata,
    /// First row of each row group, and the number of rows as the last element.
    row_groups: Vec<usize>,
    /// First row of each page over all row groups, with its row group and number in it.
    pages: Vec<PagePlace>,
}

/// Least and greatest text of a page.
type TextBounds<'a> = (&'a [u8], &'a [u8]);

#[derive(Clone, Copy, Debug)]
struct PagePlace {
    first_row: usize,
    row_group: u32,
    page: u32,
}

impl Segment {
    /// Opens the file. One read; what it says of itself is checked against the checksum in its name.
    pub fn open(store: &Store, table: Table, path: &str, size: u64) -> Result<Segment, Error> {
        let file = store.file_with_size(path, size)?;
        let damaged = |reason: String| Error::Damaged { file: file.location(), reason };
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
        let mut reader = ParquetMetaDataReader::new().with_page_index_policy(PageIndexPolicy::Required);
        reader.try_parse_sized(&tail, size).map_err(|error| damaged(error.to_string()))?;
        let parsed = Arc::new(reader.finish().map_err(|error| damaged(error.to_string()))?);
        let input = CheckedFile::new(file.clone(), &parsed).map_err(damaged)?;
        let options = ArrowReaderOptions::new().with_schema(arrow_schema(table));
        let metadata = ArrowReaderMetadata::try_new(parsed, options)
            .map_err(|error| damaged(format!("its columns are not those of the table {}: {error}", table.name())))?;
        let mut row_groups = vec![0];
        let mut pages = Vec::new();
        for (number, group) in metadata.metadata().row_groups().iter().enumerate() {
            let first = row_groups[number];
            let index = metadata.metadata().offset_index().and_then(|index| index.get(number)?.first());
            let index = index.ok_or_else(|| damaged("it has no page index".to_owned()))?;
            for (page, place) in index.page_locations().iter().enumerate() {
                let first_row = first + usize::try_from(place.first_row_index).unwrap_or(0);
                pages.push(PagePlace { first_row, row_group: number as u32, page: page as u32 });
            }
            row_groups.push(first + usize::try_from(group.num_rows()).unwrap_or(0));
        }
        Ok(Segment { table, path: path.to_owned(), input, metadata, row_groups, pages })
    }

    /// Its path in the archive.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.row_groups.last().copied().unwrap_or(0)
    }

    fn damaged(&self, reason: impl ToString) -> Error {
        Error::Damaged { file: self.input.location(), reason: reason.to_string() }
    }

    /// The error that a row's content contradicts itself.
    pub fn damaged_row(&self, row: usize) -> Error {
        self.damaged(format!("row {row} does not match its own digest"))
    }

    fn leaf(&self, column: &str) -> Result<usize, Error> {
        let at = self.metadata.parquet_schema().columns().iter().position(|leaf| leaf.path().parts()[0] == column);
        at.ok_or_else(|| self.damaged(format!("column {column} is missing")))
    }

    fn page_end(&self, page: usize) -> usize {
        self.pages.get(page + 1).map_or(self.rows(), |next| next.first_row)
    }

    fn page_of(&self, row: usize) -> usize {
        self.pages.partition_point(|page| page.first_row <= row).saturating_sub(1)
    }

    fn column_index(&self, page: PagePlace, leaf: usize) -> Result<&ColumnIndexMetaData, Error> {
        let index = self.metadata.metadata().column_index();
        let index = index.and_then(|index| index.get(page.row_group as usize)?.get(leaf));
        index.ok_or_else(|| self.damaged("it has no column index"))
    }

    /// Least and greatest text of a page; `None` where the page holds only nulls.
    fn text_bounds(&self, page: usize, leaf: usize) -> Result<Option<TextBounds<'_>>, Error> {
        let place = self.pages[page];
        match self.column_index(place, leaf)? {
            ColumnIndexMetaData::BYTE_ARRAY(index) => {
                let page = place.page as usize;
                Ok(index.min_value(page).zip(index.max_value(page)))
            }
            _ => Err(self.damaged("the column index of a text column is of another type")),
        }
    }

    fn least_integer(&self, page: usize, leaf: usize) -> Result<Option<i64>, Error> {
        let place = self.pages[page];
        match self.column_index(place, leaf)? {
            ColumnIndexMetaData::INT64(index) => Ok(index.min_value(place.page as usize).copied()),
            _ => Err(self.damaged("the column index of an integer column is of another type")),
        }
    }

    /// The rows of a market. The file is sorted by ticker: at most two pages of that column are read.
    pub fn rows_of(&self, ticker: &str) -> Result<Range<usize>, Error> {
        let leaf = self.leaf("ticker")?;
        let start = self.first_row_where(leaf, |text| text >= ticker.as_bytes())?;
        if start == self.rows() {
            return Ok(start..start);
        }
        let end = self.first_row_where(leaf, |text| text > ticker.as_bytes())?;
        Ok(start..end)
    }

    fn first_row_where(&self, leaf: usize, reached: impl Fn(&[u8]) -> bool) -> Result<usize, Error> {
        let (mut low, mut high) = (0, self.pages.len());
        while low < high {
            let middle = (low + high) / 2;
            let reaches = self.text_bounds(middle, leaf)?.is_some_and(|(_, max)| reached(max));
            if reaches { high = middle } else { low = middle + 1 }
        }
        if low == self.pages.len() {
            return Ok(self.rows());
        }
        let first = self.pages[low].first_row;
        if self.text_bounds(low, leaf)?.is_some_and(|(min, _)| reached(min)) {
            return Ok(first);
        }
        let batch = self.read(&["ticker"], first..self.page_end(low))?;
        let tickers = batch.texts("ticker")?;
        let (mut from, mut to) = (0, tickers.len());
        while from < to {
            let middle = (from + to) / 2;
            if reached(tickers.get(middle).unwrap_or("").as_bytes()) { to = middle } else { from = middle + 1 }
        }
        Ok(first + from)
    }

    /// Narrows a market's rows to a start from which every row with an ordinal above `ordinal` follows.
    /// Whole pages are skipped by their index; some rows up to `ordinal` may remain.
    pub fn skip_to_ordinal(&self, rows: Range<usize>, ordinal: u64) -> Result<Range<usize>, Error> {
        if rows.is_empty() {
            return Ok(rows);
        }
        let leaf = self.leaf("ordinal")?;
        let (first, last) = (self.page_of(rows.start), self.page_of(rows.end - 1));
        // Pages that lie wholly inside hold only this market, in order: their least ordinal is their first.
        let mut from = first + 1;
        let mut to = if self.page_end(last) <= rows.end { last + 1 } else { last };
        to = to.max(from);
        let inside = from;
        while from < to {
            let middle = (from + to) / 2;
            let least = self.least_integer(middle, leaf)?;
            if least.is_some_and(|least| least.cast_unsigned() <= ordinal) { from = middle + 1 } else { to = middle }
        }
        let start = if from > inside { self.pages[from - 1].first_row } else { rows.start };
        Ok(start.max(rows.start)..rows.end)
    }

    /// The end of the page in which this row lies, at most `limit`.
    pub fn page_end_of(&self, row: usize, limit: usize) -> usize {
        self.page_end(self.page_of(row)).min(limit)
    }

    /// Reads the columns of some rows at once.
    pub fn read(&self, columns: &[&str], rows: Range<usize>) -> Result<Batch, Error> {
        let count = rows.len();
        let mut parts = self.scan(columns, rows, count.max(1))?.collect::<Result<Vec<_>, _>>()?;
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
            None => Arc::new(arrow_schema(self.table).project(&[]).map_err(|error| self.damaged(error))?),
        };
        let record = arrow::compute::concat_batches(&schema, records).map_err(|error| self.damaged(error))?;
        Ok(Batch { record, file: self.input.location(), table: self.table })
    }

    /// Reads the columns of some rows in batches of at most `batch_rows`.
    pub fn scan(&self, columns: &[&str], rows: Range<usize>, batch_rows: usize) -> Result<Scan, Error> {
        let mut leaves = Vec::with_capacity(columns.len());
        for (leaf, descriptor) in self.metadata.parquet_schema().columns().iter().enumerate() {
            if columns.contains(&descriptor.path().parts()[0].as_str()) {
                leaves.push(leaf);
            }
        }
        let mask = ProjectionMask::leaves(self.metadata.parquet_schema(), leaves);
        let first = self.row_groups.partition_point(|start| *start <= rows.start).saturating_sub(1);
        let last = self.row_groups.partition_point(|start| *start < rows.end).max(first + 1);
        let groups: Vec<usize> =
            if rows.is_empty() { Vec::new() } else { (first..last.min(self.row_groups.len() - 1)).collect() };
        let offset = self.row_groups[first.min(self.row_groups.len() - 1)];
        let covered = groups.last().map_or(0, |group| self.row_groups[group + 1] - offset);
        let mut builder = ParquetRecordBatchReaderBuilder::new_with_metadata(self.input.clone(), self.metadata.clone())
            .with_projection(mask)
            .with_row_groups(groups)
            .with_batch_size(batch_rows);
        if !rows.is_empty() && rows.len() != covered {
            let wanted = rows.start - offset..rows.end - offset;
            builder =
                builder.with_row_selection(RowSelection::from_consecutive_ranges(std::iter::once(wanted), covered));
        }
        let reader = builder.build().map_err(|error| self.damaged(error))?;
        Ok(Scan { reader, file: self.input.location(), table: self.table })
    }
}

/// Batches of rows of a segment, in order.
pub struct Scan {
    reader: ParquetRecordBatchReader,
    file: String,
    table: Table,
}

impl Iterator for Scan {
    type Item = Result<Batch, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.reader.next()?;
        Some(match next {
            Ok(record) => Ok(Batch { record, file: self.file.clone(), table: self.table }),
            Err(error) => Err(Error::Damaged { file: self.file.clone(), reason: error.to_string() }),
        })
    }
}

/// Some rows of some columns.
pub struct Batch {
    record: RecordBatch,
    file: String,
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

    /// The error that a column is not what it should be.
    pub fn wrong(&self, column: &str, what: &str) -> Error {
        let table = self.table.name();
        Error::Damaged { file: self.file.clone(), reason: format!("column {column} of {table} is {what}") }
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
