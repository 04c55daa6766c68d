//! A venue with one account, over a real socket: pages, and nothing for who does not sign.

use std::{
    collections::HashMap,
    io::{BufRead, BufReader, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

use serde_json::{Value, json};

/// Answers by path; what is asked is written down.
pub struct Venue {
    pub url: String,
    pub account: Arc<Mutex<Account>>,
}

/// What the account is at the moment.
#[derive(Default)]
pub struct Account {
    pub balance_cents: i64,
    pub positions: Vec<Value>,
    /// Those of the archive.
    pub archived_positions: Vec<Value>,
    pub archived_fills: Vec<Value>,
    pub archived_orders: Vec<Value>,
    pub fills: Vec<Value>,
    pub settlements: Vec<Value>,
    pub orders: Vec<Value>,
    /// Paths with queries, in order.
    pub asked: Vec<String>,
    /// Headers with the signatures of the requests.
    pub signatures: Vec<String>,
    /// What a target must contain to be refused.
    pub refused: Option<&'static str>,
    /// The only subaccount that the key may ask for.
    pub locked_to: Option<u32>,
    /// Closes the connection instead of answering, once so many requests were answered.
    pub answers_left: Option<u32>,
}

/// Rows of a page, whatever is asked for.
const PAGE: usize = 60;

impl Venue {
    pub fn start(account: Account) -> Venue {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let account = Arc::new(Mutex::new(account));
        let shared = account.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let account = shared.clone();
                // A client that goes away in the midst of an answer is no fault of the venue.
                thread::spawn(move || serve(&stream.unwrap(), &account));
            }
        });
        Venue { url, account }
    }
}

fn serve(stream: &TcpStream, account: &Mutex<Account>) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let target = line.split(' ').nth(1)?.to_owned();
    let mut signed = 0;
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        if header.trim().is_empty() {
            break;
        }
        signed += u32::from(header.to_lowercase().starts_with("kalshi-access-"));
        if let Some((_, value)) =
            header.split_once(": ").filter(|(name, _)| name.to_lowercase().ends_with("-signature"))
        {
            account.lock().unwrap().signatures.push(value.trim().to_owned());
        }
    }
    let mut account = account.lock().unwrap();
    account.asked.push(target.clone());
    if let Some(left) = &mut account.answers_left {
        if *left == 0 {
            return None;
        }
        *left -= 1;
    }
    let (status, body) = answer(&account, &target, signed == 3);
    let body = body.to_string();
    let head = format!(
        "HTTP/1.1 {status} -\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    (&*stream).write_all((head + &body).as_bytes()).ok()
}

fn answer(account: &Account, target: &str, signed: bool) -> (u16, Value) {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let query: HashMap<&str, &str> = query.split('&').filter_map(|pair| pair.split_once('=')).collect();
    let path = path.strip_prefix("/trade-api/v2").unwrap_or("");
    let public = matches!(path, "/account/endpoint_costs" | "/markets/orderbooks" | "/historical/cutoff");
    if !signed && !public {
        return (401, json!({"error": {"code": "authentication_error", "message": "not signed"}}));
    }
    if account.refused.is_some_and(|part| target.contains(part)) {
        return (400, json!({"error": {"code": "invalid_parameters", "message": "not this one"}}));
    }
    let asked = query.get("subaccount").and_then(|number| number.parse().ok());
    if !public && !path.starts_with("/account/") && account.locked_to.is_some_and(|only| asked != Some(only)) {
        let message = "this API key is restricted to a single sub-account and cannot access this endpoint";
        return (403, json!({"error": {"code": "forbidden", "message": message}}));
    }
    if query.get("ticker") == Some(&"KXNONE-1") {
        return (404, json!({"error": {"code": "market_not_found", "message": "no such market"}}));
    }
    let page = |name: &str, rows: &[Value]| {
        let wanted: Vec<&Value> =
            rows.iter().filter(|row| query.get("ticker").is_none_or(|ticker| row["ticker"] == **ticker)).collect();
        let from: usize = query.get("cursor").map_or(0, |cursor| cursor.parse().unwrap());
        let to = wanted.len().min(from + PAGE);
        let cursor = if to < wanted.len() { to.to_string() } else { String::new() };
        json!({ name: wanted[from..to], "cursor": cursor })
    };
    let body = match path {
        "/portfolio/balance" => json!({
            "balance": account.balance_cents, "balance_dollars": format!("{}.{:02}", account.balance_cents / 100, account.balance_cents % 100),
            "portfolio_value": 1250, "updated_ts": 1_790_000_000,
        }),
        "/portfolio/positions" => {
            let mut body = page("market_positions", &account.positions);
            body["event_positions"] = json!([]);
            body
        }
        "/portfolio/fills" => page("fills", &account.fills),
        "/portfolio/settlements" => page("settlements", &account.settlements),
        "/portfolio/orders" => page("orders", &account.orders),
        "/historical/fills" => page("fills", &account.archived_fills),
        "/historical/orders" => page("orders", &account.archived_orders),
        "/historical/positions" => {
            let mut body = page("market_positions", &account.archived_positions);
            body["event_positions"] = json!([]);
            body
        }
        "/historical/cutoff" => json!({
            "market_settled_ts": "2026-08-01T00:00:00Z", "trades_created_ts": "2026-08-01T00:00:00Z",
            "orders_updated_ts": "2026-08-01T00:00:00Z", "market_positions_last_updated_ts": "2026-08-01T00:00:00Z",
        }),
        "/portfolio/subaccounts/balances" => json!({ "subaccount_balances": [] }),
        "/account/limits" => json!({
            "usage_tier": "prime", "read": {"refill_rate": 4800, "bucket_capacity": 4800},
            "write": {"refill_rate": 4800, "bucket_capacity": 14400}, "grants": [],
        }),
        "/account/endpoint_costs" => json!({ "default_cost": 10, "endpoint_costs": [] }),
        "/markets/orderbooks" => {
            let books: Vec<Value> = target
                .split(['?', '&'])
                .filter_map(|pair| pair.strip_prefix("tickers="))
                .map(|ticker| json!({"ticker": ticker, "orderbook_fp": {"yes_dollars": [["0.6000", "10.00"]], "no_dollars": [["0.3000", "5.00"]]}}))
                .collect();
            json!({ "orderbooks": books })
        }
        _ => return (404, json!({"error": {"code": "not_found", "message": format!("no {path} here")}})),
    };
    (200, body)
}

pub fn fill(at: u32, ticker: &str, side: &str, count: &str, yes_price: &str, no_price: &str) -> Value {
    json!({
        "fill_id": format!("trade-{at}"), "exchange_index": 0, "trade_id": format!("trade-{at}"), "order_id": format!("order-{at}"),
        "ticker": ticker, "market_ticker": ticker, "outcome_side": side, "book_side": if side == "yes" { "bid" } else { "ask" },
        "count_fp": count, "yes_price_dollars": yes_price, "no_price_dollars": no_price, "is_taker": true,
        "created_time": format!("2026-11-{:02}T12:00:{:02}.5Z", 1 + at / 60, at % 60), "fee_cost": "0.010000", "subaccount_number": 0,
        "ts": 1_790_000_000 + i64::from(at),
    })
}

pub fn position(ticker: &str, count: &str, exposure: &str) -> Value {
    json!({
        "ticker": ticker, "exchange_index": 0, "total_traded_dollars": "4.200000", "position_fp": count,
        "market_exposure_dollars": exposure, "realized_pnl_dollars": "0.000000", "fees_paid_dollars": "0.010000",
        "last_updated_ts": "2026-11-20T12:00:00Z",
    })
}

pub fn settlement(ticker: &str) -> Value {
    json!({
        "ticker": ticker, "exchange_index": 0, "event_ticker": "KXOLD-26NOV10", "market_result": "yes", "yes_count_fp": "3.00",
        "yes_total_cost_dollars": "1.500000", "no_count_fp": "0.00", "no_total_cost_dollars": "0.000000", "revenue": 300,
        "settled_time": "2026-11-11T00:00:00Z", "fee_cost": "0.020000", "value": 100,
    })
}

pub fn order(at: u32, ticker: &str, status: &str) -> Value {
    json!({
        "order_id": format!("order-{at}"), "user_id": "user-1", "client_order_id": format!("mine-{at}"), "ticker": ticker,
        "outcome_side": "yes", "book_side": "bid", "type": "limit", "status": status, "yes_price_dollars": "0.4250",
        "no_price_dollars": "0.5750", "fill_count_fp": "1.25", "remaining_count_fp": "8.75", "initial_count_fp": "10.00",
        "taker_fill_cost_dollars": "0.531250", "maker_fill_cost_dollars": "0.000000", "taker_fees_dollars": "0.012300",
        "maker_fees_dollars": "0.000000", "created_time": "2026-11-20T12:00:00.123456Z", "last_update_time": "2026-11-20T12:00:01Z",
        "subaccount_number": 0, "exchange_index": 0,
    })
}
