//! Typed reading of one REST object's fields.

use std::borrow::Cow;

use daybook_book::{ExchangeTime, Price, Quantity};

use super::{MetadataError, in_object};
use crate::{
    canonical::canonical,
    object::{self, Object},
    stamp::Stamp,
};

/// What Go writes for a time that was never set: 0001-01-01T00:00:00Z.
const NEVER_MICROS: i64 = -62_135_596_800_000_000;

/// One object, and what to call it in an error.
pub(super) struct Fields<'o, 'a> {
    object: &'o Object<'a>,
    name: String,
}

impl<'o, 'a> Fields<'o, 'a> {
    /// The fields of an object of this kind, which `ticker` identifies.
    pub(super) fn new(kind: &str, ticker: &'static str, object: &'o Object<'a>) -> Result<Self, MetadataError> {
        let article = if kind.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
        let mut fields = Fields { object, name: format!("{article} {kind}") };
        fields.name = format!("{kind} {}", fields.required(ticker)?);
        Ok(fields)
    }

    fn unexpected(&self, field: &'static str, expected: &'static str, raw: &str) -> MetadataError {
        let found = raw.chars().take(60).collect();
        MetadataError::Unexpected { object: self.name.clone(), field, expected, found }
    }

    fn read<T>(
        &self,
        field: &'static str,
        expected: &'static str,
        read: impl FnOnce(&'a str) -> Option<T>,
    ) -> Result<Option<T>, MetadataError> {
        let Some(raw) = self.object.get(field).filter(|&raw| raw != "\"\"") else { return Ok(None) };
        read(raw).map(Some).ok_or_else(|| self.unexpected(field, expected, raw))
    }

    pub(super) fn required(&self, field: &'static str) -> Result<String, MetadataError> {
        self.text(field)?.ok_or_else(|| MetadataError::Missing { object: self.name.clone(), field })
    }

    pub(super) fn text(&self, field: &'static str) -> Result<Option<String>, MetadataError> {
        self.read(field, "a text", |raw| object::string(raw).map(Cow::into_owned))
    }

    pub(super) fn boolean(&self, field: &'static str) -> Result<Option<bool>, MetadataError> {
        self.read(field, "true or false", |raw| raw.parse().ok())
    }

    pub(super) fn whole(&self, field: &'static str) -> Result<Option<i64>, MetadataError> {
        self.read(field, "a whole number", object::whole)
    }

    pub(super) fn time(&self, field: &'static str) -> Result<Option<ExchangeTime>, MetadataError> {
        let stamp = |raw| Some(Stamp::parse(object::string(raw)?.as_bytes())?.micros());
        let micros = self.read(field, "an RFC 3339 time", stamp)?;
        Ok(micros.filter(|&micros| micros != NEVER_MICROS).map(ExchangeTime::from_micros))
    }

    /// A number as the decimal text it was written as, in quotes or not.
    pub(super) fn decimal(&self, field: &'static str) -> Result<Option<String>, MetadataError> {
        self.read(field, "a number", |raw| {
            let text = if raw.starts_with('"') { object::string(raw)? } else { Cow::Borrowed(raw) };
            text.starts_with(|first: char| first == '-' || first.is_ascii_digit()).then(|| text.into_owned())
        })
    }

    /// Any value, as canonical JSON.
    pub(super) fn json(&self, field: &'static str) -> Result<Option<String>, MetadataError> {
        let Some(raw) = self.object.get(field) else { return Ok(None) };
        canonical(raw).map(Some).map_err(|error| in_object(&self.name, error))
    }

    /// Dollars or, without them, the retired field of whole cents.
    pub(super) fn price(&self, dollars: &'static str, cents: &'static str) -> Result<Option<Price>, MetadataError> {
        let price = self.read(dollars, "a price in dollars", |raw| object::string(raw)?.parse().ok())?;
        if price.is_some() {
            return Ok(price);
        }
        self.read(cents, "a price in whole cents", |raw| Price::from_cents(object::whole(raw)?))
    }

    /// A decimal quantity or, without it, the retired field of whole contracts.
    pub(super) fn quantity(
        &self,
        decimal: &'static str,
        contracts: &'static str,
    ) -> Result<Option<Quantity>, MetadataError> {
        let quantity = self.read(decimal, "a number of contracts", |raw| object::string(raw)?.parse().ok())?;
        if quantity.is_some() {
            return Ok(quantity);
        }
        self.read(contracts, "a whole number of contracts", |raw| Quantity::from_contracts(object::whole(raw)?))
    }
}
