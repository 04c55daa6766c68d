//! One market as REST describes it.

use daybook_book::{Money, Price, Quantity, Ticker};
use serde_json::{Map, Value};

use crate::rest::value::{CollectionTicker, Decimal, EventTicker, ExchangeIndex, Timestamp, open_enum, record};

record! {
    /// A market: one question that YES or NO answers, or a number between them. Schema `Market`.
    pub struct Market {
        /// Its name.
        pub ticker: Ticker,
        /// The event that it belongs to.
        pub event_ticker: EventTicker,
        /// Whether it ends as YES or NO, or in between.
        pub market_type: MarketType,
        /// Deprecated by the venue: the titles of the event and of the sides say more.
        pub title: Option<String>,
        /// Deprecated by the venue.
        pub subtitle: Option<String>,
        /// What YES stands for.
        pub yes_sub_title: String,
        /// What NO stands for.
        pub no_sub_title: String,
        /// When it was created.
        pub created_time: Timestamp,
        /// When its description last changed.
        pub updated_time: Timestamp,
        /// When trading opens.
        pub open_time: Timestamp,
        /// When trading closes.
        pub close_time: Timestamp,
        /// When the outcome is expected; may lie before the close.
        pub expected_expiration_time: Option<Timestamp>,
        /// Deprecated by the venue.
        pub expiration_time: Option<Timestamp>,
        /// By when it is determined at the latest.
        pub latest_expiration_time: Timestamp,
        /// Seconds from determination to settlement.
        pub settlement_timer_seconds: i64,
        /// Where it is in its life.
        pub status: MarketStatus,
        /// Best bid for YES.
        pub yes_bid_dollars: Option<Price> = "",
        /// Contracts bid at that price.
        pub yes_bid_size_fp: Quantity,
        /// Best offer of YES.
        pub yes_ask_dollars: Option<Price> = "",
        /// Contracts offered at that price.
        pub yes_ask_size_fp: Quantity,
        /// Best bid for NO.
        pub no_bid_dollars: Option<Price> = "",
        /// Best offer of NO.
        pub no_ask_dollars: Option<Price> = "",
        /// Price of YES in the last trade.
        pub last_price_dollars: Option<Price> = "",
        /// Contracts traded.
        pub volume_fp: Quantity,
        /// Contracts traded in the last 24 hours.
        pub volume_24h_fp: Quantity,
        /// How it ended, once determined.
        pub result: Option<MarketResult> = "",
        /// Whether it may close before its time.
        pub can_close_early: bool,
        /// Open contracts.
        pub open_interest_fp: Quantity,
        /// What a winning contract pays.
        pub notional_value_dollars: Money,
        /// Best bid for YES a day ago.
        pub previous_yes_bid_dollars: Option<Price> = "",
        /// Best offer of YES a day ago.
        pub previous_yes_ask_dollars: Option<Price> = "",
        /// Price of YES in the last trade of a day ago.
        pub previous_price_dollars: Option<Price> = "",
        /// What a YES contract pays, once determined.
        pub settlement_value_dollars: Option<Price>,
        /// When it was settled.
        pub settlement_ts: Option<Timestamp>,
        /// Whether the settlement value is bounded.
        pub settlement_bounds_type: SettlementBounds,
        /// The least that a YES contract can pay, if bounded.
        pub settlement_floor_dollars: Option<Price>,
        /// The value that decided, in the venue's words.
        pub expiration_value: String,
        /// When what it is about happened.
        pub occurrence_datetime: Option<Timestamp>,
        /// Until when no fees are taken.
        pub fee_waiver_expiration_time: Option<Timestamp>,
        /// What makes it close early.
        pub early_close_condition: Option<String>,
        /// How the strikes decide.
        pub strike_type: Option<StrikeType>,
        /// Lower strike.
        pub floor_strike: Option<Decimal>,
        /// Upper strike.
        pub cap_strike: Option<Decimal>,
        /// The function from outcome to payment, in the venue's words.
        pub functional_strike: Option<String>,
        /// The outcome that makes it YES, for each target.
        pub custom_strike: Option<Map<String, Value>>,
        /// The rules in plain words.
        pub rules_primary: String,
        /// More rules.
        pub rules_secondary: String,
        /// The collection that a combo was made from.
        pub mve_collection_ticker: Option<CollectionTicker>,
        /// The legs of a combo.
        pub mve_selected_legs: Option<Vec<ComboLeg>>,
        /// Who it is mainly about.
        pub primary_participant_key: Option<String>,
        /// The venue's label for the price grid; `price_ranges` says what it means.
        pub price_level_structure: Option<PriceLevelStructure> = "",
        /// The grid that orders' prices lie on.
        pub price_ranges: Vec<PriceRange>,
        /// Whether it vanishes if nobody trades it.
        pub is_provisional: Option<bool>,
        /// The shard that it trades on.
        pub exchange_index: Option<ExchangeIndex>,
    }
    retired on "2026-03-12" {
        _dollars: yes_bid, yes_ask, no_bid, no_ask, last_price, previous_yes_bid, previous_yes_ask, previous_price,
            notional_value, settlement_value;
        _fp: volume, volume_24h, open_interest;
    }
}

record! {
    /// A stretch of the price grid. Schema `PriceRange`.
    pub struct PriceRange {
        /// Where it begins.
        pub start: Price,
        /// Where it ends.
        pub end: Price,
        /// From one price to the next.
        pub step: Price,
    }
}

record! {
    /// One leg of a combo. Schema `MveSelectedLeg`.
    pub struct ComboLeg {
        /// The event.
        pub event_ticker: Option<EventTicker>,
        /// The market.
        pub market_ticker: Option<Ticker>,
        /// The outcome that the combo needs.
        pub side: Option<OutcomeSide>,
        /// What a YES contract of the leg pays, once determined.
        pub yes_settlement_value_dollars: Option<Price>,
    }
}

open_enum! {
    /// How a market can end.
    pub enum MarketType {
        /// As YES or NO.
        Binary = "binary",
        /// Anywhere between them.
        Scalar = "scalar",
    }
}

open_enum! {
    /// Where a market is in its life. Becoming active and closing have no WebSocket event.
    pub enum MarketStatus {
        /// Created and not open yet.
        Initialized = "initialized",
        /// Trading is suspended.
        Inactive = "inactive",
        /// Trading.
        Active = "active",
        /// Trading has ended.
        Closed = "closed",
        /// The outcome is known.
        Determined = "determined",
        /// The outcome is disputed.
        Disputed = "disputed",
        /// The outcome was corrected.
        Amended = "amended",
        /// Settled.
        Finalized = "finalized",
    }
}

open_enum! {
    /// How a market ended.
    pub enum MarketResult {
        /// YES pays one dollar.
        Yes = "yes",
        /// NO pays one dollar.
        No = "no",
        /// YES pays the settlement value, NO the rest of the dollar.
        Scalar = "scalar",
    }
}

open_enum! {
    /// Whether a settlement value is bounded.
    pub enum SettlementBounds {
        /// It is not.
        Default = "default",
        /// From below.
        Floor = "floor",
    }
}

open_enum! {
    /// How strikes decide.
    pub enum StrikeType {
        /// YES above the lower strike.
        Greater = "greater",
        /// YES at the lower strike and above.
        GreaterOrEqual = "greater_or_equal",
        /// YES below the upper strike.
        Less = "less",
        /// YES at the upper strike and below.
        LessOrEqual = "less_or_equal",
        /// YES between the strikes.
        Between = "between",
        /// By a function of the outcome.
        Functional = "functional",
        /// By a rule in words.
        Custom = "custom",
        /// By a structured target.
        Structured = "structured",
    }
}

open_enum! {
    /// The venue's label for a price grid. The list grows: go by [`Market::price_ranges`].
    pub enum PriceLevelStructure {
        /// Whole cents.
        LinearCent = "linear_cent",
        /// Tenths of a cent.
        DeciCent = "deci_cent",
        /// Tenths of a cent near the ends, whole cents between.
        TaperedDeciCent = "tapered_deci_cent",
        /// Halves of a cent near the ends, whole cents between.
        CenterWholeEdgeHalfCent = "center_whole_edge_half_cent",
        /// Fifths of a cent near the ends, whole cents between.
        CenterWholeEdgeQuintCent = "center_whole_edge_quint_cent",
        /// Halves of a cent.
        CenterHalfEdgeHalfCent = "center_half_edge_half_cent",
        /// Fifths of a cent near the ends, halves between.
        CenterHalfEdgeQuintCent = "center_half_edge_quint_cent",
        /// Tenths of a cent near the ends, halves between.
        CenterHalfEdgeDeciCent = "center_half_edge_deci_cent",
        /// Fifths of a cent.
        CenterQuintEdgeQuintCent = "center_quint_edge_quint_cent",
        /// Tenths of a cent near the ends, fifths between.
        CenterQuintEdgeDeciCent = "center_quint_edge_deci_cent",
        /// Hundredths of a cent.
        CenterCentiEdgeCentiCent = "center_centi_edge_centi_cent",
        /// Hundredths of a cent at the very ends, tenths between.
        CenterDeciEdgeCentiCent = "center_deci_edge_centi_cent",
        /// Named by the WebSocket spec only.
        BandedCentiCent = "banded_centi_cent",
    }
}

open_enum! {
    /// An outcome.
    pub enum OutcomeSide {
        /// YES.
        Yes = "yes",
        /// NO.
        No = "no",
    }
}

open_enum! {
    /// A side of the YES book.
    pub enum BookSide {
        /// Buys YES.
        Bid = "bid",
        /// Sells YES; the same as buying NO at one dollar less the price.
        Ask = "ask",
    }
}
