//! Series: the families that events come in, and what trading them costs.

mod candlestick;

use daybook_book::{Quantity, Ticker};
use serde_json::{Map, Value};

pub use candlestick::{
    Candlestick, CandlesticksQuery, EventCandlesticks, EventCandlesticksQuery, ForecastHistory, ForecastPoint,
    ForecastQuery, MarketCandlesticks, PercentilePoint, PeriodInterval, QuoteRange, TradeRange,
};

use crate::{
    client::{Call, Client, Error},
    rest::value::{
        Decimal, EventTicker, ExchangeIndex, FeeChangeId, Query, SeriesTicker, Timestamp, UnixSeconds, open_enum,
        operations, query, record,
    },
};

operations! {
    GET_SERIES_LIST = Get "/series" "GetSeriesList" public Read;
    GET_SERIES = Get "/series/{series_ticker}" "GetSeries" public Read;
    GET_SERIES_FEE_CHANGES = Get "/series/fee_changes" "GetSeriesFeeChanges" public Read;
    GET_MARKET_CANDLESTICKS = Get "/series/{series_ticker}/markets/{ticker}/candlesticks"
        "GetMarketCandlesticks" public Read;
    GET_MARKET_CANDLESTICKS_BY_EVENT = Get "/series/{series_ticker}/events/{ticker}/candlesticks"
        "GetMarketCandlesticksByEvent" public Read;
    GET_EVENT_FORECAST_PERCENTILES_HISTORY = Get "/series/{series_ticker}/events/{ticker}/forecast_percentile_history"
        "GetEventForecastPercentilesHistory" signed Read;
}

record! {
    /// The envelope of a [`Series`]. Schema `GetSeriesResponse`.
    pub struct SeriesAnswer {
        /// The series.
        pub series: Series,
    }
}

record! {
    /// All series that a query names. Not paged. Schema `GetSeriesListResponse`.
    pub struct SeriesList {
        /// The series.
        pub series: Vec<Series>,
    }
}

record! {
    /// A family of events that recur under the same rules. Schema `Series`.
    pub struct Series {
        /// Its name.
        pub ticker: SeriesTicker,
        /// How often its events come, in the venue's words: `daily`, `weekly`, `one_off`, …
        pub frequency: String,
        /// Its title.
        pub title: String,
        /// Its main category.
        pub category: String,
        /// All categories under which it is found.
        pub categories: Vec<String>,
        /// Subjects, which series of several categories may share.
        pub tags: Vec<String>,
        /// Who is believed about the outcome.
        pub settlement_sources: Vec<SettlementSource>,
        /// Where the contract as filed can be read.
        pub contract_url: String,
        /// Where its terms can be read.
        pub contract_terms_url: String,
        /// What the venue notes about it for its own use.
        pub product_metadata: Option<Map<String, Value>>,
        /// How fees are computed.
        pub fee_type: FeeType,
        /// What the fee formula's result is multiplied with.
        pub fee_multiplier: Decimal,
        /// Who may not trade it, beyond the general rules.
        pub additional_prohibitions: Vec<String>,
        /// Contracts traded over all its events; only where the query asked for it.
        pub volume_fp: Option<Quantity>,
        /// When its description last changed.
        pub last_updated_ts: Option<Timestamp>,
        /// The shard that its new events go to.
        pub exchange_index: Option<ExchangeIndex>,
    }
}

record! {
    /// Someone who is believed about an outcome. Schema `SettlementSource`.
    pub struct SettlementSource {
        /// Name.
        pub name: Option<String>,
        /// Address.
        pub url: Option<String>,
    }
}

open_enum! {
    /// How fees are computed.
    pub enum FeeType {
        /// Takers pay 0.07 × contracts × price × (1 − price) × multiplier.
        Quadratic = "quadratic",
        /// The same, and makers pay a quarter of it.
        QuadraticWithMakerFees = "quadratic_with_maker_fees",
        /// The same, and makers pay half of it.
        QuadraticWithComboMakerFees = "quadratic_with_combo_maker_fees",
        /// A fixed fee.
        Flat = "flat",
    }
}

record! {
    /// Scheduled changes of series' fees. Not paged. Schema `GetSeriesFeeChangesResponse`.
    pub struct SeriesFeeChanges {
        /// The changes.
        pub series_fee_change_arr: Vec<SeriesFeeChange>,
    }
}

record! {
    /// One scheduled change of a series' fees. Schema `SeriesFeeChange`.
    pub struct SeriesFeeChange {
        /// Its identifier.
        pub id: FeeChangeId,
        /// The series.
        pub series_ticker: SeriesTicker,
        /// How fees will be computed.
        pub fee_type: FeeType,
        /// What the fee formula's result will be multiplied with.
        pub fee_multiplier: Decimal,
        /// From when on.
        pub scheduled_ts: Timestamp,
    }
}

query! {
    /// What to tell about a series. Query of operation `GetSeries`.
    pub struct SeriesQuery {}
    optional {
        /// With [`Series::volume_fp`].
        pub include_volume: Option<bool>,
    }
}

query! {
    /// Which series. Query of operation `GetSeriesList`.
    pub struct SeriesListQuery {}
    optional {
        /// Only of this category.
        pub category: Option<String>,
        /// Only with this tag.
        pub tags: Option<String>,
        /// With [`Series::product_metadata`].
        pub include_product_metadata: Option<bool>,
        /// With [`Series::volume_fp`].
        pub include_volume: Option<bool>,
        /// Only those whose description changed after this.
        pub min_updated_ts: Option<UnixSeconds>,
    }
}

query! {
    /// Which changes of fees. Query of operation `GetSeriesFeeChanges`.
    pub struct SeriesFeeChangesQuery {}
    optional {
        /// Only of this series.
        pub series_ticker: Option<SeriesTicker>,
        /// With those that have taken effect already.
        pub show_historical: Option<bool>,
    }
}

impl Client {
    /// All series that the query names. Operation `GetSeriesList`.
    pub async fn series_list(&self, query: &SeriesListQuery) -> Result<SeriesList, Error> {
        self.call(query.add_to(Call::new(&GET_SERIES_LIST))).await
    }

    /// One series. Operation `GetSeries`.
    pub async fn series(&self, series_ticker: &SeriesTicker, query: &SeriesQuery) -> Result<Series, Error> {
        Ok(self
            .call::<SeriesAnswer>(query.add_to(Call::new(&GET_SERIES).path("series_ticker", series_ticker)))
            .await?
            .series)
    }

    /// Scheduled changes of series' fees. Operation `GetSeriesFeeChanges`.
    pub async fn series_fee_changes(&self, query: &SeriesFeeChangesQuery) -> Result<SeriesFeeChanges, Error> {
        self.call(query.add_to(Call::new(&GET_SERIES_FEE_CHANGES))).await
    }

    /// Candlesticks of one market. Operation `GetMarketCandlesticks`.
    pub async fn market_candlesticks(
        &self,
        series_ticker: &SeriesTicker,
        ticker: &Ticker,
        query: &CandlesticksQuery,
    ) -> Result<MarketCandlesticks, Error> {
        self.call(
            query.add_to(
                Call::new(&GET_MARKET_CANDLESTICKS).path("series_ticker", series_ticker).path("ticker", ticker),
            ),
        )
        .await
    }

    /// Candlesticks of all markets of an event. The venue may shorten the range: see
    /// [`EventCandlesticks::adjusted_end_ts`]. Operation `GetMarketCandlesticksByEvent`.
    pub async fn event_candlesticks(
        &self,
        series_ticker: &SeriesTicker,
        ticker: &EventTicker,
        query: &EventCandlesticksQuery,
    ) -> Result<EventCandlesticks, Error> {
        self.call(query.add_to(
            Call::new(&GET_MARKET_CANDLESTICKS_BY_EVENT).path("ticker", ticker).path("series_ticker", series_ticker),
        ))
        .await
    }

    /// How the market's forecast of an event's number moved. Operation `GetEventForecastPercentilesHistory`.
    pub async fn forecast_percentile_history(
        &self,
        series_ticker: &SeriesTicker,
        ticker: &EventTicker,
        query: &ForecastQuery,
    ) -> Result<Vec<ForecastPoint>, Error> {
        Ok(self
            .call::<ForecastHistory>(
                query.add_to(
                    Call::new(&GET_EVENT_FORECAST_PERCENTILES_HISTORY)
                        .path("ticker", ticker)
                        .path("series_ticker", series_ticker),
                ),
            )
            .await?
            .forecast_history)
    }
}
