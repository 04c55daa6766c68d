//! An archive root behind the `object_store` interface: a bucket of S3, GCS or Azure, or memory.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{DynObjectStore, MultipartUpload, ObjectMeta, ObjectStoreExt, PutMode, PutOptions, PutPayload};

use super::blocking::Blocking;
use super::{FileInfo, Operation, StoreError};

/// The smallest part of a multipart upload but the last. S3 takes no part below 5 MiB and no more than 10,000
/// parts, so files of up to 80 GB can be streamed.
const PART_SIZE: usize = 8 << 20;

/// A prefix of an object store.
#[derive(Debug, Clone)]
pub(super) struct RemoteStore {
    store: Arc<DynObjectStore>,
    prefix: Path,
    /// The root's URL ending in a slash, for messages.
    root: Arc<str>,
    blocking: Blocking,
}

impl RemoteStore {
    pub(super) fn new(store: Arc<DynObjectStore>, prefix: Path, root: &str, blocking: Blocking) -> Self {
        let slash = if root.ends_with('/') { "" } else { "/" };
        Self { store, prefix, root: format!("{root}{slash}").into(), blocking }
    }

    pub(super) fn blocking(&self) -> &Blocking {
        &self.blocking
    }

    pub(super) fn object_store(&self) -> &Arc<DynObjectStore> {
        &self.store
    }

    pub(super) fn location(&self, path: &str) -> String {
        format!("{}{path}", self.root)
    }

    /// The object that holds `path`.
    pub(super) fn key(&self, path: &str) -> Path {
        self.prefix.parts().chain(Path::from(path).parts()).collect()
    }

    /// The path that an object holds, or `None` when it is not under the root.
    pub(super) fn path_of(&self, key: &Path) -> Option<String> {
        let parts = key.prefix_match(&self.prefix)?;
        Some(parts.map(|part| part.as_ref().to_owned()).collect::<Vec<_>>().join("/"))
    }

    pub(super) fn error(&self, operation: Operation, path: &str, error: &object_store::Error) -> StoreError {
        StoreError::from_remote(operation, self.location(path), error)
    }

    pub(super) fn read_range(&self, path: &str, range: Range<u64>) -> Result<Bytes, StoreError> {
        if range.is_empty() {
            return Ok(Bytes::new());
        }
        let wanted = range.end.saturating_sub(range.start);
        let read = self.blocking.wait(self.store.get_range(&self.key(path), range.clone()));
        let bytes = read.map_err(|error| self.error(Operation::Read, path, &error))?;
        // A store may answer with what there is.
        if bytes.len() as u64 != wanted {
            let told = format!("bytes {}..{} were asked for, {} came", range.start, range.end, bytes.len());
            let kind = super::ErrorKind::Truncated;
            return Err(StoreError::new(Operation::Read, self.location(path), kind, told));
        }
        Ok(bytes)
    }

    pub(super) fn read(&self, path: &str) -> Result<Bytes, StoreError> {
        let key = self.key(path);
        let read = self.blocking.wait(async { self.store.get(&key).await?.bytes().await });
        read.map_err(|error| self.error(Operation::Read, path, &error))
    }

    pub(super) fn stat(&self, path: &str) -> Result<FileInfo, StoreError> {
        let found = self.blocking.wait(self.store.head(&self.key(path)));
        let meta = found.map_err(|error| self.error(Operation::Stat, path, &error))?;
        Ok(file_info(path.to_owned(), meta))
    }

    pub(super) fn list(&self, prefix: &str, keep: &dyn Fn(&str) -> bool) -> Result<Vec<FileInfo>, StoreError> {
        let key = self.key(prefix);
        let listed: Result<Vec<ObjectMeta>, _> = self.blocking.wait(self.store.list(Some(&key)).try_collect());
        let listed = listed.map_err(|error| self.error(Operation::List, prefix, &error))?;
        let named = listed.into_iter().filter_map(|meta| Some((self.path_of(&meta.location)?, meta)));
        Ok(named.filter(|(path, _)| keep(path)).map(|(path, meta)| file_info(path, meta)).collect())
    }

    pub(super) fn put(&self, path: &str, bytes: Bytes, replace: bool) -> Result<(), StoreError> {
        let mode = if replace { PutMode::Overwrite } else { PutMode::Create };
        let payload = PutPayload::from_bytes(bytes);
        let key = self.key(path);
        let put = self.blocking.wait(self.store.put_opts(&key, payload, PutOptions::from(mode)));
        put.map(drop).map_err(|error| self.error(Operation::Write, path, &error))
    }

    pub(super) fn delete(&self, path: &str) -> Result<(), StoreError> {
        self.blocking
            .wait(self.store.delete(&self.key(path)))
            .map_err(|error| self.error(Operation::Delete, path, &error))
    }
}

fn file_info(path: String, meta: ObjectMeta) -> FileInfo {
    let modified_ns = meta.last_modified.timestamp_nanos_opt().unwrap_or(i64::MAX);
    FileInfo { path, size: meta.size, modified_ns, etag: meta.e_tag }
}

/// A file being uploaded: in one request when it is small, in parts when it is not. It holds one part in memory.
pub(super) struct Upload {
    store: RemoteStore,
    path: String,
    buffer: Vec<u8>,
    parts: Option<Box<dyn MultipartUpload>>,
}

impl Upload {
    pub(super) fn new(store: RemoteStore, path: String) -> Self {
        Self { store, path, buffer: Vec::new(), parts: None }
    }

    pub(super) fn write_all(&mut self, mut bytes: &[u8]) -> Result<(), StoreError> {
        while self.buffer.len() + bytes.len() >= PART_SIZE {
            let (now, later) = bytes.split_at(PART_SIZE - self.buffer.len());
            self.buffer.extend_from_slice(now);
            self.send_part()?;
            bytes = later;
        }
        self.buffer.extend_from_slice(bytes);
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<(), StoreError> {
        if self.parts.is_none() {
            let bytes = Bytes::from(std::mem::take(&mut self.buffer));
            return self.store.put(&self.path, bytes, true);
        }
        if !self.buffer.is_empty() {
            self.send_part()?;
        }
        let Some(mut parts) = self.parts.take() else { return Ok(()) };
        let completed = self.store.blocking.wait(parts.complete());
        completed.map(drop).map_err(|error| self.store.error(Operation::Write, &self.path, &error))
    }

    fn send_part(&mut self) -> Result<(), StoreError> {
        let part = PutPayload::from(std::mem::take(&mut self.buffer));
        let sent = (|| {
            let parts = match &mut self.parts {
                Some(parts) => parts,
                none => {
                    let key = self.store.key(&self.path);
                    none.insert(self.store.blocking.wait(self.store.store.put_multipart(&key))?)
                }
            };
            self.store.blocking.wait(parts.put_part(part))
        })();
        sent.map_err(|error| self.store.error(Operation::Write, &self.path, &error))
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        if let Some(mut parts) = self.parts.take() {
            // Parts that cannot be withdrawn now expire by the bucket's own rule; nobody ever sees them as a file.
            let _ = self.store.blocking.wait(parts.abort());
        }
    }
}
