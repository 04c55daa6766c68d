//! One file of a table, sealed or not: read by ranges, every page compared with its checksum.

use std::{
    collections::HashMap,
    ops::Range,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use bytes::Bytes;
use datafusion::{
    arrow::{array::types::Date32Type, compute::kernels::cast_utils::Parser},
    parquet::{
        errors::ParquetError,
        file::metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader},
    },
};
use daybook_archive::{
    Archive, Error,
    catalog::FileEntry,
    parquet_file::{PageChecksum, page_checksums},
    segment_name::SegmentName,
    store::Store,
};

/// Bytes at the end of a file that are read first: most footers and page indexes fit in.
const FIRST_TAIL: u64 = 64 << 10;
/// Sealed files whose footers are kept for later queries, at most.
const KEPT_FILES: usize = 512;

/// One file of a table.
#[derive(Debug)]
pub(crate) struct TableFile {
    /// Path in the archive; for rows that are not sealed, a name for explanations.
    pub(crate) path: String,
    /// Bytes.
    pub(crate) size: u64,
    /// Rows, where known.
    pub(crate) rows: Option<usize>,
    /// Partition, in days since the Unix epoch.
    pub(crate) date: Option<i32>,
    /// Least and greatest ticker, where known.
    pub(crate) tickers: Option<(String, String)>,
    place: Place,
    footer: OnceLock<Footer>,
}

#[derive(Debug)]
enum Place {
    Stored(Store),
    Memory(Bytes),
}

#[derive(Debug)]
struct Footer {
    metadata: Arc<ParquetMetaData>,
    /// By offset. Empty for a file of another writer.
    pages: Vec<PageChecksum>,
}

impl TableFile {
    /// A sealed file.
    fn sealed(store: &Store, entry: &FileEntry) -> Result<TableFile, Error> {
        let damaged = |reason: String| Error::Damaged { file: store.location(&entry.path), reason };
        let date = entry.date.as_deref().map(|date| {
            Date32Type::parse(date).ok_or_else(|| damaged(format!("the table's log gives it the date {date:?}")))
        });
        Ok(TableFile {
            path: entry.path.clone(),
            size: entry.size,
            // The table's log says zero where another writer left the number out.
            rows: usize::try_from(entry.rows).ok().filter(|rows| *rows > 0),
            date: date.transpose()?,
            tickers: entry.tickers.clone(),
            place: Place::Stored(store.clone()),
            footer: OnceLock::new(),
        })
    }

    /// Rows that are not sealed yet, as a Parquet file in memory.
    pub(crate) fn unsealed(path: String, date: Option<&str>, bytes: Bytes) -> Result<TableFile, Error> {
        let mut file = TableFile {
            path,
            size: bytes.len() as u64,
            rows: None,
            date: date.and_then(Date32Type::parse),
            tickers: None,
            place: Place::Memory(bytes),
            footer: OnceLock::new(),
        };
        file.rows = usize::try_from(file.footer()?.metadata.file_metadata().num_rows()).ok();
        Ok(file)
    }

    /// Whether reading it takes no time to speak of.
    pub(crate) fn is_in_memory(&self) -> bool {
        matches!(self.place, Place::Memory(_))
    }

    /// Whether ranges that lie close together are better read as one.
    pub(crate) fn is_remote(&self) -> bool {
        matches!(&self.place, Place::Stored(store) if !store.is_local())
    }

    /// What the file says of itself. Blocks while it is read the first time.
    pub(crate) fn metadata(&self) -> Result<Arc<ParquetMetaData>, Error> {
        Ok(self.footer()?.metadata.clone())
    }

    /// Reads a range. Blocks. Pages that lie wholly in it are compared with their checksums.
    pub(crate) fn read(&self, range: Range<u64>) -> Result<Bytes, Error> {
        let footer = self.footer()?;
        let bytes = self.read_unchecked(range.clone())?;
        let first = footer.pages.partition_point(|page| page.offset < range.start);
        for page in &footer.pages[first..] {
            let end = page.offset + u64::from(page.bytes);
            if end > range.end {
                break;
            }
            let found = &bytes[index(page.offset - range.start)..index(end - range.start)];
            if crc32c::crc32c(found) != page.crc32c {
                return Err(self.damaged(format!("the page at byte {} does not match its checksum", page.offset)));
            }
        }
        Ok(bytes)
    }

    fn footer(&self) -> Result<&Footer, Error> {
        if let Some(footer) = self.footer.get() {
            return Ok(footer);
        }
        // Two threads may both get here: one of the two equal footers is kept.
        let footer = self.read_footer()?;
        Ok(self.footer.get_or_init(|| footer))
    }

    fn read_footer(&self) -> Result<Footer, Error> {
        let mut reader = ParquetMetaDataReader::new().with_page_index_policy(PageIndexPolicy::Optional);
        // Our own file's name says how long its footer is, and what its bytes must be.
        let name = SegmentName::parse(&self.path).filter(|_| !self.is_in_memory());
        if let Some(name) = name.filter(|name| name.tail_bytes <= self.size) {
            let tail = self.read_unchecked(self.size - name.tail_bytes..self.size)?;
            if name.digest(&tail) != name.tail_digest {
                return Err(self.damaged("its footer does not match the checksum in its name"));
            }
            reader.try_parse_sized(&tail, self.size).map_err(|error| self.damaged(error))?;
            return self.footer_of(reader);
        }
        let mut wanted = FIRST_TAIL.min(self.size);
        loop {
            let tail = self.read_unchecked(self.size - wanted..self.size)?;
            match reader.try_parse_sized(&tail, self.size) {
                Ok(()) => break,
                Err(ParquetError::NeedMoreData(needed)) if needed as u64 > wanted && needed as u64 <= self.size => {
                    wanted = needed as u64;
                }
                Err(error) => return Err(self.damaged(error)),
            }
        }
        self.footer_of(reader)
    }

    fn footer_of(&self, mut reader: ParquetMetaDataReader) -> Result<Footer, Error> {
        let metadata = Arc::new(reader.finish().map_err(|error| self.damaged(error))?);
        let mut pages = page_checksums(&metadata).map_err(|reason| self.damaged(reason))?.unwrap_or_default();
        pages.sort_unstable_by_key(|page| page.offset);
        Ok(Footer { metadata, pages })
    }

    fn read_unchecked(&self, range: Range<u64>) -> Result<Bytes, Error> {
        if range.start > range.end || range.end > self.size {
            return Err(self.damaged(format!("bytes {}..{} lie outside of its {}", range.start, range.end, self.size)));
        }
        match &self.place {
            Place::Stored(store) => Ok(store.read_range(&self.path, range)?),
            Place::Memory(bytes) => Ok(bytes.slice(index(range.start)..index(range.end))),
        }
    }

    fn damaged(&self, reason: impl ToString) -> Error {
        let file = match &self.place {
            Place::Stored(store) => store.location(&self.path),
            Place::Memory(_) => self.path.clone(),
        };
        Error::Damaged { file, reason: reason.to_string() }
    }
}

/// A position inside of bytes that are in memory.
fn index(position: u64) -> usize {
    usize::try_from(position).expect("what is in memory has positions that fit")
}

/// Sealed files with their footers, kept for the next query.
#[derive(Debug, Default)]
pub(crate) struct FileCache {
    files: Mutex<HashMap<String, Arc<TableFile>>>,
}

impl FileCache {
    /// The file of this entry.
    pub(crate) fn sealed(&self, archive: &Archive, entry: &FileEntry) -> Result<Arc<TableFile>, Error> {
        let key = archive.store().location(&entry.path);
        // A panic elsewhere leaves a cache that is as good as before.
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = files.get(&key) {
            return Ok(file.clone());
        }
        let file = Arc::new(TableFile::sealed(archive.store(), entry)?);
        if files.len() >= KEPT_FILES {
            files.clear();
        }
        files.insert(key, file.clone());
        Ok(file)
    }
}
