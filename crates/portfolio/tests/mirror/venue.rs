//! A venue in memory. Its pages shift while they are read, newest rows come first, and it can fail at any request.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicI64, AtomicUsize, Ordering},
};

use daybook_kalshi::{
    WallClock,
    rest::{
        historical::{HistoricalCutoff, HistoricalFillsQuery, HistoricalOrdersQuery, HistoricalPositionsQuery},
        orders::{Order, OrdersPage, OrdersQuery},
        portfolio::{
            Balance, BalanceQuery, EventPosition, Fill, FillsPage, FillsQuery, MarketPosition, PositionsPage,
            PositionsQuery, Settlement, SettlementsPage, SettlementsQuery, SubaccountBalance,
        },
        value::{Cursor, Subaccount, UnixSeconds},
    },
};
use daybook_portfolio::{AccountIdentity, AccountSource, SourceError, SyncOptions};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// 2026-10-01T00:00:00Z.
pub const DAY_ONE: i64 = 1_790_812_800;

pub fn read<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

/// RFC 3339 of so many seconds after day one.
pub fn stamp(seconds: i64) -> String {
    jiff::Timestamp::from_second(DAY_ONE + seconds).unwrap().to_string()
}

/// A clock that stands where it is put, in seconds after day one.
#[derive(Default)]
pub struct StoppedClock(AtomicI64);

impl StoppedClock {
    pub fn set(&self, seconds: i64) {
        self.0.store(seconds, Ordering::SeqCst);
    }
}

impl WallClock for StoppedClock {
    fn unix_nanos(&self) -> i64 {
        (DAY_ONE + self.0.load(Ordering::SeqCst)) * 1_000_000_000
    }
}

pub fn options(clock: &Arc<StoppedClock>, page_size: u32) -> SyncOptions {
    SyncOptions { page_size, clock: clock.clone(), ..SyncOptions::default() }
}

/// A row, whose it is, and whether it is archived.
#[derive(Clone)]
pub struct Kept<T> {
    pub subaccount: u32,
    pub archived: bool,
    pub row: T,
}

#[derive(Clone, Default)]
pub struct Rows {
    pub subaccounts: Vec<u32>,
    pub fills: Vec<Kept<Fill>>,
    pub settlements: Vec<Kept<Settlement>>,
    pub orders: Vec<Kept<Order>>,
    /// An event with the positions in its markets: they are on one page.
    pub positions: Vec<Kept<(EventPosition, Vec<MarketPosition>)>>,
    pub balance_cents: i64,
    /// Seconds after day one; what is older is archived.
    pub cutoff: i64,
    /// A cursor of an earlier generation is refused.
    pub generation: u32,
    /// Fills, by trade, whose count is none when they are sent.
    pub garbled: Vec<String>,
    /// Whether settlements are sent as something that is no page at all.
    pub garbled_settlements: bool,
}

#[derive(Default)]
pub struct Venue {
    pub rows: Mutex<Rows>,
    requests: AtomicUsize,
    fail_at: AtomicUsize,
    /// What was asked, in words.
    pub asked: Mutex<Vec<String>>,
}

impl Venue {
    pub fn new(rows: Rows) -> Venue {
        Venue { rows: Mutex::new(rows), fail_at: AtomicUsize::new(usize::MAX), ..Venue::default() }
    }

    /// Answers `requests` more requests, fails at the next one, and answers from then on.
    pub fn fail_after(&self, requests: usize) {
        self.fail_at.store(self.requests.load(Ordering::SeqCst) + requests, Ordering::SeqCst);
    }

    pub fn change(&self, change: impl FnOnce(&mut Rows)) {
        change(&mut self.rows.lock().unwrap());
    }

    pub fn take_asked(&self) -> Vec<String> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }

    async fn answer<T>(
        &self,
        what: impl Into<String>,
        answer: impl FnOnce(&Rows) -> Result<T, SourceError>,
    ) -> Result<T, SourceError> {
        tokio::task::yield_now().await;
        self.asked.lock().unwrap().push(what.into());
        if self.requests.fetch_add(1, Ordering::SeqCst) == self.fail_at.load(Ordering::SeqCst) {
            return Err(SourceError::Failed("the wire was cut".into()));
        }
        answer(&self.rows.lock().unwrap())
    }
}

/// The page of `rows` at `cursor`, and the next one's cursor: an offset into rows that may shift meanwhile.
fn page<T: Clone>(
    rows: Vec<T>,
    limit: Option<u32>,
    cursor: &Option<Cursor>,
    generation: u32,
) -> Result<(Vec<T>, Option<String>), SourceError> {
    let offset = match cursor {
        None => 0,
        Some(cursor) => {
            let (offset, of) = cursor.as_str().split_once('@').unwrap();
            if of.parse() != Ok(generation) {
                return Err(SourceError::Refused("invalid cursor".into()));
            }
            offset.parse::<usize>().unwrap()
        }
    };
    let end = rows.len().min(offset + limit.unwrap() as usize);
    let next = (end < rows.len()).then(|| format!("{end}@{generation}"));
    Ok((rows.get(offset..end).unwrap_or_default().to_vec(), next))
}

fn select<T: Clone>(
    rows: &[Kept<T>],
    subaccount: Option<Subaccount>,
    archived: bool,
    after: impl Fn(&T) -> bool,
) -> Vec<T> {
    let of = rows.iter().filter(|row| Some(Subaccount(row.subaccount)) == subaccount && row.archived == archived);
    // Newest first: rows are kept in the order in which they came.
    of.map(|row| row.row.clone()).filter(after).rev().collect()
}

fn at_or_after(time: jiff::Timestamp, min_ts: Option<UnixSeconds>) -> bool {
    // Strictly after: the harder reading of the venue's words.
    min_ts.is_none_or(|min_ts| UnixSeconds::from(time) > min_ts)
}

fn since(min_ts: Option<UnixSeconds>) -> String {
    min_ts.map_or("all".to_owned(), |min_ts| format!("since {}", min_ts.0 - DAY_ONE))
}

impl AccountSource for Venue {
    fn identity(&self) -> Result<AccountIdentity, SourceError> {
        Ok(AccountIdentity { environment: "demo".into(), key_id: "a-key".into() })
    }

    async fn subaccount_balances(&self) -> Result<Vec<SubaccountBalance>, SourceError> {
        self.answer("subaccounts", |rows| {
            let balance = |number: &u32| {
                read(
                    json!({"subaccount_number": number, "exchange_index": 0, "balance": "1.00", "updated_ts": DAY_ONE}),
                )
            };
            Ok(rows.subaccounts.iter().map(balance).collect())
        })
        .await
    }

    async fn balance(&self, _query: &BalanceQuery) -> Result<Balance, SourceError> {
        self.answer("balance", |rows| {
            let cents = rows.balance_cents;
            let dollars = format!("{}.{:02}", cents / 100, cents % 100);
            Ok(read(json!({
                "balance": cents, "balance_dollars": dollars, "portfolio_value": 2 * cents, "updated_ts": DAY_ONE,
                "balance_breakdown": [{"exchange_index": 0, "balance": dollars}, {"exchange_index": 2, "balance": "0.0001"}],
            })))
        })
        .await
    }

    async fn historical_cutoff(&self) -> Result<HistoricalCutoff, SourceError> {
        self.answer("cutoff", |rows| {
            let cutoff = stamp(rows.cutoff);
            Ok(read(json!({
                "market_settled_ts": cutoff, "trades_created_ts": cutoff, "orders_updated_ts": cutoff,
                "market_positions_last_updated_ts": cutoff,
            })))
        })
        .await
    }

    async fn positions(&self, query: &PositionsQuery) -> Result<PositionsPage, SourceError> {
        self.answer("positions", |rows| {
            let events = select(&rows.positions, query.subaccount, false, |_| true);
            positions_page(page(events, query.limit, &query.cursor, rows.generation)?)
        })
        .await
    }

    async fn historical_positions(&self, query: &HistoricalPositionsQuery) -> Result<PositionsPage, SourceError> {
        self.answer("historical positions", |rows| {
            let events = select(&rows.positions, query.subaccount, true, |_| true);
            positions_page(page(events, query.limit, &query.cursor, rows.generation)?)
        })
        .await
    }

    async fn fills(&self, query: &FillsQuery) -> Result<FillsPage, SourceError> {
        self.answer(format!("fills {}", since(query.min_ts)), |rows| {
            let after = |fill: &Fill| at_or_after(fill.created_time.unwrap(), query.min_ts);
            let fills = select(&rows.fills, query.subaccount, false, after);
            let (fills, cursor) = page(fills, query.limit, &query.cursor, rows.generation)?;
            let fills = FillsPage { fills, cursor: cursor.map(Cursor::from), extra: Default::default() };
            garble(fills, &rows.garbled)
        })
        .await
    }

    async fn historical_fills(&self, query: &HistoricalFillsQuery) -> Result<FillsPage, SourceError> {
        self.answer(format!("historical fills {}", since(query.min_ts)), |rows| {
            let after = |fill: &Fill| at_or_after(fill.created_time.unwrap(), query.min_ts);
            let fills = select(&rows.fills, query.subaccount, true, after);
            let (fills, cursor) = page(fills, query.limit, &query.cursor, rows.generation)?;
            Ok(FillsPage { fills, cursor: cursor.map(Cursor::from), extra: Default::default() })
        })
        .await
    }

    async fn settlements(&self, query: &SettlementsQuery) -> Result<SettlementsPage, SourceError> {
        self.answer("settlements", |rows| {
            if rows.garbled_settlements {
                return Err(SourceError::Unreadable { body: b"<html>".into(), error: "no JSON".into() });
            }
            let after = |row: &Settlement| at_or_after(row.settled_time, query.min_ts);
            let settlements = select(&rows.settlements, query.subaccount, false, after);
            let (settlements, cursor) = page(settlements, query.limit, &query.cursor, rows.generation)?;
            Ok(SettlementsPage { settlements, cursor: cursor.map(Cursor::from), extra: Default::default() })
        })
        .await
    }

    async fn orders(&self, query: &OrdersQuery) -> Result<OrdersPage, SourceError> {
        self.answer(format!("orders {}", since(query.min_ts)), |rows| {
            let after = |row: &Order| at_or_after(row.created_time.unwrap(), query.min_ts);
            let orders = select(&rows.orders, query.subaccount, false, after);
            let (orders, cursor) = page(orders, query.limit, &query.cursor, rows.generation)?;
            Ok(OrdersPage { orders, cursor: cursor.map(Cursor::from), extra: Default::default() })
        })
        .await
    }

    async fn historical_orders(&self, query: &HistoricalOrdersQuery) -> Result<OrdersPage, SourceError> {
        self.answer("historical orders", |rows| {
            let after = |row: &Order| at_or_after(row.last_update_time.unwrap(), query.min_ts);
            let orders = select(&rows.orders, query.subaccount, true, after);
            let (orders, cursor) = page(orders, query.limit, &query.cursor, rows.generation)?;
            Ok(OrdersPage { orders, cursor: cursor.map(Cursor::from), extra: Default::default() })
        })
        .await
    }
}

/// The page as the client gives it up where one of its rows cannot be read.
fn garble(page: FillsPage, garbled: &[String]) -> Result<FillsPage, SourceError> {
    let mut body = serde_json::to_value(&page).unwrap();
    let mut any = false;
    for row in body["fills"].as_array_mut().unwrap() {
        if garbled.iter().any(|id| row["trade_id"] == **id) {
            (row["count_fp"], any) = ("a lot".into(), true);
        }
    }
    if !any {
        return Ok(page);
    }
    Err(SourceError::Unreadable { body: serde_json::to_vec(&body).unwrap(), error: "a lot is no quantity".into() })
}

type Events = (Vec<(EventPosition, Vec<MarketPosition>)>, Option<String>);

fn positions_page((events, cursor): Events) -> Result<PositionsPage, SourceError> {
    let (event_positions, markets): (Vec<_>, Vec<_>) = events.into_iter().unzip();
    Ok(PositionsPage {
        cursor: cursor.map(Cursor::from),
        market_positions: markets.into_iter().flatten().collect(),
        event_positions,
        extra: Default::default(),
    })
}

pub struct FillRow<'a> {
    pub id: &'a str,
    pub ticker: &'a str,
    pub side: &'a str,
    /// Hundredths.
    pub count: i64,
    /// Ten-thousandths.
    pub yes_price: i64,
    /// Millionths.
    pub fee: i64,
    /// Seconds after day one.
    pub at: i64,
}

impl FillRow<'_> {
    pub fn row(&self) -> Fill {
        let book_side = if self.side == "yes" { "bid" } else { "ask" };
        let price = |value: i64| format!("{}.{:04}", value / 10_000, value % 10_000);
        read(json!({
            "fill_id": self.id, "exchange_index": 0, "trade_id": self.id, "order_id": format!("order-of-{}", self.id),
            "ticker": self.ticker, "market_ticker": self.ticker, "outcome_side": self.side, "book_side": book_side,
            "count_fp": format!("{}.{:02}", self.count / 100, self.count % 100),
            "yes_price_dollars": price(self.yes_price), "no_price_dollars": price(10_000 - self.yes_price),
            "is_taker": true, "fee_cost": format!("{}.{:06}", self.fee / 1_000_000, self.fee % 1_000_000),
            "created_time": stamp(self.at), "ts": DAY_ONE + self.at, "a_field_of_tomorrow": {"x": self.id},
        }))
    }
}

pub fn settlement(ticker: &str, result: &str, counts: [&str; 2], revenue: i64, at: i64) -> Settlement {
    read(json!({
        "ticker": ticker, "exchange_index": 0, "event_ticker": "KXEVENT-1", "market_result": result,
        "yes_count_fp": counts[0], "yes_total_cost_dollars": "0.00", "no_count_fp": counts[1],
        "no_total_cost_dollars": "0.00", "revenue": revenue, "settled_time": stamp(at), "fee_cost": "0.000000",
    }))
}

pub fn order(id: &str, status: &str, filled: &str, placed: i64, updated: i64) -> Order {
    read(json!({
        "order_id": id, "user_id": "me", "client_order_id": "", "ticker": "KXEVENT-1-A", "outcome_side": "yes",
        "book_side": "bid", "type": "limit", "status": status, "yes_price_dollars": "0.4000",
        "no_price_dollars": "0.6000", "fill_count_fp": filled, "remaining_count_fp": "1.00",
        "initial_count_fp": "10.00", "taker_fees_dollars": "0.000100", "maker_fees_dollars": "0.000020",
        "taker_fill_cost_dollars": "0.00", "maker_fill_cost_dollars": "0.00", "created_time": stamp(placed),
        "last_update_time": stamp(updated), "exchange_index": 0,
    }))
}

/// `markets` are tickers with their position in text.
pub fn positions(event: &str, markets: &[(&str, &str)], at: i64) -> (EventPosition, Vec<MarketPosition>) {
    let event_position = read(json!({
        "event_ticker": event, "total_cost_dollars": "4.00", "total_cost_shares_fp": "10.00",
        "event_exposure_dollars": "3.500000", "realized_pnl_dollars": "0.100000", "fees_paid_dollars": "0.010000",
    }));
    let market = |(ticker, position): &(&str, &str)| {
        read(json!({
            "ticker": ticker, "exchange_index": 0, "total_traded_dollars": "4.00", "position_fp": position,
            "market_exposure_dollars": "2.000000", "realized_pnl_dollars": "0.050000",
            "fees_paid_dollars": "0.005000", "last_updated_ts": stamp(at),
        }))
    };
    (event_position, markets.iter().map(market).collect())
}

/// An account with something of everything: two subaccounts, live and archived rows.
pub fn account() -> Rows {
    let mut rows = Rows { subaccounts: vec![0, 3], balance_cents: 12_345, cutoff: 1000, ..Rows::default() };
    for subaccount in [0, 3] {
        for index in 0..7 {
            let id = format!("trade-{subaccount}-{index}");
            let fill = FillRow {
                id: &id,
                ticker: if index % 2 == 0 { "KXEVENT-1-A" } else { "KXEVENT-1-B" },
                side: if index % 3 == 0 { "no" } else { "yes" },
                count: 150 + index,
                yes_price: 4_000 + 100 * index,
                fee: 1_234 + index,
                at: 400 * index,
            };
            rows.fills.push(Kept { subaccount, archived: fill.at < 1000, row: fill.row() });
            let order = order(&format!("order-{subaccount}-{index}"), "executed", "10.00", 400 * index, 400 * index);
            rows.orders.push(Kept { subaccount, archived: 400 * index < 1000, row: order });
        }
        for (index, ticker) in ["KXEVENT-1-A", "KXEVENT-1-C", "KXEVENT-1-D"].into_iter().enumerate() {
            let row = settlement(ticker, "yes", ["3.00", "0.00"], 300, 5000 + index as i64);
            rows.settlements.push(Kept { subaccount, archived: false, row });
        }
        for index in 0..4 {
            let event = format!("KXEVENT-{index}");
            let (a, b) = (format!("{event}-A"), format!("{event}-B"));
            let row = positions(&event, &[(&a, "1.50"), (&b, "-2.00")], 100);
            rows.positions.push(Kept { subaccount, archived: index == 0, row });
        }
    }
    rows
}
