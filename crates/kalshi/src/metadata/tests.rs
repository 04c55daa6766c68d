use daybook_book::{ExchangeTime, Price, Quantity};

use super::*;

const MARKET: &str = r#"{
    "ticker": "KXGOLD-26JAN01-T5", "event_ticker": "KXGOLD-26JAN01", "market_type": "binary", "status": "finalized",
    "result": "no", "title": "Gold up\u003f", "yes_sub_title": "above", "no_sub_title": "", "floor_strike": 2718.280,
    "open_time": "2026-01-01T00:00:00Z", "close_time": "2026-01-01T01:00:00.5Z",
    "settlement_ts": "2026-01-01T01:00:05.250125Z", "settlement_value_dollars": "0.2500", "expiration_value": "3141.59",
    "price_ranges": [{"start": "0.0000", "step": "0.0100", "end": "1.0000"}], "can_close_early": true,
    "expected_expiration_time": null, "volume_fp": "52525.20", "yes_bid_dollars": "0.1000"
}"#;

const EVENT: &str = r#"{"event_ticker":"KXGOLD-26JAN01","series_ticker":"KXGOLD","title":"Gold","sub_title":"Jan 1",
    "category":"Commodities","mutually_exclusive":false,"collateral_return_type":"","strike_date":"2026-01-01T01:00:00Z",
    "last_updated_ts":"0001-01-01T00:00:00Z"}"#;

const SERIES: &str = r#"{"ticker":"KXGOLD","title":"Gold","category":"Commodities","frequency":"fifteen_min",
    "fee_type":"quadratic","fee_multiplier":0.50,"tags":null,"volume_fp":"1.00"}"#;

fn parse(text: &str) -> MetadataDocument {
    MetadataDocument::parse(text.as_bytes()).unwrap()
}

fn refuse(text: &str) -> String {
    MetadataDocument::parse(text.as_bytes()).unwrap_err().to_string()
}

fn with(object: &str, field: &str, value: &str) -> String {
    let mut fields: serde_json::Map<String, serde_json::Value> = serde_json::from_str(object).unwrap();
    fields.insert(field.to_owned(), serde_json::from_str(value).unwrap());
    serde_json::to_string(&fields).unwrap()
}

#[test]
fn reads_a_market() {
    let document = parse(&format!("{{\"market\":{MARKET}}}"));
    let [market] = &*document.markets else { panic!("one market") };
    assert_eq!(market.title.as_deref(), Some("Gold up?"));
    assert_eq!(market.no_sub_title, None);
    assert_eq!(market.floor_strike.as_deref(), Some("2718.280"));
    assert_eq!(market.close_time, Some(ExchangeTime::from_micros(1_767_229_200_500_000)));
    assert_eq!(market.expected_expiration_time, None);
    assert_eq!(market.price_ranges.as_deref(), Some(r#"[{"end":"1.0000","start":"0.0000","step":"0.0100"}]"#));
    assert_eq!(market.volume, Some(Quantity::from_hundredths(5_252_520)));
    assert!(market.raw.contains("\"floor_strike\":2718.280,"), "{}", market.raw);
    assert!(market.raw.starts_with("{\"can_close_early\":true,\"close_time\""), "{}", market.raw);
    assert_eq!((document.fetched_at, document.events.len(), document.series.len()), (None, 0, 0));
}

#[test]
fn reads_an_event_and_a_series() {
    let document = parse(&format!("{{\"events\":[{EVENT}],\"cursor\":\"\"}}"));
    let event = &document.events[0];
    assert_eq!((&*event.event_ticker, &*event.series_ticker), ("KXGOLD-26JAN01", "KXGOLD"));
    assert_eq!(event.strike_date, Some(ExchangeTime::from_micros(1_767_229_200_000_000)));
    assert_eq!((event.last_updated_ts, event.mutually_exclusive), (None, Some(false)));

    for text in [format!("{{\"series\":{SERIES}}}"), format!("{{\"series\":[{SERIES}]}}")] {
        let document = parse(&text);
        let series = &document.series[0];
        assert_eq!(series.frequency.as_deref(), Some("fifteen_min"));
        assert_eq!((series.fee_multiplier.as_deref(), &series.tags), (Some("0.50"), &None));
    }
}

#[test]
fn every_shape_holds_the_same_market() {
    let nested = format!("{},\"markets\":[{MARKET}]}}", EVENT.strip_suffix('}').unwrap());
    let market = parse(&format!("{{\"market\":{MARKET}}}")).markets;
    for (text, events) in [
        (format!("{{\"event\":{EVENT},\"markets\":[{MARKET}]}}"), 1),
        (format!("{{\"event\":{nested}}}"), 1),
        (format!("{{\"event\":{nested},\"markets\":[{MARKET}]}}"), 1),
        (format!("{{\"events\":[{nested}],\"cursor\":\"x\",\"milestones\":[]}}"), 1),
        (format!("{{\"markets\":[{MARKET}],\"cursor\":\"\"}}"), 0),
    ] {
        let document = parse(&text);
        assert_eq!((&document.markets, document.events.len()), (&market, events), "{text}");
    }
    assert_eq!(parse(&format!("{{\"event\":{nested}}}")).events, parse(&format!("{{\"event\":{EVENT}}}")).events);
    assert_eq!(parse("{\"markets\":null,\"cursor\":\"\"}"), MetadataDocument::default());
}

#[test]
fn reads_the_capture_s_wrapper() {
    let answer = format!("{{\"series\":{SERIES}}}");
    let document = parse(&format!("{{\"fetched_at_ms\":1790000000123,\"response\":{answer},\"status\":200}}"));
    assert_eq!(document.fetched_at, Some(ReceivedTime::from_nanos(1_790_000_000_123_000_000)));
    assert_eq!(document.series, parse(&answer).series);
    assert!(refuse("{\"response\":{\"markets\":[]},\"status\":429}").contains("429"));
    assert!(refuse("{\"response\":{\"markets\":[]},\"fetched_at_ms\":\"x\"}").contains("fetched_at_ms"));
}

#[test]
fn a_settlement_needs_a_result_and_a_status_that_gives_it() {
    let settlement = |market: &str| parse(&format!("{{\"market\":{market}}}")).markets[0].settlement();
    let settled = settlement(MARKET).unwrap();
    assert_eq!((&*settled.ticker, &*settled.event_ticker), ("KXGOLD-26JAN01-T5", "KXGOLD-26JAN01"));
    assert_eq!((&*settled.result, settled.expiration_value.as_deref()), ("no", Some("3141.59")));
    assert_eq!(settled.settlement_value, Price::from_ten_thousandths(2_500));
    assert_eq!(settled.settlement_ts, Some(ExchangeTime::from_micros(1_767_229_205_250_125)));
    assert!(settlement(&with(MARKET, "status", "\"determined\"")).is_some());
    assert_eq!(settlement(&with(MARKET, "status", "\"closed\"")), None);
    assert_eq!(settlement(&with(MARKET, "result", "\"\"")), None);
}

#[test]
fn the_digest_sees_descriptions_and_not_trading() {
    let digest = |market: &str| parse(&format!("{{\"market\":{market}}}")).markets[0].content_digest();
    // Through a map and back, white space and the order of insertion change, and so does nothing else.
    let market = with(MARKET, "floor_strike", "2718.28");
    for field in ["updated_time", "volume_fp", "last_price_dollars", "yes_bid_dollars", "yes_ask_size_fp", "volume"] {
        assert!(VOLATILE_MARKET_FIELDS.contains(&field), "{field}");
    }
    for field in VOLATILE_MARKET_FIELDS {
        let value = if field.ends_with("time") { "\"2026-01-01T00:00:00Z\"" } else { "null" };
        assert_eq!(digest(&with(&market, field, value)), digest(&market), "{field}");
    }
    for field in ["status", "rules_primary", "something_new"] {
        assert_ne!(digest(&with(&market, field, "\"other\"")), digest(&market), "{field}");
    }
    assert_ne!(digest(&with(&market, "floor_strike", "2718.29")), digest(&market));
}

#[test]
fn retired_cents_are_read_where_nothing_else_is() {
    let market = r#"{"ticker":"A","event_ticker":"E","settlement_value":50,"volume":7,"open_interest":2}"#;
    let market = &parse(&format!("{{\"market\":{market}}}")).markets[0];
    assert_eq!(market.settlement_value, Price::from_cents(50));
    assert_eq!((market.volume, market.open_interest), (Quantity::from_contracts(7), Quantity::from_contracts(2)));
}

#[test]
fn errors_name_the_object_and_field() {
    assert_eq!(refuse("{\"markets\":[{\"event_ticker\":\"E\"}]}"), "`ticker` of a market is missing");
    assert_eq!(refuse("{\"markets\":[{\"ticker\":\"A\"}]}"), "`event_ticker` of market A is missing");
    assert_eq!(
        refuse(&format!("{{\"market\":{}}}", with(MARKET, "open_time", "\"soon\""))),
        "`open_time` of market KXGOLD-26JAN01-T5 is not an RFC 3339 time: \"soon\""
    );
    assert!(refuse("{\"error\":{\"code\":\"not_found\"}}").contains("expected an answer of GET"));
    assert!(refuse("{\"markets\":[1]}").contains("byte 0 of a market"));
    assert!(refuse("{\"markets\":[{\"ticker\":\"A\",\"ticker\":\"B\"}]}").contains("appears twice"));
    assert!(refuse("").contains("byte 0 of the document"));
}
