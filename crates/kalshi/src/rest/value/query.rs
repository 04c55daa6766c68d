//! What a query string is made of.

use std::fmt::Display;

use serde::de::value::StrDeserializer;
use serde_json::Value;

use super::FromWire;
use crate::client::Call;

/// What a request asks for in its query string.
pub(crate) trait Query {
    /// Adds all of it to the call.
    fn add_to(&self, call: Call) -> Call;
}

/// A field of a query that may be left out.
pub(crate) trait QueryValue {
    /// Adds it to the call, if it is there.
    fn add_to(&self, call: Call, name: &'static str) -> Call;
}

impl<T: Display> QueryValue for Option<T> {
    fn add_to(&self, call: Call, name: &'static str) -> Call {
        call.query_opt(name, self.as_ref())
    }
}

/// A list repeats the key once for every item.
impl<T: Display> QueryValue for Vec<T> {
    fn add_to(&self, call: Call, name: &'static str) -> Call {
        self.iter().fold(call, |call, item| call.query(name, item))
    }
}

/// The items with commas between them; `None` without any.
pub(crate) fn comma_list<T: Display>(items: &[T]) -> Option<String> {
    if items.is_empty() { None } else { Some(items.iter().map(T::to_string).collect::<Vec<_>>().join(",")) }
}

/// A query as who plays the venue reads it. All queries of operations implement it.
pub trait FromQuery: Sized {
    /// Reads it from the decoded keys and values of a query string; keys that it does not know are passed over.
    ///
    /// # Errors
    /// Names the parameter that is missing or cannot be read.
    fn from_query(pairs: &[(String, String)]) -> Result<Self, QueryError>;
}

/// A parameter of a query is missing or cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{parameter}: {reason}")]
pub struct QueryError {
    /// Its name.
    pub parameter: &'static str,
    /// What is wrong with it.
    pub reason: String,
}

/// A field of a query that can be read.
pub(crate) trait QueryField: Sized {
    /// Reads it from all values of its key; `comma` lists stand in one value.
    fn read(
        pairs: &[(String, String)],
        parameter: &'static str,
        comma: bool,
        required: bool,
    ) -> Result<Self, QueryError>;
}

/// Values of which an empty text says nothing.
impl<T: FromWire> QueryField for Option<T> {
    fn read(pairs: &[(String, String)], parameter: &'static str, _: bool, _: bool) -> Result<Self, QueryError> {
        values(pairs, parameter).next_back().map(|text| value(parameter, text)).transpose()
    }
}

impl<T: FromWire> QueryField for Vec<T> {
    fn read(
        pairs: &[(String, String)],
        parameter: &'static str,
        comma: bool,
        required: bool,
    ) -> Result<Self, QueryError> {
        let texts = values(pairs, parameter);
        let list: Vec<T> = if comma {
            let items = texts.flat_map(|text| text.split(',')).map(str::trim).filter(|text| !text.is_empty());
            items.map(|text| value(parameter, text)).collect::<Result<_, _>>()?
        } else {
            texts.map(|text| value(parameter, text)).collect::<Result<_, _>>()?
        };
        if required && list.is_empty() { Err(missing(parameter)) } else { Ok(list) }
    }
}

/// Fields that must be there.
macro_rules! required_query_field {
    ($($type:ty),*) => {$(
        impl QueryField for $type {
            fn read(pairs: &[(String, String)], parameter: &'static str, _: bool, _: bool) -> Result<Self, QueryError> {
                let text = values(pairs, parameter).next_back().ok_or_else(|| missing(parameter))?;
                value(parameter, text)
            }
        }
    )*};
}

required_query_field!(u32, super::SubtraderId, super::UnixSeconds, crate::rest::series::PeriodInterval);

/// What the key says, as often as it stands there.
fn values<'a>(pairs: &'a [(String, String)], parameter: &str) -> impl DoubleEndedIterator<Item = &'a str> {
    pairs.iter().filter(move |(key, text)| key == parameter && !text.is_empty()).map(|(_, text)| text.as_str())
}

/// A text is read as JSON's text where that will do, else as a number or truth value.
fn value<T: FromWire>(parameter: &'static str, text: &str) -> Result<T, QueryError> {
    T::read(StrDeserializer::<serde_json::Error>::new(text)).or_else(|error| {
        let reason = || QueryError { parameter, reason: error.to_string() };
        match serde_json::from_str::<Value>(text) {
            Ok(scalar @ (Value::Number(_) | Value::Bool(_))) => T::read(scalar).map_err(|_| reason()),
            _ => Err(reason()),
        }
    })
}

#[cold]
fn missing(parameter: &'static str) -> QueryError {
    QueryError { parameter, reason: "it is required".to_owned() }
}
