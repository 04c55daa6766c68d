//! The yardstick: a plain fold of raw frames that shares no code and no type with Daybook.
//!
//! The book at `t` is the state after the longest prefix, in order of arrival, of the market's snapshots and deltas
//! whose time is at most `t`: the running maximum of `ts` (of the received time for a snapshot), or on the received
//! clock of the received time. A level at or below zero after a delta is gone.

use std::collections::BTreeMap;

use serde_json::Value;

/// Price in ten-thousandths of a dollar to size in hundredths of a contract.
pub type Ladder = BTreeMap<i64, i64>;

/// Both ladders of a market.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ladders {
    pub yes: Ladder,
    pub no: Ladder,
}

/// The clock of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum On {
    Exchange,
    Received,
}

#[derive(Clone, Debug)]
pub enum What {
    Snapshot(Ladders),
    Delta { yes: bool, price: i64, change: i64 },
}

/// A book event as it stands in a capture.
#[derive(Clone, Debug)]
pub struct Arrival {
    pub what: What,
    pub ts: Option<i64>,
    pub recv: i64,
    pub sid: Option<i64>,
    pub seq: Option<i64>,
}

/// The book events of every market, in order of arrival.
#[derive(Clone, Debug, Default)]
pub struct Record {
    pub markets: BTreeMap<String, Vec<Arrival>>,
}

impl Record {
    /// Takes in a frame; one that is no book event is passed over.
    pub fn add(&mut self, recv: i64, frame: &Value) {
        let msg = &frame["msg"];
        let what = match frame["type"].as_str() {
            Some("orderbook_snapshot") => What::Snapshot(Ladders { yes: ladder(msg, "yes"), no: ladder(msg, "no") }),
            Some("orderbook_delta") => What::Delta {
                yes: match msg["side"].as_str() {
                    Some("yes") => true,
                    Some("no") => false,
                    side => panic!("side {side:?}"),
                },
                price: number(&msg["price_dollars"], 4).or_else(|| Some(msg["price"].as_i64()? * 100)).unwrap(),
                change: number(&msg["delta_fp"], 2).or_else(|| Some(msg["delta"].as_i64()? * 100)).unwrap(),
            },
            _ => return,
        };
        let ts = match &what {
            What::Snapshot(_) => None,
            What::Delta { .. } => msg["ts"].as_str().map(utc),
        };
        let arrival = Arrival { what, ts, recv, sid: frame["sid"].as_i64(), seq: frame["seq"].as_i64() };
        let ticker = msg["market_ticker"].as_str().unwrap();
        if !self.markets.contains_key(ticker) {
            self.markets.insert(ticker.to_owned(), Vec::new());
        }
        self.markets.get_mut(ticker).unwrap().push(arrival);
    }

    /// Takes in `{"recv_ms":…,"event":…}`.
    pub fn add_line(&mut self, line: &[u8]) {
        let line: Value = serde_json::from_slice(line).unwrap();
        self.add(line["recv_ms"].as_i64().unwrap() * 1_000_000, &line["event"]);
    }

    /// The market's book at an instant.
    pub fn book(&self, ticker: &str, on: On, at: i64) -> Ladders {
        books(&self.markets[ticker], on, &[at]).remove(0)
    }

    /// Deltas of all markets.
    pub fn delta_count(&self) -> u64 {
        let arrivals = self.markets.values().flatten();
        arrivals.filter(|arrival| matches!(arrival.what, What::Delta { .. })).count() as u64
    }

    /// Snapshots of all markets.
    pub fn snapshot_count(&self) -> u64 {
        self.markets.values().flatten().count() as u64 - self.delta_count()
    }
}

/// The time of each arrival on a clock: never falls.
pub fn times(arrivals: &[Arrival], on: On) -> Vec<i64> {
    let mut running = i64::MIN;
    let own = arrivals.iter().map(|arrival| match on {
        On::Exchange => arrival.ts.unwrap_or(arrival.recv),
        On::Received => arrival.recv,
    });
    own.map(|own| {
        running = running.max(own);
        running
    })
    .collect()
}

/// The books at instants that do not fall.
pub fn books(arrivals: &[Arrival], on: On, instants: &[i64]) -> Vec<Ladders> {
    let times = times(arrivals, on);
    let mut state = Ladders::default();
    let mut next = 0;
    let mut found = Vec::new();
    for at in instants {
        while next < arrivals.len() && times[next] <= *at {
            match &arrivals[next].what {
                What::Snapshot(ladders) => state = ladders.clone(),
                What::Delta { yes, price, change } => {
                    let side = if *yes { &mut state.yes } else { &mut state.no };
                    let size = side.get(price).copied().unwrap_or(0) + change;
                    if size > 0 {
                        side.insert(*price, size);
                    } else {
                        side.remove(price);
                    }
                }
            }
            next += 1;
        }
        found.push(state.clone());
    }
    found
}

fn ladder(msg: &Value, side: &str) -> Ladder {
    let mut ladder = Ladder::new();
    if let Some(levels) = msg.get(format!("{side}_dollars_fp")).and_then(Value::as_array) {
        for level in levels {
            ladder.insert(number(&level[0], 4).unwrap(), number(&level[1], 2).unwrap());
        }
    } else if let Some(levels) = msg.get(side).and_then(Value::as_array) {
        for level in levels {
            ladder.insert(level[0].as_i64().unwrap() * 100, level[1].as_i64().unwrap() * 100);
        }
    }
    ladder.retain(|_, size| *size != 0);
    ladder
}

fn number(value: &Value, places: usize) -> Option<i64> {
    Some(decimal(value.as_str()?, places))
}

/// A decimal text in units of its `places`-th place.
pub fn decimal(text: &str, places: usize) -> i64 {
    let (negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mut digits = whole.to_owned();
    for place in 0..places {
        digits.push(fraction.chars().nth(place).unwrap_or('0'));
    }
    assert!(fraction.chars().skip(places).all(|digit| digit == '0'), "{text} has more than {places} places");
    let value: i64 = digits.parse().unwrap();
    if negative { -value } else { value }
}

/// Nanoseconds since 1970 of `2026-08-11T00:15:33.463921Z`.
pub fn utc(text: &str) -> i64 {
    let part = |range: std::ops::Range<usize>| text[range].parse::<i64>().unwrap();
    let (year, month, day) = (part(0..4), part(5..7), part(8..10));
    let leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let mut days: i64 = (1970..year).map(|year| if leap(year) { 366 } else { 365 }).sum();
    let lengths = [31, if leap(year) { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    days += lengths[..month as usize - 1].iter().sum::<i64>() + day - 1;
    let seconds = days * 86_400 + part(11..13) * 3_600 + part(14..16) * 60 + part(17..19);
    let fraction = text[19..].trim_end_matches('Z').trim_start_matches('.');
    seconds * 1_000_000_000 + decimal(&format!("0.{fraction}"), 9)
}

#[test]
fn the_yardstick_itself_is_right() {
    assert_eq!(decimal("12.5", 2), 1_250);
    assert_eq!(decimal("-0.05", 2), -5);
    assert_eq!(utc("1970-01-02T00:00:00Z"), 86_400_000_000_000);
    assert_eq!(utc("2026-08-11T00:15:33.463921Z"), 1_786_407_333_463_921_000);
    let line = |text: &str| text.as_bytes().to_vec();
    let mut record = Record::default();
    record.add_line(&line(
        r#"{"recv_ms":1000,"event":{"type":"orderbook_snapshot","msg":{"market_ticker":"A","yes_dollars_fp":[["0.4","1"]]}}}"#,
    ));
    let delta = |recv: i64, ts: &str, change: &str| {
        line(&format!(
            r#"{{"recv_ms":{recv},"event":{{"type":"orderbook_delta","msg":{{"market_ticker":"A","price_dollars":"0.4000",
               "delta_fp":"{change}","side":"yes","ts":"{ts}"}}}}}}"#
        ))
    };
    record.add_line(&delta(1_010, "1970-01-01T00:00:03Z", "2.50"));
    record.add_line(&delta(1_005, "1970-01-01T00:00:02Z", "-9.00"));
    let second = 1_000_000_000;
    let yes = |on, at| record.book("A", on, at).yes.get(&4_000).copied();
    assert_eq!(yes(On::Exchange, second - 1), None);
    assert_eq!(yes(On::Exchange, second), Some(100));
    assert_eq!(yes(On::Exchange, 3 * second - 1), Some(100), "the second delta waits for the first one's time");
    assert_eq!(yes(On::Exchange, 3 * second), None);
    assert_eq!(yes(On::Received, second + 9_999_999), Some(100));
    assert_eq!(yes(On::Received, second + 10_000_000), None);
}
