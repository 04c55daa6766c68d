//! The WebSocket beside REST: the handshake, what a trade looks like on it, and the end.

use std::time::Duration;

use daybook_exchange::rest;
use daybook_kalshi::{BookStream, BookUpdate, Credentials, Environment, rest::markets::BookSide};
use serde_json::json;
use tokio::{net::TcpListener, sync::oneshot, time::timeout};

use crate::exchange::{Venues, count, order, price, ticker};

const MARKET: &str = "KXHIGHNY-26OCT01-T60";
const PATH: &str = "/trade-api/ws/v2";

#[tokio::test]
async fn a_handshake_is_refused_flat() {
    let venues = Venues::start().await;
    let member = venues.member("1");
    let upgrade =
        [("upgrade", "websocket"), ("sec-websocket-version", "13"), ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")];
    let (status, _, answer) = venues.raw("GET", PATH, None, &upgrade, None).await;
    assert_eq!((status, &answer["code"]), (401, &json!("authentication_error")), "{answer}");
    let unknown = Credentials::from_pem("5e0c7b1c-3c39-4a3c-8f5d-000000000000", &member.pem).unwrap();
    let (status, _, answer) = venues.raw("GET", PATH, Some(&unknown), &upgrade, None).await;
    assert_eq!((status, &answer["details"]), (401, &json!("NOT_FOUND")), "{answer}");
    let (status, _, answer) = venues.raw("GET", PATH, member.client.credentials(), &[], None).await;
    assert_eq!((status, &answer["code"]), (400, &json!("invalid_handshake")), "{answer}");
}

#[tokio::test]
async fn a_book_lives_on_the_socket_and_ends_with_the_exchange() {
    let venues = Venues::start().await;
    // The same exchange as it is served in earnest.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = tokio::spawn(rest::serve(listener, venues.exchange.clone(), async move {
        let _ = stopped.await;
    }));
    let member = venues.member("100");
    member.client.create_order(&order(MARKET, BookSide::Bid, "0.40", "10")).await.unwrap();

    let urls = (format!("http://{address}/trade-api/v2"), format!("ws://{address}{PATH}"));
    let environment = Environment::custom(urls.0.parse().unwrap(), urls.1.parse().unwrap()).unwrap();
    // The stream stamps with the system's clock, so the exchange lives by it from now on.
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let behind = now.saturating_sub(Duration::from_secs(crate::exchange::START as u64));
    venues.wait(behind);
    reopen(&venues);
    let credentials = Credentials::from_pem(&member.key_id, &member.pem).unwrap();
    let mut books = BookStream::open(environment, credentials, [ticker(MARKET)]).unwrap();
    let update = timeout(Duration::from_secs(20), books.next()).await.unwrap().unwrap().unwrap();
    let BookUpdate::Live { book, .. } = update else { panic!("{update:?}") };
    assert_eq!(book.best_bid(daybook_book::Side::Yes), None, "what rested was cancelled when the market closed");

    let fresh = venues.client(&member.key_id, &member.pem);
    fresh.create_order(&order(MARKET, BookSide::Bid, "0.42", "7.50")).await.unwrap();
    let update = timeout(Duration::from_secs(20), books.next()).await.unwrap().unwrap().unwrap();
    let BookUpdate::Changed { book, .. } = update else { panic!("{update:?}") };
    assert_eq!(book.best_bid(daybook_book::Side::Yes), Some((price("0.42"), count("7.50"))));

    stop.send(()).unwrap();
    timeout(Duration::from_secs(20), serving).await.unwrap().unwrap().unwrap();
    assert_eq!(venues.exchange.venue().hub().connections().count(), 0);
}

/// Opens the market again, whose close the system's clock may have passed.
fn reopen(venues: &Venues) {
    let (now, market) = (venues.now(), venues.market(MARKET));
    let later = daybook_book::ExchangeTime::from_micros(now.micros() + 3_600_000_000);
    let mut venue = venues.exchange.venue();
    venue.advance(now);
    venue.change_market(market, daybook_exchange::venue::MarketChange::CloseAt(later), now).unwrap();
}
