//! A world driven by a clock: what is due is done, in short turns, so that nobody waits long for the venue.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use daybook_book::ExchangeTime;

use super::{Doings, World};
use crate::rest::Exchange;

/// Commands between two moments at which others can have the venue.
const TURN: u32 = 512;
/// The longest sleep, so that a stop is noticed.
const LONGEST_SLEEP: Duration = Duration::from_millis(20);

/// Runs a world on an exchange by its clock until `stop` is set; on a thread of its own. If the machine is too slow for the
/// rate, the world falls behind the clock: its stamps say so, and nothing is left out.
pub fn drive(exchange: &Arc<Exchange>, mut world: World, stop: &AtomicBool) -> Doings {
    while !stop.load(Ordering::Relaxed) {
        let now = exchange.now();
        let done = world.run(&mut exchange.venue(), now, TURN);
        if done {
            let next = world.next().map_or(i64::MAX, ExchangeTime::micros);
            let wait = Duration::from_micros(u64::try_from(next.saturating_sub(now.micros())).unwrap_or(0));
            // A sleep costs more than what is due within a millisecond: it is done together.
            std::thread::sleep(wait.clamp(Duration::from_millis(1), LONGEST_SLEEP));
        }
    }
    world.doings()
}
