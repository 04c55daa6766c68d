//! The course of a recording: who acts when, bursts, closings, and the faults that are asked for.

use crate::calendar::{MICROSECOND, MILLISECOND};
use crate::dice::{Dice, Stream};
use crate::error::{Error, Result};
use crate::maker::{self, Change, MOST_CHANGES};
use crate::order::Side;
use crate::output::Lines;
use crate::plan::{Faults, Plan};
use crate::recording::{Recording, Summary};
use crate::truth::Truth;
use crate::world::World;
use crate::zipf::Zipf;

/// Mean time between the actions of one burst.
const BURST_GAP: i64 = 400 * MICROSECOND;
/// Of ten thousand actions, those that are followed by another one in the same market at once.
const BURSTS: u32 = 3_500;
/// Of ten thousand actions, those that carry an exchange time earlier than the market's last.
const LATE_STAMPS: u32 = 24;

/// A market's end: when its empty snapshot is sent.
struct Closing {
    at: i64,
    market: usize,
}

/// Generates the capture of a checked plan into `lines`; `world` must be made for the same plan.
pub(crate) fn run<'a>(
    plan: &'a Plan,
    world: &mut World,
    lines: &'a mut dyn Lines,
    truth: Option<Truth<'a>>,
) -> Result<Summary> {
    let mut dice = Dice::new(plan.seed, Stream::Flow, 0);
    let mut closings = closings(plan, world, &mut dice).into_iter().peekable();
    if plan.faults == Faults::Gold15m && closings.peek().is_none() {
        return Err(Error::Usage(
            "--faults gold15m shows a market close: let a quarter of an hour end within --start and --duration".into(),
        ));
    }
    let busy = Zipf::new(world.places.len());
    let mut recording = Recording::new(plan, lines, truth);
    let mut now = recording.subscribe(world)?;
    let (mut outage, mut overdraft) = (plan.outage(), plan.overdraft());
    let mut disconnected = false;
    let mut changes: Vec<Change> = Vec::new();
    let mut burst: Option<usize> = None;
    // Changes made since the clock last moved by its own measure: the next gap makes up for all of them.
    let mut owed = 1;
    while recording.deltas() < plan.deltas {
        let missing = (plan.deltas - recording.deltas()) as i64;
        let left = plan.end() - now;
        let fair_share = left / missing;
        // No gap takes more than half of what is left, so that the last deltas do not pile up at the end.
        if burst.is_some() {
            now += dice.exponential(BURST_GAP.min(fair_share / 4)).min(left / 2);
        } else {
            now += dice.exponential(fair_share.saturating_mul(owed)).min(left / 2);
            owed = 0;
        }
        while let Some(closing) = closings.next_if(|closing| closing.at <= now) {
            close(world, &mut recording, &closing)?;
        }
        if outage.take_if(|outage| disconnected && now >= outage.end).is_some() {
            disconnected = false;
            recording.reconnect(world, now)?;
        } else if outage.as_ref().is_some_and(|outage| !disconnected && now >= outage.start) {
            disconnected = true;
            recording.disconnect();
        }
        let market = match burst.take().filter(|&market| world.markets[market].trades_at(now)) {
            Some(market) => market,
            None => match world.trading(busy.draw(&mut dice), now) {
                Some(market) => market,
                None => continue,
            },
        };
        changes.clear();
        if overdraft.take_if(|at| now >= *at).is_some() {
            changes.extend(beyond_the_book(world, market));
        } else {
            let one_change = missing <= MOST_CHANGES as i64;
            maker::act(&mut world.markets[market], now, one_change, &mut dice, &mut changes);
        }
        let ts = stamp(world, market, now, &mut dice);
        recording.action(world, market, now, ts, &changes)?;
        owed += changes.len() as i64;
        burst = dice.chance(BURSTS).then_some(market);
    }
    for closing in closings {
        close(world, &mut recording, &closing)?;
    }
    recording.finish()
}

/// The exchange time of the next action in µs, seldom a little before the market's last one. Advances its clock.
fn stamp(world: &mut World, market: usize, now: i64, dice: &mut Dice) -> i64 {
    let market = &mut world.markets[market];
    market.clock += 1 + u64::from(dice.below(3));
    let late = market.last_stamp > 0 && dice.chance(LATE_STAMPS);
    let ts = if late { market.last_stamp - dice.within(1, 1_500) } else { now / MICROSECOND };
    market.last_stamp = market.last_stamp.max(ts);
    ts
}

/// The empty snapshots of markets that close inside the recording, in order. Most come twice, as from the venue.
fn closings(plan: &Plan, world: &World, dice: &mut Dice) -> Vec<Closing> {
    let mut closings = Vec::new();
    for (market, of) in world.markets.iter().enumerate().filter(|(_, of)| of.close <= plan.end()) {
        let at = of.close + dice.within(100, 500) * MILLISECOND;
        closings.push(Closing { at, market });
        if plan.faults == Faults::Gold15m || dice.chance(7_500) {
            closings.push(Closing { at: at + dice.within(20, 200) * MILLISECOND, market });
        }
    }
    closings.sort_by_key(|closing| (closing.at, closing.market));
    closings
}

fn close(world: &mut World, recording: &mut Recording<'_>, closing: &Closing) -> Result<()> {
    let market = &mut world.markets[closing.market];
    market.orders.clear();
    market.clock += 1;
    recording.snapshot(world, closing.market, closing.at)
}

/// Takes contracts from a level where none rest, as if the delta that brought them had been lost.
fn beyond_the_book(world: &World, market: usize) -> Option<Change> {
    let market = &world.markets[market];
    let mut prices = (1..10_000 / market.step).map(|steps| steps * market.step);
    let price = prices.find(|&price| !market.orders.has_level(Side::Yes, price))?;
    Some(Change::Book { side: Side::Yes, price, quantity: -2_500 })
}
