//! Reads one line of a capture: a WebSocket frame, bare or wrapped with the time at which it was received.

use std::borrow::Cow;

use daybook_book::ReceivedTime;
use memchr::memchr;

use crate::{
    object::{self, Object, push_key},
    stamp::Stamp,
};

/// The names under which captures keep the receive time and the frame, the preferred ones first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WrapperFields {
    /// Names of the receive time. A suffix (`_ms`, `_us`, `_ns`, `_s` and their longer forms) tells the unit of a
    /// number; without one, its magnitude does.
    pub time: Vec<String>,
    /// Names of the frame, which is an object or a text that holds one.
    pub frame: Vec<String>,
}

impl Default for WrapperFields {
    fn default() -> WrapperFields {
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        WrapperFields {
            time: names(&[
                "recv_ns",
                "recv_us",
                "recv_ms",
                "recv_ts",
                "recv_time",
                "received_at",
                "received_ns",
                "received_us",
                "received_ms",
                "received_ts",
                "receive_time",
                "local_ts",
                "ts_ns",
                "ts_us",
                "ts_ms",
                "ts",
                "timestamp",
                "time",
            ]),
            frame: names(&["event", "msg", "frame", "data", "raw", "message", "payload"]),
        }
    }
}

/// One line of a capture, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaptureLine<'a> {
    /// When the frame was received; a bare frame does not say.
    pub recv_ts: Option<ReceivedTime>,
    /// The frame. It may still be no valid frame: [`Frame::parse`](crate::Frame::parse) decides.
    pub frame: Cow<'a, [u8]>,
    /// What the capture calls the connection (`connection`, `connection_id`, `conn` or `conn_id`), if it does.
    pub connection: Option<Cow<'a, str>>,
}

/// A line that is no captured frame.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CaptureError {
    /// The line is not UTF-8.
    #[error("byte {offset} of the line: not UTF-8")]
    NotUtf8 {
        /// The first byte that is no text.
        offset: usize,
    },
    /// The line is no JSON object, or names a field twice.
    #[error("byte {offset} of the line: no valid JSON object: {reason}")]
    Malformed {
        /// Where it breaks.
        offset: usize,
        /// Why.
        reason: String,
    },
    /// The line is neither a frame nor a wrapper that holds one.
    #[error(
        "the line holds no frame: expected an object with a `type`, or one with such an object under {}",
        names(.fields)
    )]
    NoFrame {
        /// The names under which a frame was looked for.
        fields: Vec<String>,
    },
    /// The receive time is none, or is out of range.
    #[error(
        "`{field}` is no receive time: {value}; expected a decimal number of s, ms, µs or ns since 1970, or RFC 3339, \
         in 1678 to 2262"
    )]
    Time {
        /// The field.
        field: String,
        /// What it holds.
        value: String,
    },
}

fn names(fields: &[String]) -> String {
    fields.iter().map(|field| format!("`{field}`")).collect::<Vec<_>>().join(", ")
}

/// Names of the connection, the preferred one first.
const CONNECTION_FIELDS: [&str; 4] = ["connection", "connection_id", "conn", "conn_id"];

impl<'a> CaptureLine<'a> {
    /// Takes one line apart, without its line end or with it.
    ///
    /// An object with a text `type` and no field that `fields` knows as a time is a bare frame, if it has an object
    /// `msg` or nothing else that could hold a frame. An object that has such a field beside `type` is a frame that
    /// the capture has written its own fields into; they are cut out again. In every other object the frame is the
    /// first of `fields.frame` that is an object, or a text that holds one. Fields beyond these are ignored.
    ///
    /// `{"recv_ms":…,"event":{…}}` around a frame that nests no further than its `msg` is taken apart without reading
    /// the frame, so that a fault inside it is first noticed by the one who parses it.
    ///
    /// # Errors
    /// [`CaptureError`] for a line that is neither; an empty line is one.
    pub fn parse(line: &'a [u8], fields: &WrapperFields) -> Result<CaptureLine<'a>, CaptureError> {
        let usual = fields.time.iter().any(|name| name == "recv_ms") && fields.frame.iter().any(|name| name == "event");
        match usual.then(|| usual_form(line)).flatten() {
            Some(line) => Ok(line),
            None => any_form(line, fields),
        }
    }
}

/// Takes apart `{"recv_ms":N,"event":{…}}`, where the frame's only closing braces are its last bytes. Then nothing
/// can follow the frame within the wrapper, unless the line is no JSON; so the frame needs no reading here.
fn usual_form(line: &[u8]) -> Option<CaptureLine<'_>> {
    let rest = line.strip_prefix(b"{\"recv_ms\":")?;
    let digits = rest.iter().position(|byte| !byte.is_ascii_digit()).filter(|digits| (1..=13).contains(digits))?;
    let (number, rest) = rest.split_at(digits);
    if number.len() > 1 && number[0] == b'0' {
        return None;
    }
    let millis = number.iter().fold(0i64, |value, digit| value * 10 + i64::from(digit - b'0'));
    let rest = rest.strip_prefix(b",\"event\":")?;
    let frame = rest.strip_suffix(b"\n").unwrap_or(rest).strip_suffix(b"}")?;
    let (inner, closing) = frame.split_at_checked(memchr(b'}', frame)?)?;
    if !inner.starts_with(b"{") || !closing.iter().all(|&byte| byte == b'}') {
        return None;
    }
    let recv_ts = ReceivedTime::from_nanos(millis.checked_mul(1_000_000)?);
    Some(CaptureLine { recv_ts: Some(recv_ts), frame: Cow::Borrowed(frame), connection: None })
}

fn any_form<'a>(line: &'a [u8], names: &WrapperFields) -> Result<CaptureLine<'a>, CaptureError> {
    let text = std::str::from_utf8(line).map_err(|error| CaptureError::NotUtf8 { offset: error.valid_up_to() })?;
    let wrapper =
        Object::parse(text).map_err(|error| CaptureError::Malformed { offset: error.offset, reason: error.reason })?;
    let time = names.time.iter().find_map(|name| Some((name, wrapper.get(name)?)));
    let connection = || CONNECTION_FIELDS.iter().find_map(|name| label(wrapper.get(name)?));

    if wrapper.get("type").is_some_and(|raw| raw.starts_with('"')) {
        let has_msg = wrapper.get("msg").is_some_and(|raw| raw.starts_with('{'));
        let holds_frame =
            names.frame.iter().any(|name| wrapper.get(name).and_then(frame_of).is_some_and(|f| is_frame(&f)));
        if has_msg && time.is_none() || !holds_frame {
            let own = |name: &str| names.time.iter().any(|time| time == name) || CONNECTION_FIELDS.contains(&name);
            let frame = if wrapper.0.iter().any(|(name, _)| own(name)) {
                Cow::Owned(without(&wrapper, own).into_bytes())
            } else {
                Cow::Borrowed(line)
            };
            return Ok(CaptureLine { recv_ts: time.map(receive_time).transpose()?, frame, connection: connection() });
        }
    }
    let frame = names.frame.iter().find_map(|name| frame_of(wrapper.get(name)?));
    let frame = frame.ok_or_else(|| CaptureError::NoFrame { fields: names.frame.clone() })?;
    let frame = match frame {
        Cow::Borrowed(frame) => Cow::Borrowed(frame.as_bytes()),
        Cow::Owned(frame) => Cow::Owned(frame.into_bytes()),
    };
    Ok(CaptureLine { recv_ts: time.map(receive_time).transpose()?, frame, connection: connection() })
}

/// The frame that a wrapper's field holds, as an object or as a text.
fn frame_of(raw: &str) -> Option<Cow<'_, str>> {
    if raw.starts_with('{') {
        return Some(Cow::Borrowed(raw));
    }
    object::string(raw).filter(|text| text.trim_ascii_start().starts_with('{'))
}

/// Whether a text is an object that has a type.
fn is_frame(text: &str) -> bool {
    Object::parse(text).is_ok_and(|object| object.get("type").is_some())
}

/// The object without the fields whose names `cut` picks.
fn without(object: &Object<'_>, cut: impl Fn(&str) -> bool) -> String {
    let mut out = String::from("{");
    for (name, value) in object.0.iter().filter(|(name, _)| !cut(name)) {
        push_key(&mut out, name);
        out.push_str(value.get());
    }
    out.push('}');
    out
}

/// A connection's label: a text or a whole number.
fn label(raw: &str) -> Option<Cow<'_, str>> {
    if raw.starts_with('"') { object::string(raw) } else { raw.parse::<i64>().ok().map(|_| Cow::Borrowed(raw)) }
}

/// A receive time in whichever form a capture may write it.
pub(crate) fn receive_time((field, raw): (impl AsRef<str>, &str)) -> Result<ReceivedTime, CaptureError> {
    let text = if raw.starts_with('"') { object::string(raw) } else { Some(Cow::Borrowed(raw)) };
    let nanos = text.and_then(|text| match Stamp::parse(text.as_bytes()) {
        Some(stamp) => stamp.nanos(),
        None => decimal_nanos(&text, nanos_per_unit(field.as_ref())),
    });
    nanos
        .map(ReceivedTime::from_nanos)
        .ok_or_else(|| CaptureError::Time { field: field.as_ref().to_owned(), value: raw.chars().take(60).collect() })
}

/// Nanoseconds in the unit that a field's name ends with, if it ends with one.
fn nanos_per_unit(field: &str) -> Option<i128> {
    let (_, suffix) = field.rsplit_once('_')?;
    match suffix {
        "s" | "sec" | "secs" | "seconds" => Some(1_000_000_000),
        "ms" | "millis" | "milliseconds" => Some(1_000_000),
        "us" | "micros" | "microseconds" => Some(1_000),
        "ns" | "nanos" | "nanoseconds" => Some(1),
        _ => None,
    }
}

/// Nanoseconds from a decimal number. Without a unit, the magnitude tells it: seconds reach 10¹¹ in the year 5138,
/// where milliseconds are still in 1973, and so on up. Digits below the nanosecond are cut off.
fn decimal_nanos(text: &str, unit: Option<i128>) -> Option<i64> {
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |digits| (true, digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !is_digits(whole) || !is_digits(fraction) || whole.len() > 20 {
        return None;
    }
    let whole: i128 = whole.parse().ok()?;
    let unit = unit.unwrap_or(match whole {
        0..100_000_000_000 => 1_000_000_000,
        100_000_000_000..100_000_000_000_000 => 1_000_000,
        100_000_000_000_000..100_000_000_000_000_000 => 1_000,
        _ => 1,
    });
    let (mut nanos, mut place) = (whole * unit, unit);
    for digit in fraction.bytes() {
        place /= 10;
        nanos += i128::from(digit - b'0') * place;
    }
    i64::try_from(if negative { -nanos } else { nanos }).ok()
}

#[cfg(test)]
mod tests;
