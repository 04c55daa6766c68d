//! A core driven frame by frame, for what a model of the venue would not do.

use serde_json::{Value, json};

use super::*;

pub(super) const AT: ReceivedTime = ReceivedTime::from_nanos(1_000_000_000);
pub(super) const SECOND: Duration = Duration::from_secs(1);

/// A core, and what its facts claim.
pub(super) struct Hand {
    pub(super) core: ConnectionCore,
    pub(super) folded: Folded,
    pub(super) now: Duration,
    /// The last number of the books' subscription.
    pub(super) seq: u64,
}

impl Hand {
    pub(super) fn new(settings: ConnectionSettings) -> Hand {
        let mut core = ConnectionCore::new(0, settings);
        let mut folded = Folded { keeps: true, ..Folded::default() };
        core.opened(1, SECOND, AT, &mut Sink(&mut folded));
        Hand { core, folded, now: SECOND, seq: 0 }
    }

    /// With these books, confirmed as sid 1 and trusted at clock 100. Their request is 1.
    pub(super) fn live(markets: &[&str]) -> Hand {
        let mut hand = Hand::new(ConnectionSettings::default());
        hand.core.subscribe(1, books(markets));
        let sent = hand.sent();
        hand.subscribed(&sent[0], 1);
        for market in markets {
            hand.snapshot(1, market, 100, &Value::Null);
            assert!(hand.trusts(market));
        }
        assert_eq!(hand.core.take_outcomes(), [(1, Outcome::Done)]);
        hand
    }

    pub(super) fn sent(&mut self) -> Vec<Value> {
        self.core.heard(self.now, AT);
        self.core.tick(self.now, AT, &mut Sink(&mut self.folded));
        std::iter::from_fn(|| self.core.next_command()).map(|text| serde_json::from_str(&text).unwrap()).collect()
    }

    /// What is sent second by second for so long. The venue's list, asked for each minute, names the subscription.
    pub(super) fn sent_within(&mut self, seconds: u32) -> Vec<Value> {
        let mut all = Vec::new();
        for _ in 0..seconds {
            self.now += SECOND;
            for command in self.sent() {
                if command["cmd"] == "list_subscriptions" {
                    let list = json!([{"channel": "orderbook_delta", "sid": 1}]);
                    self.frame(json!({"type": "ok", "id": command["id"], "msg": list}));
                } else {
                    all.push(command);
                }
            }
        }
        all
    }

    pub(super) fn frame(&mut self, frame: Value) {
        self.core.frame(frame.to_string().as_bytes(), self.now, AT, &mut Sink(&mut self.folded));
    }

    pub(super) fn next(&mut self) -> u64 {
        self.seq += 1;
        self.seq
    }

    pub(super) fn subscribed(&mut self, command: &Value, sid: u32) {
        assert_eq!(command["cmd"], "subscribe");
        let channel = command["params"]["channels"][0].clone();
        self.frame(json!({"type": "subscribed", "id": command["id"], "msg": {"channel": channel, "sid": sid}}));
    }

    /// The books' subscription answers a command.
    pub(super) fn ok(&mut self, command: &Value) {
        let seq = self.next();
        self.frame(json!({"type": "ok", "id": command["id"], "sid": 1, "seq": seq}));
    }

    pub(super) fn error(&mut self, command: &Value, code: i64) {
        self.frame(json!({"type": "error", "id": command["id"], "msg": {"code": code, "msg": "no"}}));
    }

    /// A book of one level; `id` is the command that it answers, or null.
    pub(super) fn snapshot(&mut self, sid: u32, market: &str, clock: u64, id: &Value) {
        let levels = json!([["0.4000", "10.00"]]);
        let seq = self.next();
        let msg = json!({"market_ticker": market, "market_id": "", "clock": clock, "yes_dollars_fp": levels});
        let mut frame = json!({"type": "orderbook_snapshot", "sid": sid, "seq": seq, "msg": msg});
        if !id.is_null() {
            frame["id"] = id.clone();
        }
        self.frame(frame);
    }

    pub(super) fn delta(&mut self, market: &str, clock: u64) {
        let (seq, msg) = (
            self.next(),
            json!({"market_ticker": market, "market_id": "", "clock": clock,
            "price_dollars": "0.4100", "delta_fp": "5.00", "side": "yes"}),
        );
        self.frame(json!({"type": "orderbook_delta", "sid": 1, "seq": seq, "msg": msg}));
    }

    pub(super) fn remove(&mut self, request: RequestId, markets: &[&str]) {
        let markets: Vec<Ticker> = markets.iter().map(|name| name.parse().unwrap()).collect();
        self.core.remove(request, Channel::OrderbookDelta, &markets, self.now, AT, &mut Sink(&mut self.folded));
    }

    pub(super) fn accept(&mut self, accepting: bool) {
        self.core.set_accepting(accepting, self.now, AT, &mut Sink(&mut self.folded));
    }

    pub(super) fn trusts(&self, market: &str) -> bool {
        self.folded.markets.get(market).is_some_and(|market| market.trusted)
    }

    /// The requests that are settled, in the order of their numbers, all of them well.
    pub(super) fn done(&mut self) -> Vec<RequestId> {
        let done = |(request, outcome)| {
            assert_eq!(outcome, Outcome::Done, "{request}");
            request
        };
        let mut all: Vec<_> = self.core.take_outcomes().into_iter().map(done).collect();
        all.sort_unstable();
        all
    }
}

pub(super) fn books(markets: &[&str]) -> Subscription {
    Subscription::new(Channel::OrderbookDelta).markets(tickers(markets))
}

pub(super) fn tickers(markets: &[&str]) -> Vec<Ticker> {
    markets.iter().map(|name| name.parse().unwrap()).collect()
}

/// What a change of the subscription asks for.
pub(super) fn action(command: &Value) -> &str {
    command["params"]["action"].as_str().unwrap_or_default()
}
