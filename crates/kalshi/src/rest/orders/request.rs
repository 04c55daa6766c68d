//! What is sent to create, change and cancel orders.

use daybook_book::{Price, Quantity, Ticker};

use crate::rest::{
    markets::BookSide,
    orders::order::SelfTradePrevention,
    value::{ClientOrderId, ExchangeIndex, OrderGroupId, OrderId, Subaccount, UnixSeconds, body, open_enum, query},
};

body! {
    /// An order to place. Prices and sides are those of YES: selling YES at p is buying NO at 1 − p. Schema
    /// `CreateOrderV2Request`.
    pub struct CreateOrder {
        /// The market.
        pub ticker: Ticker,
        /// Whether it buys or sells YES.
        pub side: BookSide,
        /// Contracts.
        pub count: Quantity,
        /// The limit, on the market's grid.
        pub price: Price,
        /// How long it lives.
        pub time_in_force: TimeInForce,
        /// What happens when it meets an order of the same user.
        pub self_trade_prevention_type: SelfTradePrevention,
    }
    optional {
        /// The caller's own identifier. The venue refuses a second order with it.
        pub client_order_id: Option<ClientOrderId>,
        /// When it expires; good-till-canceled only.
        pub expiration_time: Option<UnixSeconds>,
        /// Refuse it rather than let it take from the book.
        pub post_only: Option<bool>,
        /// Cancel it when trading pauses.
        pub cancel_order_on_pause: Option<bool>,
        /// Let it close no more than the position; immediate-or-cancel only.
        pub reduce_only: Option<bool>,
        /// The subaccount; the primary one without.
        pub subaccount: Option<Subaccount>,
        /// The group that it is to belong to.
        pub order_group_id: Option<OrderGroupId>,
        /// The market's shard. Without it, or with [`ExchangeIndex::AUTO`], the venue looks for it, which is slower and
        /// charged to every shard.
        pub exchange_index: Option<ExchangeIndex>,
    }
}

open_enum! {
    /// How long an order lives.
    pub enum TimeInForce {
        /// It trades in full at once, or not at all.
        FillOrKill = "fill_or_kill",
        /// It rests until it is filled, cancelled or expired.
        GoodTillCanceled = "good_till_canceled",
        /// It trades what it can at once, and the rest is cancelled.
        ImmediateOrCancel = "immediate_or_cancel",
    }
}

body! {
    /// Orders to place in one call. Schema `BatchCreateOrdersV2Request`.
    pub struct CreateOrders {
        /// The orders.
        pub orders: Vec<CreateOrder>,
    }
}

body! {
    /// What an order is to become. Schema `AmendOrderV2Request`.
    pub struct AmendOrder {
        /// The market.
        pub ticker: Ticker,
        /// The order's side.
        pub side: BookSide,
        /// The new limit.
        pub price: Price,
        /// The new size: contracts filled already plus those that are to rest.
        pub count: Quantity,
    }
    optional {
        /// The caller's own identifier of the order as it is.
        pub client_order_id: Option<ClientOrderId>,
        /// The caller's own identifier from now on.
        pub updated_client_order_id: Option<ClientOrderId>,
        /// When it expires: as before without, never with 0.
        pub expiration_time: Option<UnixSeconds>,
        /// The market's shard; see [`CreateOrder::exchange_index`].
        pub exchange_index: Option<ExchangeIndex>,
    }
}

body! {
    /// By how much an order is to shrink: exactly one of `reduce_by` and `reduce_to`. Schema `DecreaseOrderV2Request`.
    pub struct DecreaseOrder {}
    optional {
        /// By so many contracts.
        pub reduce_by: Option<Quantity>,
        /// To so many contracts.
        pub reduce_to: Option<Quantity>,
        /// The market's shard. Without it the venue looks for `market_ticker`, or takes shard 0.
        pub exchange_index: Option<ExchangeIndex>,
        /// The market, for the venue to find the shard.
        pub market_ticker: Option<Ticker>,
    }
}

body! {
    /// Orders to cancel in one call. Schema `BatchCancelOrdersV2Request`.
    pub struct CancelOrders {
        /// The orders.
        pub orders: Vec<CancelOrder>,
    }
}

body! {
    /// One of several orders to cancel. Schema `BatchCancelOrdersV2Request`, an item of `orders`.
    pub struct CancelOrder {
        /// The order.
        pub order_id: OrderId,
    }
    optional {
        /// Its subaccount; the primary one without.
        pub subaccount: Option<Subaccount>,
        /// Its market's shard. Without it the venue looks for `market_ticker`, or takes shard 0.
        pub exchange_index: Option<ExchangeIndex>,
        /// The market, for the venue to find the shard.
        pub market_ticker: Option<Ticker>,
    }
}

query! {
    /// Where an order to cancel is. Query of operation `CancelOrderV2`.
    pub struct CancelOrderQuery {}
    optional {
        /// Its subaccount; the primary one without.
        pub subaccount: Option<Subaccount>,
        /// Its market's shard. Without it the venue looks for `market_ticker`, or takes shard 0.
        pub exchange_index: Option<ExchangeIndex>,
        /// The market, for the venue to find the shard.
        pub market_ticker: Option<Ticker>,
    }
}

query! {
    /// Whose orders to cancel. Query of operation `CancelAllOrders`.
    pub struct CancelAllOrdersQuery {}
    optional {
        /// Of this subaccount; of ALL subaccounts without.
        pub subaccount: Option<Subaccount>,
    }
}

query! {
    /// Where an order to change is. Query of operation `AmendOrderV2`.
    pub struct AmendOrderQuery {}
    optional {
        /// Its subaccount; the primary one without.
        pub subaccount: Option<Subaccount>,
    }
}

query! {
    /// Where an order to shrink is. Query of operation `DecreaseOrderV2`.
    pub struct DecreaseOrderQuery {}
    optional {
        /// Its subaccount; the primary one without.
        pub subaccount: Option<Subaccount>,
    }
}
