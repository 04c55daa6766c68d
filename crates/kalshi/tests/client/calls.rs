//! One call and its answer: what is sent, what is signed, how answers and refusals are read.

use std::{collections::BTreeMap, time::Duration};

use daybook_kalshi::{Call, CallError, Client, Credentials, Environment, Error, ErrorKind};
use serde_json::{Value, json};

use crate::{
    keys, operations as op,
    venue::{Fault, KEY_ID, PublicKey, Venue, deaf_address},
};

/// An Ed25519 key as a venue knows it, and who holds it.
pub fn key() -> (PublicKey, Credentials) {
    let (pkcs8, public) = keys::ed25519();
    let credentials = Credentials::from_pem(KEY_ID, &keys::pem("PRIVATE KEY", &pkcs8)).unwrap();
    (PublicKey::Ed25519(public), credentials)
}

/// A venue that knows such a key, and who holds it.
pub async fn venue() -> (Venue, Credentials) {
    let (public, credentials) = key();
    (Venue::start(public).await, credentials)
}

/// A venue and a client of it.
pub async fn pair() -> (Venue, Client) {
    let (venue, credentials) = venue().await;
    let client = venue.client(credentials).build().unwrap();
    (venue, client)
}

/// What the venue's catch-all answers.
async fn echo(client: &Client, call: Call) -> Value {
    client.call(call).await.unwrap()
}

#[tokio::test]
async fn both_kinds_of_keys_are_let_in() {
    use aws_lc_rs::signature::KeyPair;

    let (venue, client) = pair().await;
    assert_eq!(echo(&client, Call::new(&op::ORDERS)).await["path"], "/portfolio/orders");
    assert_eq!(venue.received()[0].key_id.as_deref(), Some(KEY_ID));

    let rsa = keys::rsa();
    let venue = Venue::start(PublicKey::Rsa(rsa.public_key().as_ref().to_vec())).await;
    let credentials = Credentials::from_pem(KEY_ID, &keys::pem("RSA PRIVATE KEY", &keys::rsa_pkcs1(&rsa))).unwrap();
    let client = venue.client(credentials).build().unwrap();
    assert_eq!(echo(&client, Call::new(&op::ORDERS)).await["path"], "/portfolio/orders");
}

#[tokio::test]
async fn wrong_keys_are_refused_and_not_tried_again() {
    let (venue, own) = venue().await;
    let (_, stranger) = self::venue().await;
    let client = venue.client(stranger).build().unwrap();
    let error = client.call::<Value>(Call::new(&op::ORDERS)).await.unwrap_err();
    assert!(error.is_unauthenticated() && error.has_code("authentication_error"), "{error}");
    assert_eq!(error.venue().unwrap().details.as_deref(), Some("INCORRECT_API_KEY_SIGNATURE"));
    assert_eq!(venue.received().len(), 1);

    let client = venue.client(own).credentials(None).build().unwrap();
    let error = client.call::<Value>(Call::new(&op::ORDERS)).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::NoCredentials), "{error}");
    assert_eq!(error.attempt(), 0);
    assert_eq!(echo(&client, Call::new(&op::MARKETS)).await["path"], "/markets");
}

#[tokio::test]
async fn paths_and_queries_arrive_as_they_were_meant() {
    let (_venue, client) = pair().await;
    let strange = "A/B ?#%ü.T-1.5";
    let call = Call::new(&op::ORDER)
        .path("order_id", strange)
        .query("tickers", "A,B")
        .query("tickers", "C&D=E")
        .query_opt("cursor", None::<&str>)
        .query_opt("limit", Some(1000));
    let answer = echo(&client, call).await;
    assert_eq!(answer["path"], "/portfolio/orders/A%2FB%20%3F%23%25%C3%BC.T-1.5");
    let query: Vec<(String, String)> =
        url::form_urlencoded::parse(answer["query"].as_str().unwrap().as_bytes()).into_owned().collect();
    let expected = [("tickers", "A,B"), ("tickers", "C&D=E"), ("limit", "1000")];
    assert_eq!(query, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
}

#[tokio::test]
async fn what_is_written_is_sent_as_json_whether_or_not_there_is_a_body() {
    let (venue, client) = pair().await;
    let body = BTreeMap::from([("price", "0.5600")]);
    let answer = echo(&client, Call::new(&op::RESET).path("order_group_id", 1).body(&body)).await;
    assert_eq!(answer["body"], r#"{"price":"0.5600"}"#);
    let answer = echo(&client, Call::new(&op::RESET).path("order_group_id", 1)).await;
    assert_eq!(answer["body"], "{}");
    client.call::<()>(Call::new(&op::CANCEL_ALL)).await.unwrap();
    assert_eq!(venue.received()[2].body, "", "DELETE without body");
}

#[tokio::test]
async fn calls_that_make_no_sense_are_not_sent() {
    let (venue, client) = pair().await;
    let text = |text: &str| text.to_owned();
    let unserializable = BTreeMap::from([(vec![1], 1)]);
    for (call, expected) in [
        (Call::new(&op::ORDER), CallError::MissingPathValue { name: text("order_id"), template: op::ORDER.path }),
        (
            Call::new(&op::ORDERS).path("order_id", 1),
            CallError::PathValues { given: 1, taken: 0, template: op::ORDERS.path },
        ),
        (
            Call::new(&op::ORDER).path("order_id", ".."),
            CallError::PathValue { name: text("order_id"), value: text(".."), template: op::ORDER.path },
        ),
        (Call::new(&op::CREATE).body(&unserializable), CallError::Body { reason: text("key must be a string") }),
    ] {
        let error = client.call::<Value>(call).await.unwrap_err();
        let ErrorKind::Call(found) = error.kind() else { panic!("{error}") };
        assert_eq!(*found, expected);
    }
    assert!(venue.received().is_empty());
}

#[tokio::test]
async fn refusals_say_which_call_which_attempt_and_what_was_answered() {
    let (venue, client) = pair().await;
    let error = client.call::<Value>(Call::new(&op::MISSING).path("id", "a b")).await.unwrap_err();
    assert!(error.is_not_found());
    assert_eq!(
        error.to_string(),
        format!(
            "GetMissing (GET /missing/a%20b) failed at attempt 1: the venue answered 404 not_found: no such thing \
             [call {}]",
            error.correlation_id()
        )
    );
    for (status, body, code, message) in [
        (400, json!({"error": {"code": "invalid_price", "message": "off grid"}}), Some("invalid_price"), "off grid"),
        (400, json!({"code": "invalid_parameters", "message": "bad"}), Some("invalid_parameters"), "bad"),
        (400, json!({"msg": "limit above max"}), None, "limit above max"),
        (403, json!({"error": "forbidden"}), None, "forbidden"),
    ] {
        venue.faults([Fault::Answer(status, body.to_string())]);
        let error = client.call::<Value>(Call::new(&op::ORDERS)).await.unwrap_err();
        let answer = error.venue().unwrap();
        assert_eq!((answer.status, answer.code.as_deref()), (status, code));
        assert_eq!(answer.message.as_deref(), Some(message));
        assert_eq!(error.body(), body.to_string().as_bytes());
    }
}

#[tokio::test]
async fn bodies_that_are_not_the_operations_are_told() {
    let (venue, client) = pair().await;
    venue.faults([Fault::Answer(200, r#"{"markets": [1, "#.into()), Fault::Answer(200, r#"{"markets": {}}"#.into())]);
    for _ in 0..2 {
        let error = client.call::<BTreeMap<String, Vec<u8>>>(Call::new(&op::MARKETS)).await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Decode { status: 200, .. }), "{error}");
        assert!(error.to_string().contains("at line 1 column"), "{error}");
    }
    assert_eq!(venue.received().len(), 2, "such answers are not asked for again");

    venue.faults([Fault::Answer(201, json!({"private_key": "-----BEGIN PRIVATE KEY-----\nMC4C"}).to_string())]);
    let error = client.call::<BTreeMap<String, u8>>(Call::new(&op::MARKETS)).await.unwrap_err();
    assert!(!format!("{error} {error:?}").contains("MC4C"), "{error}");
}

#[tokio::test]
async fn bodies_are_bounded() {
    let (venue, credentials) = venue().await;
    let client = venue.client(credentials).body_limit(1000).build().unwrap();
    venue.faults([Fault::Huge(1001), Fault::Answer(200, format!("\"{}\"", "x".repeat(998)))]);
    let error = client.call::<String>(Call::new(&op::MARKETS)).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::BodyTooLarge { limit: 1000 }), "{error}");
    assert_eq!(client.call::<String>(Call::new(&op::MARKETS)).await.unwrap().len(), 998);
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_not_followed() {
    let (venue, client) = pair().await;
    venue.faults([Fault::AnswerWith(301, String::new(), "location", "http://127.0.0.1:1/".into())]);
    let error = client.call::<Value>(Call::new(&op::ORDERS)).await.unwrap_err();
    assert_eq!((error.status(), error.attempt()), (Some(301), 1));
}

#[tokio::test]
async fn a_status_that_comes_with_a_failure_of_the_server_is_read_all_the_same() {
    let (venue, client) = pair().await;
    let status = json!({"exchange_active": false, "trading_active": false});
    let call = || Call::new(&op::STATUS).accept_status(503);
    venue.faults([
        Fault::Answer(503, status.to_string()),
        Fault::Answer(503, json!({"code": "unavailable"}).to_string()),
        Fault::Answer(503, "<html>".into()),
    ]);
    assert_eq!(client.call::<Value>(call()).await.unwrap(), status);
    assert_eq!(echo(&client, call()).await["path"], "/exchange/status");
    assert_eq!(venue.received().len(), 4, "errors and other texts are no status, and tried again");
}

#[tokio::test]
async fn a_venue_that_is_not_there_is_told_as_such() {
    let environment: Environment = format!("http://{}", deaf_address().await).parse().unwrap();
    let client =
        Client::builder().environment(environment).retry_pauses([1, 1, 1].map(Duration::from_millis)).build().unwrap();
    let error: Error = client.call::<Value>(Call::new(&op::MARKETS)).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Connect(_)), "{error}");
    assert!(!error.may_have_executed());
    assert_eq!(error.attempt(), 4);
    assert!(error.to_string().to_lowercase().contains("refused"), "{error}");
}
