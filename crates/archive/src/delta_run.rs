//! Deltas that follow each other in a batch, taken up market by market. The books of twenty thousand markets lie all
//! over memory; whoever takes deltas in as they came waits for another one with every delta.

use crate::packed_delta::PackedDelta;

/// No delta.
const NONE: u32 = u32::MAX;

/// So many deltas are gathered at most: they, and where they lie, stay in a processor's own cache.
const LONGEST: usize = 8_192;

/// A delta of a run.
#[derive(Clone, Copy, Debug)]
pub struct RunDelta {
    /// Place of its ticker in the batch's text table.
    pub ticker: u32,
    /// The next delta of this market.
    next: u32,
    /// The delta, with the place of its market's id instead of the id's number.
    pub delta: PackedDelta,
}

/// Deltas in the order they came, and the first and last one of each market.
#[derive(Debug, Default)]
pub struct DeltaRun {
    deltas: Vec<RunDelta>,
    /// By the place of a ticker.
    ends: Vec<(u32, u32)>,
    /// The first delta of each market, in the order they came.
    firsts: Vec<u32>,
}

impl DeltaRun {
    /// Begins with a batch that has this many texts.
    pub fn begin(&mut self, text_count: usize) {
        self.clear();
        self.ends.clear();
        self.ends.resize(text_count, (NONE, NONE));
    }

    /// Adds a delta; false if the run is full now. The place of its ticker lies in the table.
    #[inline]
    pub fn push(&mut self, ticker: u32, delta: PackedDelta) -> bool {
        let at = self.deltas.len() as u32;
        let (first, last) = &mut self.ends[ticker as usize];
        if *first == NONE {
            *first = at;
            self.firsts.push(at);
        } else {
            self.deltas[*last as usize].next = at;
        }
        *last = at;
        self.deltas.push(RunDelta { ticker, next: NONE, delta });
        self.deltas.len() < LONGEST
    }

    /// The first delta of each market, in the order they came.
    pub fn firsts(&self) -> &[u32] {
        &self.firsts
    }

    /// The delta at a place that [`firsts`](DeltaRun::firsts) tells, and those of its market after it.
    pub fn of_market(&self, first: u32) -> impl Iterator<Item = &RunDelta> {
        let delta = |at: u32| self.deltas.get(at as usize);
        std::iter::successors(delta(first), move |held| delta(held.next))
    }

    /// Empties the run; the batch goes on.
    pub fn clear(&mut self) {
        for first in self.firsts.drain(..) {
            self.ends[self.deltas[first as usize].ticker as usize] = (NONE, NONE);
        }
        self.deltas.clear();
    }
}

#[cfg(test)]
mod tests {
    use daybook_book::{Price, Quantity, Side};
    use proptest::prelude::*;

    use super::*;
    use crate::tail::DeltaRow;

    fn delta(ordinal: u64) -> PackedDelta {
        PackedDelta::from(DeltaRow {
            ordinal,
            recv_ts: 0,
            ts: None,
            sent_ts: None,
            clock: None,
            seq: None,
            quantity: Quantity::ZERO,
            sid: None,
            connection: 1,
            market_id: 0,
            price: Price::ZERO,
            side: Side::Yes,
        })
    }

    proptest! {
        #[test]
        fn every_market_has_its_deltas_in_their_order(
            batches in prop::collection::vec(prop::collection::vec(0u32..12, 0..60), 1..4),
        ) {
            let mut run = DeltaRun::default();
            run.begin(12);
            for tickers in batches {
                for (at, ticker) in tickers.iter().enumerate() {
                    run.push(*ticker, delta(at as u64));
                }
                let mut firsts: Vec<u32> = tickers.clone();
                let mut seen = std::collections::HashSet::new();
                firsts.retain(|ticker| seen.insert(*ticker));
                let of = |ticker: u32| -> Vec<u64> {
                    (0..tickers.len()).filter(|at| tickers[*at] == ticker).map(|at| at as u64).collect()
                };
                let expected: Vec<_> = firsts.into_iter().map(|ticker| (ticker, of(ticker))).collect();
                let gathered = run.firsts().iter().map(|first| {
                    let deltas: Vec<_> = run.of_market(*first).collect();
                    assert!(deltas.iter().all(|delta| delta.ticker == deltas[0].ticker));
                    (deltas[0].ticker, deltas.iter().map(|delta| delta.delta.ordinal()).collect::<Vec<_>>())
                });
                prop_assert_eq!(gathered.collect::<Vec<_>>(), expected);
                run.clear();
            }
        }
    }

    #[test]
    fn it_says_when_it_is_full() {
        let mut run = DeltaRun::default();
        run.begin(1);
        let full = (0..).find(|at| !run.push(0, delta(*at))).unwrap();
        assert_eq!(full + 1, LONGEST as u64);
        assert_eq!(run.of_market(run.firsts()[0]).count(), LONGEST);
    }
}
