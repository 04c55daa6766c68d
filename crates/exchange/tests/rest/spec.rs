//! The venue's OpenAPI document, and what keeps an answer from being one that it allows.

use std::{collections::BTreeSet, sync::OnceLock};

use daybook_kalshi::rest::value::Timestamp;
use serde_json::{Map, Value, json};

use crate::documents;

/// Answers that are not what the document says, each for a reason.
///
/// - Refusals (4xx, 5xx): the document knows one flat schema, of which nothing is required; the venue was seen to answer in
///   four shapes, and those are answered here.
/// - 501, 405 and 410 are no answers of the document.
const SUCCESS: std::ops::Range<u16> = 200..300;

pub struct Spec {
    document: Value,
}

impl Spec {
    /// The document, unless it is not there, which is said plainly. It is read once.
    pub fn load() -> Option<&'static Spec> {
        static SPEC: OnceLock<Option<Spec>> = OnceLock::new();
        SPEC.get_or_init(|| Some(Spec { document: documents::load("openapi.yaml")? })).as_ref()
    }

    /// Method, path and identifier of every operation.
    pub fn operations(&self) -> BTreeSet<(String, String, String)> {
        let paths = self.document["paths"].as_object().expect("`paths` is an object");
        let operations = paths.iter().flat_map(|(path, item)| {
            let methods =
                item.as_object().expect("a path is an object").iter().filter(|(name, _)| *name != "parameters");
            methods.map(move |(method, operation)| {
                let id = operation["operationId"].as_str().expect("an operation has an id");
                (method.to_uppercase(), path.clone(), id.to_owned())
            })
        });
        operations.collect()
    }

    /// Everything that is wrong with an answer.
    pub fn violations(&self, method: &str, path: &str, status: u16, body: &[u8]) -> Vec<String> {
        if !SUCCESS.contains(&status) {
            return Vec::new();
        }
        let place = format!("{method} {path} {status}");
        let operation = &self.document["paths"][path][method.to_lowercase()];
        if operation.is_null() {
            return vec![format!("{place}: the document knows no such operation")];
        }
        let responses = &operation["responses"];
        let response = &responses[status.to_string().as_str()];
        if response.is_null() {
            return vec![format!("{place}: the document knows no such status, but {:?}", keys(responses))];
        }
        let content = &self.resolve(response)["content"];
        let mut violations = Vec::new();
        if content.is_null() {
            if !body.is_empty() {
                violations.push(format!("{place}: there should be no body"));
            }
            return violations;
        }
        match serde_json::from_slice::<Value>(body) {
            Ok(value) => self.check(&place, &content["application/json"]["schema"], &value, &mut violations),
            Err(error) => violations.push(format!("{place}: {error}")),
        }
        violations
    }

    fn resolve<'a>(&'a self, schema: &'a Value) -> &'a Value {
        match schema["$ref"].as_str() {
            Some(reference) => {
                let pointer = reference.strip_prefix('#').expect("references stay within the document");
                self.resolve(self.document.pointer(pointer).expect("references lead somewhere"))
            }
            None => schema,
        }
    }

    fn check(&self, place: &str, schema: &Value, value: &Value, violations: &mut Vec<String>) {
        // What stands beside a reference counts as well.
        let nullable = schema["nullable"] == true || self.resolve(schema)["nullable"] == true;
        if value.is_null() {
            if !nullable {
                violations.push(format!("{place}: null"));
            }
            return;
        }
        if schema["$ref"].as_str().is_some_and(|name| name.ends_with("/FixedPointDollars")) && !is_fixed(value, 2..=6) {
            violations.push(format!("{place}: {value} are no dollars"));
        }
        if schema["$ref"].as_str().is_some_and(|name| name.ends_with("/FixedPointCount")) && !is_fixed(value, 2..=2) {
            violations.push(format!("{place}: {value} is no count"));
        }
        let schema = self.resolve(schema);
        for part in schema["allOf"].as_array().into_iter().flatten() {
            self.check(place, part, value, violations);
        }
        if let Some(words) = schema["enum"].as_array()
            && !words.contains(value)
        {
            violations.push(format!("{place}: {value} is none of {words:?}"));
        }
        let fits = match schema["type"].as_str() {
            None => true,
            Some("string") => value.is_string(),
            Some("integer") => value.is_i64() || value.is_u64(),
            Some("number") => value.is_number(),
            Some("boolean") => value.is_boolean(),
            Some("array") => value.is_array(),
            Some("object") => value.is_object(),
            Some(other) => panic!("{place}: type {other} is not understood"),
        };
        if !fits {
            return violations.push(format!("{place}: {value} is no {}", schema["type"]));
        }
        if schema["format"] == "date-time" && value.as_str().is_none_or(|text| text.parse::<Timestamp>().is_err()) {
            violations.push(format!("{place}: {value} is no date-time"));
        }
        for (bound, holds) in [("minimum", i64::ge as fn(&i64, &i64) -> bool), ("maximum", i64::le)] {
            if let (Some(bound), Some(number)) = (schema[bound].as_i64(), value.as_i64())
                && !holds(&number, &bound)
            {
                violations.push(format!("{place}: {value} is beyond {bound}"));
            }
        }
        if let Some(items) = value.as_array() {
            for (index, item) in items.iter().enumerate() {
                self.check(&format!("{place}[{index}]"), &schema["items"], item, violations);
            }
        }
        if let Some(object) = value.as_object() {
            self.check_object(place, schema, object, violations);
        }
    }

    fn check_object(&self, place: &str, schema: &Value, object: &Map<String, Value>, violations: &mut Vec<String>) {
        for required in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            if !object.contains_key(required) {
                violations.push(format!("{place}: required `{required}` is missing"));
            }
        }
        for (name, value) in object {
            let place = format!("{place}.{name}");
            match schema["properties"].get(name) {
                Some(property) => self.check(&place, property, value, violations),
                None if schema["additionalProperties"].is_object() => {
                    self.check(&place, &schema["additionalProperties"], value, violations);
                }
                // An object of which the document says nothing holds anything.
                None if schema["properties"].is_null() => {}
                None => violations.push(format!("{place}: unknown to the document")),
            }
        }
    }
}

fn is_fixed(value: &Value, places: std::ops::RangeInclusive<usize>) -> bool {
    let Some(text) = value.as_str() else { return false };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let text = text.strip_prefix('-').unwrap_or(text);
    text.split_once('.').is_some_and(|(whole, part)| digits(whole) && digits(part) && places.contains(&part.len()))
}

fn keys(value: &Value) -> Vec<&String> {
    value.as_object().map(|object| object.keys().collect()).unwrap_or_default()
}

/// A validator that finds nothing proves nothing.
#[test]
fn wrong_answers_are_found() {
    let Some(spec) = Spec::load() else { return };
    let violations = |path: &str, body: Value| spec.violations("GET", path, 200, body.to_string().as_bytes());
    assert_eq!(violations("/exchange/status", json!({"exchange_active": true, "trading_active": true})), [""; 0]);
    for (path, body, found) in [
        ("/exchange/status", json!({"exchange_active": true}), "required `trading_active` is missing"),
        ("/exchange/status", json!({"exchange_active": 1, "trading_active": true}), "1 is no \"boolean\""),
        ("/exchange/status", json!({"exchange_active": true, "trading_active": true, "x": 1}), "unknown"),
        ("/exchange/user_data_timestamp", json!({"as_of_time": "yesterday"}), "no date-time"),
        ("/markets/trades", json!({"trades": [{"count_fp": "1"}], "cursor": ""}), "is no count"),
        ("/markets/trades", json!({"trades": [{"yes_price_dollars": "0.5"}], "cursor": ""}), "no dollars"),
        ("/markets/trades", json!({"trades": [{"taker_book_side": "buy"}], "cursor": ""}), "is none of"),
        ("/nowhere", json!({}), "no such operation"),
    ] {
        let violations = violations(path, body);
        assert!(violations.iter().any(|violation| violation.contains(found)), "{found}: {violations:?}");
    }
}
