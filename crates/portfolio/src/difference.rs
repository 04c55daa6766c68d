//! What differs between two versions of a row of the venue.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A field whose value is not what it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldChange {
    /// The venue's name of the field.
    pub field: String,
    /// What it was; `None` for a field that was not there.
    pub before: Option<Value>,
    /// What it is.
    pub after: Value,
}

/// Whether two values mean the same: `"0.5"` and `"0.500000"` are one number, and how many decimals it is written with
/// is no fact about the account.
fn same(before: &Value, after: &Value) -> bool {
    match (before, after) {
        (Value::String(before), Value::String(after)) => {
            before == after || decimal(before).is_some_and(|number| Some(number) == decimal(after))
        }
        (Value::Array(before), Value::Array(after)) => {
            before.len() == after.len() && before.iter().zip(after).all(|(before, after)| same(before, after))
        }
        (Value::Object(before), Value::Object(after)) => {
            before.len() == after.len()
                && before.iter().all(|(name, before)| after.get(name).is_some_and(|after| same(before, after)))
        }
        _ => before == after,
    }
}

/// The sign, the whole part without leading and the fraction without trailing zeros, of a decimal text.
fn decimal(text: &str) -> Option<(bool, &str, &str)> {
    let (negative, magnitude) = text.strip_prefix('-').map_or((false, text), |magnitude| (true, magnitude));
    let (whole, fraction) = magnitude.split_once('.').unwrap_or((magnitude, ""));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(fraction) {
        return None;
    }
    let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
    Some((negative && !(whole.is_empty() && fraction.is_empty()), whole, fraction))
}

/// The fields of `after` that are new or other than in `before`, in the order of `after`.
///
/// A field that is no longer sent, or `null`, contradicts nothing: the venue's older and newer answers, and its live
/// and its historical ones, do not all have the same fields.
pub(crate) fn differences(before: &Map<String, Value>, after: &Map<String, Value>) -> Vec<FieldChange> {
    after
        .iter()
        .filter(|(_, value)| !value.is_null())
        .filter(|(field, value)| !before.get(*field).is_some_and(|earlier| same(earlier, value)))
        .map(|(field, value)| FieldChange {
            field: field.clone(),
            before: before.get(field).filter(|value| !value.is_null()).cloned(),
            after: value.clone(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn changes(before: Value, after: Value) -> Vec<String> {
        let (Value::Object(before), Value::Object(after)) = (before, after) else { panic!("objects") };
        differences(&before, &after).into_iter().map(|change| change.field).collect()
    }

    #[test]
    fn new_and_other_values_differ_and_missing_ones_do_not() {
        let before = json!({"price": "0.4800", "side": "yes", "note": null});
        assert!(changes(before.clone(), before.clone()).is_empty());
        assert!(changes(before.clone(), json!({"side": "yes"})).is_empty());
        assert!(changes(before.clone(), json!({"side": null})).is_empty());
        assert_eq!(changes(before.clone(), json!({"price": "0.4900", "side": "yes"})), ["price"]);
        assert_eq!(changes(before, json!({"note": "x", "new": 1})), ["note", "new"]);
    }

    #[test]
    fn decimals_are_compared_by_value() {
        let sets: [&[&str]; 5] = [
            &["0.5", "0.500000", "00.50"],
            &["-0.5", "-0.50"],
            &["0", "0.00", "-0.0"],
            &["10", "10.0"],
            &["1", "1.000"],
        ];
        for (index, set) in sets.iter().enumerate() {
            for (other_index, other_set) in sets.iter().enumerate() {
                for (one, other) in set.iter().flat_map(|one| other_set.iter().map(move |other| (one, other))) {
                    let differ = changes(json!({"a": one}), json!({"a": other}));
                    assert_eq!(differ.is_empty(), index == other_index, "{one} {other}");
                }
            }
        }
        assert!(changes(json!({"a": [{"b": "1.0"}]}), json!({"a": [{"b": "1.00"}]})).is_empty());
        assert_eq!(changes(json!({"a": [{"b": "1.0"}]}), json!({"a": [{"b": "1.01"}]})), ["a"]);
        assert_eq!(changes(json!({"a": ["1.0"]}), json!({"a": ["1.0", "1.0"]})), ["a"]);
        for (one, other) in [("1.", "1.x"), ("a-1", "a-1.0"), ("", "0"), (".5", "0.5"), ("1e5", "1e5.0"), ("-", "-0")] {
            assert_eq!(changes(json!({"a": one}), json!({"a": other})), ["a"], "{one} {other}");
        }
    }
}
