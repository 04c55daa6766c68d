//! Connections.

use std::{io, time::Duration};

use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use tokio::{
    io::AsyncReadExt,
    time::{sleep, timeout},
};
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::stand::{MARKETS, PATIENCE, Plain, Stand, frame, seqs_to};

/// Strikes the only connection.
async fn struck(kind: &str, for_ms: Option<u64>, amount: Option<i64>) -> (Stand, Plain) {
    let stand = Stand::start().await;
    let socket = stand.subscribed(&MARKETS[..1]).await;
    let body = json!({"kind": kind, "for_ms": for_ms, "amount": amount, "target": {"connection": 1}});
    let (status, answer) = stand.admin("POST", "/faults/once", &body.to_string()).await;
    assert_eq!(status, 200, "{answer}");
    while stand.log().is_empty() {
        sleep(Duration::from_millis(1)).await;
    }
    let entry = &stand.log()[0];
    assert_eq!((entry.kind.as_str(), entry.connection, entry.for_ms), (kind, Some(1), for_ms));
    (stand, socket)
}

#[tokio::test]
async fn a_connection_is_reset() {
    let (stand, mut socket) = struck("reset", None, None).await;
    match timeout(PATIENCE, socket.next()).await.unwrap().unwrap() {
        Err(Error::Io(error)) => assert_eq!(error.kind(), io::ErrorKind::ConnectionReset),
        other => panic!("{other:?}"),
    }
    // The exchange has forgotten it, and takes new ones.
    while stand.exchange.venue().hub().connections().next().is_some() {
        sleep(Duration::from_millis(1)).await;
    }
    stand.subscribed(&MARKETS[..1]).await;
}

#[tokio::test]
async fn a_half_open_connection_says_nothing_and_stays() {
    let (stand, mut socket) = struck("half_open", Some(3_000), None).await;
    socket.send(Message::Ping("there?".into())).await.unwrap();
    stand.change(MARKETS[0], 1);
    let silence = timeout(Duration::from_millis(500), socket.next()).await;
    assert!(silence.is_err(), "{silence:?}");
    assert_eq!(stand.exchange.venue().hub().connections().count(), 1);
    let mut ponged = false;
    while !ponged {
        ponged = matches!(timeout(PATIENCE, socket.next()).await.unwrap().unwrap().unwrap(), Message::Pong(_));
    }
    stand.change(MARKETS[0], 1);
    while frame(&mut socket).await["seq"] != 3 {}
}

#[tokio::test]
async fn what_a_client_sends_is_not_read() {
    let (stand, mut socket) = struck("slow_read", Some(2_000), None).await;
    socket.send(Message::text(r#"{"id":7,"cmd":"list_subscriptions"}"#)).await.unwrap();
    // Time enough for the answer, were the command read.
    sleep(Duration::from_millis(300)).await;
    stand.change(MARKETS[0], 1);
    assert_eq!(frame(&mut socket).await["type"], "orderbook_delta");
    assert_eq!(frame(&mut socket).await["id"], 7);
}

#[tokio::test]
async fn what_a_client_is_sent_comes_in_drops() {
    let (stand, mut socket) = struck("trickle", Some(1_000), Some(4_000)).await;
    stand.change(MARKETS[0], 100);
    let mut bytes = [0; 32 << 10];
    let read = timeout(PATIENCE, socket.get_mut().read(&mut bytes)).await.unwrap().unwrap();
    assert!((1..=600).contains(&read), "{read} bytes at once");
    // All of it comes in the end: about 200 bytes for each of a hundred frames.
    let mut all = read;
    while !bytes[..all].windows(12).any(|window| window == br#","seq":101,""#) {
        all += timeout(PATIENCE, socket.get_mut().read(&mut bytes[all..])).await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_restart_forgets_all_subscriptions() {
    let stand = Stand::start().await;
    let mut sockets = [stand.subscribed(&MARKETS[..1]).await, stand.subscribed(&MARKETS[..2]).await];
    let (status, _) = stand.admin("POST", "/faults/once", r#"{"kind":"restart"}"#).await;
    assert_eq!(status, 200);
    for socket in &mut sockets {
        let Message::Close(Some(close)) = timeout(PATIENCE, socket.next()).await.unwrap().unwrap().unwrap() else {
            panic!("no goodbye")
        };
        assert_eq!(u16::from(close.code), 1012);
    }
    assert_eq!(stand.log().iter().map(|entry| entry.kind.as_str()).collect::<Vec<_>>(), ["restart"]);
    let mut again = stand.subscribed(&MARKETS[1..2]).await;
    stand.change(MARKETS[1], 1);
    assert_eq!(seqs_to(&mut again, 2).await, [2]);
}

#[tokio::test]
async fn one_connection_is_closed() {
    let (_stand, mut socket) = struck("close", None, None).await;
    let Message::Close(Some(close)) = timeout(PATIENCE, socket.next()).await.unwrap().unwrap().unwrap() else {
        panic!("no goodbye")
    };
    assert_eq!(u16::from(close.code), 1012);
}
