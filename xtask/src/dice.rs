//! Seeded randomness in integers only, so that the same arguments give the same bytes on every 64-bit machine.
//!
//! Distributions are drawn here from raw bits, not by `rand`'s samplers: those may change between its releases,
//! and the committed sample capture must not change with them.

use rand::rngs::SmallRng;
use rand::{RngCore, SeedableRng};

/// Independent streams of randomness: switching one feature on does not shift the numbers of another.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stream {
    /// Tickers, identifiers and opening books.
    World = 1,
    /// Who acts when, and how.
    Flow = 2,
    /// Identifiers of trades, order of frames, and holes in `seq`.
    Venue = 3,
    /// Points at which the truth is asked for.
    Truth = 4,
    /// Delays of the network; a connection's number is added.
    Network = 5,
}

/// A seeded source of numbers.
pub(crate) struct Dice(SmallRng);

impl Dice {
    /// The numbers of one `stream` under one `seed`; `lane` tells apart several users of a stream.
    pub(crate) fn new(seed: u64, stream: Stream, lane: u64) -> Dice {
        let salt = (stream as u64 + (lane << 8)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        Dice(SmallRng::seed_from_u64(seed ^ salt))
    }

    /// Uniform in `0..bound`.
    pub(crate) fn below(&mut self, bound: u32) -> u32 {
        ((u64::from(self.0.next_u32()) * u64::from(bound)) >> 32) as u32
    }

    /// Uniform in `low..high`; `low` if the range is empty.
    pub(crate) fn within(&mut self, low: i64, high: i64) -> i64 {
        let width = u128::from(high.saturating_sub(low).max(0).unsigned_abs());
        low + ((u128::from(self.0.next_u64()) * width) >> 64) as i64
    }

    /// True in `per_ten_thousand` of ten thousand cases.
    pub(crate) fn chance(&mut self, per_ten_thousand: u32) -> bool {
        self.below(10_000) < per_ten_thousand
    }

    /// Roughly exponential with the given mean: a geometric exponent and a uniform mantissa.
    pub(crate) fn exponential(&mut self, mean: i64) -> i64 {
        let bits = self.0.next_u64();
        // The exponent has mean 1 and the mantissa 1/2, so the drawn number has mean 3/2.
        let drawn = (i128::from((bits | 1 << 16).leading_zeros()) << 16) + i128::from(bits & 0xffff);
        (i128::from(mean) * drawn / (3 << 15)) as i64
    }

    /// One of `choices`, all equally likely.
    pub(crate) fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.below(choices.len() as u32) as usize]
    }

    /// A number from a distribution given as `(share of ten thousand, value)` points, linear between them.
    pub(crate) fn quantile(&mut self, points: &[(u32, i64)]) -> i64 {
        let share = self.below(10_000);
        let above = points.partition_point(|&(at, _)| at <= share).clamp(1, points.len() - 1);
        let ((from, low), (to, high)) = (points[above - 1], points[above]);
        low + (high - low) * i64::from(share - from) / i64::from(to - from)
    }

    /// Appends a random identifier in the text form of a UUID.
    pub(crate) fn write_uuid(&mut self, out: &mut Vec<u8>) {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        let mut bits = (u128::from(self.0.next_u64()) << 64) | u128::from(self.0.next_u64());
        for digit in 0..32 {
            if matches!(digit, 8 | 12 | 16 | 20) {
                out.push(b'-');
            }
            out.push(HEX[(bits >> 124) as usize]);
            bits <<= 4;
        }
    }

    /// A random identifier in the text form of a UUID.
    pub(crate) fn uuid(&mut self) -> String {
        let mut text = Vec::with_capacity(36);
        self.write_uuid(&mut text);
        text.into_iter().map(char::from).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_fixes_the_numbers_and_streams_differ() {
        let draw = |stream, lane| {
            let mut dice = Dice::new(7, stream, lane);
            [dice.below(1_000_000), dice.below(1_000_000), dice.below(1_000_000)]
        };
        assert_eq!(draw(Stream::Flow, 0), draw(Stream::Flow, 0));
        assert_ne!(draw(Stream::Flow, 0), draw(Stream::Truth, 0));
        assert_ne!(draw(Stream::Network, 0), draw(Stream::Network, 1));
    }

    #[test]
    fn distributions_have_the_shape_they_claim() {
        let mut dice = Dice::new(1, Stream::Flow, 0);
        let total: i64 = (0..100_000).map(|_| dice.exponential(1_000)).sum();
        assert!((970..1_030).contains(&(total / 100_000)), "mean {}", total / 100_000);
        let points = [(0, 10), (5_000, 20), (10_000, 100)];
        let mut drawn: Vec<i64> = (0..10_001).map(|_| dice.quantile(&points)).collect();
        drawn.sort_unstable();
        assert!((19..=21).contains(&drawn[5_000]), "median {}", drawn[5_000]);
        assert!(drawn[0] >= 10 && drawn[10_000] < 100);
        assert!((0..10_000).all(|_| (5..8).contains(&dice.within(5, 8))));
    }

    #[test]
    fn a_uuid_has_five_groups() {
        let text = Dice::new(1, Stream::World, 0).uuid();
        assert_eq!(text.split('-').map(str::len).collect::<Vec<_>>(), [8, 4, 4, 4, 12]);
    }
}
