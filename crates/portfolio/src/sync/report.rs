//! What a sync did, or would do; and what is heard while it does.

use daybook_kalshi::rest::value::Subaccount;
use jiff::Timestamp;

use super::Stream;
use crate::{account::AccountIdentity, difference::FieldChange, error::RowError};

/// What a sync did; with [`dry_run`](crate::SyncOptions::dry_run), what it would have done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyncReport {
    /// Whose account.
    pub account: AccountIdentity,
    /// Whether nothing was written.
    pub dry_run: bool,
    /// When it began.
    pub started_at: Timestamp,
    /// By subaccount and stream, in the order in which they were read.
    pub streams: Vec<StreamReport>,
    /// Rows of append-only tables that the venue has changed, first seen changed by this sync. The rows in the store
    /// are as they were; what the venue says now is in the table `revisions`.
    pub revisions: Vec<Revision>,
    /// What the venue gave and could not be kept. Every sync asks for it again until it can be.
    pub unusable: Vec<UnusableRow>,
}

impl SyncReport {
    /// Whether all that the venue gave is in the store.
    pub fn is_complete(&self) -> bool {
        self.unusable.is_empty()
    }

    /// The counts of all streams together.
    pub fn total(&self) -> Counts {
        self.streams.iter().fold(Counts::default(), |total, stream| total.plus(stream.counts))
    }

    /// Whether the store already was what the account is.
    pub fn is_unchanged(&self) -> bool {
        let total = self.total();
        total.new == 0 && total.changed == 0 && total.closed == 0 && total.revised == 0
    }
}

/// What was done about one stream of one subaccount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamReport {
    /// Whose.
    pub subaccount: Subaccount,
    /// What.
    pub stream: Stream,
    /// How much.
    pub counts: Counts,
    /// Whether it went on where an earlier sync was interrupted.
    pub resumed: bool,
}

/// Rows, by what was done with them. A row that comes twice is counted twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Pages read.
    pub pages: u64,
    /// Rows that were not in the store.
    pub new: u64,
    /// Positions and orders that are not what they were.
    pub changed: u64,
    /// Positions that the venue no longer lists.
    pub closed: u64,
    /// Rows of append-only tables that the venue has changed, first seen so now.
    pub revised: u64,
    /// Rows that are in the store as they are.
    pub unchanged: u64,
    /// Rows that could not be kept.
    pub unusable: u64,
}

impl Counts {
    /// The sums.
    #[must_use]
    pub const fn plus(self, other: Counts) -> Counts {
        Counts {
            pages: self.pages + other.pages,
            new: self.new + other.new,
            changed: self.changed + other.changed,
            closed: self.closed + other.closed,
            revised: self.revised + other.revised,
            unchanged: self.unchanged + other.unchanged,
            unusable: self.unusable + other.unusable,
        }
    }

    /// Rows read.
    pub const fn rows(&self) -> u64 {
        self.new + self.changed + self.revised + self.unchanged + self.unusable
    }
}

/// Something of the venue's that could not be kept: a row, or a page of which not even the rows can be told apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnusableRow {
    /// Whose.
    pub subaccount: Subaccount,
    /// Of what.
    pub stream: Stream,
    /// Which row, and what is wrong with it.
    pub reason: RowError,
}

/// Stream, subaccount, row and reason.
impl std::fmt::Display for UnusableRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} of subaccount {}: {}", self.stream, self.subaccount, self.reason)
    }
}

/// What the venue said later about a row of an append-only table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revision {
    /// `fills` or `settlements`.
    pub table: &'static str,
    /// The row's key, its parts with `/` between them: trade and order, or subaccount, shard and ticker.
    pub key: String,
    /// What differs from the stored row.
    pub changes: Vec<FieldChange>,
    /// When it was first seen.
    pub seen_at: Timestamp,
}

/// Hears how a sync gets on. `()` does not listen.
pub trait Progress: Send + Sync {
    /// A stream of a subaccount is about to be read.
    fn stream_started(&self, _subaccount: Subaccount, _stream: Stream, _resumed: bool) {}

    /// A page was read and, unless it is a dry run, is in the store. `counts` are the stream's so far.
    fn page(&self, _subaccount: Subaccount, _stream: Stream, _counts: &Counts) {}

    /// A stream of a subaccount is mirrored.
    fn stream_finished(&self, _report: &StreamReport) {}
}

impl Progress for () {}
