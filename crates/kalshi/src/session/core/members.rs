//! The markets of one subscription, and what is known of each one's book.

use std::time::Duration;

use daybook_book::{ReceivedTime, Ticker};
use hashbrown::HashTable;
use xxhash_rust::xxh3::xxh3_64;

use super::RequestId;

/// The longest ticker that finding is quickest for: with what every delta looks at it fills a cache line.
const NAME: usize = 41;

/// What every delta looks at of a market. It is one cache line, and lies in the table itself, so that finding a market
/// among very many waits for memory once.
#[derive(Debug)]
#[repr(C, align(64))]
pub(super) struct Hot {
    /// The ticker's text once more, if it fits, so that finding a market touches no other memory.
    name: [u8; NAME],
    /// Its length; 0 where it does not fit.
    name_len: u8,
    /// The venue was asked to carry it: what arrives for it belongs to this subscription.
    pub(super) sent: bool,
    /// A book folded from its events shows what the venue shows.
    pub(super) trusted: bool,
    /// Where the rest is.
    place: u32,
    /// The venue's clock in its last snapshot; 0 where it gave none.
    pub(super) snapshot_clock: u64,
    /// The venue's clock in its last book event; 0 where it gave none.
    pub(super) last_clock: u64,
}

/// What is known of a market besides.
#[derive(Debug)]
pub(super) struct Cold {
    pub(super) ticker: Ticker,
    /// The command that asked the venue to carry it; 0 if none did.
    pub(super) command: u64,
    /// The venue carries it: it confirmed that command, or sent a snapshot that nobody had asked for.
    pub(super) carried: bool,
    /// The user's requests that wait for that.
    pub(super) waiting: Vec<RequestId>,
    /// A snapshot came on the present subscription, so another can be expected when asked for.
    pub(super) seen: bool,
    /// What answers a command before this one proves nothing: something was lost since, or it was not carried yet.
    pub(super) bar: u64,
    /// When the repair group is due that it waits in; [`Duration::MAX`] if in none. What stands in other groups is void.
    pub(super) queued: Duration,
    /// Events of it were dropped for want of room.
    pub(super) overflowed: bool,
    /// Snapshots in a row that were older than deltas from before they were asked for.
    pub(super) lagging: u8,
    /// Requests for a snapshot in a row that brought none.
    pub(super) attempts: u8,
    /// Since when its gap is open; `None` if nothing was known before.
    pub(super) since: Option<ReceivedTime>,
    /// The command that asks for its snapshot; 0 if none does.
    pub(super) asked: u64,
    /// When that was sent.
    pub(super) asked_at: Duration,
    /// The venue's clock in the last book event before that.
    pub(super) asked_clock: u64,
}

/// A market that was taken away.
#[derive(Debug)]
pub(super) struct Gone {
    pub(super) sent: bool,
    pub(super) trusted: bool,
    pub(super) cold: Cold,
}

/// One market of a subscription.
#[derive(Debug)]
pub(super) struct Member<'a> {
    pub(super) hot: &'a mut Hot,
    pub(super) cold: &'a mut Cold,
}

impl Hot {
    fn new(ticker: &Ticker, place: u32) -> Hot {
        let text = ticker.as_str().as_bytes();
        let mut name = [0; NAME];
        let mut name_len = 0;
        if let Some(start) = name.get_mut(..text.len()) {
            start.copy_from_slice(text);
            name_len = text.len() as u8;
        }
        Hot { name, name_len, sent: false, trusted: false, place, snapshot_clock: 0, last_clock: 0 }
    }

    /// Whether this is its ticker.
    #[inline]
    fn is(&self, ticker: &str, all: &[Cold]) -> bool {
        if ticker.len() <= NAME {
            // A frame may say anything; no member's ticker is empty.
            !ticker.is_empty()
                && usize::from(self.name_len) == ticker.len()
                && self.name[..ticker.len()] == *ticker.as_bytes()
        } else {
            self.name_len == 0 && all[self.place as usize].ticker.as_str() == ticker
        }
    }

    fn hash(&self, all: &[Cold]) -> u64 {
        match self.name_len {
            0 => hash(all[self.place as usize].ticker.as_str()),
            length => xxh3_64(&self.name[..usize::from(length)]),
        }
    }
}

impl Cold {
    fn new(ticker: Ticker) -> Cold {
        Cold {
            ticker,
            command: 0,
            carried: false,
            waiting: Vec::new(),
            seen: false,
            bar: 0,
            queued: Duration::MAX,
            overflowed: false,
            lagging: 0,
            attempts: 0,
            since: None,
            asked: 0,
            asked_at: Duration::ZERO,
            asked_clock: 0,
        }
    }

    /// Whether it is to be put into a group that is due then: it is in none that is due as soon.
    pub(super) fn queue(&mut self, due: Duration) -> bool {
        let sooner = due < self.queued;
        self.queued = self.queued.min(due);
        sooner
    }
}

impl Member<'_> {
    /// Forgets what belonged to a subscription that ended; the open gap stays, and so does who waits for it.
    pub(super) fn reset(self) {
        let (ticker, since) = (self.cold.ticker.clone(), self.cold.since);
        let waiting = std::mem::take(&mut self.cold.waiting);
        *self.hot = Hot::new(&ticker, self.hot.place);
        *self.cold = Cold { since, waiting, ..Cold::new(ticker) };
    }
}

/// Members by ticker, in no particular order.
#[derive(Debug, Default)]
pub(super) struct Members {
    hot: HashTable<Hot>,
    cold: Vec<Cold>,
}

impl Members {
    /// Adds a market; false if it is there already, or if there are 2³² of them.
    pub(super) fn insert(&mut self, ticker: Ticker) -> bool {
        let hash = hash(ticker.as_str());
        let Ok(place) = u32::try_from(self.cold.len()) else { return false };
        let all = &self.cold;
        if self.hot.find(hash, |hot| hot.is(ticker.as_str(), all)).is_some() {
            return false;
        }
        self.hot.insert_unique(hash, Hot::new(&ticker, place), |hot| hot.hash(all));
        self.cold.push(Cold::new(ticker));
        true
    }

    /// The market of this name.
    #[inline]
    pub(super) fn get_mut(&mut self, ticker: &str) -> Option<Member<'_>> {
        let all = &self.cold;
        let hot = self.hot.find_mut(hash(ticker), |hot| hot.is(ticker, all))?;
        let cold = self.cold.get_mut(hot.place as usize)?;
        Some(Member { hot, cold })
    }

    /// Takes a market away.
    pub(super) fn remove(&mut self, ticker: &str) -> Option<Gone> {
        let all = &self.cold;
        let (gone, _) = self.hot.find_entry(hash(ticker), |hot| hot.is(ticker, all)).ok()?.remove();
        let last = self.cold.len() - 1;
        let moved = hash(all[last].ticker.as_str());
        if let Some(moved) = self.hot.find_mut(moved, |hot| hot.place as usize == last) {
            moved.place = gone.place;
        }
        let (sent, trusted) = (gone.sent, gone.trusted);
        Some(Gone { sent, trusted, cold: self.cold.swap_remove(gone.place as usize) })
    }

    /// Every market.
    pub(super) fn for_each(&mut self, mut act: impl FnMut(Member<'_>)) {
        for hot in &mut self.hot {
            if let Some(cold) = self.cold.get_mut(hot.place as usize) {
                act(Member { hot, cold });
            }
        }
    }

    #[cfg(test)]
    pub(super) fn all_trusted(&self) -> bool {
        self.hot.iter().all(|hot| hot.trusted)
    }

    /// How many.
    pub(super) fn len(&self) -> usize {
        self.cold.len()
    }
}

#[inline]
fn hash(ticker: &str) -> u64 {
    xxh3_64(ticker.as_bytes())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn agrees_with_a_set(steps in prop::collection::vec((any::<bool>(), 0u8..20), 0..200)) {
            let (mut members, mut model) = (Members::default(), BTreeSet::new());
            for (insert, name) in steps {
                // Some too long for the quick comparison, some just not.
                let ticker: Ticker = format!("{}-{name}", "T".repeat(usize::from(name % 5) * 10)).parse().unwrap();
                if insert {
                    prop_assert_eq!(members.insert(ticker.clone()), model.insert(ticker.clone()));
                } else {
                    prop_assert_eq!(members.remove(ticker.as_str()).map(|gone| gone.cold.ticker), model.take(&ticker));
                }
                prop_assert_eq!(members.len(), model.len());
                for ticker in &model {
                    prop_assert_eq!(&members.get_mut(ticker.as_str()).unwrap().cold.ticker, ticker);
                }
                prop_assert!(members.get_mut("absent").is_none());
            }
        }
    }
}
