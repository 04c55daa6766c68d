//! One market's order book: two bid ladders, built from snapshots and changed by deltas.

use crate::{Event, Price, Quantity, Side, ladder::Ladder};

/// A market's order book: what is bid for YES and what is bid for NO.
///
/// 48 bytes; an empty book allocates nothing, and a level takes eight bytes plus at most half as much in reserve.
/// A delta costs 10 to 20 ns. Two books are equal if they hold the same levels, however they came to hold them.
///
/// What can be read off a book (best prices, implied asks, depth, costs) is listed further down, its
/// [digest](Book::digest) too.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Book {
    /// By side, so that choosing one is an index and no branch: the sides of successive deltas are a coin toss.
    ladders: [Ladder; 2],
}

/// A delta that does not fit the level it changes: events were lost before it, or it is wrong.
///
/// It took away more than the level held, or added more than a level can hold
/// ([`is_overflow`](Divergence::is_overflow)). Either way the book no longer shows what the venue shows, and needs a
/// snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the {side} level at {price} held {held} and was changed by {change}: it would {}; the book needs a snapshot",
    if self.is_overflow() { "pass the greatest size of a level" } else { "fall below zero" }
)]
pub struct Divergence {
    /// Which ladder.
    pub side: Side,
    /// Which level.
    pub price: Price,
    /// What it held.
    pub held: Quantity,
    /// What the delta said.
    pub change: Quantity,
}

impl Divergence {
    /// Whether the level would have passed [`Book::LEVEL_LIMIT`], rather than fallen below zero.
    pub const fn is_overflow(&self) -> bool {
        // A held size is never negative, so the sign of the change tells which end was passed.
        !self.change.is_negative()
    }
}

/// Levels that make no book.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LevelError {
    /// One price is listed twice.
    #[error("the {side} levels list {price} twice, with {} and {}", sizes[0], sizes[1])]
    Duplicate {
        /// Which ladder.
        side: Side,
        /// Which price.
        price: Price,
        /// Two of its sizes, the smaller first.
        sizes: [Quantity; 2],
    },
    /// A size below zero.
    #[error("the {side} level at {price} has the negative size {size}")]
    Negative {
        /// Which ladder.
        side: Side,
        /// Which level.
        price: Price,
        /// Its size.
        size: Quantity,
    },
    /// A size above [`Book::LEVEL_LIMIT`].
    #[error("the {side} level at {price} has the size {size}: the limit is {}", Book::LEVEL_LIMIT)]
    TooLarge {
        /// Which ladder.
        side: Side,
        /// Which level.
        price: Price,
        /// Its size.
        size: Quantity,
    },
}

/// An event that a book cannot follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BookError {
    /// A delta that does not fit.
    #[error(transparent)]
    Divergence(#[from] Divergence),
    /// A snapshot that is no book.
    #[error("the snapshot is no book: {0}")]
    Snapshot(#[from] LevelError),
}

impl Book {
    /// The greatest size of a level: 4.6 × 10¹² contracts, a 20 002nd of the greatest [`Quantity`]. No market comes
    /// near; in exchange the sum over any levels of a book fits one quantity, and nothing that adds sizes can fail.
    pub const LEVEL_LIMIT: Quantity = Quantity::from_hundredths(i64::MAX / 20_002);

    /// An empty book; allocates nothing.
    pub fn new() -> Book {
        Book::default()
    }

    /// A book of these bids, in any order. A zero size is as if not listed.
    ///
    /// # Errors
    /// A price twice on one side, a size below zero or above [`Book::LEVEL_LIMIT`].
    pub fn from_levels(
        yes: impl IntoIterator<Item = (Price, Quantity)>,
        no: impl IntoIterator<Item = (Price, Quantity)>,
    ) -> Result<Book, LevelError> {
        Ok(Book { ladders: [Ladder::new(Side::Yes, yes)?, Ladder::new(Side::No, no)?] })
    }

    /// Puts these bids in the place of all that the book holds, as [`Book::from_levels`] reads them.
    ///
    /// # Errors
    /// Those of [`Book::from_levels`]; the book is then unchanged.
    pub fn replace(
        &mut self,
        yes: impl IntoIterator<Item = (Price, Quantity)>,
        no: impl IntoIterator<Item = (Price, Quantity)>,
    ) -> Result<(), LevelError> {
        *self = Book::from_levels(yes, no)?;
        Ok(())
    }

    /// Changes one level by a delta's signed quantity. A level that reaches zero is gone.
    ///
    /// # Errors
    /// A change that would take the level below zero: the level is removed. A change that would take it above
    /// [`Book::LEVEL_LIMIT`]: the level is left as it was. The rest of the book is untouched in either case, so a
    /// reader who wants to go on with a book known to be wrong can.
    #[inline]
    pub fn apply(&mut self, side: Side, price: Price, change: Quantity) -> Result<(), Divergence> {
        self.ladders[side as usize].apply(price, change).map_err(|held| Divergence { side, price, held, change })
    }

    /// Follows one event of the book's market: a snapshot replaces the book, a delta changes it, and the other kinds
    /// say nothing about it. The ticker is not looked at.
    ///
    /// # Errors
    /// Those of [`Book::replace`] and [`Book::apply`].
    pub fn apply_event(&mut self, event: &Event<'_>) -> Result<(), BookError> {
        match event {
            Event::Snapshot(snapshot) => self.replace(snapshot.yes.iter().copied(), snapshot.no.iter().copied())?,
            Event::Delta(delta) => self.apply(delta.side, delta.price, delta.quantity)?,
            Event::Trade(_) | Event::Ticker(_) | Event::Lifecycle(_) => {}
        }
        Ok(())
    }

    /// Takes every level away and gives the memory back.
    pub fn clear(&mut self) {
        *self = Book::default();
    }

    /// Whether nothing is bid on either side.
    pub fn is_empty(&self) -> bool {
        self.ladders.iter().all(Ladder::is_empty)
    }

    /// How many levels one side has.
    pub fn len(&self, side: Side) -> usize {
        self.ladder(side).len()
    }

    /// What is bid on one side at one price; zero where nothing is.
    pub fn level(&self, side: Side, price: Price) -> Quantity {
        self.ladder(side).size(price)
    }

    /// One side's bids, best first. `.rev()` gives them by rising price.
    pub fn levels(
        &self,
        side: Side,
    ) -> impl DoubleEndedIterator<Item = (Price, Quantity)> + ExactSizeIterator + Clone + use<'_> {
        self.ladder(side).ascending().rev()
    }

    /// Bytes that the book holds on the heap, used or in reserve.
    pub fn heap_size(&self) -> usize {
        self.ladders.iter().map(Ladder::heap_size).sum()
    }

    /// Gives memory held in reserve back, for a book that will be kept and rarely changed.
    pub fn shrink_to_fit(&mut self) {
        self.ladders.iter_mut().for_each(Ladder::shrink_to_fit);
    }

    pub(crate) fn ladder(&self, side: Side) -> &Ladder {
        &self.ladders[side as usize]
    }
}

#[cfg(test)]
pub(crate) mod tests;
