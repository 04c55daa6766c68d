//! What a query string is made of.

use std::fmt::Display;

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
