//! What is too large for one call, against a venue that refuses what is too large.

use std::num::NonZeroUsize;

use daybook_book::Ticker;
use daybook_kalshi::rest::{
    markets::{BatchCandlesticksQuery, BookSide},
    orders::{CancelOrder, CreateOrder, SelfTradePrevention, TimeInForce},
    series::PeriodInterval,
    value::UnixSeconds,
};
use serde_json::{Value, json};

use crate::venue::{Request, Venue};

fn tickers(count: usize) -> Vec<Ticker> {
    (0..count).map(|index| format!("KXFIXTURE-{index}").parse().unwrap()).collect()
}

fn values<'a>(request: &'a Request, name: &str) -> Vec<&'a str> {
    let pairs = request.query.split('&').filter_map(|pair| pair.split_once('='));
    pairs.filter(|(key, _)| *key == name).map(|(_, value)| value).collect()
}

#[tokio::test]
async fn books_of_many_markets() {
    let venue = Venue::start(|request| {
        let asked = values(request, "tickers");
        if asked.len() > 100 {
            return (400, r#"{"msg": "too many"}"#.to_owned());
        }
        // Markets that nobody knows are left out in silence.
        let known = asked.iter().filter(|ticker| !ticker.ends_with("-150"));
        let books: Value = known.map(|ticker| json!({"ticker": ticker, "orderbook_fp": {}})).collect();
        (200, json!({ "orderbooks": books }).to_string())
    })
    .await;
    let wanted = tickers(250);
    let books = venue.client.orderbooks_of(&wanted).await.unwrap();
    let expected: Vec<_> = wanted.iter().filter(|ticker| ticker.as_str() != "KXFIXTURE-150").collect();
    assert_eq!(books.iter().map(|book| &book.ticker).collect::<Vec<_>>(), expected);
    let sizes: Vec<_> = venue.take_requests().iter().map(|request| values(request, "tickers").len()).collect();
    assert_eq!(sizes, [100, 100, 50]);
    assert_eq!(venue.client.orderbooks_of(&[]).await.unwrap(), []);
    assert_eq!(venue.take_requests().len(), 0);
}

/// A venue with an hourly candlestick for every hour, which refuses more than it says it takes.
async fn hourly() -> Venue {
    Venue::start(|request| {
        let [start, end] = ["start_ts", "end_ts"].map(|name| values(request, name)[0].parse::<i64>().unwrap());
        let asked: Vec<_> = values(request, "market_tickers")[0].split("%2C").collect();
        let first = start + (3_600 - start.rem_euclid(3_600)) % 3_600;
        let mut ends: Vec<_> = (first..=end).step_by(3_600).collect();
        if values(request, "include_latest_before_start") == ["true"] {
            ends.insert(0, first - 3_600);
        }
        if asked.len() > 100 || ends.len() * asked.len() > 10_000 {
            return (400, r#"{"msg": "too many candlesticks"}"#.to_owned());
        }
        let quotes =
            json!({"open_dollars": "0.5", "low_dollars": "0.5", "high_dollars": "0.5", "close_dollars": "0.5"});
        let candlesticks: Value = ends
            .iter()
            .map(|end| {
                json!({"end_period_ts": end, "yes_bid": quotes, "yes_ask": quotes, "price": {}, "volume_fp": "0.00",
                    "open_interest_fp": "0.00"})
            })
            .collect();
        let markets: Value =
            asked.iter().map(|ticker| json!({"market_ticker": ticker, "candlesticks": candlesticks})).collect();
        (200, json!({ "markets": markets }).to_string())
    })
    .await
}

#[tokio::test]
async fn candlesticks_of_many_markets_over_a_long_time() {
    let venue = hourly().await;
    let start = 1_789_999_200;
    for (markets, hours, offset, before) in [(150, 24 * 30, 0, true), (3, 24 * 400, 17, false), (1, 0, 0, true)] {
        let query = BatchCandlesticksQuery {
            include_latest_before_start: Some(before),
            ..BatchCandlesticksQuery::new(
                tickers(markets),
                UnixSeconds(start + offset),
                UnixSeconds(start + hours * 3_600),
                PeriodInterval::Hour,
            )
        };
        let answer = venue.client.candlesticks_of(&query).await.unwrap();
        assert_eq!(answer.iter().map(|market| market.market_ticker.clone()).collect::<Vec<_>>(), tickers(markets));
        let first = if offset > 0 { 1 } else { 0 } - i64::from(before);
        let expected: Vec<_> = (first..=hours).map(|hour| UnixSeconds(start + hour * 3_600)).collect();
        for market in &answer {
            let ends: Vec<_> = market.candlesticks.iter().map(|candlestick| candlestick.end_period_ts).collect();
            assert_eq!(ends, expected, "{markets} markets, {hours} hours");
        }
    }
}

fn orders(count: usize) -> Vec<CreateOrder> {
    let order = |ticker| {
        CreateOrder::new(
            ticker,
            BookSide::Bid,
            daybook_book::Quantity::from_hundredths(150),
            daybook_book::Price::ZERO,
            TimeInForce::GoodTillCanceled,
            SelfTradePrevention::TakerAtCross,
        )
    };
    tickers(count).into_iter().map(order).collect()
}

/// Answers to each order of a batch with its own name; refuses the batch in which `poison` is.
async fn desk(poison: &'static str) -> Venue {
    Venue::start(move |request| {
        let body = request.body.as_ref().unwrap();
        let orders = body["orders"].as_array().unwrap();
        let name = |order: &Value| order.get("ticker").or(order.get("order_id")).unwrap().clone();
        if orders.iter().any(|order| name(order) == poison) {
            return (400, r#"{"error": {"code": "invalid_parameters"}}"#.to_owned());
        }
        let answers: Value =
            orders.iter().map(|order| json!({"order_id": name(order), "reduced_by": "1.00"})).collect();
        (200, json!({ "orders": answers }).to_string())
    })
    .await
}

#[tokio::test]
async fn orders_in_batches() {
    let venue = desk("nobody").await;
    let ten = NonZeroUsize::new(10).unwrap();
    let created = venue.client.create_orders_in_batches(&orders(25), ten).await.unwrap();
    let ids: Vec<_> = created.iter().map(|order| order.order_id.as_ref().unwrap().to_string()).collect();
    assert_eq!(ids, tickers(25).iter().map(Ticker::to_string).collect::<Vec<_>>());
    assert_eq!(venue.take_requests().len(), 3);

    let cancels: Vec<_> = (0..25).map(|index| CancelOrder::new(format!("order-{index}"))).collect();
    let canceled = venue.client.cancel_orders_in_batches(&cancels, ten).await.unwrap();
    assert_eq!(canceled.iter().map(|order| order.order_id.as_str()).collect::<Vec<_>>()[24], "order-24");
    let requests = venue.take_requests();
    assert_eq!(requests.iter().map(|request| &*request.method).collect::<Vec<_>>(), ["DELETE"; 3]);
}

#[tokio::test]
async fn a_batch_that_fails_says_how_far_it_came() {
    let venue = desk("KXFIXTURE-17").await;
    let error = venue.client.create_orders_in_batches(&orders(25), NonZeroUsize::new(10).unwrap()).await.unwrap_err();
    assert_eq!((error.answered.len(), error.unclear.clone()), (10, 10..20));
    assert!(error.error.has_code("invalid_parameters") && !error.error.may_have_executed());
    assert!(error.to_string().starts_with("the batch failed at item 10 after 10 items were answered: "), "{error}");
    assert_eq!(venue.take_requests().len(), 2);
}
