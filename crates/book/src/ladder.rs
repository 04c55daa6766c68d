//! One side of a book: its bids by rising price, the best one last.
//!
//! A level is one word, price above size, so that words rise with the price, 40 levels are five cache lines in one
//! allocation, and a change finds its level's size where it found the price. In a book that was not looked at for
//! a while each place that is read is a wait for memory, and that is what most of the time goes to where there are many.
//! Changes happen near the best bid, so the best bid is last and a shift moves few elements.

use std::fmt;

use crate::{Book, LevelError, Price, Quantity, Side};

/// A price in the upper bits, a size of more than zero and at most [`Book::LEVEL_LIMIT`] in the lower ones.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Level(u64);

/// Bits of a size; the 14 of a price are above them.
const SIZE_BITS: u32 = 49;
const _: () = assert!(Book::LEVEL_LIMIT.hundredths() < 1 << SIZE_BITS);

impl Level {
    #[inline]
    fn new(price: Price, size: Quantity) -> Level {
        Level(Level::floor(price) | size.hundredths().cast_unsigned())
    }

    /// Below every level at this price, and above all at lower ones.
    #[inline]
    fn floor(price: Price) -> u64 {
        u64::from(price.0) << SIZE_BITS
    }

    #[inline]
    fn price(self) -> Price {
        Price((self.0 >> SIZE_BITS) as u16)
    }

    #[inline]
    fn size(self) -> Quantity {
        Quantity::from_hundredths((self.0 & ((1 << SIZE_BITS) - 1)).cast_signed())
    }

    #[inline]
    fn both(self) -> (Price, Quantity) {
        (self.price(), self.size())
    }
}

/// One side's bids; prices rise strictly.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Ladder {
    levels: Vec<Level>,
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
        // Into a vector of its own, which holds exactly what is needed.
        let words = levels.iter().map(|&(price, size)| Level::new(price, size));
        Ok(Ladder { levels: words.collect::<Box<[Level]>>().into_vec() })
    }

    /// Changes one level. Below zero the level is removed, above the limit it is left; then what it held is the error.
    #[inline]
    pub(crate) fn apply(&mut self, price: Price, change: Quantity) -> Result<(), Quantity> {
        let at = self.position(price);
        let present = self.levels.get(at).copied().filter(|level| level.price() == price);
        let held = present.map_or(Quantity::ZERO, Level::size);
        let size = match held.checked_add(change) {
            Some(size) if size <= Book::LEVEL_LIMIT => size,
            _ => return Err(held),
        };
        if size > Quantity::ZERO {
            if present.is_some() {
                self.levels[at] = Level::new(price, size);
            } else {
                self.insert(at, Level::new(price, size));
            }
            return Ok(());
        }
        if present.is_some() {
            self.levels.remove(at);
        }
        if size.is_negative() { Err(held) } else { Ok(()) }
    }

    /// How many levels are below `price`: where it is, or where it belongs.
    ///
    /// Most changes fall among the last eight, a cache line, so these are looked at first, without branches. The search reads
    /// word by word: a count over all eight at once is slower, since it waits for a word that was written just before.
    #[inline]
    fn position(&self, price: Price) -> usize {
        let floor = Level::floor(price);
        let Some((rest, best)) = self.levels.split_last_chunk::<8>() else {
            return self.levels.partition_point(|held| held.0 < floor);
        };
        if best[0].0 >= floor {
            return rest.partition_point(|held| held.0 < floor);
        }
        // Seven are left to be told apart.
        let mut below = if best[4].0 < floor { 5 } else { 1 };
        below += if best[below + 1].0 < floor { 2 } else { 0 };
        below += usize::from(best[below].0 < floor);
        rest.len() + below
    }

    #[inline]
    fn insert(&mut self, at: usize, level: Level) {
        if self.levels.len() == self.levels.capacity() {
            self.grow();
        }
        self.levels.insert(at, level);
    }

    /// Makes room for half as many levels again: amortised constant, and leaner than the doubling of `Vec`.
    #[cold]
    fn grow(&mut self) {
        self.levels.reserve_exact((self.levels.len() / 2).max(4));
    }

    /// The size at `price`; zero where there is no level.
    pub(crate) fn size(&self, price: Price) -> Quantity {
        let level = self.levels.get(self.position(price)).filter(|level| level.price() == price);
        level.map_or(Quantity::ZERO, |level| level.size())
    }

    /// The best bid.
    #[inline]
    pub(crate) fn best(&self) -> Option<(Price, Quantity)> {
        self.levels.last().map(|level| level.both())
    }

    /// Levels by rising price.
    pub(crate) fn ascending(
        &self,
    ) -> impl DoubleEndedIterator<Item = (Price, Quantity)> + ExactSizeIterator + Clone + use<'_> {
        self.levels.iter().map(|level| level.both())
    }

    pub(crate) fn len(&self) -> usize {
        self.levels.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.levels.is_empty()
    }

    /// Bytes allocated, used or in reserve.
    pub(crate) fn heap_size(&self) -> usize {
        self.levels.capacity() * size_of::<Level>()
    }

    /// Gives the reserve back.
    pub(crate) fn shrink_to_fit(&mut self) {
        self.levels.shrink_to_fit();
    }
}

impl fmt::Debug for Ladder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.ascending()).finish()
    }
}
