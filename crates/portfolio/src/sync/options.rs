//! How to sync.

use std::{fmt, sync::Arc, time::Duration};

use daybook_kalshi::{SystemClock, WallClock, rest::value::Subaccount};

/// How to sync. The default mirrors everything of every subaccount, reading only what is new since the last time.
#[derive(Clone)]
pub struct SyncOptions {
    /// Computes the same report and writes nothing.
    pub dry_run: bool,
    /// Reads everything again from the beginning, and so finds what the venue changed long ago.
    pub full: bool,
    /// Only these subaccounts; all of them if empty.
    pub subaccounts: Vec<Subaccount>,
    /// Only these streams; all of them if empty.
    pub streams: Vec<Stream>,
    /// Rows per page, 1 to 1000.
    pub page_size: u32,
    /// How far before the newest row that is mirrored the next sync begins to read. The venue shows rows a little
    /// after they happened; one that shows up later than this is found by a [`full`](SyncOptions::full) sync only.
    pub overlap: Duration,
    /// The clock by which rows are first seen, and versions become valid.
    pub clock: Arc<dyn WallClock>,
}

impl Default for SyncOptions {
    fn default() -> SyncOptions {
        SyncOptions {
            dry_run: false,
            full: false,
            subaccounts: Vec::new(),
            streams: Vec::new(),
            page_size: 1000,
            overlap: Duration::from_secs(3600),
            clock: Arc::new(SystemClock),
        }
    }
}

impl fmt::Debug for SyncOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SyncOptions")
            .field("dry_run", &self.dry_run)
            .field("full", &self.full)
            .field("subaccounts", &self.subaccounts)
            .field("streams", &self.streams)
            .field("page_size", &self.page_size)
            .field("overlap", &self.overlap)
            .finish_non_exhaustive()
    }
}

/// What is mirrored, in the order in which it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stream {
    /// The balance: one row whenever it changed.
    Balance,
    /// Positions in markets and in events, every version.
    Positions,
    /// Fills.
    Fills,
    /// Settlements.
    Settlements,
    /// Orders, their latest state.
    Orders,
}

impl Stream {
    /// All of them.
    pub const ALL: [Stream; 5] =
        [Stream::Balance, Stream::Positions, Stream::Fills, Stream::Settlements, Stream::Orders];

    /// Its name: `balance`, `positions`, `fills`, `settlements`, `orders`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Stream::Balance => "balance",
            Stream::Positions => "positions",
            Stream::Fills => "fills",
            Stream::Settlements => "settlements",
            Stream::Orders => "orders",
        }
    }
}

impl fmt::Display for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
