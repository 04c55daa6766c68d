//! The `msg` of a frame that was recorded: what the event says and nothing else, so that whoever reads it has the event.

use std::collections::BTreeMap;

use daybook_book::{Delta, Event, ExchangeTime, Price, Quantity, Side, Snapshot, TickerUpdate, Trade};
use serde_json::value::RawValue;

use super::{
    encode::Encode,
    message::{View, ladder},
    names::Name,
};

/// Writes the `msg` of an event. `extra` is the JSON object of what else its frame said: a field of it stands in the
/// place of one that is made here. Snapshots and deltas are told by the market's present name, the others by their own.
pub(super) fn msg(out: &mut Vec<u8>, event: &Event<'_>, extra: Option<&str>, name: Name<'_>, view: View) {
    // What is no object was never read from a frame.
    let extra = extra.and_then(|extra| serde_json::from_str(extra).ok()).unwrap_or_default();
    let mut fields = Fields { out, extra, begun: false };
    match event {
        Event::Snapshot(snapshot) => fields.snapshot(snapshot, name, view),
        Event::Delta(delta) => fields.delta(delta, name, view),
        Event::Trade(trade) => fields.trade(trade),
        Event::Ticker(ticker) => fields.ticker(ticker),
        // Kept whole, so that nothing is to be made.
        Event::Lifecycle(lifecycle) => return fields.out.raw(lifecycle.payload.as_bytes()),
    }
    fields.end();
}

/// An object that is being written.
struct Fields<'a> {
    out: &'a mut Vec<u8>,
    extra: BTreeMap<String, Box<RawValue>>,
    begun: bool,
}

impl Fields<'_> {
    /// The key of a field, unless there is another value for it.
    fn key(&mut self, key: &str) -> Option<&mut Vec<u8>> {
        if self.extra.contains_key(key) {
            return None;
        }
        self.comma();
        self.out.raw(b"\"");
        self.out.raw(key.as_bytes());
        self.out.raw(b"\":");
        Some(self.out)
    }

    fn comma(&mut self) {
        self.out.raw(if self.begun { b"," } else { b"{" });
        self.begun = true;
    }

    fn text(&mut self, key: &str, value: Option<&str>) {
        if let Some(value) = value
            && let Some(out) = self.key(key)
        {
            out.json(value);
        }
    }

    fn whole(&mut self, key: &str, value: Option<impl itoa::Integer>) {
        if let Some(value) = value
            && let Some(out) = self.key(key)
        {
            out.int(value);
        }
    }

    fn price(&mut self, key: &str, value: Option<Price>) {
        if let Some(value) = value
            && let Some(out) = self.key(key)
        {
            out.price(value);
        }
    }

    fn quantity(&mut self, key: &str, value: Option<Quantity>) {
        if let Some(value) = value
            && let Some(out) = self.key(key)
        {
            out.quantity(value);
        }
    }

    fn name(&mut self, name: Name<'_>) {
        self.comma();
        self.out.raw(name.both());
    }

    /// `ts` as a text and `ts_ms`, as book frames have them.
    fn stamp(&mut self, ts: Option<ExchangeTime>) {
        let Some(ts) = ts else { return };
        // A book frame that had milliseconds only keeps them as its own, and they are its time.
        let kept = self.extra.get("ts_ms").and_then(|kept| kept.get().parse::<i64>().ok());
        if kept.and_then(|millis| millis.checked_mul(1_000)) != Some(ts.micros())
            && let Some(out) = self.key("ts")
        {
            out.stamp(ts);
        }
        self.whole("ts_ms", Some(ts.micros().div_euclid(1_000)));
    }

    /// `ts` in seconds and `ts_ms`, as the other frames have them; as a text where milliseconds are not enough.
    fn seconds(&mut self, ts: Option<ExchangeTime>) {
        let Some(ts) = ts else { return };
        if ts.micros().rem_euclid(1_000) != 0 {
            return self.stamp(Some(ts));
        }
        self.whole("ts", Some(ts.micros().div_euclid(1_000_000)));
        self.whole("ts_ms", Some(ts.micros().div_euclid(1_000)));
    }

    fn snapshot(&mut self, snapshot: &Snapshot<'_>, name: Name<'_>, view: View) {
        self.name(name);
        self.whole("clock", snapshot.clock);
        for (side, levels) in [(Side::Yes, &snapshot.yes), (Side::No, &snapshot.no)] {
            ladder(self.out, side, view, |level| levels.iter().for_each(|&(price, size)| level(price, size)));
        }
        self.stamp(snapshot.ts);
    }

    fn delta(&mut self, delta: &Delta<'_>, name: Name<'_>, view: View) {
        self.name(name);
        self.whole("clock", delta.clock);
        self.price("price_dollars", Some(view.price(delta.side, delta.price)));
        self.quantity("delta_fp", Some(delta.quantity));
        self.text("side", Some(delta.side.as_str()));
        self.stamp(delta.ts);
    }

    fn trade(&mut self, trade: &Trade<'_>) {
        self.text("trade_id", Some(&trade.trade_id).filter(|id| !id.is_empty()).map(AsRef::as_ref));
        self.text("market_ticker", Some(&trade.ticker));
        self.price("yes_price_dollars", Some(trade.yes_price));
        self.price("no_price_dollars", Some(trade.no_price));
        self.quantity("count_fp", Some(trade.count));
        self.text("taker_side", trade.taker_side.map(Side::as_str));
        self.text("taker_outcome_side", trade.taker_outcome_side.map(Side::as_str));
        self.text("taker_book_side", trade.taker_book_side.as_deref());
        if let Some(is_block) = trade.is_block_trade
            && let Some(out) = self.key("is_block_trade")
        {
            out.raw(if is_block { b"true" } else { b"false" });
        }
        self.seconds(trade.ts);
    }

    fn ticker(&mut self, ticker: &TickerUpdate<'_>) {
        self.text("market_id", Some(&ticker.market_id).filter(|id| !id.is_empty()).map(AsRef::as_ref));
        self.text("market_ticker", Some(&ticker.ticker));
        self.price("price_dollars", ticker.price);
        self.price("yes_bid_dollars", ticker.yes_bid);
        self.price("yes_ask_dollars", ticker.yes_ask);
        self.quantity("volume_fp", ticker.volume);
        self.quantity("open_interest_fp", ticker.open_interest);
        self.whole("dollar_volume", ticker.dollar_volume);
        self.whole("dollar_open_interest", ticker.dollar_open_interest);
        self.quantity("yes_bid_size_fp", ticker.yes_bid_size);
        self.quantity("yes_ask_size_fp", ticker.yes_ask_size);
        self.quantity("last_trade_size_fp", ticker.last_trade_size);
        self.seconds(ticker.ts);
    }

    fn end(mut self) {
        for (key, value) in std::mem::take(&mut self.extra) {
            self.comma();
            self.out.json(&key);
            self.out.raw(b":");
            self.out.raw(value.get().as_bytes());
        }
        if !self.begun {
            self.out.raw(b"{");
        }
        self.out.raw(b"}");
    }
}

#[cfg(test)]
mod tests {
    use daybook_book::Ticker;
    use daybook_kalshi::Frame;
    use proptest::{option, prelude::*};

    use super::*;
    use crate::{
        engine::MarketId,
        feed::{Uuid, names::Names},
    };

    const TICKER: &str = "KXBTC15M-26AUG121045-45";
    const ID: &str = "c0d829d2-4e7f-54bd-b561-6e3e75a99cc1";

    fn price() -> impl Strategy<Value = Price> {
        (0u16..=10_000).prop_map(|value| Price::from_ten_thousandths(value).unwrap())
    }

    fn quantity() -> impl Strategy<Value = Quantity> {
        (-10_000_000i64..10_000_000).prop_map(Quantity::from_hundredths)
    }

    fn side() -> impl Strategy<Value = Side> {
        prop_oneof![Just(Side::Yes), Just(Side::No)]
    }

    fn time() -> impl Strategy<Value = Option<ExchangeTime>> {
        let micros = 1_700_000_000_000_000i64..1_800_000_000_000_000;
        let micros = prop_oneof![micros.clone(), micros.prop_map(|micros| micros / 1_000 * 1_000)];
        option::of(micros.prop_map(ExchangeTime::from_micros))
    }

    fn levels() -> impl Strategy<Value = Vec<(Price, Quantity)>> {
        let sizes = (1i64..1_000_000).prop_map(Quantity::from_hundredths);
        prop::collection::btree_map(price(), sizes, 0..6).prop_map(|levels| levels.into_iter().collect())
    }

    fn event() -> impl Strategy<Value = Event<'static>> {
        let snapshot = (time(), option::of(any::<u64>()), levels(), levels()).prop_map(|(ts, clock, yes, no)| {
            Event::Snapshot(Snapshot { ticker: TICKER.into(), market_id: ID.into(), ts, clock, yes, no })
        });
        let delta = (time(), option::of(any::<u64>()), side(), price(), quantity()).prop_map(
            |(ts, clock, side, price, quantity)| {
                Event::Delta(Delta { ticker: TICKER.into(), market_id: ID.into(), ts, clock, side, price, quantity })
            },
        );
        let sides = || option::of(side());
        let trade = (time(), price(), price(), quantity(), sides(), sides(), option::of(any::<bool>()), any::<bool>())
            .prop_map(|(ts, yes_price, no_price, count, taker_side, taker_outcome_side, is_block_trade, named)| {
                Event::Trade(Trade {
                    ticker: TICKER.into(),
                    trade_id: if named { "a trade \"named\" so".into() } else { "".into() },
                    ts,
                    yes_price,
                    no_price,
                    count,
                    taker_side,
                    taker_outcome_side,
                    taker_book_side: named.then(|| "ask".into()),
                    is_block_trade,
                })
            });
        let prices = (option::of(price()), option::of(price()), option::of(price()));
        let sizes = (option::of(quantity()), option::of(quantity()), option::of(quantity()));
        let totals =
            (option::of(quantity()), option::of(quantity()), option::of(any::<i64>()), option::of(any::<i64>()));
        let ticker = (time(), prices, sizes, totals).prop_map(|(ts, prices, sizes, totals)| {
            Event::Ticker(TickerUpdate {
                ticker: TICKER.into(),
                market_id: ID.into(),
                ts,
                price: prices.0,
                yes_bid: prices.1,
                yes_ask: prices.2,
                yes_bid_size: sizes.0,
                yes_ask_size: sizes.1,
                last_trade_size: sizes.2,
                volume: totals.0,
                open_interest: totals.1,
                dollar_volume: totals.2,
                dollar_open_interest: totals.3,
            })
        });
        prop_oneof![snapshot, delta, trade, ticker]
    }

    fn read(event: &Event<'_>, extra: Option<&str>) -> (Event<'static>, Option<String>) {
        let mut names = Names::default();
        names.add(MarketId(0), &TICKER.parse::<Ticker>().unwrap(), Uuid::parse(ID).unwrap());
        let kind = match event {
            Event::Snapshot(_) => "orderbook_snapshot",
            Event::Delta(_) => "orderbook_delta",
            Event::Trade(_) => "trade",
            _ => "ticker",
        };
        let mut frame = format!("{{\"type\":\"{kind}\",\"sid\":1,\"seq\":1,\"msg\":").into_bytes();
        msg(&mut frame, event, extra, names.get(MarketId(0)), View::default());
        frame.push(b'}');
        match Frame::parse(&frame).unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&frame))) {
            Frame::Event { event, extra, .. } => (event.into_owned(), extra.map(|extra| extra.into_owned())),
            other => panic!("{other:?}"),
        }
    }

    proptest! {
        #[test]
        fn whoever_reads_it_has_the_event(event in event()) {
            prop_assert_eq!(read(&event, None), (event, None));
        }

        #[test]
        fn and_what_else_the_frame_said(event in event()) {
            let extra = r#"{"Clock":77,"note":{"a":[1,2.50]}}"#;
            prop_assert_eq!(read(&event, Some(extra)), (event, Some(extra.to_owned())));
        }
    }

    #[test]
    fn odd_stamps_stay_odd() {
        let delta = |micros| {
            Event::Delta(Delta {
                ticker: TICKER.into(),
                market_id: ID.into(),
                ts: Some(ExchangeTime::from_micros(micros)),
                clock: Some(3),
                side: Side::No,
                price: Price::ONE,
                quantity: Quantity::from_hundredths(-5),
            })
        };
        // Milliseconds without `ts`, and others than those of `ts`.
        for (micros, extra) in [
            (1_786_408_242_445_000, r#"{"ts_ms":1786408242445}"#),
            (1_786_408_242_445_624, r#"{"ts_ms":1786408242999}"#),
        ] {
            assert_eq!(read(&delta(micros), Some(extra)), (delta(micros), Some(extra.to_owned())));
        }
    }

    #[test]
    fn a_lifecycle_event_is_told_as_it_was_sent() {
        let mut names = Names::default();
        names.add(MarketId(0), &TICKER.parse::<Ticker>().unwrap(), Uuid(1));
        let payload = r#"{ "event_type":"activated", "market_ticker":"KXBTC15M-26AUG121045-45" }"#;
        let event = Event::Lifecycle(daybook_book::Lifecycle {
            channel: "market_lifecycle_v2".into(),
            event_type: "activated".into(),
            ticker: Some(TICKER.into()),
            event_ticker: None,
            ts: None,
            payload: payload.into(),
        });
        let mut out = Vec::new();
        msg(&mut out, &event, None, names.get(MarketId(0)), View::default());
        assert_eq!(out, payload.as_bytes());
    }
}
