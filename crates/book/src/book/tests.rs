//! The book against a map from prices to sizes, its errors, and what it weighs.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

pub(crate) fn price(ten_thousandths: u16) -> Price {
    Price::from_ten_thousandths(ten_thousandths).unwrap()
}

fn size(hundredths: i64) -> Quantity {
    Quantity::from_hundredths(hundredths)
}

fn levels(max: usize) -> impl Strategy<Value = Vec<(Price, Quantity)>> {
    prop::collection::btree_map(0u16..=10_000, 1i64..1_000_000, 0..=max)
        .prop_map(|map| map.into_iter().map(|(at, held)| (price(at), size(held))).collect())
}

/// Books of up to 63 levels a side, crossed ones among them.
pub(crate) fn books() -> impl Strategy<Value = Book> {
    (levels(63), levels(63)).prop_map(|(yes, no)| Book::from_levels(yes, no).unwrap())
}

fn sides() -> impl Strategy<Value = Side> {
    prop_oneof![Just(Side::Yes), Just(Side::No)]
}

/// The book as plainly as it can be said.
#[derive(Default)]
struct Model(BTreeMap<(Side, Price), i64>);

impl Model {
    fn apply(&mut self, side: Side, price: Price, change: Quantity) -> Result<(), Divergence> {
        let held = self.0.remove(&(side, price)).unwrap_or(0);
        let sum = i128::from(held) + i128::from(change.hundredths());
        let keep = if sum > i128::from(Book::LEVEL_LIMIT.hundredths()) { i128::from(held) } else { sum };
        if keep > 0 {
            self.0.insert((side, price), keep as i64);
        }
        if keep == sum && sum >= 0 { Ok(()) } else { Err(Divergence { side, price, held: size(held), change }) }
    }

    fn levels(&self, side: Side) -> Vec<(Price, Quantity)> {
        let own = self.0.iter().rev().filter(|((of, _), _)| *of == side);
        own.map(|((_, price), &held)| (*price, size(held))).collect()
    }
}

proptest! {
    #[test]
    fn agrees_with_a_map(
        steps in prop::collection::vec((
            sides(),
            // Few prices, so that levels are hit often; and all of them, so that ladders grow deep.
            prop_oneof![3 => 4_780u16..4_800, 1 => 0u16..=10_000],
            prop_oneof![8 => -20i64..30, 1 => any::<i64>(), 1 => Just(Book::LEVEL_LIMIT.hundredths())],
        ), 0..400),
    ) {
        let (mut book, mut model) = (Book::new(), Model::default());
        for (side, at, change) in steps {
            prop_assert_eq!(book.apply(side, price(at), size(change)), model.apply(side, price(at), size(change)));
            let held = model.0.get(&(side, price(at))).copied().unwrap_or(0);
            prop_assert_eq!(book.level(side, price(at)), size(held));
        }
        for side in [Side::Yes, Side::No] {
            let expected = model.levels(side);
            prop_assert_eq!(book.len(side), expected.len());
            prop_assert_eq!(book.levels(side).collect::<Vec<_>>(), expected);
        }
        prop_assert_eq!(book.is_empty(), model.0.is_empty());
        // However it came about, it equals the book built at once.
        prop_assert_eq!(&Book::from_levels(model.levels(Side::Yes), model.levels(Side::No)).unwrap(), &book);
    }

    #[test]
    fn finds_every_level_at_every_depth(held in prop::collection::btree_set(0u16..200, 0..60)) {
        let book = Book::from_levels(held.iter().map(|&at| (price(at), size(1 + i64::from(at)))), []).unwrap();
        for at in 0..200 {
            let expected = if held.contains(&at) { size(1 + i64::from(at)) } else { Quantity::ZERO };
            prop_assert_eq!(book.level(Side::Yes, price(at)), expected);
        }
    }

    #[test]
    fn order_of_levels_does_not_matter(book in books(), seed: u64) {
        let shuffled = |side| {
            let mut levels: Vec<_> = book.levels(side).collect();
            levels.sort_by_key(|(price, _)| u64::from(price.ten_thousandths()).wrapping_mul(seed | 1));
            levels
        };
        prop_assert_eq!(&Book::from_levels(shuffled(Side::Yes), shuffled(Side::No)).unwrap(), &book);
    }
}

#[test]
fn a_level_below_zero_is_removed_and_reported() {
    let mut book = Book::from_levels([(price(4_800), size(500))], [(price(100), size(7))]).unwrap();
    let error = book.apply(Side::Yes, price(4_800), size(-501)).unwrap_err();
    assert_eq!(error, Divergence { side: Side::Yes, price: price(4_800), held: size(500), change: size(-501) });
    assert!(!error.is_overflow());
    assert_eq!(
        error.to_string(),
        "the yes level at 0.4800 held 5.00 and was changed by -5.01: \
         it would fall below zero; the book needs a snapshot"
    );
    assert_eq!((book.len(Side::Yes), book.len(Side::No)), (0, 1));
    assert!(book.apply(Side::No, price(99), size(i64::MIN)).is_err());
    assert_eq!(book.level(Side::No, price(100)), size(7));
}

#[test]
fn a_level_above_the_limit_is_left_and_reported() {
    let mut book = Book::from_levels([(price(100), Book::LEVEL_LIMIT)], []).unwrap();
    for change in [1, i64::MAX] {
        let error = book.apply(Side::Yes, price(100), size(change)).unwrap_err();
        assert!(error.is_overflow() && error.to_string().contains("would pass the greatest size of a level"));
    }
    assert!(book.apply(Side::No, price(100), size(i64::MAX)).is_err());
    assert_eq!((book.level(Side::Yes, price(100)), book.len(Side::No)), (Book::LEVEL_LIMIT, 0));
}

#[test]
fn levels_that_make_no_book() {
    let [a, b] = [(price(100), size(5)), (price(100), size(2))];
    let error = Book::from_levels([], [a, (price(50), size(1)), b]).unwrap_err();
    assert_eq!(error.to_string(), "the no levels list 0.0100 twice, with 0.02 and 0.05");
    let negative = Book::from_levels([(price(1), size(-1))], []).unwrap_err();
    assert_eq!(negative.to_string(), "the yes level at 0.0001 has the negative size -0.01");
    let large = Book::from_levels([(price(1), size(i64::MAX))], []).unwrap_err();
    assert_eq!(large, LevelError::TooLarge { side: Side::Yes, price: price(1), size: size(i64::MAX) });
    // A zero is no level, and so no second one either.
    assert_eq!(Book::from_levels([a, (price(100), Quantity::ZERO)], []).unwrap().len(Side::Yes), 1);
}

#[test]
fn replace_is_all_or_nothing() {
    let mut book = Book::from_levels([(price(100), size(5))], []).unwrap();
    let before = book.clone();
    assert!(book.replace([(price(200), size(5))], [(price(1), size(-1))]).is_err());
    assert_eq!(book, before);
    book.replace([], [(price(1), size(1))]).unwrap();
    assert_eq!((book.len(Side::Yes), book.len(Side::No)), (0, 1));
    book.clear();
    assert_eq!(book, Book::new());
}

#[test]
fn follows_events() {
    let snapshot = crate::Snapshot {
        ticker: "KX".into(),
        market_id: "".into(),
        ts: None,
        clock: None,
        yes: vec![(price(4_700), size(100)), (price(4_800), size(200))],
        no: vec![],
    };
    let delta = crate::Delta {
        ticker: "KX".into(),
        market_id: "".into(),
        ts: None,
        clock: None,
        side: Side::Yes,
        price: price(4_800),
        quantity: size(-200),
    };
    let mut book = Book::from_levels([], [(price(1), size(1))]).unwrap();
    book.apply_event(&Event::Snapshot(snapshot.clone())).unwrap();
    book.apply_event(&Event::Delta(delta.clone())).unwrap();
    book.apply_event(&Event::Ticker(crate::TickerUpdate::default())).unwrap();
    assert_eq!(book, Book::from_levels([(price(4_700), size(100))], []).unwrap());
    let again = book.apply_event(&Event::Delta(delta)).unwrap_err();
    assert!(matches!(again, BookError::Divergence(divergence) if divergence.held.is_zero()));
    let doubled = crate::Snapshot { no: vec![(price(1), size(1)); 2], ..snapshot };
    let error = book.apply_event(&Event::Snapshot(doubled)).unwrap_err();
    assert_eq!(error.to_string(), "the snapshot is no book: the no levels list 0.0001 twice, with 0.01 and 0.01");
}

#[test]
fn a_million_mostly_empty_books_fit_one_gibibyte() {
    assert!(size_of::<Book>() <= 48);
    assert_eq!(Book::new().heap_size(), 0);
    // Grown level by level, as a collector does it, so that the reserve counts.
    let grown = |levels: u16| {
        let mut book = Book::new();
        for at in 1..=levels {
            book.apply(Side::Yes, price(at), size(100)).unwrap();
            book.apply(Side::No, price(at), size(100)).unwrap();
        }
        assert!(book.heap_size() <= 16 * usize::from(levels) * 3 / 2 + 64, "{levels}: {}", book.heap_size());
        // Two vectors, each with an allocator's header and rounding of at most 32 bytes.
        book.heap_size() + 2 * 32
    };
    let million = 1_000_000 * size_of::<Book>() + 700_000 * grown(2) + 200_000 * grown(20) + 50_000 * grown(63);
    assert!(million <= 1 << 30, "{million} bytes");
}

#[test]
fn memory_is_given_back() {
    let mut book = Book::from_levels((1..=99).map(|at| (price(at * 100), size(1))), []).unwrap();
    assert_eq!(book.heap_size(), 792);
    for at in 2..=99 {
        book.apply(Side::Yes, price(at * 100), size(-1)).unwrap();
    }
    assert_eq!(book.heap_size(), 792);
    book.shrink_to_fit();
    assert_eq!(book.heap_size(), 8);
    book.clear();
    assert_eq!(book.heap_size(), 0);
}
