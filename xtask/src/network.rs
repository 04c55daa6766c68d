//! The receiver's side of one connection: how much later than the venue's clock a frame is heard.
//!
//! Delay drifts in short epochs around 12 ms and now and then the line stalls, so that everything sent meanwhile
//! arrives at once. Both are drawn per stretch of time, not per frame: the busiest connection has the same median
//! delay as the quietest. A connection never reorders.

use crate::calendar::{MICROSECOND, MILLISECOND, SECOND};
use crate::dice::{Dice, Stream};

/// Delay in microseconds.
const DELAY: [(u32, i64); 6] =
    [(0, 5_000), (500, 7_000), (5_000, 11_500), (9_000, 19_000), (9_900, 60_000), (10_000, 140_000)];
/// Length of a stall in milliseconds.
const STALL: [(u32, i64); 4] = [(0, 20), (6_000, 150), (9_000, 700), (10_000, 2_500)];
/// Mean time between two stalls.
const STALL_EVERY: i64 = 25 * SECOND;

/// The arrival clock of one connection.
pub(crate) struct Network {
    dice: Dice,
    delay: i64,
    epoch_ends: i64,
    stalls_at: i64,
    stalled_until: i64,
    last: i64,
}

impl Network {
    /// The network of connection number `connection`, from `start` on.
    pub(crate) fn new(seed: u64, connection: usize, start: i64) -> Network {
        let mut dice = Dice::new(seed, Stream::Network, connection as u64);
        let stalls_at = start + 2 * SECOND + dice.exponential(STALL_EVERY);
        Network { dice, delay: 0, epoch_ends: i64::MIN, stalls_at, stalled_until: i64::MIN, last: i64::MIN }
    }

    /// When a frame that left at `sent` (never earlier than the one before) is heard. Strictly later than the last.
    pub(crate) fn receive(&mut self, sent: i64) -> i64 {
        if sent >= self.epoch_ends {
            self.delay = self.dice.quantile(&DELAY) * MICROSECOND;
            self.epoch_ends = sent + self.dice.within(5, 25) * MILLISECOND;
        }
        if sent >= self.stalls_at {
            self.stalled_until = sent + self.dice.quantile(&STALL) * MILLISECOND;
            self.stalls_at = self.stalled_until + self.dice.exponential(STALL_EVERY);
        }
        let heard = (sent + self.delay).max(self.stalled_until);
        self.last = heard.max(self.last + 1 + self.dice.within(0, 2 * MICROSECOND));
        self.last
    }

    /// When the last frame was heard.
    pub(crate) fn last(&self) -> i64 {
        self.last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrivals_rise_and_the_median_delay_does_not_depend_on_the_rate() {
        for gap in [40 * MICROSECOND, 15 * MILLISECOND] {
            let start = 1_000 * SECOND;
            let mut network = Network::new(1, 0, start);
            let (mut sent, mut last, mut delays) = (start, 0, Vec::new());
            for _ in 0..100_000 {
                sent += gap;
                let heard = network.receive(sent);
                assert!(heard > last);
                last = heard;
                delays.push((heard - sent) / MILLISECOND);
            }
            delays.sort_unstable();
            assert!((10..=15).contains(&delays[50_000]), "median {} ms at {gap} ns", delays[50_000]);
            assert!(delays[99_999] > 100, "there is a tail");
        }
    }
}
