//! What can be asked of the engine.

use std::sync::Arc;

use daybook_book::{ExchangeTime, Money, Price, Quantity};

use super::{AccountId, GroupId, MarketId, OrderId, Owner};

/// Something to do, at a time that the caller says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Put cash into a subaccount, or take it out: no more than is free.
    Transfer {
        /// Whose.
        owner: Owner,
        /// Positive into it, negative out of it.
        amount: Money,
    },
    /// Place an order.
    Create(CreateOrder),
    /// Change an order's price, size or expiry. Smaller, or only another expiry, keeps its place in the queue; anything
    /// else goes to the back, and may trade at once.
    Amend {
        /// Whose.
        owner: Owner,
        /// Which.
        order: OrderId,
        /// What the caller believes that it is for; a mismatch is refused.
        market: MarketId,
        /// What the caller believes its side to be; a mismatch is refused.
        side: BookSide,
        /// The new limit, of YES.
        price: Price,
        /// The new size: what is filled already and what is to rest.
        count: Quantity,
        /// The new expiry: as before (`None`), never (`Some(None)`), or then.
        expires: Option<Option<ExchangeTime>>,
        /// The caller's own name of the order from now on, if another.
        client_order_id: Option<Arc<str>>,
    },
    /// Let an order shrink to so many resting contracts; zero cancels it.
    Decrease {
        /// Whose.
        owner: Owner,
        /// Which.
        order: OrderId,
        /// By how many, or to how many.
        to: DecreaseTo,
    },
    /// Cancel an order.
    Cancel {
        /// Whose.
        owner: Owner,
        /// Which.
        order: OrderId,
    },
    /// Cancel all orders of a user: of one subaccount, or of all.
    CancelAll {
        /// Whose.
        account: AccountId,
        /// Only this subaccount's.
        subaccount: Option<u8>,
    },
    /// Something about an order group.
    Group {
        /// Whose.
        owner: Owner,
        /// Which: as [`Effect::Group`](super::Effect::Group) named it when it was created; not looked at then.
        group: GroupId,
        /// What.
        action: GroupAction,
    },
    /// Something about a market.
    Market {
        /// Which.
        market: MarketId,
        /// What.
        action: MarketAction,
    },
    /// Nothing but that time has come this far: orders expire.
    Advance,
}

/// An order to place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreateOrder {
    /// Whose.
    pub owner: Owner,
    /// Which market.
    pub market: MarketId,
    /// Whether it buys or sells YES. Selling YES at p is buying NO at 1 − p.
    pub side: BookSide,
    /// Its limit, of YES, on the market's grid.
    pub price: Price,
    /// Contracts.
    pub count: Quantity,
    /// How long it lives.
    pub time_in_force: TimeInForce,
    /// What happens where it meets an order of the same user.
    pub self_trade: SelfTrade,
    /// Refuse it rather than let it take.
    pub post_only: bool,
    /// Let it close no more than the position; immediate-or-cancel only.
    pub reduce_only: bool,
    /// Cancel it when trading pauses.
    pub cancel_on_pause: bool,
    /// The group that it belongs to.
    pub group: Option<GroupId>,
    /// The caller's own name of it; a user's second open order of one name is refused.
    pub client_order_id: Option<Arc<str>>,
}

impl CreateOrder {
    /// A limit order that rests until it is cancelled, does not trade with its owner's others, and has no name.
    pub fn limit(owner: Owner, market: MarketId, side: BookSide, price: Price, count: Quantity) -> CreateOrder {
        CreateOrder {
            owner,
            market,
            side,
            price,
            count,
            time_in_force: TimeInForce::GoodTillCanceled { expires: None },
            self_trade: SelfTrade::TakerAtCross,
            post_only: false,
            reduce_only: false,
            cancel_on_pause: false,
            group: None,
            client_order_id: None,
        }
    }
}

/// The side of the YES book.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum BookSide {
    /// Buys YES.
    Bid,
    /// Sells YES, which is buying NO.
    Ask,
}

/// How long an order lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeInForce {
    /// It rests until it is filled, cancelled, or expired at this time if there is one.
    GoodTillCanceled {
        /// When it expires.
        expires: Option<ExchangeTime>,
    },
    /// What does not trade at once is cancelled.
    ImmediateOrCancel,
    /// It trades in full at once, or not at all.
    FillOrKill,
}

/// What happens where an order meets one of the same user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SelfTrade {
    /// The taker is cancelled there; what it traded before stands.
    TakerAtCross,
    /// The resting order is cancelled and matching goes on.
    Maker,
}

/// How far an order is to shrink.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecreaseTo {
    /// By so many contracts.
    By(Quantity),
    /// To so many contracts that rest.
    Remaining(Quantity),
}

/// What can be done with an order group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupAction {
    /// Make one: so many contracts may fill within any 15 seconds.
    Create {
        /// How many.
        limit: Quantity,
    },
    /// Let it work again after it was triggered.
    Reset,
    /// Cancel its orders and refuse further ones until it is reset.
    Trigger,
    /// Another limit; triggers the group if more has been filled.
    Limit {
        /// How many.
        limit: Quantity,
    },
    /// Cancel its orders and forget it.
    Delete,
}

/// What can happen to a market.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MarketAction {
    /// Orders are taken from now on.
    Open,
    /// No orders are taken; those that rest stay, but for those that asked to be cancelled then.
    Pause,
    /// Orders are taken again; those that rest are cancelled first, as the venue does.
    Resume,
    /// Trading is over; what rests is cancelled.
    Close,
    /// The result is doubted; nothing settles before it is determined again.
    Dispute,
    /// The result is known: what one YES contract is worth, $0 to $1.
    Determine {
        /// Of one YES contract.
        value: Price,
    },
    /// Every position is paid out by the result.
    Settle,
    /// Another grid of valid prices; orders that rest stay.
    PriceGrid(super::PriceGrid),
    /// Another fee rule, from now on.
    Fees(super::FeeRule),
}
