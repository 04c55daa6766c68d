//! A JSON object as its fields, each value the raw text it was sent as.

use std::{borrow::Cow, collections::HashSet, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, Visitor},
};
use serde_json::value::RawValue;

/// The fields of one object, in order; no two have the same name.
#[derive(Debug)]
pub(crate) struct Object<'a>(pub(crate) Vec<(Cow<'a, str>, &'a RawValue)>);

/// What is wrong with a text that should be a JSON object, and at which byte.
#[derive(Debug)]
pub(crate) struct Malformed {
    pub(crate) offset: usize,
    pub(crate) reason: String,
}

/// Up to this many fields, comparing each name with all before it is cheaper than hashing them.
const FEW: usize = 24;

impl<'a> Object<'a> {
    /// Reads a whole object; refuses one that names a field twice, because either reading would lose the other.
    pub(crate) fn parse(text: &'a str) -> Result<Object<'a>, Malformed> {
        serde_json::from_str(text).map_err(|error| malformed(text, &error))
    }

    /// The raw value of a field; `null` counts as absent.
    pub(crate) fn get(&self, name: &str) -> Option<&'a str> {
        let (_, value) = self.0.iter().find(|(key, _)| key == name)?;
        Some(value.get()).filter(|&raw| raw != "null")
    }
}

/// Where and why serde_json gave up on `text`.
pub(crate) fn malformed(text: &str, error: &serde_json::Error) -> Malformed {
    let lines_before = text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum::<usize>();
    let offset = if error.is_eof() { text.len() } else { lines_before + error.column().saturating_sub(1) };
    let reason = error.to_string();
    let reason = reason.rsplit_once(" at line ").map_or(reason.as_str(), |(reason, _)| reason).to_owned();
    Malformed { offset: offset.min(text.len()), reason }
}

/// The text of a raw JSON value that is a string; `None` for other values and for escapes that spell no text.
pub(crate) fn string(raw: &str) -> Option<Cow<'_, str>> {
    let inner = raw.strip_prefix('"')?.strip_suffix('"')?;
    if memchr::memchr(b'\\', inner.as_bytes()).is_none() {
        return Some(Cow::Borrowed(inner));
    }
    serde_json::from_str::<String>(raw).ok().map(Cow::Owned)
}

/// A raw JSON value that is a whole number in `T`'s range, written without exponent or decimal places.
pub(crate) fn whole<T: std::str::FromStr>(raw: &str) -> Option<T> {
    // Beyond what JSON's grammar admits, `-0` is the one spelling that integer types and JSON
    // libraries read differently.
    if raw == "-0" { None } else { raw.parse().ok() }
}

/// Appends `"name":` to an object under construction.
pub(crate) fn push_key(out: &mut String, name: &str) {
    if !out.ends_with('{') {
        out.push(',');
    }
    out.push_str(&serde_json::to_string(name).expect("a string always serialises"));
    out.push(':');
}

impl<'a> Deserialize<'a> for Object<'a> {
    fn deserialize<D: Deserializer<'a>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'a> Visitor<'a> for Fields {
            type Value = Object<'a>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a JSON object")
            }

            fn visit_map<M: MapAccess<'a>>(self, mut map: M) -> Result<Object<'a>, M::Error> {
                let mut fields: Vec<(Cow<'a, str>, &'a RawValue)> = Vec::with_capacity(12);
                let mut names = HashSet::new();
                while let Some(Name(name)) = map.next_key()? {
                    if fields.len() == FEW {
                        names.extend(fields.iter().map(|(name, _)| name.clone()));
                    }
                    let repeated = if fields.len() < FEW {
                        fields.iter().any(|(other, _)| *other == name)
                    } else {
                        !names.insert(name.clone())
                    };
                    if repeated {
                        return Err(M::Error::custom(format_args!("the field {name:?} appears twice")));
                    }
                    fields.push((name, map.next_value()?));
                }
                Ok(Object(fields))
            }
        }
        deserializer.deserialize_map(Fields)
    }
}

/// A field name, borrowed where it has no escapes.
struct Name<'a>(Cow<'a, str>);

impl<'a> Deserialize<'a> for Name<'a> {
    fn deserialize<D: Deserializer<'a>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'a> Visitor<'a> for Text {
            type Value = Name<'a>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a field name")
            }

            fn visit_borrowed_str<E: Error>(self, text: &'a str) -> Result<Name<'a>, E> {
                Ok(Name(Cow::Borrowed(text)))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Name<'a>, E> {
                Ok(Name(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_each_value_as_it_was_sent() {
        let object = Object::parse(r#" { "a" : 3141.590 , "b\u0063":[1, 2], "d":null } "#).unwrap();
        assert_eq!(object.get("a"), Some("3141.590"));
        assert_eq!(object.get("bc"), Some("[1, 2]"));
        assert_eq!(object.get("d"), None);
    }

    #[test]
    fn refuses_a_repeated_name_among_few_and_among_many() {
        for count in [1, FEW - 1, FEW, FEW + 1, 200] {
            for repeated in [0, count - 1] {
                let fields: String = (0..count).map(|index| format!("\"k{index}\":1,")).collect();
                assert!(Object::parse(&format!("{{{fields}\"z\":1}}")).is_ok());
                let error = Object::parse(&format!("{{{fields}\"k{repeated}\":1}}")).unwrap_err();
                assert_eq!(error.reason, format!("the field \"k{repeated}\" appears twice"));
            }
        }
    }

    #[test]
    fn says_at_which_byte_a_text_breaks() {
        assert_eq!(Object::parse("{\"a\":1,\n\"b\":x}").unwrap_err().offset, 12);
        assert_eq!(Object::parse("[1]").unwrap_err().reason, "invalid type: sequence, expected a JSON object");
    }

    #[test]
    fn whole_numbers_only() {
        assert_eq!(whole::<u32>("12"), Some(12));
        assert_eq!(whole::<i64>("-12"), Some(-12));
        assert_eq!(whole::<i64>("-0"), None);
        for raw in ["-0", "1.0", "1e3", "\"1\"", "4294967296", "-1"] {
            assert_eq!(whole::<u32>(raw), None, "{raw}");
        }
    }
}
