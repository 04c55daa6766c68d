//! What follows from a command, in the order in which it happened.

use std::{iter, sync::Arc};

use daybook_book::{ExchangeTime, Money, Price, Quantity, Side};

use super::{BookSide, GroupId, MarketId, OrderId, Owner, SelfTrade, TradeId};

/// Something that happened. All effects of one command happened at one time, which whoever applied it knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// A level of a public book changed.
    Delta {
        /// Which book.
        market: MarketId,
        /// Which ladder.
        side: Side,
        /// Which level; of NO on the NO ladder.
        price: Price,
        /// By how much; never zero.
        change: Quantity,
        /// The market's clock: higher than every earlier one of this market's.
        clock: u64,
        /// The order behind it.
        order: OrderId,
        /// Its owner.
        owner: Owner,
        /// The owner's own name of it.
        client_order_id: Option<Arc<str>>,
    },
    /// Two orders met. The two fills of it follow.
    Trade(PublicTrade),
    /// One side of a match, for its owner alone.
    Fill(FillReport),
    /// An order as it now is, for its owner alone.
    Order(OrderReport),
    /// A position as it now is, for its owner alone.
    Position(PositionReport),
    /// A subaccount's cash as it now is.
    Cash {
        /// Whose.
        owner: Owner,
        /// All cash, that behind resting orders included; never below zero.
        total: Money,
        /// That behind resting orders.
        reserved: Money,
    },
    /// An order group changed.
    Group {
        /// Whose.
        owner: Owner,
        /// Which.
        group: GroupId,
        /// How.
        change: GroupChange,
        /// Its limit.
        limit: Quantity,
    },
    /// A market's state changed.
    Market {
        /// Which.
        market: MarketId,
        /// To what.
        state: super::MarketState,
    },
    /// A position was paid out.
    Settled(SettlementReport),
}

/// Appends an effect. It is made where it will lie: `push` would have it made elsewhere and copied, since making room can
/// fail while it is already there.
#[inline]
pub(super) fn say(effects: &mut Vec<Effect>, effect: impl FnOnce() -> Effect) {
    effects.extend(iter::once_with(effect));
}

/// A match, as everyone sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicTrade {
    /// The match.
    pub trade: TradeId,
    /// Where.
    pub market: MarketId,
    /// The price of YES: that of the order that rested.
    pub price: Price,
    /// Contracts.
    pub count: Quantity,
    /// Whether the taker bought or sold YES.
    pub taker: BookSide,
}

/// A match, as one of the two sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FillReport {
    /// The match.
    pub trade: TradeId,
    /// Whose.
    pub owner: Owner,
    /// Which order.
    pub order: OrderId,
    /// The owner's own name of it.
    pub client_order_id: Option<Arc<str>>,
    /// Where.
    pub market: MarketId,
    /// Whether it bought or sold YES.
    pub side: BookSide,
    /// The price of YES.
    pub price: Price,
    /// Contracts.
    pub count: Quantity,
    /// Whether this order took.
    pub is_taker: bool,
    /// What the venue charged, rounding included.
    pub fee: Money,
    /// The position after it: positive YES, negative NO.
    pub position: Quantity,
}

/// Where an order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderStatus {
    /// It is in the book.
    Resting,
    /// It is gone with something unfilled.
    Canceled,
    /// It is filled.
    Executed,
}

/// Why an order changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpdateReason {
    /// It was placed.
    Created,
    /// It traded.
    Trade,
    /// Its owner made it smaller.
    Decrease,
    /// Its owner changed it.
    Amend,
    /// Its owner cancelled it, it was immediate-or-cancel, or its group was triggered.
    Cancel,
    /// It met an order of the same user.
    SelfTradeCancel,
    /// Its time had come.
    ExpiryCancel,
    /// The market closed.
    CloseCancel,
    /// Trading paused or resumed.
    HaltCancel,
    /// It would have taken, and was not to.
    PostOnlyCrossCancel,
    /// It would have done more than close the position.
    ReduceOnlyCancel,
    /// There was not enough cash behind it any more.
    MarginCancel,
}

/// An order as it is after a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderReport {
    /// Which.
    pub order: OrderId,
    /// Whose.
    pub owner: Owner,
    /// The owner's own name of it.
    pub client_order_id: Option<Arc<str>>,
    /// Where.
    pub market: MarketId,
    /// Whether it buys or sells YES.
    pub side: BookSide,
    /// Its limit, of YES.
    pub price: Price,
    /// Contracts that it began with, or was amended to.
    pub initial: Quantity,
    /// Contracts filled.
    pub filled: Quantity,
    /// Contracts that rest; zero unless it rests.
    pub remaining: Quantity,
    /// Where it stands.
    pub status: OrderStatus,
    /// Why it is reported.
    pub reason: UpdateReason,
    /// What was spent where it took.
    pub taker_cost: Money,
    /// What was spent where it rested.
    pub maker_cost: Money,
    /// Fees where it took.
    pub taker_fees: Money,
    /// Fees where it rested.
    pub maker_fees: Money,
    /// When it was placed.
    pub created: ExchangeTime,
    /// When it expires.
    pub expires: Option<ExchangeTime>,
    /// What happens where it meets its owner's orders.
    pub self_trade: SelfTrade,
    /// Whether it is cancelled when trading pauses.
    pub cancel_on_pause: bool,
    /// Its group.
    pub group: Option<GroupId>,
}

/// A position as it is after a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PositionReport {
    /// Whose.
    pub owner: Owner,
    /// Where.
    pub market: MarketId,
    /// Contracts: positive YES, negative NO.
    pub position: Quantity,
    /// What the position cost.
    pub cost: Money,
    /// What closing has earned so far.
    pub realized: Money,
    /// Fees paid in this market.
    pub fees: Money,
    /// The part of the fees that opened what the position still holds.
    pub position_fees: Money,
    /// Contracts traded in this market.
    pub volume: Quantity,
    /// What was spent on them: contracts × the price of the side that was bought.
    pub traded: Money,
}

/// What a position paid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SettlementReport {
    /// Whose.
    pub owner: Owner,
    /// Where.
    pub market: MarketId,
    /// Contracts held: positive YES, negative NO.
    pub position: Quantity,
    /// What they had cost.
    pub cost: Money,
    /// What one YES contract was worth.
    pub value: Price,
    /// What was paid.
    pub revenue: Money,
    /// Fees paid in this market.
    pub fees: Money,
}

/// How an order group changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupChange {
    /// It is new.
    Created,
    /// Its limit was reached, or its owner asked for it: its orders are cancelled.
    Triggered,
    /// It works again.
    Reset,
    /// Its limit is another.
    LimitUpdated,
    /// It is gone.
    Deleted,
}
