//! What happens to one's own account: fills, orders, positions, order groups.

use daybook_book::{Money, Price, Quantity, Ticker};

use crate::rest::{
    markets::{BookSide, OutcomeSide},
    orders::{OrderAction, OrderStatus, SelfTradePrevention},
    value::{
        ClientOrderId, ExchangeIndex, OrderGroupId, OrderId, Subaccount, Timestamp, TradeId, UnixMillis, UnixSeconds,
        UserId, open_enum, record,
    },
};

record! {
    /// What an own order traded. Channel `fill`; not numbered, so that a loss shows only by the connection's.
    pub struct Fill {
        /// The trade; the public trade has the same id.
        pub trade_id: TradeId,
        /// The order.
        pub order_id: OrderId,
        /// The caller's own id of the order, if it has one.
        pub client_order_id: Option<ClientOrderId>,
        /// The market.
        pub market_ticker: Ticker,
        /// The shard.
        pub exchange_index: ExchangeIndex,
        /// Whether the order took, or was in the book before.
        pub is_taker: bool,
        /// The order's side in old words; deprecated by the venue.
        pub side: Option<OutcomeSide>,
        /// What the order did in old words; deprecated by the venue, which writes `""` where it has none.
        pub action: Option<OrderAction>,
        /// The side that was bought in old words; deprecated by the venue.
        pub purchased_side: Option<OutcomeSide>,
        /// The outcome that the fill bets on.
        pub outcome_side: OutcomeSide,
        /// The same as a side of the book: bids buy YES.
        pub book_side: BookSide,
        /// The price in terms of YES, whatever the outcome.
        pub yes_price_dollars: Price,
        /// Contracts.
        pub count_fp: Quantity,
        /// The venue's fee, exact to a millionth of a dollar.
        pub fee_cost: Money,
        /// The position after it: positive is YES, negative NO.
        pub post_position_fp: Quantity,
        /// When; deprecated by the venue.
        pub ts: Option<UnixSeconds>,
        /// When, as the public trade and the book's change have it.
        pub ts_ms: UnixMillis,
        /// The subaccount, where the venue names it.
        pub subaccount: Option<Subaccount>,
    }
    retired on "2026-03-12" {
        _dollars: yes_price;
        _fp: count, post_position;
        "price" => "yes_price_dollars",
        "no_price" => "yes_price_dollars",
    }
}

record! {
    /// An own order as it now is. Channel `user_orders`; not numbered.
    pub struct UserOrder {
        /// The order.
        pub order_id: OrderId,
        /// Its owner.
        pub user_id: UserId,
        /// The market.
        pub ticker: Ticker,
        /// The shard.
        pub exchange_index: ExchangeIndex,
        /// Where it stands.
        pub status: OrderStatus,
        /// Its side in old words; deprecated by the venue.
        pub side: Option<OutcomeSide>,
        /// The same in older words; deprecated by the venue.
        pub is_yes: Option<bool>,
        /// The outcome that it bets on.
        pub outcome_side: OutcomeSide,
        /// The same as a side of the book: bids buy YES.
        pub book_side: BookSide,
        /// Its price in terms of YES, whatever the outcome.
        pub yes_price_dollars: Price,
        /// Contracts that traded.
        pub fill_count_fp: Quantity,
        /// Contracts that are still to trade.
        pub remaining_count_fp: Quantity,
        /// Contracts that it began with.
        pub initial_count_fp: Quantity,
        /// What its fills as a taker cost, exact to a millionth of a dollar.
        pub taker_fill_cost_dollars: Money,
        /// What its fills as a maker cost.
        pub maker_fill_cost_dollars: Money,
        /// The venue's fees on the former.
        pub taker_fees_dollars: Money,
        /// The venue's fees on the latter.
        pub maker_fees_dollars: Money,
        /// The caller's own id; `""` on the wire where it has none.
        pub client_order_id: Option<ClientOrderId> = "",
        /// Its group.
        pub order_group_id: Option<OrderGroupId>,
        /// What happens when it meets another order of its owner.
        pub self_trade_prevention_type: Option<SelfTradePrevention>,
        /// When it was made; deprecated by the venue.
        pub created_time: Option<Timestamp>,
        /// When it last changed; deprecated by the venue.
        pub last_update_time: Option<Timestamp>,
        /// When it ends; deprecated by the venue.
        pub expiration_time: Option<Timestamp>,
        /// When it was made.
        pub created_ts_ms: Option<UnixMillis> = null,
        /// When it last changed.
        pub last_updated_ts_ms: Option<UnixMillis>,
        /// When it ends.
        pub expiration_ts_ms: Option<UnixMillis>,
        /// Why it last changed.
        pub last_update_reason: Option<UpdateReason>,
        /// The subaccount, where the venue names it.
        pub subaccount_number: Option<Subaccount>,
    }
    retired on "2026-03-12" {
        _dollars: yes_price, taker_fill_cost, maker_fill_cost, taker_fees, maker_fees;
        _fp: fill_count, remaining_count, initial_count;
        "no_price" => "yes_price_dollars",
    }
}

open_enum! {
    /// Why an order last changed. Schema `lastUpdateReason`.
    pub enum UpdateReason {
        /// Its owner made it smaller.
        Decrease = "Decrease",
        /// Its owner amended it.
        Amend = "Amend",
        /// Its owner's money no longer covers it.
        MarginCancel = "MarginCancel",
        /// It met another order of its owner.
        SelfTradeCancel = "SelfTradeCancel",
        /// Its time was over.
        ExpiryCancel = "ExpiryCancel",
        /// The market closed.
        CloseCancel = "CloseCancel",
        /// The market was halted.
        HaltCancel = "HaltCancel",
        /// It traded.
        Trade = "Trade",
        /// It was to be in the book only, and would have traded.
        PostOnlyCrossCancel = "PostOnlyCrossCancel",
        /// It was to reduce a position only: more than that was cut off when it came.
        ReduceOnlyCancel = "ReduceOnlyCancel",
        /// Its price is outside of what the market can still settle at.
        SettlementBoundsCancel = "SettlementBoundsCancel",
    }
}

record! {
    /// An own position as it now is. Channel `market_positions`; not numbered. The names differ from REST's.
    pub struct MarketPosition {
        /// Its owner.
        pub user_id: UserId,
        /// The market.
        pub market_ticker: Ticker,
        /// Contracts: positive is YES, negative NO.
        pub position_fp: Quantity,
        /// What the position cost.
        pub position_cost_dollars: Money,
        /// Profit that is certain; negative is a loss.
        pub realized_pnl_dollars: Money,
        /// All fees paid in this market.
        pub fees_paid_dollars: Money,
        /// The fees of the position that is held.
        pub position_fee_cost_dollars: Money,
        /// Contracts traded in this market.
        pub volume_fp: Quantity,
        /// The subaccount, where the venue names it.
        pub subaccount: Option<Subaccount>,
    }
    retired on "2026-03-12" {
        _dollars: position_cost, realized_pnl, fees_paid, position_fee_cost;
        _fp: position, volume;
    }
}

record! {
    /// What happened to an own order group. Channel `order_group_updates`; numbered.
    pub struct OrderGroupUpdate {
        /// What.
        pub event_type: OrderGroupEvent,
        /// The group.
        pub order_group_id: OrderGroupId,
        /// The most contracts that may trade in its window: when it is created, or its limit is set.
        pub contracts_limit_fp: Option<Quantity>,
        /// When, by the matching engine.
        pub ts_ms: UnixMillis,
    }
    retired on "2026-03-12" {
        _fp: contracts_limit;
    }
}

open_enum! {
    /// What happens to an order group.
    pub enum OrderGroupEvent {
        /// It was made.
        Created = "created",
        /// Its limit was reached, or its owner triggered it: its orders were cancelled, and it takes no more.
        Triggered = "triggered",
        /// It counts anew.
        Reset = "reset",
        /// It was ended.
        Deleted = "deleted",
        /// Its limit was set.
        LimitUpdated = "limit_updated",
    }
}
