//! The write-ahead log: what was acknowledged is on disk, in order, exactly once, whatever happened in between.
//!
//! The log stores *batches*: opaque payloads, each with a number of records. A record's *ordinal* is its place in
//! the log: total, gap-free, never reused. The log knows nothing of what the records mean.
//!
//! ```
//! use daybook_archive::wal::{RealDisk, Wal, WalOptions, WalReader};
//! use std::{sync::Arc, time::SystemTime};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let home = tempfile::tempdir()?;
//! let dir = home.path().join("wal");
//! let options = WalOptions::new(0xda7b00c, /* salt seed, random per start */ 42, SystemTime::now());
//!
//! // Every start is a recovery: batches first, then the writer.
//! let mut recovery = Wal::recover(&dir, Arc::new(RealDisk), options)?;
//! for batch in &mut recovery {
//!     let batch = batch?;
//!     println!("ordinal {}: {} records", batch.first_ordinal, batch.records);
//! }
//! let (mut wal, report) = recovery.finish()?;
//! assert_eq!((report.batches, report.torn_tail), (0, None));
//!
//! assert_eq!(wal.append(b"three records", 3)?, 0);
//! assert_eq!(wal.append(b"two records", 2)?, 3);
//! assert_eq!(wal.acknowledged(), 0);
//! assert_eq!(wal.sync()?, 5); // Now, and only now, they are safe.
//!
//! // Another process may follow along.
//! let mut reader = WalReader::open(&dir, Arc::new(RealDisk));
//! reader.seek(3);
//! assert_eq!(reader.next_batch()?.map(|batch| batch.payload), Some(b"two records".to_vec()));
//! assert_eq!(reader.next_batch()?, None);
//!
//! // Once the records are stored elsewhere:
//! assert_eq!(wal.truncate_before(5)?, 1);
//! wal.close()?;
//! # Ok(()) }
//! ```
//!
//! # What a crash leaves
//!
//! - **Acknowledged** records, those below [`Wal::acknowledged`], are there, each once, in order, unchanged. This
//!   holds for the end of the process and for power loss, as long as the disk keeps what it confirmed.
//! - **Unacknowledged** ones survive as a gap-free prefix: any number of batches from the first on, each whole. That
//!   includes batches whose `append` or `sync` returned an error. Recovery reports what it cuts off
//!   ([`TornTail`]), and makes what it keeps durable before anyone may build on it.
//! - **Damage** to acknowledged records is an error that names file and offset ([`WalError::Corrupt`]), and nothing
//!   is changed: it is told from an unfinished write by the later evidence that it was once durable: a following
//!   file, a later batch, or the mark behind the last sync. The mark itself is durable only with the next sync (or
//!   [`Wal::close`]); so damage in the very last group, together with a power loss before the mark reached
//!   the disk, passes as an unfinished write. So does the loss of whole files at the end, which
//!   [`WalOptions::floor`] is there to notice.
//! - **A failed write or sync** ends writing ([`WalError::Poisoned`]); the way on is to recover. Recovery then
//!   writes anew what was not acknowledged, since after a failed sync the system may show data that the disk never got.
//!
//! # Where things are
//!
//! `format` is the codec, a pure function; `writer` appends and syncs; `recovery` proves and repairs; `reader`
//! follows; `file` walks one file's frames for both; `commit_policy` says when to sync; `lock` keeps second writers
//! out; `disk` is what is asked of the file system, `sim` a file system to test on.

mod commit_policy;
mod disk;
mod error;
mod file;
pub mod format;
mod lock;
mod reader;
mod recovery;
pub mod sim;
#[cfg(test)]
mod tests;
mod writer;

pub use commit_policy::CommitPolicy;
pub use disk::{Disk, DiskFile, DiskLock, LockGuard, RealDisk};
pub use error::WalError;
pub use reader::{WalReader, oldest_ordinal};
pub use recovery::{Recovery, RecoveryReport, TornTail};
use std::time::SystemTime;
pub use writer::Wal;

/// One batch, as it was appended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Ordinal of its first record.
    pub first_ordinal: u64,
    /// Number of its records.
    pub records: u32,
    /// The bytes that were appended.
    pub payload: Vec<u8>,
}

impl Batch {
    /// The ordinal after its last record.
    pub fn end_ordinal(&self) -> u64 {
        self.first_ordinal + u64::from(self.records)
    }
}

/// What a writer brings along.
#[derive(Clone, Debug)]
pub struct WalOptions {
    /// The archive that the log belongs to; a log of another is refused.
    pub archive_id: u128,
    /// A fresh random number for each start: from it come the salts that tell each file's bytes from stale ones. With
    /// one used before, a batch that was cut off could come back from a disk block that was never overwritten.
    pub salt_seed: u64,
    /// When the writer started; for whoever finds the log locked.
    pub started: SystemTime,
    /// The lowest ordinal that the next record may get: where an empty log begins. What is known from elsewhere to be
    /// in use, such as the position up to which tables are sealed.
    pub floor: u64,
    /// A file ends before it would grow beyond this. One batch always fits.
    pub file_bytes: u64,
    /// Appended batches are handed to the system, unsynced, when so many bytes have gathered.
    pub buffer_bytes: usize,
}

impl WalOptions {
    /// Ordinals from 0, files of 64 MiB, a buffer of 1 MiB.
    pub fn new(archive_id: u128, salt_seed: u64, started: SystemTime) -> WalOptions {
        WalOptions { archive_id, salt_seed, started, floor: 0, file_bytes: 64 << 20, buffer_bytes: 1 << 20 }
    }
}
