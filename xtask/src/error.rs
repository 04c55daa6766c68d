//! What can go wrong in a chore: arguments that contradict each other, and the disk.

use std::io;
use std::path::{Path, PathBuf};

/// A failed chore.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The arguments do not fit together; the text says what to change.
    #[error("{0}")]
    Usage(String),
    /// A file or directory could not be written or read.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}

impl Error {
    /// Attaches a path to what the operating system said.
    pub(crate) fn at(path: &Path) -> impl FnOnce(io::Error) -> Error + '_ {
        move |source| Error::Io { path: path.to_path_buf(), source }
    }
}

/// Result of a chore.
pub(crate) type Result<T> = std::result::Result<T, Error>;
