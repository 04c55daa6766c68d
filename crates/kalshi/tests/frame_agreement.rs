//! Three readings of one frame must agree: the crate's (scanner first), its general reader alone, and an independent
//! one by way of `serde_json::Value`; on frames that look real and then are bent, and on real ones where there are any.

mod captures;
mod reading;

use std::borrow::Cow;

use daybook_book::Event;
use daybook_kalshi::{CaptureLine, Frame, WrapperFields};
use proptest::{prelude::*, sample::Index};
use reading::Fields;

/// Fails unless all three readings agree on `frame`.
fn assert_agreement(frame: &[u8]) {
    let ours = Frame::parse(frame);
    assert_eq!(ours, Frame::parse_generally(frame), "{}", String::from_utf8_lossy(frame));
    let theirs = reading::read(frame);
    let (mut ours, mut theirs) = match (ours, theirs) {
        (Ok(ours), Ok(theirs)) => (ours, theirs),
        (Err(_), Err(())) => return,
        (ours, theirs) => panic!("{}\nours: {ours:?}\ntheirs: {theirs:?}", String::from_utf8_lossy(frame)),
    };
    assert_eq!(take_json(&mut ours), take_json(&mut theirs), "{}", String::from_utf8_lossy(frame));
    assert_eq!(ours, theirs, "{}", String::from_utf8_lossy(frame));
}

/// The fields of one JSON object by name; in raw form what `Value` cannot hold.
type Json = Vec<(String, Result<serde_json::Value, String>)>;

/// Takes out of a frame what is JSON and may be spelled in more ways than one.
fn take_json(frame: &mut Frame<'_>) -> Vec<Json> {
    let Frame::Event { event, extra, .. } = frame else { return Vec::new() };
    let payload = match event {
        Event::Lifecycle(event) => Some(std::mem::replace(&mut event.payload, Cow::Borrowed(""))),
        _ => None,
    };
    let json = |text: Cow<'_, str>| {
        let Fields(fields) = Fields::read(&text).expect("`extra` and payloads are objects");
        fields.into_iter().map(|(name, (value, raw))| (name, value.ok_or(raw))).collect()
    };
    payload.into_iter().chain(extra.take()).map(json).collect()
}

#[test]
fn the_readings_agree_on_captured_frames() {
    let Some(lines) = captures::lines() else { return };
    let fields = WrapperFields::default();
    let mut frames = 0;
    for (file, line) in lines {
        let captured = CaptureLine::parse(&line, &fields).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert!(captured.recv_ts.is_some() && matches!(captured.frame, Cow::Borrowed(_)), "{file}");
        assert_agreement(&captured.frame);
        let frame = Frame::parse(&captured.frame).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert!(matches!(frame, Frame::Event { extra: None, .. }), "{file}: {frame:?}");
        frames += 1;
    }
    assert!(frames > 0, "the captures hold no frame");
    println!("{frames} captured frames read alike");
}

type Field = (String, String);

/// A frame in parts: envelope fields and `msg` fields, each a name and raw JSON.
#[derive(Clone, Debug)]
struct Parts {
    envelope: Vec<Field>,
    msg: Vec<Field>,
}

fn parts(envelope: &[(&str, &str)], msg: &[(&str, &str)]) -> Parts {
    let own = |fields: &[(&str, &str)]| fields.iter().map(|&(name, raw)| (name.to_owned(), raw.to_owned())).collect();
    Parts { envelope: own(envelope), msg: own(msg) }
}

fn usual() -> impl Strategy<Value = Parts> {
    let stamped = |kind| [("type", kind), ("sid", "1"), ("seq", "900017")];
    let book = [("market_ticker", "\"KXA-26-T1.5\""), ("market_id", "\"0b7c5a2e-4f61-4d83-9a10-6e2f8c93d517\"")];
    let delta = [
        ("price_dollars", "\"0.3700\""),
        ("delta_fp", "\"-0.10\""),
        ("side", "\"no\""),
        ("ts", "\"2026-03-04T05:06:07.891234Z\""),
        ("ts_ms", "1772600767891"),
    ];
    let trade = [
        ("trade_id", "\"c4e19f70-8a25-4b6d-b3f2-51d07a9e6c84\""),
        ("market_ticker", "\"KXA-26-T1.5\""),
        ("yes_price_dollars", "\"0.4000\""),
        ("no_price_dollars", "\"0.6000\""),
        ("count_fp", "\"14.25\""),
        ("taker_side", "\"yes\""),
        ("taker_outcome_side", "\"no\""),
        ("taker_book_side", "\"ask\""),
        ("is_block_trade", "true"),
        ("ts", "1772600768"),
        ("ts_ms", "1772600768204"),
    ];
    let ticker = [
        ("market_ticker", "\"KXA\""),
        ("price_dollars", "\"\""),
        ("yes_bid_dollars", "\"0.4500\""),
        ("volume_fp", "\"41207.00\""),
        ("dollar_volume", "-28305"),
        ("yes_bid_size_fp", "\"300.00\""),
        ("ts", "1770271628"),
        ("ts_ms", "1770271628120"),
        ("time", "\"2026-02-05T06:07:08.12Z\""),
    ];
    let created = [
        ("market_ticker", "\"KXA-B\""),
        ("event_type", "\"created\""),
        ("additional_metadata", r#"{"event_ticker":"KXA","floor_strike":1.50}"#),
        ("open_ts", "1794635200"),
    ];
    let levels = r#"[["0.0800","300.00"],["0.2300","351.50"]]"#;
    let snapshot = [("clock", "7700057"), ("yes_dollars_fp", levels), ("no_dollars_fp", "[]")];
    prop::sample::select(vec![
        parts(&stamped("\"orderbook_delta\""), &[&book[..], &delta].concat()),
        parts(&stamped("\"orderbook_delta\""), &[&book[..], &[("clock", "7700061")], &delta].concat()),
        parts(&stamped("\"orderbook_snapshot\""), &[&book[..], &snapshot].concat()),
        parts(&stamped("\"trade\""), &trade),
        parts(&stamped("\"ticker\"")[..2], &ticker),
        parts(&stamped("\"market_lifecycle_v2\""), &created),
        parts(&stamped("\"event_lifecycle\""), &[("event_ticker", "\"KXA\""), ("title", "\"é\"")]),
        parts(&stamped("\"error\""), &[("code", "25"), ("msg", "\"overflow\"")]),
        parts(&stamped("\"subscribed\"")[..1], &[("channel", "\"trade\""), ("sid", "2")]),
        parts(&stamped("\"ok\""), &[("market_tickers", "[]")]),
        parts(&stamped("\"fill\""), &[("trade_id", "\"x\"")]),
    ])
}

/// What is done to a frame while it is still in parts.
#[derive(Clone, Debug)]
enum Bend {
    Shuffle(bool, Vec<Index>),
    Remove(bool, Index),
    Replace(bool, Index, &'static str),
    Add(bool, Index, &'static str, &'static str),
    Repeat(bool, Index, Index),
    Escape(bool, Index, Index),
    Stamp(bool, String),
}

const NAMES: &[&str] = &[
    "type",
    "sid",
    "seq",
    "id",
    "msg",
    "sending_ts_ms",
    "clock",
    "Clock",
    "client_order_id",
    "a\\nb",
    "envelope.id",
    "price",
    "delta",
    "count",
    "yes_price",
    "no_price",
    "yes",
    "no",
    "yes_dollars",
    "no_dollars",
    "volume",
    "yes_bid",
    "time",
    "ts",
    "ts_ms",
    "event_ticker",
    "is_block_trade",
    "taker_side",
];

const VALUES: &[&str] = &[
    "null",
    "true",
    "0",
    "-0",
    "-1",
    "37",
    "40",
    "100",
    "101",
    "1.0",
    "1e3",
    "1e999",
    "1772600767891",
    "1772600768",
    "4294967295",
    "4294967296",
    "9223372036854775807",
    "18446744073709551615",
    "18446744073709551616",
    "00",
    "\"\"",
    "\"yes\"",
    "\"maybe\"",
    "\"0.48\"",
    "\"1.0000\"",
    "\"1.0001\"",
    "\"0.37000\"",
    "\"0.00005\"",
    "\"-12.50\"",
    "\"+1\"",
    "\"-.5\"",
    "\"-00001.00\"",
    "\"999999999999999.99\"",
    "\"92233720368547758.08\"",
    "\"2026-03-04T05:06:07.891234999Z\"",
    "\"2026-03-04t07:06:07.891+02:00\"",
    "\"2026-03-04T05:06:60Z\"",
    "\"2026-02-05T06:07:08Z\"",
    "\"\\ud800\"",
    "\"\\ud83d\\ude00\"",
    "\"é\"",
    "[]",
    "{}",
    "[1,{\"a\":\"\\ud800\"}]",
    "[[8,300],[23,351]]",
    "[[\"0.08\",300],[\"0.23\",\"351.50\"]]",
    "[[\"0.08\"]]",
    "[[\"0.08\",\"1\",\"2\"]]",
    "{\"a\":1,\"a\":2}",
    "\"orderbook_delta\"",
    "\"trade\"",
    "\"ticker\"",
];

fn bend() -> impl Strategy<Value = Bend> {
    let (index, value) = (any::<Index>, || prop::sample::select(VALUES));
    prop_oneof![
        (any::<bool>(), prop::collection::vec(index(), 1..6)).prop_map(|(msg, swaps)| Bend::Shuffle(msg, swaps)),
        (any::<bool>(), index()).prop_map(|(msg, at)| Bend::Remove(msg, at)),
        (any::<bool>(), index(), value()).prop_map(|(msg, at, raw)| Bend::Replace(msg, at, raw)),
        (any::<bool>(), index(), prop::sample::select(NAMES), value())
            .prop_map(|(msg, at, name, raw)| Bend::Add(msg, at, name, raw)),
        (any::<bool>(), index(), index()).prop_map(|(msg, from, to)| Bend::Repeat(msg, from, to)),
        (any::<bool>(), index(), index()).prop_map(|(msg, at, byte)| Bend::Escape(msg, at, byte)),
        (any::<bool>(), r"(20[0-9]{2}|[0-9]{4})-[01][0-9]-[0-3][0-9][Tt ][0-2][0-9]:[0-6][0-9]:[0-6][0-9](\.[0-9]{1,10})?(Z|z|[+-][0-2][0-9]:[0-6][0-9])")
            .prop_map(|(time, text)| Bend::Stamp(time, text)),
    ]
}

fn apply(parts: &mut Parts, bend: Bend) {
    let Parts { envelope, msg } = parts;
    let mut pick = |in_msg: bool| if in_msg { std::mem::take(msg) } else { std::mem::take(envelope) };
    let (in_msg, fields) = match bend {
        Bend::Shuffle(in_msg, swaps) => {
            let mut fields = pick(in_msg);
            for (at, other) in swaps.into_iter().enumerate().filter(|_| !fields.is_empty()).collect::<Vec<_>>() {
                let (at, other) = (at % fields.len(), other.index(fields.len()));
                fields.swap(at, other);
            }
            (in_msg, fields)
        }
        Bend::Remove(in_msg, at) => {
            let mut fields = pick(in_msg);
            if !fields.is_empty() {
                fields.remove(at.index(fields.len()));
            }
            (in_msg, fields)
        }
        Bend::Replace(in_msg, at, raw) => {
            let mut fields = pick(in_msg);
            if !fields.is_empty() {
                let at = at.index(fields.len());
                fields[at].1 = raw.to_owned();
            }
            (in_msg, fields)
        }
        Bend::Add(in_msg, at, name, raw) => {
            let mut fields = pick(in_msg);
            // A name that is there already gets the value: repetition is a bend of its own.
            match fields.iter_mut().find(|(other, _)| other == name) {
                Some(field) => field.1 = raw.to_owned(),
                None => fields.insert(at.index(fields.len() + 1), (name.to_owned(), raw.to_owned())),
            }
            (in_msg, fields)
        }
        Bend::Repeat(in_msg, from, to) => {
            let mut fields = pick(in_msg);
            if !fields.is_empty() {
                let field = fields[from.index(fields.len())].clone();
                fields.insert(to.index(fields.len() + 1), field);
            }
            (in_msg, fields)
        }
        Bend::Escape(in_msg, at, byte) => {
            let mut fields = pick(in_msg);
            if !fields.is_empty() {
                let at = at.index(fields.len());
                let raw = &mut fields[at].1;
                if raw.len() > 2 && raw.starts_with('"') && raw.is_ascii() && !raw.contains('\\') {
                    let byte = 1 + byte.index(raw.len() - 2);
                    let escaped = format!("\\u{:04x}", raw.as_bytes()[byte]);
                    raw.replace_range(byte..=byte, &escaped);
                }
            }
            (in_msg, fields)
        }
        Bend::Stamp(time, text) => {
            let mut fields = pick(true);
            let name = if time { "time" } else { "ts" };
            fields.retain(|(other, _)| other != name);
            fields.push((name.to_owned(), format!("\"{text}\"")));
            (true, fields)
        }
    };
    *(if in_msg { msg } else { envelope }) = fields;
}

fn render(parts: &Parts, space: &str, msg_at: Option<Index>) -> Vec<u8> {
    let object = |fields: &[Field]| {
        let fields: Vec<String> = fields.iter().map(|(name, raw)| format!("\"{name}\":{space}{raw}")).collect();
        format!("{{{space}{}{space}}}", fields.join(&format!("{space},")))
    };
    let mut envelope = parts.envelope.clone();
    if !envelope.iter().any(|(name, _)| name == "msg") {
        let at = msg_at.map_or(envelope.len(), |at| at.index(envelope.len() + 1));
        envelope.insert(at, ("msg".to_owned(), object(&parts.msg)));
    }
    object(&envelope).into_bytes()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn the_readings_agree_on_bent_frames(
        parts in usual(),
        bends in prop::collection::vec(bend(), 0..4),
        space in prop::sample::select(&["", "", "", " ", "\n\t"][..]),
        msg_at in any::<Option<Index>>(),
    ) {
        let mut parts = parts;
        bends.into_iter().for_each(|bend| apply(&mut parts, bend));
        assert_agreement(&render(&parts, space, msg_at));
    }

    #[test]
    fn the_readings_agree_on_broken_bytes(
        parts in usual(),
        sent in any::<bool>(),
        edits in prop::collection::vec((any::<Index>(), any::<Option<u8>>(), 0u8..4), 1..4),
    ) {
        let mut parts = parts;
        if sent {
            parts.envelope.insert(1, ("sending_ts_ms".to_owned(), "1770271628123".to_owned()));
        }
        let mut frame = render(&parts, "", None);
        for (at, byte, edit) in edits {
            let at = at.index(frame.len());
            // Half of the new bytes are ones that mean something to a JSON reader.
            let byte = byte.unwrap_or(b"\"\\{}[],:019-.eZ \n"[at % 17]);
            match edit {
                0 => frame[at] = byte,
                1 => frame.insert(at, byte),
                2 if frame.len() > 1 => { frame.remove(at); }
                _ => frame[at] ^= 1 << (at % 8),
            }
        }
        assert_agreement(&frame);
    }

    #[test]
    fn the_readings_agree_on_cut_frames(parts in usual(), length in any::<Index>()) {
        let frame = render(&parts, "", None);
        assert_agreement(&frame[..length.index(frame.len())]);
    }
}
