//! One bucket of the venue, as full as it is at least: pure arithmetic on nanoseconds.
//!
//! State is one instant: when the bucket would be full again if nothing more was sent. It holds `cost` tokens as soon
//! as that instant is no farther away than `capacity − cost` take to be refilled.
//!
//! # On the way
//! The venue takes tokens when a request arrives, which is somewhere between its sending and its answer. Requests
//! that take unequally long can therefore arrive closer together than they were sent. So every request counts as
//! arriving as late as it can: by its answer, or, as long as there is none, one *latency spread* after it was sent.
//! Reckoned like that, requests never arrive closer together than the venue allows, whatever the network does within
//! the spread. The cost is that unanswered requests hold back `refill rate × spread` of the capacity; throughput is
//! untouched.
//!
//! # At first
//! Nobody knows what others took from the bucket before we began: it may be full, it may be empty. So there are two
//! instants: one for a bucket that was full, one for a bucket that was empty. What the latter allows is sure. What only
//! the former allows is tried, at first by one request at a time, then by more: by as many more as the root of those
//! that the venue has let pass. Each that passes shows that its tokens were there, and makes so many more sure. As soon
//! as one is refused, the bucket is known to be empty, and nothing is tried any more. So a client that begins with a
//! drained bucket is refused once, one that begins with some of it left a few times, and one that begins with a full
//! one may spend it.

use std::collections::VecDeque;

use super::limits::BucketLimit;

const NANOS_PER_SECOND: u128 = 1_000_000_000;

/// Tokens are taken to come back this much slower, in thousandths: no two clocks run equally fast, and a client that
/// runs at the limit for a day would otherwise gain on the venue without bound. It is ten times what the clocks of
/// computers may be off.
const DRIFT_PER_MILLE: u128 = 5;

/// Requests whose arrival is uncertain; past that many the oldest count as arriving as late as they can.
const MAX_IN_FLIGHT: usize = 4096;

/// What is known about a bucket before anything was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    /// It is full.
    Full,
    /// It is empty, or nothing may be tried.
    Empty,
    /// Nothing.
    Unknown,
}

/// A bucket of the venue. Times are nanoseconds on any monotonic scale.
#[derive(Clone, Debug)]
pub(super) struct TokenBucket {
    limit: BucketLimit,
    latency_spread: u64,
    /// When it is full again after all that has surely arrived, if all goes well.
    full_at: u64,
    /// The same if it held as little as it can have held; never earlier.
    surely_full_at: u64,
    /// The requests on their way that rely on tokens which are not sure, and how many such were let pass.
    trying: Vec<u64>,
    passed: usize,
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
    pub(super) fn new(limit: BucketLimit, latency_spread: u64, start: Start, now: u64) -> TokenBucket {
        let mut bucket = TokenBucket {
            limit,
            latency_spread,
            full_at: 0,
            surely_full_at: 0,
            trying: Vec::new(),
            passed: 0,
            used_until: 0,
            in_flight: VecDeque::new(),
        };
        let refilled_at = now.saturating_add(bucket.refill_time(limit.capacity));
        if start != Start::Full {
            bucket.surely_full_at = refilled_at;
        }
        if start == Start::Empty {
            bucket.full_at = refilled_at;
        }
        bucket
    }

    pub(super) fn limit(&self) -> BucketLimit {
        self.limit
    }

    /// How long `tokens` take to come back.
    pub(super) fn refill_time(&self, tokens: u64) -> u64 {
        let nanos = (u128::from(tokens) * NANOS_PER_SECOND * 1000).div_ceil(self.rate());
        u64::try_from(nanos).unwrap_or(u64::MAX / 4)
    }

    /// When it holds `cost` tokens, if nothing is taken before; possibly in the past. The cost is within the capacity.
    pub(super) fn ready_at(&self, cost: u64) -> u64 {
        if self.trying.len() <= self.passed.isqrt() {
            self.full_again(self.full_at).saturating_sub(self.spare(cost))
        } else {
            self.surely_ready_at(cost)
        }
    }

    /// The same without trying.
    pub(super) fn surely_ready_at(&self, cost: u64) -> u64 {
        self.full_again(self.surely_full_at).saturating_sub(self.spare(cost))
    }

    /// When it surely holds `cost` tokens if `taken` are taken at `now`, and nothing else before.
    pub(super) fn ready_after(&self, taken: u64, now: u64, cost: u64) -> u64 {
        let request =
            InFlight { id: 0, arrives_by: now.saturating_add(self.latency_spread), refill: self.refill_time(taken) };
        request.full_again(self.full_again(self.surely_full_at)).saturating_sub(self.spare(cost))
    }

    /// How long what is left of a full bucket after `cost` takes to be refilled.
    fn spare(&self, cost: u64) -> u64 {
        self.refill_time(self.limit.capacity) - self.refill_time(cost.min(self.limit.capacity))
    }

    /// Takes the cost of the request `id`, which is sent at `now`. Ids grow.
    pub(super) fn take(&mut self, id: u64, cost: u64, now: u64) {
        if self.surely_ready_at(cost) > now {
            self.trying.push(id);
        }
        while self.in_flight.front().is_some_and(|oldest| oldest.arrives_by <= now)
            || self.in_flight.len() >= MAX_IN_FLIGHT
        {
            self.settle_oldest();
        }
        let refill = self.refill_time(cost);
        self.used_until = self.used_until.max(now).saturating_add(refill);
        self.in_flight.push_back(InFlight { id, arrives_by: now.saturating_add(self.latency_spread), refill });
    }

    fn settle_oldest(&mut self) {
        if let Some(oldest) = self.in_flight.pop_front() {
            self.full_at = oldest.full_again(self.full_at);
            self.surely_full_at = oldest.full_again(self.surely_full_at);
        }
    }

    /// The request `id` has been answered, so it had arrived by `now`; `paid` if the answer shows that its tokens were
    /// there.
    pub(super) fn answered(&mut self, id: u64, paid: bool, now: u64) {
        if let Some(at) = self.trying.iter().position(|other| *other == id) {
            self.trying.swap_remove(at);
            self.passed += usize::from(paid);
        }
        let Ok(at) = self.in_flight.binary_search_by_key(&id, |request| request.id) else { return };
        let request = &mut self.in_flight[at];
        request.arrives_by = request.arrives_by.min(now);
        if paid && self.surely_full_at > self.full_at {
            // The bucket held no less than nothing afterwards, so it is full again soon enough after that; but for what
            // was sent before and may arrive later. That much is proven of the bucket after all that was sent until
            // this one, and so with what they took given back of the bucket before them.
            let refills = |requests: &mut dyn Iterator<Item = &InFlight>| -> u64 {
                requests.fold(0, |sum, request| sum.saturating_add(request.refill))
            };
            let late = refills(&mut self.in_flight.range(..at).filter(|earlier| earlier.arrives_by > now));
            let until_this = refills(&mut self.in_flight.range(..=at));
            let proven = now.saturating_add(self.refill_time(self.limit.capacity)).saturating_add(late);
            self.surely_full_at = self.surely_full_at.min(proven.saturating_sub(until_this)).max(self.full_at);
        }
    }

    /// The venue said that too few tokens were there: none are, at `now`.
    pub(super) fn exhausted(&mut self, now: u64) {
        let refilled_at = now.saturating_add(self.refill_time(self.limit.capacity));
        self.full_at = self.full_again(self.full_at).max(refilled_at);
        self.surely_full_at = self.full_at;
        self.trying.clear();
        self.in_flight.clear();
    }

    /// Goes on with another limit and the tokens that are there at `now`, to the last fraction: who sets limits often
    /// would else never have a whole one.
    pub(super) fn change(&mut self, limit: BucketLimit, now: u64) {
        let [full_at, surely_full_at] = [self.full_at, self.surely_full_at].map(|from| {
            let (missing, unit) = self.missing(from, now);
            let there = (u128::from(self.limit.capacity) * unit).saturating_sub(missing);
            (u128::from(limit.capacity) * unit).saturating_sub(there)
        });
        self.limit = limit;
        let rate = self.rate();
        let when = |missing: u128| now.saturating_add(u64::try_from(missing.div_ceil(rate)).unwrap_or(u64::MAX / 4));
        (self.full_at, self.surely_full_at) = (when(full_at), when(surely_full_at));
        self.trying.clear();
        self.in_flight.clear();
    }

    /// The tokens that are there at `now` if all goes well, to the nearest whole one.
    pub(super) fn tokens(&self, now: u64) -> u64 {
        let (missing, unit) = self.missing(self.full_at, now);
        self.tokens_without((missing + unit / 2) / unit)
    }

    fn tokens_without(&self, missing: u128) -> u64 {
        self.limit.capacity.saturating_sub(u64::try_from(missing).unwrap_or(u64::MAX))
    }

    /// What is missing from a full bucket at `now`, and how much of that a whole token is.
    fn missing(&self, full_at: u64, now: u64) -> (u128, u128) {
        (u128::from(self.full_again(full_at).saturating_sub(now)) * self.rate(), NANOS_PER_SECOND * 1000)
    }

    /// Thousandths of tokens that come back in a second.
    fn rate(&self) -> u128 {
        u128::from(self.limit.refill_rate.max(1)) * (1000 - DRIFT_PER_MILLE)
    }

    /// How much of the capacity our own requests have used up at `now`, in percent.
    pub(super) fn used_percent(&self, now: u64) -> u64 {
        self.used_until.saturating_sub(now).saturating_mul(100) / self.refill_time(self.limit.capacity).max(1)
    }

    /// When it is full again after what is on its way, if it would be full at `from` without.
    fn full_again(&self, from: u64) -> u64 {
        self.in_flight.iter().fold(from, |full_at, request| request.full_again(full_at))
    }
}

impl InFlight {
    /// When the bucket is full again after this, if it would be full at `full_at` without.
    fn full_again(&self, full_at: u64) -> u64 {
        full_at.max(self.arrives_by).saturating_add(self.refill)
    }
}
