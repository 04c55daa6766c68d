//! Reads a page row by row that cannot be read as a whole: one row that is not what it should be costs no other.

use daybook_kalshi::rest::value::Cursor;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::Stream;
use crate::{error::RowError, source::SourceError, time::micros};

/// A row that cannot be kept.
pub(crate) struct Unusable {
    /// The time by which its stream is ordered, in microseconds, as far as it can be told.
    pub at: Option<i64>,
    pub reason: RowError,
}

/// A page in pieces.
pub(crate) struct Salvage {
    stream: Stream,
    object: Map<String, Value>,
    next: Option<Cursor>,
    unusable: Vec<Unusable>,
    /// What was wrong with the page.
    error: SourceError,
    /// Whether the page has more wrong with it than its rows.
    lost: bool,
}

impl Salvage {
    /// Takes apart the page of `stream` that `error` holds.
    ///
    /// # Errors
    /// The error itself, where it holds no page whose end is known.
    pub(crate) fn of(stream: Stream, error: SourceError) -> Result<Salvage, SourceError> {
        let SourceError::Unreadable { body, .. } = &error else { return Err(error) };
        let Ok(Value::Object(object)) = serde_json::from_slice(body) else { return Err(error) };
        let next = match object.get("cursor") {
            None | Some(Value::Null) => None,
            Some(Value::String(cursor)) => (!cursor.is_empty()).then(|| Cursor::from(cursor.clone())),
            Some(_) => return Err(error),
        };
        Ok(Salvage { stream, object, next, unusable: Vec::new(), error, lost: false })
    }

    /// The rows of one list that can be read.
    pub(crate) fn rows<T: DeserializeOwned>(&mut self, list: &str) -> Vec<T> {
        let rows = match self.object.remove(list) {
            Some(Value::Array(rows)) => rows,
            None | Some(Value::Null) => Vec::new(),
            Some(_) => {
                self.lost = true;
                Vec::new()
            }
        };
        let mut read = Vec::new();
        for row in rows {
            let (row_name, at) = (name(self.stream, &row), time(self.stream, &row));
            match serde_json::from_value(row) {
                Ok(row) => read.push(row),
                Err(reason) => {
                    let reason = RowError::Unreadable { row: row_name, reason: reason.to_string() };
                    self.unusable.push(Unusable { at, reason });
                }
            }
        }
        read
    }

    /// What was unusable, and where the next page begins.
    ///
    /// # Errors
    /// The page's own error, if it is not explained by its rows.
    pub(crate) fn end(self) -> Result<(Vec<Unusable>, Option<Cursor>), SourceError> {
        if self.lost || self.unusable.is_empty() {
            return Err(self.error);
        }
        Ok((self.unusable, self.next))
    }
}

/// What a row is called that cannot be read.
fn name(stream: Stream, row: &Value) -> String {
    let field = |name: &str| match row.get(name) {
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => format!("(no {name})"),
    };
    match stream {
        Stream::Balance => "balance".to_owned(),
        Stream::Positions if row.get("ticker").is_none() => format!("position in event {}", field("event_ticker")),
        Stream::Positions => format!("position in {}", field("ticker")),
        Stream::Fills => format!("fill {} of order {} in {}", field("trade_id"), field("order_id"), field("ticker")),
        Stream::Settlements => format!("settlement of {}", field("ticker")),
        Stream::Orders => format!("order {} in {}", field("order_id"), field("ticker")),
    }
}

/// The time by which a row's stream is ordered, in microseconds.
pub(crate) fn time(stream: Stream, row: &Value) -> Option<i64> {
    let stamp = |name: &str| row.get(name)?.as_str()?.parse::<Timestamp>().ok().map(micros);
    match stream {
        Stream::Balance | Stream::Positions => None,
        Stream::Fills => {
            let seconds = || row.get("ts")?.as_i64()?.checked_mul(1_000_000);
            stamp("created_time").or_else(seconds)
        }
        Stream::Settlements => stamp("settled_time"),
        Stream::Orders => stamp("created_time"),
    }
}
