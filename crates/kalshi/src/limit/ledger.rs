//! Who may send next: the buckets, and the queues before them. A pure state machine: the time comes in, and who is
//! to be woken goes out.

use std::{collections::BTreeMap, sync::Arc};

use tokio::sync::Notify;

use super::{bucket::TokenBucket, limits::BucketLimit, window::Window};
use crate::client::Priority;

/// A place in a queue: the smaller goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) priority: Priority,
    pub(super) ticket: u64,
}

/// Which lanes a request is paid from: a range, since those that are paid together lie side by side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lanes {
    pub(super) first: usize,
    pub(super) last: usize,
}

impl Lanes {
    pub(super) fn one(lane: usize) -> Lanes {
        Lanes { first: lane, last: lane }
    }

    pub(super) fn indexes(self) -> impl Iterator<Item = usize> {
        self.first..=self.last
    }
}

/// What a request that asks is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// It may be sent now; its tokens are taken.
    Now,
    /// It is the first in its queues; the tokens are there at this instant, unless something changes before.
    At(u64),
    /// Others are before it.
    Later,
    /// The lane with this index can never hold so many tokens.
    Never(usize),
}

/// A bucket and the queue before it.
#[derive(Debug)]
struct Lane {
    bucket: Bucket,
    waiting: BTreeMap<Place, Arc<Notify>>,
    /// Nothing is sent before this instant, since the venue refused.
    closed_until: u64,
    /// The same as far as the venue named the time itself.
    silent_until: u64,
    warned_at: Option<u64>,
}

/// What a lane is paid from.
#[derive(Clone, Debug)]
pub(super) enum Bucket {
    Tokens(TokenBucket),
    Window(Window),
}

/// How full a lane is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Level {
    pub(super) tokens: u64,
    pub(super) capacity: u64,
    pub(super) used_percent: u64,
    pub(super) waiting: usize,
}

/// All lanes.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    lanes: Vec<Lane>,
}

impl Ledger {
    pub(super) fn push(&mut self, bucket: Bucket) {
        self.lanes.push(Lane { bucket, waiting: BTreeMap::new(), closed_until: 0, silent_until: 0, warned_at: None });
    }

    pub(super) fn len(&self) -> usize {
        self.lanes.len()
    }

    /// A request at `place` asks to be sent at `now`; it is given the tokens if they are there and nobody is before it.
    /// `id` names it from then on; ids grow.
    pub(super) fn ask(&mut self, place: Place, lanes: Lanes, cost: u64, id: u64, now: u64) -> Turn {
        let mut ready_at = 0;
        let mut first = true;
        for index in lanes.indexes() {
            let lane = &self.lanes[index];
            match &lane.bucket {
                Bucket::Tokens(bucket) if cost > bucket.limit().capacity => return Turn::Never(index),
                Bucket::Tokens(bucket) => ready_at = ready_at.max(bucket.ready_at(cost)),
                Bucket::Window(window) => ready_at = ready_at.max(window.ready_at()),
            }
            ready_at = ready_at.max(lane.closed_until);
            first &= lane.waiting.keys().next().is_none_or(|earliest| *earliest >= place);
        }
        if !first {
            return Turn::Later;
        }
        if ready_at > now {
            return Turn::At(ready_at);
        }
        for index in lanes.indexes() {
            match &mut self.lanes[index].bucket {
                Bucket::Tokens(bucket) => bucket.take(id, cost, now),
                Bucket::Window(window) => window.take(id, now),
            }
        }
        Turn::Now
    }

    /// Of these lanes the one that the venue wants left alone the longest from `now` on, and for how long.
    pub(super) fn longest_silence(&self, lanes: Lanes, now: u64) -> (usize, u64) {
        let silences = lanes.indexes().map(|index| (index, self.lanes[index].silent_until.saturating_sub(now)));
        silences.max_by_key(|(_, left)| *left).unwrap_or((lanes.first, 0))
    }

    /// Queues a request; `notify` is told when it is worth asking again.
    pub(super) fn enter(&mut self, place: Place, lanes: Lanes, notify: &Arc<Notify>) {
        for index in lanes.indexes() {
            self.lanes[index].waiting.insert(place, Arc::clone(notify));
        }
    }

    /// Takes a request out of its queues, and wakes whoever is first now.
    pub(super) fn leave(&mut self, place: Place, lanes: Lanes) {
        for index in lanes.indexes() {
            self.lanes[index].waiting.remove(&place);
        }
        self.wake(lanes);
    }

    /// The request `id` has been answered by `now`; `paid` if the answer shows that its tokens were there.
    pub(super) fn answered(&mut self, lanes: Lanes, id: u64, paid: bool, now: u64) {
        for index in lanes.indexes() {
            match &mut self.lanes[index].bucket {
                Bucket::Tokens(bucket) => bucket.answered(id, paid, now),
                Bucket::Window(window) => window.answered(id, now),
            }
        }
        self.wake(lanes);
    }

    /// The venue said at `now` that it is asked too often, and perhaps for how long to be silent.
    pub(super) fn exhausted(&mut self, lanes: Lanes, silent_nanos: u64, now: u64) {
        for index in lanes.indexes() {
            let lane = &mut self.lanes[index];
            let open_at = now.saturating_add(silent_nanos);
            (lane.closed_until, lane.silent_until) = (lane.closed_until.max(open_at), lane.silent_until.max(open_at));
            match &mut lane.bucket {
                Bucket::Tokens(bucket) => bucket.exhausted(now),
                // What the venue's own budget is, a plain limit does not know: a second refills most of any.
                Bucket::Window(_) => lane.closed_until = lane.closed_until.max(now.saturating_add(1_000_000_000)),
            }
            // Everybody, since who is not the first may be the first to have no time for that.
            lane.waiting.values().for_each(|waiting| waiting.notify_one());
        }
    }

    /// Gives a lane another limit.
    pub(super) fn change(&mut self, lane: usize, limit: BucketLimit, now: u64) {
        if let Bucket::Tokens(bucket) = &mut self.lanes[lane].bucket {
            bucket.change(limit, now);
        }
        self.wake(Lanes::one(lane));
    }

    pub(super) fn level(&self, lane: usize, now: u64) -> Level {
        let lane = &self.lanes[lane];
        let (tokens, capacity, used_percent) = match &lane.bucket {
            Bucket::Tokens(bucket) => (bucket.tokens(now), bucket.limit().capacity, bucket.used_percent(now)),
            Bucket::Window(window) => {
                let (left, allowed) = (window.left(now), window.allowed());
                (left, allowed, (allowed - left) * 100 / allowed)
            }
        };
        Level { tokens, capacity, used_percent, waiting: lane.waiting.len() }
    }

    /// Whether a lane that is used so much should be warned about at `now`, which is at most once in `pause`.
    pub(super) fn should_warn(&mut self, lane: usize, pause: u64, now: u64) -> bool {
        let lane = &mut self.lanes[lane];
        let due = lane.warned_at.is_none_or(|at| now >= at.saturating_add(pause));
        if due {
            lane.warned_at = Some(now);
        }
        due
    }

    fn wake(&self, lanes: Lanes) {
        for index in lanes.indexes() {
            if let Some(first) = self.lanes[index].waiting.values().next() {
                first.notify_one();
            }
        }
    }
}
