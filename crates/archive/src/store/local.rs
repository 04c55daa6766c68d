//! An archive root in a local directory: reads by position through cached handles, writes that survive power loss.
//!
//! A file appears whole or not at all. It is written under a temporary name in its own directory, forced to stable
//! storage, given its name, and then the directory is forced too. Directories made on the way are forced likewise.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::UNIX_EPOCH;

use bytes::Bytes;

use super::{FileInfo, Operation, StoreError};

/// Handles kept open. Far below the usual limit of 1,024 per process, enough for the files of a busy day.
const CACHED_HANDLES: usize = 128;

/// A directory of the local file system.
#[derive(Debug)]
pub(super) struct LocalStore {
    root: PathBuf,
    handles: Mutex<HandleCache>,
}

impl LocalStore {
    pub(super) fn new(root: PathBuf) -> Self {
        Self { root, handles: Mutex::new(HandleCache::default()) }
    }

    pub(super) fn full_path(&self, path: &str) -> PathBuf {
        if path.is_empty() { self.root.clone() } else { self.root.join(path) }
    }

    fn error(&self, operation: Operation, path: &Path, error: &io::Error) -> StoreError {
        StoreError::from_io(operation, path.display().to_string(), error)
    }

    /// The open file and its size, from the cache where possible.
    pub(super) fn handle(&self, path: &str) -> Result<(Arc<File>, u64), StoreError> {
        if let Some(found) = self.lock_handles().get(path) {
            return Ok(found);
        }
        let full = self.full_path(path);
        let opened = File::open(&full).and_then(|file| {
            let metadata = file.metadata()?;
            if metadata.is_dir() {
                return Err(io::Error::from(io::ErrorKind::IsADirectory));
            }
            Ok((Arc::new(file), metadata.len()))
        });
        let opened = opened.map_err(|error| self.error(Operation::Read, &full, &error))?;
        self.lock_handles().insert(path, &opened);
        Ok(opened)
    }

    pub(super) fn read_range(&self, path: &str, range: Range<u64>) -> Result<Bytes, StoreError> {
        let (file, size) = self.handle(path)?;
        read_at(&file, size, range).map_err(|error| self.error(Operation::Read, &self.full_path(path), &error))
    }

    /// Reads the whole file as it is named now, not through the cache: a small file may have been replaced.
    pub(super) fn read(&self, path: &str) -> Result<Bytes, StoreError> {
        let full = self.full_path(path);
        fs::read(&full).map(Bytes::from).map_err(|error| self.error(Operation::Read, &full, &error))
    }

    /// Like [`read`](Self::read), a part only.
    pub(super) fn read_now(&self, path: &str, range: Range<u64>) -> Result<Bytes, StoreError> {
        let full = self.full_path(path);
        let read = File::open(&full).and_then(|file| read_at(&file, file.metadata()?.len(), range));
        read.map_err(|error| self.error(Operation::Read, &full, &error))
    }

    pub(super) fn stat(&self, path: &str) -> Result<FileInfo, StoreError> {
        let full = self.full_path(path);
        let metadata = fs::metadata(&full).map_err(|error| self.error(Operation::Stat, &full, &error))?;
        if metadata.is_dir() {
            return Err(self.error(Operation::Stat, &full, &io::Error::from(io::ErrorKind::NotFound)));
        }
        Ok(file_info(path.to_owned(), &metadata))
    }

    /// All files under the directory `prefix`, in no order. Names that are not UTF-8 are not ours and left out.
    pub(super) fn list(&self, prefix: &str, keep: &dyn Fn(&str) -> bool) -> Result<Vec<FileInfo>, StoreError> {
        let mut found = Vec::new();
        let mut pending = vec![prefix.to_owned()];
        while let Some(directory) = pending.pop() {
            let full = self.full_path(&directory);
            let entries = match fs::read_dir(&full) {
                Ok(entries) => entries,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(self.error(Operation::List, &full, &error)),
            };
            for entry in entries {
                let entry = entry.map_err(|error| self.error(Operation::List, &full, &error))?;
                let name = entry.file_name();
                let Some(name) = name.to_str() else { continue };
                let path = if directory.is_empty() { name.to_owned() } else { format!("{directory}/{name}") };
                let is_dir = entry.file_type().map_err(|error| self.error(Operation::List, &full, &error))?.is_dir();
                if is_dir {
                    pending.push(path);
                    continue;
                }
                if !keep(&path) {
                    continue;
                }
                match fs::metadata(entry.path()) {
                    Ok(metadata) if metadata.is_dir() => {}
                    Ok(metadata) => found.push(file_info(path, &metadata)),
                    // Deleted between listing and asking.
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(error) => return Err(self.error(Operation::List, &entry.path(), &error)),
                }
            }
        }
        Ok(found)
    }

    /// Writes a whole file; `replace` says whether one of that name may be replaced.
    pub(super) fn put(&self, path: &str, bytes: &[u8], replace: bool) -> Result<(), StoreError> {
        let mut temporary = self.create_temporary(path)?;
        temporary.write_all(bytes).map_err(|error| self.error(Operation::Write, &self.full_path(path), &error))?;
        self.publish(temporary, path, replace)
    }

    /// Replaces a whole file without waiting for the disk: others see the old or the new one, but after a power loss
    /// it may be damaged.
    pub(super) fn put_unsynced(&self, path: &str, bytes: &[u8]) -> Result<(), StoreError> {
        let full = self.full_path(path);
        let mut temporary = self.create_temporary(path)?;
        let put = temporary.write_all(bytes).and_then(|()| fs::rename(&temporary.path, &full));
        self.lock_handles().remove(path);
        put.map_err(|error| self.error(Operation::Write, &full, &error))
    }

    /// Starts a file that will be called `path` once it is published.
    pub(super) fn create_temporary(&self, path: &str) -> Result<Temporary, StoreError> {
        let full = self.full_path(path);
        let made = (|| {
            let directory = parent(&full)?;
            make_directory(directory)?;
            Temporary::create(directory, full.file_name().unwrap_or_default())
        })();
        made.map_err(|error| self.error(Operation::Write, &full, &error))
    }

    /// Gives a finished temporary file its name, durably.
    pub(super) fn publish(&self, temporary: Temporary, path: &str, replace: bool) -> Result<(), StoreError> {
        let full = self.full_path(path);
        let published = (|| {
            temporary.file.sync_all()?;
            if replace {
                fs::rename(&temporary.path, &full)?;
            } else {
                // A link, unlike a rename, fails when the name is taken. The temporary name goes when it is dropped.
                fs::hard_link(&temporary.path, &full)?;
            }
            sync_directory(parent(&full)?)
        })();
        self.lock_handles().remove(path);
        published.map_err(|error| self.error(Operation::Write, &full, &error))
    }

    pub(super) fn delete(&self, path: &str) -> Result<(), StoreError> {
        let full = self.full_path(path);
        self.lock_handles().remove(path);
        fs::remove_file(&full).map_err(|error| self.error(Operation::Delete, &full, &error))
    }

    /// Forces a file and every directory from its own up to the root to stable storage.
    pub(super) fn make_durable(&self, path: &str) -> Result<(), StoreError> {
        let full = self.full_path(path);
        let synced = (|| {
            File::open(&full)?.sync_all()?;
            let inside = full.ancestors().skip(1).take_while(|directory| directory.starts_with(&self.root));
            inside.into_iter().try_for_each(sync_directory)
        })();
        synced.map_err(|error| self.error(Operation::Sync, &full, &error))
    }

    fn lock_handles(&self) -> std::sync::MutexGuard<'_, HandleCache> {
        self.handles.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads exactly `range` of a file that is `size` bytes long.
pub(super) fn read_at(file: &File, size: u64, range: Range<u64>) -> io::Result<Bytes> {
    let length = range.end.saturating_sub(range.start);
    if range.end > size {
        let told = format!("bytes {}..{} were asked for, the file has {size}", range.start, range.end);
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, told));
    }
    let length = usize::try_from(length).map_err(|_| io::Error::from(io::ErrorKind::FileTooLarge))?;
    let mut bytes = vec![0; length];
    file.read_exact_at(&mut bytes, range.start)?;
    Ok(Bytes::from(bytes))
}

/// Whether a path names a file that was being written, or was left behind by a crash while it was.
pub(super) fn is_temporary(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.starts_with('.') && name.ends_with(".tmp")
}

fn file_info(path: String, metadata: &fs::Metadata) -> FileInfo {
    let since = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok()).unwrap_or_default();
    let modified_ns = i64::try_from(since.as_nanos()).unwrap_or(i64::MAX);
    FileInfo { path, size: metadata.len(), modified_ns, etag: None }
}

fn parent(path: &Path) -> io::Result<&Path> {
    path.parent().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))
}

/// Creates a directory and those above it, each made durable in the one that holds it.
fn make_directory(directory: &Path) -> io::Result<()> {
    if directory.is_dir() {
        return Ok(());
    }
    let above = parent(directory)?;
    make_directory(above)?;
    match fs::create_dir(directory) {
        Ok(()) => sync_directory(above),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && directory.is_dir() => Ok(()),
        Err(error) => Err(error),
    }
}

fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

/// A file under a temporary name, which is removed when this is dropped: after publication or instead of it.
#[derive(Debug)]
pub(super) struct Temporary {
    file: File,
    path: PathBuf,
}

impl Temporary {
    fn create(directory: &Path, name: &OsStr) -> io::Result<Self> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let process = std::process::id();
        loop {
            let mut temporary = std::ffi::OsString::from(".");
            temporary.push(name);
            temporary.push(format!(".{process}-{}.tmp", NEXT.fetch_add(1, Ordering::Relaxed)));
            let path = directory.join(temporary);
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                Ok(file) => return Ok(Self { file, path }),
                // Left behind by an earlier process that had our id; the next number is free sooner or later.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }

    pub(super) fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // After a rename there is nothing left to remove; after a failure the next listing skips what remains.
        let _ = fs::remove_file(&self.path);
    }
}

/// Open files by path; the one unused for longest makes room.
#[derive(Debug, Default)]
struct HandleCache {
    open: HashMap<String, CachedHandle>,
    uses: u64,
}

#[derive(Debug)]
struct CachedHandle {
    file: Arc<File>,
    size: u64,
    last_use: u64,
}

impl HandleCache {
    fn get(&mut self, path: &str) -> Option<(Arc<File>, u64)> {
        self.uses += 1;
        let cached = self.open.get_mut(path)?;
        cached.last_use = self.uses;
        Some((Arc::clone(&cached.file), cached.size))
    }

    fn insert(&mut self, path: &str, (file, size): &(Arc<File>, u64)) {
        if self.open.len() >= CACHED_HANDLES {
            let oldest = self.open.iter().min_by_key(|(_, cached)| cached.last_use).map(|(path, _)| path.clone());
            if let Some(oldest) = oldest {
                self.open.remove(&oldest);
            }
        }
        let cached = CachedHandle { file: Arc::clone(file), size: *size, last_use: self.uses };
        self.open.insert(path.to_owned(), cached);
    }

    fn remove(&mut self, path: &str) {
        self.open.remove(path);
    }
}
