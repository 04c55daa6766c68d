//! A small venue: it numbers its frames and keeps its books as the real one does, and remembers what it sent.

use std::collections::BTreeMap;

use rand::{Rng, SeedableRng, rngs::SmallRng};

use crate::naive::{Ladders, Record};

/// A frame, and when it was received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub recv_ms: i64,
    pub frame: String,
}

impl Line {
    /// In the usual wrapper.
    pub fn wrapped(&self) -> String {
        format!(r#"{{"recv_ms":{},"event":{}}}"#, self.recv_ms, self.frame)
    }

    /// The frame without its sequence number.
    pub fn unnumbered(&self) -> Line {
        let (before, after) = self.frame.split_once(r#","seq":"#).unwrap();
        let (_, after) = after.split_once(',').unwrap();
        Line { recv_ms: self.recv_ms, frame: format!("{before},{after}") }
    }
}

/// A capture of these lines in the usual wrapper.
pub fn capture<'a>(lines: impl IntoIterator<Item = &'a Line>) -> Vec<u8> {
    lines.into_iter().map(|line| line.wrapped() + "\n").collect::<String>().into_bytes()
}

/// What the yardstick makes of these lines.
pub fn record<'a>(lines: impl IntoIterator<Item = &'a Line>) -> Record {
    let mut record = Record::default();
    for line in lines {
        record.add(line.recv_ms * 1_000_000, &serde_json::from_str(&line.frame).unwrap());
    }
    record
}

/// Sends frames about markets that it makes up as it goes.
pub struct Venue {
    pub random: SmallRng,
    /// Microseconds since 1970.
    pub now: i64,
    last_recv: i64,
    seqs: BTreeMap<u32, u64>,
    books: BTreeMap<String, Ladders>,
    trades: u64,
}

pub fn price(ten_thousandths: i64) -> String {
    format!("0.{ten_thousandths:04}")
}

pub fn size(hundredths: i64) -> String {
    let sign = if hundredths < 0 { "-" } else { "" };
    format!("{sign}{}.{:02}", hundredths.abs() / 100, hundredths.abs() % 100)
}

/// Microseconds since 1970 as the venue writes a stamp; only the time of 2026-08-11 onwards.
pub fn stamp(micros: i64) -> String {
    let since = micros - 1_786_406_400_000_000;
    let (day, rest) = (since.div_euclid(86_400_000_000), since.rem_euclid(86_400_000_000));
    let seconds = rest / 1_000_000;
    let (hour, minute, second) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    format!("2026-08-{:02}T{hour:02}:{minute:02}:{second:02}.{:06}Z", 11 + day, rest % 1_000_000)
}

impl Venue {
    pub fn new(seed: u64) -> Venue {
        Venue {
            random: SmallRng::seed_from_u64(seed),
            now: 1_786_410_000_000_000,
            last_recv: 0,
            seqs: BTreeMap::new(),
            books: BTreeMap::new(),
            trades: 0,
        }
    }

    /// The next number of a subscription.
    pub fn number(&mut self, sid: u32) -> u64 {
        let seq = self.seqs.entry(sid).or_default();
        *seq += 1;
        *seq
    }

    /// All subscriptions are gone, with their numbers.
    pub fn reconnect(&mut self) {
        self.seqs.clear();
    }

    fn tick(&mut self) {
        let step = if self.random.random_bool(0.25) { 0 } else { self.random.random_range(1..40_000) };
        self.now += step;
    }

    /// A frame that arrives a moment from now, and not before those that were sent before it.
    pub fn line(&mut self, frame: String) -> Line {
        // The receiver's clock never falls behind the venue's here, or a snapshot would be dated before what it holds.
        self.last_recv = self.last_recv.max(self.now / 1_000 + self.random.random_range(1..30));
        Line { recv_ms: self.last_recv, frame }
    }

    pub fn subscribed(&mut self, sid: u32) -> Line {
        self.line(format!(r#"{{"type":"subscribed","id":{sid},"msg":{{"channel":"orderbook_delta","sid":{sid}}}}}"#))
    }

    /// A frame that takes a number and says nothing about any book.
    pub fn numbered(&mut self, frame_type: &str, sid: u32, rest: &str) -> Line {
        self.tick();
        let seq = self.number(sid);
        self.line(format!(r#"{{"type":"{frame_type}","sid":{sid},"seq":{seq}{rest}}}"#))
    }

    /// The answer to a change of a subscription, which now carries every market there is.
    pub fn ok(&mut self, sid: u32) -> Line {
        let tickers: Vec<String> = self.books.keys().cloned().collect();
        self.carries(sid, &tickers)
    }

    /// The answer to a change of a subscription, which now carries these.
    pub fn carries(&mut self, sid: u32, tickers: &[impl std::fmt::Debug]) -> Line {
        let text = format!("{tickers:?}");
        self.numbered("ok", sid, &format!(r#","id":9,"msg":{{"market_tickers":{text}}}"#))
    }

    pub fn overflow(&mut self, sid: u32) -> Line {
        self.numbered("error", sid, r#","msg":{"code":25,"msg":"buffer overflow"}"#)
    }

    pub fn snapshot(&mut self, sid: u32, ticker: &str) -> Line {
        self.tick();
        let seq = self.number(sid);
        let book = self.books.entry(ticker.to_owned()).or_default();
        let side = |name: &str, ladder: &BTreeMap<i64, i64>| {
            let levels = ladder.iter().map(|(at, held)| format!(r#"["{}","{}"]"#, price(*at), size(*held)));
            let levels = levels.collect::<Vec<_>>().join(",");
            // The venue leaves an empty side out.
            if levels.is_empty() { String::new() } else { format!(r#","{name}_dollars_fp":[{levels}]"#) }
        };
        let (yes, no) = (side("yes", &book.yes), side("no", &book.no));
        self.line(format!(
            r#"{{"type":"orderbook_snapshot","sid":{sid},"seq":{seq},"msg":{{"market_ticker":"{ticker}","market_id":"id-{ticker}"{yes}{no}}}}}"#
        ))
    }

    /// A change that leaves no level below zero.
    pub fn delta(&mut self, sid: u32, ticker: &str) -> Line {
        let yes = self.random.random_bool(0.5);
        let at = 100 * self.random.random_range(30..50) + if self.random.random_bool(0.1) { 50 } else { 0 };
        let book = self.books.entry(ticker.to_owned()).or_default();
        let held = if yes { &book.yes } else { &book.no }.get(&at).copied().unwrap_or(0);
        let change = match self.random.random_range(0..10) {
            0..5 if held > 0 => -held,
            5..7 if held > 1 => -self.random.random_range(1..held),
            _ => self.random.random_range(1..20_000),
        };
        self.change(sid, ticker, yes, at, change)
    }

    /// More on some level: folded without it, a book stays wrong and never falls below zero.
    pub fn more(&mut self, sid: u32, ticker: &str) -> Line {
        let (yes, at) = (self.random.random_bool(0.5), 100 * self.random.random_range(30..50));
        let change = self.random.random_range(1..20_000);
        self.change(sid, ticker, yes, at, change)
    }

    /// A change of one level, in ten-thousandths and hundredths.
    pub fn change(&mut self, sid: u32, ticker: &str, yes: bool, at: i64, change: i64) -> Line {
        self.tick();
        let seq = self.number(sid);
        let book = self.books.entry(ticker.to_owned()).or_default();
        let ladder = if yes { &mut book.yes } else { &mut book.no };
        let held = ladder.entry(at).or_default();
        *held += change;
        if *held <= 0 {
            ladder.remove(&at);
        }
        // One stamp in twenty lies before one that was sent already.
        let late = if self.random.random_bool(0.05) { self.random.random_range(0..90_000) } else { 0 };
        let (ts, side) = (self.now - late, if yes { "yes" } else { "no" });
        let (stamp, millis) = (stamp(ts), ts / 1_000);
        let (price, change) = (price(at), size(change));
        self.line(format!(
            r#"{{"type":"orderbook_delta","sid":{sid},"seq":{seq},"msg":{{"market_ticker":"{ticker}","market_id":"id-{ticker}","price_dollars":"{price}","delta_fp":"{change}","side":"{side}","ts":"{stamp}","ts_ms":{millis}}}}}"#
        ))
    }

    pub fn trade(&mut self, sid: u32, ticker: &str) -> Line {
        self.tick();
        let seq = self.number(sid);
        self.trades += 1;
        let (id, ts) = (self.trades, self.now / 1_000_000);
        let millis = self.now / 1_000;
        self.line(format!(
            r#"{{"type":"trade","sid":{sid},"seq":{seq},"msg":{{"trade_id":"trade-{id}","market_ticker":"{ticker}","yes_price_dollars":"0.4000","no_price_dollars":"0.6000","count_fp":"1.25","taker_side":"yes","ts":{ts},"ts_ms":{millis}}}}}"#
        ))
    }

    /// An acknowledgement, a snapshot of each market, and additions to all of them in turn.
    pub fn recording(&mut self, sid: u32, tickers: &[&str], deltas: usize) -> Vec<Line> {
        let mut lines = vec![self.subscribed(sid)];
        for ticker in tickers {
            for _ in 0..6 {
                // The book that the snapshot finds was made before anybody listened.
                self.delta(0, ticker);
            }
        }
        lines.extend(tickers.iter().map(|ticker| self.snapshot(sid, ticker)));
        lines.extend((0..deltas).map(|at| self.more(sid, tickers[at % tickers.len()])));
        lines
    }
}
