//! The markets of one subscription, and what is known of each one's book.

use std::time::Duration;

use daybook_book::{ReceivedTime, Ticker};
use hashbrown::HashTable;
use xxhash_rust::xxh3::xxh3_64;

/// The longest ticker that finding is quickest for: with what every delta looks at it fills a cache line.
const NAME: usize = 45;

/// One market of a subscription. What every delta looks at comes first, and lies in one cache line.
#[derive(Debug)]
#[repr(C, align(64))]
pub(super) struct Member {
    /// The ticker's text once more, if it fits, so that finding a market touches no other memory.
    name: [u8; NAME],
    /// Its length; 0 where it does not fit.
    name_len: u8,
    /// The venue was asked to carry it: what arrives for it belongs to this subscription.
    pub(super) sent: bool,
    /// A book folded from its events shows what the venue shows.
    pub(super) trusted: bool,
    /// The venue's clock in its last snapshot; 0 where it gave none.
    pub(super) snapshot_clock: u64,
    /// The venue's clock in its last book event; 0 where it gave none.
    pub(super) last_clock: u64,
    pub(super) ticker: Ticker,
    /// A snapshot came on the present subscription, so another can be expected when asked for.
    pub(super) seen: bool,
    /// When the repair group is due that it waits in; [`Duration::MAX`] if in none. What stands in other groups is void.
    pub(super) queued: Duration,
    /// Events of it were dropped for want of room.
    pub(super) overflowed: bool,
    /// Snapshots in a row that were older than deltas before them.
    pub(super) lagging: u8,
    /// Requests for a snapshot in a row that brought none.
    pub(super) attempts: u8,
    /// When its last snapshot came.
    pub(super) snapshot_at: Duration,
    /// Since when its gap is open; `None` if nothing was known before.
    pub(super) since: Option<ReceivedTime>,
    /// The command that asks for its snapshot; 0 if none does.
    pub(super) asked: u64,
    /// When that was sent.
    pub(super) asked_at: Duration,
}

impl Member {
    fn new(ticker: Ticker) -> Member {
        let text = ticker.as_str().as_bytes();
        let mut name = [0; NAME];
        let mut name_len = 0;
        if let Some(place) = name.get_mut(..text.len()) {
            place.copy_from_slice(text);
            name_len = text.len() as u8;
        }
        Member {
            name,
            name_len,
            ticker,
            sent: false,
            trusted: false,
            seen: false,
            queued: Duration::MAX,
            overflowed: false,
            lagging: 0,
            attempts: 0,
            snapshot_clock: 0,
            last_clock: 0,
            snapshot_at: Duration::ZERO,
            since: None,
            asked: 0,
            asked_at: Duration::ZERO,
        }
    }

    /// Whether this is its ticker.
    #[inline]
    fn is(&self, ticker: &str) -> bool {
        if ticker.len() <= NAME {
            // A frame may say anything; no member's ticker is empty.
            !ticker.is_empty()
                && usize::from(self.name_len) == ticker.len()
                && self.name[..ticker.len()] == *ticker.as_bytes()
        } else {
            self.ticker.as_str() == ticker
        }
    }

    /// Whether it is to be put into a group that is due then: it is in none that is due as soon.
    pub(super) fn queue(&mut self, due: Duration) -> bool {
        let sooner = due < self.queued;
        self.queued = self.queued.min(due);
        sooner
    }

    /// Forgets what belonged to a subscription that ended; the open gap stays.
    pub(super) fn reset(&mut self) {
        let (ticker, since) = (self.ticker.clone(), self.since);
        *self = Member { since, ..Member::new(ticker) };
    }
}

/// Members by ticker, in no particular order.
#[derive(Debug, Default)]
pub(super) struct Members {
    places: HashTable<u32>,
    all: Vec<Member>,
}

impl Members {
    /// Adds a market; false if it is there already, or if there are 2³² of them.
    pub(super) fn insert(&mut self, ticker: Ticker) -> bool {
        let hash = xxh3_64(ticker.as_str().as_bytes());
        let Ok(place) = u32::try_from(self.all.len()) else { return false };
        let all = &self.all;
        if self.places.find(hash, |&place| all[place as usize].is(ticker.as_str())).is_some() {
            return false;
        }
        self.places.insert_unique(hash, place, |&place| hash_at(all, place));
        self.all.push(Member::new(ticker));
        true
    }

    /// The market of this name.
    #[inline]
    pub(super) fn get_mut(&mut self, ticker: &str) -> Option<&mut Member> {
        let all = &self.all;
        let place = *self.places.find(xxh3_64(ticker.as_bytes()), |&place| all[place as usize].is(ticker))?;
        self.all.get_mut(place as usize)
    }

    /// Takes a market away.
    pub(super) fn remove(&mut self, ticker: &str) -> Option<Member> {
        let all = &self.all;
        let found = self.places.find_entry(xxh3_64(ticker.as_bytes()), |&place| all[place as usize].is(ticker));
        let (place, _) = found.ok()?.remove();
        let last = (self.all.len() - 1) as u32;
        if place != last {
            let hash = hash_at(&self.all, last);
            if let Some(moved) = self.places.find_mut(hash, |&other| other == last) {
                *moved = place;
            }
        }
        Some(self.all.swap_remove(place as usize))
    }

    #[cfg(test)]
    pub(super) fn iter(&self) -> impl Iterator<Item = &Member> {
        self.all.iter()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Member> {
        self.all.iter_mut()
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }
}

fn hash_at(all: &[Member], place: u32) -> u64 {
    xxh3_64(all[place as usize].ticker.as_str().as_bytes())
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
                let ticker: Ticker = format!("{}-{name}", "T".repeat(usize::from(name % 5) * 11)).parse().unwrap();
                if insert {
                    prop_assert_eq!(members.insert(ticker.clone()), model.insert(ticker.clone()));
                } else {
                    prop_assert_eq!(members.remove(ticker.as_str()).map(|member| member.ticker), model.take(&ticker));
                }
                prop_assert_eq!(members.len(), model.len());
                for ticker in &model {
                    prop_assert_eq!(&members.get_mut(ticker.as_str()).unwrap().ticker, ticker);
                }
                prop_assert!(members.get_mut("absent").is_none());
            }
        }
    }
}
