//! Why a command changed nothing.

use daybook_book::{Money, Price, Quantity};

/// Why a command was refused. Nothing changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Reject {
    /// There is no such market.
    #[error("there is no such market")]
    UnknownMarket,
    /// The market takes no orders, not yet or not any more.
    #[error("the market is not active")]
    MarketInactive,
    /// The market takes cancellations only.
    #[error("trading is paused")]
    TradingPaused,
    /// The price is not on the market's grid.
    #[error("{0} is not a valid price of this market")]
    InvalidPrice(Price),
    /// The size is zero or less, or more than a level can hold.
    #[error("{0} is not a valid number of contracts")]
    InvalidSize(Quantity),
    /// An order that is to be made but cannot be: options that exclude each other.
    #[error("{0}")]
    InvalidOrder(&'static str),
    /// A post-only order would take.
    #[error("post only cross")]
    PostOnlyCross,
    /// A fill-or-kill order cannot be filled.
    #[error("the order cannot be filled in full")]
    NotFillable,
    /// There is no position to reduce.
    #[error("a reduce-only order must close a position")]
    NothingToReduce,
    /// Not enough free cash.
    #[error("{needed} is needed, {available} is available")]
    InsufficientBalance {
        /// What the order could cost.
        needed: Money,
        /// What is free.
        available: Money,
    },
    /// The user has an open order of this name.
    #[error("an order of this client_order_id exists")]
    DuplicateClientOrderId,
    /// There is no such open order of this owner: it never was, is filled or cancelled.
    #[error("there is no such open order")]
    OrderNotFound,
    /// The order is of another market.
    #[error("the order is of another market")]
    TickerMismatch,
    /// The order is on the other side.
    #[error("the order is on the other side")]
    SideMismatch,
    /// There is no such order group of this owner.
    #[error("there is no such order group")]
    GroupNotFound,
    /// The order group was triggered and not reset.
    #[error("the order group is triggered")]
    GroupTriggered,
    /// The market is not in a state in which this can be done.
    #[error("a market that is {0} cannot do this")]
    MarketState(&'static str),
    /// A transfer of more than the engine counts with.
    #[error("{0} is more than one transfer can carry")]
    InvalidAmount(Money),
    /// The command's time is before that of an earlier one.
    #[error("time went back")]
    TimeWentBack,
}
