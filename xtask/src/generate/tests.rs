//! Whole captures, read again the naive way: every line through serde_json, every level in a map of strings.

use std::collections::BTreeMap;

use serde_json::Value;

use super::*;
use crate::calendar::parse;

fn plan() -> Plan {
    Plan {
        seed: 3,
        markets: 30,
        deltas: 20_000,
        start: parse("2026-08-12T14:40:00Z").unwrap(),
        duration: 600 * SECOND,
        wrapper: Wrapper::RecvMs,
        connections: 1,
        faults: Faults::None,
        trades: true,
        clock: false,
        truth_points: 0,
    }
}

/// The files of a plan's capture, as text, and its truth.
fn generated(plan: &Plan) -> (Vec<String>, Vec<Value>, Summary) {
    plan.check().unwrap();
    let mut world = World::new(plan.seed, plan.markets, plan.connections, plan.start, plan.end());
    let (mut lines, mut answers) = (Vec::new(), Vec::new());
    let summary = capture(plan, &mut world, &mut lines, &mut answers).unwrap();
    let text = |lines: Vec<Vec<u8>>| lines.into_iter().map(|bytes| String::from_utf8(bytes).unwrap()).collect();
    let answers: Vec<String> = text(answers);
    (text(lines), answers.iter().flat_map(|text| frames(text)).collect(), summary)
}

fn frames(text: &str) -> impl Iterator<Item = Value> + '_ {
    text.lines().map(|line| serde_json::from_str(line).unwrap())
}

/// `"-12.50"` as hundredths.
fn hundredths(text: &Value) -> i64 {
    let (whole, fraction) = text.as_str().unwrap().split_once('.').unwrap();
    assert_eq!(fraction.len(), 2, "{text}");
    format!("{whole}{fraction}").parse().unwrap()
}

/// A book as a naive reader keeps it: (side, price text) → hundredths.
type Book = BTreeMap<(String, String), i64>;

fn snapshot(msg: &Value) -> Book {
    let mut book = Book::new();
    for (key, side) in [("yes_dollars_fp", "yes"), ("no_dollars_fp", "no")] {
        let Some(levels) = msg.get(key) else { continue };
        let levels = levels.as_array().unwrap();
        assert!(!levels.is_empty() && levels.is_sorted_by_key(|level| level[0].as_str().unwrap().to_owned()));
        for level in levels {
            book.insert((side.into(), level[0].as_str().unwrap().into()), hundredths(&level[1]));
        }
    }
    book
}

/// Applies a delta and returns what the level came to; at nothing or less it is gone.
fn apply(book: &mut Book, msg: &Value) -> i64 {
    let text = |key: &str| msg[key].as_str().unwrap().to_owned();
    let key = (text("side"), text("price_dollars"));
    let level = book.remove(&key).unwrap_or(0) + hundredths(&msg["delta_fp"]);
    if level > 0 {
        book.insert(key, level);
    }
    level
}

/// Best first, as the truth prints it.
fn ladder(book: &Book, side: &str) -> Value {
    let levels = book.iter().rev().filter(|((of, _), _)| of == side);
    levels
        .map(|((_, price), quantity)| vec![price.clone(), format!("{}.{:02}", quantity / 100, quantity % 100)])
        .collect()
}

/// Effective time, book after it; per market, in arrival order.
type Histories = BTreeMap<String, Vec<(i64, Book)>>;

/// Reads one connection's file, checks its numbers and books, and returns every state of every book.
fn read_whole(text: &str) -> Histories {
    let mut seq = BTreeMap::from([(1, 0), (2, 0)]);
    let mut histories = Histories::new();
    let (mut heard, mut deltas) = (0, 0);
    for line in frames(text) {
        let (received, frame) = match line.get("recv_ns") {
            Some(ns) => (ns.as_i64().unwrap(), &line["event"]),
            None => (line["recv_ms"].as_i64().unwrap() * 1_000_000, &line["event"]),
        };
        assert!(received >= heard, "the receiver's clock went back");
        heard = received;
        let msg = &frame["msg"];
        if frame["type"] == "subscribed" {
            assert!(histories.is_empty(), "acknowledged before the first data");
            continue;
        }
        let last = seq.get_mut(&frame["sid"].as_i64().unwrap()).unwrap();
        *last += 1;
        assert_eq!(frame["seq"], *last, "seq is contiguous within a sid");
        let history = histories.entry(msg["market_ticker"].as_str().unwrap().into()).or_default();
        let last = history.last().cloned();
        match frame["type"].as_str().unwrap() {
            "orderbook_snapshot" => {
                let effective = last.map_or(received, |(effective, _)| effective.max(received));
                assert!(deltas == 0 || snapshot(msg).is_empty(), "later snapshots are closings");
                history.push((effective, snapshot(msg)));
            }
            "orderbook_delta" => {
                deltas += 1;
                let (effective, mut book) = last.expect("a snapshot comes first");
                let ts = parse(msg["ts"].as_str().unwrap()).unwrap();
                assert_eq!(msg["ts_ms"], ts / 1_000_000);
                assert!(apply(&mut book, msg) >= 0, "a level went negative");
                history.push((effective.max(ts), book));
            }
            "trade" => {
                let price = |key: &str| msg[key].as_str().unwrap().replace('.', "").parse::<i64>().unwrap();
                assert_eq!(price("yes_price_dollars") + price("no_price_dollars"), 10_000);
                assert!(hundredths(&msg["count_fp"]) > 0);
            }
            other => panic!("{other}"),
        }
    }
    histories
}

#[test]
fn the_same_plan_gives_the_same_bytes_and_another_seed_others() {
    let plan = plan();
    assert_eq!(generated(&plan).0, generated(&plan).0);
    assert_ne!(generated(&plan).0, generated(&Plan { seed: 4, ..plan.clone() }).0);
}

#[test]
fn a_whole_connection_is_complete_and_ends_in_closings() {
    let plan = plan();
    let (files, _, summary) = generated(&plan);
    let histories = read_whole(&files[0]);
    assert_eq!(histories.len(), plan.markets);
    assert_eq!(summary.deltas, plan.deltas);
    assert_eq!(summary.frames, files[0].lines().count() as u64);
    assert_eq!(summary.bytes, files[0].len() as u64);
    assert_eq!(summary.frames, 2 + summary.snapshots + summary.deltas + summary.trades);
    let closed = histories.iter().filter(|(_, history)| history.last().unwrap().1.is_empty());
    let closed: Vec<&str> = closed.map(|(ticker, _)| ticker.as_str()).collect();
    assert!(closed.contains(&"KXBTC15M-26AUG121045-45"), "{closed:?}");
}

#[test]
fn every_answer_of_the_truth_is_found_by_a_naive_reader() {
    for wrapper in [Wrapper::RecvMs, Wrapper::RecvNs] {
        let plan = Plan { truth_points: 400, wrapper, deltas: 6_000, ..plan() };
        let (files, answers, _) = generated(&plan);
        let histories = read_whole(&files[0]);
        assert_eq!(answers.len(), plan.truth_points);
        let mut on_an_event = 0;
        for answer in &answers {
            let (history, at) = (&histories[answer["ticker"].as_str().unwrap()], answer["at_ns"].as_i64().unwrap());
            // The longest prefix: effective times never fall, so it ends before the first that is later.
            let (effective, book) = history.iter().rev().find(|(effective, _)| *effective <= at).unwrap();
            on_an_event += usize::from(*effective == at);
            assert_eq!(answer["yes"], ladder(book, "yes"), "{answer}");
            assert_eq!(answer["no"], ladder(book, "no"), "{answer}");
        }
        assert!(on_an_event > 20, "{on_an_event} answers fall on an event's own time");
        let empty = answers.iter().filter(|answer| answer["yes"] == Value::Array(vec![])).count();
        assert!(empty < answers.len() / 2, "{empty} empty answers");
    }
}

#[test]
fn trades_carry_the_time_and_size_of_a_delta_on_the_makers_side() {
    let (files, _, summary) = generated(&plan());
    let frames: Vec<Value> = frames(&files[0]).map(|mut line| line["event"].take()).collect();
    let key = |msg: &Value, side: &str, price: &Value, quantity: i64| {
        format!("{} {} {side} {price} {quantity}", msg["market_ticker"], msg["ts_ms"])
    };
    let taken: std::collections::HashSet<String> = frames
        .iter()
        .filter(|frame| frame["type"] == "orderbook_delta")
        .map(|frame| &frame["msg"])
        .map(|msg| key(msg, msg["side"].as_str().unwrap(), &msg["price_dollars"], -hundredths(&msg["delta_fp"])))
        .collect();
    for msg in frames.iter().filter(|frame| frame["type"] == "trade").map(|frame| &frame["msg"]) {
        let maker = if msg["taker_side"] == "yes" { "no" } else { "yes" };
        let price = &msg[format!("{maker}_price_dollars")];
        assert!(taken.contains(&key(msg, maker, price, hundredths(&msg["count_fp"]))), "{msg}");
    }
    assert!((plan().deltas / 200..plan().deltas / 10).contains(&summary.trades), "{summary}");
}

#[test]
fn the_stream_has_the_quirks_of_real_captures() {
    let plan = Plan { deltas: 60_000, ..plan() };
    let (files, _, _) = generated(&plan);
    let (mut fractional, mut backwards, mut shared, mut delays) = (0, 0, 0, Vec::new());
    let mut latest: BTreeMap<String, (i64, i64)> = BTreeMap::new();
    for line in frames(&files[0]).filter(|line| line["event"]["type"] == "orderbook_delta") {
        let msg = &line["event"]["msg"];
        let ts = parse(msg["ts"].as_str().unwrap()).unwrap();
        fractional += u64::from(hundredths(&msg["delta_fp"]) % 100 != 0);
        let (max, last) = latest.entry(msg["market_ticker"].to_string()).or_default();
        backwards += u64::from(ts < *max);
        shared += u64::from(ts == *last);
        (*max, *last) = (ts.max(*max), ts);
        delays.push(line["recv_ms"].as_i64().unwrap() - msg["ts_ms"].as_i64().unwrap());
    }
    delays.sort_unstable();
    let share = |count: u64| count * 10_000 / plan.deltas;
    assert!((1_400..1_900).contains(&share(fractional)), "fractional {}", share(fractional));
    assert!((10..40).contains(&share(backwards)), "backwards {}", share(backwards));
    assert!((2_000..3_000).contains(&share(shared)), "shared {}", share(shared));
    let median = delays[delays.len() / 2];
    assert!((10..=16).contains(&median) && delays[delays.len() - 1] > 100, "median delay {median} ms");
}

#[test]
fn options_add_fields_and_files_without_changing_the_flow() {
    let quiet = Plan { trades: false, ..plan() };
    let (plain, _, _) = generated(&quiet);
    assert!(!plain[0].contains(r#""trade""#));
    let book = |text: &str| -> Vec<Value> {
        let keep = ["market_ticker", "price_dollars", "delta_fp", "side", "ts"];
        let deltas =
            frames(text).map(|mut line| line["event"].take()).filter(|frame| frame["type"] == "orderbook_delta");
        deltas.map(|frame| keep.iter().map(|key| frame["msg"][*key].clone()).collect()).collect()
    };
    let clocked = generated(&Plan { clock: true, ..plan() }).0;
    assert_eq!(book(&clocked[0]), book(&plain[0]));
    let mut clocks: BTreeMap<String, i64> = BTreeMap::new();
    for frame in frames(&clocked[0]).map(|mut line| line["event"].take()) {
        let keys: Vec<&str> = frame.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(keys[..2], ["type", "sending_ts_ms"]);
        if frame["type"] == "orderbook_delta" {
            let keys: Vec<&str> = frame["msg"].as_object().unwrap().keys().map(String::as_str).collect();
            let expected = ["market_ticker", "market_id", "clock", "price_dollars", "delta_fp", "side", "ts", "ts_ms"];
            assert_eq!(keys, expected);
            let (ticker, clock) = (frame["msg"]["market_ticker"].to_string(), frame["msg"]["clock"].as_i64().unwrap());
            assert!(clock >= clocks.insert(ticker, clock).unwrap_or(1), "the clock went back");
        }
    }
    let split = generated(&Plan { connections: 3, ..plan() }).0;
    let markets: Vec<Vec<String>> = split.iter().map(|text| read_whole(text).into_keys().collect()).collect();
    assert_eq!(markets.iter().map(Vec::len).sum::<usize>(), plan().markets);
    assert!(split.len() == 3 && markets.iter().all(|markets| markets.len() > 3));
}

#[test]
fn gold15m_shows_each_fault_once() {
    let plan = Plan { faults: Faults::Gold15m, markets: 12, ..plan() };
    let (files, _, summary) = generated(&plan);
    assert_eq!((files.len(), summary.deltas), (plan.markets, plan.deltas));
    let (mut negative, mut differing, mut closings) = (0, 0, Vec::new());
    for text in &files {
        let (mut restarts, mut holes, mut book) = (0, 0, None);
        let mut last = BTreeMap::from([(1, None), (2, None)]);
        let mut final_frames = Vec::new();
        let mut tickers = std::collections::BTreeSet::new();
        for mut line in frames(text) {
            let frame = line["event"].take();
            let (msg, seq) = (&frame["msg"], frame["seq"].as_u64().unwrap());
            tickers.insert(msg["market_ticker"].to_string());
            let last = last.get_mut(&frame["sid"].as_i64().unwrap()).unwrap();
            if let Some(before) = last.replace(seq) {
                if seq <= before && frame["sid"] == 1 {
                    restarts += 1;
                    assert!(seq < 1_000 && frame["type"] == "orderbook_snapshot");
                }
                holes += u64::from(seq > before + 1);
            }
            match frame["type"].as_str().unwrap() {
                "orderbook_snapshot" => {
                    let fresh = snapshot(msg);
                    let known = book.replace(fresh.clone());
                    let lost = known.is_some_and(|known: Book| known != fresh);
                    differing += u64::from(lost && !fresh.is_empty());
                }
                "orderbook_delta" => negative += u64::from(apply(book.as_mut().unwrap(), msg) < 0),
                _ => {}
            }
            final_frames.push((frame["type"] == "orderbook_snapshot", book.as_ref().unwrap().is_empty()));
        }
        assert_eq!(tickers.len(), 1, "one market per file");
        assert!(restarts <= 1 && holes > 0, "{tickers:?}");
        closings.push(final_frames.ends_with(&[(true, true), (true, true)]));
    }
    assert_eq!(negative, 1, "one level is driven negative");
    assert!(differing > 0, "the snapshot after the reconnect differs");
    assert!(closings.contains(&true) && closings.contains(&false));
    let nothing_closes = Plan { duration: 60 * SECOND, ..plan };
    let mut world = World::new(1, 12, 1, nothing_closes.start, nothing_closes.end());
    let error = capture(&nothing_closes, &mut world, &mut (), &mut ()).unwrap_err().to_string();
    assert!(error.contains("let a quarter of an hour end"), "{error}");
}
