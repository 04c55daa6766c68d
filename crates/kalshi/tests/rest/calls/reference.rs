//! Calls that read what is traded and what it is about. Every field of every query and body is filled in.

use daybook_kalshi::rest::{
    events::{EventFeeChangesQuery, EventFilter, EventQuery, EventsQuery, MultivariateEventsQuery},
    historical::{
        HistoricalCandlesticksQuery, HistoricalFillsQuery, HistoricalMarketsQuery, HistoricalOrdersQuery,
        HistoricalPositionsQuery, HistoricalTradesQuery,
    },
    incentives::{IncentiveFilter, IncentiveProgramsQuery, IncentiveStatus},
    live_data::{EventLiveDataQuery, LiveDataListQuery, LiveDataQuery},
    markets::{
        BatchCandlesticksQuery, MarketFilter, MarketsQuery, MveFilter, OrderbookQuery, OrderbooksQuery, OutcomeSide,
        TradesQuery,
    },
    milestones::MilestonesQuery,
    multivariate::{CollectionFilter, CollectionsQuery, ComboLegChoice, CreateCombo},
    series::{
        CandlesticksQuery, EventCandlesticksQuery, ForecastQuery, PeriodInterval, SeriesFeeChangesQuery,
        SeriesListQuery, SeriesQuery,
    },
    structured_targets::StructuredTargetsQuery,
    value::{Subaccount, UnixMillis, UnixSeconds},
    weather::WeatherQuery,
};

use super::{Case, case, stamp, ticker};

pub fn exchange() -> Vec<Case> {
    vec![
        case!("GetExchangeStatus", |client| client.exchange_status()),
        case!("GetExchangeSchedule", |client| client.exchange_schedule()),
        case!("GetUserDataTimestamp", |client| client.user_data_timestamp()),
    ]
}

pub fn series() -> Vec<Case> {
    vec![
        case!("GetSeriesFeeChanges", |client| client.series_fee_changes(&SeriesFeeChangesQuery {
            series_ticker: Some("series-ticker/1".into()),
            show_historical: Some(true),
        })),
        case!("GetMarketCandlesticks", |client| client.market_candlesticks(
            &"series-ticker/1".into(),
            &ticker("KXTEST-26AUG11-T88"),
            &CandlesticksQuery {
                start_ts: UnixSeconds(1_790_000_000),
                end_ts: UnixSeconds(1_790_000_000),
                period_interval: PeriodInterval::Minute,
                include_latest_before_start: Some(true),
            }
        )),
        case!("GetSeries", |client| client
            .series(&"series-ticker/1".into(), &SeriesQuery { include_volume: Some(true) })),
        case!("GetSeriesList", |client| client.series_list(&SeriesListQuery {
            category: Some("text & more".to_owned()),
            tags: Some("text & more".to_owned()),
            include_product_metadata: Some(true),
            include_volume: Some(true),
            min_updated_ts: Some(UnixSeconds(1_790_000_000)),
        })),
        case!("GetMarketCandlesticksByEvent", |client| client.event_candlesticks(
            &"series-ticker/1".into(),
            &"event-ticker/1".into(),
            &EventCandlesticksQuery {
                start_ts: UnixSeconds(1_790_000_000),
                end_ts: UnixSeconds(1_790_000_000),
                period_interval: PeriodInterval::Minute,
            }
        )),
        case!("GetEventForecastPercentilesHistory", |client| client.forecast_percentile_history(
            &"series-ticker/1".into(),
            &"event-ticker/1".into(),
            &ForecastQuery {
                percentiles: vec![5, 5],
                start_ts: UnixSeconds(1_790_000_000),
                end_ts: UnixSeconds(1_790_000_000),
                period_interval: 60,
            }
        )),
    ]
}

pub fn events() -> Vec<Case> {
    vec![
        case!("GetEvents", |client| client.events(&EventsQuery {
            limit: Some(5),
            cursor: Some("cursor/1".into()),
            with_nested_markets: Some(true),
            with_milestones: Some(true),
            status: Some(EventFilter::Unopened),
            series_ticker: Some("series-ticker/1".into()),
            tickers: vec!["event-ticker/1".into(), "event-ticker/2".into()],
            min_close_ts: Some(UnixSeconds(1_790_000_000)),
            min_updated_ts: Some(UnixSeconds(1_790_000_000)),
        })),
        case!("GetMultivariateEvents", |client| client.multivariate_events(&MultivariateEventsQuery {
            limit: Some(5),
            cursor: Some("cursor/1".into()),
            series_ticker: Some("series-ticker/1".into()),
            collection_ticker: Some("collection-ticker/1".into()),
            tickers: vec!["event-ticker/1".into(), "event-ticker/2".into()],
            with_nested_markets: Some(true),
        })),
        case!("GetEventFeeChanges", |client| client.event_fee_changes(&EventFeeChangesQuery {
            event_ticker: Some("event-ticker/1".into()),
            limit: Some(5),
            cursor: Some("cursor/1".into()),
        })),
        case!("GetEvent", |client| client.event(
            &"event-ticker/1".into(),
            &EventQuery { exclude_markets: Some(true), with_nested_markets: Some(true) }
        )),
        case!("GetEventMetadata", |client| client.event_metadata(&"event-ticker/1".into())),
    ]
}

pub fn markets() -> Vec<Case> {
    vec![
        case!("GetTrades", |client| client.trades(&TradesQuery {
            limit: Some(5),
            cursor: Some("cursor/1".into()),
            ticker: Some(ticker("KXTEST-26AUG11-T88")),
            min_ts: Some(UnixSeconds(1_790_000_000)),
            max_ts: Some(UnixSeconds(1_790_000_000)),
            is_block_trade: Some(true),
        })),
        case!("GetMarketOrderbook", |client| client
            .orderbook(&ticker("KXTEST-26AUG11-T88"), &OrderbookQuery { depth: Some(5) })),
        case!("GetMarketOrderbooks", |client| client.orderbooks(&OrderbooksQuery {
            tickers: vec![ticker("KXTEST-26AUG11-T88"), ticker("KXTEST-26AUG11-T89")],
        })),
        case!("GetMarkets", |client| client.markets(&MarketsQuery {
            limit: Some(5),
            cursor: Some("cursor/1".into()),
            event_ticker: Some("event-ticker/1".into()),
            series_ticker: Some("series-ticker/1".into()),
            min_created_ts: Some(UnixSeconds(1_790_000_000)),
            max_created_ts: Some(UnixSeconds(1_790_000_000)),
            min_updated_ts: Some(UnixSeconds(1_790_000_000)),
            max_updated_ts: Some(UnixSeconds(1_790_000_000)),
            max_close_ts: Some(UnixSeconds(1_790_000_000)),
            min_close_ts: Some(UnixSeconds(1_790_000_000)),
            min_settled_ts: Some(UnixSeconds(1_790_000_000)),
            max_settled_ts: Some(UnixSeconds(1_790_000_000)),
            status: Some(MarketFilter::Unopened),
            tickers: vec![ticker("KXTEST-26AUG11-T88"), ticker("KXTEST-26AUG11-T89")],
            mve_filter: Some(MveFilter::Only),
        })),
        case!("GetMarket", |client| client.market(&ticker("KXTEST-26AUG11-T88"))),
        case!("BatchGetMarketCandlesticks", |client| client.candlesticks(&BatchCandlesticksQuery {
            market_tickers: vec![ticker("KXTEST-26AUG11-T88"), ticker("KXTEST-26AUG11-T89")],
            start_ts: UnixSeconds(1_790_000_000),
            end_ts: UnixSeconds(1_790_000_000),
            period_interval: PeriodInterval::Minute,
            include_latest_before_start: Some(true),
        })),
    ]
}

pub fn historical() -> Vec<Case> {
    vec![
        case!("GetHistoricalCutoff", |client| client.historical_cutoff()),
        case!("GetMarketCandlesticksHistorical", |client| client.historical_candlesticks(
            &ticker("KXTEST-26AUG11-T88"),
            &HistoricalCandlesticksQuery {
                start_ts: UnixSeconds(1_790_000_000),
                end_ts: UnixSeconds(1_790_000_000),
                period_interval: PeriodInterval::Minute,
            }
        )),
        case!("GetFillsHistorical", |client| client.historical_fills(&HistoricalFillsQuery {
            ticker: Some(ticker("KXTEST-26AUG11-T88")),
            min_ts: Some(UnixSeconds(1_790_000_000)),
            max_ts: Some(UnixSeconds(1_790_000_000)),
            limit: Some(5),
            cursor: Some("cursor/1".into()),
            subaccount: Some(Subaccount(3)),
        })),
        case!("GetHistoricalOrders", |client| client.historical_orders(&HistoricalOrdersQuery {
            ticker: Some(ticker("KXTEST-26AUG11-T88")),
            min_ts: Some(UnixSeconds(1_790_000_000)),
            max_ts: Some(UnixSeconds(1_790_000_000)),
            limit: Some(5),
            cursor: Some("cursor/1".into()),
            subaccount: Some(Subaccount(3)),
        })),
        case!("GetHistoricalPositions", |client| client.historical_positions(&HistoricalPositionsQuery {
            ticker: Some(ticker("KXTEST-26AUG11-T88")),
            event_ticker: Some("event-ticker/1".into()),
            subaccount: Some(Subaccount(3)),
            limit: Some(5),
            cursor: Some("cursor/1".into()),
        })),
        case!("GetTradesHistorical", |client| client.historical_trades(&HistoricalTradesQuery {
            ticker: Some(ticker("KXTEST-26AUG11-T88")),
            min_ts: Some(UnixSeconds(1_790_000_000)),
            max_ts: Some(UnixSeconds(1_790_000_000)),
            limit: Some(5),
            cursor: Some("cursor/1".into()),
            is_block_trade: Some(true),
        })),
        case!("GetHistoricalMarkets", |client| client.historical_markets(&HistoricalMarketsQuery {
            limit: Some(5),
            cursor: Some("cursor/1".into()),
            tickers: vec![ticker("KXTEST-26AUG11-T88"), ticker("KXTEST-26AUG11-T89")],
            event_ticker: Some("event-ticker/1".into()),
            series_ticker: Some("series-ticker/1".into()),
            mve_filter: Some(MveFilter::Exclude),
        })),
        case!("GetHistoricalMarket", |client| client.historical_market(&ticker("KXTEST-26AUG11-T88"))),
    ]
}

pub fn live_data() -> Vec<Case> {
    vec![
        case!("GetLiveDataByMilestone", |client| client
            .live_data(&"milestone-id/1".into(), &LiveDataQuery { include_player_stats: Some(true) })),
        case!("GetLiveData", |client| client.live_data_of_kind(
            "text & more",
            &"milestone-id/1".into(),
            &LiveDataQuery { include_player_stats: Some(true) }
        )),
        case!("GetLiveDatas", |client| client.live_data_list(&LiveDataListQuery {
            milestone_ids: vec!["milestone-id/1".into(), "milestone-id/2".into()],
            include_player_stats: Some(true),
        })),
        case!("GetGameStats", |client| client.game_stats(&"milestone-id/1".into())),
        case!("GetEventLiveData", |client| client
            .event_live_data(&"event-ticker/1".into(), &EventLiveDataQuery { range: Some("text & more".to_owned()) })),
        case!("GetWeatherIndex", |client| client.weather_index(
            "text & more",
            &WeatherQuery {
                from: Some(UnixMillis(1_790_000_000_000)),
                to: Some(UnixMillis(1_790_000_000_000)),
                last_sec: Some(5),
                detailed: Some(true),
            }
        )),
        case!("GetWeatherIndexCalibrations", |client| client.weather_calibrations("text & more")),
    ]
}

pub fn search() -> Vec<Case> {
    vec![
        case!("GetTagsForSeriesCategories", |client| client.tags_by_category()),
        case!("GetFiltersForSports", |client| client.sport_filters()),
    ]
}

pub fn structured_targets() -> Vec<Case> {
    vec![
        case!("GetStructuredTargets", |client| client.structured_targets(&StructuredTargetsQuery {
            ids: vec!["structured-target-id/1".into(), "structured-target-id/2".into()],
            kind: Some("text & more".to_owned()),
            competition: Some("text & more".to_owned()),
            page_size: Some(5),
            cursor: Some("cursor/1".into()),
        })),
        case!("GetStructuredTarget", |client| client.structured_target(&"structured-target-id/1".into())),
    ]
}

pub fn milestones() -> Vec<Case> {
    vec![
        case!("GetMilestone", |client| client.milestone(&"milestone-id/1".into())),
        case!("GetMilestones", |client| client.milestones(&MilestonesQuery {
            limit: 5,
            minimum_start_date: Some(stamp("2026-10-01T12:00:00.25Z")),
            category: Some("text & more".to_owned()),
            competition: Some("text & more".to_owned()),
            source_id: Some("text & more".to_owned()),
            kind: Some("text & more".to_owned()),
            related_event_ticker: Some("event-ticker/1".into()),
            cursor: Some("cursor/1".into()),
            min_updated_ts: Some(UnixSeconds(1_790_000_000)),
        })),
    ]
}

pub fn multivariate() -> Vec<Case> {
    vec![
        case!("GetMultivariateEventCollection", |client| client.collection(&"collection-ticker/1".into())),
        case!("CreateMarketInMultivariateEventCollection", |client| client.create_combo(
            &"collection-ticker/1".into(),
            &CreateCombo {
                selected_markets: vec![ComboLegChoice {
                    market_ticker: ticker("KXTEST-26AUG11-T88"),
                    event_ticker: "event-ticker/1".into(),
                    side: OutcomeSide::Yes,
                }],
                with_market_payload: Some(true),
            }
        )),
        case!("GetMultivariateEventCollections", |client| client.collections(&CollectionsQuery {
            status: Some(CollectionFilter::Unopened),
            associated_event_ticker: Some("event-ticker/1".into()),
            series_ticker: Some("series-ticker/1".into()),
            limit: Some(5),
            cursor: Some("cursor/1".into()),
        })),
    ]
}

pub fn incentives() -> Vec<Case> {
    vec![case!("GetIncentivePrograms", |client| client.incentive_programs(&IncentiveProgramsQuery {
        status: Some(IncentiveStatus::All),
        kind: Some(IncentiveFilter::All),
        incentive_description: Some("text & more".to_owned()),
        limit: Some(5),
        cursor: Some("cursor/1".into()),
    }))]
}
