//! How many deltas per second one core folds into a book, and what a digest costs.
//!
//! `cargo bench -p daybook-book`. The stream is seeded and synthetic, shaped after real captures: about 40 levels a
//! side of one to three orders each, 60 % of changes on the five best levels, half of the deltas cancelling an earlier
//! one, so that levels come and go and the best price moves. A deep book, of about a thousand levels a side, is
//! measured too, and the reading of the texts that deltas come in.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use daybook_book::{Book, Price, Quantity, Side};

type Change = (Side, Price, Quantity);

/// SplitMix64: seeded, and good enough to shape a benchmark.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((u128::from(mixed ^ (mixed >> 31)) * limit as u128) >> 64) as usize
    }
}

/// One side's resting orders: what a cancellation can cancel.
struct Orders {
    resting: Vec<(u16, i64)>,
    levels: usize,
    step: u16,
}

impl Orders {
    /// Places or cancels one order. `offset` steps below the top is where it happens.
    fn next(&mut self, random: &mut Random, cancel: bool) -> (u16, i64) {
        let near = random.below(10) < 6;
        let depth = if near { 5 } else { self.levels };
        let price = 5_000 - self.step * (1 + random.below(depth) as u16);
        if cancel && !self.resting.is_empty() {
            // The resting order nearest to where the change shall be.
            let start = random.below(self.resting.len());
            let nearest = (0..self.resting.len().min(16))
                .map(|offset| (start + offset) % self.resting.len())
                .min_by_key(|&at| self.resting[at].0.abs_diff(price));
            if let Some(at) = nearest {
                let (price, size) = self.resting.swap_remove(at);
                return (price, -size);
            }
        }
        let size = 1 + random.below(100_000) as i64;
        self.resting.push((price, size));
        (price, size)
    }
}

fn stream(levels: usize, step: u16, deltas: usize) -> Vec<Change> {
    let mut random = Random(20_261_121);
    let mut sides = [Side::Yes, Side::No].map(|side| (side, Orders { resting: Vec::new(), levels, step }));
    let most = 2 * levels;
    std::iter::repeat_with(|| {
        let (side, orders) = &mut sides[random.below(2)];
        // Fill up first; then half of the deltas cancel.
        let cancel = orders.resting.len() >= most && random.below(2) == 0 || orders.resting.len() > most + levels / 2;
        let (price, size) = orders.next(&mut random, cancel);
        let price = Price::from_ten_thousandths(price).expect("prices lie between 0 and 5 000");
        (*side, price, Quantity::from_hundredths(size))
    })
    .take(deltas)
    .collect()
}

/// The fastest of seven runs, and what the last one made.
fn best<T>(run: impl Fn() -> T) -> (Duration, T) {
    let timed = || {
        let start = Instant::now();
        let made = run();
        (start.elapsed(), made)
    };
    (1..7).fold(timed(), |(least, _), _| {
        let (took, made) = timed();
        (least.min(took), made)
    })
}

fn fold(changes: &[Change]) -> Book {
    let mut book = Book::new();
    for &(side, price, change) in changes {
        book.apply(side, price, change).expect("the stream cancels only what it placed");
    }
    book
}

fn report(name: &str, count: usize, took: Duration) {
    let (nanos, count) = (took.as_nanos().max(1), count as u128);
    let rate = count * 10_000 / nanos;
    println!("{name:<40} {:>5}.{} M/s {:>5}.{} ns each", rate / 10, rate % 10, nanos / count, nanos * 10 / count % 10);
}

fn main() {
    for (name, levels, step) in [("fold, ~40 levels a side", 40, 100), ("fold, ~1000 levels a side", 1_000, 4)] {
        let changes = stream(levels, step, 4_000_000);
        let (took, book) = best(|| fold(black_box(&changes)));
        report(name, changes.len(), took);
        println!("    ends with {} YES and {} NO levels", book.len(Side::Yes), book.len(Side::No));
        let (took, _) = best(|| (0..10_000).map(|_| black_box(&book).digest()).fold(None, |_, digest| Some(digest)));
        report("    digest", 10_000, took);
    }
    let texts: Vec<(String, String)> =
        stream(40, 100, 100_000).iter().map(|(_, price, size)| (price.to_string(), size.to_string())).collect();
    let parse = || texts.iter().filter(|(price, _)| black_box(price).parse::<Price>().is_ok()).count();
    report("parse a price", texts.len(), best(parse).0);
    let parse = || texts.iter().filter(|(_, size)| black_box(size).parse::<Quantity>().is_ok()).count();
    report("parse a quantity", texts.len(), best(parse).0);
}
