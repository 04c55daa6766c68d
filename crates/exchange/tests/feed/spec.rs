//! The venue's AsyncAPI document, and whether a frame is as it says. Without the document nothing is checked, and the
//! tests say so.

use std::{
    collections::BTreeSet,
    sync::{LazyLock, Mutex},
};

use daybook_exchange::feed::Uuid;
use serde_json::{Value, json};

use crate::documents;

static DOCUMENT: LazyLock<Option<Value>> = LazyLock::new(|| documents::load("asyncapi.yaml"));

/// The types of frames that were found valid.
static SEEN: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Panics where a frame is not what the document describes: a field that is missing, of another type, not one of its
/// values, or not known at all.
pub fn check(frame: &Value) {
    let Some(document) = &*DOCUMENT else { return };
    let frame_type = frame["type"].as_str().unwrap();
    let fits: Vec<_> = schemas(document, frame_type).map(|schema| violations(document, "$", schema, frame)).collect();
    assert!(!fits.is_empty(), "the document has no frame of the type {frame_type}");
    // Several answers share a type.
    assert!(fits.iter().any(Vec::is_empty), "{frame}\nis not as described: {fits:#?}");
    SEEN.lock().unwrap().insert(frame_type.to_owned());
}

/// The types of frames that the document has and that no test has seen yet; nothing without the document.
pub fn unseen() -> Option<Vec<String>> {
    let document = DOCUMENT.as_ref()?;
    let schemas = document["components"]["schemas"].as_object().unwrap().values();
    let types = schemas.filter_map(|schema| schema["properties"]["type"]["const"].as_str());
    let seen = SEEN.lock().unwrap();
    Some(types.filter(|name| !seen.contains(*name)).map(str::to_owned).collect())
}

fn schemas<'a>(document: &'a Value, frame_type: &'a str) -> impl Iterator<Item = &'a Value> {
    let schemas = document["components"]["schemas"].as_object().unwrap().values();
    schemas.filter(move |schema| schema["properties"]["type"]["const"] == frame_type)
}

fn violations(document: &Value, path: &str, schema: &Value, value: &Value) -> Vec<String> {
    if let Some(reference) = schema["$ref"].as_str() {
        return violations(document, path, document.pointer(&reference[1..]).unwrap(), value);
    }
    let mut found = Vec::new();
    let types: Vec<&str> = match &schema["type"] {
        Value::Array(types) => types.iter().filter_map(Value::as_str).collect(),
        other => other.as_str().into_iter().collect(),
    };
    let is = |name: &&str| match *name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        other => panic!("{path}: the document has a type {other} that is not known here"),
    };
    if !types.is_empty() && !types.iter().any(is) {
        found.push(format!("{path}: {value} is not of {types:?}"));
    }
    if !schema["const"].is_null() && schema["const"] != *value {
        found.push(format!("{path}: {value} is not {}", schema["const"]));
    }
    if schema["enum"].as_array().is_some_and(|values| !values.contains(value)) {
        found.push(format!("{path}: {value} is none of {}", schema["enum"]));
    }
    if let (Some(least), Some(number)) = (schema["minimum"].as_i64(), value.as_i64())
        && number < least
    {
        found.push(format!("{path}: {number} is below {least}"));
    }
    if let Some(text) = value.as_str() {
        let fits = match schema["format"].as_str() {
            Some("uuid") => Uuid::parse(text).is_some(),
            Some("date-time") => text.parse::<jiff::Timestamp>().is_ok(),
            _ => true,
        };
        if !fits {
            found.push(format!("{path}: {text} is no {}", schema["format"]));
        }
    }
    if let Some(items) = value.as_array() {
        let count = items.len() as u64;
        if schema["minItems"].as_u64().is_some_and(|least| count < least)
            || schema["maxItems"].as_u64().is_some_and(|most| count > most)
        {
            found.push(format!("{path}: it has {count} items"));
        }
        if !schema["items"].is_null() {
            let each = items.iter().enumerate();
            found.extend(
                each.flat_map(|(at, item)| violations(document, &format!("{path}[{at}]"), &schema["items"], item)),
            );
        }
    }
    if let (Some(fields), Some(known)) = (value.as_object(), schema["properties"].as_object()) {
        let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
        found.extend(
            required.filter(|name| !fields.contains_key(*name)).map(|name| format!("{path}.{name} is missing")),
        );
        for (name, field) in fields {
            match known.get(name) {
                Some(schema) => found.extend(violations(document, &format!("{path}.{name}"), schema, field)),
                None => found.push(format!("{path}.{name} is not known")),
            }
        }
    }
    found
}

#[test]
fn the_check_finds_what_is_wrong() {
    let Some(document) = &*DOCUMENT else { return };
    let good = json!({"type": "orderbook_delta", "sid": 1, "seq": 2, "msg": {
        "market_ticker": "M-1", "market_id": "1dee1a13-e9cd-4995-9567-3950dbc5d446", "clock": 3,
        "price_dollars": "0.3700", "delta_fp": "-0.10", "side": "yes", "ts": "2026-08-11T00:30:42.445624Z",
        "ts_ms": 1}, "sending_ts_ms": 1});
    let found = |frame: &Value| {
        let schema = schemas(document, "orderbook_delta").next().unwrap();
        violations(document, "$", schema, frame)
    };
    assert_eq!(found(&good), Vec::<String>::new());
    for (pointer, value) in [
        ("/msg/market_id", json!("")),
        ("/msg/clock", json!(0)),
        ("/msg/clock", json!("3")),
        ("/msg/side", json!("bid")),
        ("/msg/ts", json!("yesterday")),
        ("/seq", json!(0)),
        ("/msg", json!({})),
        ("/msg", json!([])),
    ] {
        let mut frame = good.clone();
        *frame.pointer_mut(pointer).unwrap() = value;
        assert!(!found(&frame).is_empty(), "{frame}");
    }
    let mut frame = good;
    frame["msg"]["surprise"] = json!(1);
    assert_eq!(found(&frame), ["$.msg.surprise is not known"]);
}
