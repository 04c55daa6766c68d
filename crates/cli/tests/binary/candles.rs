//! Candles tell whole intervals, and the book at both ends of them.

use serde_json::{Value, json};

use crate::{
    shell::Shell,
    wire::{Line, capture, stamp},
};

/// 2026-08-11T01:00:00Z, a whole minute.
const BASE: i64 = 1_786_410_000;

/// A frame received five milliseconds after so many seconds.
fn line(second: i64, frame: String) -> Line {
    Line { recv_ms: (BASE + second) * 1_000 + 5, frame }
}

fn snapshot(second: i64, seq: u64, ticker: &str) -> Line {
    let book = r#""yes_dollars_fp":[["0.4000","10.00"]],"no_dollars_fp":[["0.5000","10.00"]]"#;
    line(
        second,
        format!(
            r#"{{"type":"orderbook_snapshot","sid":1,"seq":{seq},"msg":{{"market_ticker":"{ticker}","market_id":"id",{book}}}}}"#
        ),
    )
}

fn delta(second: i64, seq: u64, ticker: &str, side: &str, price: &str, change: &str) -> Line {
    let ts = stamp((BASE + second) * 1_000_000);
    line(
        second,
        format!(
            r#"{{"type":"orderbook_delta","sid":1,"seq":{seq},"msg":{{"market_ticker":"{ticker}","market_id":"id","price_dollars":"{price}","delta_fp":"{change}","side":"{side}","ts":"{ts}"}}}}"#
        ),
    )
}

fn trade(second: i64, seq: u64) -> Line {
    let ts = BASE + second;
    line(
        second,
        format!(
            r#"{{"type":"trade","sid":2,"seq":{seq},"msg":{{"trade_id":"t{seq}","market_ticker":"KXA-1","yes_price_dollars":"0.3000","no_price_dollars":"0.7000","count_fp":"1.25","taker_side":"yes","ts":{ts},"ts_ms":{ts}000}}}}"#
        ),
    )
}

/// A market recorded from 10 s to 399 s, whose bids come and go.
fn recorded() -> Shell {
    let lines = [
        snapshot(10, 1, "KXA-1"),
        snapshot(10, 2, "KXB-1"),
        delta(30, 3, "KXA-1", "yes", "0.4100", "5.00"),
        // A better bid comes and goes within one instant: it never stood.
        delta(70, 4, "KXA-1", "yes", "0.4500", "1.00"),
        delta(70, 5, "KXA-1", "yes", "0.4500", "-1.00"),
        delta(80, 6, "KXA-1", "yes", "0.4100", "-5.00"),
        delta(100, 7, "KXA-1", "yes", "0.4000", "-10.00"),
        delta(130, 8, "KXA-1", "no", "0.4500", "5.00"),
        delta(190, 9, "KXA-1", "yes", "0.3000", "1.00"),
        trade(310, 1),
        trade(395, 2),
        delta(400, 10, "KXB-1", "yes", "0.3000", "1.00"),
    ];
    let shell = Shell::new();
    shell.file("capture.ndjson", &capture(&lines));
    shell.run(&["import", "capture.ndjson"]).code(0);
    shell
}

/// Of each candle: its minute, the bid's open, high, low and close, the ask's close, the trades, the standing.
fn candles(shell: &Shell, args: &[&str], code: i32) -> Vec<Value> {
    let said = shell.run(&[&["candles", "KXA-1", "--format", "json"], args].concat()).code(code).json();
    let rows = said.as_array().unwrap().iter();
    rows.map(|row| {
        json!([
            row["start"].as_str().unwrap()[14..16],
            row["yes_bid_open"],
            row["yes_bid_high"],
            row["yes_bid_low"],
            row["yes_bid_close"],
            row["yes_ask_close"],
            row["trades"],
            row["standing"],
        ])
    })
    .collect()
}

#[test]
fn candles_open_and_close_with_the_book_at_either_end() {
    let shell = recorded();
    let all = candles(&shell, &[], 0);
    let none = Value::Null;
    let expected = [
        // The record begins within: nobody knows the book at its start.
        json!(["00", none, "0.4100", "0.4000", "0.4100", "0.5000", 0, "gap"]),
        json!(["01", "0.4100", "0.4100", "0.4000", none, "0.5000", 0, "exact"]),
        // Nobody bids.
        json!(["02", none, none, none, none, "0.5000", 0, "exact"]),
        json!(["03", none, "0.3000", "0.3000", "0.3000", "0.5000", 0, "exact"]),
        // Nothing happened in the fifth. In the sixth was a trade, and the book stood still.
        json!(["05", "0.3000", "0.3000", "0.3000", "0.3000", "0.5000", 1, "exact"]),
        // The record ends within.
        json!(["06", "0.3000", "0.3000", "0.3000", none, none, 1, "gap"]),
    ];
    assert_eq!(all, expected);
    // The ends of a candle are what `book` says at these instants.
    for (minute, open, close) in [(1, "0.4100", None), (3, "", Some("0.3000"))] {
        let at = |nanos: i64| {
            let answer = shell.run(&["book", "KXA-1", "--at", &nanos.to_string(), "--format", "json"]).code(0).json();
            answer["yes"][0][0].as_str().map(str::to_owned)
        };
        let start = (BASE + minute * 60) * 1_000_000_000;
        assert_eq!(at(start).unwrap_or_default(), open);
        assert_eq!(at(start + 59_999_999_999).as_deref(), close);
    }
}

#[test]
fn a_range_is_extended_to_whole_candles() {
    let shell = recorded();
    let all = candles(&shell, &[], 0);
    let second = |second: i64| (BASE + second).to_string();
    for (start, end, expected) in [(90, 150, 1..3), (60, 180, 1..3), (119, 121, 1..3), (310, 320, 4..5)] {
        let (start, end) = (second(start), second(end));
        assert_eq!(candles(&shell, &["--start", &start, "--end", &end], 0), all[expected], "{start}..{end}");
    }
    assert_eq!(candles(&shell, &["--start", &second(30), "--end", &second(90)], 4), all[..2], "a gap, which is told");
    shell
        .run(&["export", "KXA-1", "a.json", "--what", "candles", "--start", &second(90), "--end", &second(91)])
        .code(0);
    let exported: Value = serde_json::from_slice(&std::fs::read(shell.path().join("a.json")).unwrap()).unwrap();
    assert_eq!(exported[0]["yes_bid_open"], "0.4100");
}
