//! One side of a market: levels by rising price, the best last, each with its queue of orders.

use daybook_book::{Price, Quantity};

use super::slab::List;

/// The orders at one price.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Level {
    pub(crate) price: Price,
    /// Their contracts together, in hundredths; positive.
    pub(crate) total: i64,
    /// Oldest first.
    pub(crate) queue: List,
}

/// The bids of one side. Changes happen near the best, so the best is last and few levels move.
#[derive(Debug, Default)]
pub(crate) struct Ladder {
    levels: Vec<Level>,
}

impl Ladder {
    #[inline]
    pub(crate) fn best(&self) -> Option<&Level> {
        self.levels.last()
    }

    #[inline]
    fn position(&self, price: Price) -> usize {
        self.levels.partition_point(|level| level.price < price)
    }

    /// The contracts at a price.
    #[inline]
    pub(crate) fn total(&self, price: Price) -> i64 {
        self.levels.get(self.position(price)).filter(|level| level.price == price).map_or(0, |level| level.total)
    }

    /// The level at a price: a new, empty one where there is none. Whoever asks for it puts an order there.
    #[inline]
    pub(crate) fn level_or_new(&mut self, price: Price) -> &mut Level {
        let at = self.position(price);
        if self.levels.get(at).is_none_or(|level| level.price != price) {
            self.levels.insert(at, Level { price, total: 0, queue: List::default() });
        }
        &mut self.levels[at]
    }

    /// Changes the level at a price, and drops it if no contracts are left.
    #[inline]
    pub(crate) fn change(&mut self, price: Price, change: impl FnOnce(&mut Level)) {
        let at = self.position(price);
        let level = &mut self.levels[at];
        debug_assert_eq!(level.price, price);
        change(level);
        if level.total == 0 {
            self.levels.remove(at);
        }
    }

    /// Best first.
    pub(crate) fn levels(&self) -> impl DoubleEndedIterator<Item = &Level> + ExactSizeIterator + Clone {
        self.levels.iter().rev()
    }

    /// Prices and sizes, best first.
    pub(crate) fn sizes(&self) -> impl DoubleEndedIterator<Item = (Price, Quantity)> + ExactSizeIterator + Clone {
        self.levels().map(|level| (level.price, Quantity::from_hundredths(level.total)))
    }

    /// The contracts at better prices.
    pub(crate) fn ahead_of(&self, price: Price) -> i64 {
        self.levels().take_while(|level| level.price > price).map(|level| level.total).sum()
    }

    /// Gives the memory of an empty ladder back.
    pub(crate) fn release(&mut self) {
        debug_assert!(self.levels.is_empty());
        self.levels = Vec::new();
    }
}
