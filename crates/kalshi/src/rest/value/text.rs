//! Values that are a text on the wire.

use std::{fmt, marker::PhantomData};

use daybook_book::{Money, Price, Quantity, Ticker};
use jiff::Timestamp;
use serde::{
    Deserializer, Serializer,
    de::{Error, Unexpected, Visitor},
};

use super::{FromWire, ToWire};

/// A value with a text form; none has the empty one.
pub(crate) trait Text: Sized {
    /// What to say was expected.
    const EXPECTED: &'static str;

    /// Reads the text form, which is not empty.
    fn parse(text: &str) -> Result<Self, String>;
}

/// Reads a required text, or an optional one.
pub(crate) struct TextVisitor<T>(pub(crate) PhantomData<T>);

impl<T: Text> Visitor<'_> for TextVisitor<T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(T::EXPECTED)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Option<T>, E> {
        if text.is_empty() { Ok(None) } else { T::parse(text).map(Some).map_err(E::custom) }
    }

    fn visit_none<E: Error>(self) -> Result<Option<T>, E> {
        Ok(None)
    }

    fn visit_unit<E: Error>(self) -> Result<Option<T>, E> {
        Ok(None)
    }
}

/// The error for a text that must not be absent.
pub(crate) fn absent<T: Text, E: Error>() -> E {
    E::invalid_value(Unexpected::Other("an empty text or null"), &T::EXPECTED)
}

/// Implements [`FromWire`] and [`ToWire`] for types that implement [`Text`] and print their text form.
macro_rules! text_value {
    ($($type:ty),* $(,)?) => {$(
        impl $crate::rest::value::FromWire for $type {
            fn read<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::read_optional(deserializer)?.ok_or_else($crate::rest::value::text::absent::<Self, _>)
            }

            fn read_optional<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Self>, D::Error> {
                deserializer.deserialize_any($crate::rest::value::text::TextVisitor(std::marker::PhantomData))
            }
        }

        impl $crate::rest::value::ToWire for $type {
            fn write<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    )*};
}
pub(crate) use text_value;

text_value!(Price, Quantity, Ticker);

impl Text for Price {
    const EXPECTED: &'static str = "a price in dollars as text, such as \"0.5600\" (integer cents ended on 2026-03-12)";

    fn parse(text: &str) -> Result<Price, String> {
        text.parse().map_err(|error: daybook_book::PriceError| error.to_string())
    }
}

impl Text for Money {
    const EXPECTED: &'static str = "dollars as text, such as \"12.345600\" (integer cents ended on 2026-03-12)";

    fn parse(text: &str) -> Result<Money, String> {
        text.parse().map_err(|error: daybook_book::MoneyError| error.to_string())
    }
}

impl Text for Quantity {
    const EXPECTED: &'static str = "contracts as text, such as \"12.50\" (integer counts ended on 2026-03-12)";

    fn parse(text: &str) -> Result<Quantity, String> {
        text.parse().map_err(|error: daybook_book::QuantityError| error.to_string())
    }
}

impl Text for Ticker {
    const EXPECTED: &'static str = "a market ticker";

    fn parse(text: &str) -> Result<Ticker, String> {
        text.parse().map_err(|error: daybook_book::TickerError| error.to_string())
    }
}

impl FromWire for Money {
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Money, D::Error> {
        Money::read_optional(deserializer)?.ok_or_else(absent::<Money, _>)
    }

    fn read_optional<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Money>, D::Error> {
        deserializer.deserialize_any(TextVisitor(PhantomData))
    }
}

/// With four decimals where they suffice: in requests the venue takes no more.
impl ToWire for Money {
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = self.to_string();
        serializer.serialize_str(text.strip_suffix("00").unwrap_or(&text))
    }
}

/// A text that may be empty.
impl FromWire for String {
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
        serde::Deserialize::deserialize(deserializer)
    }
}

impl ToWire for String {
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self)
    }
}

/// What the venue writes for "never".
const NEVER: &str = "0001-01-01T00:00:00Z";

impl Text for Timestamp {
    const EXPECTED: &'static str = "an RFC 3339 stamp, such as \"2026-10-01T12:00:00.123456Z\"";

    fn parse(text: &str) -> Result<Timestamp, String> {
        text.parse().map_err(|error| format!("{text:?} is no RFC 3339 stamp: {error}"))
    }
}

/// Where a stamp may be absent, the first instant of the year 1, the venue's "never", is absence too.
impl FromWire for Timestamp {
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Timestamp, D::Error> {
        deserializer.deserialize_any(TextVisitor(PhantomData))?.ok_or_else(absent::<Timestamp, _>)
    }

    fn read_optional<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
        let never: Option<Timestamp> = NEVER.parse().ok();
        let stamp = deserializer.deserialize_any(TextVisitor(PhantomData))?;
        Ok(stamp.filter(|_| stamp != never))
    }
}

impl ToWire for Timestamp {
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
