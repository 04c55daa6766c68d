//! The real client as the source, over a socket.

use std::sync::{Arc, Mutex};

use daybook_kalshi::{Client, Credentials, Environment, RateLimiter, Tier};
use daybook_portfolio::{AccountSource, SourceError, Store, sync};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

use crate::venue::{DAY_ONE, FillRow, StoppedClock, options, positions, settlement, stamp};

/// The private key of RFC 8032's first test vector.
const KEY: &str = "-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g
-----END PRIVATE KEY-----
";

/// Answers by path; a request with `cursor=old` is refused.
fn answer(target: &str) -> (u16, Value) {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    if query.contains("cursor=old") {
        return (400, json!({"error": {"code": "invalid_cursor", "message": "invalid cursor"}}));
    }
    let fill = |id, at| FillRow { id, ticker: "KX-A", side: "yes", count: 100, yes_price: 4000, fee: 70, at }.row();
    let body = match path.trim_start_matches("/trade-api/v2") {
        "/portfolio/subaccounts/balances" => json!({"subaccount_balances": [
            {"subaccount_number": 0, "exchange_index": 0, "balance": "1.00", "updated_ts": DAY_ONE},
            {"subaccount_number": 0, "exchange_index": 1, "balance": "2.00", "updated_ts": DAY_ONE},
        ]}),
        "/portfolio/balance" => {
            json!({"balance": 100, "balance_dollars": "1.0000", "portfolio_value": 5, "updated_ts": DAY_ONE})
        }
        "/portfolio/positions" => {
            let (event, markets) = positions("KX", &[("KX-A", "1.00")], 5);
            json!({"cursor": "", "market_positions": markets, "event_positions": [event]})
        }
        "/portfolio/fills" if query.contains("cursor=next") => json!({"cursor": null, "fills": [fill("b", 5)]}),
        "/portfolio/fills" => json!({"cursor": "next", "fills": [fill("a", 6)]}),
        "/historical/fills" => json!({"cursor": "", "fills": [fill("c", 1)]}),
        "/portfolio/settlements" => json!({"settlements": [settlement("KX-A", "yes", ["3.00", "0.00"], 300, 9)]}),
        "/historical/cutoff" => {
            json!({"market_settled_ts": stamp(0), "trades_created_ts": stamp(0), "orders_updated_ts": stamp(0)})
        }
        "/historical/positions" => json!({"market_positions": null, "event_positions": null}),
        "/portfolio/orders" | "/historical/orders" => json!({"orders": [], "cursor": ""}),
        other => return (404, json!({"error": {"code": "not_found", "message": other}})),
    };
    (200, body)
}

async fn serve(stream: TcpStream, asked: Arc<Mutex<Vec<String>>>) {
    let mut stream = BufReader::new(stream);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if stream.read_line(&mut head).await.unwrap_or(0) == 0 {
                return;
            }
        }
        let target = head.split(' ').nth(1).unwrap().to_owned();
        let (status, body) = answer(&target);
        asked.lock().unwrap().push(target);
        let body = body.to_string();
        let answer = format!(
            "HTTP/1.1 {status} Status\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        if stream.get_mut().write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

async fn start() -> (Client, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let environment: Environment = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    let asked = Arc::new(Mutex::new(Vec::new()));
    let heard = asked.clone();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, heard.clone()));
        }
    });
    let limiter = RateLimiter::builder().limits(Tier::Prestige.limits()).full_at_start().build();
    let credentials = Credentials::from_pem("a-key", KEY).unwrap();
    let client = Client::builder().environment(environment).credentials(credentials).limiter(limiter);
    (client.retry_pauses([]).build().unwrap(), asked)
}

#[tokio::test]
async fn an_account_is_mirrored_over_a_socket() {
    let (client, asked) = start().await;
    let store = Store::in_memory().await.unwrap();
    let clock = Arc::new(StoppedClock::default());
    let report = sync(&client, &store, &options(&clock, 1000), &()).await.unwrap();
    assert_eq!(report.account.key_id, "a-key");
    assert!(report.account.environment.starts_with("http://127.0.0.1:"));
    // A balance, a position and its event, three fills, a settlement.
    assert_eq!(report.total().new, 7);
    let targets: Vec<String> = asked.lock().unwrap().iter().map(|target| target.replace("/trade-api/v2", "")).collect();
    let expected = [
        "/portfolio/subaccounts/balances",
        "/portfolio/balance?subaccount=0",
        "/portfolio/positions?limit=1000&settlement_status=all&subaccount=0",
        "/historical/cutoff",
        "/historical/positions?subaccount=0&limit=1000",
        "/portfolio/fills?limit=1000&subaccount=0",
        "/portfolio/fills?limit=1000&cursor=next&subaccount=0",
        "/historical/cutoff",
        "/historical/fills?limit=1000&subaccount=0",
        "/portfolio/settlements?limit=1000&subaccount=0",
        "/portfolio/orders?limit=1000&subaccount=0",
        "/historical/cutoff",
        "/historical/orders?limit=1000&subaccount=0",
    ];
    assert_eq!(targets, expected);
    assert!(sync(&client, &store, &options(&clock, 1000), &()).await.unwrap().is_unchanged());
}

#[tokio::test]
async fn a_refused_cursor_is_told_apart() {
    let (client, _) = start().await;
    let query = daybook_kalshi::rest::portfolio::FillsQuery { cursor: Some("old".into()), ..Default::default() };
    let error = AccountSource::fills(&client, &query).await.unwrap_err();
    assert!(matches!(&error, SourceError::Refused(_)) && error.to_string().contains("GetFills"), "{error}");
    let anonymous = Client::builder().environment("demo".parse().unwrap()).build().unwrap();
    let error = AccountSource::identity(&anonymous).unwrap_err();
    assert!(error.to_string().contains("API key"), "{error}");
}
