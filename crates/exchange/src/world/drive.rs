//! A world driven by a clock: what is due is done in short turns, and after each of them the venue goes to whoever has
//! waited longest for it. So nobody waits for more than the turn that is on, and for those who came before.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use daybook_book::ExchangeTime;
use parking_lot::MutexGuard;

use super::{Doings, World};
use crate::rest::Exchange;

/// Commands of one turn. A request takes the venue two or three times, and may wait for a turn each time.
const TURN: u32 = 128;
/// The longest sleep, so that a stop is noticed.
const LONGEST_SLEEP: Duration = Duration::from_millis(20);

/// Runs a world on an exchange by its clock until `stop` is set; on a thread of its own. If the machine is too slow for the
/// rate, the world falls behind the clock: its stamps say so, and nothing is left out.
pub fn drive(exchange: &Arc<Exchange>, mut world: World, stop: &AtomicBool) -> Doings {
    while !stop.load(Ordering::Relaxed) {
        let now = exchange.now();
        let mut venue = exchange.venue();
        let done = world.run(&mut venue, now, TURN);
        // A mutex that is merely unlocked would be this thread's again before anyone who waits has woken up.
        MutexGuard::unlock_fair(venue);
        if done {
            let next = world.next().map_or(i64::MAX, ExchangeTime::micros);
            let wait = Duration::from_micros(u64::try_from(next.saturating_sub(now.micros())).unwrap_or(0));
            // A sleep costs more than what is due within a millisecond: it is done together.
            std::thread::sleep(wait.clamp(Duration::from_millis(1), LONGEST_SLEEP));
        }
    }
    world.doings()
}
