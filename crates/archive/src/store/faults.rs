//! The seam through which a test makes the disk or the network fail.

use std::fmt;
use std::io;

use super::Operation;

/// Decides before every operation of a [`Store`](super::Store) whether it is to fail, and how.
///
/// The store asks on each call: once per read, stat, list, put and delete, and for a streamed file when it is
/// created, at each flush of its buffer and when it is finished. What the table format reads and writes passes
/// through the same store and is asked about too. An error returned here is reported as if the operating system
/// had raised it, and nothing is read or written. Production code sets none.
pub trait Faults: Send + Sync + fmt::Debug {
    /// Returns the error with which `operation` on `path` (relative to the archive root) shall fail.
    fn before(&self, operation: Operation, path: &str) -> io::Result<()>;

    /// Returns the error that is reported for the writing of a whole file although it was written: as after a lost
    /// answer, or a sync that failed when the file had its name already.
    fn after_put(&self, _path: &str) -> io::Result<()> {
        Ok(())
    }
}
