//! Where an archive lives: one interface over a local directory, memory, and the object stores of the clouds.
//!
//! Everything here blocks the calling thread. Paths are relative to the archive root and use forward slashes.
//! Files are written whole and appear at once; the archive never changes a data file after that, so a reader may
//! keep one open. Small files that do change are read with [`Store::read`].
//!
//! ```
//! # use daybook_archive::store::Store;
//! let store = Store::open("memory://")?;
//! store.put("notes/today", b"hello".as_slice().into())?;
//! assert_eq!(store.read_range("notes/today", 1..4)?, "ell");
//! # Ok::<(), daybook_archive::store::StoreError>(())
//! ```

mod blocking;
mod error;
mod faults;
mod file;
mod local;
mod object_store_view;
mod remote;
#[cfg(test)]
pub(crate) mod tests;
mod writer;

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use object_store::DynObjectStore;
use object_store::memory::InMemory;
use url::Url;

pub(crate) use self::blocking::Blocking;
pub use self::error::{ErrorKind, Operation, StoreError};
pub use self::faults::Faults;
pub use self::file::{SequentialReader, StoredFile};
use self::local::LocalStore;
pub(crate) use self::object_store_view::ObjectStoreView;
use self::remote::RemoteStore;
pub use self::writer::StoreWriter;

/// Settings of the clouds are taken from environment variables with these prefixes.
const CLOUD_VARIABLES: [&str; 3] = ["AWS_", "GOOGLE_", "AZURE_"];

/// A file of the store, as listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileInfo {
    /// Path relative to the archive root.
    pub path: String,
    /// Size in bytes.
    pub size: u64,
    /// Last modification in nanoseconds since 1970 UTC, as precise as the store keeps it.
    pub modified_ns: i64,
    /// The version tag of an object store; none for local files.
    pub etag: Option<String>,
}

/// An archive root. Cheap to clone; clones share open files and connections.
#[derive(Debug, Clone)]
pub struct Store {
    inner: Arc<Inner>,
    faults: Option<Arc<dyn Faults>>,
}

#[derive(Debug)]
struct Inner {
    root: Url,
    backend: Backend,
}

#[derive(Debug)]
enum Backend {
    Local(LocalStore),
    Remote(RemoteStore),
}

impl Store {
    /// Opens the archive root at `root`: a directory path, or a URL of scheme `file`, `memory`, `s3`, `gs`, `az`
    /// or another that `object_store` knows. Credentials and settings of the clouds are taken from the environment
    /// variables `AWS_…`, `GOOGLE_…` and `AZURE_…`. Nothing is read, written or connected to yet, and the
    /// directory need not exist. Every `memory://` store is a new and empty one.
    pub fn open(root: &str) -> Result<Self, StoreError> {
        let variables =
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
        let cloud = variables.filter(|(name, _)| CLOUD_VARIABLES.iter().any(|prefix| name.starts_with(prefix)));
        Self::open_with(root, cloud)
    }

    /// Like [`open`](Self::open), with the settings given instead of taken from the environment, under the names
    /// of the environment variables (`AWS_REGION`, in any case).
    pub fn open_with(root: &str, options: impl IntoIterator<Item = (String, String)>) -> Result<Self, StoreError> {
        let invalid = |why: String| StoreError::new(Operation::Open, root, ErrorKind::InvalidPath, why);
        let url = match Url::parse(root) {
            Ok(url) if root.contains("://") || url.scheme() == "file" => url,
            _ => {
                let absolute = std::path::absolute(root).map_err(|error| invalid(error.to_string()))?;
                Url::from_directory_path(&absolute).map_err(|()| invalid("not a path".into()))?
            }
        };
        let backend = match url.scheme() {
            "file" => {
                let path = url.to_file_path().map_err(|()| invalid("not the URL of a local directory".into()))?;
                Backend::Local(LocalStore::new(path))
            }
            "memory" => {
                let prefix =
                    object_store::path::Path::from_url_path(url.path()).map_err(|error| invalid(error.to_string()))?;
                let memory = Arc::new(InMemory::new());
                Backend::Remote(RemoteStore::new(memory, prefix, url.as_str(), Blocking::without_runtime()))
            }
            _ => {
                let blocking =
                    Blocking::with_runtime().map_err(|error| StoreError::from_io(Operation::Open, root, &error))?;
                let parsed = {
                    let _current = blocking.enter();
                    object_store::parse_url_opts(&url, options)
                };
                let (store, prefix) = parsed.map_err(|error| invalid(error.to_string()))?;
                Backend::Remote(RemoteStore::new(store.into(), prefix, url.as_str(), blocking))
            }
        };
        Ok(Self { inner: Arc::new(Inner { root: url, backend }), faults: None })
    }

    /// Wraps an object store that exists already; `root` names it in messages. Futures of the store may use the
    /// network and timers of Tokio.
    pub fn from_object_store(store: Arc<DynObjectStore>, root: &Url) -> Result<Self, StoreError> {
        let blocking =
            Blocking::with_runtime().map_err(|error| StoreError::from_io(Operation::Open, root.as_str(), &error))?;
        let prefix = object_store::path::Path::default();
        let backend = Backend::Remote(RemoteStore::new(store, prefix, root.as_str(), blocking));
        Ok(Self { inner: Arc::new(Inner { root: root.clone(), backend }), faults: None })
    }

    /// The same store, failing as `faults` decides. For tests.
    #[must_use]
    pub fn with_faults(&self, faults: Arc<dyn Faults>) -> Self {
        Self { inner: Arc::clone(&self.inner), faults: Some(faults) }
    }

    /// The root's URL.
    pub fn root(&self) -> &Url {
        &self.inner.root
    }

    /// Whether the root is a local directory.
    pub fn is_local(&self) -> bool {
        matches!(self.inner.backend, Backend::Local(_))
    }

    /// The full path or URL of a file, for messages.
    pub fn location(&self, path: &str) -> String {
        match &self.inner.backend {
            Backend::Local(local) => local.full_path(path).display().to_string(),
            Backend::Remote(remote) => remote.location(path),
        }
    }

    /// Reads exactly `range` of an immutable file: one `pread` on a cached handle locally, one request remotely.
    /// A range past the end is [`ErrorKind::Truncated`].
    pub fn read_range(&self, path: &str, range: Range<u64>) -> Result<Bytes, StoreError> {
        self.check(Operation::Read, path)?;
        match &self.inner.backend {
            Backend::Local(local) => local.read_range(path, range),
            Backend::Remote(remote) => remote.read_range(path, range),
        }
    }

    /// Reads a whole file as it is now.
    pub fn read(&self, path: &str) -> Result<Bytes, StoreError> {
        self.check(Operation::Read, path)?;
        match &self.inner.backend {
            Backend::Local(local) => local.read(path),
            Backend::Remote(remote) => remote.read(path),
        }
    }

    /// A handle on an immutable file, for many reads by position. Remotely this costs one request for the size.
    pub fn file(&self, path: &str) -> Result<StoredFile, StoreError> {
        check_path(self, Operation::Read, path)?;
        StoredFile::open(self, path)
    }

    /// Like [`file`](Self::file) for a file whose size the caller knows: no request is made.
    pub fn file_with_size(&self, path: &str, size: u64) -> Result<StoredFile, StoreError> {
        check_path(self, Operation::Read, path)?;
        StoredFile::with_size(self, path, size)
    }

    /// Size, time and tag of a file as it is now.
    pub fn stat(&self, path: &str) -> Result<FileInfo, StoreError> {
        self.check(Operation::Stat, path)?;
        match &self.inner.backend {
            Backend::Local(local) => local.stat(path),
            Backend::Remote(remote) => remote.stat(path),
        }
    }

    /// The size of a file in bytes.
    pub fn size(&self, path: &str) -> Result<u64, StoreError> {
        self.stat(path).map(|info| info.size)
    }

    /// Whether there is a file of this name.
    pub fn exists(&self, path: &str) -> Result<bool, StoreError> {
        match self.stat(path) {
            Ok(_) => Ok(true),
            Err(error) if error.is_not_found() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// All files below the directory `prefix` (the whole archive if empty), at any depth, sorted by path. A missing
    /// directory has none. Files still being written, or left behind by a crash while they were, are not listed.
    pub fn list(&self, prefix: &str) -> Result<Vec<FileInfo>, StoreError> {
        self.list_where(prefix, &|path| !local::is_temporary(path))
    }

    /// The unfinished files below `prefix`: being written right now, or left behind by a crash.
    pub(crate) fn list_unfinished(&self, prefix: &str) -> Result<Vec<FileInfo>, StoreError> {
        self.list_where(prefix, &local::is_temporary)
    }

    fn list_where(&self, prefix: &str, keep: &dyn Fn(&str) -> bool) -> Result<Vec<FileInfo>, StoreError> {
        let prefix = prefix.trim_end_matches('/');
        if prefix.is_empty() {
            self.check_faults(Operation::List, prefix)?;
        } else {
            self.check(Operation::List, prefix)?;
        }
        let mut found = match &self.inner.backend {
            Backend::Local(local) => local.list(prefix, keep),
            Backend::Remote(remote) => remote.list(prefix, keep),
        }?;
        found.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        Ok(found)
    }

    /// Writes a whole file, replacing what had that name; durable when it returns.
    pub fn put(&self, path: &str, bytes: Bytes) -> Result<(), StoreError> {
        self.put_mode(path, bytes, true)
    }

    /// Writes a whole file unless there is one of that name, which is [`ErrorKind::AlreadyExists`]: of several
    /// writers exactly one succeeds. Durable when it returns. After another error the file may be there or not.
    pub fn put_new(&self, path: &str, bytes: Bytes) -> Result<(), StoreError> {
        self.put_mode(path, bytes, false)
    }

    /// Replaces a small file that its readers can tell from a damaged one and do without: a cache. Others see the old
    /// or the new one, but after a power loss it may be neither. Spares the wait for the disk.
    pub(crate) fn put_cache(&self, path: &str, bytes: Bytes) -> Result<(), StoreError> {
        self.check(Operation::Write, path)?;
        match &self.inner.backend {
            Backend::Local(local) => local.put_unsynced(path, &bytes),
            Backend::Remote(remote) => remote.put(path, bytes, true),
        }
    }

    fn put_mode(&self, path: &str, bytes: Bytes, replace: bool) -> Result<(), StoreError> {
        self.check(Operation::Write, path)?;
        match &self.inner.backend {
            Backend::Local(local) => local.put(path, &bytes, replace),
            Backend::Remote(remote) => remote.put(path, bytes, replace),
        }?;
        self.check_after_put(path)
    }

    fn check_after_put(&self, path: &str) -> Result<(), StoreError> {
        let Some(faults) = &self.faults else { return Ok(()) };
        let error = |error| StoreError::from_io(Operation::Write, self.location(path), &error);
        faults.after_put(path).map_err(error)
    }

    /// Starts a file of any size. It holds at most a few megabytes in memory.
    pub fn create_writer(&self, path: &str) -> Result<StoreWriter, StoreError> {
        check_path(self, Operation::Write, path)?;
        StoreWriter::create(self, path)
    }

    /// Deletes a file. Locally a missing one is an error; some object stores do not tell.
    pub fn delete(&self, path: &str) -> Result<(), StoreError> {
        self.check(Operation::Delete, path)?;
        match &self.inner.backend {
            Backend::Local(local) => local.delete(path),
            Backend::Remote(remote) => remote.delete(path),
        }
    }

    /// Forces a file and the directories that lead to it to stable storage, for files that were not written
    /// through this store (whose own writes are durable already). Does nothing where the store is remote.
    pub fn make_durable(&self, path: &str) -> Result<(), StoreError> {
        self.check(Operation::Sync, path)?;
        match &self.inner.backend {
            Backend::Local(local) => local.make_durable(path),
            Backend::Remote(_) => Ok(()),
        }
    }

    /// How futures of an [`ObjectStoreView`] on this store are to be driven.
    pub(crate) fn blocking(&self) -> Blocking {
        match &self.inner.backend {
            Backend::Local(_) => Blocking::without_runtime(),
            Backend::Remote(remote) => remote.blocking().clone(),
        }
    }

    fn check(&self, operation: Operation, path: &str) -> Result<(), StoreError> {
        check_path(self, operation, path)?;
        self.check_faults(operation, path)
    }

    fn check_faults(&self, operation: Operation, path: &str) -> Result<(), StoreError> {
        let Some(faults) = &self.faults else { return Ok(()) };
        faults.before(operation, path).map_err(|error| StoreError::from_io(operation, self.location(path), &error))
    }
}

impl fmt::Display for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.inner.root.as_str())
    }
}

/// Characters that some backend would have to escape or refuse.
const REFUSED: &[char] = &['\\', '{', '}', '^', '%', '`', '[', ']', '"', '<', '>', '~', '#', '|', '*', '?'];

/// A path must stay inside the root and mean the same file on every backend.
fn check_path(store: &Store, operation: Operation, path: &str) -> Result<(), StoreError> {
    let refused = |c: char| c.is_control() || REFUSED.contains(&c);
    let odd = |part: &str| part.is_empty() || part == "." || part == ".." || part.contains(refused);
    if path.split('/').any(odd) {
        let why = format!("'{path}' is not a relative path of plain names separated by '/'");
        return Err(StoreError::new(operation, store.location(path), ErrorKind::InvalidPath, why));
    }
    Ok(())
}
