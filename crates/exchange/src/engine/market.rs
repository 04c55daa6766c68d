//! One market: its rules, its state, its two ladders.

use daybook_book::{Price, Side};

use super::{FeeRule, PriceGrid, Reject, ladder::Ladder, slab::List};

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

/// A market. A million of them, mostly without orders, are to fit in memory.
#[derive(Debug)]
pub(crate) struct Market {
    pub(crate) ladders: [Ladder; 2],
    /// Raised by one with every change of a level.
    pub(crate) clock: u64,
    /// YES contracts held, in hundredths: as many as NO contracts.
    pub(crate) open_interest: i64,
    /// Everybody's holdings.
    pub(crate) holdings: List,
    pub(crate) fees: FeeRule,
    /// Index of its grid.
    pub(crate) grid: u32,
    pub(crate) state: MarketState,
    /// What one YES contract is worth, once that is determined.
    pub(crate) value: Price,
}

impl Market {
    pub(crate) fn new(grid: u32, fees: FeeRule) -> Market {
        Market {
            ladders: Default::default(),
            clock: 0,
            open_interest: 0,
            holdings: List::default(),
            fees,
            grid,
            state: MarketState::Initialized,
            value: Price::ZERO,
        }
    }

    pub(crate) fn ladder(&self, side: Side) -> &Ladder {
        &self.ladders[side as usize]
    }

    pub(crate) fn ladder_mut(&mut self, side: Side) -> &mut Ladder {
        &mut self.ladders[side as usize]
    }

    /// Whether a bid would trade at once: together with the other side's best it reaches $1.
    pub(crate) fn crosses(&self, side: Side, price: Price) -> bool {
        self.ladder(side.opposite()).best().is_some_and(|best| meets(price, best.price))
    }

    /// Whether orders can be placed and changed.
    pub(crate) fn takes_orders(&self) -> Result<(), Reject> {
        match self.state {
            MarketState::Active => Ok(()),
            MarketState::Inactive => Err(Reject::TradingPaused),
            _ => Err(Reject::MarketInactive),
        }
    }
}

/// Whether a YES bid and a NO bid trade with each other.
pub(crate) fn meets(price: Price, opposite: Price) -> bool {
    price >= opposite.complement()
}
