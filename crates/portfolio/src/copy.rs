//! A SQLite store as it stands, copied: who only looks writes nothing beside it.
//!
//! SQLite itself cannot read a store in its usual mode without files of its own next to it, and where it is told that
//! nobody writes, it is wrong if somebody does. So the file is copied, with the log that belongs to it, to where
//! temporary files are; only its owner can read it there, and it goes when the last reader has.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    thread,
    time::{Duration, SystemTime},
};

use tempfile::TempDir;

/// A copy of a store's file.
#[derive(Debug)]
pub(crate) struct Copy {
    folder: TempDir,
}

/// How often it is tried to find a moment without a writer.
const ATTEMPTS: u32 = 5;
/// How long to wait for one.
const PAUSE: Duration = Duration::from_millis(50);

impl Copy {
    /// Copies the store at `path`. Others may write to it meanwhile: what is copied is what stood there at one instant.
    /// `None` if it is written to without a pause.
    ///
    /// # Errors
    /// A file that cannot be read, or a folder for temporary files that cannot be written.
    pub(crate) fn of(path: &Path) -> io::Result<Option<Copy>> {
        let copy = Copy { folder: tempfile::Builder::new().prefix("daybook-").tempdir()? };
        let log = beside(path, "-wal");
        for _ in 0..ATTEMPTS {
            let before = (state(path)?, state(&log)?);
            copy_file(path, &copy.path())?;
            match copy_file(&log, &beside(&copy.path(), "-wal")) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                copied => copied?,
            }
            if before == (state(path)?, state(&log)?) {
                return Ok(Some(copy));
            }
            let _ = fs::remove_file(beside(&copy.path(), "-wal"));
            thread::sleep(PAUSE);
        }
        Ok(None)
    }

    /// Where the copy is.
    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("store.sqlite")
    }
}

/// Whether nothing is stored at `path`: there is no file, or a sync made one and came no further.
pub(crate) fn is_missing(path: &Path) -> bool {
    let is_empty = |path: &Path| match state(path) {
        Ok(state) => state.is_none_or(|(length, _)| length == 0),
        Err(_) => false,
    };
    is_empty(path) && is_empty(&beside(path, "-wal"))
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// What changes when a file is written to; `None` without the file.
fn state(path: &Path) -> io::Result<Option<(u64, SystemTime)>> {
    match fs::metadata(path) {
        Ok(metadata) => Ok(Some((metadata.len(), metadata.modified()?))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// The contents alone: a copy of a file that may not be written to is to be opened for writing, too.
fn copy_file(from: &Path, to: &Path) -> io::Result<()> {
    io::copy(&mut File::open(from)?, &mut File::create(to)?)?;
    Ok(())
}
