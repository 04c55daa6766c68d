//! What can go wrong with an archive: what happened, where, and what to do.

use crate::{parquet_file::WriteError, store::StoreError, table::TableError, wal::WalError};

/// A failed operation on an archive.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no archive at the root.
    #[error("there is no archive at {root}: `daybook import` makes one")]
    NoArchive {
        /// The root.
        root: String,
    },
    /// The market has no recorded book.
    #[error("no book of market {ticker} is recorded: `daybook markets` lists what is")]
    UnknownMarket {
        /// The ticker asked for.
        ticker: String,
    },
    /// A file contradicts its checksum, its name, or the table's log.
    #[error("{file} is damaged: {reason}")]
    Damaged {
        /// The file.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The store failed; the message names the file.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A table failed; the message names it.
    #[error(transparent)]
    Table(#[from] TableError),
    /// The write-ahead log failed; the message names the file and offset.
    #[error(transparent)]
    Log(#[from] WalError),
    /// A segment could not be encoded.
    #[error("a segment could not be written: {0}")]
    Segment(#[from] WriteError),
    /// The system gives no thread to encode a segment with.
    #[error("no thread could be started to write a segment: {0}")]
    Thread(std::io::Error),
    /// An entry of the log cannot be taken in.
    #[error("the log's entry {ordinal} cannot be read: {reason}")]
    Entry {
        /// Its ordinal, or the first of its batch.
        ordinal: u64,
        /// Why.
        reason: String,
    },
    /// Pruning up to a day that has not begun would drop what is being recorded.
    #[error("{horizon} has not begun: pruning up to it would drop what is recorded today. Name a day that has begun")]
    HorizonAhead {
        /// The day.
        horizon: String,
    },
    /// No place for the log of a remote archive.
    #[error("no directory for the write-ahead log: set HOME or XDG_STATE_HOME, or name one with --wal")]
    NoLogDirectory,
    /// Sealing failed earlier in this process: nothing more can be taken in.
    #[error("sealing failed: {0}. What was acknowledged is in the log; open the archive again once the cause is gone")]
    Sealing(String),
}
