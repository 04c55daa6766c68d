//! How much the venue allows: budgets by tier.

use std::str::FromStr;

/// A bucket of tokens: continuously refilled, up to its capacity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BucketLimit {
    /// Tokens that are added per second.
    pub refill_rate: u64,
    /// The most tokens that the bucket holds.
    pub capacity: u64,
}

/// The budgets of an account, as `GetAccountApiLimits` tells them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Paid for reads.
    pub read: BucketLimit,
    /// Paid for writes. Every shard of the exchange has a bucket of this size.
    pub write: BucketLimit,
    /// Paid for the account's balance; counted in calls.
    pub balance: BucketLimit,
}

/// The venue's usage tiers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tier {
    /// What everybody has.
    Basic,
    /// Granted on request to who trades through the API.
    Advanced,
    /// The first that is granted for a share of the exchange's volume.
    Expert,
    /// Between Expert and Paragon.
    Premier,
    /// Between Premier and Prime.
    Paragon,
    /// Between Paragon and Prestige.
    Prime,
    /// The highest.
    Prestige,
}

impl Tier {
    /// All tiers, the lowest first.
    pub const ALL: [Tier; 7] =
        [Tier::Basic, Tier::Advanced, Tier::Expert, Tier::Premier, Tier::Paragon, Tier::Prime, Tier::Prestige];

    /// As the venue writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Tier::Basic => "basic",
            Tier::Advanced => "advanced",
            Tier::Expert => "expert",
            Tier::Premier => "premier",
            Tier::Paragon => "paragon",
            Tier::Prime => "prime",
            Tier::Prestige => "prestige",
        }
    }

    /// The tier's budgets as published in October 2026. The account's own are learned from the venue.
    pub const fn limits(self) -> Limits {
        let (read, write) = match self {
            Tier::Basic => (200, 100),
            Tier::Advanced => (300, 300),
            Tier::Expert => (600, 600),
            Tier::Premier => (1_200, 1_200),
            Tier::Paragon => (2_400, 2_400),
            Tier::Prime => (4_800, 4_800),
            Tier::Prestige => (12_000, 9_600),
        };
        let (read_seconds, write_seconds) = match self {
            Tier::Basic => (3, 1),
            Tier::Advanced => (3, 3),
            _ => (1, 3),
        };
        Limits {
            read: BucketLimit { refill_rate: read, capacity: read * read_seconds },
            write: BucketLimit { refill_rate: write, capacity: write * write_seconds },
            balance: self.balance(),
        }
    }

    /// The budget for the account's balance, which the venue's answer leaves out. One call at a time even where the
    /// venue allows five per second, since it is not said whether all five may come at once.
    pub const fn balance(self) -> BucketLimit {
        let refill_rate = match self {
            Tier::Basic | Tier::Advanced => 1,
            _ => 5,
        };
        BucketLimit { refill_rate, capacity: 1 }
    }
}

/// The venue's name of the tier, in any case.
impl FromStr for Tier {
    type Err = UnknownTier;

    fn from_str(text: &str) -> Result<Tier, UnknownTier> {
        Tier::ALL
            .into_iter()
            .find(|tier| tier.as_str().eq_ignore_ascii_case(text))
            .ok_or_else(|| UnknownTier { text: text.to_owned() })
    }
}

/// A text that names no tier that we know.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no usage tier; known are basic, advanced, expert, premier, paragon, prime and prestige")]
pub struct UnknownTier {
    /// The text.
    pub text: String,
}
