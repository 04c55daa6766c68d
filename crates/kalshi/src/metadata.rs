//! Reads what REST answers say about markets, events and series, from captures of those answers.

mod document;
mod fields;

use daybook_book::ReceivedTime;
use serde_json::value::RawValue;

pub use document::{
    EventDocument, MarketDocument, SeriesDocument, Settlement, VOLATILE_EVENT_FIELDS, VOLATILE_MARKET_FIELDS,
    VOLATILE_SERIES_FIELDS,
};

use crate::{
    capture::{CaptureError, receive_time},
    object::{Malformed, Object, malformed},
};

/// The markets, events and series in one captured REST answer, in its order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MetadataDocument {
    /// When the answer was fetched, where the capture says so.
    pub fetched_at: Option<ReceivedTime>,
    /// Markets, those nested in events included.
    pub markets: Vec<MarketDocument>,
    /// Events.
    pub events: Vec<EventDocument>,
    /// Series.
    pub series: Vec<SeriesDocument>,
}

/// A document that is no captured REST answer about markets, events or series.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MetadataError {
    /// The bytes are no text.
    #[error("byte {offset} of the document: not UTF-8")]
    NotUtf8 {
        /// The first byte that is no text.
        offset: usize,
    },
    /// The document, or an object in it, is no JSON object, names a field twice, or is nested too deep.
    #[error("byte {offset} of {object}: no valid JSON object: {reason}")]
    Malformed {
        /// Which object.
        object: String,
        /// Where in it.
        offset: usize,
        /// Why.
        reason: String,
    },
    /// The answer is an error.
    #[error("the captured answer has status {status}, not 200: it says nothing about markets")]
    Status {
        /// The HTTP status.
        status: String,
    },
    /// The object is of no known kind.
    #[error(
        "the document has none of `event`, `events`, `market`, `markets`, `series`: expected an answer of \
         GET /events, /markets or /series"
    )]
    UnknownShape,
    /// A field that identifies the object is missing.
    #[error("`{field}` of {object} is missing")]
    Missing {
        /// Which object.
        object: String,
        /// Which field.
        field: &'static str,
    },
    /// A field does not hold what it must.
    #[error("`{field}` of {object} is not {expected}: {found}")]
    Unexpected {
        /// Which object.
        object: String,
        /// Which field.
        field: &'static str,
        /// What it must hold.
        expected: &'static str,
        /// The beginning of what it holds.
        found: String,
    },
    /// The time of fetching cannot be read.
    #[error(transparent)]
    FetchTime(CaptureError),
}

impl MetadataDocument {
    /// Reads one document: the answer of `GET /events`, `/events/{e}`, `/markets`, `/markets/{t}`, `/series` or
    /// `/series/{s}` as it came, or as `response` of an object that may also have `fetched_at_ms` (or `fetched_at`)
    /// and `status`.
    ///
    /// A market that stands both inside its event and beside it is read once. Empty and absent texts, and the venue's
    /// stamp for "never" (`0001-01-01T00:00:00Z`), all read as `None`.
    ///
    /// # Errors
    /// [`MetadataError`], which names the object and field. One faulty object fails its whole document, so that a
    /// market is never missing in silence.
    pub fn parse(document: &[u8]) -> Result<MetadataDocument, MetadataError> {
        let text =
            std::str::from_utf8(document).map_err(|error| MetadataError::NotUtf8 { offset: error.valid_up_to() })?;
        let outer = parse_object(text, "the document")?;
        let Some(response) = outer.get("response").filter(|raw| raw.starts_with('{')) else {
            return MetadataDocument::default().with_answer(&outer);
        };
        if let Some(status) = outer.get("status").filter(|&status| status != "200") {
            return Err(MetadataError::Status { status: status.to_owned() });
        }
        let fetched = ["fetched_at_ms", "fetched_at"].into_iter().find_map(|name| Some((name, outer.get(name)?)));
        let fetched_at = fetched.map(receive_time).transpose().map_err(MetadataError::FetchTime)?;
        MetadataDocument { fetched_at, ..MetadataDocument::default() }
            .with_answer(&parse_object(response, "`response`")?)
    }

    fn with_answer(mut self, answer: &Object<'_>) -> Result<MetadataDocument, MetadataError> {
        let names = ["event", "events", "market", "markets", "series"];
        if !names.iter().any(|name| answer.0.iter().any(|(key, _)| key == name)) {
            return Err(MetadataError::UnknownShape);
        }
        for name in ["event", "events"] {
            for raw in objects(answer, name)? {
                let event = parse_object(raw, "an event")?;
                self.events.push(EventDocument::read(&event)?);
                self.markets.extend(markets(&event, "markets")?);
            }
        }
        let nested = self.markets.len();
        for market in markets(answer, "market")?.into_iter().chain(markets(answer, "markets")?) {
            if !self.markets[..nested].contains(&market) {
                self.markets.push(market);
            }
        }
        for raw in objects(answer, "series")? {
            self.series.push(SeriesDocument::read(&parse_object(raw, "a series")?)?);
        }
        Ok(self)
    }
}

fn markets(holder: &Object<'_>, name: &'static str) -> Result<Vec<MarketDocument>, MetadataError> {
    let read = |raw| MarketDocument::read(&parse_object(raw, "a market")?);
    objects(holder, name)?.into_iter().map(read).collect()
}

fn parse_object<'a>(text: &'a str, name: &str) -> Result<Object<'a>, MetadataError> {
    Object::parse(text).map_err(|error| in_object(name, error))
}

fn in_object(name: &str, Malformed { offset, reason }: Malformed) -> MetadataError {
    MetadataError::Malformed { object: name.to_owned(), offset, reason }
}

/// The objects of a field that holds one, or a list of them; none where it is absent or null.
fn objects<'a>(holder: &Object<'a>, name: &'static str) -> Result<Vec<&'a str>, MetadataError> {
    match holder.get(name) {
        None => Ok(Vec::new()),
        Some(raw) if raw.starts_with('[') => {
            let items: Vec<&RawValue> =
                serde_json::from_str(raw).map_err(|error| in_object(name, malformed(raw, &error)))?;
            Ok(items.into_iter().map(RawValue::get).collect())
        }
        Some(raw) => Ok(vec![raw]),
    }
}

#[cfg(test)]
mod tests;
