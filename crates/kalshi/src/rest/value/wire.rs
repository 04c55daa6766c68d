//! How a value is read from and written to JSON, and what its absence means.

use std::{borrow::Cow, fmt, marker::PhantomData};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{DeserializeSeed, Error, IgnoredAny, MapAccess, Visitor},
};
use serde_json::{Map, Value};

/// A value that is read as the venue writes it.
///
/// Prices, quantities and tickers belong to a crate that knows no JSON, so this trait and [`ToWire`] stand in for
/// serde's two; the records made of such values implement serde's as usual.
pub(crate) trait FromWire: Sized {
    /// Reads the value.
    ///
    /// # Errors
    /// Says what was expected where the JSON holds something else.
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error>;

    /// Reads the value where it may be absent: `null` is, and so is `""` for what is never an empty text.
    ///
    /// # Errors
    /// As [`read`](FromWire::read).
    fn read_optional<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Self>, D::Error> {
        deserializer.deserialize_option(Optional(PhantomData))
    }

    /// What a missing key means; `None` where the key must be there.
    fn absent() -> Option<Self> {
        None
    }
}

/// A value that is written as the venue reads it.
pub(crate) trait ToWire {
    /// Writes the value.
    ///
    /// # Errors
    /// Those of the serializer alone.
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error>;

    /// Whether the key is left out.
    fn is_absent(&self) -> bool {
        false
    }
}

struct Optional<T>(PhantomData<T>);

impl<'de, T: FromWire> Visitor<'de> for Optional<T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value or null")
    }

    fn visit_none<E: Error>(self) -> Result<Option<T>, E> {
        Ok(None)
    }

    fn visit_unit<E: Error>(self) -> Result<Option<T>, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Option<T>, D::Error> {
        T::read(deserializer).map(Some)
    }
}

impl<T: FromWire> FromWire for Option<T> {
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::read_optional(deserializer)
    }

    fn absent() -> Option<Self> {
        Some(None)
    }
}

impl<T: ToWire> ToWire for Option<T> {
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Some(value) => value.write(serializer),
            None => serializer.serialize_none(),
        }
    }

    fn is_absent(&self) -> bool {
        self.is_none()
    }
}

/// Reads a value inside a larger one.
pub(crate) struct Seed<T>(PhantomData<T>);

impl<T> Seed<T> {
    pub(crate) fn new() -> Seed<T> {
        Seed(PhantomData)
    }
}

impl<'de, T: FromWire> DeserializeSeed<'de> for Seed<T> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        T::read(deserializer)
    }
}

/// Writes a value inside a larger one.
pub(crate) struct Written<'a, T>(pub(crate) &'a T);

impl<T: ToWire> Serialize for Written<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.write(serializer)
    }
}

/// The name of a field, without allocation where the document can be borrowed from.
pub(crate) struct Key<'de>(pub(crate) Cow<'de, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Key<'de>, D::Error> {
        struct KeyVisitor;

        impl<'de> Visitor<'de> for KeyVisitor {
            type Value = Key<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of a field")
            }

            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Borrowed(text)))
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Owned(text.to_owned())))
            }
        }

        deserializer.deserialize_identifier(KeyVisitor)
    }
}

/// The answer of an operation that says nothing but that it succeeded: no body, `null` or an object.
pub(crate) struct Answered;

impl<'de> Deserialize<'de> for Answered {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Answered, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Answered)
    }
}

/// What is wrong with an object that names a field again: JSON leaves open which of the two counts.
pub(crate) const TWICE: &str = "the field stands twice in one object";

/// The same error, told where it arose.
#[cold]
pub(crate) fn in_field<E: Error>(place: impl fmt::Display, error: impl fmt::Display) -> E {
    E::custom(format_args!("{place}: {error}"))
}

/// What a missing key means, or the error that it is.
pub(crate) fn missing<T: FromWire, E: Error>(record: &str, field: &str) -> Result<T, E> {
    T::absent().ok_or_else(|| missing_key(record, field))
}

/// The error for a key that is always there.
#[cold]
pub(crate) fn missing_key<E: Error>(record: &str, field: &str) -> E {
    E::custom(format_args!("{record}: required field `{field}` is missing"))
}

/// Refuses a field that the venue has removed, so that an old recording or server is never half understood. A `null`
/// says nothing and is kept.
#[cold]
pub(crate) fn retired<'de, A: MapAccess<'de>>(
    map: &mut A,
    extra: &mut Map<String, Value>,
    (record, field, since, instead): (&str, &str, &str, &str),
) -> Result<(), A::Error> {
    let value: Value = map.next_value()?;
    if value.is_null() {
        return match extra.insert(field.to_owned(), value) {
            None => Ok(()),
            Some(_) => Err(in_field(format_args!("{record}.{field}"), TWICE)),
        };
    }
    Err(A::Error::custom(format_args!(
        "{record}: `{field}` holds {value}, a form that the venue removed on {since}; now it is `{instead}`"
    )))
}
