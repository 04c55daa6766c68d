//! Figures about a session, for metrics.

use super::core::Counts;

/// What one slot's connections did since the session began, and how fresh its data is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConnectionStats {
    /// The slot.
    pub slot: u32,
    /// The present connection; `None` while there is none.
    pub connection: Option<u32>,
    /// Connections made.
    pub connects: u64,
    /// Attempts to connect that failed.
    pub connect_failures: u64,
    /// Text frames received.
    pub frames: u64,
    /// Their bytes, unpacked.
    pub bytes: u64,
    /// Events handed on.
    pub events: u64,
    /// Frames of other channels handed on.
    pub messages: u64,
    /// Events handed on as surplus: not to be applied.
    pub surplus: u64,
    /// Frames that were not understood.
    pub unreadable: u64,
    /// Events and frames dropped because the consumer did not keep up, each under an open gap.
    pub dropped: u64,
    /// Gaps opened.
    pub gaps_opened: u64,
    /// Gaps closed, the first snapshot of each market included.
    pub gaps_closed: u64,
    /// Commands sent.
    pub commands: u64,
    /// The last stamped event's received time less its exchange time, in microseconds. The clocks are not the same one,
    /// so it may be negative; when it grows within one connection, the reader or the link is too slow.
    pub age_micros: Option<i64>,
    /// The greatest such difference on the present connection.
    pub worst_age_micros: Option<i64>,
}

/// Figures about a session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionStats {
    /// Each slot's, by slot.
    pub connections: Vec<ConnectionStats>,
    /// Facts that wait for the consumer.
    pub queue_depth: usize,
}

impl ConnectionStats {
    pub(super) fn add(&mut self, counts: Counts) {
        self.frames += counts.frames;
        self.bytes += counts.bytes;
        self.events += counts.events;
        self.messages += counts.messages;
        self.surplus += counts.surplus;
        self.unreadable += counts.unreadable;
        self.dropped += counts.dropped;
        self.gaps_opened += counts.gaps_opened;
        self.gaps_closed += counts.gaps_closed;
        self.commands += counts.commands;
        self.age_micros = counts.age_micros.or(self.age_micros);
        self.worst_age_micros = self.worst_age_micros.max(counts.worst_age_micros);
    }
}
