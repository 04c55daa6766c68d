//! What can be read off a book: best prices, implied asks, spread, depth, costs. Exact integers throughout.
//!
//! The venue lists bids only. A bid for NO at `p` is an offer of YES at `1 − p`, so each side's asks are the other
//! side's bids at the complement of their price, with the same sizes.

use std::cmp::Ordering;

use crate::{Book, Money, Price, Quantity, Side};

/// One level of a side, with all that is bid there or better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Depth {
    /// The level's price.
    pub price: Price,
    /// What is bid at this price.
    pub size: Quantity,
    /// What is bid at this price or better.
    pub cumulative: Quantity,
}

/// What taking liquidity out of a book would come to, before fees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Sweep {
    /// How many contracts the book holds of those asked for.
    pub filled: Quantity,
    /// What these cost, or fetch, in all.
    pub total: Money,
    /// The last and worst price touched; `None` where nothing was filled.
    pub worst: Option<Price>,
}

impl Book {
    /// The highest bid on one side, with its size.
    #[inline]
    pub fn best_bid(&self, side: Side) -> Option<(Price, Quantity)> {
        self.ladder(side).best()
    }

    /// The lowest implied ask on one side, with its size: the complement of the other side's best bid.
    #[inline]
    pub fn best_ask(&self, side: Side) -> Option<(Price, Quantity)> {
        self.best_bid(side.opposite()).map(complement)
    }

    /// One side's implied asks, best (lowest) first.
    pub fn asks(
        &self,
        side: Side,
    ) -> impl DoubleEndedIterator<Item = (Price, Quantity)> + ExactSizeIterator + Clone + use<'_> {
        self.levels(side.opposite()).map(complement)
    }

    /// Best ask less best bid, the same on both sides: zero where the book is locked, negative where it is crossed,
    /// `None` where a side has no bid.
    pub fn spread(&self) -> Option<Money> {
        let (bid, ask) = self.best_prices(Side::Yes)?;
        Some(Money::from_micros(i128::from(ask - bid) * 100))
    }

    /// Halfway between one side's best bid and best ask, to the half ten-thousandth; `None` where either is missing.
    pub fn mid(&self, side: Side) -> Option<Money> {
        let (bid, ask) = self.best_prices(side)?;
        Some(Money::from_micros(i128::from(bid + ask) * 50))
    }

    /// Whether the best bids of both sides come to exactly one dollar: they should have traded.
    pub fn is_locked(&self) -> bool {
        self.crossing() == Some(Ordering::Equal)
    }

    /// Whether the best bids of both sides come to more than one dollar: they must have traded, so the book is wrong or
    /// between two deltas of one exchange action.
    pub fn is_crossed(&self) -> bool {
        self.crossing() == Some(Ordering::Greater)
    }

    /// What is bid on one side at `price` or better.
    pub fn depth(&self, side: Side, price: Price) -> Quantity {
        sum(self.levels(side).take_while(|&(held, _)| held >= price))
    }

    /// One side's bids, best first, each with what is bid there or better.
    pub fn cumulative(&self, side: Side) -> impl Iterator<Item = Depth> + Clone + use<'_> {
        self.levels(side).scan(Quantity::ZERO, |total, (price, size)| {
            *total = add(*total, size);
            Some(Depth { price, size, cumulative: *total })
        })
    }

    /// All that is bid on one side.
    pub fn total(&self, side: Side) -> Quantity {
        sum(self.levels(side))
    }

    /// What it costs to buy `quantity` contracts of one side at once, from the best implied ask upwards. The book may
    /// hold fewer: then [`Sweep::filled`] says how many. Nothing is bought of a negative quantity.
    pub fn cost_to_buy(&self, side: Side, quantity: Quantity) -> Sweep {
        sweep(self.asks(side), quantity)
    }

    /// What `quantity` contracts of one side fetch when sold at once, from the best bid downwards. Limits as for
    /// [`Book::cost_to_buy`].
    pub fn proceeds_of_selling(&self, side: Side, quantity: Quantity) -> Sweep {
        sweep(self.levels(side), quantity)
    }

    /// How much more is bid for YES than for NO, as the exact ratio (YES − NO) / (YES + NO) of the sizes on the best
    /// `levels` of each side: (numerator, denominator) in hundredths of a contract, not reduced, between −1 and 1.
    /// `None` where nothing is bid. One level gives the usual measure of pressure at the best prices, `usize::MAX` the
    /// whole book.
    pub fn imbalance(&self, levels: usize) -> Option<(i64, i64)> {
        let [yes, no] = [Side::Yes, Side::No].map(|side| sum(self.levels(side).take(levels)).hundredths());
        // Both sides of a book fit one Quantity: see `Book::LEVEL_LIMIT`.
        (yes + no > 0).then_some((yes - no, yes + no))
    }

    /// Best bid and best ask in ten-thousandths.
    fn best_prices(&self, side: Side) -> Option<(i32, i32)> {
        let number = |(price, _): (Price, Quantity)| i32::from(price.ten_thousandths());
        Some((number(self.best_bid(side)?), number(self.best_ask(side)?)))
    }

    fn crossing(&self) -> Option<Ordering> {
        let (bid, ask) = self.best_prices(Side::Yes)?;
        Some(bid.cmp(&ask))
    }
}

fn complement((price, size): (Price, Quantity)) -> (Price, Quantity) {
    (price.complement(), size)
}

fn add(total: Quantity, size: Quantity) -> Quantity {
    total.checked_add(size).expect("Book::LEVEL_LIMIT leaves room for the sum of all levels")
}

fn sum(levels: impl Iterator<Item = (Price, Quantity)>) -> Quantity {
    levels.fold(Quantity::ZERO, |total, (_, size)| add(total, size))
}

fn sweep(levels: impl Iterator<Item = (Price, Quantity)>, quantity: Quantity) -> Sweep {
    let mut sweep = Sweep::default();
    let mut wanted = quantity.hundredths();
    for (price, size) in levels {
        if wanted <= 0 {
            break;
        }
        let taken = Quantity::from_hundredths(size.hundredths().min(wanted));
        wanted -= taken.hundredths();
        sweep = Sweep {
            filled: add(sweep.filled, taken),
            total: sweep.total + Money::of(price, taken),
            worst: Some(price),
        };
    }
    sweep
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::book::tests::books;

    fn level(price: &str, size: &str) -> (Price, Quantity) {
        (price.parse().unwrap(), size.parse().unwrap())
    }

    fn money(text: &str) -> Money {
        text.parse().unwrap()
    }

    fn example() -> Book {
        Book::from_levels(
            [level("0.4700", "100.00"), level("0.4805", "12.50"), level("0.0100", "1000000.00")],
            [level("0.5000", "3.00"), level("0.5010", "7.25")],
        )
        .unwrap()
    }

    #[test]
    fn best_prices_and_implied_asks() {
        let book = example();
        assert_eq!(book.best_bid(Side::Yes), Some(level("0.4805", "12.50")));
        assert_eq!(book.best_ask(Side::Yes), Some(level("0.4990", "7.25")));
        assert_eq!(book.best_ask(Side::No), Some(level("0.5195", "12.50")));
        assert_eq!(book.asks(Side::Yes).collect::<Vec<_>>(), [level("0.4990", "7.25"), level("0.5000", "3.00")]);
        assert_eq!(book.spread(), Some(money("0.0185")));
        assert_eq!(book.mid(Side::Yes).unwrap().to_string(), "0.489750");
        assert_eq!(book.mid(Side::No).unwrap().to_string(), "0.510250");
        assert!(!book.is_crossed() && !book.is_locked());
    }

    #[test]
    fn locked_and_crossed() {
        let book = |no: &str| Book::from_levels([level("0.4800", "1.00")], [level(no, "1.00")]).unwrap();
        assert!(book("0.5200").is_locked() && !book("0.5200").is_crossed());
        assert!(book("0.5201").is_crossed() && !book("0.5201").is_locked());
        assert_eq!(book("0.5201").spread(), Some(money("-0.0001")));
        assert_eq!(book("0.5201").mid(Side::Yes), Some(money("0.47995")));
        assert!(!book("0.5199").is_crossed() && !book("0.5199").is_locked());
        let one_sided = Book::from_levels([level("1.0000", "1.00")], []).unwrap();
        assert!(!one_sided.is_crossed() && !one_sided.is_locked());
        assert_eq!((one_sided.spread(), one_sided.mid(Side::No)), (None, None));
    }

    #[test]
    fn depth_and_cost() {
        let book = example();
        assert_eq!(book.total(Side::Yes).to_string(), "1000112.50");
        assert_eq!(book.depth(Side::Yes, "0.4700".parse().unwrap()).to_string(), "112.50");
        assert_eq!(book.depth(Side::Yes, "0.4701".parse().unwrap()).to_string(), "12.50");
        assert_eq!(book.depth(Side::Yes, Price::ONE), Quantity::ZERO);
        let cumulative: Vec<_> = book.cumulative(Side::No).map(|depth| depth.cumulative.to_string()).collect();
        assert_eq!(cumulative, ["7.25", "10.25"]);

        // 7.25 at 0.4990 and 0.75 at 0.5000.
        let sweep = book.cost_to_buy(Side::Yes, "8".parse().unwrap());
        assert_eq!((sweep.total, sweep.worst), (money("3.99275"), "0.5".parse().ok()));
        let sweep = book.cost_to_buy(Side::Yes, "7.25".parse().unwrap());
        assert_eq!((sweep.total, sweep.worst), (money("3.61775"), "0.499".parse().ok()));
        let sweep = book.cost_to_buy(Side::Yes, "11".parse().unwrap());
        assert_eq!((sweep.filled, sweep.total), ("10.25".parse().unwrap(), money("5.11775")));
        assert_eq!(book.proceeds_of_selling(Side::Yes, "12.5".parse().unwrap()).total, money("6.00625"));
        assert_eq!(book.cost_to_buy(Side::Yes, Quantity::ZERO), Sweep::default());
        assert_eq!(book.cost_to_buy(Side::Yes, "-1".parse().unwrap()), Sweep::default());
        assert_eq!(Book::new().cost_to_buy(Side::No, "1".parse().unwrap()), Sweep::default());
    }

    #[test]
    fn imbalance() {
        assert_eq!(example().imbalance(1), Some((1250 - 725, 1250 + 725)));
        assert_eq!(example().imbalance(2), Some((11250 - 1025, 11250 + 1025)));
        assert_eq!((example().imbalance(0), Book::new().imbalance(usize::MAX)), (None, None));
    }

    #[test]
    fn the_greatest_book_can_be_added_up() {
        let side = || (0..=10_000).filter_map(Price::from_ten_thousandths).map(|price| (price, Book::LEVEL_LIMIT));
        let book = Book::from_levels(side(), side()).unwrap();
        let (difference, total) = book.imbalance(usize::MAX).unwrap();
        assert_eq!((difference, total), (0, Book::LEVEL_LIMIT.hundredths() * 20_002));
        let cost = book.cost_to_buy(Side::Yes, Quantity::from_hundredths(i64::MAX));
        assert_eq!(cost.filled, book.total(Side::No));
        assert_eq!(cost.total.micros(), i128::from(Book::LEVEL_LIMIT.hundredths()) * 50_005_000);
    }

    proptest! {
        #[test]
        fn views_agree_with_each_other(book in books(), wanted in 0i64..2_000_000) {
            for side in [Side::Yes, Side::No] {
                let worst_bid = book.levels(side).next_back().map_or(Price::ZERO, |(price, _)| price);
                prop_assert_eq!(book.depth(side, worst_bid), book.total(side));
                let deepest = book.cumulative(side).last().map_or(Quantity::ZERO, |last| last.cumulative);
                prop_assert_eq!(deepest, book.total(side));
                prop_assert_eq!(book.asks(side).next(), book.best_ask(side));
                if let (Some(here), Some(there)) = (book.mid(side), book.mid(side.opposite())) {
                    prop_assert_eq!(here + there, Money::from_micros(1_000_000));
                }
                // Buying one side and selling the other touch the same bids and share out one dollar a contract.
                let wanted = Quantity::from_hundredths(wanted);
                let bought = book.cost_to_buy(side, wanted);
                let sold = book.proceeds_of_selling(side.opposite(), wanted);
                prop_assert_eq!(bought.filled, sold.filled);
                prop_assert_eq!(bought.filled, wanted.min(book.total(side.opposite())));
                prop_assert_eq!(bought.total + sold.total, Money::of(Price::ONE, bought.filled));
            }
            prop_assert!(!(book.is_locked() && book.is_crossed()));
            prop_assert_eq!(book.is_crossed(), book.spread().is_some_and(|spread| spread < Money::ZERO));
        }
    }
}
