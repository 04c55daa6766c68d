//! Everything that the venue's OpenAPI document names has a counterpart, and every answer that it allows is read.

use std::collections::{BTreeMap, BTreeSet};

use daybook_kalshi::rest;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use crate::{answers::answers, spec::Spec};

/// Reads an answer and writes it again; says how it looks from inside.
type Reread = fn(&Value) -> Result<(Value, String), String>;

/// How one operation's answer is read.
pub struct Answer {
    pub operation: &'static str,
    reread: Reread,
}

pub fn answer<T: DeserializeOwned + Serialize + std::fmt::Debug>(operation: &'static str) -> Answer {
    let reread = |answer: &Value| {
        // Through text, as from a socket.
        let answer: T = serde_json::from_str(&answer.to_string()).map_err(|error| error.to_string())?;
        let written = serde_json::to_value(&answer).map_err(|error| error.to_string())?;
        Ok((written, format!("{answer:?}")))
    };
    Answer { operation, reread }
}

/// Required keys that may be missing all the same, and why.
const MAY_BE_MISSING: &[(&str, &str)] = &[
    ("cursor", "the end of the pages is told by \"\", null or no cursor, whatever the operation"),
    ("yes_dollars", "a side of a book without bids is left out"),
    ("no_dollars", "a side of a book without bids is left out"),
];

#[test]
fn every_operation_has_a_constant() {
    let Some(spec) = Spec::load() else { return };
    let theirs: BTreeSet<_> = spec
        .operations
        .iter()
        .map(|operation| (&*operation.id, &*operation.method, &*operation.path, operation.signed))
        .collect();
    let ours: BTreeSet<_> = rest::operations()
        .map(|operation| (operation.id, operation.method.as_str(), operation.path, operation.signed))
        .collect();
    assert_eq!(spec.operations.len(), 128);
    assert_eq!(theirs, ours);
    assert_eq!(rest::operations().count(), ours.len(), "an operation stands twice");
}

#[test]
fn every_answer_with_content_has_a_type() {
    let Some(spec) = Spec::load() else { return };
    let answers = answers();
    let typed: BTreeSet<_> = answers.iter().map(|answer| answer.operation).collect();
    let with_content = spec
        .operations
        .iter()
        .filter(|operation| operation.answer.as_ref().is_some_and(|schema| !spec.property_names(schema).is_empty()));
    assert_eq!(typed, with_content.map(|operation| &*operation.id).collect());
}

#[test]
fn every_answer_is_read_whole() {
    each_answer(|spec, schema, answer| {
        for full in [true, false] {
            let instance = spec.instance(schema, full);
            let (written, inside) = (answer.reread)(&instance).unwrap_or_else(|error| panic!("{error}: {instance}"));
            assert_same(&instance, &written);
            assert!(!inside.contains("extra: {\""), "a field has no counterpart: {inside}");
        }
    });
}

#[test]
fn an_answer_without_a_required_field_is_refused() {
    let mut missed = BTreeMap::new();
    each_answer(|spec, schema, answer| {
        let instance = spec.instance(schema, true);
        spec.properties(schema, &instance, &mut |holder, name, _, required| {
            let mut torn = instance.clone();
            torn.pointer_mut(holder).unwrap().as_object_mut().unwrap().remove(name);
            let read = (answer.reread)(&torn);
            if required && !MAY_BE_MISSING.iter().any(|(exception, _)| *exception == name) {
                let error = read.expect_err(&format!("{}: {holder}/{name} may be missing", answer.operation));
                assert!(error.contains(&format!("`{name}` is missing")), "{error}");
                *missed.entry(name.to_owned()).or_insert(0) += 1;
            } else {
                read.unwrap_or_else(|error| panic!("{}: {error}", answer.operation));
            }
        });
    });
    if Spec::load().is_some() {
        assert!(missed.values().sum::<i32>() > 500, "{missed:?}");
    }
}

#[test]
fn what_may_be_null_may_be_null() {
    each_answer(|spec, schema, answer| {
        let instance = spec.instance(schema, true);
        spec.properties(schema, &instance, &mut |holder, name, property, required| {
            let list = spec.resolve(property)["type"] == "array";
            if property["nullable"] == true || list || !required {
                let mut blank = instance.clone();
                blank.pointer_mut(holder).unwrap()[name] = Value::Null;
                (answer.reread)(&blank).unwrap_or_else(|error| panic!("{}: {error}", answer.operation));
            }
        });
    });
}

#[test]
fn every_word_of_every_list_is_known() {
    each_answer(|spec, schema, answer| {
        let instance = spec.instance(schema, true);
        spec.properties(schema, &instance, &mut |holder, name, property, _| {
            let items = &spec.resolve(property)["items"];
            let (words, list) = match spec.resolve(property)["enum"].as_array() {
                Some(words) => (words.clone(), false),
                None => (spec.resolve(items)["enum"].as_array().cloned().unwrap_or_default(), true),
            };
            for word in words.into_iter().filter(Value::is_string).chain([json!("a-new-word")]) {
                if spec.resolve(property)["enum"].is_null() && spec.resolve(items)["enum"].is_null() {
                    continue;
                }
                let mut changed = instance.clone();
                changed.pointer_mut(holder).unwrap()[name] = if list { json!([word]) } else { word.clone() };
                let (written, inside) = (answer.reread)(&changed).unwrap_or_else(|error| panic!("{error}"));
                assert_same(&changed, &written);
                let unknown = inside.contains(&format!("Other({word})"));
                assert_eq!(unknown, word == "a-new-word", "{}: {name} = {word}: {inside}", answer.operation);
            }
        });
    });
}

#[test]
fn a_field_of_tomorrow_survives() {
    each_answer(|spec, schema, answer| {
        let mut instance = spec.instance(schema, true);
        let mut holders = BTreeSet::new();
        spec.properties(schema, &instance, &mut |holder, _, _, _| {
            holders.insert(holder.to_owned());
        });
        for holder in &holders {
            instance.pointer_mut(holder).unwrap()["of_tomorrow"] = json!({"a": [1, null, "b"]});
        }
        let (written, inside) = (answer.reread)(&instance).unwrap();
        assert_same(&instance, &written);
        assert_eq!(inside.matches("extra: {\"of_tomorrow\"").count(), holders.len());
    });
}

fn each_answer(mut check: impl FnMut(&Spec, &Value, &Answer)) {
    let Some(spec) = Spec::load() else { return };
    for answer in answers() {
        let operation = spec.operations.iter().find(|operation| operation.id == answer.operation);
        let schema = operation.and_then(|operation| operation.answer.as_ref());
        check(&spec, schema.expect("the document has the operation, with an answer"), &answer);
    }
}

fn assert_same(theirs: &Value, ours: &Value) {
    assert!(same(theirs, ours), "read {theirs}\nwrote {ours}");
}

/// The same JSON, but for zeros at the end of decimal texts and for what is left out because it says nothing.
pub fn same(theirs: &Value, ours: &Value) -> bool {
    match (theirs, ours) {
        (Value::String(theirs), Value::String(ours)) => {
            theirs == ours || trimmed(theirs).is_some_and(|theirs| trimmed(ours) == Some(theirs))
        }
        (Value::Array(theirs), Value::Array(ours)) => {
            theirs.len() == ours.len() && theirs.iter().zip(ours).all(|(theirs, ours)| same(theirs, ours))
        }
        (Value::Object(theirs), Value::Object(ours)) => {
            theirs.keys().chain(ours.keys()).all(|name| match (theirs.get(name), ours.get(name)) {
                (Some(theirs), Some(ours)) => same(theirs, ours),
                (Some(theirs), None) => SILENT.iter().any(|silent| theirs == silent),
                _ => false,
            })
        }
        _ => theirs == ours,
    }
}

/// What the venue writes where there is nothing to say.
const SILENT: [&str; 2] = ["", "0001-01-01T00:00:00Z"];

/// A decimal text without the zeros at its end; nothing for any other text.
fn trimmed(text: &str) -> Option<&str> {
    let (whole, fraction) = text.split_once('.')?;
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    (digits(whole) && digits(fraction)).then(|| text.trim_end_matches('0'))
}
