//! One writer per log: the file `LOCK` in its directory.

use super::disk::{Disk, DiskLock, LockGuard};
use super::error::{OnPath, WalError};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// Name of the lock file.
pub(super) const LOCK_NAME: &str = "LOCK";

/// The right to write to a log, until dropped.
///
/// The lock belongs to the open file, not to its existence: it ends with the process however that ends, and the
/// file is left behind on purpose, since removing it would let two writers lock two files of one name.
#[derive(Debug)]
pub(super) struct WriterLock {
    _guard: Box<dyn LockGuard>,
}

impl WriterLock {
    /// Takes the lock of the log in `dir` or says who holds it.
    pub(super) fn acquire(disk: &dyn Disk, dir: &Path, started: SystemTime) -> Result<WriterLock, WalError> {
        let path = dir.join(LOCK_NAME);
        let started = started.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let holder = format!("pid={} started={started}", std::process::id());
        match disk.lock(&path, &holder).on("lock", &path)? {
            DiskLock::Held(guard) => Ok(WriterLock { _guard: guard }),
            DiskLock::Busy(holder) => Err(WalError::Locked { path, holder }),
        }
    }
}
