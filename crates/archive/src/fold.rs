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

    /// The venue's snapshots, and the keyframe that a stream begins with, if a pruning has dropped what came before.
    fn snapshots(&self) -> Result<Snapshots, Error> {
        let names: Vec<&str> = [&["ticker"], KEYFRAME_COLUMNS].concat();
        let mut snapshots = Snapshots::new();
        for file in &self.catalog().table(Table::Keyframes).files {
            let segment = self.shared.reader.segment(Table::Keyframes, file)?;
            for page in 0..segment.pages() {
                let batch = segment.page(&names, page)?;
                let (kinds, tickers) = (batch.texts("kind")?, batch.texts("ticker")?);
                let connections = batch.i32s("connection")?;
                for row in 0..batch.rows() {
                    let ticker = tickers.get(row).unwrap_or("");
                    let connection = connections.value(row).cast_unsigned();
                    let begun = |all: &Vec<(u64, u32, Book)>| all.iter().any(|snapshot| snapshot.1 == connection);
                    if kinds.get(row) != Some("snapshot") && snapshots.get(ticker).is_some_and(begun) {
                        continue;
                    }
                    let first = || segment.page_rows(page).map(|rows| rows.start);
                    let Some(keyframe) = keyframe_of(&batch, row)? else {
                        return Err(segment.damaged_row(first()? + row));
                    };
                    let of_market = match snapshots.get_mut(ticker) {
                        Some(of_market) => of_market,
                        None => snapshots.entry(ticker.to_owned()).or_default(),
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

    fn side(&self, row: usize) -> Result<Side, Error> {
        let side = self.words.get(self.sides[row].cast_unsigned() as usize);
        side.copied().ok_or_else(|| self.batch.wrong("side", "neither yes nor no"))
    }

    fn price(&self, row: usize) -> Result<Price, Error> {
        let price = u16::try_from(self.prices[row]).ok().and_then(Price::from_ten_thousandths);
        price.ok_or_else(|| self.batch.wrong("price", "outside 0 to one dollar"))
    }

    /// Changes a book by the rows; returns how many did not fit.
    fn fold(&self, rows: Range<usize>, book: &mut Book) -> Result<u64, Error> {
        let mut diverged = 0;
        for row in rows {
            let change = Quantity::from_hundredths(self.quantities[row]);
            diverged += u64::from(book.apply(self.side(row)?, self.price(row)?, change).is_err());
        }
        Ok(diverged)
    }

    /// Where in a dense book the rows' levels are; `None` where a row is not as it should be.
    fn places(&self, rows: Range<usize>, places: &mut Vec<u16>) -> Option<()> {
        places.clear();
        let (prices, sides) = (&self.prices[rows.clone()], &self.sides[rows]);
        let greatest = prices.iter().map(|price| price.cast_unsigned()).max().unwrap_or(0);
        (greatest <= DOLLAR as u32).then_some(())?;
        let pair = match self.words[..] {
            [one] => [one, one],
            [first, second] => [first, second],
            _ => return None,
        };
        let [first, second] = pair.map(|side| side as u16 * PRICES as u16);
        let place = |(price, side): (&i32, &i32)| *price as u16 + if *side == 0 { first } else { second };
        places.extend(prices.iter().zip(sides).map(place));
        Some(())
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
        let done = part.len() >= DENSE_RUN && dense.fold(deltas, part.clone(), book);
        if !done {
            folded.diverged += deltas.fold(part, book)?;
        }
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

/// The highest price, in ten-thousandths.
const DOLLAR: usize = Price::ONE.ten_thousandths() as usize;
/// Places of a side's prices. With twice as many, every 16-bit number is a place, and none needs to be checked.
const PRICES: usize = 1 << 15;

/// One market's book with a place for every price: changing a level takes no search and shifts nothing.
struct DenseBook {
    /// Hundredths of a contract, by side and price.
    sizes: Box<[i64; 2 * PRICES]>,
    /// 1 for every level that was ever above zero since the book was loaded.
    touched: Box<[u8; 2 * PRICES]>,
    /// The places of the rows being folded.
    places: Vec<u16>,
}

impl DenseBook {
    fn new() -> DenseBook {
        DenseBook { sizes: Box::new([0; 2 * PRICES]), touched: Box::new([0; 2 * PRICES]), places: Vec::new() }
    }

    /// Changes a book by the rows. Returns `false`, and leaves the book as it was, if one does not fit: which one, and
    /// what is to become of the level, [`Book::apply`] knows.
    fn fold(&mut self, deltas: &Deltas<'_>, rows: Range<usize>, book: &mut Book) -> bool {
        let mut places = std::mem::take(&mut self.places);
        let fits = deltas.places(rows.clone(), &mut places).is_some() && {
            self.load(book);
            let fits = self.apply(&places, &deltas.quantities[rows]);
            let after = self.take();
            if fits && let Some(after) = after {
                *book = after;
                true
            } else {
                false
            }
        };
        self.places = places;
        fits
    }

    fn load(&mut self, book: &Book) {
        for side in [Side::Yes, Side::No] {
            for (price, size) in book.levels(side) {
                let at = side as usize * PRICES + usize::from(price.ten_thousandths());
                self.sizes[at] = size.hundredths();
                self.touched[at] = 1;
            }
        }
    }

    /// Changes the levels; whether all stayed within the limits. A sum past all numbers is below zero, and does not.
    fn apply(&mut self, places: &[u16], changes: &[i64]) -> bool {
        let mut fits = true;
        for (at, change) in places.iter().zip(changes) {
            let at = usize::from(*at);
            let size = self.sizes[at].wrapping_add(*change);
            fits &= size.cast_unsigned() <= Book::LEVEL_LIMIT.hundredths().cast_unsigned();
            self.sizes[at] = size;
            self.touched[at] = 1;
        }
        fits
    }

    /// The book, if it is one; nothing is left.
    fn take(&mut self) -> Option<Book> {
        let used = DOLLAR + 1;
        let mut sides: [Vec<(Price, Quantity)>; 2] = [Vec::new(), Vec::new()];
        for (side, levels) in sides.iter_mut().enumerate() {
            let from = side * PRICES;
            for (word, marks) in
                self.touched[from..from + used.next_multiple_of(8)].as_chunks_mut::<8>().0.iter_mut().enumerate()
            {
                if u64::from_le_bytes(*marks) == 0 {
                    continue;
                }
                for (number, mark) in marks.iter_mut().enumerate().filter(|(_, mark)| **mark != 0) {
                    *mark = 0;
                    let price = word * 8 + number;
                    let size = std::mem::take(&mut self.sizes[from + price]);
                    let price = u16::try_from(price).ok().and_then(Price::from_ten_thousandths);
                    levels.extend(price.filter(|_| size != 0).map(|price| (price, Quantity::from_hundredths(size))));
                }
            }
        }
        let [yes, no] = sides;
        Book::from_levels(yes, no).ok()
    }
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
            changes in prop::collection::vec(
                (any::<bool>(), prop_oneof![0_u16..40, 9_960_u16..=10_000], -30_i64..300), 0..400,
            ),
            large in 0_usize..400,
        ) {
            let (mut book, mut folded, mut dense) = (Book::default(), Book::default(), DenseBook::new());
            let change = |number: usize| match number {
                // Past the limit of a level, and past all numbers.
                number if number == large => Book::LEVEL_LIMIT.hundredths(),
                number if number == large + 9 => i64::MAX,
                number if number == large + 30 => i64::MIN,
                number => changes[number].2,
            };
            for part in (0..changes.len()).step_by(50) {
                let part = part..changes.len().min(part + 50);
                let mut fits = true;
                for number in part.clone() {
                    let (no, price, _) = changes[number];
                    let side = if no { Side::No } else { Side::Yes };
                    let price = Price::from_ten_thousandths(price).unwrap();
                    fits &= book.apply(side, price, Quantity::from_hundredths(change(number))).is_ok();
                }
                let place = |(no, price, _): &(bool, u16, i64)| price + if *no { PRICES as u16 } else { 0 };
                let places: Vec<u16> = changes[part.clone()].iter().map(place).collect();
                let quantities: Vec<i64> = part.clone().map(change).collect();
                dense.load(&folded);
                prop_assert_eq!(dense.apply(&places, &quantities), fits);
                let after = dense.take();
                if fits {
                    prop_assert_eq!(after.as_ref(), Some(&book));
                }
                prop_assert!(dense.sizes.iter().all(|size| *size == 0) && dense.touched.iter().all(|mark| *mark == 0));
                folded.clone_from(&book);
            }
        }
    }
}
