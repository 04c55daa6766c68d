//! Settlements: what positions paid in the end.

use daybook_book::{Money, Quantity, Ticker};

use crate::rest::{
    markets::MarketResult,
    value::{Cents, Cursor, EventTicker, ExchangeIndex, Subaccount, Timestamp, UnixSeconds, query, record},
};

record! {
    /// A page of settlements. Schema `GetSettlementsResponse`.
    pub struct SettlementsPage {
        /// The settlements.
        pub settlements: Vec<Settlement>,
        /// Where the next page begins; none on the last.
        pub cursor: Option<Cursor>,
    }
}

record! {
    /// What a position paid when its market was settled. Schema `Settlement`.
    pub struct Settlement {
        /// The market.
        pub ticker: Ticker,
        /// The shard.
        pub exchange_index: ExchangeIndex,
        /// The event.
        pub event_ticker: EventTicker,
        /// How the market ended.
        pub market_result: MarketResult,
        /// YES contracts held.
        pub yes_count_fp: Quantity,
        /// What they had cost.
        pub yes_total_cost_dollars: Money,
        /// NO contracts held.
        pub no_count_fp: Quantity,
        /// What they had cost.
        pub no_total_cost_dollars: Money,
        /// What was paid out.
        pub revenue: Cents,
        /// When.
        pub settled_time: Timestamp,
        /// Fees paid.
        pub fee_cost: Money,
        /// What a YES contract paid.
        pub value: Option<Cents>,
    }
    retired on "2026-04-02" {
        _dollars: yes_total_cost, no_total_cost;
        _fp: yes_count, no_count;
    }
}

query! {
    /// Which settlements. Query of operation `GetSettlements`.
    pub struct SettlementsQuery {}
    optional {
        /// Items per page, 1 to 1000; 100 without.
        pub limit: Option<u32>,
        /// Where the page begins; the first page without.
        pub cursor: Option<Cursor>,
        /// Only of this market.
        pub ticker: Option<Ticker>,
        /// Only of this event.
        pub event_ticker: Option<EventTicker>,
        /// After this time.
        pub min_ts: Option<UnixSeconds>,
        /// Before this time.
        pub max_ts: Option<UnixSeconds>,
        /// Only of this subaccount; all without.
        pub subaccount: Option<Subaccount>,
    }
}
