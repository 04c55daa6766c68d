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

/// The fields of `after` that are new or other than in `before`, in the order of `after`.
///
/// A field that is no longer sent, or `null`, contradicts nothing: the venue's older and newer answers, and its live
/// and its historical ones, do not all have the same fields.
pub(crate) fn differences(before: &Map<String, Value>, after: &Map<String, Value>) -> Vec<FieldChange> {
    after
        .iter()
        .filter(|(_, value)| !value.is_null())
        .filter(|(field, value)| before.get(*field) != Some(value))
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
}
