//! Drives the fuzz targets on stable: seeded mutations of inputs that look real. The fuzzer itself goes further.

#[path = "../../../fuzz/src/kalshi.rs"]
#[allow(unreachable_pub, reason = "public in the fuzz crate, which this file is shared with")]
mod kalshi;

use rand::{Rng, SeedableRng, rngs::SmallRng, seq::IndexedRandom};

const RUNS: usize = 20_000;

const FRAMES: &[&str] = &[
    r#"{"type":"orderbook_delta","sid":1,"seq":900017,"msg":{"market_ticker":"KXA-26-45","market_id":"0b7c5a2e-4f61-4d83-9a10-6e2f8c93d517","price_dollars":"0.3700","delta_fp":"-0.10","side":"yes","ts":"2026-03-04T05:06:07.891234Z","ts_ms":1772600767891}}"#,
    r#"{"type":"orderbook_delta","sending_ts_ms":1770271628123,"sid":2,"seq":3,"msg":{"market_ticker":"A","market_id":"","clock":7700061,"price_dollars":"1.0000","delta_fp":"54.00","side":"no"}}"#,
    r#"{"type":"trade","sid":2,"seq":31415,"msg":{"trade_id":"c4e19f70","market_ticker":"KXA","yes_price_dollars":"0.4000","no_price_dollars":"0.6000","count_fp":"14.25","taker_side":"yes","taker_outcome_side":"no","taker_book_side":"bid","is_block_trade":false,"ts":1772600768,"ts_ms":1772600768204}}"#,
    r#"{"type":"orderbook_snapshot","sid":1,"seq":1,"id":3,"msg":{"market_ticker":"KXA","market_id":"","yes_dollars_fp":[["0.0100","123.45"]],"no":[[8,300]]}}"#,
    r#"{"type":"ticker","sid":11,"msg":{"market_ticker":"A","price_dollars":"","price":48,"volume_fp":"1.00","ts":1,"ts_ms":1123,"time":"1970-01-01T00:00:01.123456Z","Clock":5}}"#,
    r#"{"type":"market_lifecycle_v2","sid":13,"seq":3,"msg":{"market_ticker":"A-B","additional_metadata":{"event_ticker":"A","floor_strike":4.50},"event_type":"created"}}"#,
    r#"{"type":"error","id":1,"sid":2,"seq":8,"msg":{"code":25,"msg":"over\u0066low"}}"#,
    r#"{"id":1,"type":"subscribed","msg":{"channel":"trade","sid":4}}"#,
];

const LINES: &[&str] = &[
    r#"{"recv_ms":1772600767455,"event":{"type":"trade","sid":1,"msg":{"a":1}}}"#,
    r#"{"recv_ms":5,"event":{"type":"x","msg":{}},"conn":{"a":{}}}"#,
    r#"{"ts":"2026-03-04T05:06:07.455123456Z","conn_id":7,"data":"{\"type\":\"trade\",\"msg\":{}}"}"#,
    r#"{"type":"trade","sid":1,"recv_ns":7,"msg":{"ts":1}}"#,
    r#"{"type":"ok","id":3,"msg":[{"sid":2}]}"#,
];

const DOCUMENTS: &[&str] = &[
    r#"{"fetched_at_ms":1790000000123,"response":{"event":{"event_ticker":"E","series_ticker":"S","title":"\u00b7","strike_date":"2026-03-04T01:00:00Z","markets":[{"ticker":"M","event_ticker":"E"}]},"markets":[{"ticker":"M","event_ticker":"E"}]},"status":200}"#,
    r#"{"markets":[{"ticker":"M","event_ticker":"E","status":"finalized","result":"no","settlement_value_dollars":"0.2500","floor_strike":3141.590,"price_ranges":[{"start":"0.0000","end":"1.0000"}],"volume":7}],"cursor":""}"#,
    r#"{"series":[{"ticker":"S","fee_multiplier":1E1,"tags":null,"volume_fp":"1.00"}]}"#,
];

/// Calls `target` with `seeds` bent in up to four places, or joined with one another.
fn drive(seeds: &[&str], target: fn(&[u8])) {
    let mut random = SmallRng::seed_from_u64(0x00da_7b00);
    seeds.iter().for_each(|seed| target(seed.as_bytes()));
    for _ in 0..RUNS {
        let mut data = seed(seeds, &mut random).to_vec();
        for _ in 0..random.random_range(1..=4) {
            bend(&mut data, seeds, &mut random);
        }
        target(&data);
    }
}

fn seed<'a>(seeds: &[&'a str], random: &mut SmallRng) -> &'a [u8] {
    seeds.choose(random).expect("there are seeds").as_bytes()
}

fn bend(data: &mut Vec<u8>, seeds: &[&str], random: &mut SmallRng) {
    const TELLING: &[u8] = b"\"\\{}[],:0123456789-+.eETZz \nu";
    let at = random.random_range(0..=data.len());
    match random.random_range(0..7) {
        0 => data.truncate(at),
        1 => data.insert(at, *TELLING.choose(random).expect("there are bytes")),
        2 if at < data.len() => data[at] = *TELLING.choose(random).expect("there are bytes"),
        3 if at < data.len() => data[at] ^= 1 << random.random_range(0..8),
        4 if at < data.len() => {
            data.remove(at);
        }
        // A piece of another input, or of this one, between two commas as often as not.
        5 => {
            let other = seed(seeds, random);
            let pieces: Vec<&[u8]> = other.split(|&byte| byte == b',').collect();
            let piece = pieces.choose(random).expect("a split has a piece");
            let comma = data.iter().skip(at).position(|&byte| byte == b',').map_or(at, |comma| at + comma);
            data.splice(comma..comma, [b",", *piece].concat());
        }
        _ => {
            let end = random.random_range(at..=data.len());
            let piece = data[at..end].to_vec();
            data.splice(at..at, piece);
        }
    }
}

#[test]
fn frame() {
    drive(FRAMES, kalshi::frame);
}

#[test]
fn capture_line() {
    drive(LINES, kalshi::capture_line);
}

#[test]
fn metadata() {
    drive(DOCUMENTS, kalshi::metadata);
}
