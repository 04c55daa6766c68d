//! What a command came to, for whoever gave it.

use daybook_book::{Money, Quantity};

use super::{GroupId, OrderId};

/// What a command came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Receipt {
    /// It was done, and there is no more to say.
    Done,
    /// An order was placed or changed.
    Order(OrderReceipt),
    /// So many orders were cancelled.
    Canceled(u64),
    /// An order group was made or changed.
    Group(GroupId),
}

/// What placing or changing an order came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderReceipt {
    /// Which order.
    pub order: OrderId,
    /// Contracts that traded at once, by this command alone.
    pub filled: Quantity,
    /// Contracts that rest now: zero where the rest was cancelled.
    pub remaining: Quantity,
    /// By how many fewer contracts rest than did before it, or were asked for, without having traded.
    pub canceled: Quantity,
    /// The sum of YES price × contracts over these trades: divided by `filled`, the average price.
    pub value: Money,
    /// The fees of these trades.
    pub fees: Money,
}

impl Receipt {
    /// The order's, where the command was about one.
    pub const fn order(&self) -> Option<&OrderReceipt> {
        match self {
            Receipt::Order(receipt) => Some(receipt),
            _ => None,
        }
    }
}
