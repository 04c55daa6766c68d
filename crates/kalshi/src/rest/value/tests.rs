use std::collections::BTreeMap;

use daybook_book::{Money, Price, Quantity, Ticker};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

record! {
    /// One field of every kind.
    pub struct Everything {
        /// Required.
        pub price: Price,
        /// Always there, blank if unknown.
        pub blank: Option<Price> = "",
        /// Always there, null if unknown.
        pub nothing: Option<Quantity> = null,
        /// May be missing.
        pub money: Option<Money>,
        /// Another name.
        pub kind as "type": Option<Word>,
        /// A list.
        pub list: Vec<Ticker>,
        /// A map.
        pub map: Option<BTreeMap<String, Decimal>>,
    }
    retired on "2026-03-12" {
        "cents" => "price",
    }
}

open_enum! {
    /// Two words.
    pub enum Word {
        /// The first.
        First = "first",
        /// The second.
        Second = "second",
    }
}

body! {
    /// A body with what must be there and what may be.
    pub struct Body {
        /// Required.
        pub ticker: Ticker,
    }
    optional {
        /// May be missing.
        pub kind as "type": Option<Word>,
    }
}

body! {
    /// A body with nothing that must be there.
    pub struct Lax {}
    optional {
        /// May be missing.
        pub count: Option<u64>,
    }
}

fn read(value: &Value) -> Result<Everything, String> {
    serde_json::from_str(&value.to_string()).map_err(|error| error.to_string())
}

#[test]
fn a_record_reads_what_it_writes() {
    let whole = json!({
        "price": "0.5625", "blank": "0.0100", "nothing": "-1.50", "money": "0.000001", "type": "second",
        "list": ["A", "B"], "map": {"a": 1.5}, "unknown": [{"deep": null}]
    });
    let record = read(&whole).unwrap();
    assert_eq!(serde_json::to_value(&record).unwrap(), whole);
    assert_eq!(record.kind, Some(Word::Second));
    assert_eq!(record.extra["unknown"], json!([{"deep": null}]));

    let least = json!({"price": "1", "blank": null, "nothing": null, "list": null});
    let record = read(&least).unwrap();
    assert_eq!((record.blank, record.nothing, record.money, record.list.len()), (None, None, None, 0));
    assert_eq!(
        serde_json::to_value(&record).unwrap(),
        json!({"price": "1.0000", "blank": "", "nothing": null, "list": []})
    );

    let blank = json!({"price": "1", "blank": "", "nothing": "", "list": [], "money": "", "type": "", "map": null});
    let record = read(&blank).unwrap();
    assert_eq!((record.blank, record.nothing, record.money, record.kind), (None, None, None, None));
    // From a tree instead of text, too.
    assert_eq!(serde_json::from_value::<Everything>(whole.clone()).unwrap(), read(&whole).unwrap());
}

#[test]
fn a_record_says_what_is_wrong_and_where() {
    let whole = json!({"price": "0.5", "blank": "", "nothing": null, "list": []});
    for (field, value, message) in [
        ("price", json!(""), "Everything.price: invalid value: an empty text or null"),
        ("price", json!(50), "Everything.price: invalid type: integer `50`"),
        ("price", json!("1.0001"), "Everything.price: \"1.0001\" is outside"),
        ("money", json!("0.0000001"), "Everything.money: \"0.0000001\" is finer than a millionth"),
        ("list", json!(["A", "B C"]), "Everything.list: item 1: \"B C\" is not a ticker"),
        ("map", json!({"a": "1"}), "Everything.map: a: "),
        ("type", json!(1), "Everything.type: invalid type: integer `1`, expected a word as text (Word)"),
        (
            "cents",
            json!(50),
            "Everything: `cents` holds 50, a form that the venue removed on 2026-03-12; now it is `price`",
        ),
    ] {
        let mut wrong = whole.clone();
        wrong[field] = value;
        let error = read(&wrong).unwrap_err();
        assert!(error.starts_with(message), "{error}");
    }
    for field in ["price", "blank", "nothing", "list"] {
        let mut torn = whole.clone();
        torn.as_object_mut().unwrap().remove(field);
        assert!(read(&torn).unwrap_err().starts_with(&format!("Everything: required field `{field}` is missing")));
    }
    let twice = |field: &str| {
        let text = format!(r#"{{"price": "1", {field}, {field}, "blank": "", "nothing": null, "list": []}}"#);
        serde_json::from_str::<Everything>(&text).unwrap_err().to_string()
    };
    assert!(twice(r#""money": "1""#).starts_with("Everything.money: the field stands twice"));
    assert!(twice(r#""unknown": null"#).starts_with("Everything.unknown: the field stands twice"));
    assert!(twice(r#""cents": null"#).starts_with("Everything.cents: the field stands twice"));
    assert!(read(&json!([])).unwrap_err().contains("an object (Everything)"));
}

#[test]
fn bodies_leave_out_what_is_absent() {
    let body = Body::new(Ticker::new("A").unwrap());
    assert_eq!(serde_json::to_string(&body).unwrap(), r#"{"ticker":"A"}"#);
    let body = Body { kind: Some(Word::from("third")), ..body };
    assert_eq!(serde_json::to_string(&body).unwrap(), r#"{"ticker":"A","type":"third"}"#);
    assert_eq!(serde_json::to_string(&Lax::default()).unwrap(), "{}");
    assert_eq!(serde_json::to_string(&Lax { count: Some(u64::MAX) }).unwrap(), r#"{"count":18446744073709551615}"#);
}

#[test]
fn bodies_are_read_as_they_are_written_and_name_no_field_twice() {
    let read = |text: &str| serde_json::from_str::<Body>(text).map_err(|error| error.to_string());
    let body = Body { kind: Some(Word::Second), ..Body::new(Ticker::new("A").unwrap()) };
    assert_eq!(read(r#"{"ticker": "A", "type": "second", "more": 1}"#), Ok(body));
    for (text, field) in [
        (r#"{"ticker": "A", "ticker": "A"}"#, "ticker"),
        (r#"{"ticker": "A", "type": null, "type": "first"}"#, "type"),
        (r#"{"more": 1, "ticker": "A", "more": 1}"#, "more"),
    ] {
        let error = read(text).unwrap_err();
        assert!(error.starts_with(&format!("{field}: the field stands twice in one object")), "{error}");
    }
}

#[test]
fn integers_with_a_unit() {
    assert_eq!(Money::from(Cents(-1)).to_string(), "-0.010000");
    assert_eq!(Money::from(CentiCents(i64::MAX)).to_string(), "922337203685477.580700");
    assert_eq!(CentiCents::exactly(Money::from_micros(150)), None);
    assert_eq!(Cents::exactly(Money::from_micros(i128::MAX / 10_000 * 10_000)), None);
    assert_eq!(Quantity::from(CentiCount(-250)).to_string(), "-2.50");
    assert_eq!(UnixSeconds(i64::MAX).timestamp(), None);
    assert_eq!(UnixMillis(-1).timestamp().map(UnixSeconds::from), Some(UnixSeconds(-1)));
}

#[test]
fn what_is_no_number_is_no_decimal() {
    for text in ["", "1.", ".5", "+1", "01", "1e", "NaN", "0x1", "1,5", "1 2", "\"1\"", "null", "true"] {
        assert!(text.parse::<Decimal>().is_err(), "{text}");
    }
    assert_eq!("1e400".parse::<Decimal>().map(|decimal| decimal.to_string()), Ok("1e400".to_owned()));
}

/// Reads and writes a value by its two traits.
fn reread<T: FromWire + ToWire>(text: &str) -> Result<String, String> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = T::read(&mut deserializer).map_err(|error| error.to_string())?;
    serde_json::to_string(&Written(&value)).map_err(|error| error.to_string())
}

proptest! {
    #[test]
    fn prices(units in 0u16..=10_000, places in 4usize..8) {
        let exact = Price::from_ten_thousandths(units).unwrap();
        let longer = format!("\"{exact}{}\"", "0".repeat(places - 4));
        prop_assert_eq!(reread::<Price>(&longer), Ok(format!("\"{exact}\"")));
        prop_assert_eq!(reread::<Option<Price>>(&longer), Ok(format!("\"{exact}\"")));
        let finer = format!("\"{exact}{}1\"", "0".repeat(places - 4));
        prop_assert!(reread::<Price>(&finer).is_err());
    }

    #[test]
    fn counts_and_sums(hundredths: i64, micros: i64) {
        let (quantity, money) = (Quantity::from_hundredths(hundredths), Money::from_micros(micros.into()));
        prop_assert_eq!(reread::<Quantity>(&format!("\"{quantity}\"")), Ok(format!("\"{quantity}\"")));
        // Exact, and with more than four decimals only where they are needed.
        let written = reread::<Money>(&format!("\"{money}\"")).unwrap();
        let text: &str = serde_json::from_str(&written).unwrap();
        prop_assert_eq!(text.parse(), Ok(money));
        prop_assert_eq!(text.split_once('.').unwrap().1.len(), if micros % 100 == 0 { 4 } else { 6 });
    }

    #[test]
    fn cents_are_exact(cents: i64) {
        prop_assert_eq!(Cents::exactly(Money::from(Cents(cents))), Some(Cents(cents)));
        prop_assert_eq!(CentiCents::exactly(Money::from(CentiCents(cents))), Some(CentiCents(cents)));
        prop_assert_eq!(Money::from(Cents(cents)).micros(), i128::from(cents) * 10_000);
        prop_assert_eq!(CentiCount::from(Quantity::from(CentiCount(cents))), CentiCount(cents));
        prop_assert_eq!(reread::<Cents>(&cents.to_string()), Ok(cents.to_string()));
    }

    #[test]
    fn numbers_keep_their_spelling(text in "-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,30})?([eE][+-]?[0-9]{1,3})?") {
        prop_assert_eq!(reread::<Decimal>(&text), Ok(text.clone()));
        prop_assert_eq!(text.parse::<Decimal>().map(|decimal| decimal.to_string()), Ok(text));
    }

    #[test]
    fn stamps(seconds in -62_135_596_799i64..253_402_207_200, nanos in 0i32..1_000_000_000, places in 0usize..=9) {
        let grain = 10i32.pow(9 - u32::try_from(places).unwrap());
        let instant = Timestamp::new(seconds, 0).unwrap()
            .checked_add(jiff::SignedDuration::new(0, nanos / grain * grain)).unwrap();
        let text = format!("\"{instant:.places$}\"");
        prop_assert_eq!(reread::<Timestamp>(&text), Ok(format!("\"{instant}\"")));
        prop_assert_eq!(reread::<Option<Timestamp>>(&text), Ok(format!("\"{instant}\"")));
        // Seconds and milliseconds are rounded down, before the epoch too.
        let (seconds, millis) = (UnixSeconds::from(instant), UnixMillis::from(instant));
        prop_assert_eq!(i128::from(seconds.0), instant.as_nanosecond().div_euclid(1_000_000_000));
        prop_assert_eq!(i128::from(millis.0), instant.as_nanosecond().div_euclid(1_000_000));
        prop_assert!(seconds.timestamp().unwrap() <= millis.timestamp().unwrap());
    }

    #[test]
    fn words_survive(word in "\\PC{1,20}") {
        let text = serde_json::to_string(&word).unwrap();
        prop_assert_eq!(reread::<Word>(&text), Ok(text.clone()));
        prop_assert_eq!(reread::<OrderId>(&text), Ok(text.clone()));
        prop_assert_eq!(Word::from(&*word).to_string(), word);
    }

    #[test]
    fn ladders_are_sorted(levels in prop::collection::vec((0u16..=10_000, 1i64..1_000_000), 0..20)) {
        let pair = |&(price, size): &(u16, i64)| {
            let price = Price::from_ten_thousandths(price).unwrap();
            json!([price.to_string(), Quantity::from_hundredths(size).to_string()])
        };
        let text = Value::from(levels.iter().map(pair).collect::<Vec<_>>()).to_string();
        let written: Vec<(String, String)> = serde_json::from_str(&reread::<Ladder>(&text).unwrap()).unwrap();
        prop_assert!(written.is_sorted_by_key(|(price, _)| price.clone()));
        prop_assert_eq!(written.len(), levels.len());
    }

    /// Whatever JSON comes, reading it ends in a record or an error, and a record can be written and read again.
    #[test]
    fn no_document_does_harm(text in "[\\[\\]{}\",:0-9a-z.\\-\\\\]{0,60}") {
        if let Ok(record) = serde_json::from_str::<Everything>(&text) {
            let written = serde_json::to_string(&record).unwrap();
            prop_assert_eq!(serde_json::from_str::<Everything>(&written).unwrap(), record);
        }
    }
}
