//! Market data: every read, and pages.

use std::{collections::HashSet, time::Duration};

use daybook_exchange::{
    engine::{AccountId, BookSide as Side, Command, CreateOrder, Owner},
    venue::{LiveWindows, MarketChange, NewAccount, NewEvent, NewMarket, Settings},
};
use daybook_kalshi::rest::{
    events::{EventQuery, EventsQuery, MultivariateEventsQuery},
    historical::{HistoricalCandlesticksQuery, HistoricalMarketsQuery, HistoricalTradesQuery},
    incentives::IncentiveProgramsQuery,
    markets::{
        BatchCandlesticksQuery, MarketFilter, MarketResult, MarketStatus, MarketsQuery, MveFilter, OrderbookQuery,
        OrderbooksQuery, TradesQuery,
    },
    milestones::MilestonesQuery,
    series::{CandlesticksQuery, EventCandlesticksQuery, PeriodInterval, SeriesListQuery, SeriesQuery},
    structured_targets::StructuredTargetsQuery,
    value::UnixSeconds,
};
use futures_util::TryStreamExt;

use crate::exchange::{START, Venues, count, dollars, price, ticker};

const MARKET: &str = "KXHIGHNY-26OCT01-T60";

/// Two accounts of the world's own, who keep no history, trade in a market.
fn trade(venues: &Venues, market: &str, at: &str, contracts: &str) {
    let (now, market) = (venues.now(), venues.market(market));
    let mut venue = venues.exchange.venue();
    let account = NewAccount { keeps_history: false, ..NewAccount::default() };
    let [maker, taker] = [0, 1].map(|_| venue.open_account(account, now));
    for (account, side) in [(maker, Side::Ask), (taker, Side::Bid)] {
        place(&mut venue, account, side, at, contracts, market, now);
    }
}

fn place(
    venue: &mut daybook_exchange::venue::Venue,
    account: AccountId,
    side: Side,
    at: &str,
    contracts: &str,
    market: daybook_exchange::engine::MarketId,
    now: daybook_book::ExchangeTime,
) {
    let owner = Owner { account, subaccount: 0 };
    venue.deposit(owner, 0, dollars("10000"), now).unwrap();
    let order = CreateOrder::limit(owner, market, side, price(at), count(contracts));
    venue.apply(Command::Create(order), now).unwrap();
}

#[tokio::test]
async fn the_exchange_its_series_and_events() {
    let venues = Venues::start().await;
    let client = venues.client_with(None);
    let status = client.exchange_status().await.unwrap();
    assert!(status.exchange_active && status.trading_active);
    assert_eq!(client.exchange_schedule().await.unwrap().standard_hours[0].thursday.len(), 2);

    let all = client.series_list(&SeriesListQuery::default()).await.unwrap().series;
    assert_eq!(all.len(), 2);
    let of = |category: &str| SeriesListQuery { category: Some(category.to_owned()), ..Default::default() };
    assert_eq!(client.series_list(&of("Sports")).await.unwrap().series.len(), 0);
    let one = client.series(&"KXHIGHNY".into(), &SeriesQuery { include_volume: Some(true) }).await.unwrap();
    assert_eq!((one.title.as_str(), one.volume_fp), ("KXHIGHNY of a test", Some(count("0"))));
    assert!(client.series(&"KXNOTHING".into(), &SeriesQuery::default()).await.unwrap_err().is_not_found());
    assert!(client.series_fee_changes(&Default::default()).await.unwrap().series_fee_change_arr.is_empty());

    let nested = EventsQuery { with_nested_markets: Some(true), ..EventsQuery::default() };
    let events = client.events(&nested).await.unwrap().events;
    let names: Vec<_> = events.iter().map(|event| event.event_ticker.as_str()).collect();
    assert_eq!(names, ["KXHIGHNY-26OCT02", "KXHIGHNY-26OCT01"], "no combos");
    assert!(events.iter().all(|event| event.markets.as_ref().unwrap().len() == 3 && event.mutually_exclusive));
    let combos = client.multivariate_events(&MultivariateEventsQuery::default()).await.unwrap().events;
    assert_eq!(combos.iter().map(|event| event.event_ticker.as_str()).collect::<Vec<_>>(), ["KXMVETEST-1"]);
    let beside = client.event(&"KXHIGHNY-26OCT01".into(), &EventQuery::default()).await.unwrap();
    assert_eq!((beside.event.markets, beside.markets.len()), (None, 3));
    let inside = EventQuery { with_nested_markets: Some(true), ..Default::default() };
    let inside = client.event(&"KXHIGHNY-26OCT01".into(), &inside).await.unwrap();
    assert_eq!((inside.event.markets.unwrap().len(), inside.markets.len()), (3, 0));
    let metadata = client.event_metadata(&"KXHIGHNY-26OCT01".into()).await.unwrap();
    assert_eq!(metadata.market_details.len(), 3);
    assert!(client.event_fee_changes(&Default::default()).await.unwrap().event_fee_changes.is_empty());
    venues.check_answers();
}

#[tokio::test]
async fn markets_books_trades_and_candlesticks() {
    let venues = Venues::start().await;
    let client = venues.client_with(None);
    let untouched = client.market(&ticker(MARKET)).await.unwrap();
    assert_eq!(untouched.status, MarketStatus::Active);
    let quotes = |market: &daybook_kalshi::rest::markets::Market| {
        [&market.yes_bid_dollars, &market.yes_ask_dollars, &market.no_bid_dollars, &market.no_ask_dollars]
            .map(|price| price.unwrap().to_string())
    };
    assert_eq!(quotes(&untouched), ["0.0000", "1.0000", "0.0000", "1.0000"]);
    assert_eq!(untouched.floor_strike.unwrap().as_str(), "60");

    trade(&venues, MARKET, "0.45", "10.50");
    venues.wait(Duration::from_secs(90));
    trade(&venues, MARKET, "0.55", "2");
    let (now, market) = (venues.now(), venues.market(MARKET));
    let maker = venues.exchange.venue().open_account(NewAccount::default(), now);
    for (side, at, size) in [(Side::Bid, "0.40", "5"), (Side::Bid, "0.41", "3"), (Side::Ask, "0.62", "7")] {
        place(&mut venues.exchange.venue(), maker, side, at, size, market, now);
    }

    let traded = client.market(&ticker(MARKET)).await.unwrap();
    assert_eq!(quotes(&traded), ["0.4100", "0.6200", "0.3800", "0.5900"]);
    assert_eq!((traded.yes_bid_size_fp, traded.yes_ask_size_fp), (count("3"), count("7")));
    assert_eq!(traded.last_price_dollars, Some(price("0.55")));
    assert_eq!((traded.volume_fp, traded.volume_24h_fp), (count("12.50"), count("12.50")));
    assert_eq!(traded.open_interest_fp, count("12.50"));

    let book = client.orderbook(&ticker(MARKET), &OrderbookQuery { depth: Some(1) }).await.unwrap();
    assert_eq!(book.yes_dollars.iter().map(|level| level.price).collect::<Vec<_>>(), [price("0.41")]);
    let book = client.orderbook(&ticker(MARKET), &OrderbookQuery::default()).await.unwrap();
    assert_eq!(book.yes_dollars.iter().map(|level| level.price).collect::<Vec<_>>(), [price("0.40"), price("0.41")]);
    assert_eq!(book.no_dollars.iter().map(|level| level.price).collect::<Vec<_>>(), [price("0.38")]);
    let asked = ["KXHIGHNY-26OCT01-T60", "KXHIGHNY-26OCT01-T70", "KXNOTHING"].map(ticker).to_vec();
    let books = client.orderbooks(&OrderbooksQuery::new(asked.clone())).await.unwrap();
    assert_eq!(books.len(), 2, "what is unknown is left out");

    let trades =
        client.trades(&TradesQuery { ticker: Some(ticker(MARKET)), ..Default::default() }).await.unwrap().trades;
    assert_eq!(trades.iter().map(|trade| trade.count_fp).collect::<Vec<_>>(), [count("2"), count("10.50")]);
    assert_eq!(client.trades(&TradesQuery::default()).await.unwrap().trades, trades);
    let late = TradesQuery { min_ts: Some(UnixSeconds(START + 60)), ..Default::default() };
    assert_eq!(client.trades(&late).await.unwrap().trades, trades[..1]);

    let (start_ts, end_ts) = (UnixSeconds(START - 3_600), UnixSeconds(START + 3_600));
    let query = CandlesticksQuery::new(start_ts, end_ts, PeriodInterval::Minute);
    let candles = client.market_candlesticks(&"KXHIGHNY".into(), &ticker(MARKET), &query).await.unwrap().candlesticks;
    assert_eq!(candles.iter().map(|candle| candle.end_period_ts.0 - START).collect::<Vec<_>>(), [0, 120]);
    assert_eq!(candles[0].price.close_dollars, Some(price("0.45")));
    assert_eq!((candles[1].volume_fp, candles[1].price.previous_dollars), (count("2"), Some(price("0.45"))));
    assert_eq!(candles[1].yes_bid.close_dollars, price("0.41"));
    let query = CandlesticksQuery {
        include_latest_before_start: Some(true),
        ..CandlesticksQuery::new(UnixSeconds(START + 60), end_ts, PeriodInterval::Minute)
    };
    let candles = client.market_candlesticks(&"KXHIGHNY".into(), &ticker(MARKET), &query).await.unwrap().candlesticks;
    assert_eq!(candles.iter().map(|candle| candle.end_period_ts.0 - START).collect::<Vec<_>>(), [120, 120]);
    assert_eq!((candles[0].price.close_dollars, candles[0].price.previous_dollars), (None, Some(price("0.45"))));
    let query = BatchCandlesticksQuery::new(asked, start_ts, end_ts, PeriodInterval::Hour);
    let batch = client.candlesticks(&query).await.unwrap();
    assert_eq!(batch.iter().map(|market| market.candlesticks.len()).collect::<Vec<_>>(), [2, 0]);
    let query = EventCandlesticksQuery::new(UnixSeconds(START - 86_400 * 30), end_ts, PeriodInterval::Minute);
    let event = client.event_candlesticks(&"KXHIGHNY".into(), &"KXHIGHNY-26OCT01".into(), &query).await.unwrap();
    assert_eq!(event.market_candlesticks.len(), 3);
    assert!(event.adjusted_end_ts < end_ts, "{:?}", event.adjusted_end_ts);
    venues.check_answers();
}

#[tokio::test]
async fn what_this_world_has_none_of() {
    let venues = Venues::start().await;
    let client = venues.client_with(None);
    assert!(client.milestones(&MilestonesQuery::new(100_u32)).await.unwrap().milestones.is_empty());
    assert!(client.milestone(&"x".into()).await.unwrap_err().is_not_found());
    let targets = client.structured_targets(&StructuredTargetsQuery::default()).await.unwrap();
    assert_eq!(targets.structured_targets.unwrap_or_default().len(), 0);
    assert!(client.structured_target(&"x".into()).await.unwrap_err().is_not_found());
    assert!(client.incentive_programs(&IncentiveProgramsQuery::default()).await.unwrap().incentive_programs.is_empty());
    for path in [
        "/live_data/milestone/x",
        "/live_data/soccer/milestone/x",
        "/live_data/milestone/x/game_stats",
        "/live_data/events/x",
        "/live_data/weather/x",
        "/live_data/weather/x/calibrations",
        "/multivariate_event_collections/x",
        "/historical/markets/x",
    ] {
        let (status, _, answer) = venues.raw("GET", &format!("/trade-api/v2{path}"), None, &[], None).await;
        assert_eq!((status, &answer["error"]["code"]), (404, &"not_found".into()), "{path}");
    }
    for path in [
        "/live_data/batch?milestone_ids=x",
        "/multivariate_event_collections",
        "/search/tags_by_categories",
        "/search/filters_by_sport",
    ] {
        assert_eq!(venues.raw("GET", &format!("/trade-api/v2{path}"), None, &[], None).await.0, 200, "{path}");
    }
    venues.check_answers();
}

#[tokio::test]
async fn three_thousand_markets_in_pages() {
    let venues = Venues::start().await;
    {
        let now = venues.now();
        let mut venue = venues.exchange.venue();
        for number in 0..60 {
            let event = format!("KXHIGHNY-N{number}");
            let new = NewEvent {
                ticker: event.as_str().into(),
                series: "KXHIGHNY".into(),
                title: event.clone(),
                sub_title: String::new(),
                collateral_return: None,
                strike_date: None,
            };
            venue.add_event(new, now).unwrap();
            for strike in 0..50 {
                let close = daybook_book::ExchangeTime::from_micros(now.micros() + 3_600_000_000);
                let name = ticker(&format!("{event}-T{strike}"));
                venue.add_market(NewMarket::new(name, event.as_str().into(), now, close), now).unwrap();
            }
        }
    }
    let client = venues.client_with(None);
    for (limit, filter, expected) in [
        (Some(1_000), MarketsQuery::default(), 3_007),
        (Some(999), MarketsQuery { mve_filter: Some(MveFilter::Only), ..Default::default() }, 1),
        (None, MarketsQuery { status: Some(MarketFilter::Open), ..Default::default() }, 3_006),
        (Some(7), MarketsQuery { event_ticker: Some("KXHIGHNY-N7".into()), ..Default::default() }, 50),
        (Some(1), MarketsQuery { status: Some(MarketFilter::Unopened), ..Default::default() }, 1),
        (
            Some(2),
            MarketsQuery {
                tickers: ["KXHIGHNY-N1-T1", "KXHIGHNY-N2-T2", "KXHIGHNY-N3-T3", "KXNOTHING"].map(ticker).to_vec(),
                ..Default::default()
            },
            3,
        ),
    ] {
        let markets: Vec<_> = client.all_markets(MarketsQuery { limit, ..filter }).try_collect().await.unwrap();
        let names: HashSet<_> = markets.iter().map(|market| market.ticker.clone()).collect();
        assert_eq!((markets.len(), names.len()), (expected, expected), "{limit:?}");
    }
    let events: Vec<_> =
        client.all_events(EventsQuery { limit: Some(25), ..Default::default() }).try_collect().await.unwrap();
    assert_eq!(events.len(), 62);
    for number in 0..40 {
        trade(&venues, "KXHIGHNY-N1-T1", if number % 2 == 0 { "0.45" } else { "0.55" }, "1");
    }
    let query = TradesQuery { limit: Some(7), ticker: Some(ticker("KXHIGHNY-N1-T1")), ..Default::default() };
    let trades: Vec<_> = client.all_trades(query).try_collect().await.unwrap();
    assert_eq!(trades.iter().map(|trade| trade.trade_id.clone()).collect::<HashSet<_>>().len(), 40);
    venues.check_answers();
}

#[tokio::test]
async fn markets_live_and_become_history() {
    let live = LiveWindows { orders: 3_600, others: 3_600 };
    let venues = Venues::start_with(Settings { live, ..Settings::default() }).await;
    let client = venues.client_with(None);
    let status = |name: &'static str| {
        let client = &client;
        async move { client.market(&ticker(name)).await.unwrap().status }
    };
    assert_eq!(status("KXHIGHNY-26OCT02-T80").await, MarketStatus::Initialized);
    trade(&venues, MARKET, "0.45", "10");
    let (now, market) = (venues.now(), venues.market(MARKET));
    venues.exchange.venue().change_market(market, MarketChange::Pause, now).unwrap();
    assert_eq!(status(MARKET).await, MarketStatus::Inactive);
    venues.exchange.venue().change_market(market, MarketChange::Resume, now).unwrap();
    venues.wait(Duration::from_secs(3_600));
    assert_eq!(status("KXHIGHNY-26OCT02-T80").await, MarketStatus::Active);
    venues.wait(Duration::from_secs(86_400));
    assert_eq!(status(MARKET).await, MarketStatus::Closed);
    venues.exchange.venue().change_market(market, MarketChange::Determine(price("1")), venues.now()).unwrap();
    let determined = client.market(&ticker(MARKET)).await.unwrap();
    assert_eq!((determined.status, determined.result), (MarketStatus::Determined, Some(MarketResult::Yes)));
    assert_eq!(determined.settlement_value_dollars, Some(price("1")));
    venues.wait(Duration::from_secs(60));
    let settled = client.market(&ticker(MARKET)).await.unwrap();
    assert_eq!(settled.status, MarketStatus::Finalized);
    assert_eq!(settled.settlement_ts.unwrap().as_second(), START + 90_060);

    let cutoff = client.historical_cutoff().await.unwrap();
    assert!(cutoff.market_settled_ts < settled.settlement_ts.unwrap());
    assert!(client.historical_market(&ticker(MARKET)).await.unwrap_err().is_not_found());
    venues.wait(Duration::from_secs(3_601));
    assert!(client.market(&ticker(MARKET)).await.unwrap_err().is_not_found());
    assert_eq!(client.historical_market(&ticker(MARKET)).await.unwrap().ticker, MARKET);
    let query = HistoricalMarketsQuery { event_ticker: Some("KXHIGHNY-26OCT01".into()), ..Default::default() };
    assert_eq!(client.historical_markets(&query).await.unwrap().markets.len(), 1);
    assert_eq!(client.trades(&TradesQuery::default()).await.unwrap().trades.len(), 0);
    assert_eq!(client.historical_trades(&HistoricalTradesQuery::default()).await.unwrap().trades.len(), 1);
    let query =
        HistoricalCandlesticksQuery::new(UnixSeconds(START - 86_400), UnixSeconds(START + 86_400), PeriodInterval::Day);
    let candles = client.historical_candlesticks(&ticker(MARKET), &query).await.unwrap().candlesticks;
    assert_eq!(candles.iter().map(|candle| candle.volume).collect::<Vec<_>>(), [count("10")]);
    venues.check_answers();
}
