//! Streaming a large file into the store.

use std::fmt;
use std::io::{self, BufWriter, Write};

use super::local::Temporary;
use super::remote::Upload;
use super::{Backend, Operation, Store, StoreError};

/// Small writes are gathered up to this many bytes.
const BUFFER: usize = 256 << 10;

/// A file being written. It appears under its name, whole and durable, when [`finish`](Self::finish) returns;
/// dropped before that it leaves nothing behind.
pub struct StoreWriter {
    buffered: BufWriter<Target>,
}

impl StoreWriter {
    pub(super) fn create(store: &Store, path: &str) -> Result<Self, StoreError> {
        store.check(Operation::Write, path)?;
        let destination = match &store.inner.backend {
            Backend::Local(local) => Destination::Local(local.create_temporary(path)?),
            Backend::Remote(remote) => Destination::Remote(Upload::new(remote.clone(), path.to_owned())),
        };
        let target = Target { store: store.clone(), path: path.to_owned(), destination, written: 0, failed: None };
        Ok(Self { buffered: BufWriter::with_capacity(BUFFER, target) })
    }

    /// Appends bytes; unlike through [`Write`], the error keeps its type.
    pub fn append(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        let written = self.buffered.write_all(bytes);
        written.map_err(|error| self.buffered.get_ref().error(&error))
    }

    /// Completes the file and gives it its name, replacing what had that name. Returns its size in bytes.
    pub fn finish(mut self) -> Result<u64, StoreError> {
        let flushed = self.buffered.flush();
        flushed.map_err(|error| self.buffered.get_ref().error(&error))?;
        let (target, _) = self.buffered.into_parts();
        target.store.check(Operation::Write, &target.path)?;
        match (target.destination, &target.store.inner.backend) {
            (Destination::Local(temporary), Backend::Local(local)) => local.publish(temporary, &target.path, true)?,
            (Destination::Remote(upload), _) => upload.finish()?,
            (Destination::Local(_), Backend::Remote(_)) => unreachable!("a store's backend never changes"),
        }
        Ok(target.written)
    }
}

impl Write for StoreWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.buffered.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.buffered.flush()
    }
}

impl fmt::Debug for StoreWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let target = self.buffered.get_ref();
        f.debug_struct("StoreWriter").field("path", &target.path).field("written", &target.written).finish()
    }
}

struct Target {
    store: Store,
    path: String,
    destination: Destination,
    written: u64,
    /// A part may have been written when this happened, so nothing can follow it.
    failed: Option<StoreError>,
}

enum Destination {
    Local(Temporary),
    Remote(Upload),
}

impl Target {
    fn append(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.store.check(Operation::Write, &self.path)?;
        match &mut self.destination {
            Destination::Local(temporary) => temporary
                .write_all(bytes)
                .map_err(|error| StoreError::from_io(Operation::Write, self.store.location(&self.path), &error)),
            Destination::Remote(upload) => upload.write_all(bytes),
        }
    }

    /// The store's own error inside what [`Write`] made of it.
    fn error(&self, error: &io::Error) -> StoreError {
        match error.get_ref().and_then(|inner| inner.downcast_ref::<StoreError>()) {
            Some(inner) => inner.clone(),
            None => StoreError::from_io(Operation::Write, self.store.location(&self.path), error),
        }
    }
}

impl Write for Target {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Some(error) = &self.failed {
            return Err(error.clone().into());
        }
        if let Err(error) = self.append(bytes) {
            self.failed = Some(error.clone());
            return Err(error.into());
        }
        self.written += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
