//! The calls that wait for the same bucket: who of them is next, and who is passed over.

use std::{collections::BTreeMap, sync::Arc};

use tokio::sync::Notify;

use super::ledger::{Asking, Place};
use crate::client::Priority;

/// How late a call may be to take what it waited for, in nanoseconds. Whoever is later is passed over until it is heard
/// of again: it may be a future that nobody polls, or a task of a thread that is busy.
const GRACE: u64 = 10_000_000;
/// How much later than the one before it a call looks whether it is passed over.
const STAGGER: u64 = GRACE / 4;
/// How long a call waits for the one before it without looking, in nanoseconds.
const LONGEST_NAP: u64 = 1_000_000_000;

/// How many calls may go before one that waits in the same queue with a lower priority.
pub(super) const MOST_OVERTAKEN: u32 = 10;

const PRIORITIES: [Priority; 3] = [Priority::Orders, Priority::Reads, Priority::Background];

/// A queue of calls, in the order of their places.
///
/// Each says until when it will have asked again. Of those that keep to that the first is the candidate: nobody goes
/// before it.
#[derive(Debug, Default)]
pub(super) struct Queue {
    /// By priority.
    kinds: [Kind; PRIORITIES.len()],
}

/// The calls of one priority.
#[derive(Debug, Default)]
struct Kind {
    /// By ticket.
    calls: BTreeMap<u64, Waiting>,
    /// How many calls of higher priority went since one of these did.
    overtaken: u32,
}

#[derive(Debug)]
struct Waiting {
    asking: Asking,
    /// When it will have asked again.
    asks_by: u64,
    notify: Arc<Notify>,
}

/// The call that is next in its queue.
#[derive(Clone, Copy, Debug)]
pub(super) struct Candidate {
    /// Its place; before all others if it has been overtaken often enough.
    pub(super) place: Place,
    pub(super) asking: Asking,
    pub(super) asks_by: u64,
}

impl Queue {
    /// The call that is next. Who has not kept to its time at `now` is passed over from here on.
    pub(super) fn candidate(&mut self, now: u64) -> Option<Candidate> {
        loop {
            let kind = self.next_kind()?;
            let (ticket, first) = self.kinds[kind].calls.first_key_value()?;
            if first.asks_by.saturating_add(GRACE) > now {
                // Tickets begin at one.
                let (first_of_all, own) = ((PRIORITIES[0], 0), (PRIORITIES[kind], *ticket));
                let (priority, ticket) = if self.is_due(kind) { first_of_all } else { own };
                let place = Place { priority, ticket };
                return Some(Candidate { place, asking: first.asking, asks_by: first.asks_by });
            }
            self.kinds[kind].calls.pop_first();
        }
    }

    /// The kind whose turn it is.
    fn next_kind(&self) -> Option<usize> {
        let due = (0..self.kinds.len()).rev().find(|kind| self.is_due(*kind));
        due.or_else(|| self.kinds.iter().position(|kind| !kind.calls.is_empty()))
    }

    fn is_due(&self, kind: usize) -> bool {
        let kind = &self.kinds[kind];
        kind.overtaken >= MOST_OVERTAKEN && !kind.calls.is_empty()
    }

    /// A call begins to wait, or goes on. It will have asked again at `asks_by`.
    pub(super) fn put(&mut self, asking: Asking, asks_by: u64, notify: &Arc<Notify>) {
        let waiting = Waiting { asking, asks_by, notify: Arc::clone(notify) };
        self.kinds[kind_of(asking.place)].calls.insert(asking.place.ticket, waiting);
    }

    /// A call waits no longer.
    pub(super) fn remove(&mut self, place: Place) {
        self.kinds[kind_of(place)].calls.remove(&place.ticket);
    }

    /// A call of this queue went, which has this priority.
    pub(super) fn gone(&mut self, priority: Priority) {
        self.kinds[priority as usize].overtaken = 0;
    }

    /// A call of this priority went, of this queue or of another that is before the same bucket.
    pub(super) fn overtaken_by(&mut self, priority: Priority) {
        for lower in &mut self.kinds[priority as usize + 1..] {
            lower.overtaken = if lower.calls.is_empty() { 0 } else { lower.overtaken.saturating_add(1) };
        }
    }

    /// When the call at `place`, which has to wait for another that will have asked at `asks_by`, should look again:
    /// later than those before it, so that they do not all come at once, and so that it finds them missing if they are.
    pub(super) fn look_again_at(&self, place: Place, asks_by: u64, now: u64) -> u64 {
        let kind = kind_of(place);
        let more_important: usize = self.kinds[..kind].iter().map(|kind| kind.calls.len()).sum();
        let calls = &self.kinds[kind].calls;
        // No more of its kind are before it than there are tickets between.
        let tickets = calls.first_key_value().map_or(0, |(first, _)| place.ticket.saturating_sub(*first));
        let before = more_important as u64 + tickets.min(calls.len() as u64);
        let first_look = asks_by.clamp(now, now.saturating_add(LONGEST_NAP)).saturating_add(GRACE);
        first_look.saturating_add(before.saturating_mul(STAGGER))
    }

    /// Tells the call that is next that it is worth asking again; it is expected to do so at once.
    pub(super) fn wake(&mut self, now: u64) {
        let Some(candidate) = self.candidate(now) else { return };
        let kind = &mut self.kinds[kind_of(candidate.asking.place)];
        if let Some(first) = kind.calls.get_mut(&candidate.asking.place.ticket) {
            first.asks_by = first.asks_by.min(now);
            first.notify.notify_one();
        }
    }

    /// The same for everybody.
    pub(super) fn wake_all(&mut self, now: u64) {
        for waiting in self.kinds.iter_mut().flat_map(|kind| kind.calls.values_mut()) {
            waiting.asks_by = waiting.asks_by.min(now);
            waiting.notify.notify_one();
        }
    }
}

fn kind_of(place: Place) -> usize {
    place.priority as usize
}
