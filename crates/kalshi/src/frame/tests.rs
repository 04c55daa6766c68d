use daybook_book::{Delta, Lifecycle, Price, Quantity, Side, Snapshot, TickerUpdate, Trade};

use super::*;

const DELTA: &str = r#"{"type":"orderbook_delta","sid":1,"seq":900017,"msg":{"market_ticker":"KXGOLD15M-26JAN01-45","market_id":"0b7c5a2e-4f61-4d83-9a10-6e2f8c93d517","price_dollars":"0.3700","delta_fp":"-0.10","side":"yes","ts":"2026-03-04T05:06:07.891234Z","ts_ms":1772600767891}}"#;
const TRADE: &str = r#"{"type":"trade","sid":2,"seq":31415,"msg":{"trade_id":"c4e19f70-8a25-4b6d-b3f2-51d07a9e6c84","market_ticker":"KXGOLD15M-26JAN01-45","yes_price_dollars":"0.4000","no_price_dollars":"0.6000","count_fp":"14.25","taker_side":"yes","taker_outcome_side":"yes","taker_book_side":"bid","ts":1772600768,"ts_ms":1772600768204}}"#;

const MICROS: i64 = 1_772_600_767_891_234;

fn usual_delta() -> Delta<'static> {
    Delta {
        ticker: "KXGOLD15M-26JAN01-45".into(),
        market_id: "0b7c5a2e-4f61-4d83-9a10-6e2f8c93d517".into(),
        ts: Some(ExchangeTime::from_micros(MICROS)),
        clock: None,
        side: Side::Yes,
        price: price("0.3700"),
        quantity: quantity("-0.10"),
    }
}

fn price(text: &str) -> Price {
    text.parse().unwrap()
}

fn quantity(text: &str) -> Quantity {
    text.parse().unwrap()
}

/// Reads by both readers, which must agree.
fn parse(text: &str) -> Result<Frame<'_>, FrameError> {
    let frame = Frame::parse(text.as_bytes());
    assert_eq!(frame, general::read(text.as_bytes()), "{text}");
    frame
}

fn event(text: &str) -> (Event<'_>, Option<String>) {
    match parse(text).unwrap() {
        Frame::Event { event, extra, .. } => (event, extra.map(Cow::into_owned)),
        other => panic!("no event: {other:?}"),
    }
}

fn delta(text: &str) -> (Delta<'_>, Option<String>) {
    match event(text) {
        (Event::Delta(delta), extra) => (delta, extra),
        (other, _) => panic!("no delta: {other:?}"),
    }
}

fn trade(text: &str) -> (Trade<'_>, Option<String>) {
    match event(text) {
        (Event::Trade(trade), extra) => (trade, extra),
        (other, _) => panic!("no trade: {other:?}"),
    }
}

fn snapshot(msg: &str) -> (Snapshot<'static>, Option<String>) {
    let text = format!(r#"{{"type":"orderbook_snapshot","sid":1,"seq":1,"msg":{{"market_ticker":"A"{msg}}}}}"#);
    match event(&text) {
        (event @ Event::Snapshot(_), extra) => match event.into_owned() {
            Event::Snapshot(snapshot) => (snapshot, extra),
            _ => unreachable!(),
        },
        (other, _) => panic!("no snapshot: {other:?}"),
    }
}

fn ticker(msg: &str) -> (TickerUpdate<'static>, Option<String>) {
    let text = format!(r#"{{"type":"ticker","sid":1,"msg":{{"market_ticker":"A"{msg}}}}}"#);
    match event(&text) {
        (event @ Event::Ticker(_), extra) => match event.into_owned() {
            Event::Ticker(ticker) => (ticker, extra),
            _ => unreachable!(),
        },
        (other, _) => panic!("no ticker: {other:?}"),
    }
}

fn lifecycle(text: &str) -> (Lifecycle<'_>, Option<String>) {
    match event(text) {
        (Event::Lifecycle(lifecycle), extra) => (lifecycle, extra),
        (other, _) => panic!("no lifecycle: {other:?}"),
    }
}

fn refuse(text: &str) -> FrameError {
    parse(text).unwrap_err()
}

#[test]
fn the_scanner_takes_the_usual_delta() {
    let frame = scan::read(DELTA.as_bytes()).unwrap();
    let event = Event::Delta(usual_delta());
    assert_eq!(frame, Frame::Event { sid: Some(1), seq: Some(900_017), sent_ts: None, event, extra: None });
    assert_eq!(Ok(frame), parse(DELTA));
}

#[test]
fn the_scanner_takes_today_s_optional_fields() {
    let stamped = DELTA.replace("\"sid\"", "\"sending_ts_ms\":1772600767450,\"sid\"");
    let with_clock = stamped.replace("\"price_dollars\"", "\"clock\":7700061,\"price_dollars\"");
    let last = DELTA.replace("}}", "},\"sending_ts_ms\":1772600767450}\n");
    let no_millis = DELTA.replace(",\"ts_ms\":1772600767891", "");
    let no_time = no_millis.replace(",\"ts\":\"2026-03-04T05:06:07.891234Z\"", "");
    let block = TRADE.replace("\"ts\":", "\"is_block_trade\":false,\"ts\":");
    for text in [&*stamped, &with_clock, &last, &no_millis, &no_time, TRADE, &block] {
        let frame = scan::read(text.as_bytes());
        assert_eq!(frame, Some(parse(text).unwrap()), "{text}");
    }
    let Ok(Frame::Event { sent_ts, event: Event::Delta(delta), .. }) = parse(&with_clock) else { panic!("a delta") };
    assert_eq!(sent_ts, Some(ExchangeTime::from_micros(1_772_600_767_450_000)));
    assert_eq!(delta.clock, Some(7_700_061));
    assert_eq!(trade(&block).0.is_block_trade, Some(false));
}

#[test]
fn the_scanner_leaves_every_surprise_to_the_general_reader() {
    let scanned = |text: &str| scan::read(text.as_bytes()).is_some();
    for (from, to) in [
        ("{\"type\"", " {\"type\""),
        ("\"sid\":1", "\"sid\": 1"),
        ("\"sid\":1", "\"sid\":01"),
        ("\"sid\":1", "\"sid\":4294967296"),
        ("\"seq\":900017", "\"seq\":5.0"),
        ("\"seq\":900017", "\"seq\":5e3"),
        ("\"seq\":900017", "\"seq\":-5"),
        ("\"seq\":900017", "\"seq\":1234567890123456789"),
        ("KXGOLD", "KX\\u0047OLD"),
        ("KXGOLD", "KXGÖLD"),
        ("KXGOLD", "KX\tGOLD"),
        ("\"0.3700\"", "\"0.37\""),
        ("\"0.3700\"", "\"1.0001\""),
        ("\"0.3700\"", "\"0.37000\""),
        ("\"-0.10\"", "\"+0.10\""),
        ("\"-0.10\"", "\"-.10\""),
        ("\"-0.10\"", "\"-0.1\""),
        ("\"-0.10\"", "\"-1234567890123456.10\""),
        ("\"yes\"", "\"Yes\""),
        ("91234Z", "9123471Z"),
        ("1772600767891", "1772600767892"),
        ("}}", "}} "),
        ("}}", "}}}"),
        ("}}", "}"),
        ("}}", ",\"subaccount\":0}}"),
        ("}}", ",\"side\":\"yes\"}}"),
    ] {
        let text = DELTA.replacen(from, to, 1);
        assert_ne!(text, DELTA, "{from}");
        assert!(!scanned(&text), "{text}");
        let _ = parse(&text);
    }
    assert!(!scanned(&TRADE.replace("\"ts\":1772600768,", "\"ts\":1772600769,")));
    assert!(!scanned(&TRADE.replace("\"bid\"", "\"buy\"")));
}

#[test]
fn order_white_space_and_escapes_mean_nothing() {
    let text = "{\n \"msg\" : { \"ts_ms\":1772600767891, \"side\":\"\\u0079es\",\"ts\":\"2026-03-04T07:06:07.891234+02:00\",
        \"delta_fp\":\"-.1\", \"price_dollars\":\"0.37\",\"market_id\":\"0b7c5a2e-4f61-4d83-9a10-6e2f8c93d517\",
        \"clock\":null,\"market_ticker\":\"KXGOLD15M\\u002d26JAN01-45\"}, \"seq\":900017,\"sid\":1, \"type\":\"orderbook\\u005fdelta\" }\n";
    assert_eq!(parse(text), parse(DELTA));
    let (delta, _) = delta(text);
    assert!(matches!(delta.ticker, Cow::Owned(_)) && matches!(delta.market_id, Cow::Borrowed(_)));
}

#[test]
fn what_no_column_holds_goes_to_extra() {
    let own = DELTA.replace("}}", ",\"client_order_id\":\"x\",\"subaccount\":3},\"id\":7}");
    assert_eq!(delta(&own), (usual_delta(), Some(r#"{"id":7,"client_order_id":"x","subaccount":3}"#.into())));
    let both = DELTA.replace("}}", ",\"a\":1.50,\"é\\n\":[ ]},\"a\":null}");
    assert_eq!(delta(&both).1.as_deref(), Some(r#"{"envelope.a":null,"a":1.50,"é\n":[ ]}"#));
    let thrice = DELTA.replace("}}", ",\"a\":1},\"a\":2,\"envelope.a\":3}");
    assert_eq!(delta(&thrice).1.as_deref(), Some(r#"{"envelope.envelope.a":2,"envelope.a":3,"a":1}"#));
}

#[test]
fn the_time_of_a_delta() {
    let (ts, ts_ms) = ("\"ts\":\"2026-03-04T05:06:07.891234Z\"", ",\"ts_ms\":1772600767891");
    let time = |new_ts: &str, new_ms: &str| {
        let text = DELTA.replace(ts, new_ts).replace(ts_ms, new_ms).replace(",,", ",").replace(",}", "}");
        let (delta, extra) = delta(&text);
        (delta.ts.map(ExchangeTime::micros), extra)
    };
    assert_eq!(time(ts, ""), (Some(MICROS), None));
    assert_eq!(time("", ""), (None, None));
    assert_eq!(time("", ts_ms), (Some(1_772_600_767_891_000), Some(r#"{"ts_ms":1772600767891}"#.into())));
    assert_eq!(time(ts, ",\"ts_ms\":1772600767892"), (Some(MICROS), Some(r#"{"ts_ms":1772600767892}"#.into())));
    let fine = "\"ts\":\"2026-03-04T05:06:07.891234001Z\"";
    assert_eq!(time(fine, ts_ms), (Some(MICROS), Some(format!("{{{fine}}}"))));
    assert_eq!(time("\"ts\":\"2026-03-04T05:06:07.891234000Z\"", ts_ms), (Some(MICROS), None));
    assert_eq!(time("\"ts\":\"2026-03-04T05:06:07Z\"", ",\"ts_ms\":1772600767000").1, None);
    assert_eq!(time("\"ts\":\"1969-12-31T23:59:59.9999Z\"", ",\"ts_ms\":-1"), (Some(-100), None));
}

#[test]
fn the_time_of_a_trade() {
    let time = |ts: &str, ts_ms: &str| {
        let text = TRADE.replace("\"ts\":1772600768", ts).replace(",\"ts_ms\":1772600768204", ts_ms);
        let text = text.replace(",}", "}").replace(",,", ",");
        let (trade, extra) = trade(&text);
        (trade.ts.map(ExchangeTime::micros), extra)
    };
    assert_eq!(time("\"ts\":1772600768", ""), (Some(1_772_600_768_000_000), None));
    assert_eq!(time("", ",\"ts_ms\":1772600768204"), (Some(1_772_600_768_204_000), None));
    assert_eq!(time("", ""), (None, None));
    let other = time("\"ts\":1772600769", ",\"ts_ms\":1772600768204");
    assert_eq!(other, (Some(1_772_600_768_204_000), Some(r#"{"ts":1772600769}"#.into())));
}

#[test]
fn reads_trades_of_every_age() {
    let old = r#"{"type":"trade","sid":11,"msg":{"market_ticker":"KXTEMP-26JAN02-B41.5","yes_price":31,"no_price":69,"count":205,"taker_side":"no","ts":1770271628}}"#;
    let (old, extra) = trade(old);
    assert_eq!((old.yes_price, old.no_price, old.count), (price("0.31"), price("0.69"), quantity("205")));
    assert_eq!((&*old.trade_id, old.taker_side, old.taker_outcome_side), ("", Some(Side::No), None));
    assert_eq!(extra, None);

    // While both were sent, the cents are told by the dollars unless they had to be rounded.
    let both = TRADE.replace("\"ts\"", "\"yes_price\":40,\"no_price\":61,\"count\":12,\"ts\"");
    assert_eq!(trade(&both).1.as_deref(), Some(r#"{"no_price":61,"count":12}"#));
    assert_eq!(trade(&both).0, trade(TRADE).0);

    let new_side = TRADE.replace("\"taker_side\":\"yes\"", "\"taker_side\":\"both\"");
    assert_eq!((trade(&new_side).0.taker_side, &*trade(&new_side).1.unwrap()), (None, r#"{"taker_side":"both"}"#));
    let empty = TRADE.replace("\"yes\"", "\"\"").replace("\"bid\"", "\"\"");
    let (empty, extra) = trade(&empty);
    assert_eq!((empty.taker_side, empty.taker_outcome_side, empty.taker_book_side, extra), (None, None, None, None));
}

#[test]
fn reads_snapshots_of_every_age() {
    let levels = vec![(price("0.08"), quantity("300.50")), (price("0.23"), quantity("7"))];
    let (now, extra) =
        snapshot(r#","market_id":"","clock":9,"yes_dollars_fp":[["0.0800","300.50"],["0.2300","7.00"]]"#);
    assert_eq!((now.yes, now.no, now.clock, extra), (levels, vec![], Some(9), None));

    let whole = vec![(price("0.08"), quantity("300"))];
    assert_eq!(snapshot(r#","no":[[8,300]]"#).0.no, whole);
    assert_eq!(snapshot(r#","no_dollars":[["0.08",300]]"#).0.no, whole);
    assert_eq!(snapshot(r#","no_dollars_fp":[["0.08","300.00"]],"no_dollars":[["0.08",300]],"no":[[8,300]]"#).1, None);
    assert_eq!(
        snapshot(r#","no_dollars_fp":[["0.08","300.00"]],"no":[[8,301]]"#).1.as_deref(),
        Some(r#"{"no":[[8,301]]}"#)
    );
    let (empty, extra) = snapshot(r#","yes_dollars_fp":null,"no_dollars_fp":[]"#);
    assert_eq!((empty.yes, empty.no, empty.ts, empty.clock, extra), (vec![], vec![], None, None, None));
}

#[test]
fn reads_tickers() {
    let (now, extra) = ticker(
        r#","market_id":"m","price_dollars":"0.4800","yes_bid_dollars":"0.4500","yes_ask_dollars":"0.5300","volume_fp":"41207.00","open_interest_fp":"30511.00","dollar_volume":28305,"dollar_open_interest":-1,"yes_bid_size_fp":"300.00","yes_ask_size_fp":"150.00","last_trade_size_fp":"25.00","ts":1770271628,"ts_ms":1770271628123,"time":"2026-02-05T06:07:08Z""#,
    );
    assert_eq!(extra, None);
    let expected = TickerUpdate {
        ticker: "A".into(),
        market_id: "m".into(),
        ts: Some(ExchangeTime::from_micros(1_770_271_628_123_000)),
        price: Some(price("0.48")),
        yes_bid: Some(price("0.45")),
        yes_ask: Some(price("0.53")),
        yes_bid_size: Some(quantity("300")),
        yes_ask_size: Some(quantity("150")),
        last_trade_size: Some(quantity("25")),
        volume: Some(quantity("41207")),
        open_interest: Some(quantity("30511")),
        dollar_volume: Some(28_305),
        dollar_open_interest: Some(-1),
    };
    assert_eq!(now, expected);

    let (never, extra) = ticker(r#","price_dollars":"","Clock":5"#);
    assert_eq!((never.price, never.ts, extra.as_deref()), (None, None, Some(r#"{"Clock":5}"#)));
    let (old, extra) = ticker(r#","price":48,"yes_bid":45,"yes_ask":53,"volume":41207,"open_interest":2,"ts":1"#);
    assert_eq!((old.price, old.volume, extra), (Some(price("0.48")), Some(quantity("41207")), None));
    assert_eq!(old.ts, Some(ExchangeTime::from_micros(1_000_000)));
}

#[test]
fn the_time_of_a_ticker() {
    let time = |msg: &str| (ticker(msg).0.ts.map(ExchangeTime::micros), ticker(msg).1);
    assert_eq!(time(r#","ts_ms":1123,"time":"1970-01-01T00:00:01.123Z""#), (Some(1_123_000), None));
    let finer = r#""time":"1970-01-01T00:00:01.123456Z""#;
    assert_eq!(time(&format!(r#","ts_ms":1123,{finer}"#)), (Some(1_123_000), Some(format!("{{{finer}}}"))));
    assert_eq!(time(&format!(",{finer}")), (Some(1_123_456), None));
    assert_eq!(time(r#","ts":1,"time":"later""#), (Some(1_000_000), Some(r#"{"time":"later"}"#.into())));
}

#[test]
fn reads_lifecycles_whole() {
    let text = r#"{"type":"market_lifecycle_v2","sid":13,"seq":3,"msg":{ "market_ticker":"A-B","open_ts":1,"additional_metadata":{"event_ticker":"A","floor_strike":44.870},"event_type":"created"},"id":1}"#;
    let (created, extra) = lifecycle(text);
    assert_eq!((&*created.channel, &*created.event_type), ("market_lifecycle_v2", "created"));
    assert_eq!((created.ticker.as_deref(), created.event_ticker.as_deref()), (Some("A-B"), Some("A")));
    assert!(created.payload.starts_with("{ \"market_ticker\"") && created.payload.contains("44.870"));
    assert_eq!((created.ts, extra.as_deref()), (None, Some(r#"{"id":1}"#)));

    let text = r#"{"type":"event_fee_update","sid":5,"seq":10,"msg":{"event_ticker":"K","fee_type_override":null}}"#;
    let (fee, extra) = lifecycle(text);
    assert_eq!((&*fee.event_type, fee.ticker, fee.event_ticker.as_deref(), extra), ("", None, Some("K"), None));
    for channel in ["event_lifecycle", "multivariate_market_lifecycle"] {
        assert_eq!(lifecycle(&text.replace("event_fee_update", channel)).0.channel, channel);
    }
}

#[test]
fn control_frames_say_whether_they_count_and_end() {
    let read = |text: &'static str| {
        let frame = parse(text).unwrap();
        (frame.sid(), frame.seq(), frame.consumes_seq(), frame.kind())
    };
    assert_eq!(
        read(r#"{"id":1,"type":"subscribed","msg":{"channel":"orderbook_delta","sid":4}}"#),
        (Some(4), None, false, FrameKind::Other)
    );
    assert_eq!(read(r#"{"id":102,"sid":2,"seq":7,"type":"unsubscribed"}"#), (Some(2), Some(7), true, FrameKind::End));
    assert_eq!(
        read(r#"{"id":3,"type":"ok","msg":[{"channel":"fill","sid":3}]}"#),
        (None, None, false, FrameKind::Other)
    );
    assert_eq!(
        read(r#"{"type":"error","sid":2,"seq":8,"msg":{"code":25,"msg":"overflow"}}"#),
        (Some(2), Some(8), true, FrameKind::End)
    );
    assert_eq!(
        read(r#"{"type":"error","sid":2,"msg":{"code":27,"msg":"slow"}}"#),
        (Some(2), None, false, FrameKind::Other)
    );
    let Ok(Frame::Control { kind, .. }) = parse(r#"{"type":"error","msg":{"code":10,"msg":"a\tb"}}"#) else { panic!() };
    assert_eq!(kind, ControlKind::Error { code: Some(10), message: "a\tb".into() });
    assert!(kind.is_terminal());
}

#[test]
fn unknown_types_are_no_error_and_still_count() {
    let frame = parse(r#"{"type":"user_order","sid":4,"seq":"x","msg":[]}"#).unwrap();
    assert_eq!(frame, Frame::Unknown { frame_type: "user_order".into(), sid: Some(4), seq: None });
    assert_eq!(parse(r#"{"type":"new","sid":4,"seq":9}"#).unwrap().seq(), Some(9));
}

#[test]
fn errors_say_where_and_why_and_keep_the_number() {
    let replaced = |from: &str, to: &str| refuse(&DELTA.replacen(from, to, 1));
    let error = replaced("\"0.3700\"", "\"0.37001\"");
    assert_eq!((error.offset, error.sid, error.seq), (DELTA.find("\"0.3700\"").unwrap(), Some(1), Some(900_017)));
    assert!(matches!(error.reason, FrameErrorReason::Price { field: "price_dollars", .. }), "{error}");
    assert!(matches!(replaced("\"-0.10\"", "\"0.105\"").reason, FrameErrorReason::Quantity { .. }));
    let msg = DELTA.find("{\"market_ticker\"").unwrap();
    for (from, to, field) in [
        ("\"side\":\"yes\",", "", "side"),
        ("\"market_ticker\"", "\"ticker\"", "market_ticker"),
        ("\"0.3700\"", "\"\"", "price_dollars"),
        ("\"-0.10\"", "null", "delta_fp"),
    ] {
        let error = replaced(from, to);
        assert_eq!((error.offset, error.reason), (msg, FrameErrorReason::Missing(field)));
    }
    assert_eq!(
        replaced("\"yes\"", "\"maybe\"").to_string(),
        format!("byte {} of the frame: `side` is not \"yes\" or \"no\": \"maybe\"", DELTA.find("\"yes\"").unwrap())
    );
    assert_eq!(
        replaced("\"sid\":1,\"seq\":900017", "\"sid\":-1,\"seq\":9").to_string(),
        "byte 32 of the frame: `sid` is not a whole number below 2^32: -1"
    );
    for (from, to) in [
        ("1772600767891", "9223372036854775807"),
        ("\"ts_ms\":1772600767891", "\"sending_ts_ms\":1,\"ts_ms\":1e3"),
        ("\"2026-03-04T05:06:07.891234Z\"", "\"today\""),
        ("\"0.3700\"", "0.37"),
    ] {
        assert!(matches!(replaced(from, to).reason, FrameErrorReason::Unexpected { .. }), "{to}");
    }
    assert_eq!(refuse("{}").reason, FrameErrorReason::Missing("type"));
    assert_eq!(refuse(r#"{"type":"trade"}"#).reason, FrameErrorReason::Missing("msg"));
    for (text, offset) in [("", 0), ("[]", 0), ("{\"type\":\"ok\"", 12), ("{\"type\":\"ok\"}x", 13)] {
        let error = refuse(text);
        assert!(matches!(error.reason, FrameErrorReason::Malformed(_)), "{error}");
        assert_eq!(error.offset, offset, "{text}: {error}");
    }
    assert!(matches!(replaced("\"side\"", "\"sid\\u0065\":\"no\",\"side\"").reason, FrameErrorReason::Malformed(_)));
    assert_eq!(Frame::parse(b"{\"a\":\"\xff\"}").unwrap_err().reason, FrameErrorReason::NotUtf8);
}

#[test]
fn frames_made_to_exhaust_the_reader_are_read_or_refused_in_time() {
    let deep = format!(r#"{{"type":"x","msg":{}{}}}"#, "[".repeat(1_000_000), "]".repeat(1_000_000));
    assert!(matches!(parse(&deep), Ok(Frame::Unknown { .. })));
    let levels = format!(r#","yes_dollars_fp":{}"#, "[".repeat(1_000_000));
    assert!(parse(&DELTA.replace("}}", &levels)).is_err());

    let fields = |prefix: &str| (0..50_000).map(|index| format!(",\"{prefix}{index}\":0")).collect::<String>();
    let wide = DELTA.replace("}}", &format!("{}}}{}}}", fields("a"), fields("a")));
    assert_eq!(delta(&wide).1.unwrap().matches("envelope.").count(), 50_000);
}

#[test]
fn an_answer_tells_the_markets_of_a_subscription() {
    let told = |text: &'static str| match parse(text) {
        Ok(Frame::Control { kind: ControlKind::Ok { markets }, .. }) => markets,
        other => panic!("{other:?}"),
    };
    let ok = r#"{"type":"ok","id":9,"sid":1,"seq":5,"msg":{"market_tickers":["KXA-1","KX\u0042-1"],"more":1}}"#;
    assert_eq!(told(ok), Some(vec!["KXA-1".into(), "KXB-1".into()]));
    for other in [
        r#"{"type":"ok","id":9,"sid":1,"seq":5}"#,
        r#"{"type":"ok","id":9,"sid":1,"seq":5,"msg":{"market_tickers":null}}"#,
        r#"{"type":"ok","id":9,"sid":1,"seq":5,"msg":{"market_tickers":["A",1]}}"#,
        r#"{"type":"ok","id":3,"msg":[{"channel":"fill","sid":3}]}"#,
    ] {
        assert_eq!(told(other), None);
    }
}
