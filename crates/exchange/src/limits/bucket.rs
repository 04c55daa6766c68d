//! One token bucket.

use daybook_book::ExchangeTime;

use super::BucketLimit;

/// Parts of a token: with as many as there are microseconds in a second, a refill is a whole number of them.
const PARTS: u64 = 1_000_000;

/// Tokens that refill continuously up to a capacity.
#[derive(Clone, Copy, Debug)]
pub struct Bucket {
    limit: BucketLimit,
    /// In parts of a token.
    level: u64,
    /// When `level` held.
    at: ExchangeTime,
}

impl Bucket {
    /// A full bucket.
    pub fn full(limit: BucketLimit, now: ExchangeTime) -> Bucket {
        Bucket { limit, level: limit.capacity.saturating_mul(PARTS), at: now }
    }

    /// Whether so many tokens are there.
    pub fn holds(&mut self, tokens: u64, now: ExchangeTime) -> bool {
        self.refill(now);
        tokens.saturating_mul(PARTS) <= self.level
    }

    /// Takes so many tokens if they are there; if not, takes none.
    #[must_use]
    pub fn take(&mut self, tokens: u64, now: ExchangeTime) -> bool {
        let fits = self.holds(tokens, now);
        if fits {
            self.level -= tokens.saturating_mul(PARTS);
        }
        fits
    }

    /// A clock that goes back refills nothing.
    fn refill(&mut self, now: ExchangeTime) {
        let elapsed = now.micros().saturating_sub(self.at.micros());
        if let Ok(elapsed) = u64::try_from(elapsed) {
            let refill = elapsed.saturating_mul(self.limit.refill_rate);
            self.level = self.level.saturating_add(refill).min(self.limit.capacity.saturating_mul(PARTS));
            self.at = now;
        }
    }
}
