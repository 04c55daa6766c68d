//! Who may send next: the buckets, and the queues before them. A pure state machine: the time comes in, and who is
//! to be woken goes out.
//!
//! A call that is paid from one lane waits in that lane's queue. One that is paid from several waits in a queue of its
//! own, and is in nobody's way as long as something else than this lane holds it up.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use tokio::sync::Notify;

use super::{
    bucket::TokenBucket,
    limits::BucketLimit,
    queue::{Candidate, Queue},
    window::Window,
};
use crate::client::Priority;

/// A place in a queue: the smaller goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) priority: Priority,
    pub(super) ticket: u64,
}

/// A call that wants to be sent: its place, what it is paid from, and what it costs there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Asking {
    pub(super) place: Place,
    pub(super) lanes: Lanes,
    pub(super) cost: u64,
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

    fn only(self) -> Option<usize> {
        (self.first == self.last).then_some(self.first)
    }
}

/// What a request that asks is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// It may be sent now; its tokens are taken.
    Now,
    /// It should ask again at this instant, unless it is woken before: its tokens are there then, or whoever is before
    /// it has gone or is missing.
    At(u64),
    /// The lane with this index can never hold so many tokens.
    Never(usize),
}

/// A bucket and the queue before it.
#[derive(Debug)]
struct Lane {
    bucket: Bucket,
    queue: Queue,
    /// The calls that wait for it, in whatever queue.
    waiting: usize,
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
    /// The calls that are paid from several lanes.
    of_several: Queue,
}

impl Ledger {
    pub(super) fn push(&mut self, bucket: Bucket) {
        self.lanes.push(Lane {
            bucket,
            queue: Queue::default(),
            waiting: 0,
            closed_until: 0,
            silent_until: 0,
            warned_at: None,
        });
    }

    pub(super) fn len(&self) -> usize {
        self.lanes.len()
    }

    /// A request asks to be sent at `now`; it is given the tokens if they are there and nobody is before it. `id` names
    /// it from then on; ids grow. One that has [waited](Self::wait) says by what it is woken.
    pub(super) fn ask(&mut self, asking: Asking, waits: Option<&Arc<Notify>>, id: u64, now: u64) -> Turn {
        if let Some(notify) = waits {
            // Here it is, though it may have been passed over.
            self.queue(asking.lanes).put(asking, now, notify);
        }
        let ready_at = match self.ready_at(asking) {
            Ok(ready_at) => ready_at,
            Err(lane) => return Turn::Never(lane),
        };
        if let Some(asks_by) = self.who_is_before(asking, now) {
            return Turn::At(self.queue(asking.lanes).look_again_at(asking.place, asks_by, now));
        }
        if ready_at > now {
            return Turn::At(ready_at);
        }
        let Asking { place, lanes, cost } = asking;
        for index in lanes.indexes() {
            let lane = &mut self.lanes[index];
            match &mut lane.bucket {
                Bucket::Tokens(bucket) => bucket.take(id, cost, now),
                Bucket::Window(window) => window.take(id, now),
            }
            lane.queue.overtaken_by(place.priority);
        }
        self.of_several.overtaken_by(place.priority);
        self.queue(lanes).gone(place.priority);
        Turn::Now
    }

    /// When all buckets of a request hold what it costs, if nothing is taken before; or the lane that never does.
    fn ready_at(&self, asking: Asking) -> Result<u64, usize> {
        let mut ready_at = 0;
        for index in asking.lanes.indexes() {
            let lane = &self.lanes[index];
            let bucket_ready_at = match &lane.bucket {
                Bucket::Tokens(bucket) if asking.cost > bucket.limit().capacity => return Err(index),
                Bucket::Tokens(bucket) => bucket.ready_at(asking.cost),
                Bucket::Window(window) => window.ready_at(),
            };
            ready_at = ready_at.max(bucket_ready_at).max(lane.closed_until);
        }
        Ok(ready_at)
    }

    /// By when somebody will have asked again who goes before this request.
    fn who_is_before(&mut self, asking: Asking, now: u64) -> Option<u64> {
        let place = match self.queue(asking.lanes).candidate(now) {
            Some(own) if own.asking.place == asking.place => own.place,
            Some(first) if first.place < asking.place => return Some(first.asks_by),
            _ => asking.place,
        };
        let is_before = |other: &Candidate| other.place < place;
        let Some(lane) = asking.lanes.only() else {
            let firsts = asking.lanes.indexes().filter_map(|index| self.lanes[index].queue.candidate(now));
            return firsts.filter(is_before).map(|first| first.asks_by).min();
        };
        let of_several = self.of_several.candidate(now).filter(is_before)?;
        self.is_in_the_way(of_several, lane, asking.cost, now).then_some(of_several.asks_by)
    }

    /// Whether the first request that is paid from several lanes would be sent later if one that comes after it took
    /// `cost` from this lane now.
    fn is_in_the_way(&mut self, first: Candidate, lane: usize, cost: u64, now: u64) -> bool {
        if !first.asking.lanes.indexes().any(|index| index == lane) {
            return false;
        }
        let mut others = first.asking.lanes.indexes().filter(|index| *index != lane);
        let is_held_up_elsewhere =
            others.any(|index| self.lanes[index].queue.candidate(now).is_some_and(|other| other.place < first.place));
        let Ok(ready_at) = self.ready_at(first.asking) else { return false };
        let Bucket::Tokens(bucket) = &self.lanes[lane].bucket else { return true };
        !is_held_up_elsewhere && bucket.ready_after(cost, now, first.asking.cost) > ready_at.max(now)
    }

    /// The queue in which a request waits that is paid from these lanes.
    fn queue(&mut self, lanes: Lanes) -> &mut Queue {
        match lanes.only() {
            Some(lane) => &mut self.lanes[lane].queue,
            None => &mut self.of_several,
        }
    }

    /// Of these lanes the one that the venue wants left alone the longest from `now` on, and for how long.
    pub(super) fn longest_silence(&self, lanes: Lanes, now: u64) -> (usize, u64) {
        let silences = lanes.indexes().map(|index| (index, self.lanes[index].silent_until.saturating_sub(now)));
        silences.max_by_key(|(_, left)| *left).unwrap_or((lanes.first, 0))
    }

    /// A request begins to wait.
    pub(super) fn enter(&mut self, lanes: Lanes) {
        lanes.indexes().for_each(|index| self.lanes[index].waiting += 1);
    }

    /// A request that waits will ask again at `asks_by`, or as soon as `notify` is told.
    pub(super) fn wait(&mut self, asking: Asking, asks_by: u64, notify: &Arc<Notify>) {
        self.queue(asking.lanes).put(asking, asks_by, notify);
    }

    /// A request waits no longer: whoever is first now is woken.
    pub(super) fn leave(&mut self, place: Place, lanes: Lanes, now: u64) {
        lanes.indexes().for_each(|index| self.lanes[index].waiting -= 1);
        self.queue(lanes).remove(place);
        self.wake(lanes, now);
    }

    /// The request `id` has been answered by `now`; `paid` if the answer shows that its tokens were there.
    pub(super) fn answered(&mut self, lanes: Lanes, id: u64, paid: bool, now: u64) {
        for index in lanes.indexes() {
            match &mut self.lanes[index].bucket {
                Bucket::Tokens(bucket) => bucket.answered(id, paid, now),
                Bucket::Window(window) => window.answered(id, now),
            }
        }
        self.wake(lanes, now);
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
            lane.queue.wake_all(now);
        }
        self.of_several.wake_all(now);
    }

    /// Gives a lane another limit.
    pub(super) fn change(&mut self, lane: usize, limit: BucketLimit, now: u64) {
        if let Bucket::Tokens(bucket) = &mut self.lanes[lane].bucket
            && bucket.limit() != limit
        {
            bucket.change(limit, now);
            // Everybody, since whoever costs too much now is to hear of it.
            self.lanes[lane].queue.wake_all(now);
            self.of_several.wake_all(now);
        }
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
        Level { tokens, capacity, used_percent, waiting: lane.waiting }
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

    fn wake(&mut self, lanes: Lanes, now: u64) {
        lanes.indexes().for_each(|index| self.lanes[index].queue.wake(now));
        self.of_several.wake(now);
    }
}
