//! How often each market is acted on: the market of rank `r` with a weight of 1 / r, as real activity is spread.

use rand_chacha::{ChaCha8Rng, rand_core::RngCore};

/// Draws ranks by Zipf's law, each in constant time: Walker's alias method, over integers.
#[derive(Clone, Debug)]
pub(super) struct Activity {
    /// By column: below this, of 2^32, the column itself is drawn, else its alias.
    columns: Box<[(u32, u32)]>,
}

impl Activity {
    /// Over so many ranks, at least one.
    pub(super) fn new(ranks: u32) -> Activity {
        let ranks = ranks.max(1);
        let weight = |rank: u32| (1u128 << 64) / u128::from(rank + 1);
        let total: u128 = (0..ranks).map(weight).sum();
        // A column holds 2^32 in all, of which a rank's own share may be more or less.
        let full = 1u128 << 32;
        let mut share: Vec<u128> = (0..ranks).map(|rank| weight(rank) * u128::from(ranks) * full / total).collect();
        let mut columns: Box<[(u32, u32)]> = (0..ranks).map(|rank| (u32::MAX, rank)).collect();
        let mut poor: Vec<u32> = Vec::new();
        let mut rich: Vec<u32> = Vec::new();
        for rank in 0..ranks {
            if share[rank as usize] < full { poor.push(rank) } else { rich.push(rank) }
        }
        while let (Some(&giver), Some(taker)) = (rich.last(), poor.pop()) {
            columns[taker as usize] = (u32::try_from(share[taker as usize]).unwrap_or(u32::MAX), giver);
            share[giver as usize] -= full - share[taker as usize];
            if share[giver as usize] < full {
                rich.pop();
                poor.push(giver);
            }
        }
        Activity { columns }
    }

    /// A rank, 0 being the busiest.
    pub(super) fn draw(&self, random: &mut ChaCha8Rng) -> u32 {
        let drawn = random.next_u64();
        // The upper half chooses the column without bias that matters, the lower one within it.
        let column = (((drawn >> 32) * self.columns.len() as u64) >> 32) as u32;
        let (own, alias) = self.columns[column as usize];
        if (drawn as u32) < own { column } else { alias }
    }
}

#[cfg(test)]
mod tests {
    use rand_chacha::rand_core::SeedableRng;

    use super::*;

    #[test]
    fn ranks_come_as_often_as_their_weights_say() {
        let activity = Activity::new(100);
        let mut random = ChaCha8Rng::seed_from_u64(7);
        let mut seen = [0u32; 100];
        for _ in 0..1_000_000 {
            seen[activity.draw(&mut random) as usize] += 1;
        }
        // H(100) = 5.18738: the first rank has 19.28 %, the tenth 1.928 %, the last 0.193 %.
        for (rank, expected) in [(0, 192_776), (9, 19_278), (99, 1_928)] {
            assert!(seen[rank].abs_diff(expected) < 100 + expected / 20, "rank {rank}: {} of {expected}", seen[rank]);
        }
        let one = Activity::new(1);
        assert_eq!(one.draw(&mut random), 0);
    }
}
