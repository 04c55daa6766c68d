//! Folding everything: the book of every market after its last sealed event, from all deltas ever recorded.
//!
//! The fastest way through an archive: files are read once, front to back, and only the columns that move a book.

use std::ops::Range;

use daybook_book::{Book, Price, Quantity, Side};
use hashbrown::HashMap;

use crate::{
    Error,
    archive::Archive,
    reconstruct::{KEYFRAME_COLUMNS, keyframe_of},
    schema::Table,
    segment::{Batch, Segment},
};

/// What a folding of everything came to.
pub struct FoldedAll {
    /// Deltas folded.
    pub deltas: u64,
    /// Deltas that drove a level below zero.
    pub diverged: u64,
    /// By market, the book over each connection after its last sealed event.
    pub books: HashMap<String, Vec<FoldedBook>>,
}

/// A market's book over one connection.
pub struct FoldedBook {
    /// The connection.
    pub connection: u32,
    /// The book.
    pub book: Book,
    /// Ordinal of the last event in it; `None` before the first.
    pub last_ordinal: Option<u64>,
}

/// The venue's snapshots of a market, by ordinal.
type Snapshots = HashMap<String, Vec<(u64, u32, Book)>>;

impl Archive {
    /// Folds every sealed delta into its book.
    ///
    /// # Errors
    /// Damaged or missing files.
    pub fn fold_all(&self) -> Result<FoldedAll, Error> {
        let snapshots = self.snapshots()?;
        let mut folded = FoldedAll { deltas: 0, diverged: 0, books: HashMap::new() };
        let mut dense = DenseBook::new();
        let catalog = self.catalog();
        for file in &catalog.table(Table::Deltas).files {
            let segment = self.shared.reader.segment(Table::Deltas, file)?;
            fold_segment(&segment, &snapshots, &mut dense, &mut folded)?;
        }
        // Snapshots after the last delta, and markets that had no delta.
        for (ticker, all) in snapshots {
            let of_market = folded.books.entry(ticker).or_default();
            for (ordinal, connection, book) in all {
                let held = stream(of_market, connection);
                if held.last_ordinal.is_none_or(|last| ordinal > last) {
                    *held = FoldedBook { connection, book, last_ordinal: Some(ordinal) };
                }
            }
        }
        Ok(folded)
    }

    fn snapshots(&self) -> Result<Snapshots, Error> {
        let names: Vec<&str> = [&["ticker"], KEYFRAME_COLUMNS].concat();
        let mut snapshots = Snapshots::new();
        for file in &self.catalog().table(Table::Keyframes).files {
            let segment = self.shared.reader.segment(Table::Keyframes, file)?;
            for page in 0..segment.pages() {
                let batch = segment.page(&names, page)?;
                let (kinds, tickers) = (batch.texts("kind")?, batch.texts("ticker")?);
                for row in (0..batch.rows()).filter(|row| kinds.get(*row) == Some("snapshot")) {
                    let first = || segment.page_rows(page).map(|rows| rows.start);
                    let Some(keyframe) = keyframe_of(&batch, row)? else {
                        return Err(segment.damaged_row(first()? + row));
                    };
                    let of_market = match snapshots.get_mut(tickers.get(row).unwrap_or("")) {
                        Some(of_market) => of_market,
                        None => snapshots.entry(tickers.get(row).unwrap_or("").to_owned()).or_default(),
                    };
                    of_market.push((keyframe.ordinal, keyframe.connection, keyframe.book));
                }
            }
        }
        for of_market in snapshots.values_mut() {
            of_market.sort_by_key(|snapshot| snapshot.0);
        }
        Ok(snapshots)
    }
}

const COLUMNS: &[&str] = &["ticker", "ordinal", "connection", "side", "price", "quantity"];
/// Runs of at least so many deltas are folded over a dense ladder; shorter ones are not worth setting it up.
const DENSE_RUN: usize = 64;

fn fold_segment(
    segment: &Segment,
    snapshots: &Snapshots,
    dense: &mut DenseBook,
    folded: &mut FoldedAll,
) -> Result<(), Error> {
    for page in 0..segment.pages() {
        let batch = segment.page(COLUMNS, page)?;
        let deltas = Deltas::of(&batch)?;
        for (ticker, rows) in batch.texts("ticker")?.runs() {
            let mut from = rows.start;
            while from < rows.end {
                // A run of one market over one connection.
                let connection = deltas.connections[from];
                let run = deltas.connections[from..rows.end].iter().take_while(|other| **other == connection).count();
                let run = from..from + run;
                from = run.end;
                fold_run(&deltas, run, ticker.unwrap_or(""), connection.cast_unsigned(), snapshots, dense, folded)?;
            }
        }
    }
    Ok(())
}

/// The columns of a batch of deltas that move books.
struct Deltas<'a> {
    batch: &'a Batch,
    ordinals: &'a [i64],
    connections: &'a [i32],
    /// By row, a number that stands for the side.
    sides: &'a [i32],
    /// By such a number, the side.
    words: Vec<Side>,
    prices: &'a [i32],
    quantities: &'a [i64],
}

impl<'a> Deltas<'a> {
    fn of(batch: &'a Batch) -> Result<Deltas<'a>, Error> {
        let sides = batch.texts("side")?;
        let (Some(keys), Some(words)) = (sides.keys(), sides.dictionary()) else {
            return Err(batch.wrong("side", "not stored by dictionary"));
        };
        let side = |word: Option<&str>| match word {
            Some("yes") => Ok(Side::Yes),
            Some("no") => Ok(Side::No),
            _ => Err(batch.wrong("side", "neither yes nor no")),
        };
        Ok(Deltas {
            batch,
            ordinals: batch.i64s("ordinal")?.values(),
            connections: batch.i32s("connection")?.values(),
            sides: keys,
            words: words.iter().map(side).collect::<Result<_, _>>()?,
            prices: batch.prices("price")?.values(),
            quantities: batch.quantities("quantity")?.values(),
        })
    }

    /// Hands side, price and change of each row to `apply`, which says whether they fit; counts those that do not.
    #[inline]
    fn each(&self, rows: Range<usize>, mut apply: impl FnMut(Side, Price, i64) -> bool) -> Result<u64, Error> {
        let mut diverged = 0;
        let columns = self.sides[rows.clone()].iter().zip(&self.prices[rows.clone()]).zip(&self.quantities[rows]);
        for ((side, price), change) in columns {
            let price = u16::try_from(*price).ok().and_then(Price::from_ten_thousandths);
            let price = price.ok_or_else(|| self.batch.wrong("price", "outside 0 to one dollar"))?;
            let side = self.words.get(side.cast_unsigned() as usize);
            let side = *side.ok_or_else(|| self.batch.wrong("side", "neither yes nor no"))?;
            diverged += u64::from(!apply(side, price, *change));
        }
        Ok(diverged)
    }
}

fn fold_run(
    deltas: &Deltas<'_>,
    rows: Range<usize>,
    ticker: &str,
    connection: u32,
    snapshots: &Snapshots,
    dense: &mut DenseBook,
    folded: &mut FoldedAll,
) -> Result<(), Error> {
    let of_market = match folded.books.get_mut(ticker) {
        Some(of_market) => of_market,
        None => folded.books.entry(ticker.to_owned()).or_default(),
    };
    let held = stream(of_market, connection);
    let first = deltas.ordinals[rows.start].cast_unsigned();
    let all = snapshots.get(ticker).map_or(&[][..], |all| all);
    let start = all.partition_point(|snapshot| snapshot.0 < first);
    // What came between the stream's last run and this one.
    let before = all[..start].iter().rev().find(|snapshot| snapshot.1 == connection);
    if let Some((_, _, snapshot)) = before.filter(|snapshot| held.last_ordinal.is_none_or(|last| snapshot.0 > last)) {
        held.book.clone_from(snapshot);
    }
    let mut from = rows.start;
    let mut fold = |book: &mut Book, upto: usize| -> Result<(), Error> {
        let part = from..upto;
        from = upto;
        folded.diverged += if part.len() >= DENSE_RUN {
            dense.load(book);
            let diverged = deltas.each(part, |side, price, change| dense.apply(side, price, change));
            *book = dense.take();
            diverged?
        } else {
            deltas.each(part, |side, price, change| {
                book.apply(side, price, Quantity::from_hundredths(change)).is_ok()
            })?
        };
        Ok(())
    };
    for (ordinal, over, snapshot) in &all[start..] {
        let ordinals = &deltas.ordinals[rows.clone()];
        let upto = rows.start + ordinals.partition_point(|held| held.cast_unsigned() <= *ordinal);
        if upto == rows.end {
            break;
        }
        if *over == connection {
            fold(&mut held.book, upto)?;
            held.book.clone_from(snapshot);
        }
    }
    fold(&mut held.book, rows.end)?;
    folded.deltas += rows.len() as u64;
    held.last_ordinal = deltas.ordinals[rows].last().map(|last| last.cast_unsigned());
    Ok(())
}

/// One market's book with a place for every price: changing a level takes no search and shifts nothing.
struct DenseBook {
    /// Hundredths of a contract, by side and price.
    sizes: Vec<i64>,
    /// A bit for every level that was ever above zero since the book was loaded.
    touched: Vec<u64>,
}

/// Prices of a side, rounded up to whole words of bits.
const PRICES: usize = 10_048;

impl DenseBook {
    fn new() -> DenseBook {
        DenseBook { sizes: vec![0; 2 * PRICES], touched: vec![0; 2 * PRICES / 64] }
    }

    fn load(&mut self, book: &Book) {
        for side in [Side::Yes, Side::No] {
            for (price, size) in book.levels(side) {
                self.put(place(side, price), size.hundredths());
            }
        }
    }

    #[inline]
    fn put(&mut self, at: usize, size: i64) {
        self.sizes[at] = size;
        self.touched[at / 64] |= 1 << (at % 64);
    }

    /// As [`Book::apply`] does; `false` where that fails.
    #[inline]
    fn apply(&mut self, side: Side, price: Price, change: i64) -> bool {
        let at = place(side, price);
        let (size, overflows) = self.sizes[at].overflowing_add(change);
        if overflows || size > Book::LEVEL_LIMIT.hundredths() {
            return false;
        }
        self.put(at, size.max(0));
        size >= 0
    }

    /// The book; nothing is left.
    fn take(&mut self) -> Book {
        let mut sides: [Vec<(Price, Quantity)>; 2] = [Vec::new(), Vec::new()];
        for (side, levels) in sides.iter_mut().enumerate() {
            for word in side * PRICES / 64..(side + 1) * PRICES / 64 {
                let mut bits = std::mem::take(&mut self.touched[word]);
                while bits != 0 {
                    let at = word * 64 + bits.trailing_zeros() as usize;
                    bits &= bits - 1;
                    let size = std::mem::take(&mut self.sizes[at]);
                    let price = u16::try_from(at - side * PRICES).ok().and_then(Price::from_ten_thousandths);
                    levels.extend(price.filter(|_| size > 0).map(|price| (price, Quantity::from_hundredths(size))));
                }
            }
        }
        let [yes, no] = sides;
        Book::from_levels(yes, no).expect("each price occurs once, and every size is within the limits")
    }
}

#[inline]
fn place(side: Side, price: Price) -> usize {
    side as usize * PRICES + usize::from(price.ten_thousandths())
}

fn stream(of_market: &mut Vec<FoldedBook>, connection: u32) -> &mut FoldedBook {
    let at = of_market.iter().position(|held| held.connection == connection).unwrap_or(of_market.len());
    if at == of_market.len() {
        of_market.push(FoldedBook { connection, book: Book::default(), last_ordinal: None });
    }
    &mut of_market[at]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_dense_book_changes_as_a_book_does(
            changes in prop::collection::vec((any::<bool>(), prop_oneof![0_u16..40, 9_960_u16..=10_000], -300_i64..300), 0..400),
            large in any::<bool>(),
        ) {
            let (mut book, mut dense) = (Book::default(), DenseBook::new());
            for (part, changes) in changes.chunks(50).enumerate() {
                dense.load(&book);
                for (number, (no, price, change)) in changes.iter().enumerate() {
                    let side = if *no { Side::No } else { Side::Yes };
                    let price = Price::from_ten_thousandths(*price).unwrap();
                    let change = match number {
                        // Past the limit of a level, and past all numbers.
                        7 if large => Book::LEVEL_LIMIT.hundredths(),
                        9 if large => i64::MAX,
                        11 if large => i64::MIN,
                        _ => *change,
                    };
                    let fits = book.apply(side, price, Quantity::from_hundredths(change)).is_ok();
                    prop_assert_eq!(dense.apply(side, price, change), fits, "part {}, change {}", part, number);
                }
                prop_assert_eq!(&dense.take(), &book);
            }
        }
    }
}
