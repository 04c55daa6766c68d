//! A plain limit: so many requests in any period of some length.

use std::collections::VecDeque;

/// At most `allowed` requests in any `period`, which may all come at once. Times are nanoseconds on any monotonic
/// scale; a request counts from the latest instant at which it can have arrived, as in a token bucket.
#[derive(Clone, Debug)]
pub(super) struct Window {
    allowed: usize,
    period: u64,
    latency_spread: u64,
    /// The latest `allowed` requests: their ids and by when they arrived, in the order of sending.
    sent: VecDeque<(u64, u64)>,
}

impl Window {
    pub(super) fn new(allowed: u32, period: u64, latency_spread: u64) -> Window {
        // At least one, or nobody could ever send anything; and a clock that runs fast gains half a percent at most.
        let allowed = usize::try_from(allowed.max(1)).unwrap_or(usize::MAX);
        let period = period.saturating_add(period / 200);
        Window { allowed, period, latency_spread, sent: VecDeque::new() }
    }

    /// When one more may be sent, possibly in the past.
    pub(super) fn ready_at(&self) -> u64 {
        match self.sent.front() {
            Some((_, arrived_by)) if self.sent.len() >= self.allowed => arrived_by.saturating_add(self.period),
            _ => 0,
        }
    }

    pub(super) fn take(&mut self, id: u64, now: u64) {
        if self.sent.len() >= self.allowed {
            self.sent.pop_front();
        }
        self.sent.push_back((id, now + self.latency_spread));
    }

    pub(super) fn answered(&mut self, id: u64, now: u64) {
        if let Ok(at) = self.sent.binary_search_by_key(&id, |(id, _)| *id) {
            self.sent[at].1 = self.sent[at].1.min(now);
        }
    }

    pub(super) fn allowed(&self) -> u64 {
        self.allowed as u64
    }

    /// How many may be sent at `now`.
    pub(super) fn left(&self, now: u64) -> u64 {
        let used = self.sent.iter().filter(|(_, arrived_by)| arrived_by + self.period > now).count();
        (self.allowed - used) as u64
    }
}
