//! Candlesticks and forecasts of live markets; those of archived markets are under
//! [`historical`](crate::rest::historical).

use daybook_book::{Money, Price, Quantity, Ticker};

use crate::rest::value::{Decimal, EventTicker, UnixSeconds, open_enum, query, record};

record! {
    /// Candlesticks of one market. Schema `GetMarketCandlesticksResponse`.
    pub struct MarketCandlesticks {
        /// The market.
        pub ticker: Ticker,
        /// Oldest first.
        pub candlesticks: Vec<Candlestick>,
    }
}

record! {
    /// Candlesticks of all markets of an event. Schema `GetEventCandlesticksResponse`.
    pub struct EventCandlesticks {
        /// The markets.
        pub market_tickers: Vec<Ticker>,
        /// The candlesticks of each, in the order of the markets.
        pub market_candlesticks: Vec<Vec<Candlestick>>,
        /// Where the range really ends, if the whole of it was too much for one answer.
        pub adjusted_end_ts: UnixSeconds,
    }
}

record! {
    /// What happened to a market in one period. Schema `MarketCandlestick`.
    pub struct Candlestick {
        /// The end of the period, which belongs to it.
        pub end_period_ts: UnixSeconds,
        /// The best bid for YES.
        pub yes_bid: QuoteRange,
        /// The best offer of YES.
        pub yes_ask: QuoteRange,
        /// Trades, at the price of YES. All absent where there were none.
        pub price: TradeRange,
        /// Contracts traded.
        pub volume_fp: Quantity,
        /// Contracts open at the end.
        pub open_interest_fp: Quantity,
    }
    retired on "2026-03-12" {
        _fp: volume, open_interest;
    }
}

record! {
    /// Where the best bid or offer moved in a period. Schema `BidAskDistribution`.
    pub struct QuoteRange {
        /// At the beginning.
        pub open_dollars: Price,
        /// Lowest.
        pub low_dollars: Price,
        /// Highest.
        pub high_dollars: Price,
        /// At the end.
        pub close_dollars: Price,
    }
    retired on "2026-03-12" {
        _dollars: open, low, high, close;
    }
}

record! {
    /// Where the price of trades moved in a period. Schema `PriceDistribution`.
    pub struct TradeRange {
        /// Of the first trade.
        pub open_dollars: Option<Price>,
        /// Lowest.
        pub low_dollars: Option<Price>,
        /// Highest.
        pub high_dollars: Option<Price>,
        /// Of the last trade.
        pub close_dollars: Option<Price>,
        /// Mean over the contracts traded; may be finer than a price.
        pub mean_dollars: Option<Money>,
        /// Of the last trade before the period.
        pub previous_dollars: Option<Price>,
        /// Lowest price at which a market closed.
        pub min_dollars: Option<Price>,
        /// Highest price at which a market closed.
        pub max_dollars: Option<Price>,
    }
    retired on "2026-03-12" {
        _dollars: open, low, high, close, mean, previous, min, max;
    }
}

record! {
    /// The envelope of [`ForecastPoint`]s. Schema `GetEventForecastPercentilesHistoryResponse`.
    pub struct ForecastHistory {
        /// Oldest first.
        pub forecast_history: Vec<ForecastPoint>,
    }
}

record! {
    /// The forecast at the end of one period. Schema `ForecastPercentilesPoint`.
    pub struct ForecastPoint {
        /// The event.
        pub event_ticker: EventTicker,
        /// The end of the period, which belongs to it.
        pub end_period_ts: UnixSeconds,
        /// The length of the period in minutes.
        pub period_interval: u32,
        /// The forecast at each percentile asked for.
        pub percentile_points: Vec<PercentilePoint>,
    }
}

record! {
    /// The forecast at one percentile. Schema `PercentilePoint`.
    pub struct PercentilePoint {
        /// The percentile in hundredths: 5000 is the median.
        pub percentile: u32,
        /// As computed.
        pub raw_numerical_forecast: Decimal,
        /// As published.
        pub numerical_forecast: Decimal,
        /// As shown to people.
        pub formatted_forecast: String,
    }
}

open_enum! {
    /// The length of a candlestick.
    pub enum PeriodInterval {
        /// One minute.
        Minute = "1",
        /// One hour.
        Hour = "60",
        /// One day.
        Day = "1440",
    }
}

query! {
    /// Which candlesticks of a market. Query of operation `GetMarketCandlesticks`.
    pub struct CandlesticksQuery {
        /// The first period ends at this time or later.
        pub start_ts: UnixSeconds,
        /// The last period ends at this time or earlier.
        pub end_ts: UnixSeconds,
        /// The length of a period.
        pub period_interval: PeriodInterval,
    }
    optional {
        /// Put one more before the first, made of the last one before the range.
        pub include_latest_before_start: Option<bool>,
    }
}

query! {
    /// Which candlesticks of an event's markets. Query of operation `GetMarketCandlesticksByEvent`.
    pub struct EventCandlesticksQuery {
        /// The first period ends at this time or later.
        pub start_ts: UnixSeconds,
        /// The last period ends at this time or earlier.
        pub end_ts: UnixSeconds,
        /// The length of a period.
        pub period_interval: PeriodInterval,
    }
}

query! {
    /// Which forecasts. Query of operation `GetEventForecastPercentilesHistory`.
    pub struct ForecastQuery {
        /// At which percentiles, in hundredths: 0 to 9999, at most ten of them.
        pub percentiles: Vec<u32> = repeated,
        /// From when on.
        pub start_ts: UnixSeconds,
        /// Until when.
        pub end_ts: UnixSeconds,
        /// Minutes from one forecast to the next: 1, 60, 1440, or 0 for five seconds.
        pub period_interval: u32,
    }
}
