//! The markets of a recording: identity, trading hours, resting orders, and a latent probability that wanders.

use std::ops::Range;

use crate::calendar::{DAY, SECOND};
use crate::catalog::{Event, SERIES, Strike};
use crate::dice::{Dice, Stream};
use crate::maker;
use crate::order::{RestingOrders, Side};

/// One million: a certain outcome.
pub(crate) const CERTAIN: i32 = 1_000_000;
/// The latent probability stays this far from certainty.
const MARGIN: i32 = 4_000;

/// A market.
pub(crate) struct Market {
    /// Its ticker.
    pub(crate) ticker: String,
    /// Its event's place in [`World::events`].
    pub(crate) event: usize,
    /// When it pays.
    pub(crate) strike: Strike,
    /// The fields that name it in a book frame, as JSON text.
    pub(crate) identity: String,
    /// When trading begins.
    pub(crate) open: i64,
    /// When trading ends.
    pub(crate) close: i64,
    /// Price step, ten-thousandths of a dollar.
    pub(crate) step: u16,
    /// The connection that carries it.
    pub(crate) connection: usize,
    /// What rests on its book.
    pub(crate) orders: RestingOrders,
    /// About how many orders rest when the market is calm.
    pub(crate) depth: usize,
    /// The venue's clock of its last change; 0 before the first.
    pub(crate) clock: u64,
    /// The last exchange time used, µs; 0 before the first.
    pub(crate) last_stamp: i64,
    /// Contracts traded so far, hundredths.
    pub(crate) volume: i64,
    /// Contracts outstanding, hundredths.
    pub(crate) open_interest: i64,
    /// YES price of the last trade, ten-thousandths; 0 before the first.
    pub(crate) last_price: u16,
    probability: i32,
    anchor: i32,
    restlessness: i32,
}

impl Market {
    /// Whether it trades at `now`.
    pub(crate) fn trades_at(&self, now: i64) -> bool {
        (self.open..self.close).contains(&now)
    }

    /// The latent probability of YES, in millionths.
    pub(crate) fn probability(&self) -> i32 {
        self.probability
    }

    /// The latent value of a side's contract, in ten-thousandths of a dollar.
    pub(crate) fn value(&self, side: Side) -> i32 {
        match side {
            Side::Yes => self.probability / 100,
            Side::No => (CERTAIN - self.probability) / 100,
        }
    }

    /// Moves the latent probability one step: noise that shrinks near certainty, a pull towards an anchor that
    /// itself drifts, and in the last tenth of a short life a push towards the outcome.
    pub(crate) fn wander(&mut self, now: i64, dice: &mut Dice) {
        let uncertain = i64::from(self.probability) * i64::from(CERTAIN - self.probability) / i64::from(CERTAIN);
        let noise = dice.within(-3, 4) + dice.within(-3, 4);
        let mut step = noise * i64::from(self.restlessness) * uncertain / 1_000_000;
        step += i64::from(self.anchor - self.probability) / 2_048;
        if dice.chance(20) {
            self.anchor = inside(i64::from(self.anchor) + dice.within(-60_000, 60_001));
        }
        let lifetime = self.close - self.open;
        if lifetime < DAY && self.close - now < lifetime / 10 {
            self.anchor = self.probability;
            step += i64::from((self.probability - CERTAIN / 2).signum()) * uncertain / 400;
        }
        self.probability = inside(i64::from(self.probability) + step);
    }
}

fn inside(probability: i64) -> i32 {
    probability.clamp(i64::from(MARGIN), i64::from(CERTAIN - MARGIN)) as i32
}

/// All markets of a recording.
pub(crate) struct World {
    /// The events that the markets belong to.
    pub(crate) events: Vec<Event>,
    /// The markets, in the order in which they are subscribed.
    pub(crate) markets: Vec<Market>,
    /// Places of activity, busiest first: a market, or the markets that follow each other in a fifteen-minute series.
    pub(crate) places: Vec<Range<usize>>,
}

impl World {
    /// Lists `count` markets for a recording from `start` to `end`, spread over `connections`, and fills the books of
    /// those that already trade. At every instant of the recording at least one market trades.
    pub(crate) fn new(seed: u64, count: usize, connections: usize, start: i64, end: i64) -> World {
        let mut dice = Dice::new(seed, Stream::World, 0);
        let mut world = World { events: Vec::new(), markets: Vec::with_capacity(count), places: Vec::new() };
        let mut steady = Vec::new();
        for round in 0.. {
            for series in &SERIES {
                let room = count - world.markets.len();
                if room == 0 {
                    world.arrange(steady, connections, &mut dice);
                    world.open_books(start, &mut dice);
                    return world;
                }
                let events = series.events(round, start, end);
                // A series of windows is taken whole or not at all: its place must not fall silent.
                if events.len() > room {
                    continue;
                }
                let first = world.markets.len();
                let windows = events.first().is_some_and(|event| event.close - event.open < DAY);
                for event in events {
                    world.list(event, round, room, start, &mut dice);
                }
                if windows {
                    world.places.push(first..world.markets.len());
                } else {
                    steady.extend((first..world.markets.len()).map(|market| market..market + 1));
                }
            }
        }
        unreachable!("a round lists at least the temperatures of one day, so the rounds end")
    }

    fn list(&mut self, event: Event, round: i64, room: usize, start: i64, dice: &mut Dice) {
        for listing in event.listings(round, dice).into_iter().take(room) {
            let identity = format!(r#""market_ticker":"{}","market_id":"{}""#, listing.ticker, dice.uuid());
            let running = event.open <= start;
            self.markets.push(Market {
                ticker: listing.ticker,
                event: self.events.len(),
                strike: listing.strike,
                identity,
                open: event.open,
                close: event.close,
                step: event.series.step,
                connection: 0,
                orders: RestingOrders::default(),
                depth: dice.within(40, 160) as usize,
                clock: if running { dice.within(100_000, 9_000_000).unsigned_abs() } else { 0 },
                last_stamp: 0,
                volume: if running { dice.within(5_000, 5_000_000) } else { 0 },
                open_interest: if running { dice.within(2_000, 2_000_000) } else { 0 },
                last_price: 0,
                probability: listing.probability,
                anchor: listing.probability,
                restlessness: dice.within(700, 2_400) as i32,
            });
        }
        self.events.push(event);
    }

    /// Fixes who is busy and which connection carries whom: windows are the busiest places, the others follow in
    /// random order.
    fn arrange(&mut self, mut steady: Vec<Range<usize>>, connections: usize, dice: &mut Dice) {
        for last in (1..steady.len()).rev() {
            steady.swap(last, dice.within(0, last as i64 + 1) as usize);
        }
        self.places.append(&mut steady);
        for (place, markets) in self.places.iter().enumerate() {
            for market in &mut self.markets[markets.clone()] {
                market.connection = place % connections;
            }
        }
    }

    fn open_books(&mut self, start: i64, dice: &mut Dice) {
        let mut changes = Vec::new();
        for market in self.markets.iter_mut().filter(|market| market.trades_at(start + SECOND)) {
            maker::fill_book(market, dice, &mut changes);
        }
    }

    /// The market that trades at a place at `now`, if one does.
    pub(crate) fn trading(&self, place: usize, now: i64) -> Option<usize> {
        let markets = &self.places[place];
        if markets.len() == 1 {
            return self.markets[markets.start].trades_at(now).then_some(markets.start);
        }
        let at = markets.start + self.markets[markets.clone()].partition_point(|market| market.close <= now);
        (at < markets.end && self.markets[at].trades_at(now)).then_some(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::parse;

    #[test]
    fn some_market_trades_at_every_instant() {
        let start = parse("2026-08-12T14:37:00Z").unwrap();
        for (count, duration) in [(1, 600), (1, 86_400), (2, 900), (12, 905), (500, 7_200)] {
            let end = start + duration * SECOND;
            let world = World::new(5, count, 3, start, end);
            assert_eq!(world.markets.len(), count);
            assert_eq!(world.places.iter().map(|place| place.len()).sum::<usize>(), count);
            for now in (start..end).step_by(100 * SECOND as usize).chain([end - 1]) {
                assert!((0..world.places.len()).any(|place| world.trading(place, now).is_some()));
            }
        }
    }

    #[test]
    fn probabilities_stay_inside_and_settle_at_the_close() {
        let start = parse("2026-08-12T14:30:00Z").unwrap();
        let mut world = World::new(5, 12, 1, start, start + 900 * SECOND);
        let mut dice = Dice::new(1, Stream::Flow, 0);
        let market = &mut world.markets[0];
        for now in (market.open..market.close).step_by(SECOND as usize / 20) {
            market.wander(now, &mut dice);
            assert!((MARGIN..=CERTAIN - MARGIN).contains(&market.probability));
            assert!((market.value(Side::Yes) + market.value(Side::No) - 10_000).abs() <= 1);
        }
        assert!((market.probability - CERTAIN / 2).abs() > CERTAIN / 4, "{}", market.probability);
    }
}
