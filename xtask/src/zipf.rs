//! Who is busy: ranks drawn with probability proportional to 1 / rank, as activity spreads over real markets.

use crate::dice::Dice;

/// Weight of the first rank: large enough that the last of a million ranks still has one.
const FIRST: u64 = 1 << 40;

/// A Zipf distribution with exponent 1 over a fixed number of ranks.
pub(crate) struct Zipf {
    cumulative: Vec<u64>,
}

impl Zipf {
    /// A distribution over `ranks` ranks; there is at least one.
    pub(crate) fn new(ranks: usize) -> Zipf {
        assert!(ranks > 0, "a distribution over nothing");
        let mut total = 0;
        let cumulative = (1..=ranks as u64)
            .map(|rank| {
                total += FIRST / rank;
                total
            })
            .collect();
        Zipf { cumulative }
    }

    /// A rank, counted from 0. Costs a binary search.
    pub(crate) fn draw(&self, dice: &mut Dice) -> usize {
        let total = self.cumulative[self.cumulative.len() - 1];
        let at = dice.within(0, total as i64) as u64;
        self.cumulative.partition_point(|&upto| upto <= at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dice::Stream;

    #[test]
    fn the_second_rank_is_half_as_busy_as_the_first() {
        let (zipf, mut dice) = (Zipf::new(1_000), Dice::new(3, Stream::Flow, 0));
        let mut counts = vec![0u32; 1_000];
        for _ in 0..200_000 {
            counts[zipf.draw(&mut dice)] += 1;
        }
        let ratio = counts[0] * 100 / counts[1];
        assert!((190..210).contains(&ratio), "{ratio} %");
        let ratio = counts[0] * 10 / counts[9];
        assert!((90..110).contains(&ratio), "{ratio} / 10");
    }

    #[test]
    fn one_rank_is_always_drawn() {
        let mut dice = Dice::new(3, Stream::Flow, 0);
        assert!((0..100).all(|_| Zipf::new(1).draw(&mut dice) == 0));
    }
}
