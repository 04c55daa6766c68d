//! The four shapes of refusals, and what brings each about.

use daybook_kalshi::rest::{
    markets::{BookSide, MarketFilter, MarketsQuery, MveFilter},
    orders::{OrdersQuery, TimeInForce},
    value::UnixSeconds,
};
use serde_json::json;

use crate::exchange::{START, Venues, order, price};

const ORDERS: &str = "/trade-api/v2/portfolio/events/orders";
const JSON: &[(&str, &str)] = &[("content-type", "application/json; charset=utf-8")];
const MARKET: &str = "KXHIGHNY-26OCT01-T60";

#[tokio::test]
async fn queries_are_refused_with_a_bare_message() {
    let venues = Venues::start().await;
    let member = venues.member("1");
    for target in [
        "/markets?limit=1001",
        "/markets?limit=-1",
        "/markets?limit=many",
        "/markets?status=active",
        "/markets?status=open,closed",
        "/markets?cursor=nonsense",
        "/markets?min_close_ts=1&status=settled",
        "/markets?min_created_ts=1&min_close_ts=1",
        "/markets?min_updated_ts=1&status=open",
        "/markets?min_updated_ts=1&series_ticker=KXHIGHNY",
        "/markets/orderbooks",
        "/markets/KXHIGHNY-26OCT01-T60/orderbook?depth=101",
        "/events?limit=201",
        "/events/KXHIGHNY-26OCT01?exclude_markets=true&with_nested_markets=true",
        "/milestones",
        "/series/KXHIGHNY/markets/KXHIGHNY-26OCT01-T60/candlesticks?start_ts=1&end_ts=2&period_interval=5",
        "/series/KXHIGHNY/markets/KXHIGHNY-26OCT01-T60/candlesticks?start_ts=1&period_interval=1",
        "/markets/candlesticks?market_tickers=KXHIGHNY-26OCT01-T60&start_ts=0&end_ts=6000000&period_interval=1",
        "/historical/markets?tickers=A&event_ticker=B",
        "/portfolio/orders?limit=0",
        "/portfolio/orders?status=open",
        "/portfolio/fills?limit=1001",
        "/portfolio/deposits?limit=501",
    ] {
        let target = format!("/trade-api/v2{target}");
        let (status, _, answer) = venues.raw("GET", &target, member.client.credentials(), &[], None).await;
        assert_eq!(status, 400, "{target} {answer}");
        let keys: Vec<_> = answer.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["msg"], "{target} {answer}");
    }
    // A cursor is good for its own query only.
    let query = MarketsQuery { limit: Some(2), ..MarketsQuery::default() };
    let cursor = member.client.markets(&query).await.unwrap().cursor.unwrap();
    let target = format!("/trade-api/v2/markets?limit=4&cursor={cursor}");
    assert_eq!(venues.raw("GET", &target, None, &[], None).await.0, 200);
    assert_eq!(venues.raw("GET", &format!("{target}&status=open"), None, &[], None).await.0, 400);
    let open = MarketsQuery {
        status: Some(MarketFilter::Open),
        min_close_ts: Some(UnixSeconds(START)),
        mve_filter: Some(MveFilter::Exclude),
        ..MarketsQuery::default()
    };
    assert_eq!(member.client.markets(&open).await.unwrap().markets.len(), 5);
    venues.check_answers();
}

#[tokio::test]
async fn bodies_are_refused_flat() {
    let venues = Venues::start().await;
    let member = venues.member("10");
    let credentials = member.client.credentials();
    let good = json!({"ticker": MARKET, "side": "bid", "count": "1", "price": "0.10",
        "time_in_force": "good_till_canceled", "self_trade_prevention_type": "maker"});
    let with = |key: &str, value: serde_json::Value| {
        let mut body = good.clone();
        body[key] = value;
        body.to_string()
    };
    let without = |key: &str| {
        let mut body = good.clone();
        body.as_object_mut().unwrap().remove(key);
        body.to_string()
    };
    for (headers, body, code) in [
        (&[][..], good.to_string(), "invalid_content_type"),
        (&[("content-type", "text/plain")][..], good.to_string(), "invalid_content_type"),
        (JSON, "{".to_owned(), "invalid_json"),
        (JSON, "[]".to_owned(), "invalid_parameters"),
        (JSON, with("count", json!(1)), "invalid_parameters"),
        (JSON, with("price", json!(0.1)), "invalid_parameters"),
        (JSON, with("price", json!("ten cents")), "invalid_parameters"),
        (JSON, without("ticker"), "invalid_parameters"),
    ] {
        let (status, _, answer) = venues.raw("POST", ORDERS, credentials, headers, Some(&body)).await;
        assert_eq!((status, &answer["code"]), (400, &json!(code)), "{body} {answer}");
        assert!(answer["message"].is_string() && answer.get("error").is_none(), "{answer}");
    }
    // A field that nobody knows does no harm, nor does one that is null.
    let odd = with("anything", json!({"goes": true})).replace("}", ",\"exchange_index\":null}");
    let odd = odd.replacen(",\"exchange_index\":null}", "}", 1);
    let (status, _, answer) = venues.raw("POST", ORDERS, credentials, JSON, Some(&odd)).await;
    assert_eq!(status, 201, "{answer}");
    assert_eq!(venues.raw("PUT", "/trade-api/v2/portfolio/order_groups/x/reset", credentials, &[], None).await.0, 400);
    venues.check_answers();
}

#[tokio::test]
async fn orders_are_refused_with_the_venues_codes() {
    let venues = Venues::start().await;
    let member = venues.member("10");
    let base = order(MARKET, BookSide::Bid, "0.40", "1");
    let code = |order: daybook_kalshi::rest::orders::CreateOrder| {
        let client = &member.client;
        async move {
            let error = client.create_order(&order).await.unwrap_err();
            (error.status().unwrap(), error.venue().unwrap().code.clone().unwrap_or_default())
        }
    };
    let is = |status: u16, code: &str| (status, code.to_owned());
    let unknown = order("KXNOTHING-1-A", BookSide::Bid, "0.40", "1");
    assert_eq!(code(unknown).await, is(404, "not_found"));
    assert_eq!(code(order(MARKET, BookSide::Bid, "0.405", "1")).await, is(400, "invalid_price"));
    assert_eq!(code(order(MARKET, BookSide::Bid, "0.40", "0")).await, is(400, "invalid_order_size"));
    assert_eq!(code(order(MARKET, BookSide::Bid, "0.40", "100")).await, is(400, "insufficient_balance"));
    assert_eq!(code(order("KXHIGHNY-26OCT02-T80", BookSide::Bid, "0.40", "1")).await, is(400, "MARKET_INACTIVE"));
    let mut early = base.clone();
    early.expiration_time = Some(UnixSeconds(START));
    assert_eq!(code(early).await, is(400, "invalid_order"));
    let mut both = base.clone();
    both.time_in_force = TimeInForce::ImmediateOrCancel;
    both.expiration_time = Some(UnixSeconds(START + 60));
    assert_eq!(code(both).await, is(400, "invalid_order"));
    let mut killed = base.clone();
    killed.time_in_force = TimeInForce::FillOrKill;
    assert_eq!(code(killed).await.0, 409);
    let mut named = base.clone();
    named.client_order_id = Some("mine".into());
    member.client.create_order(&named).await.unwrap();
    assert_eq!(code(named).await, is(409, "order_already_exists"));

    let seller = venues.member("10");
    seller.client.create_order(&order(MARKET, BookSide::Ask, "0.60", "1")).await.unwrap();
    let mut post_only = base.clone();
    (post_only.post_only, post_only.price) = (Some(true), price("0.60"));
    assert_eq!(code(post_only).await, is(400, "invalid_order"));
    assert_eq!(member.client.orders(&OrdersQuery::default()).await.unwrap().orders.len(), 1);
    venues.check_answers();
}
