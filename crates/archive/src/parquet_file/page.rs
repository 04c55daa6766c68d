//! Pages compressed and collected into the bytes of one column chunk.

use std::mem::take;

use bytes::Bytes;
use parquet::basic::{Encoding, PageType};
use parquet::column::page::{CompressedPage, Page, PageWriter as _};
use parquet::errors::ParquetError;
use parquet::file::metadata::{OffsetIndexBuilder, PageEncodingStats};
use parquet::file::page_index::offset_index::OffsetIndexMetaData;
use parquet::file::writer::{SerializedPageWriter, TrackedWrite};
use zstd::bulk::Compressor;

use crate::parquet_file::error::WriteError;
use crate::parquet_file::levels::PageShape;

/// The bytes of a column chunk and what its metadata says about them. Offsets count from the chunk's first byte.
pub(crate) struct ChunkBytes {
    pub(crate) bytes: Bytes,
    pub(crate) dictionary_offset: Option<i64>,
    pub(crate) data_offset: i64,
    pub(crate) uncompressed_size: i64,
    pub(crate) encodings: Vec<PageEncodingStats>,
    pub(crate) offset_index: OffsetIndexMetaData,
}

/// Compresses pages and appends them to a chunk.
///
/// Data pages are of version 1: their levels are compressed with the values, and every reader knows them.
pub(crate) struct PageWriter {
    compressor: Compressor<'static>,
    compressed: Vec<u8>,
    /// The page that `compressed` came from: the pages of a constant column are all alike.
    previous: Vec<u8>,
    chunk: TrackedWrite<Vec<u8>>,
    dictionary_offset: Option<i64>,
    data_offset: Option<i64>,
    uncompressed_size: usize,
    encodings: Vec<PageEncodingStats>,
    offset_index: OffsetIndexBuilder,
}

impl PageWriter {
    pub(crate) fn new(zstd_level: i32) -> Result<Self, WriteError> {
        Ok(Self {
            compressor: Compressor::new(zstd_level).map_err(WriteError::Compress)?,
            compressed: Vec::new(),
            previous: Vec::new(),
            chunk: TrackedWrite::new(Vec::new()),
            dictionary_offset: None,
            data_offset: None,
            uncompressed_size: 0,
            encodings: Vec::new(),
            offset_index: OffsetIndexBuilder::new(),
        })
    }

    /// Sets the level for the pages to come.
    pub(crate) fn set_zstd_level(&mut self, zstd_level: i32) -> Result<(), WriteError> {
        self.compressor.set_compression_level(zstd_level).map_err(WriteError::Compress)
    }

    /// Appends the dictionary page: `count` values in PLAIN encoding. It comes before the data pages.
    pub(crate) fn dictionary(&mut self, values: &mut Vec<u8>, count: usize) -> Result<(), WriteError> {
        let (offset, _) = self.append(values, PageType::DICTIONARY_PAGE, Encoding::PLAIN, |buf| {
            Page::DictionaryPage { buf, num_values: count as u32, encoding: Encoding::PLAIN, is_sorted: false }
        })?;
        self.dictionary_offset = Some(offset);
        Ok(())
    }

    /// Appends a data page: its levels, then its values in `encoding`.
    pub(crate) fn data(&mut self, body: &mut Vec<u8>, shape: &PageShape, encoding: Encoding) -> Result<(), WriteError> {
        let (offset, size) = self.append(body, PageType::DATA_PAGE, encoding, |buf| Page::DataPage {
            buf,
            num_values: shape.entries as u32,
            encoding,
            def_level_encoding: Encoding::RLE,
            rep_level_encoding: Encoding::RLE,
            statistics: None,
        })?;
        self.data_offset.get_or_insert(offset);
        self.offset_index.append_row_count(shape.rows.len() as i64);
        self.offset_index.append_offset_and_size(offset, size);
        Ok(())
    }

    /// Ends the chunk and makes ready for the next.
    pub(crate) fn finish(&mut self) -> Result<ChunkBytes, WriteError> {
        self.previous.clear();
        let chunk = std::mem::replace(&mut self.chunk, TrackedWrite::new(Vec::new())).into_inner()?;
        Ok(ChunkBytes {
            bytes: chunk.into(),
            dictionary_offset: self.dictionary_offset.take(),
            data_offset: self.data_offset.take().unwrap_or(0),
            uncompressed_size: take(&mut self.uncompressed_size) as i64,
            encodings: take(&mut self.encodings),
            offset_index: take(&mut self.offset_index).build(),
        })
    }

    /// Compresses `raw`, which is left in an unspecified state, and appends it as a page. Returns offset and size.
    fn append(
        &mut self,
        raw: &mut Vec<u8>,
        page_type: PageType,
        encoding: Encoding,
        page: impl FnOnce(Bytes) -> Page,
    ) -> Result<(i64, i32), WriteError> {
        if *raw != self.previous || raw.is_empty() {
            self.compressed.clear();
            self.compressed.reserve(zstd::zstd_safe::compress_bound(raw.len()));
            self.compressor.compress_to_buffer(raw.as_slice(), &mut self.compressed).map_err(WriteError::Compress)?;
            std::mem::swap(raw, &mut self.previous);
        }
        let page = CompressedPage::new(page(Bytes::copy_from_slice(&self.compressed)), self.previous.len());
        let written = SerializedPageWriter::new(&mut self.chunk).write_page(page)?;
        let size = i32::try_from(written.compressed_size)
            .map_err(|_| ParquetError::General(format!("a page of {} bytes is too large", written.compressed_size)))?;
        self.uncompressed_size += written.uncompressed_size;
        match self.encodings.iter_mut().find(|seen| seen.page_type == page_type && seen.encoding == encoding) {
            Some(seen) => seen.count += 1,
            None => self.encodings.push(PageEncodingStats { page_type, encoding, count: 1 }),
        }
        Ok((written.offset as i64, size))
    }
}
