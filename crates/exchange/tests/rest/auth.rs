//! Who is let in, and what the others are told.

use std::time::Duration;

use daybook_exchange::auth::{NewKey, PrivateKey};
use daybook_kalshi::{
    Algorithm, Credentials, Tier, WallClock,
    rest::{
        api_keys::{CreateApiKey, GenerateApiKey, KeyKind, Scope},
        markets::BookSide,
        portfolio::BalanceQuery,
        value::Subaccount,
    },
};
use serde_json::json;

use crate::exchange::{Venues, dollars, order};

const BALANCE: &str = "/trade-api/v2/portfolio/balance";

#[tokio::test]
async fn both_kinds_of_keys_are_let_in() {
    let venues = Venues::start().await;
    for algorithm in [Algorithm::Ed25519, Algorithm::RsaPss] {
        let member = venues.member_on(Tier::Prestige, algorithm, "12.34");
        let balance = member.client.balance(&BalanceQuery::default()).await.unwrap();
        assert_eq!((balance.balance.0, balance.balance_dollars), (1_234, dollars("12.34")));
    }
    venues.check_answers();
}

#[tokio::test]
async fn the_others_are_told_why() {
    let venues = Venues::start().await;
    let member = venues.member("1");
    let other = venues.member("1");
    let get = |credentials: Credentials| {
        let venues = &venues;
        async move { venues.raw("GET", BALANCE, Some(&credentials), &[], None).await }
    };

    let (status, _, answer) = venues.raw("GET", BALANCE, None, &[], None).await;
    assert_eq!((status, &answer["error"]["code"]), (401, &json!("authentication_error")));

    let (status, _, answer) = get(Credentials::from_pem(&member.key_id, &other.pem).unwrap()).await;
    assert_eq!((status, &answer["error"]["details"]), (401, &json!("INCORRECT_API_KEY_SIGNATURE")));

    let unknown = Credentials::from_pem("5e0c7b1c-3c39-4a3c-8f5d-000000000000", &member.pem).unwrap();
    let (status, _, answer) = get(unknown).await;
    assert_eq!((status, &answer["error"]["code"]), (401, &json!("authentication_error")));
    assert_eq!(answer["error"]["details"], json!("NOT_FOUND"));

    // The query is not signed, the path is.
    let credentials = member.client.credentials().unwrap();
    let (status, ..) = venues.raw("GET", &format!("{BALANCE}?subaccount=0"), Some(credentials), &[], None).await;
    assert_eq!(status, 200);
    let now = venues.clock.unix_nanos() / 1_000_000;
    for (millis, path, expected) in [
        (now - 10_000, BALANCE, 200),
        (now + 30_000, BALANCE, 200),
        (now - 11_000, BALANCE, 401),
        (now + 60_000, BALANCE, 401),
        (now, "/portfolio/balance", 401),
    ] {
        let signed = credentials.headers("GET", path, millis).unwrap();
        let headers: Vec<_> = signed.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let (status, _, answer) = venues.raw("GET", BALANCE, None, &headers, None).await;
        assert_eq!(status, expected, "{millis} {path} {answer}");
        if status == 401 && path == BALANCE {
            assert_eq!(answer["error"]["code"], "header_timestamp_expired");
        }
    }
}

#[tokio::test]
async fn keys_are_made_used_listed_and_deleted() {
    let venues = Venues::start().await;
    let member = venues.member("5");
    let generated = member
        .client
        .generate_api_key(&GenerateApiKey { key_type: Some(KeyKind::Ed25519), ..GenerateApiKey::new("second") })
        .await
        .unwrap();
    assert!(generated.private_key.expose().starts_with("-----BEGIN PRIVATE KEY-----"));
    let second = venues.client(generated.api_key_id.as_str(), generated.private_key.expose());
    let listed = second.api_keys(&Default::default()).await.unwrap().api_keys;
    assert_eq!(listed.iter().map(|key| key.name.as_str()).collect::<Vec<_>>(), ["of a test", "second"]);

    let rsa = member.client.generate_api_key(&GenerateApiKey::new("third")).await.unwrap();
    assert!(rsa.private_key.expose().starts_with("-----BEGIN RSA PRIVATE KEY-----"));
    let third = venues.client(rsa.api_key_id.as_str(), rsa.private_key.expose());
    third.delete_api_key(&generated.api_key_id).await.unwrap();
    let error = second.api_keys(&Default::default()).await.unwrap_err();
    assert!(error.is_unauthenticated(), "{error}");
    let error = third.delete_api_key(&generated.api_key_id).await.unwrap_err();
    assert!(error.is_not_found(), "{error}");

    let error = member.client.create_api_key(&CreateApiKey::new("bad", "no key")).await.unwrap_err();
    assert_eq!(error.status(), Some(400));
    // RFC 8410's own example.
    let pem = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n";
    let body = CreateApiKey { scopes: Some(vec![Scope::Write]), ..CreateApiKey::new("no read", pem) };
    assert_eq!(member.client.create_api_key(&body).await.unwrap_err().status(), Some(400));
    member.client.create_api_key(&CreateApiKey::new("own", pem)).await.unwrap();
    venues.check_answers();
}

#[tokio::test]
async fn a_key_does_what_its_scopes_and_its_subaccount_let_it() {
    let venues = Venues::start().await;
    let member = venues.member("50");
    let sub = member.client.create_subaccount(&Default::default()).await.unwrap();
    assert_eq!(sub, Subaccount(1));

    let key = |scopes: Vec<Scope>, subaccount| {
        let pair = PrivateKey::generate(Algorithm::Ed25519).unwrap();
        let new = NewKey { name: "narrow".to_owned(), scopes, subaccount, public: pair.public };
        let id = venues.exchange.venue().add_key(member.account, new);
        venues.client(&id, &pair.pem)
    };
    let reader = key(vec![Scope::Read], None);
    reader.orders(&Default::default()).await.unwrap();
    let bid = order("KXHIGHNY-26OCT01-T60", BookSide::Bid, "0.4", "1");
    let error = reader.create_order(&bid).await.unwrap_err();
    assert!(error.is_forbidden(), "{error}");
    let trader = key(vec![Scope::WriteTrade, Scope::ReadPortfolioBalance], None);
    trader.create_order(&bid).await.unwrap();
    trader.balance(&Default::default()).await.unwrap();
    assert!(trader.orders(&Default::default()).await.unwrap_err().is_forbidden());

    let locked = key(vec![Scope::Read, Scope::Write], Some(1));
    let elsewhere = BalanceQuery { subaccount: Some(Subaccount(0)), ..Default::default() };
    let error = locked.balance(&elsewhere).await.unwrap_err();
    assert!(error.is_forbidden(), "{error}");
    assert!(error.to_string().contains("restricted to a single sub-account"), "{error}");
    let own = locked.balance(&Default::default()).await.unwrap();
    assert_eq!((own.balance.0, own.balance_breakdown), (0, None));
    assert_eq!(locked.orders(&Default::default()).await.unwrap().orders.len(), 0, "the other's orders are not seen");
    assert!(locked.create_subaccount(&Default::default()).await.unwrap_err().is_forbidden());
    venues.wait(Duration::from_secs(1));
    venues.check_answers();
}
