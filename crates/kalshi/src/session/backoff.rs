//! How long to wait before the next attempt to connect.

use std::time::Duration;

use rand::{Rng, SeedableRng, rngs::SmallRng};

/// Doubling pauses, half of each drawn at random, so that many clients do not come back at once.
#[derive(Debug)]
pub(super) struct Backoff {
    random: SmallRng,
    first: Duration,
    most: Duration,
    attempts: u32,
}

impl Backoff {
    pub(super) fn new(seed: u64, first: Duration, most: Duration) -> Backoff {
        Backoff { random: SmallRng::seed_from_u64(seed), first, most, attempts: 0 }
    }

    /// The next pause.
    pub(super) fn next(&mut self) -> Duration {
        let whole = self.first.saturating_mul(1 << self.attempts.min(20)).min(self.most);
        self.attempts += 1;
        let half = whole / 2;
        half + Duration::from_nanos(self.random.random_range(0..=half.as_nanos().min(u128::from(u64::MAX)) as u64))
    }

    /// A connection held: the next pause is the first again.
    pub(super) fn reset(&mut self) {
        self.attempts = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_up_to_the_most_and_starts_over() {
        let (first, most) = (Duration::from_millis(250), Duration::from_secs(30));
        let mut backoff = Backoff::new(7, first, most);
        let mut whole = first;
        for _ in 0..40 {
            let pause = backoff.next();
            assert!(pause >= whole / 2 && pause <= whole, "{pause:?} of {whole:?}");
            whole = (whole * 2).min(most);
        }
        backoff.reset();
        assert!(backoff.next() <= first);
        let pauses = |seed| {
            let mut backoff = Backoff::new(seed, first, most);
            [backoff.next(), backoff.next(), backoff.next()]
        };
        assert_eq!(pauses(1), pauses(1));
        assert_ne!(pauses(1), pauses(2));
    }
}
