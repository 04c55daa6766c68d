//! JSON numbers that may have a fraction: multipliers, strikes, temperatures.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use serde_json::value::RawValue;

use super::{FromWire, ToWire};

/// A JSON number, digit for digit as it was written. It never passes through a binary float.
///
/// Equal means equally spelled: `0.10` is not `0.1`. To compute with it, read [`as_str`](Decimal::as_str) with the
/// decimal type of your choice.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Decimal(Box<str>);

/// A text that is no JSON number.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a JSON number")]
pub struct DecimalError(pub String);

impl Decimal {
    /// The number as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Decimal {
    type Err = DecimalError;

    fn from_str(text: &str) -> Result<Decimal, DecimalError> {
        // Parsing it as a number would make a float of it.
        match serde_json::from_str::<&RawValue>(text) {
            Ok(raw) if raw.get().starts_with(|first: char| first == '-' || first.is_ascii_digit()) => {
                Ok(Decimal(raw.get().into()))
            }
            _ => Err(DecimalError(text.chars().take(64).collect())),
        }
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Only with `serde_json`, whose raw values keep the spelling.
impl FromWire for Decimal {
    fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Decimal, D::Error> {
        Box::<RawValue>::deserialize(deserializer)?.get().parse().map_err(D::Error::custom)
    }

    fn read_optional<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Decimal>, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        if raw.get() == "null" { Ok(None) } else { raw.get().parse().map(Some).map_err(D::Error::custom) }
    }
}

impl ToWire for Decimal {
    fn write<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        RawValue::from_string(self.0.to_string()).map_err(serde::ser::Error::custom)?.serialize(serializer)
    }
}
