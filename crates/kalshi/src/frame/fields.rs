//! The fields of an envelope or a `msg`: typed reading, and what nobody has read.

use std::{borrow::Cow, collections::HashSet};

use daybook_book::{ExchangeTime, Price, Quantity, Side};
use serde::{Deserialize, Deserializer, de};
use serde_json::value::RawValue;

use super::{FrameError, FrameErrorReason};
use crate::{
    object::{self, Object, push_key},
    stamp::Stamp,
};

/// An object of a frame, and which of its fields the event already tells.
pub(super) struct Fields<'a> {
    frame: &'a str,
    text: &'a str,
    object: Object<'a>,
    told: Vec<bool>,
}

impl<'a> Fields<'a> {
    /// The envelope of a frame.
    pub(super) fn of_frame(frame: &'a [u8]) -> Result<Fields<'a>, FrameError> {
        match std::str::from_utf8(frame) {
            Ok(frame) => Fields::of_object(frame, frame),
            Err(error) => Err(failure(error.valid_up_to(), FrameErrorReason::NotUtf8)),
        }
    }

    /// The object `text`, a part of `frame`.
    fn of_object(frame: &'a str, text: &'a str) -> Result<Fields<'a>, FrameError> {
        let object = Object::parse(text)
            .map_err(|error| failure(offset(frame, text) + error.offset, FrameErrorReason::Malformed(error.reason)))?;
        let told = vec![false; object.0.len()];
        Ok(Fields { frame, text, object, told })
    }

    /// The object as it was sent.
    pub(super) fn as_str(&self) -> &'a str {
        self.text
    }

    /// A whole number, without marking it as told; `None` where it is absent or none.
    pub(super) fn peek_whole<T: std::str::FromStr>(&self, name: &str) -> Option<T> {
        object::whole(self.object.get(name)?)
    }

    /// The raw value, which thereby counts as told; `null` is absent.
    fn take(&mut self, name: &str) -> Option<&'a str> {
        let index = self.object.0.iter().position(|(key, _)| key == name)?;
        self.told[index] = true;
        Some(self.object.0[index].1.get()).filter(|&raw| raw != "null")
    }

    /// Lets a field go into `extra` although it was taken.
    fn keep(&mut self, name: &str) {
        if let Some(index) = self.object.0.iter().position(|(key, _)| key == name) {
            self.told[index] = false;
        }
    }

    pub(super) fn missing(&self, name: &'static str) -> FrameError {
        failure(offset(self.frame, self.text), FrameErrorReason::Missing(name))
    }

    fn unexpected(&self, field: &'static str, expected: &'static str, raw: &str) -> FrameError {
        let mut found: String = raw.chars().take(60).collect();
        if found.len() < raw.len() {
            found.push('…');
        }
        failure(offset(self.frame, raw), FrameErrorReason::Unexpected { field, expected, found })
    }

    pub(super) fn text(&mut self, name: &'static str) -> Result<Option<Cow<'a, str>>, FrameError> {
        let Some(raw) = self.take(name) else { return Ok(None) };
        object::string(raw).map(Some).ok_or_else(|| self.unexpected(name, "a text", raw))
    }

    pub(super) fn required_text(&mut self, name: &'static str) -> Result<Cow<'a, str>, FrameError> {
        self.text(name)?.ok_or_else(|| self.missing(name))
    }

    pub(super) fn whole<T: std::str::FromStr>(
        &mut self,
        name: &'static str,
        expected: &'static str,
    ) -> Result<Option<T>, FrameError> {
        let Some(raw) = self.take(name) else { return Ok(None) };
        object::whole(raw).map(Some).ok_or_else(|| self.unexpected(name, expected, raw))
    }

    pub(super) fn boolean(&mut self, name: &'static str) -> Result<Option<bool>, FrameError> {
        let Some(raw) = self.take(name) else { return Ok(None) };
        raw.parse().map(Some).map_err(|_| self.unexpected(name, "true or false", raw))
    }

    pub(super) fn object(&mut self, name: &'static str) -> Result<Option<Fields<'a>>, FrameError> {
        self.take(name).map(|raw| Fields::of_object(self.frame, raw)).transpose()
    }

    /// The texts that a field of an object in a field lists; `None` where there is no such list.
    pub(super) fn optional_texts(&mut self, object: &'static str, name: &'static str) -> Option<Vec<Cow<'a, str>>> {
        let mut inner = self.object(object).ok()??;
        let raw: Vec<&RawValue> = serde_json::from_str(inner.take(name)?).ok()?;
        raw.into_iter().map(|text| object::string(text.get())).collect()
    }

    pub(super) fn required_object(&mut self, name: &'static str) -> Result<Fields<'a>, FrameError> {
        self.object(name)?.ok_or_else(|| self.missing(name))
    }

    pub(super) fn required_side(&mut self, name: &'static str) -> Result<Side, FrameError> {
        let raw = self.take(name).ok_or_else(|| self.missing(name))?;
        let side = object::string(raw).and_then(|text| text.parse().ok());
        side.ok_or_else(|| self.unexpected(name, "\"yes\" or \"no\"", raw))
    }

    /// A side; an unknown value is kept for `extra`.
    pub(super) fn optional_side(&mut self, name: &'static str) -> Result<Option<Side>, FrameError> {
        let Some(text) = self.text(name)? else { return Ok(None) };
        let side = text.parse().ok();
        if side.is_none() && !text.is_empty() {
            self.keep(name);
        }
        Ok(side)
    }

    /// A price in dollars or, without one, in the retired field of whole cents.
    pub(super) fn price(
        &mut self,
        dollars: &'static str,
        cents: Option<&'static str>,
    ) -> Result<Option<Price>, FrameError> {
        let price = match self.text_or_absent(dollars)? {
            None => None,
            Some((raw, text)) => Some(text.parse::<Price>().map_err(|error| {
                failure(offset(self.frame, raw), FrameErrorReason::Price { field: dollars, error })
            })?),
        };
        self.or_retired(price, cents, "a whole number of cents from 0 to 100", cents_price)
    }

    /// A quantity in decimals or, without one, in the retired field of whole contracts.
    pub(super) fn quantity(
        &mut self,
        decimal: &'static str,
        contracts: Option<&'static str>,
    ) -> Result<Option<Quantity>, FrameError> {
        let quantity = match self.text_or_absent(decimal)? {
            None => None,
            Some((raw, text)) => Some(text.parse::<Quantity>().map_err(|error| {
                failure(offset(self.frame, raw), FrameErrorReason::Quantity { field: decimal, error })
            })?),
        };
        self.or_retired(quantity, contracts, "a whole number of contracts", contracts_quantity)
    }

    /// A text that is not empty, and its raw form.
    fn text_or_absent(&mut self, name: &'static str) -> Result<Option<(&'a str, Cow<'a, str>)>, FrameError> {
        let Some(raw) = self.take(name) else { return Ok(None) };
        let text = object::string(raw).ok_or_else(|| self.unexpected(name, "a decimal number in a text", raw))?;
        Ok(Some((raw, text)).filter(|(_, text)| !text.is_empty()))
    }

    /// `value` or, without one, what the retired field says; where both speak and differ, the retired one is kept.
    fn or_retired<T: PartialEq>(
        &mut self,
        value: Option<T>,
        retired: Option<&'static str>,
        expected: &'static str,
        read: fn(&str) -> Option<T>,
    ) -> Result<Option<T>, FrameError> {
        let Some(retired) = retired else { return Ok(value) };
        let Some(raw) = self.take(retired) else { return Ok(value) };
        let old = read(raw);
        if value.is_none() {
            return old.map(Some).ok_or_else(|| self.unexpected(retired, expected, raw));
        }
        if old != value {
            self.keep(retired);
        }
        Ok(value)
    }

    /// The levels of one side from the first of `names` that is present; absent means empty. The others are kept
    /// where they say something else.
    pub(super) fn levels(&mut self, names: [&'static str; 3]) -> Result<Vec<(Price, Quantity)>, FrameError> {
        let mut levels = None;
        for name in names {
            let Some(raw) = self.take(name) else { continue };
            match (&levels, self.read_levels(name, raw)) {
                (None, found) => levels = Some(found?),
                (Some(levels), Ok(found)) if *levels == found => {}
                (Some(_), _) => self.keep(name),
            }
        }
        Ok(levels.unwrap_or_default())
    }

    fn read_levels(&self, name: &'static str, raw: &'a str) -> Result<Vec<(Price, Quantity)>, FrameError> {
        let expected = "a list of [price, size] pairs";
        let cells: Vec<(Cell<'a>, Cell<'a>)> =
            serde_json::from_str(raw).map_err(|_| self.unexpected(name, expected, raw))?;
        let at = offset(self.frame, raw);
        let mut levels = Vec::with_capacity(cells.len());
        for (price, size) in cells {
            let price = match price {
                Cell::Text(text) => {
                    text.parse().map_err(|error| failure(at, FrameErrorReason::Price { field: name, error }))?
                }
                Cell::Whole(cents) => u8::try_from(cents)
                    .ok()
                    .and_then(Price::from_cents)
                    .ok_or_else(|| self.unexpected(name, "a list of prices from 0 to 100 cents", raw))?,
            };
            let size = match size {
                Cell::Text(text) => {
                    text.parse().map_err(|error| failure(at, FrameErrorReason::Quantity { field: name, error }))?
                }
                Cell::Whole(contracts) => {
                    Quantity::from_contracts(contracts).ok_or_else(|| self.unexpected(name, expected, raw))?
                }
            };
            levels.push((price, size));
        }
        Ok(levels)
    }

    /// A time in whole milliseconds.
    pub(super) fn millis(&mut self, name: &'static str) -> Result<Option<ExchangeTime>, FrameError> {
        let Some(raw) = self.take(name) else { return Ok(None) };
        let micros = object::whole::<i64>(raw).and_then(|millis| millis.checked_mul(1_000));
        let micros = micros.ok_or_else(|| self.unexpected(name, "a time in whole milliseconds", raw))?;
        Ok(Some(ExchangeTime::from_micros(micros)))
    }

    /// The time that `ts` and `ts_ms` give. `ts` as a text is the most exact; in seconds it yields to `ts_ms`.
    /// `keep_lone_millis`: whether a `ts_ms` without `ts` is out of the ordinary for this kind of frame.
    pub(super) fn exchange_time(&mut self, keep_lone_millis: bool) -> Result<Option<ExchangeTime>, FrameError> {
        let millis = self.millis("ts_ms")?;
        let raw = self.take("ts").filter(|&raw| raw != "\"\"");
        let Some(raw) = raw else {
            if keep_lone_millis && millis.is_some() {
                self.keep("ts_ms");
            }
            return Ok(millis);
        };
        if raw.starts_with('"') {
            let stamp = object::string(raw).and_then(|text| Stamp::parse(text.as_bytes()));
            let stamp = stamp.ok_or_else(|| self.unexpected("ts", "an RFC 3339 time", raw))?;
            if stamp.is_finer_than_micros() {
                self.keep("ts");
            }
            let cut = |millis: ExchangeTime| millis.micros() == stamp.micros() - stamp.micros().rem_euclid(1_000);
            if !millis.is_none_or(cut) {
                self.keep("ts_ms");
            }
            return Ok(Some(ExchangeTime::from_micros(stamp.micros())));
        }
        let seconds = object::whole::<i64>(raw).and_then(|seconds| seconds.checked_mul(1_000_000));
        let seconds = seconds.ok_or_else(|| self.unexpected("ts", "a time in whole seconds", raw))?;
        let Some(millis) = millis else { return Ok(Some(ExchangeTime::from_micros(seconds))) };
        if seconds.div_euclid(1_000_000) != millis.micros().div_euclid(1_000_000) {
            self.keep("ts");
        }
        Ok(Some(millis))
    }

    /// `ts` or, without one, what the field `time` says; that is kept unless it is `ts` cut to its number of places.
    pub(super) fn reconcile_time(&mut self, ts: Option<ExchangeTime>) -> Result<Option<ExchangeTime>, FrameError> {
        let Some((raw, text)) = self.text_or_absent("time")? else { return Ok(ts) };
        let stamp = Stamp::parse(text.as_bytes());
        let Some(ts) = ts else {
            let stamp = stamp.ok_or_else(|| self.unexpected("time", "an RFC 3339 time", raw))?;
            if stamp.is_finer_than_micros() {
                self.keep("time");
            }
            return Ok(Some(ExchangeTime::from_micros(stamp.micros())));
        };
        if !stamp.is_some_and(|stamp| stamp.is_cut_from(ts.micros())) {
            self.keep("time");
        }
        Ok(Some(ts))
    }

    /// The fields that nobody has read.
    fn untold(&self) -> impl Iterator<Item = (&str, &'a str)> {
        let fields = self.object.0.iter().zip(&self.told);
        fields.filter(|(_, told)| !**told).map(|((name, value), _)| (&**name, value.get()))
    }
}

/// One object of all fields that nobody has read; `None` where there is none.
pub(super) fn extra<'a>(envelope: &Fields<'a>, msg: Option<&Fields<'a>>) -> Option<Cow<'a, str>> {
    let mut out = String::new();
    let names = |fields: &Fields<'a>| fields.untold().map(|(name, _)| name.to_owned()).collect::<HashSet<_>>();
    let mut taken = None;
    for (own_name, value) in envelope.untold() {
        let (in_msg, in_envelope) = taken.get_or_insert_with(|| (msg.map(names).unwrap_or_default(), names(envelope)));
        let mut name = Cow::Borrowed(own_name);
        while in_msg.contains(&*name) || (name != own_name && in_envelope.contains(&*name)) {
            name = Cow::Owned(format!("envelope.{name}"));
        }
        push_field(&mut out, &name, value);
    }
    for (name, value) in msg.into_iter().flat_map(Fields::untold) {
        push_field(&mut out, name, value);
    }
    if out.is_empty() {
        return None;
    }
    out.push('}');
    Some(Cow::Owned(out))
}

fn push_field(out: &mut String, name: &str, value: &str) {
    if out.is_empty() {
        out.push('{');
    }
    push_key(out, name);
    out.push_str(value);
}

/// Where `part` begins in `frame`, of which it is a slice.
fn offset(frame: &str, part: &str) -> usize {
    (part.as_ptr() as usize).saturating_sub(frame.as_ptr() as usize)
}

fn failure(offset: usize, reason: FrameErrorReason) -> FrameError {
    FrameError { offset, reason, sid: None, seq: None }
}

fn cents_price(raw: &str) -> Option<Price> {
    Price::from_cents(object::whole(raw)?)
}

fn contracts_quantity(raw: &str) -> Option<Quantity> {
    Quantity::from_contracts(object::whole(raw)?)
}

/// Half of a `[price, size]` pair: a decimal text or, in the retired form, whole cents or contracts.
enum Cell<'a> {
    Text(Cow<'a, str>),
    Whole(i64),
}

impl<'a> Deserialize<'a> for Cell<'a> {
    fn deserialize<D: Deserializer<'a>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextOrWhole;
        impl<'a> de::Visitor<'a> for TextOrWhole {
            type Value = Cell<'a>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a decimal text or a whole number")
            }

            fn visit_borrowed_str<E: de::Error>(self, text: &'a str) -> Result<Cell<'a>, E> {
                Ok(Cell::Text(Cow::Borrowed(text)))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Cell<'a>, E> {
                Ok(Cell::Text(Cow::Owned(text.to_owned())))
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<Cell<'a>, E> {
                Ok(Cell::Whole(number))
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<Cell<'a>, E> {
                i64::try_from(number).map(Cell::Whole).map_err(|_| E::custom("too large"))
            }
        }
        deserializer.deserialize_any(TextOrWhole)
    }
}
