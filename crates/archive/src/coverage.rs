//! Coverage: the intervals in which a market's record is known to be complete, and the gaps between them.

use crate::entry::Cause;

/// What can be said of an interval of a market's record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Standing {
    /// Complete, and shown to be.
    Exact,
    /// Recorded; completeness cannot be shown, and no loss is known.
    Unproven,
    /// Not covered: something is or may be missing, for the cause named.
    Gap,
}

impl Standing {
    /// The word stored in tables and shown to users.
    pub const fn as_str(self) -> &'static str {
        match self {
            Standing::Exact => "exact",
            Standing::Unproven => "unproven",
            Standing::Gap => "gap",
        }
    }

    /// The standing of this word.
    pub fn from_word(word: &str) -> Option<Standing> {
        [Standing::Exact, Standing::Unproven, Standing::Gap].into_iter().find(|standing| standing.as_str() == word)
    }
}

/// What tells an interval from every other one of its market: its first ordinal, its connection and its standing.
/// Without the connection, a gap that one connection ends with and one that another begins with would be the same.
pub type IntervalKey = (u64, u32, Standing);

/// One interval of one market's record over one connection. A row of the `coverage` table.
///
/// Times are nanoseconds since the Unix epoch: effective time, and the running maximum of received time.
/// An exact interval is half-open, `[from, to)`: an event lost right after its end could carry the same stamp.
/// While `ended` is `None` the interval is still being recorded and `to` is how far it is known to reach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interval {
    /// The connection recorded over.
    pub connection: u32,
    /// The subscription, where the venue numbers them.
    pub sid: Option<u32>,
    /// What can be said of it.
    pub standing: Standing,
    /// Effective time of its start.
    pub from_effective: i64,
    /// Effective time of its end so far.
    pub to_effective: i64,
    /// Received time of its start.
    pub from_recv: i64,
    /// Received time of its end so far.
    pub to_recv: i64,
    /// Ordinal of its first book event.
    pub first_ordinal: u64,
    /// Ordinal of its last book event so far; below `first_ordinal` while it has none.
    pub last_ordinal: u64,
    /// Why it began. For a gap: its cause.
    pub began: Cause,
    /// Why it ended, once it has.
    pub ended: Option<Cause>,
}

impl Interval {
    /// What identifies it.
    pub fn key(&self) -> IntervalKey {
        (self.first_ordinal, self.connection, self.standing)
    }

    /// Whether another interval has taken the place of this one, since what it claimed turned out not to be so.
    pub fn is_withdrawn(&self) -> bool {
        self.is_empty() && matches!(self.ended, Some(Cause::Divergence | Cause::SnapshotMismatch | Cause::Unproven))
    }

    /// Whether an exact interval claims nothing: it was withdrawn, or has one event only so far.
    pub fn is_empty(&self) -> bool {
        self.standing == Standing::Exact && self.to_effective <= self.from_effective && self.to_recv <= self.from_recv
    }

    /// Whether the instant lies inside, on the clock chosen.
    pub fn contains(&self, at: i64, clock: crate::Clock) -> bool {
        let (from, to) = self.bounds(clock);
        match self.standing {
            Standing::Exact => from <= at && at < to,
            Standing::Unproven => from <= at && at <= to,
            Standing::Gap => from <= at && (at < to || self.ended.is_none()),
        }
    }

    /// Start and end on the clock chosen.
    pub fn bounds(&self, clock: crate::Clock) -> (i64, i64) {
        match clock {
            crate::Clock::Exchange => (self.from_effective, self.to_effective),
            crate::Clock::Received => (self.from_recv, self.to_recv),
        }
    }
}
