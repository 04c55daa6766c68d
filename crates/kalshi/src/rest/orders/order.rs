//! Orders as they are read.

use daybook_book::{Money, Price, Quantity, Ticker};

use crate::rest::{
    markets::{BookSide, OutcomeSide},
    value::{
        ClientOrderId, Cursor, EventTicker, ExchangeIndex, OrderGroupId, OrderId, Subaccount, Timestamp, UnixSeconds,
        UserId, open_enum, query, record,
    },
};

record! {
    /// A page of orders. Schema `GetOrdersResponse`.
    pub struct OrdersPage {
        /// The orders.
        pub orders: Vec<Order>,
        /// Where the next page begins; none on the last.
        pub cursor: Option<Cursor>,
    }
}

record! {
    /// The envelope of an [`Order`]. Schema `GetOrderResponse`.
    pub struct OrderAnswer {
        /// The order.
        pub order: Order,
    }
}

record! {
    /// An order. Schema `Order`.
    pub struct Order {
        /// The venue's identifier.
        pub order_id: OrderId,
        /// Whose it is.
        pub user_id: UserId,
        /// The caller's own identifier, if one was given.
        pub client_order_id: Option<ClientOrderId> = "",
        /// The market.
        pub ticker: Ticker,
        /// Deprecated by the venue in favour of `outcome_side`.
        pub side: Option<OutcomeSide>,
        /// Deprecated by the venue in favour of `book_side`.
        pub action: Option<OrderAction>,
        /// Which outcome it is for. Says nothing about whose price is meant.
        pub outcome_side: OutcomeSide,
        /// The same as the side of the YES book.
        pub book_side: BookSide,
        /// What kind of order. New ones are all limit orders.
        pub kind as "type": OrderKind,
        /// Whether it rests, is cancelled or is executed.
        pub status: OrderStatus,
        /// Its price of YES.
        pub yes_price_dollars: Price,
        /// Its price of NO: one dollar less that of YES.
        pub no_price_dollars: Price,
        /// Contracts filled.
        pub fill_count_fp: Quantity,
        /// Contracts that rest.
        pub remaining_count_fp: Quantity,
        /// Contracts that it began with.
        pub initial_count_fp: Quantity,
        /// What was spent where it took from the book.
        pub taker_fill_cost_dollars: Money,
        /// What was spent where it rested.
        pub maker_fill_cost_dollars: Money,
        /// Fees where it took from the book.
        pub taker_fees_dollars: Money,
        /// Fees where it rested.
        pub maker_fees_dollars: Money,
        /// When it expires.
        pub expiration_time: Option<Timestamp>,
        /// When it was placed.
        pub created_time: Option<Timestamp>,
        /// When it was last changed, filled or cancelled.
        pub last_update_time: Option<Timestamp>,
        /// What happens when it meets an order of the same user.
        pub self_trade_prevention_type: Option<SelfTradePrevention>,
        /// The group that it belongs to.
        pub order_group_id: Option<OrderGroupId>,
        /// Whether it is cancelled when trading pauses.
        pub cancel_order_on_pause: Option<bool>,
        /// The subaccount.
        pub subaccount_number: Option<Subaccount>,
        /// The shard that it is on.
        pub exchange_index: Option<ExchangeIndex>,
    }
    retired on "2026-03-12" {
        _dollars: yes_price, no_price, taker_fill_cost, maker_fill_cost, taker_fees, maker_fees;
        _fp: fill_count, remaining_count, initial_count;
    }
}

record! {
    /// Where resting orders stand. Schema `GetOrderQueuePositionsResponse`.
    pub struct QueuePositions {
        /// One per order.
        pub queue_positions: Vec<QueuePosition>,
    }
}

record! {
    /// Where a resting order stands. Schema `OrderQueuePosition`.
    pub struct QueuePosition {
        /// The order.
        pub order_id: OrderId,
        /// Its market.
        pub market_ticker: Ticker,
        /// Contracts that stand before it at its price.
        pub queue_position_fp: Quantity,
    }
}

record! {
    /// Where one resting order stands. Schema `GetOrderQueuePositionResponse`.
    pub struct QueuePositionAnswer {
        /// Contracts that stand before it at its price.
        pub queue_position_fp: Quantity,
    }
}

open_enum! {
    /// What became of an order.
    pub enum OrderStatus {
        /// Rests in the book.
        Resting = "resting",
        /// Cancelled, by whomever; may be filled in part.
        Canceled = "canceled",
        /// Filled.
        Executed = "executed",
    }
}

open_enum! {
    /// The deprecated half of an order's direction.
    pub enum OrderAction {
        /// Buys.
        Buy = "buy",
        /// Sells.
        Sell = "sell",
    }
}

open_enum! {
    /// Kinds of orders.
    pub enum OrderKind {
        /// With a price.
        Limit = "limit",
        /// Without a price; ended on 2026-02-11.
        Market = "market",
    }
}

open_enum! {
    /// What happens when two orders of one user would trade with each other.
    pub enum SelfTradePrevention {
        /// The incoming one is cancelled where they meet; what it traded before stands.
        TakerAtCross = "taker_at_cross",
        /// The resting one is cancelled, and the incoming one goes on.
        Maker = "maker",
    }
}

query! {
    /// Which orders. Query of operation `GetOrders`.
    pub struct OrdersQuery {}
    optional {
        /// Only in this market.
        pub ticker: Option<Ticker>,
        /// Only in these events, at most 100.
        pub event_ticker: Vec<EventTicker> = comma,
        /// Only orders after this time; the venue does not say which of their times it means.
        pub min_ts: Option<UnixSeconds>,
        /// Only orders before this time, likewise.
        pub max_ts: Option<UnixSeconds>,
        /// Only with this status.
        pub status: Option<OrderStatus>,
        /// Items per page, 1 to 1000; 100 without.
        pub limit: Option<u32>,
        /// Where the page begins; the first page without.
        pub cursor: Option<Cursor>,
        /// Only of this subaccount; all without.
        pub subaccount: Option<Subaccount>,
        /// Only on this shard.
        pub exchange_index: Option<ExchangeIndex>,
    }
}

query! {
    /// Whose place in the queue. Query of operation `GetOrderQueuePositions`.
    pub struct QueuePositionsQuery {}
    optional {
        /// Only in these markets.
        pub market_tickers: Vec<Ticker> = comma,
        /// Only in this event.
        pub event_ticker: Option<EventTicker>,
        /// Of this subaccount; the primary one without.
        pub subaccount: Option<Subaccount>,
    }
}
