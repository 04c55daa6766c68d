//! One bucket of the venue, as full as it surely is: pure arithmetic on nanoseconds.
//!
//! The venue takes tokens when a request arrives, which is somewhere between its sending and its answer. Requests
//! that take unequally long can therefore arrive closer together than they were sent. So every request counts as
//! arriving as late as it can: by its answer, or, as long as there is none, one *latency spread* after it was sent.
//! Reckoned like that, requests never arrive closer together than the venue allows, whatever the network does within
//! the spread. The cost is that unanswered requests hold back `refill rate × spread` of the capacity; throughput is
//! untouched.
//!
//! State is one instant: when the bucket would be full again if nothing more was sent. It holds `cost` tokens as soon
//! as that instant is no farther away than `capacity − cost` take to be refilled.

use std::collections::VecDeque;

use super::limits::BucketLimit;

const NANOS_PER_SECOND: u128 = 1_000_000_000;

/// Tokens are taken to come back this much slower, in thousandths: no two clocks run equally fast, and a client that
/// runs at the limit for a day would otherwise gain on the venue without bound. It is ten times what the clocks of
/// computers may be off.
const DRIFT_PER_MILLE: u128 = 5;

/// Requests whose arrival is uncertain; past that many the oldest count as arriving as late as they can.
const MAX_IN_FLIGHT: usize = 4096;

/// A bucket of the venue. Times are nanoseconds on any monotonic scale.
#[derive(Clone, Debug)]
pub(super) struct TokenBucket {
    limit: BucketLimit,
    latency_spread: u64,
    /// When it is full again after all that has surely arrived.
    full_at: u64,
    /// When it would be full again if it had been full at first: what we have used ourselves, as far as we know.
    used_until: u64,
    /// Sent, and it is not known yet when they arrived; in the order of sending.
    in_flight: VecDeque<InFlight>,
}

#[derive(Clone, Copy, Debug)]
struct InFlight {
    id: u64,
    arrives_by: u64,
    /// How long its tokens take to come back.
    refill: u64,
}

impl TokenBucket {
    /// A bucket that is empty at `now`, since nobody knows what was taken from it before.
    pub(super) fn empty(limit: BucketLimit, latency_spread: u64, now: u64) -> TokenBucket {
        let bucket = TokenBucket::full(limit, latency_spread);
        TokenBucket { full_at: now.saturating_add(bucket.refill_time(limit.capacity)), ..bucket }
    }

    /// A bucket that is full.
    pub(super) fn full(limit: BucketLimit, latency_spread: u64) -> TokenBucket {
        TokenBucket { limit, latency_spread, full_at: 0, used_until: 0, in_flight: VecDeque::new() }
    }

    pub(super) fn limit(&self) -> BucketLimit {
        self.limit
    }

    /// How long `tokens` take to come back.
    pub(super) fn refill_time(&self, tokens: u64) -> u64 {
        let rate = u128::from(self.limit.refill_rate.max(1)) * (1000 - DRIFT_PER_MILLE);
        let nanos = (u128::from(tokens) * NANOS_PER_SECOND * 1000).div_ceil(rate);
        u64::try_from(nanos).unwrap_or(u64::MAX / 4)
    }

    /// When it holds `cost` tokens, if nothing is taken before; possibly in the past. The cost is within the capacity.
    pub(super) fn ready_at(&self, cost: u64) -> u64 {
        let spare = self.refill_time(self.limit.capacity) - self.refill_time(cost.min(self.limit.capacity));
        self.full_again_at().saturating_sub(spare)
    }

    /// Takes the cost of the request `id`, which is sent at `now`. Ids grow.
    pub(super) fn take(&mut self, id: u64, cost: u64, now: u64) {
        while self.in_flight.front().is_some_and(|oldest| oldest.arrives_by <= now)
            || self.in_flight.len() >= MAX_IN_FLIGHT
        {
            let Some(oldest) = self.in_flight.pop_front() else { break };
            self.full_at = self.full_at.max(oldest.arrives_by).saturating_add(oldest.refill);
        }
        let refill = self.refill_time(cost);
        self.used_until = self.used_until.max(now).saturating_add(refill);
        self.in_flight.push_back(InFlight { id, arrives_by: now.saturating_add(self.latency_spread), refill });
    }

    /// The request `id` has been answered: it had arrived by `now`.
    pub(super) fn answered(&mut self, id: u64, now: u64) {
        if let Ok(at) = self.in_flight.binary_search_by_key(&id, |request| request.id) {
            let request = &mut self.in_flight[at];
            request.arrives_by = request.arrives_by.min(now);
        }
    }

    /// The venue said that too few tokens were there: none are, at `now`.
    pub(super) fn exhausted(&mut self, now: u64) {
        self.full_at = self.full_again_at().max(now.saturating_add(self.refill_time(self.limit.capacity)));
        self.in_flight.clear();
    }

    /// Goes on with another limit and the tokens that are there at `now`.
    pub(super) fn change(&mut self, limit: BucketLimit, now: u64) {
        let (missing, unit) = self.missing(now);
        let tokens = self.tokens_without(missing.div_ceil(unit)).min(limit.capacity);
        self.limit = limit;
        self.full_at = now.saturating_add(self.refill_time(limit.capacity - tokens));
        self.in_flight.clear();
    }

    /// The tokens that surely are there at `now`, to the nearest whole one.
    pub(super) fn tokens(&self, now: u64) -> u64 {
        let (missing, unit) = self.missing(now);
        self.tokens_without((missing + unit / 2) / unit)
    }

    fn tokens_without(&self, missing: u128) -> u64 {
        self.limit.capacity.saturating_sub(u64::try_from(missing).unwrap_or(u64::MAX))
    }

    /// What is missing from a full bucket at `now`, and how much of that a whole token is.
    fn missing(&self, now: u64) -> (u128, u128) {
        let rate = u128::from(self.limit.refill_rate.max(1)) * (1000 - DRIFT_PER_MILLE);
        (u128::from(self.full_again_at().saturating_sub(now)) * rate, NANOS_PER_SECOND * 1000)
    }

    /// How much of the capacity our own requests have used up at `now`, in percent.
    pub(super) fn used_percent(&self, now: u64) -> u64 {
        self.used_until.saturating_sub(now).saturating_mul(100) / self.refill_time(self.limit.capacity).max(1)
    }

    fn full_again_at(&self) -> u64 {
        self.in_flight
            .iter()
            .fold(self.full_at, |full_at, request| full_at.max(request.arrives_by).saturating_add(request.refill))
    }
}
