//! What participants do: quote around the latent value, cancel, move quotes, take stale ones.
//!
//! Every action changes one market and leaves its book uncrossed; all changes of one action carry one exchange time.

use crate::catalog::CENT;
use crate::dice::Dice;
use crate::order::{Order, Side};
use crate::world::Market;

/// A dollar in ten-thousandths: YES and NO at one level sum to it.
const DOLLAR: i32 = 10_000;
/// One action never makes more changes to the book than this.
pub(crate) const MOST_CHANGES: u64 = 16;
/// Orders per market beyond which nobody adds.
const MOST_ORDERS: usize = 240;

/// One consequence of an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// A level changes: the signed number of contracts in hundredths.
    Book {
        /// The ladder.
        side: Side,
        /// Ten-thousandths of a dollar.
        price: u16,
        /// Hundredths of a contract.
        quantity: i64,
    },
    /// A taker is filled against one resting order.
    Trade {
        /// The contract that the taker bought.
        taker: Side,
        /// Ten-thousandths of a dollar.
        yes_price: u16,
        /// Hundredths of a contract, positive.
        quantity: i64,
    },
}

/// Distance of a new quote from the best it could be, in cents.
const DISTANCE: [(u32, i64); 7] = [(0, 0), (2_800, 1), (4_600, 2), (7_000, 4), (8_800, 9), (9_700, 20), (10_000, 45)];
/// Whole-contract sizes that recur, in contracts.
const USUAL: [u32; 24] =
    [10, 10, 10, 10, 10, 100, 100, 100, 40, 40, 2_000, 2_000, 25, 25, 5, 5, 30, 30, 15, 15, 50, 50, 1, 24];

/// One action of somebody in `market`, appended to `changes`: at least one change. With `one_change` at most one.
pub(crate) fn act(market: &mut Market, now: i64, one_change: bool, dice: &mut Dice, changes: &mut Vec<Change>) {
    market.wander(now, dice);
    let before = changes.len();
    if !one_change {
        if let Some(side) = stale_side(market)
            && dice.chance(6_000)
        {
            take(market, side, dice, changes);
        } else {
            match dice.below(1_000) {
                0..240 => move_quote(market, dice, changes),
                240..255 => {
                    let side = any_side(dice);
                    take(market, side, dice, changes);
                }
                255..259 => reprice(market, dice, changes),
                _ => {}
            }
        }
    }
    if changes.len() == before {
        quote_or_cancel(market, dice, changes);
    }
    debug_assert!(changes.len() > before);
}

/// Fills an empty book up to the market's usual depth.
pub(crate) fn fill_book(market: &mut Market, dice: &mut Dice, changes: &mut Vec<Change>) {
    while market.orders.len() < market.depth {
        quote(market, any_side(dice), dice, changes);
    }
    changes.clear();
}

fn any_side(dice: &mut Dice) -> Side {
    if dice.chance(5_000) { Side::Yes } else { Side::No }
}

/// A side whose best bid is worth less than it offers.
fn stale_side(market: &Market) -> Option<Side> {
    let overpays = |&side: &Side| {
        market.orders.best(side).is_some_and(|best| i32::from(best) > market.value(side) + i32::from(market.step))
    };
    [Side::Yes, Side::No].into_iter().find(overpays)
}

/// Adds while the book is thin, removes while it is thick, so that it breathes around its usual depth.
fn quote_or_cancel(market: &mut Market, dice: &mut Dice, changes: &mut Vec<Change>) {
    let (resting, depth) = (market.orders.len() as i64, market.depth as i64);
    let adds = (5_000 + (depth - resting) * 4_000 / depth).clamp(500, 9_500);
    if (resting == 0 || dice.chance(adds as u32)) && resting < MOST_ORDERS as i64 {
        let side = any_side(dice);
        if quote(market, side, dice, changes) || quote(market, side.opposite(), dice, changes) {
            return;
        }
    }
    let index = exposed(market, dice);
    let order = market.orders.remove(index);
    changes.push(book(order, -1));
}

/// A place in the list of orders, with a lean towards the top of the book: two candidates, the better bid is taken.
fn exposed(market: &Market, dice: &mut Dice) -> usize {
    let resting = market.orders.len() as u32;
    let (a, b) = (dice.below(resting) as usize, dice.below(resting) as usize);
    let gap = |index: usize| {
        let order = market.orders.get(index);
        market.value(order.side) - i32::from(order.price)
    };
    if gap(a) <= gap(b) { a } else { b }
}

fn book(order: Order, sign: i64) -> Change {
    Change::Book { side: order.side, price: order.price, quantity: sign * i64::from(order.quantity) }
}

/// A new order on `side`; false if the other side leaves no room for a bid.
fn quote(market: &mut Market, side: Side, dice: &mut Dice, changes: &mut Vec<Change>) -> bool {
    let quantity = size(dice);
    rest(market, side, quantity, None, dice, changes)
}

/// Rests `quantity` on `side` near the latent value, never crossing the other side nor at price `not`.
fn rest(
    market: &mut Market,
    side: Side,
    quantity: u32,
    not: Option<u16>,
    dice: &mut Dice,
    changes: &mut Vec<Change>,
) -> bool {
    let step = i32::from(market.step);
    let margin = dice.within(30, 110) as i32;
    let distance =
        dice.quantile(&DISTANCE) as i32 * i32::from(CENT) + dice.below(10) as i32 * (i32::from(CENT) - step) / 10;
    let wanted = market.value(side) - margin - distance;
    let room = DOLLAR - market.orders.best(side.opposite()).map_or(0, i32::from) - step;
    let mut price = wanted.clamp(step, room.max(step)) / step * step;
    if not.map(i32::from) == Some(price) {
        price += if price + step <= room { step } else { -step };
    }
    if price < step || price > room {
        return false;
    }
    let order = Order { side, price: price as u16, quantity };
    market.orders.add(order);
    changes.push(book(order, 1));
    true
}

/// Somebody takes an order away and puts it back at another price, in one go.
fn move_quote(market: &mut Market, dice: &mut Dice, changes: &mut Vec<Change>) {
    if market.orders.len() == 0 {
        return;
    }
    let index = exposed(market, dice);
    let order = market.orders.remove(index);
    changes.push(book(order, -1));
    rest(market, order.side, order.quantity, Some(order.price), dice, changes);
}

/// A maker moves several quotes of one side at once.
fn reprice(market: &mut Market, dice: &mut Dice, changes: &mut Vec<Change>) {
    for _ in 0..2 + dice.below(MOST_CHANGES as u32 / 2 - 2) {
        move_quote(market, dice, changes);
    }
}

/// A taker buys against the bids of `maker`: one fill for each resting order, best price first, then oldest.
fn take(market: &mut Market, maker: Side, dice: &mut Dice, changes: &mut Vec<Change>) {
    let mut wanted = size(dice);
    let worst = market.value(maker) - 400;
    let before = changes.len();
    while wanted > 0 && (changes.len() - before) < MOST_CHANGES as usize {
        if market.orders.best(maker).is_none_or(|best| i32::from(best) < worst) {
            return;
        }
        let Some((price, filled)) = market.orders.fill_best(maker, wanted) else { return };
        wanted -= filled;
        let quantity = i64::from(filled);
        let yes_price = if maker == Side::Yes { price } else { DOLLAR as u16 - price };
        changes.push(Change::Book { side: maker, price, quantity: -quantity });
        changes.push(Change::Trade { taker: maker.opposite(), yes_price, quantity });
        market.volume += quantity;
        market.last_price = yes_price;
        market.open_interest =
            (market.open_interest + if dice.chance(5_500) { quantity } else { -quantity }).max(quantity);
    }
}

/// The size of an order in hundredths of a contract: usual lots, whole numbers, and one in six a fraction.
fn size(dice: &mut Dice) -> u32 {
    match dice.below(1_000) {
        0..80 => 10,
        80..150 => 1 + dice.below(30_000),
        150..800 => dice.pick(&USUAL) * 100,
        _ => (1 + dice.below(400)) * 100,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::{SECOND, parse};
    use crate::dice::Stream;
    use crate::world::World;
    use std::collections::HashMap;

    #[test]
    fn books_stay_uncrossed_on_grid_and_never_negative() {
        let start = parse("2026-08-12T14:30:00Z").unwrap();
        let mut world = World::new(9, 12, 1, start, start + 900 * SECOND);
        let mut dice = Dice::new(9, Stream::Flow, 0);
        let mut changes = Vec::new();
        for market in &mut world.markets {
            let mut levels: HashMap<(&str, u16), i64> = HashMap::new();
            let mut scratch = Vec::new();
            for side in [Side::Yes, Side::No] {
                market.orders.levels(side, &mut scratch);
                levels.extend(scratch.iter().map(|&(price, quantity)| ((side.name(), price), quantity)));
            }
            let mut traded = 0;
            for step in 0..20_000 {
                changes.clear();
                act(market, market.open + step * SECOND / 40, step % 7 == 0, &mut dice, &mut changes);
                assert!(!changes.is_empty() && changes.len() <= 2 * MOST_CHANGES as usize);
                assert!(step % 7 != 0 || changes.len() == 1);
                for change in &changes {
                    match *change {
                        Change::Book { side, price, quantity } => {
                            assert!(price % market.step == 0 && quantity != 0);
                            let level = levels.entry((side.name(), price)).or_default();
                            *level += quantity;
                            assert!(*level >= 0, "{} {price} at {level}", side.name());
                        }
                        Change::Trade { quantity, .. } => {
                            assert!(quantity > 0);
                            traded += 1;
                        }
                    }
                }
                let best = |side| market.orders.best(side).map_or(0, i32::from);
                assert!(best(Side::Yes) + best(Side::No) < DOLLAR, "crossed");
            }
            assert!(traded > 100, "{traded} trades");
            for side in [Side::Yes, Side::No] {
                market.orders.levels(side, &mut scratch);
                let mut folded: Vec<_> = levels
                    .iter()
                    .filter(|&(&(name, _), &quantity)| name == side.name() && quantity > 0)
                    .map(|(&(_, price), &quantity)| (price, quantity))
                    .collect();
                folded.sort_unstable();
                assert_eq!(folded, scratch);
            }
        }
    }
}
