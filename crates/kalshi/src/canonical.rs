//! Canonical JSON text: two documents that say the same have the same text, and every number keeps its own spelling.

use serde_json::value::RawValue;

use crate::object::{self, Malformed, Object, malformed, push_key};

/// Deeper than any document of the venue, and far from exhausting the stack.
const MAX_DEPTH: usize = 64;

/// `raw` without white space, the fields of every object in the order of their names, texts in one spelling.
/// Numbers stay as they are written: no float passes through here.
pub(crate) fn canonical(raw: &str) -> Result<String, Malformed> {
    let mut out = String::with_capacity(raw.len());
    push_value(&mut out, raw.trim_ascii(), MAX_DEPTH)?;
    Ok(out)
}

/// The canonical text of an object without the fields that `leave_out` names.
pub(crate) fn canonical_object(object: &Object<'_>, leave_out: &[&str]) -> Result<String, Malformed> {
    let mut out = String::new();
    push_object(&mut out, object, leave_out, MAX_DEPTH)?;
    Ok(out)
}

fn push_value(out: &mut String, raw: &str, depth: usize) -> Result<(), Malformed> {
    match raw.as_bytes().first() {
        Some(b'{' | b'[') if depth == 0 => {
            let reason = format!("nested deeper than {MAX_DEPTH} levels");
            Err(Malformed { offset: 0, reason })
        }
        Some(b'{') => push_object(out, &Object::parse(raw)?, &[], depth),
        Some(b'[') => {
            let items: Vec<&RawValue> = serde_json::from_str(raw).map_err(|error| malformed(raw, &error))?;
            out.push('[');
            for (index, item) in items.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                push_value(out, item.get(), depth - 1)?;
            }
            out.push(']');
            Ok(())
        }
        Some(b'"') => {
            // Escapes that spell no text (half a surrogate pair) have no other spelling than their own.
            let spelled = object::string(raw).and_then(|text| serde_json::to_string(&text).ok());
            out.push_str(spelled.as_deref().unwrap_or(raw));
            Ok(())
        }
        _ => {
            out.push_str(raw);
            Ok(())
        }
    }
}

fn push_object(out: &mut String, object: &Object<'_>, leave_out: &[&str], depth: usize) -> Result<(), Malformed> {
    let mut fields: Vec<_> = object.0.iter().filter(|(name, _)| !leave_out.contains(&&**name)).collect();
    fields.sort_unstable_by(|(left, _), (right, _)| left.cmp(right));
    out.push('{');
    for (name, value) in fields {
        push_key(out, name);
        push_value(out, value.get(), depth - 1)?;
    }
    out.push('}');
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    #[test]
    fn sorts_names_and_keeps_numbers() {
        let text = " { \"b\" : [ 3141.590 , 1E5, {\"z\":null,\"a\":{}} ], \"a\\u0062\": \"\\u00b7\\/\" } ";
        assert_eq!(canonical(text).unwrap(), r#"{"ab":"·/","b":[3141.590,1E5,{"a":{},"z":null}]}"#);
        assert_eq!(canonical(r#"["\ud800"]"#).unwrap(), r#"["\ud800"]"#);
    }

    #[test]
    fn refuses_what_is_nested_too_deep() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(canonical(&nested(MAX_DEPTH)).is_ok());
        assert!(canonical(&nested(MAX_DEPTH + 1)).is_err());
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::vec((any::<String>(), inner), 0..5)
                    .prop_map(|fields| Value::Object(fields.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn says_the_same_and_is_a_fixed_point(value in value()) {
            let text = canonical(&serde_json::to_string_pretty(&value).unwrap()).unwrap();
            prop_assert_eq!(&serde_json::from_str::<Value>(&text).unwrap(), &value);
            prop_assert_eq!(canonical(&text).unwrap(), text);
        }
    }
}
