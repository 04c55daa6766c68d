//! The columns of a row group turned into column chunks: values chosen, encoded, cut into pages, and described.

use std::ops::Range;

use bytes::Bytes;
use parquet::basic::{Compression, Encoding, Type as PhysicalType};
use parquet::column::writer::ColumnCloseResult;
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::schema::types::ColumnDescPtr;

use crate::parquet_file::column::{ColumnData, ColumnEncoding, ColumnShape, ColumnSpec, Validity};
use crate::parquet_file::delta_binary_packed::{DeltaEncoder, DeltaLayout};
use crate::parquet_file::dictionary::{IntegerDictionary, StringDictionary};
use crate::parquet_file::error::WriteError;
use crate::parquet_file::integer::Integer;
use crate::parquet_file::levels::{Levels, PageShape};
use crate::parquet_file::page::PageWriter;
use crate::parquet_file::rle::{put_bits, put_constant_index, put_indices};
use crate::parquet_file::statistics::{Value, ValueSummary, column_index};
use crate::parquet_file::strings::{self, Strings};

/// An encoded column chunk.
pub(crate) struct ColumnChunk {
    pub(crate) bytes: Bytes,
    pub(crate) close: ColumnCloseResult,
    pub(crate) summary: ValueSummary,
}

impl ColumnChunk {
    /// Adds the checksums of its pages: the dictionary first, where there is one.
    pub(crate) fn checksum_pages(&self, checksums: &mut Vec<u32>) {
        let places = self.close.offset_index.iter().flat_map(|index| index.page_locations());
        let mut at = 0;
        for place in places {
            let start = usize::try_from(place.offset).unwrap_or(0);
            if start > at {
                checksums.push(crc32c::crc32c(&self.bytes[at..start]));
            }
            at = start + usize::try_from(place.compressed_page_size).unwrap_or(0);
            checksums.push(crc32c::crc32c(&self.bytes[start..at]));
        }
    }
}

/// Why a chunk could not be encoded.
pub(crate) enum ChunkError {
    /// The data does not fit the column, and how.
    Data(String),
    Write(WriteError),
}

impl<E: Into<WriteError>> From<E> for ChunkError {
    fn from(error: E) -> Self {
        Self::Write(error.into())
    }
}

impl From<String> for ChunkError {
    fn from(problem: String) -> Self {
        Self::Data(problem)
    }
}

/// Encodes column chunks. Its buffers and tables are kept from chunk to chunk.
pub(crate) struct ColumnChunkEncoder {
    compression: Compression,
    zstd_level: i32,
    rows_per_page: usize,
    pages: PageWriter,
    /// The page being built.
    body: Vec<u8>,
    indices: Vec<u32>,
    delta: DeltaEncoder,
    integers: IntegerDictionary,
    strings: StringDictionary,
}

/// What all pages of the chunk being encoded have in common.
struct Chunk<'a> {
    spec: &'a ColumnSpec,
    levels: Levels<'a>,
    pages: Vec<PageShape>,
    summaries: Vec<ValueSummary>,
}

impl<'a> Chunk<'a> {
    fn values(&self) -> usize {
        self.pages.last().map_or(0, |page| page.values.end)
    }

    /// Sets each page's bounds.
    fn bound(&mut self, mut bounds: impl FnMut(Range<usize>) -> Option<(Value, Value)>) -> ValueSummary {
        let mut whole = ValueSummary::default();
        self.summaries.clear();
        for page in &self.pages {
            let summary = ValueSummary { bounds: bounds(page.values.clone()), nulls: page.nulls() as u64 };
            whole.merge(&summary);
            self.summaries.push(summary);
        }
        whole
    }
}

impl ColumnChunkEncoder {
    pub(crate) fn new(compression: Compression, zstd_level: i32, rows_per_page: usize) -> Result<Self, WriteError> {
        Ok(Self {
            compression,
            zstd_level,
            rows_per_page,
            pages: PageWriter::new(zstd_level)?,
            body: Vec::new(),
            indices: Vec::new(),
            delta: DeltaEncoder::default(),
            integers: IntegerDictionary::default(),
            strings: StringDictionary::default(),
        })
    }

    /// Encodes the data of one column of a row group.
    pub(crate) fn encode(
        &mut self,
        spec: &ColumnSpec,
        descriptor: ColumnDescPtr,
        data: &ColumnData<'_>,
    ) -> Result<ColumnChunk, ChunkError> {
        let rows = data.rows();
        self.pages.set_zstd_level(spec.zstd_level.unwrap_or(self.zstd_level))?;
        let levels = levels(spec, data, rows)?;
        let pages = levels.pages(rows, self.rows_per_page);
        let mut chunk = Chunk { spec, levels, summaries: Vec::with_capacity(pages.len()), pages };
        let physical = spec.kind.physical();
        let summary = match (physical, data) {
            (_, ColumnData::AllNull { .. }) => self.without_values(&mut chunk)?,
            (PhysicalType::BOOLEAN, ColumnData::Constant { value: Value::Boolean(value), rows }) => {
                self.booleans(&mut chunk, &vec![*value; *rows], None)?
            }
            (PhysicalType::INT32, ColumnData::Constant { value: value @ Value::I32(constant), .. }) => {
                in_range(spec, i64::from(*constant), i64::from(*constant))?;
                self.constant(&mut chunk, value)?
            }
            (PhysicalType::INT64, ColumnData::Constant { value: value @ Value::I64(constant), .. }) => {
                in_range(spec, *constant, *constant)?;
                self.constant(&mut chunk, value)?
            }
            (PhysicalType::BYTE_ARRAY, ColumnData::Constant { value: value @ Value::Str(_), .. }) => {
                self.constant(&mut chunk, value)?
            }
            (PhysicalType::BOOLEAN, ColumnData::Booleans(values, validity)) => {
                self.booleans(&mut chunk, values, *validity)?
            }
            (PhysicalType::INT32, ColumnData::I32(values, validity)) => {
                self.integers(&mut chunk, &valid(values, *validity), Value::I32)?
            }
            (PhysicalType::INT64, ColumnData::I64(values, validity)) => {
                self.integers(&mut chunk, &valid(values, *validity), Value::I64)?
            }
            (PhysicalType::INT32, ColumnData::I32Lists { offsets, values }) => {
                self.integers(&mut chunk, elements(offsets, values)?, Value::I32)?
            }
            (PhysicalType::INT64, ColumnData::I64Lists { offsets, values }) => {
                self.integers(&mut chunk, elements(offsets, values)?, Value::I64)?
            }
            (
                PhysicalType::BYTE_ARRAY,
                ColumnData::Strings(_, validity)
                | ColumnData::PackedStrings { validity, .. }
                | ColumnData::Categories { validity, .. },
            ) => {
                let rows: Option<Vec<u32>> =
                    validity.map(|valid| (0..).zip(valid).filter(|(_, valid)| **valid).map(|(row, _)| row).collect());
                let rows = rows.as_deref();
                let strings = match data {
                    ColumnData::PackedStrings { offsets, data, .. } => Strings::packed(offsets, data, rows)?,
                    ColumnData::Categories { indices, values, .. } => Strings::categories(indices, values, rows)?,
                    ColumnData::Strings(values, _) => Strings::slices(values, rows),
                    _ => return Err(mismatch(spec)),
                };
                self.strings(&mut chunk, strings)?
            }
            _ => return Err(mismatch(spec)),
        };

        let written = self.pages.finish()?;
        let mut encodings: Vec<Encoding> = written.encodings.iter().map(|pages| pages.encoding).collect();
        if spec.shape != ColumnShape::Required {
            encodings.push(Encoding::RLE);
        }
        let metadata = ColumnChunkMetaData::builder(descriptor)
            .set_encodings(encodings)
            .set_page_encoding_stats(written.encodings)
            .set_compression(self.compression)
            .set_num_values(chunk.pages.iter().map(|page| page.entries as i64).sum())
            .set_total_compressed_size(written.bytes.len() as i64)
            .set_total_uncompressed_size(written.uncompressed_size)
            .set_dictionary_page_offset(written.dictionary_offset)
            .set_data_page_offset(written.data_offset)
            .set_statistics(summary.to_statistics(physical)?)
            .build()?;
        let close = ColumnCloseResult {
            bytes_written: written.bytes.len() as u64,
            rows_written: rows as u64,
            metadata,
            bloom_filter: None,
            column_index: Some(column_index(physical, &chunk.summaries)?),
            offset_index: Some(written.offset_index),
        };
        Ok(ColumnChunk { bytes: written.bytes, close, summary })
    }

    /// Writes the pages of a chunk, the values of each as `put` appends them.
    fn pages(
        &mut self,
        chunk: &Chunk<'_>,
        encoding: Encoding,
        mut put: impl FnMut(&mut Self, Range<usize>, &mut Vec<u8>),
    ) -> Result<(), WriteError> {
        let mut body = std::mem::take(&mut self.body);
        for page in &chunk.pages {
            body.clear();
            chunk.levels.put(page, &mut body);
            // Readers expect the head of an encoding, such as the width of indices, on a page without values as well.
            put(self, page.values.clone(), &mut body);
            self.pages.data(&mut body, page, encoding)?;
        }
        self.body = body;
        Ok(())
    }

    fn without_values(&mut self, chunk: &mut Chunk<'_>) -> Result<ValueSummary, WriteError> {
        let summary = chunk.bound(|_| None);
        self.pages(chunk, Encoding::PLAIN, |_, _, _| {})?;
        Ok(summary)
    }

    /// Every value of the chunk is `value`: a dictionary of one.
    fn constant(&mut self, chunk: &mut Chunk<'_>, value: &Value) -> Result<ValueSummary, WriteError> {
        let summary = chunk.bound(|page| (!page.is_empty()).then(|| (value.clone(), value.clone())));
        self.body.clear();
        match value {
            Value::I32(value) => i32::put_plain(&[*value], &mut self.body),
            Value::I64(value) => i64::put_plain(&[*value], &mut self.body),
            Value::Str(value) => strings::put_plain(value, &mut self.body),
            Value::Boolean(value) => put_bits(&[*value], &mut self.body),
        }
        self.pages.dictionary(&mut self.body, 1)?;
        self.pages(chunk, Encoding::RLE_DICTIONARY, |_, page, body| put_constant_index(page.len(), body))?;
        Ok(summary)
    }

    fn booleans(
        &mut self,
        chunk: &mut Chunk<'_>,
        values: &[bool],
        validity: Validity<'_>,
    ) -> Result<ValueSummary, WriteError> {
        let values = valid(values, validity);
        let summary = chunk.bound(|page| {
            let values = &values[page];
            let (any_false, any_true) = (values.contains(&false), values.contains(&true));
            (any_false || any_true).then_some((Value::Boolean(!any_false), Value::Boolean(any_true)))
        });
        self.pages(chunk, Encoding::PLAIN, |_, page, body| put_bits(&values[page], body))?;
        Ok(summary)
    }

    fn integers<T: Integer>(
        &mut self,
        chunk: &mut Chunk<'_>,
        values: &[T],
        value: impl Fn(T) -> Value,
    ) -> Result<ValueSummary, ChunkError> {
        let mut whole: Option<(T, T)> = None;
        let summary = chunk.bound(|page| {
            let (first, rest) = values[page].split_first()?;
            let (least, greatest) = rest
                .iter()
                .fold((*first, *first), |(least, greatest), value| (least.min(*value), greatest.max(*value)));
            whole = Some(whole.map_or((least, greatest), |whole| (whole.0.min(least), whole.1.max(greatest))));
            Some((value(least), value(greatest)))
        });
        let Some((least, greatest)) = whole else { return Ok(self.without_values(chunk)?) };
        in_range(chunk.spec, least.widen(), greatest.widen())?;
        if least == greatest {
            return Ok(self.constant(chunk, &value(least))?);
        }
        let layout = match chunk.spec.encoding {
            ColumnEncoding::Plain => {
                self.pages(chunk, Encoding::PLAIN, |_, page, body| T::put_plain(&values[page], body))?;
                return Ok(summary);
            }
            ColumnEncoding::Delta(layout) => layout,
            ColumnEncoding::Dictionary | ColumnEncoding::DeltaLength => {
                if self.integers.build(values, (least, greatest), &mut self.indices) {
                    self.body.clear();
                    let entries: Vec<T> = self.integers.entries.iter().map(|wide| T::narrow(*wide)).collect();
                    T::put_plain(&entries, &mut self.body);
                    self.pages.dictionary(&mut self.body, entries.len())?;
                    self.indexed(chunk)?;
                    return Ok(summary);
                }
                DeltaLayout::TIGHT
            }
        };
        self.pages(chunk, Encoding::DELTA_BINARY_PACKED, |encoder, page, body| {
            encoder.delta.put(&values[page], layout, body)
        })?;
        Ok(summary)
    }

    fn strings(&mut self, chunk: &mut Chunk<'_>, values: Strings<'_>) -> Result<ValueSummary, WriteError> {
        if chunk.values() == 0 {
            return self.without_values(chunk);
        }
        let text = |number: usize| Value::Str(values.get(number).to_owned());
        if chunk.spec.encoding == ColumnEncoding::Dictionary && self.strings.build(values, &mut self.indices) {
            let dictionary = &self.strings;
            let summary = chunk.bound(|page| {
                let ranks = self.indices[page].iter().map(|index| dictionary.ranks[*index as usize]);
                let (least, greatest) =
                    ranks.fold((u32::MAX, 0), |(least, greatest), rank| (least.min(rank), greatest.max(rank)));
                let entry = |rank: u32| text(dictionary.entries[dictionary.sorted[rank as usize] as usize] as usize);
                (least <= greatest).then(|| (entry(least), entry(greatest)))
            });
            self.body.clear();
            for entry in &dictionary.entries {
                strings::put_plain(values.get(*entry as usize), &mut self.body);
            }
            self.pages.dictionary(&mut self.body, dictionary.entries.len())?;
            self.indexed(chunk)?;
            return Ok(summary);
        }
        let summary = chunk.bound(|page| {
            let mut strings = page.map(|number| values.get(number));
            let first = strings.next()?;
            let (least, greatest) =
                strings.fold((first, first), |(least, greatest), value| (least.min(value), greatest.max(value)));
            Some((Value::Str(least.to_owned()), Value::Str(greatest.to_owned())))
        });
        if chunk.spec.encoding == ColumnEncoding::Plain {
            self.pages(chunk, Encoding::PLAIN, |_, page, body| values.put_plain(page, body))?;
        } else {
            self.pages(chunk, Encoding::DELTA_LENGTH_BYTE_ARRAY, |encoder, page, body| {
                values.put_delta_length(page, &mut encoder.delta, body)
            })?;
        }
        Ok(summary)
    }

    /// Writes the data pages of a chunk whose values have been numbered.
    fn indexed(&mut self, chunk: &Chunk<'_>) -> Result<(), WriteError> {
        self.pages(chunk, Encoding::RLE_DICTIONARY, |encoder, page, body| put_indices(&encoder.indices[page], body))
    }
}

/// Checks that `data` has the form that the column's shape asks for.
fn levels<'a>(spec: &ColumnSpec, data: &ColumnData<'a>, rows: usize) -> Result<Levels<'a>, ChunkError> {
    let validity = match data {
        ColumnData::I32Lists { offsets, .. } | ColumnData::I64Lists { offsets, .. } => {
            return if spec.shape == ColumnShape::List { lists(offsets) } else { Err(mismatch(spec)) };
        }
        _ if spec.shape == ColumnShape::List => return Err(mismatch(spec)),
        ColumnData::AllNull { .. } if spec.shape == ColumnShape::Nullable => return Ok(Levels::AllNull),
        ColumnData::AllNull { .. } => return Err("nulls are given and the column has none".to_owned().into()),
        ColumnData::Booleans(_, validity)
        | ColumnData::I32(_, validity)
        | ColumnData::I64(_, validity)
        | ColumnData::Strings(_, validity)
        | ColumnData::PackedStrings { validity, .. }
        | ColumnData::Categories { validity, .. } => *validity,
        ColumnData::Constant { .. } => None,
    };
    match (validity, spec.shape) {
        (None, ColumnShape::Nullable) => Ok(Levels::AllValid),
        (None, _) => Ok(Levels::Required),
        (Some(valid), _) if valid.len() != rows => {
            Err(format!("{} validity flags are given for {rows} rows", valid.len()).into())
        }
        (Some(valid), ColumnShape::Nullable) => Ok(Levels::Validity(valid)),
        (Some(_), _) => Err("validity is given and the column has no nulls".to_owned().into()),
    }
}

fn lists(offsets: &[u32]) -> Result<Levels<'_>, ChunkError> {
    match offsets.windows(2).position(|list| list[0] > list[1]) {
        Some(row) => Err(format!("the list of row {row} ends before it starts").into()),
        None => Ok(Levels::Lists(offsets)),
    }
}

fn mismatch(spec: &ColumnSpec) -> ChunkError {
    ChunkError::Data(format!("a {:?} column of {:?} cannot hold data of this form", spec.shape, spec.kind))
}

fn in_range(spec: &ColumnSpec, least: i64, greatest: i64) -> Result<(), ChunkError> {
    match spec.kind.range() {
        Some((low, high)) if least < low || greatest > high => {
            let bad = if least < low { least } else { greatest };
            Err(format!("{bad} is outside {low}..={high}, which is what {:?} can hold", spec.kind).into())
        }
        _ => Ok(()),
    }
}

/// The values of valid rows.
fn valid<'a, T: Copy>(values: &'a [T], validity: Validity<'_>) -> std::borrow::Cow<'a, [T]> {
    match validity {
        None => values.into(),
        Some(valid) => values.iter().zip(valid).filter(|(_, valid)| **valid).map(|(value, _)| *value).collect(),
    }
}

/// The elements that the lists' offsets, known to ascend, take out of `values`.
fn elements<'a, T>(offsets: &[u32], values: &'a [T]) -> Result<&'a [T], ChunkError> {
    let [first, .., last] = offsets else { return Ok(&[]) };
    values
        .get(*first as usize..*last as usize)
        .ok_or_else(|| format!("the lists end at element {last} and {} elements are given", values.len()).into())
}
