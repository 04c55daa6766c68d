//! A recorded past, served: what clients read of it is what was recorded, event for event; and they trade on it.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use daybook_archive::{
    Archive, OpenOptions,
    replay::{Order, ReplayKind, ReplayOptions},
};
use daybook_book::{Event, EventRecord, Money, Quantity, Side, Ticker};
use daybook_kalshi::{
    Channel, Fact, Session, Subscription,
    rest::{
        markets::{BookSide, MarketStatus, OrderbookQuery},
        orders::{CreateOrder, SelfTradePrevention, TimeInForce},
        portfolio::{BalanceQuery, FillsQuery, SettlementsQuery},
    },
};
use serde_json::{Map, Value, json};
use tempfile::TempDir;
use tokio::{
    runtime::Runtime,
    time::{sleep, timeout},
};

use crate::{Exchange, own_client::Handed};

const PATIENCE: Duration = Duration::from_secs(120);

fn daybook(args: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_daybook")).args(args).output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A folder with an archive of these captures.
fn archive(captures: &[PathBuf], metadata: Option<&Path>) -> (TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("archive").to_str().unwrap().to_owned();
    let mut args = vec!["--archive".to_owned(), root.clone(), "import".to_owned()];
    args.extend(captures.iter().map(|path| path.to_str().unwrap().to_owned()));
    if let Some(metadata) = metadata {
        args.extend(["--metadata".to_owned(), metadata.to_str().unwrap().to_owned()]);
    }
    daybook(&args.iter().map(String::as_str).collect::<Vec<_>>());
    (folder, root)
}

fn sample() -> (TempDir, String) {
    let examples = repository().join("examples");
    archive(&[examples.join("sample.ndjson.gz")], Some(&examples.join("metadata")))
}

/// All book events and trades of an archive, each as a line that says all that the venue said.
fn told(root: &str, order: Order) -> Vec<String> {
    let archive = Archive::open(root, OpenOptions::default()).unwrap();
    let options = ReplayOptions {
        tickers: archive.tickers().unwrap(),
        start: i64::MIN,
        end: i64::MAX,
        order,
        trades: true,
        announcements: true,
    };
    let events = archive.replay(&options).unwrap();
    events
        .map(|event| {
            let event = event.unwrap();
            let ticker = &event.ticker;
            match event.kind {
                ReplayKind::Snapshot(book) => {
                    let levels = |side| book.book.levels(side).collect::<Vec<_>>();
                    let (yes, no) = (levels(Side::Yes), levels(Side::No));
                    format!("{ticker} snapshot {:?} {:?} {yes:?} {no:?}", book.ts, book.clock)
                }
                ReplayKind::Delta(delta) => {
                    let (side, price, quantity) = (delta.side, delta.price, delta.quantity);
                    format!("{ticker} delta {:?} {:?} {side:?} {price} {quantity}", delta.ts, delta.clock)
                }
                ReplayKind::Trade(trade) => format!(
                    "{ticker} trade {} {:?} {} {} {} {:?} {:?} {:?} {:?} {:?}",
                    trade.trade_id,
                    trade.ts,
                    trade.yes_price,
                    trade.no_price,
                    trade.count,
                    trade.taker_side,
                    trade.taker_outcome_side,
                    trade.taker_book_side,
                    trade.is_block_trade,
                    trade.extra,
                ),
                ReplayKind::Announcement(record) => format!("{ticker} {:?} {:?}", record.event, record.extra),
            }
        })
        .collect()
}

/// What a client received, written down as a capture has it.
fn line(record: &EventRecord<'_>) -> String {
    let text = |side: Side| Value::from(side.as_str());
    let levels = |levels: &[(daybook_book::Price, Quantity)]| -> Value {
        levels.iter().map(|(price, size)| json!([price.to_string(), size.to_string()])).collect()
    };
    let mut msg: Map<String, Value> = match &record.extra {
        Some(extra) => serde_json::from_str(extra).unwrap(),
        None => Map::new(),
    };
    let mut set = |key: &str, value: Option<Value>| {
        if let Some(value) = value {
            msg.insert(key.to_owned(), value);
        }
    };
    let millis = record.event.ts().map(|ts| ts.micros() / 1_000);
    let stamp = |micros: i64| jiff::Timestamp::from_microsecond(micros).unwrap().to_string();
    set("market_ticker", record.event.ticker().map(Into::into));
    set("ts_ms", millis.map(Into::into));
    let kind = match &record.event {
        Event::Snapshot(book) => {
            set("market_id", Some(book.market_id.as_ref().into()));
            set("clock", book.clock.map(Into::into));
            set("ts", book.ts.map(|ts| stamp(ts.micros()).into()));
            set("yes_dollars_fp", Some(levels(&book.yes)));
            set("no_dollars_fp", Some(levels(&book.no)));
            "orderbook_snapshot"
        }
        Event::Delta(delta) => {
            set("market_id", Some(delta.market_id.as_ref().into()));
            set("clock", delta.clock.map(Into::into));
            set("ts", delta.ts.map(|ts| stamp(ts.micros()).into()));
            set("side", Some(text(delta.side)));
            set("price_dollars", Some(delta.price.to_string().into()));
            set("delta_fp", Some(delta.quantity.to_string().into()));
            "orderbook_delta"
        }
        Event::Trade(trade) => {
            set("trade_id", Some(trade.trade_id.as_ref().into()));
            set("ts", millis.map(|millis| (millis / 1_000).into()));
            set("yes_price_dollars", Some(trade.yes_price.to_string().into()));
            set("no_price_dollars", Some(trade.no_price.to_string().into()));
            set("count_fp", Some(trade.count.to_string().into()));
            set("taker_side", trade.taker_side.map(text));
            set("taker_outcome_side", trade.taker_outcome_side.map(text));
            set("taker_book_side", trade.taker_book_side.as_deref().map(Into::into));
            set("is_block_trade", trade.is_block_trade.map(Into::into));
            "trade"
        }
        other => panic!("nobody subscribed to this: {other:?}"),
    };
    let mut frame = json!({"type": kind, "sid": record.sid, "msg": msg});
    if let Some(seq) = record.seq {
        frame["seq"] = seq.into();
    }
    // When the exchange sent it: by the clock of the past.
    let sent = record.sent_ts.unwrap().micros() / 1_000;
    json!({"recv_ms": sent, "event": frame}).to_string()
}

/// Lets a paused replay go on.
fn go_on(handed: &Handed) {
    let (status, progress) = handed.admin("POST", "/replay", &json!({"paused": false}));
    assert_eq!((status, &progress["paused"]), (200, &json!(false)));
}

/// Reads a replay to its end with the project's own client, and writes down what it received.
async fn read(handed: &Handed, tickers: Vec<Ticker>) -> String {
    let mut session = Session::builder(handed.environment(), handed.credentials()).open().unwrap();
    let handle = session.handle();
    handle.subscribe(Subscription::new(Channel::OrderbookDelta).markets(tickers.clone())).await.unwrap();
    handle.subscribe(Subscription::new(Channel::Trade).markets(tickers)).await.unwrap();
    go_on(handed);
    let mut capture = String::new();
    loop {
        let mut batch = timeout(PATIENCE, session.next()).await.expect("the replay goes on").unwrap();
        while let Some(fact) = batch.next() {
            match fact {
                Fact::Event(record) => capture += &(line(&record) + "\n"),
                Fact::ConnectionDown { .. } => return capture,
                Fact::Surplus(..) | Fact::Unreadable(_) | Fact::CommandRefused { .. } => panic!("{fact:?}"),
                _ => {}
            }
        }
    }
}

/// Serves all of an archive, reads it with two clients in step, and imports what each received.
fn loop_closes(root: &str) -> usize {
    let archive = Archive::open(root, OpenOptions::default()).unwrap();
    let tickers: Vec<Ticker> = archive.tickers().unwrap().iter().map(|ticker| ticker.parse().unwrap()).collect();
    let flags = ["--speed", "max", "--once", "--paused", "--clients", "2"];
    let exchange = Exchange::start_as(&["--archive", root, "replay", "--all", "--serve"], &flags);
    let handed = Handed::of(&exchange);
    let runtime = Runtime::new().unwrap();
    let captures = runtime.block_on(async { tokio::join!(read(&handed, tickers.clone()), read(&handed, tickers)) });
    exchange.ended();
    let recorded = told(root, Order::Time);
    for capture in [captures.0, captures.1] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("again.ndjson");
        fs::write(&file, capture).unwrap();
        let (_folder, again) = self::archive(&[file], None);
        let again = told(&again, Order::Arrival);
        let differs = recorded.iter().zip(&again).position(|(recorded, again)| recorded != again);
        let about = differs.map(|at| (at, &recorded[at], &again[at]));
        assert_eq!((about, again.len()), (None, recorded.len()));
    }
    recorded.len()
}

#[test]
fn the_loop_closes_on_the_sample() {
    let (_folder, root) = sample();
    assert!(loop_closes(&root) > 30_000);
}

#[test]
fn the_loop_closes_on_real_captures() {
    let captures = env::var_os("DAYBOOK_CAPTURES").map_or_else(|| repository().join("../shared/captures"), Into::into);
    let events = captures.join("kxgold15m/events");
    if !events.is_dir() {
        return println!("SKIPPED: the loop over real captures: there are none at {}", events.display());
    }
    // Three windows, one of which was recorded over a reconnect.
    let windows = ["KXGOLD15M-26AUG101800-00", "KXGOLD15M-26AUG102100-00", "KXGOLD15M-26AUG102115-15"];
    let files: Vec<PathBuf> = windows.iter().map(|window| events.join(window)).collect();
    let (_folder, root) = archive(&files, Some(&captures.join("kxgold15m/metadata")));
    println!("{} events", loop_closes(&root));
}

#[test]
fn a_bot_trades_on_the_past_and_is_settled() {
    let (_folder, root) = sample();
    let ticker: Ticker = "KXBTC15M-26AUG121045-45".parse().unwrap();
    let command = ["--archive", &root, "replay", ticker.as_str(), "--serve"];
    let flags =
        ["--start", "2026-08-12T14:40:00Z", "--speed", "max", "--paused", "--clients", "0", "--balance", "1000"];
    let exchange = Exchange::start_as(&command, &flags);
    let handed = Handed::of(&exchange);
    let recorded = daybook(&[
        "--archive",
        &root,
        "book",
        ticker.as_str(),
        "--at",
        "2026-08-12T14:39:59.999999Z",
        "--format",
        "json",
    ]);
    let recorded: Value = serde_json::from_str(&recorded).unwrap();

    Runtime::new().unwrap().block_on(async {
        let client = handed.client(handed.credentials());
        // It stands as it stood.
        let book = client.orderbook(&ticker, &OrderbookQuery::default()).await.unwrap();
        let best =
            |levels: &Value| (levels[0][0].as_str().unwrap().to_owned(), levels[0][1].as_str().unwrap().to_owned());
        let (no, size) = best(&recorded["no"]);
        let top = book.no_dollars.last().unwrap();
        assert_eq!((top.price.to_string(), top.quantity.to_string()), (no, size));
        let ask = top.price.complement();

        // All that is offered at the best price, and one contract more, which rests.
        let count = Quantity::from_hundredths(top.quantity.hundredths() + 100);
        let order = CreateOrder::new(
            ticker.clone(),
            BookSide::Bid,
            count,
            ask,
            TimeInForce::GoodTillCanceled,
            SelfTradePrevention::TakerAtCross,
        );
        let placed = client.create_order(&order).await.unwrap();
        assert_eq!((placed.fill_count, placed.remaining_count), (top.quantity, Quantity::from_hundredths(100)));
        let after = client.orderbook(&ticker, &OrderbookQuery::default()).await.unwrap();
        assert_eq!(after, book, "own fills do not move history");

        go_on(&handed);
        let begun = Instant::now();
        while handed.admin("GET", "/replay", &Value::Null).1["phase"] != "over" {
            assert!(begun.elapsed() < PATIENCE);
            sleep(Duration::from_millis(20)).await;
        }
        let market = client.market(&ticker).await.unwrap();
        assert_eq!(market.status, MarketStatus::Finalized);
        let settlements = client.settlements(&SettlementsQuery::default()).await.unwrap().settlements;
        assert_eq!(settlements.len(), 1);
        let fills = client.fills(&FillsQuery::default()).await.unwrap().fills;
        let spent: Money = fills
            .iter()
            .map(|fill| Money::of(fill.yes_price_dollars, fill.count_fp))
            .fold(Money::ZERO, |sum, cost| sum + cost);
        let fees = fills.iter().map(|fill| fill.fee_cost).fold(Money::ZERO, |sum, fee| sum + fee);
        let bought = fills.iter().map(|fill| fill.count_fp.hundredths()).sum::<i64>();
        let worth = Money::of(market.settlement_value_dollars.unwrap(), Quantity::from_hundredths(bought));
        let balance = client.balance(&BalanceQuery::default()).await.unwrap();
        let expected = "1000".parse::<Money>().unwrap() - spent - fees + worth;
        assert_eq!(balance.balance_dollars, expected);
    });
    exchange.stop("-TERM");
}

#[test]
fn a_jump_begins_anew_with_the_same_key() {
    let (_folder, root) = sample();
    let ticker: Ticker = "KXBTC15M-26AUG121045-45".parse().unwrap();
    let exchange = Exchange::start_as(
        &["--archive", &root, "replay", ticker.as_str(), "--serve"],
        &["--speed", "1", "--paused", "--balance", "50"],
    );
    let handed = Handed::of(&exchange);
    // Nothing is known of the book before its record begins.
    let (status, truth) = handed.admin("GET", &format!("/books/{}", ticker.as_str()), &Value::Null);
    assert_eq!((status, &truth["known"]), (200, &json!(false)));
    for at in ["2026-08-12T14:41:00Z", "2026-08-12T14:35:00.5Z", "2026-08-12T14:44:00Z"] {
        let (status, _) = handed.admin("POST", "/replay", &json!({"seek": at}));
        assert_eq!(status, 200);
        let begun = Instant::now();
        let seen = loop {
            let progress = handed.admin("GET", "/replay", &Value::Null).1;
            if progress["now"] == at {
                break progress;
            }
            assert!(begun.elapsed() < PATIENCE, "{progress}");
            std::thread::sleep(Duration::from_millis(5));
        };
        assert_eq!(seen["paused"], true);
        let just_before = at.parse::<jiff::Timestamp>().unwrap() - jiff::SignedDuration::from_nanos(1);
        let book = daybook(&[
            "--archive",
            &root,
            "book",
            ticker.as_str(),
            "--at",
            &just_before.to_string(),
            "--format",
            "json",
        ]);
        let book: Value = serde_json::from_str(&book).unwrap();
        let truth = handed.admin("GET", &format!("/books/{}", ticker.as_str()), &Value::Null).1;
        assert_eq!((&truth["yes"], &truth["no"], &truth["known"]), (&book["yes"], &book["no"], &json!(true)));
    }
    let client = handed.client(handed.credentials());
    let balance = Runtime::new().unwrap().block_on(client.balance(&BalanceQuery::default())).unwrap();
    assert_eq!(balance.balance_dollars, "50".parse().unwrap());
    for wrong in [json!({"seek": "yesterday"}), json!({"speed": "0"}), json!({"backwards": true})] {
        let (status, answer) = handed.admin("POST", "/replay", &wrong);
        assert_eq!(status, 400, "{wrong} {answer}");
    }
    exchange.stop("-TERM");
}

#[test]
fn an_order_is_on_its_way_as_long_as_time_stands_still() {
    let (_folder, root) = sample();
    let ticker: Ticker = "KXBTC15M-26AUG121045-45".parse().unwrap();
    let exchange = Exchange::start_as(
        &["--archive", &root, "replay", ticker.as_str(), ticker.as_str(), "--serve"],
        &["--start", "2026-08-12T14:40:00Z", "--paused", "--clients", "0", "--latency", "500", "--speed", "5"],
    );
    let handed = Handed::of(&exchange);
    Runtime::new().unwrap().block_on(async {
        let client = handed.client(handed.credentials());
        let book = client.orderbook(&ticker, &OrderbookQuery::default()).await.unwrap();
        let bid = book.yes_dollars.first().unwrap().price;
        let order = CreateOrder::new(
            ticker.clone(),
            BookSide::Bid,
            Quantity::from_hundredths(100),
            bid,
            TimeInForce::GoodTillCanceled,
            SelfTradePrevention::TakerAtCross,
        );
        let start = "2026-08-12T14:40:00Z".parse::<jiff::Timestamp>().unwrap().as_millisecond();
        let (placed, ()) = tokio::join!(client.create_order(&order), async {
            sleep(Duration::from_millis(300)).await;
            go_on(&handed);
        });
        assert!(placed.unwrap().ts_ms.0 >= start + 500);
        // Who hangs up has sent it nevertheless.
        let gave_up = timeout(Duration::from_millis(40), client.create_order(&order)).await;
        assert!(gave_up.is_err());
        sleep(Duration::from_millis(600)).await;
        let orders = client.orders(&Default::default()).await.unwrap().orders;
        assert_eq!(orders.len(), 2);
    });
    let (status, answer) = handed.admin("POST", "/replay", &json!({"seek": 123}));
    assert_eq!(status, 400, "{answer}");
    // It ends though an order is on its way, and time stands still.
    let (status, _) = handed.admin("POST", "/replay", &json!({"paused": true}));
    assert_eq!(status, 200);
    let runtime = Runtime::new().unwrap();
    let client = handed.client(handed.credentials());
    let on_its_way = runtime.spawn(async move { client.cancel_all_orders(&Default::default()).await });
    std::thread::sleep(Duration::from_millis(200));
    assert!(!on_its_way.is_finished());
    exchange.stop("-TERM");
}

#[test]
fn what_says_how_it_is_served_needs_serve() {
    let (_folder, root) = sample();
    for flags in [&["--listen", "127.0.0.1:0"][..], &["--once"], &["--latency", "5"], &["--credentials", "x.json"]] {
        let output = Command::new(env!("CARGO_BIN_EXE_daybook"))
            .args(["--archive", &root, "replay", "--all"])
            .args(flags)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2), "{flags:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("--serve"), "{flags:?}");
    }
}
