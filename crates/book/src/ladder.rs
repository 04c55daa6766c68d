//! One side of a book: its bids by rising price, the best one last.
//!
//! Prices and sizes lie in two parallel vectors, because a search reads only prices: 40 levels are 80 bytes, little
//! more than a cache line. Changes happen near the best bid, so the best bid is last and a shift moves few elements.

use crate::{Book, LevelError, Price, Quantity, Side};

/// One side's bids. Every held size is positive and at most [`Book::LEVEL_LIMIT`]; prices rise strictly.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ladder {
    prices: Vec<Price>,
    sizes: Vec<Quantity>,
}

impl Ladder {
    /// From levels in any order; zero sizes are as if absent.
    pub(crate) fn new(side: Side, levels: impl IntoIterator<Item = (Price, Quantity)>) -> Result<Ladder, LevelError> {
        let mut levels: Vec<_> = levels.into_iter().filter(|(_, size)| !size.is_zero()).collect();
        levels.sort_unstable_by_key(|&(price, _)| price);
        if let Some(&[(price, first), (_, second)]) = levels.array_windows().find(|[a, b]| a.0 == b.0) {
            return Err(LevelError::Duplicate { side, price, sizes: [first.min(second), first.max(second)] });
        }
        for &(price, size) in &levels {
            if size.is_negative() {
                return Err(LevelError::Negative { side, price, size });
            }
            if size > Book::LEVEL_LIMIT {
                return Err(LevelError::TooLarge { side, price, size });
            }
        }
        // Unlike `unzip`, this allocates exactly what is needed.
        Ok(Ladder {
            prices: levels.iter().map(|&(price, _)| price).collect(),
            sizes: levels.iter().map(|&(_, size)| size).collect(),
        })
    }

    /// Changes one level. Below zero the level is removed, above the limit it is left; then what it held is the error.
    #[inline]
    pub(crate) fn apply(&mut self, price: Price, change: Quantity) -> Result<(), Quantity> {
        let at = self.position(price);
        let present = self.prices.get(at) == Some(&price);
        let held = if present { self.sizes[at] } else { Quantity::ZERO };
        let size = match held.checked_add(change) {
            Some(size) if size <= Book::LEVEL_LIMIT => size,
            _ => return Err(held),
        };
        if size > Quantity::ZERO {
            if present {
                self.sizes[at] = size;
            } else {
                self.insert(at, price, size);
            }
            return Ok(());
        }
        if present {
            self.prices.remove(at);
            self.sizes.remove(at);
        }
        if size.is_negative() { Err(held) } else { Ok(()) }
    }

    /// How many levels are below `price`: where it is, or where it belongs.
    ///
    /// The last eight are counted without branches, since most changes fall among them; the rest is a binary search.
    /// Measured on real captures against a linear search from the best bid, a plain binary search and counts over
    /// 16, 32 or all levels: the fastest there, and never slow on deep books.
    #[inline]
    fn position(&self, price: Price) -> usize {
        let Some((rest, best)) = self.prices.split_last_chunk::<8>() else {
            return self.prices.partition_point(|&held| held < price);
        };
        // Prices fit 15 bits, and eight signed 16-bit comparisons are one instruction on every 64-bit machine.
        let key = price.ten_thousandths() as i16;
        let below: i16 = best.iter().map(|held| i16::from((held.ten_thousandths() as i16) < key)).sum();
        if below > 0 { rest.len() + below as usize } else { rest.partition_point(|&held| held < price) }
    }

    #[inline]
    fn insert(&mut self, at: usize, price: Price, size: Quantity) {
        if self.prices.len() == self.prices.capacity() {
            self.grow();
        }
        self.prices.insert(at, price);
        self.sizes.insert(at, size);
    }

    /// Makes room for half as many levels again: amortised constant, and leaner than the doubling of `Vec`.
    #[cold]
    fn grow(&mut self) {
        let more = (self.prices.len() / 2).max(4);
        self.prices.reserve_exact(more);
        self.sizes.reserve_exact(more);
    }

    /// The size at `price`; zero where there is no level.
    pub(crate) fn size(&self, price: Price) -> Quantity {
        let at = self.position(price);
        if self.prices.get(at) == Some(&price) { self.sizes[at] } else { Quantity::ZERO }
    }

    /// The best bid.
    #[inline]
    pub(crate) fn best(&self) -> Option<(Price, Quantity)> {
        Some((*self.prices.last()?, *self.sizes.last()?))
    }

    /// Levels by rising price.
    pub(crate) fn ascending(
        &self,
    ) -> impl DoubleEndedIterator<Item = (Price, Quantity)> + ExactSizeIterator + Clone + use<'_> {
        self.prices.iter().copied().zip(self.sizes.iter().copied())
    }

    pub(crate) fn len(&self) -> usize {
        self.prices.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.prices.is_empty()
    }

    /// Bytes allocated, used or in reserve.
    pub(crate) fn heap_size(&self) -> usize {
        self.prices.capacity() * size_of::<Price>() + self.sizes.capacity() * size_of::<Quantity>()
    }

    /// Gives the reserve back.
    pub(crate) fn shrink_to_fit(&mut self) {
        self.prices.shrink_to_fit();
        self.sizes.shrink_to_fit();
    }
}
