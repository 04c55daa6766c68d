//! One stored file, read by position: what a Parquet reader reads from.

use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::sync::Arc;

use bytes::{Buf, Bytes};
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, Length};

use super::{Backend, Operation, Store, StoreError, local};

/// How much a sequential read fetches at a time: little from a disk, more where a request has a price.
const LOCAL_BLOCK: u64 = 64 << 10;
const REMOTE_BLOCK: u64 = 1 << 20;

/// A handle on one immutable file. Cheap to clone; reads from any thread.
#[derive(Debug, Clone)]
pub struct StoredFile {
    store: Store,
    path: Arc<str>,
    size: u64,
    /// The open file where the root is local: it stays readable even if its name is deleted meanwhile.
    handle: Option<Arc<File>>,
}

impl StoredFile {
    pub(super) fn open(store: &Store, path: &str) -> Result<Self, StoreError> {
        store.check(Operation::Read, path)?;
        let (handle, size) = match &store.inner.backend {
            Backend::Local(local) => local.handle(path).map(|(file, size)| (Some(file), size))?,
            Backend::Remote(remote) => (None, remote.stat(path)?.size),
        };
        Ok(Self { store: store.clone(), path: path.into(), size, handle })
    }

    /// A file whose size is known from the table, so that no request is needed to open it.
    pub(super) fn with_size(store: &Store, path: &str, size: u64) -> Result<Self, StoreError> {
        match store.inner.backend {
            Backend::Local(_) => Self::open(store, path),
            Backend::Remote(_) => Ok(Self { store: store.clone(), path: path.into(), size, handle: None }),
        }
    }

    /// The path, relative to the archive root.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The full path or URL, for messages.
    pub fn location(&self) -> String {
        self.store.location(&self.path)
    }

    /// The size in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Reads exactly `range`. One `pread` locally, one request remotely.
    pub fn read_range(&self, range: Range<u64>) -> Result<Bytes, StoreError> {
        let Some(file) = &self.handle else {
            return self.store.read_range(&self.path, range);
        };
        self.store.check(Operation::Read, &self.path)?;
        local::read_at(file, self.size, range)
            .map_err(|error| StoreError::from_io(Operation::Read, self.location(), &error))
    }
}

impl Length for StoredFile {
    fn len(&self) -> u64 {
        self.size
    }
}

impl ChunkReader for StoredFile {
    type T = SequentialReader;

    fn get_read(&self, start: u64) -> parquet::errors::Result<Self::T> {
        Ok(SequentialReader { file: self.clone(), next: start, block: Bytes::new() })
    }

    fn get_bytes(&self, start: u64, length: usize) -> parquet::errors::Result<Bytes> {
        let range = start..start.saturating_add(length as u64);
        self.read_range(range).map_err(|error| ParquetError::External(Box::new(error)))
    }
}

/// Reads a [`StoredFile`] forward from some position, a block at a time.
#[derive(Debug)]
pub struct SequentialReader {
    file: StoredFile,
    next: u64,
    block: Bytes,
}

impl Read for SequentialReader {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.block.is_empty() && self.next < self.file.size {
            let block = if self.file.handle.is_some() { LOCAL_BLOCK } else { REMOTE_BLOCK };
            let end = self.file.size.min(self.next.saturating_add(block));
            self.block = self.file.read_range(self.next..end)?;
            self.next = end;
        }
        let count = self.block.len().min(into.len());
        self.block.copy_to_slice(&mut into[..count]);
        Ok(count)
    }
}
