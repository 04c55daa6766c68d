//! What can go wrong with the log, told so that the reader knows where and what to do.

use super::format::{Fault, MAX_PAYLOAD_BYTES};
use std::io;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// An error of the write-ahead log.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum WalError {
    /// The operating system refused an operation.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// What was tried: a verb.
        action: &'static str,
        /// On which file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another writer has the log open.
    #[error("another writer ({holder}) holds {}: stop it, or give this one another directory", path.display())]
    Locked {
        /// The lock file.
        path: PathBuf,
        /// What the holder wrote into it: its process id, and when it started in Unix seconds.
        holder: String,
    },
    /// Acknowledged records are damaged or missing. Nothing has been changed.
    #[error(
        "log file {} is damaged at byte {offset}, where ordinal {ordinal} should stand: {fault}. \
         Acknowledged records are affected; nothing was changed. Restore the file from a copy, or move it and \
         the later ones aside to go on without what they hold",
        file.display()
    )]
    Corrupt {
        /// The damaged file.
        file: PathBuf,
        /// Where the damaged frame begins; 0 for the file's header.
        offset: u64,
        /// The ordinal that should stand there.
        ordinal: u64,
        /// What was found wrong.
        fault: Fault,
    },
    /// A file of another archive's log.
    #[error(
        "log file {} belongs to archive {found:032x}, not to {expected:032x}: wrong directory, or a stray file",
        file.display()
    )]
    ForeignLog {
        /// The file.
        file: PathBuf,
        /// The archive that was opened.
        expected: u128,
        /// The archive that the file names.
        found: u128,
    },
    /// The log ends before an ordinal that its owner knows to have been handed out.
    #[error(
        "the log in {} ends before ordinal {next_ordinal}, but ordinals up to {floor} are already in use: log files \
         are missing. Restore them, or move the rest aside to begin a new log",
        dir.display()
    )]
    Behind {
        /// The log's directory.
        dir: PathBuf,
        /// The ordinal that would come next.
        next_ordinal: u64,
        /// The lowest ordinal that may come next.
        floor: u64,
    },
    /// An earlier write or sync failed: what the disk holds beyond `acknowledged` is unknown until recovery.
    #[error(
        "the log takes no more records since a write failed ({cause}); everything below ordinal {acknowledged} is \
         safe. Remove the cause and open the log again"
    )]
    Poisoned {
        /// Everything below is durable.
        acknowledged: u64,
        /// The first failure.
        cause: String,
    },
    /// A batch that the log cannot frame. The log is unharmed.
    #[error(
        "cannot log a batch of {records} records in {bytes} bytes: at least 1 record, at most {MAX_PAYLOAD_BYTES} bytes"
    )]
    BadBatch {
        /// Records announced.
        records: u32,
        /// Bytes of payload.
        bytes: usize,
    },
    /// A reader asked for records that have been cut off the log's beginning.
    #[error("ordinal {wanted} is no longer in the log, which begins at {oldest}: read it from the sealed tables")]
    Removed {
        /// The ordinal asked for.
        wanted: u64,
        /// The first one that the log still has.
        oldest: u64,
    },
}

impl WalError {
    /// Whether a file was not there.
    pub(super) fn is_not_found(&self) -> bool {
        matches!(self, WalError::Io { source, .. } if source.kind() == io::ErrorKind::NotFound)
    }
}

/// Says which file an operation failed on.
pub(super) trait OnPath<T> {
    fn on(self, action: &'static str, path: &Path) -> Result<T, WalError>;
}

impl<T> OnPath<T> for io::Result<T> {
    fn on(self, action: &'static str, path: &Path) -> Result<T, WalError> {
        self.map_err(|source| WalError::Io { action, path: path.to_path_buf(), source })
    }
}
