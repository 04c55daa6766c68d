//! One market: its rules, its state, its two ladders.

use super::{FeeRule, PriceGrid};

/// Where a market stands, in the venue's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MarketState {
    /// Known, not open yet.
    Initialized,
    /// Trading.
    Active,
    /// Trading is paused: cancellations only.
    Inactive,
    /// Trading is over.
    Closed,
    /// The result is known.
    Determined,
    /// The result is disputed.
    Disputed,
    /// The result was changed.
    Amended,
    /// Every position is paid out.
    Finalized,
}

impl MarketState {
    /// The venue's word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            MarketState::Initialized => "initialized",
            MarketState::Active => "active",
            MarketState::Inactive => "inactive",
            MarketState::Closed => "closed",
            MarketState::Determined => "determined",
            MarketState::Disputed => "disputed",
            MarketState::Amended => "amended",
            MarketState::Finalized => "finalized",
        }
    }
}

/// What a market is added with. It begins as [`MarketState::Initialized`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarketRules {
    /// Its valid prices.
    pub grid: PriceGrid,
    /// Its fees.
    pub fees: FeeRule,
}
