//! The book as it stood at chosen instants, folded here from the generated changes and from nothing else.
//!
//! The fold shares no code with the crates under test nor with the generator's own resting orders: what it says is
//! what a reader of the capture must find.

use std::collections::BTreeMap;

use crate::dice::{Dice, Stream};
use crate::error::Result;
use crate::frame_text::write_levels;
use crate::order::{Level, Side};
use crate::output::Lines;
use crate::world::World;
use crate::zipf::Zipf;

/// A question: the book at `at`, or at the first event that comes after it.
#[derive(Clone, Copy, Debug)]
struct Point {
    at: i64,
    at_next_event: bool,
}

/// One market that is asked about.
struct Tracked {
    ticker: String,
    yes: BTreeMap<u16, i64>,
    no: BTreeMap<u16, i64>,
    effective: i64,
    /// Open questions, latest first.
    open: Vec<Point>,
}

/// Answers `--truth`.
pub(crate) struct Truth<'a> {
    out: &'a mut dyn Lines,
    dice: Dice,
    questions: Vec<u32>,
    tracked: Vec<Option<Box<Tracked>>>,
    line: Vec<u8>,
}

impl<'a> Truth<'a> {
    /// Chooses the markets of `points` questions: half of them by activity, half evenly.
    pub(crate) fn new(seed: u64, points: usize, world: &World, out: &'a mut dyn Lines) -> Truth<'a> {
        let mut dice = Dice::new(seed, Stream::Truth, 0);
        let busy = Zipf::new(world.places.len());
        let mut questions = vec![0; world.markets.len()];
        for point in 0..points {
            let market = if point % 2 == 0 {
                let place = &world.places[busy.draw(&mut dice)];
                dice.within(place.start as i64, place.end as i64) as usize
            } else {
                dice.below(world.markets.len() as u32) as usize
            };
            questions[market] += 1;
        }
        let tracked = world.markets.iter().zip(&questions).map(|(market, &questions)| {
            let tracked = Tracked {
                ticker: market.ticker.clone(),
                yes: BTreeMap::new(),
                no: BTreeMap::new(),
                effective: i64::MIN,
                open: Vec::new(),
            };
            (questions > 0).then(|| Box::new(tracked))
        });
        let tracked = tracked.collect();
        Truth { out, dice, questions, tracked, line: Vec::new() }
    }

    /// Fixes the instants, once every market has its first snapshot: effective times in `from..to`, a quarter of
    /// them moved onto an event's own time, where "at or before" differs from "before".
    pub(crate) fn ask(&mut self, from: i64, to: i64) {
        for (tracked, &questions) in self.tracked.iter_mut().zip(&self.questions) {
            let Some(tracked) = tracked else { continue };
            for _ in 0..questions {
                let at = self.dice.within(from, to);
                tracked.open.push(Point { at, at_next_event: self.dice.chance(2_500) });
            }
            tracked.open.sort_by_key(|point| std::cmp::Reverse(point.at));
        }
    }

    /// A snapshot heard at `received`, which is its effective time unless the market is already later.
    pub(crate) fn snapshot(&mut self, market: usize, received: i64, [yes, no]: [&[Level]; 2]) -> Result<()> {
        let Some(tracked) = &mut self.tracked[market] else { return Ok(()) };
        tracked.advance(received, self.out, &mut self.line)?;
        tracked.yes = yes.iter().copied().collect();
        tracked.no = no.iter().copied().collect();
        Ok(())
    }

    /// A delta stamped `ts` (ns).
    pub(crate) fn delta(&mut self, market: usize, ts: i64, side: Side, price: u16, quantity: i64) -> Result<()> {
        let Some(tracked) = &mut self.tracked[market] else { return Ok(()) };
        tracked.advance(ts, self.out, &mut self.line)?;
        let ladder = if side == Side::Yes { &mut tracked.yes } else { &mut tracked.no };
        let level = ladder.entry(price).or_default();
        *level += quantity;
        if *level <= 0 {
            ladder.remove(&price);
        }
        Ok(())
    }

    /// Answers what is still open: nothing more will happen.
    pub(crate) fn finish(mut self) -> Result<()> {
        for tracked in self.tracked.iter_mut().flatten() {
            while let Some(point) = tracked.open.pop() {
                tracked.answer(point.at, self.out, &mut self.line)?;
            }
        }
        Ok(())
    }
}

impl Tracked {
    /// Moves to an event that is about to be applied, after answering every question from before it.
    fn advance(&mut self, time: i64, out: &mut dyn Lines, line: &mut Vec<u8>) -> Result<()> {
        self.effective = self.effective.max(time);
        let mut moved = Vec::new();
        while let Some(&Point { at, at_next_event }) = self.open.last()
            && at < self.effective
        {
            self.open.pop();
            if at_next_event {
                moved.push(Point { at: self.effective, at_next_event: false });
            } else {
                self.answer(at, out, line)?;
            }
        }
        self.open.append(&mut moved);
        Ok(())
    }

    fn answer(&self, at: i64, out: &mut dyn Lines, line: &mut Vec<u8>) -> Result<()> {
        line.clear();
        line.extend_from_slice(format!(r#"{{"ticker":"{}","at_ns":{at}"#, self.ticker).as_bytes());
        for (key, ladder) in [("yes", &self.yes), ("no", &self.no)] {
            line.extend_from_slice(format!(r#","{key}":"#).as_bytes());
            let levels: Vec<Level> = ladder.iter().rev().map(|(&price, &quantity)| (price, quantity)).collect();
            write_levels(line, levels.iter());
        }
        line.extend_from_slice(b"}\n");
        out.line(0, line)
    }
}
