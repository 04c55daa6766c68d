//! Budgets: what is refused when they are empty, and what refills them.

use std::time::Duration;

use daybook_exchange::venue::Settings;
use daybook_kalshi::{
    Algorithm, Client, Credentials, Tier,
    rest::{
        markets::BookSide,
        orders::{CancelOrders, CreateOrders},
        value::ExchangeIndex,
    },
};
use serde_json::{Value, json};

use crate::exchange::{Member, Venues, order};

const MARKET: &str = "KXHIGHNY-26OCT01-T60";

/// Whether a request is refused for its price. Asked by hand: our client would wait and ask again.
async fn refused(venues: &Venues, member: &Member, method: &str, path: &str, body: Option<Value>) -> bool {
    let credentials = Credentials::from_pem(&member.key_id, &member.pem).unwrap();
    let body = body.map(|body| body.to_string());
    let headers = [("content-type", "application/json")];
    let target = format!("/trade-api/v2/portfolio/{path}");
    let (status, _, answer) = venues.raw(method, &target, Some(&credentials), &headers, body.as_deref()).await;
    assert!(status != 429 || answer == json!({"error": "too many requests"}), "{answer}");
    status == 429
}

/// As JSON, as the client sends it.
fn sent(body: &impl serde::Serialize) -> Option<Value> {
    Some(serde_json::to_value(body).unwrap())
}

/// A client that has not been refused yet: one that has keeps silent for a while.
fn fresh(venues: &Venues, member: &Member) -> Client {
    venues.client(&member.key_id, &member.pem)
}

#[tokio::test]
async fn an_empty_bucket_refuses_as_the_venue_does() {
    let venues = Venues::start().await;
    let member = venues.member_on(Tier::Basic, Algorithm::Ed25519, "100");
    // 600 tokens, ten for each.
    for _ in 0..60 {
        fresh(&venues, &member).orders(&Default::default()).await.unwrap();
    }
    let target = "/trade-api/v2/portfolio/orders";
    let (status, head, answer) = venues.raw("GET", target, fresh(&venues, &member).credentials(), &[], None).await;
    assert_eq!((status, answer), (429, json!({"error": "too many requests"})));
    assert!(!head.contains("retry-after") && !head.contains("x-ratelimit"), "{head}");
    // 200 a second: in 50 ms there are tokens for one.
    venues.wait(Duration::from_millis(49));
    assert!(refused(&venues, &member, "GET", "orders", None).await);
    venues.wait(Duration::from_millis(1));
    fresh(&venues, &member).orders(&Default::default()).await.unwrap();
    // Public reads without a signature, writes and the balance have nothing to do with it.
    fresh(&venues, &member).markets(&Default::default()).await.unwrap();
    fresh(&venues, &member).create_order(&order(MARKET, BookSide::Bid, "0.01", "1")).await.unwrap();
    fresh(&venues, &member).balance(&Default::default()).await.unwrap();
    assert!(refused(&venues, &member, "GET", "balance", None).await);
    venues.wait(Duration::from_secs(1));
    fresh(&venues, &member).balance(&Default::default()).await.unwrap();
    venues.check_answers();
}

#[tokio::test]
async fn a_batch_is_paid_as_a_whole_and_cancels_are_cheap() {
    let venues = Venues::start().await;
    let member = venues.member_on(Tier::Basic, Algorithm::Ed25519, "100");
    let batch = |orders: usize| CreateOrders::new(vec![order(MARKET, BookSide::Bid, "0.01", "1"); orders]);
    assert!(refused(&venues, &member, "POST", "events/orders/batched", sent(&batch(11))).await);
    let created = fresh(&venues, &member).create_orders(&batch(10)).await.unwrap().orders;
    assert!(created.iter().all(|order| order.error.is_none()), "{created:?}");
    assert!(refused(&venues, &member, "POST", "events/orders/batched", sent(&batch(1))).await);
    // 100 a second: 20 tokens in 0.2 s, two for each cancel.
    venues.wait(Duration::from_millis(200));
    let orders =
        created.into_iter().map(|order| daybook_kalshi::rest::orders::CancelOrder::new(order.order_id.unwrap()));
    let canceled =
        fresh(&venues, &member).cancel_orders(&CancelOrders::new(orders.collect::<Vec<_>>())).await.unwrap().orders;
    assert!(canceled.iter().all(|order| order.error.is_none()), "{canceled:?}");
    venues.check_answers();
}

#[tokio::test]
async fn finding_the_shard_is_charged_to_all_of_them() {
    let shards = vec!["Other".to_owned(), "Exotics".to_owned()];
    let venues = Venues::start_with(Settings { shards, ..Settings::default() }).await;
    let member = venues.member_on(Tier::Basic, Algorithm::Ed25519, "100");
    let named = |index: Option<i32>| daybook_kalshi::rest::orders::CreateOrder {
        exchange_index: index.map(ExchangeIndex),
        ..order(MARKET, BookSide::Bid, "0.01", "1")
    };
    for _ in 0..5 {
        fresh(&venues, &member).create_order(&named(None)).await.unwrap();
    }
    for _ in 0..5 {
        fresh(&venues, &member).create_order(&named(Some(0))).await.unwrap();
    }
    assert!(refused(&venues, &member, "POST", "events/orders", sent(&named(Some(0)))).await);
    // Shard 1 paid for the first five only; the market is not there.
    for _ in 0..5 {
        assert!(fresh(&venues, &member).create_order(&named(Some(1))).await.unwrap_err().is_not_found());
    }
    assert!(refused(&venues, &member, "POST", "events/orders", sent(&named(Some(1)))).await);
}

#[tokio::test]
async fn tiers_costs_and_the_upgrade() {
    let venues = Venues::start().await;
    let member = venues.member_on(Tier::Basic, Algorithm::Ed25519, "100");
    let limits = fresh(&venues, &member).api_limits().await.unwrap();
    assert_eq!(
        (limits.usage_tier.as_str(), limits.write.refill_rate, limits.write.bucket_capacity),
        ("basic", 100, 100)
    );
    assert!(fresh(&venues, &member).upgrade_api_usage_level().await.unwrap_err().is_forbidden());
    fresh(&venues, &member).create_order(&order(MARKET, BookSide::Bid, "0.01", "1")).await.unwrap();
    venues.wait(Duration::from_secs(1));
    fresh(&venues, &member).upgrade_api_usage_level().await.unwrap();
    let limits = fresh(&venues, &member).api_limits().await.unwrap();
    assert_eq!((limits.usage_tier.as_str(), limits.write.bucket_capacity), ("advanced", 900));
    assert_eq!(limits.grants.len(), 1);
    let costs = fresh(&venues, &member).endpoint_costs().await.unwrap();
    assert_eq!(costs.default_cost, 10);
    let cancel = costs.endpoint_costs.iter().find(|cost| cost.path.ends_with("/events/orders/{order_id}")).unwrap();
    assert_eq!((cancel.method.as_str(), cancel.cost), ("DELETE", 2));
    assert_eq!(fresh(&venues, &member).usage_volume_progress().await.unwrap().len(), 1);
    venues.check_answers();
}
