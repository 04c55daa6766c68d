//! Which writes are sent again when nobody knows whether they were executed.

use std::time::Duration;

use daybook_book::{Price, Quantity, Ticker};
use daybook_kalshi::{
    Client, Error,
    rest::{
        communications::AcceptRfqBatch,
        markets::{BookSide, OutcomeSide},
        multivariate::{ComboLegChoice, CreateCombo},
        orders::{CancelAllOrdersQuery, CancelOrderQuery, CreateOrder, CreateOrders, SelfTradePrevention, TimeInForce},
        portfolio::{ExchangeInstance, ShardTransferRequest, SubaccountTransferRequest},
        value::{CentiCents, Cents, Subaccount},
    },
};

use crate::venue::Venue;

/// How often a call reaches a venue that always fails, with one retry allowed.
async fn attempts<T>(call: impl AsyncFnOnce(&Client) -> Result<T, Error>) -> usize {
    let failing = |_: &_| (500, r#"{"error": {"code": "internal"}}"#.to_owned());
    let venue = Venue::start_with(failing, |builder| builder.retry_pauses([Duration::from_millis(1)])).await;
    assert!(call(&venue.client).await.is_err());
    venue.take_requests().len()
}

fn order(client_order_id: Option<&str>) -> CreateOrder {
    let ticker: Ticker = "KXFIXTURE-1".parse().unwrap();
    let (size, tif) = (Quantity::from_hundredths(100), TimeInForce::GoodTillCanceled);
    let order = CreateOrder::new(ticker, BookSide::Bid, size, Price::ZERO, tif, SelfTradePrevention::Maker);
    CreateOrder { client_order_id: client_order_id.map(Into::into), ..order }
}

#[tokio::test]
async fn orders() {
    assert_eq!(attempts(async |client| client.create_order(&order(Some("mine"))).await).await, 2);
    assert_eq!(attempts(async |client| client.create_order(&order(None)).await).await, 1);
    let named = CreateOrders::new([order(Some("mine")), order(Some("yours"))]);
    assert_eq!(attempts(async |client| client.create_orders(&named).await).await, 2);
    let half = CreateOrders::new([order(Some("mine")), order(None)]);
    assert_eq!(attempts(async |client| client.create_orders(&half).await).await, 1);
    // A name that is empty names nothing: sent twice, it is two orders.
    for empty in ["", " "] {
        assert_eq!(attempts(async |client| client.create_order(&order(Some(empty))).await).await, 1);
        let half = CreateOrders::new([order(Some("mine")), order(Some(empty))]);
        assert_eq!(attempts(async |client| client.create_orders(&half).await).await, 1);
    }
    let query = CancelOrderQuery::default();
    assert_eq!(attempts(async |client| client.cancel_order(&"o".into(), &query).await).await, 1);
    let query = CancelAllOrdersQuery::default();
    assert_eq!(attempts(async |client| client.cancel_all_orders(&query).await).await, 1);
}

#[tokio::test]
async fn transfers() {
    let transfer = SubaccountTransferRequest::new("t", Subaccount(0), Subaccount(1), Cents(100));
    assert_eq!(attempts(async |client| client.transfer_between_subaccounts(&transfer).await).await, 2);
    let transfer = SubaccountTransferRequest::new("", Subaccount(0), Subaccount(1), Cents(100));
    assert_eq!(attempts(async |client| client.transfer_between_subaccounts(&transfer).await).await, 1);
    let (here, there) = (ExchangeInstance::EventContract, ExchangeInstance::Margined);
    let transfer = ShardTransferRequest::new(here, there, CentiCents(1));
    assert_eq!(attempts(async |client| client.transfer_between_shards(&transfer).await).await, 1);
    for (id, expected) in [("t", 2), ("", 1)] {
        let transfer = ShardTransferRequest { client_transfer_id: Some(id.into()), ..transfer.clone() };
        let made = attempts(async |client| client.transfer_between_shards(&transfer).await).await;
        assert_eq!(made, expected, "{id:?}");
    }
}

#[tokio::test]
async fn combos() {
    let leg = ComboLegChoice::new("KXFIXTURE-1".parse::<Ticker>().unwrap(), "KXFIXTURE", OutcomeSide::Yes);
    let combo = CreateCombo::new([leg]);
    assert_eq!(attempts(async |client| client.create_combo(&"C".into(), &combo).await).await, 2);
    let accept = AcceptRfqBatch::new(OutcomeSide::Yes, []);
    assert_eq!(attempts(async |client| client.accept_rfq_batch(&"b".into(), &accept).await).await, 1);
    for (id, expected) in [("mine", 2), ("", 1)] {
        let accept = AcceptRfqBatch { client_order_id: Some(id.into()), ..accept.clone() };
        let made = attempts(async |client| client.accept_rfq_batch(&"b".into(), &accept).await).await;
        assert_eq!(made, expected, "{id:?}");
    }
}

#[tokio::test]
async fn an_exchange_that_is_down_is_an_answer() {
    for status in [500, 503, 504] {
        let venue =
            Venue::start(move |_| (status, r#"{"exchange_active": false, "trading_active": false}"#.to_owned())).await;
        assert!(!venue.client.exchange_status().await.unwrap().exchange_active);
        assert_eq!(venue.take_requests().len(), 1);
        let venue = Venue::start(move |_| (status, r#"{"error": {"code": "internal"}}"#.to_owned())).await;
        assert!(venue.client.exchange_status().await.unwrap_err().is_server_error());
    }
}

#[tokio::test]
async fn answers_without_content() {
    for (status, body) in [(204, ""), (200, ""), (200, "{}"), (200, "null"), (200, r#"{"ok": true}"#)] {
        let venue = Venue::start(move |_| (status, body.to_owned())).await;
        venue.client.delete_api_key(&"k".into()).await.unwrap();
        venue.client.cancel_all_orders(&CancelAllOrdersQuery::default()).await.unwrap();
    }
}
