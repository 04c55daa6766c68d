//! Requests, the exchange itself, and the admin surface.

use std::time::Duration;

use daybook_exchange::{engine::MarketState, faults::Entry};
use daybook_kalshi::{WallClock, rest::portfolio::BalanceQuery};
use serde_json::{Value, json};
use tokio::time::sleep;
use tokio_tungstenite::tungstenite::Error;

use crate::stand::{MARKETS, Stand, frame};

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// The log's kinds and operations.
fn log(stand: &Stand) -> Vec<(String, Option<String>)> {
    stand.log().into_iter().map(|entry| (entry.kind.as_str().to_owned(), entry.operation)).collect()
}

async fn eventually(mut is_so: impl FnMut() -> bool) {
    while !is_so() {
        sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test]
async fn storms_refuse_all_that_match_until_they_are_over() {
    for (kind, status) in [("http_429", 429), ("http_500", 500), ("http_503", 503), ("http_504", 504)] {
        let stand = Stand::start().await;
        stand.plan(&format!("{kind}=1/2:operation=GetSeriesList:for=1s:limit=1"));
        let mut statuses = Vec::new();
        for _ in 0..4 {
            let (status, head, body) = stand.get("/series").await;
            assert!(!head.contains("retry-after"));
            if status == 429 {
                assert_eq!(json(&body), json!({"error": "too many requests"}));
            }
            statuses.push(status);
        }
        assert_eq!(statuses, [200, status, status, status]);
        assert_eq!(stand.get("/events").await.0, 200);
        assert_eq!(log(&stand), vec![(kind.to_owned(), Some("GetSeriesList".to_owned())); 3]);
        while stand.get("/series").await.0 != 200 {}
    }
}

#[tokio::test]
async fn the_status_of_the_exchange_is_told_whatever_happens() {
    let stand = Stand::start().await;
    stand.plan("http_503=1/1");
    let (status, _, body) = stand.get("/exchange/status").await;
    assert_eq!((status, &json(&body)["exchange_active"]), (503, &json!(true)));
    let (status, _, body) = stand.get("/series").await;
    assert_eq!((status, &json(&body)["error"]["code"]), (503, &json!("service_unavailable")));
    match stand.try_plain().await {
        Err(Error::Http(response)) => assert_eq!(response.status(), 503),
        other => panic!("{other:?}"),
    }
    let operations: Vec<_> = log(&stand).into_iter().filter_map(|(_, operation)| operation).collect();
    assert_eq!(operations, ["GetExchangeStatus", "GetSeriesList", "WebSocket"]);
    assert!(stand.client().balance(&BalanceQuery::default()).await.is_err());
}

#[tokio::test]
async fn a_gateway_loses_the_answer_and_not_the_order() {
    let stand = Stand::start().await;
    stand.plan("http_504=1/1:operation=CreateOrderGroup:limit=1,http_500=1/1:operation=CreateOrderGroup:limit=1");
    let client = stand.client();
    let path = "/trade-api/v2/portfolio/order_groups/create";
    let now = daybook_kalshi::SystemClock.unix_nanos() / 1_000_000;
    let signed = client.credentials().unwrap().headers("POST", path, now).unwrap();
    let mut headers: Vec<_> = signed.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    headers.push(("content-type".to_owned(), "application/json".to_owned()));
    let mut made = Vec::new();
    for _ in 0..3 {
        let (status, _, _) = stand.raw(&stand.address, "POST", path, &headers, r#"{"contracts_limit":5}"#).await;
        let groups = client.order_groups(&Default::default()).await.unwrap();
        made.push((status, groups.order_groups.unwrap_or_default().len()));
    }
    assert_eq!(made, [(504, 1), (500, 1), (201, 2)]);
}

#[tokio::test]
async fn answers_are_cut_off_or_come_late() {
    let stand = Stand::start().await;
    stand.plan("http_malformed=1/1:operation=GetSeriesList:limit=1,http_delay=1/1:operation=GetEvents:for=1500ms");
    let (status, _, body) = stand.get("/series").await;
    assert_eq!(status, 200);
    assert!(body.starts_with('{') && serde_json::from_str::<Value>(&body).is_err());
    assert!(serde_json::from_str::<Value>(&stand.get("/series").await.2).is_ok());
    // What is asked later is answered before.
    let (mut order, late) = (Vec::new(), stand.get("/events"));
    tokio::pin!(late);
    let soon = async {
        sleep(Duration::from_millis(50)).await;
        stand.get("/series").await
    };
    tokio::pin!(soon);
    while order.len() < 2 {
        tokio::select! {
            answer = &mut late, if !order.contains(&"late") => { assert_eq!(answer.0, 200); order.push("late") }
            answer = &mut soon, if !order.contains(&"soon") => { assert_eq!(answer.0, 200); order.push("soon") }
        }
    }
    assert_eq!(order, ["soon", "late"]);
}

#[tokio::test]
async fn reads_are_stale() {
    let stand = Stand::start().await;
    let book = format!("/markets/{}/orderbook", MARKETS[0]);
    let client = stand.client();
    let orders = async || client.orders(&Default::default()).await.unwrap().orders.len();
    stand.plan("stale=1/1:operation=GetMarketOrderbook:for=1h,stale=1/1:operation=GetOrders:for=1h");
    stand.change(MARKETS[0], 1);
    let first = stand.get(&book).await.2;
    assert_eq!(orders().await, 1);
    assert_eq!(stand.log(), [], "the first read is fresh");
    stand.change(MARKETS[0], 1);
    assert_eq!(stand.get(&book).await.2, first);
    assert_eq!(orders().await, 1);
    let operations: Vec<_> = log(&stand).into_iter().filter_map(|(_, operation)| operation).collect();
    assert_eq!(operations, ["GetMarketOrderbook", "GetOrders"]);
    // Somebody else's copy is nobody's: without a signature there is none.
    assert_eq!(stand.get("/portfolio/orders").await.0, 401);
    stand.plan("");
    let fresh = stand.get(&book).await.2;
    assert_ne!(fresh, first);
    // Once: the first read makes the copy, the second is answered with it.
    stand.admin("POST", "/faults/once", r#"{"kind":"stale"}"#).await;
    stand.get(&book).await;
    stand.change(MARKETS[0], 1);
    assert_eq!(stand.get(&book).await.2, fresh);
    assert_ne!(stand.get(&book).await.2, fresh);
    assert_eq!(orders().await, 3);
}

#[tokio::test]
async fn a_clock_that_is_wrong_refuses_signatures_and_stamps_frames() {
    let stand = Stand::start().await;
    let mut socket = stand.subscribed(&MARKETS[..1]).await;
    stand.plan("clock_skew=@0ms:amount=3600000:for=3s");
    eventually(|| !stand.log().is_empty()).await;
    let now = || daybook_kalshi::SystemClock.unix_nanos() / 1_000_000;
    stand.change(MARKETS[0], 1);
    let sent = frame(&mut socket).await["sending_ts_ms"].as_i64().unwrap();
    assert!((3_590_000..3_610_000).contains(&(sent - now())), "{sent}");
    let target = "/trade-api/v2/portfolio/balance";
    let ask = async |at: i64| {
        let signed = stand.credentials().headers("GET", target, at).unwrap();
        let headers: Vec<_> = signed.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        stand.raw(&stand.address, "GET", target, &headers, "").await.0
    };
    assert_eq!((ask(now()).await, ask(now() + 3_600_000).await), (401, 200));
    while ask(now()).await == 401 {
        sleep(Duration::from_millis(20)).await;
    }
    stand.change(MARKETS[0], 1);
    let sent = frame(&mut socket).await["sending_ts_ms"].as_i64().unwrap();
    assert!((-10_000..10_000).contains(&(sent - now())));
    assert_eq!(stand.log().len(), 1);
}

#[tokio::test]
async fn markets_are_halted_and_go_on() {
    let stand = Stand::start().await;
    let state = |market: &str| {
        let venue = stand.exchange.venue();
        venue.true_book(venue.market_id(market).unwrap()).unwrap().state
    };
    stand.plan("halt=@0ms:market=KXHIGHNY*:for=300ms");
    eventually(|| stand.log().len() == 2).await;
    let markets: Vec<_> = stand.log().into_iter().filter_map(|entry| entry.market).collect();
    assert_eq!(markets, MARKETS[..2]);
    assert_eq!(state(MARKETS[2]), MarketState::Active);
    eventually(|| MARKETS.iter().all(|market| state(market) == MarketState::Active)).await;
    stand.plan("halt=@0ms:for=1h");
    eventually(|| stand.log().len() == 3).await;
    let halted = stand.log()[2].market.clone().unwrap();
    assert_eq!(state(&halted), MarketState::Inactive);
}

#[tokio::test]
async fn trading_and_the_exchange_are_paused_and_go_on() {
    let stand = Stand::start().await;
    let status = || {
        let status = stand.exchange.venue().status();
        (status.active, status.trading[0])
    };
    for (kind, paused) in [("maintenance", (true, false)), ("outage", (false, true))] {
        let (code, _) = stand.admin("POST", "/faults/once", &json!({"kind": kind, "for_ms": 700}).to_string()).await;
        assert_eq!(code, 200);
        eventually(|| status() == paused).await;
        eventually(|| status() == (true, true)).await;
    }
    assert_eq!(log(&stand), [("maintenance".to_owned(), None), ("outage".to_owned(), None)]);
}

#[tokio::test]
async fn the_admin_surface_takes_plans_and_shows_the_log() {
    let stand = Stand::start().await;
    let path = std::env::temp_dir().join(format!("daybook-faults-{}.ndjson", std::process::id()));
    let _ = std::fs::remove_file(&path);
    stand.exchange.faults().log_to(&path).unwrap();
    let plan = json!({"seed": 4, "rules": [
        {"kind": "http_500", "when": {"every": 2}, "target": {"operation": "GetSeriesList"}, "limit": 9},
    ]});
    assert_eq!(stand.admin("PUT", "/faults", &plan.to_string()).await, (200, plan.clone()));
    assert_eq!(stand.admin("GET", "/faults", "").await, (200, plan.clone()));
    let (status, answer) = stand.admin("PUT", "/faults", "drop=often").await;
    assert_eq!(status, 400);
    assert!(answer["error"]["message"].as_str().unwrap().starts_with("fault rule `drop=often`: "), "{answer}");
    assert_eq!(stand.admin("GET", "/faults", "").await.1, plan, "a plan that is none changes nothing");
    for (body, why) in [("{}", "missing field `kind`"), (r#"{"kind":"drop","for_ms":5}"#, "does not last")] {
        let (status, answer) = stand.admin("POST", "/faults/once", body).await;
        assert!(status == 400 && answer["error"]["message"].as_str().unwrap().contains(why), "{answer}");
    }
    for _ in 0..6 {
        stand.get("/series").await;
    }
    let (_, log) = stand.admin("GET", "/faults/log?after=1&limit=1", "").await;
    assert_eq!((&log["last"], &log["entries"][0]["number"]), (&json!(3), &json!(2)));
    assert_eq!(log["entries"].as_array().unwrap().len(), 1);
    let lines = std::fs::read_to_string(&path).unwrap();
    let written: Vec<Entry> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(written, stand.log());
    std::fs::remove_file(&path).unwrap();
    assert_eq!(stand.admin("DELETE", "/faults", "").await, (200, json!({"seed": 0, "rules": []})));
    for _ in 0..3 {
        assert_eq!(stand.get("/series").await.0, 200);
    }
}
