//! Fills: what the account's orders traded.

use daybook_book::{Money, Price, Quantity, Ticker};

use crate::rest::{
    markets::{BookSide, OutcomeSide},
    orders::OrderAction,
    value::{Cursor, ExchangeIndex, FillId, OrderId, Subaccount, Timestamp, TradeId, UnixSeconds, query, record},
};

record! {
    /// A page of fills. Schema `GetFillsResponse`.
    pub struct FillsPage {
        /// The fills.
        pub fills: Vec<Fill>,
        /// Where the next page begins; none on the last.
        pub cursor: Option<Cursor>,
    }
}

record! {
    /// What one order of the account traded at once. Two orders of one account may have filled each other, so the key
    /// is trade and order. Schema `Fill`.
    pub struct Fill {
        /// Its identifier.
        pub fill_id: FillId,
        /// The shard that it happened on.
        pub exchange_index: ExchangeIndex,
        /// The public trade's identifier.
        pub trade_id: TradeId,
        /// The order.
        pub order_id: OrderId,
        /// The market.
        pub ticker: Ticker,
        /// The same, under an older name.
        pub market_ticker: Ticker,
        /// Deprecated by the venue in favour of `outcome_side`.
        pub side: Option<OutcomeSide>,
        /// Deprecated by the venue in favour of `book_side`.
        pub action: Option<OrderAction>,
        /// Which outcome the account is for after it. Says nothing about whose price is meant.
        pub outcome_side: OutcomeSide,
        /// The same as the side of the YES book.
        pub book_side: BookSide,
        /// Contracts.
        pub count_fp: Quantity,
        /// The price of YES.
        pub yes_price_dollars: Price,
        /// The price of NO: one dollar less that of YES.
        pub no_price_dollars: Price,
        /// Whether the order took from the book.
        pub is_taker: bool,
        /// When it happened.
        pub created_time: Option<Timestamp>,
        /// The fee.
        pub fee_cost: Money,
        /// The subaccount.
        pub subaccount_number: Option<Subaccount>,
        /// When it happened, to the second.
        pub ts: Option<UnixSeconds>,
    }
    retired on "2026-03-12" {
        _dollars: yes_price, no_price;
        _fp: count;
        "price" => "yes_price_dollars",
        "yes_price_fixed" => "yes_price_dollars",
        "no_price_fixed" => "no_price_dollars",
    }
}

query! {
    /// Which fills. Query of operation `GetFills`.
    pub struct FillsQuery {}
    optional {
        /// Only in these markets, at most 100.
        pub ticker: Vec<Ticker> = comma,
        /// Only of this order.
        pub order_id: Option<OrderId>,
        /// After this time.
        pub min_ts: Option<UnixSeconds>,
        /// Before this time.
        pub max_ts: Option<UnixSeconds>,
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
