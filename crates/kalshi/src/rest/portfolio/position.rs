//! Positions.

use daybook_book::{Money, Quantity, Ticker};

use crate::rest::value::{Cursor, EventTicker, ExchangeIndex, Subaccount, Timestamp, open_enum, query, record};

record! {
    /// A page of positions: by market, and by event. Schema `GetPositionsResponse`.
    pub struct PositionsPage {
        /// Where the next page begins; none on the last.
        pub cursor: Option<Cursor>,
        /// Positions in markets.
        pub market_positions: Vec<MarketPosition>,
        /// The same by event.
        pub event_positions: Vec<EventPosition>,
    }
}

record! {
    /// A position in a market. Schema `MarketPosition`.
    pub struct MarketPosition {
        /// The market.
        pub ticker: Ticker,
        /// The shard that it trades on.
        pub exchange_index: ExchangeIndex,
        /// All that was ever spent on it.
        pub total_traded_dollars: Money,
        /// Contracts held: YES if positive, NO if negative.
        pub position_fp: Quantity,
        /// What the contracts held have cost.
        pub market_exposure_dollars: Money,
        /// Profit or loss that is locked in.
        pub realized_pnl_dollars: Money,
        /// Fees paid.
        pub fees_paid_dollars: Money,
        /// When it last changed.
        pub last_updated_ts: Timestamp,
    }
    retired on "2026-03-12" {
        _dollars: total_traded, market_exposure, realized_pnl, fees_paid;
        _fp: position;
    }
}

record! {
    /// A position in all markets of an event. Schema `EventPosition`.
    pub struct EventPosition {
        /// The event.
        pub event_ticker: EventTicker,
        /// All that was ever spent on it.
        pub total_cost_dollars: Money,
        /// Contracts ever traded, YES and NO together.
        pub total_cost_shares_fp: Quantity,
        /// What the contracts held have cost.
        pub event_exposure_dollars: Money,
        /// Profit or loss that is locked in.
        pub realized_pnl_dollars: Money,
        /// Fees paid.
        pub fees_paid_dollars: Money,
    }
    retired on "2026-03-12" {
        _dollars: total_cost, event_exposure, realized_pnl, fees_paid;
        _fp: total_cost_shares;
    }
}

query! {
    /// Which positions. Query of operation `GetPositions`.
    pub struct PositionsQuery {}
    optional {
        /// Where the page begins; the first page without.
        pub cursor: Option<Cursor>,
        /// Items per page, 1 to 1000; 100 without.
        pub limit: Option<u32>,
        /// Only positions of which one of these is not zero.
        pub count_filter: Vec<PositionCount> = comma,
        /// Settled ones, others, or all. A cursor is good for the status that it came from only.
        pub settlement_status: Option<SettlementFilter>,
        /// Only in this market.
        pub ticker: Option<Ticker>,
        /// Only in this event.
        pub event_ticker: Option<EventTicker>,
        /// Of this subaccount; the primary one without.
        pub subaccount: Option<Subaccount>,
        /// Only on this shard.
        pub exchange_index: Option<ExchangeIndex>,
    }
}

open_enum! {
    /// A figure of a position.
    pub enum PositionCount {
        /// Contracts held.
        Position = "position",
        /// What was ever spent.
        TotalTraded = "total_traded",
    }
}

open_enum! {
    /// Which positions, by settlement.
    pub enum SettlementFilter {
        /// Not settled: the default.
        Unsettled = "unsettled",
        /// Settled.
        Settled = "settled",
        /// Both.
        All = "all",
    }
}
