//! A segment file whose pages are checked as they are read, so that a flipped bit is an error and never a wrong book.

use std::{collections::HashMap, sync::Arc};

use bytes::Bytes;
use parquet::{
    errors::{ParquetError, Result as ParquetResult},
    file::{
        metadata::ParquetMetaData,
        reader::{ChunkReader, Length},
    },
};

use crate::{parquet_file::page_checksums, store::StoredFile};

/// A file of which every page is compared with its checksum. Files of other writers carry none and are read as they are.
#[derive(Clone)]
pub struct CheckedFile {
    file: StoredFile,
    /// CRC-32C by offset and length.
    pages: Option<Arc<HashMap<(u64, u32), u32>>>,
}

impl CheckedFile {
    /// Takes the checksums from the footer, which the caller has checked.
    pub fn new(file: StoredFile, metadata: &ParquetMetaData) -> Result<CheckedFile, String> {
        let pages = page_checksums(metadata)?
            .map(|pages| Arc::new(pages.into_iter().map(|page| ((page.offset, page.bytes), page.crc32c)).collect()));
        Ok(CheckedFile { file, pages })
    }
}

impl Length for CheckedFile {
    fn len(&self) -> u64 {
        self.file.len()
    }
}

impl ChunkReader for CheckedFile {
    type T = <StoredFile as ChunkReader>::T;

    fn get_read(&self, start: u64) -> ParquetResult<Self::T> {
        self.file.get_read(start)
    }

    fn get_bytes(&self, start: u64, length: usize) -> ParquetResult<Bytes> {
        let bytes = self.file.get_bytes(start, length)?;
        if let Some(pages) = &self.pages {
            let expected = u32::try_from(length).ok().and_then(|length| pages.get(&(start, length)));
            match expected {
                Some(expected) if *expected == crc32c::crc32c(&bytes) => {}
                Some(_) => {
                    return Err(ParquetError::General(format!(
                        "the page at byte {start} ({length} bytes) does not match its checksum"
                    )));
                }
                None => {
                    return Err(ParquetError::General(format!("there is no page of {length} bytes at byte {start}")));
                }
            }
        }
        Ok(bytes)
    }
}
