//! What a market's outcome is worth at heart: a probability that wanders, around which makers quote.

use daybook_book::Price;
use rand_chacha::{ChaCha8Rng, rand_core::RngCore};

/// A probability in ten-thousandths, never certain, and where it began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Latent {
    now: u16,
    home: u16,
}

/// The nearest to certainty that it comes.
const EDGE: i64 = 40;

impl Latent {
    /// So many ten-thousandths, or as near to it as is not certain.
    pub(super) fn new(ten_thousandths: i64) -> Latent {
        let now = Latent::clamped(ten_thousandths);
        Latent { now, home: now }
    }

    fn clamped(ten_thousandths: i64) -> u16 {
        ten_thousandths.clamp(EDGE, 10_000 - EDGE) as u16
    }

    /// In ten-thousandths.
    pub(super) fn ten_thousandths(self) -> u16 {
        self.now
    }

    /// A step up or down: widest at one half and small near the ends, as a probability's must be; `jump` widens it. It is
    /// drawn home a little, or else busy markets would all end near certainty, where nothing happens any more.
    pub(super) fn wander(&mut self, random: &mut ChaCha8Rng, jump: i64) {
        let (p, home) = (i64::from(self.now), i64::from(self.home));
        // At one half 60, near the ends 4.
        let widest = 4 + p * (10_000 - p) * 56 / 25_000_000;
        let step = ((u64::from(random.next_u32()) * (2 * widest as u64 + 1)) >> 32) as i64 - widest;
        let homewards =
            (home - p).signum() * i64::from(random.next_u32() % 1_024 < (home - p).unsigned_abs() as u32 / 8);
        self.now = Latent::clamped(p + step * jump + homewards);
    }

    /// The probabilities that an event's markets begin with. Of exclusive outcomes they sum to about one; thresholds are
    /// the less likely the higher they are.
    pub(super) fn of_event(markets: u32, exclusive: bool, random: &mut ChaCha8Rng) -> Vec<Latent> {
        let mut draw = |most: u64| ((u64::from(random.next_u32()) * most) >> 32) as i64;
        if markets == 1 {
            return vec![Latent::new(2_000 + draw(6_000))];
        }
        if exclusive {
            let weights: Vec<i64> = (0..markets).map(|_| 1 + draw(1_000).pow(2)).collect();
            let total: i64 = weights.iter().sum();
            weights.into_iter().map(|weight| Latent::new(weight * 10_000 / total)).collect()
        } else {
            let mut thresholds: Vec<i64> = (0..markets).map(|_| draw(10_000)).collect();
            thresholds.sort_unstable_by(|a, b| b.cmp(a));
            thresholds.into_iter().map(Latent::new).collect()
        }
    }

    /// Which of an event's markets end as YES.
    pub(super) fn outcomes(latents: &[Latent], exclusive: bool, random: &mut ChaCha8Rng) -> Vec<Price> {
        let mut draw = |most: u64| ((u64::from(random.next_u32()) * most) >> 32) as i64;
        let happens = |yes| if yes { Price::ONE } else { Price::ZERO };
        if exclusive && latents.len() > 1 {
            let total: i64 = latents.iter().map(|latent| i64::from(latent.now)).sum();
            let mut drawn = draw(total as u64);
            let mut found = false;
            let each = latents.iter().map(|latent| {
                drawn -= i64::from(latent.now);
                let yes = drawn < 0 && !found;
                found |= yes;
                happens(yes)
            });
            return each.collect();
        }
        // One draw for all of them: whoever is above it has happened, so thresholds agree.
        let drawn = draw(10_000);
        latents.iter().map(|latent| happens(i64::from(latent.now) > drawn)).collect()
    }
}

#[cfg(test)]
mod tests {
    use rand_chacha::rand_core::SeedableRng;

    use super::*;

    #[test]
    fn outcomes_agree_with_each_other() {
        let mut random = ChaCha8Rng::seed_from_u64(3);
        for _ in 0..500 {
            let exclusive = Latent::of_event(6, true, &mut random);
            let outcomes = Latent::outcomes(&exclusive, true, &mut random);
            assert_eq!(outcomes.iter().filter(|&&value| value == Price::ONE).count(), 1);
            let thresholds = Latent::of_event(40, false, &mut random);
            assert!(thresholds.is_sorted_by(|a, b| a.now >= b.now));
            let outcomes = Latent::outcomes(&thresholds, false, &mut random);
            assert!(outcomes.is_sorted_by(|a, b| a >= b), "a higher threshold was met and a lower one was not");
        }
    }

    #[test]
    fn wandering_goes_everywhere_and_never_is_certain() {
        let mut random = ChaCha8Rng::seed_from_u64(4);
        let mut latent = Latent::new(5_000);
        let (mut low, mut high) = (u16::MAX, 0);
        for _ in 0..1_000_000 {
            latent.wander(&mut random, 1);
            low = low.min(latent.now);
            high = high.max(latent.now);
        }
        assert!((40..2_500).contains(&low) && (7_500..=9_960).contains(&high), "{low} to {high}");
    }
}
