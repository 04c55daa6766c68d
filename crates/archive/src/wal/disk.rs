//! What the log asks of a disk, and the real one.

use std::fmt::Debug;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

/// The operations of a file system that the log is built on, with what each promises about a crash.
///
/// A crash may lose everything that no `sync` has confirmed, in any combination: single sectors of a write, the
/// new length of a file, a creation, a rename, a removal.
pub trait Disk: Debug + Send + Sync {
    /// Makes the directory and its parents, durably. No error if it is there.
    ///
    /// # Errors
    /// The system's.
    fn create_dir_all(&self, dir: &Path) -> io::Result<()>;

    /// Names of the files in a directory, in any order.
    ///
    /// # Errors
    /// The system's; [`io::ErrorKind::NotFound`] if there is no such directory.
    fn list(&self, dir: &Path) -> io::Result<Vec<String>>;

    /// Makes a file for writing, empty even if it was there. Its name is durable after [`Disk::sync_dir`].
    ///
    /// # Errors
    /// The system's.
    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;

    /// Opens a file for reading.
    ///
    /// # Errors
    /// The system's; [`io::ErrorKind::NotFound`] if there is no such file.
    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>>;

    /// Cuts a file to `len` bytes, durably on return.
    ///
    /// # Errors
    /// The system's; the file then has either length.
    fn truncate(&self, path: &Path, len: u64) -> io::Result<()>;

    /// Gives a file another name, replacing what had it, as one step: no crash leaves the name without a file.
    /// Durable after [`Disk::sync_dir`].
    ///
    /// # Errors
    /// The system's.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Removes a file's name. Durable after [`Disk::sync_dir`].
    ///
    /// # Errors
    /// The system's; [`io::ErrorKind::NotFound`] if there is no such file.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Makes all creations, renames and removals in a directory durable.
    ///
    /// # Errors
    /// The system's; what was done since the last success is then in doubt.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;

    /// Takes the exclusive lock that the file `path` stands for, making the file if need be, and writes `holder`
    /// into it. Ends when the guard is dropped, or the process, or the machine.
    ///
    /// # Errors
    /// The system's. A lock held by another is no error.
    fn lock(&self, path: &Path, holder: &str) -> io::Result<DiskLock>;
}

/// An open file of a [`Disk`].
pub trait DiskFile: Debug + Send + Sync {
    /// Fills `buf` from `offset` on as far as the file goes, and returns how far.
    ///
    /// # Errors
    /// The system's.
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize>;

    /// Writes some of `buf` at `offset`, at least one byte, and returns how many.
    ///
    /// # Errors
    /// The system's; what the file then holds from `offset` on is unknown.
    fn write_at(&mut self, offset: u64, buf: &[u8]) -> io::Result<usize>;

    /// Makes all that was written, and the length, durable.
    ///
    /// # Errors
    /// The system's; the unsynced writes are then lost even where reading still shows them, and a later success
    /// says nothing about them.
    fn sync_data(&mut self) -> io::Result<()>;

    /// The file's length in bytes.
    ///
    /// # Errors
    /// The system's.
    fn size(&self) -> io::Result<u64>;

    /// Writes all of `buf` at `offset`.
    ///
    /// # Errors
    /// As [`DiskFile::write_at`], and [`io::ErrorKind::WriteZero`] if the file takes no more.
    fn write_all_at(&mut self, mut offset: u64, mut buf: &[u8]) -> io::Result<()> {
        while !buf.is_empty() {
            match self.write_at(offset, buf) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    offset += written as u64;
                    buf = &buf[written..];
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// The answer of [`Disk::lock`].
#[derive(Debug)]
pub enum DiskLock {
    /// Ours until the guard is dropped.
    Held(Box<dyn LockGuard>),
    /// Another's; with what it wrote about itself.
    Busy(String),
}

/// Holds a lock until dropped.
pub trait LockGuard: Debug + Send + Sync {}

impl LockGuard for File {}

/// The local file system.
#[derive(Clone, Copy, Debug, Default)]
pub struct RealDisk;

impl Disk for RealDisk {
    fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        if dir.is_dir() {
            return Ok(());
        }
        let parent = match dir.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        if parent != dir {
            self.create_dir_all(parent)?;
        }
        match std::fs::create_dir(dir) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            _ => self.sync_dir(parent),
        }
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<String>> {
        std::fs::read_dir(dir)?
            .filter_map(|entry| entry.map(|entry| entry.file_name().into_string().ok()).transpose())
            .collect()
    }

    fn create(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(path)?;
        Ok(Box::new(RealFile(file)))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(RealFile(File::open(path)?)))
    }

    fn truncate(&self, path: &Path, len: u64) -> io::Result<()> {
        let file = OpenOptions::new().write(true).open(path)?;
        file.set_len(len)?;
        // Not sync_data: a length that shrinks is not needed to read the data back, so POSIX lets it wait.
        file.sync_all()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path)
    }

    #[cfg(unix)]
    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        File::open(dir)?.sync_all()
    }

    /// Elsewhere a directory cannot be opened to be synced; NTFS journals its names itself.
    #[cfg(not(unix))]
    fn sync_dir(&self, _dir: &Path) -> io::Result<()> {
        Ok(())
    }

    fn lock(&self, path: &Path, holder: &str) -> io::Result<DiskLock> {
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // Where locks are mandatory the text cannot be read either: the lock stands all the same.
                return Ok(DiskLock::Busy(match file.read_to_string(&mut holder) {
                    Ok(_) if !holder.is_empty() => holder,
                    _ => "holder unknown".to_owned(),
                }));
            }
        }
        file.set_len(0)?;
        file.write_all(holder.as_bytes())?;
        Ok(DiskLock::Held(Box::new(file)))
    }
}

#[derive(Debug)]
struct RealFile(File);

impl DiskFile for RealFile {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let mut file = &self.0;
        file.seek(SeekFrom::Start(offset))?;
        let mut filled = 0;
        while filled < buf.len() {
            match file.read(&mut buf[filled..]) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }

    fn write_at(&mut self, offset: u64, buf: &[u8]) -> io::Result<usize> {
        self.0.seek(SeekFrom::Start(offset))?;
        self.0.write(buf)
    }

    fn sync_data(&mut self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }
}
