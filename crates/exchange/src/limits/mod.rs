//! What an account may ask, and how often: token buckets, as the venue keeps them.
//!
//! Each account has a bucket for reads, one for its balance, and one of full size for writes on every shard. A bucket
//! refills continuously; what does not fit is refused and costs nothing.

mod bucket;

pub use bucket::Bucket;
use daybook_book::ExchangeTime;
use daybook_kalshi::{BucketLimit, Limits, Tier};

/// Which buckets a request is paid from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Charge {
    /// Reads, and what is not a write in the venue's sense.
    Read,
    /// The balance, which has a bucket of its own.
    Balance,
    /// A write on one shard; shard 0 also for what belongs to none.
    Write(u8),
    /// A write for which the exchange has to find the shard: every shard's bucket pays.
    WriteEverywhere,
}

/// The buckets of one account.
#[derive(Clone, Debug)]
pub struct Account {
    tier: Tier,
    limits: Limits,
    read: Bucket,
    balance: Bucket,
    /// By shard.
    write: Vec<Bucket>,
}

impl Account {
    /// Full buckets of a tier's sizes.
    pub fn new(tier: Tier, shards: usize, now: ExchangeTime) -> Account {
        let limits = tier.limits();
        Account {
            tier,
            limits,
            read: Bucket::full(limits.read, now),
            balance: Bucket::full(limits.balance, now),
            write: vec![Bucket::full(limits.write, now); shards.max(1)],
        }
    }

    /// Its tier.
    pub fn tier(&self) -> Tier {
        self.tier
    }

    /// The sizes of its buckets.
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// Moves the account to another tier. Its buckets are full then.
    pub fn set_tier(&mut self, tier: Tier, now: ExchangeTime) {
        *self = Account::new(tier, self.write.len(), now);
    }

    /// Gives the account buckets of other sizes than its tier's, full.
    pub fn set_limits(&mut self, limits: Limits, now: ExchangeTime) {
        self.limits = limits;
        self.read = Bucket::full(limits.read, now);
        self.balance = Bucket::full(limits.balance, now);
        self.write.fill(Bucket::full(limits.write, now));
    }

    /// Takes the tokens if they are there; if not, takes none. The balance's bucket counts calls, whatever they cost.
    #[must_use]
    pub fn take(&mut self, charge: Charge, tokens: u64, now: ExchangeTime) -> bool {
        match charge {
            Charge::Read => self.read.take(tokens, now),
            Charge::Balance => self.balance.take(1, now),
            Charge::Write(shard) => match self.write.get_mut(usize::from(shard)) {
                Some(bucket) => bucket.take(tokens, now),
                // A shard that does not exist is refused for that, not for its price.
                None => true,
            },
            Charge::WriteEverywhere => {
                let fits = self.write.iter_mut().all(|bucket| bucket.holds(tokens, now));
                fits && self.write.iter_mut().all(|bucket| bucket.take(tokens, now))
            }
        }
    }
}

#[cfg(test)]
mod tests;
