//! Where the pages of a segment are, row group by row group: read from the file's tail when a question comes to them.

use std::sync::OnceLock;

use bytes::Bytes;
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData};

use crate::parquet_file::page_index::{PageBounds, PageLocation, page_bounds, page_count, page_locations};

/// The pages of a row group.
pub struct GroupIndex {
    /// First row of each page, counted over the file.
    pub(crate) first_rows: Vec<usize>,
    /// By column and page.
    pub(crate) locations: Vec<Vec<PageLocation>>,
    /// Least and greatest ticker of each page; empty in a table without tickers.
    pub(crate) tickers: Vec<PageBounds>,
    /// Least ordinal of each page; empty in a table without ordinals.
    pub(crate) ordinals: Vec<Option<u64>>,
}

/// The pages of a file.
pub struct SegmentIndex {
    tail: Bytes,
    tail_start: u64,
    ticker: Option<usize>,
    ordinal: Option<usize>,
    /// First row of each row group, and the number of rows as the last element.
    pub(crate) row_groups: Vec<usize>,
    /// Number of the first page of each row group, and the number of pages as the last element.
    pub(crate) first_pages: Vec<usize>,
    groups: Vec<OnceLock<GroupIndex>>,
}

impl SegmentIndex {
    /// Of a file whose tail is at hand. The row groups are counted, no more.
    pub fn new(footer: &ParquetMetaData, tail: Bytes, tail_start: u64) -> Result<SegmentIndex, String> {
        let columns = footer.file_metadata().schema_descr();
        let leaf = |name: &str| columns.columns().iter().position(|leaf| leaf.path().parts()[0] == name);
        let mut index = SegmentIndex {
            tail,
            tail_start,
            ticker: leaf("ticker"),
            ordinal: leaf("ordinal"),
            row_groups: vec![0],
            first_pages: vec![0],
            groups: footer.row_groups().iter().map(|_| OnceLock::new()).collect(),
        };
        let (mut rows, mut pages) = (0, 0);
        for group in footer.row_groups() {
            let chunk = group.columns().get(index.ticker.unwrap_or(0));
            let count = chunk.and_then(|chunk| page_count(index.offset_index(chunk)?));
            pages += count.ok_or("it has no page index")?;
            rows += usize::try_from(group.num_rows()).map_err(|error| error.to_string())?;
            index.first_pages.push(pages);
            index.row_groups.push(rows);
        }
        Ok(index)
    }

    /// The file's tail, unless all was read.
    pub fn tail(&self) -> &Bytes {
        &self.tail
    }

    fn slice(&self, offset: Option<i64>, length: Option<i32>) -> Option<&[u8]> {
        let start = usize::try_from(u64::try_from(offset?).ok()?.checked_sub(self.tail_start)?).ok()?;
        self.tail.get(start..start.checked_add(usize::try_from(length?).ok()?)?)
    }

    fn offset_index(&self, chunk: &ColumnChunkMetaData) -> Option<&[u8]> {
        self.slice(chunk.offset_index_offset(), chunk.offset_index_length())
    }

    fn bounds(&self, chunk: &ColumnChunkMetaData) -> Option<Vec<PageBounds>> {
        page_bounds(self.slice(chunk.column_index_offset(), chunk.column_index_length())?)
    }

    /// The pages of a row group; `None` if they contradict the footer.
    pub fn group(&self, footer: &ParquetMetaData, group: usize) -> Option<&GroupIndex> {
        let cell = self.groups.get(group)?;
        if let Some(index) = cell.get() {
            return Some(index);
        }
        let index = self.read_group(footer, group)?;
        Some(cell.get_or_init(|| index))
    }

    /// Reads everything, and lets go of the bytes that it came from.
    pub fn read_all(&mut self, footer: &ParquetMetaData) -> Option<()> {
        for group in 0..self.groups.len() {
            self.group(footer, group)?;
        }
        self.tail = Bytes::new();
        Some(())
    }

    fn read_group(&self, footer: &ParquetMetaData, group: usize) -> Option<GroupIndex> {
        let chunks = footer.row_groups().get(group)?.columns();
        let locations =
            chunks.iter().map(|chunk| page_locations(self.offset_index(chunk)?)).collect::<Option<Vec<_>>>()?;
        let pages = self.first_pages[group + 1] - self.first_pages[group];
        let rows = self.row_groups[group]..self.row_groups[group + 1];
        let leading = locations.get(self.ticker.unwrap_or(0))?;
        let first_rows: Vec<usize> = leading
            .iter()
            .map(|page| Some(rows.start + usize::try_from(page.first_row).ok()?).filter(|row| *row < rows.end))
            .collect::<Option<_>>()?;
        let rises = first_rows.first() == Some(&rows.start) && first_rows.is_sorted();
        if !rises || first_rows.len() != pages {
            return None;
        }
        let bounds = |leaf: Option<usize>| match leaf {
            Some(leaf) => self.bounds(chunks.get(leaf)?).filter(|bounds| bounds.len() == locations[leaf].len()),
            None => Some(Vec::new()),
        };
        let least = |bounds: PageBounds| {
            let (least, _) = bounds?;
            Some(u64::from_le_bytes(*least.first_chunk::<8>()?))
        };
        let ordinals = bounds(self.ordinal)?.into_iter().map(least).collect();
        Some(GroupIndex { tickers: bounds(self.ticker)?, ordinals, first_rows, locations })
    }
}
