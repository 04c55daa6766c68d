//! One call of an operation, before it is signed and sent.

use std::fmt::{Display, Write};

use bytes::Bytes;
use serde::Serialize;

use super::{Budget, Method, Operation};

/// One call: an operation with its path, query and body filled in, and how it may be treated on its way.
#[derive(Clone, Debug)]
pub struct Call {
    pub(crate) operation: &'static Operation,
    path_values: Vec<(String, String)>,
    query: String,
    pub(super) body: Option<Bytes>,
    unserializable: Option<String>,
    pub(crate) items: Option<u32>,
    pub(crate) shard: Shard,
    pub(super) retry: RetrySafety,
    pub(crate) priority: Priority,
    pub(super) accepted: Vec<u16>,
}

/// What may be done when it is not known whether the venue executed a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetrySafety {
    /// Executing twice is the same as once: retried after server errors and broken connections.
    Idempotent,
    /// Executing twice would do it twice: retried only when the venue provably did not execute it, which is when no
    /// connection could be made, or when it answered that it was asked too often or that the stamp had expired.
    NotExecutedOnly,
    /// The venue refuses to execute it twice, by an id that the call carries (`client_order_id`): retried as if it
    /// were idempotent. Being refused after a retry of our own means that an earlier attempt was executed: see
    /// [`Error::is_executed_earlier`](super::Error::is_executed_earlier).
    Deduplicated,
}

/// Who goes first among those who wait for the same budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// Orders: the default for [`Budget::Write`].
    Orders,
    /// Reads: the default for the other budgets.
    Reads,
    /// Whatever can wait for everything else, such as sweeps over the whole exchange.
    Background,
}

/// Which exchange shard a write goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shard {
    /// Not a matter of shards.
    Unscoped,
    /// This `exchange_index`.
    Named(u8),
    /// The venue finds out, and charges every shard for it.
    AutoRouted,
}

impl Call {
    /// A call of `operation`, with nothing filled in.
    ///
    /// It is retried as idempotent if it is a GET, and otherwise only when it was provably not executed.
    pub fn new(operation: &'static Operation) -> Call {
        Call {
            operation,
            path_values: Vec::new(),
            query: String::new(),
            body: None,
            unserializable: None,
            items: None,
            shard: Shard::Unscoped,
            retry: match operation.method {
                Method::Get => RetrySafety::Idempotent,
                Method::Post | Method::Put | Method::Delete => RetrySafety::NotExecutedOnly,
            },
            priority: match operation.budget {
                Budget::Write => Priority::Orders,
                Budget::Read | Budget::Balance => Priority::Reads,
            },
            accepted: Vec::new(),
        }
    }

    /// Fills the placeholder `{name}` of the path. The value is percent-encoded.
    pub fn path(mut self, name: &str, value: impl Display) -> Call {
        self.path_values.push((name.to_owned(), value.to_string()));
        self
    }

    /// Adds a query parameter; the same name may be added several times. Name and value are percent-encoded.
    pub fn query(mut self, name: &'static str, value: impl Display) -> Call {
        if !self.query.is_empty() {
            self.query.push('&');
        }
        encode(name, &mut self.query);
        self.query.push('=');
        encode(&value.to_string(), &mut self.query);
        self
    }

    /// Adds a query parameter if there is a value.
    pub fn query_opt<T: Display>(self, name: &'static str, value: Option<T>) -> Call {
        match value {
            Some(value) => self.query(name, value),
            None => self,
        }
    }

    /// Sends `body` as JSON. A POST or PUT without a body sends `{}`, since the venue insists on JSON.
    pub fn body(mut self, body: &impl Serialize) -> Call {
        match serde_json::to_vec(body) {
            Ok(json) => self.body = Some(json.into()),
            Err(reason) => self.unserializable = Some(reason.to_string()),
        }
        self
    }

    /// A batch of `n`: it costs `n` times as much, which must be there at once, in the budget that is no shard's.
    pub fn items(mut self, n: u32) -> Call {
        self.items = Some(n);
        self
    }

    /// Which shard a write names, exactly as it is sent: `None` for a call that leaves the shard to the venue, as does
    /// −1. Such a call is charged to the write budget of every shard, so name the market's `exchange_index` if it is
    /// known. A write for which this is never called is not a matter of shards.
    pub fn shard(mut self, exchange_index: Option<i32>) -> Call {
        self.shard = match exchange_index.and_then(|index| u8::try_from(index).ok()) {
            Some(0) => Shard::Unscoped,
            Some(index) => Shard::Named(index),
            None => Shard::AutoRouted,
        };
        self
    }

    /// How the call may be retried.
    pub fn retry(mut self, safety: RetrySafety) -> Call {
        self.retry = safety;
        self
    }

    /// Who goes first among those who wait for the same budget.
    pub fn priority(mut self, priority: Priority) -> Call {
        self.priority = priority;
        self
    }

    /// Takes an answer with this HTTP status for a good one if its body is the operation's and not an error's. The
    /// exchange's status is told with 500, 503 and 504 too.
    pub fn accept_status(mut self, status: u16) -> Call {
        self.accepted.push(status);
        self
    }

    /// The operation that is called.
    pub fn operation(&self) -> &'static Operation {
        self.operation
    }

    /// The path with every placeholder filled, percent-encoded, from the API root on.
    ///
    /// # Errors
    /// A placeholder without value, a value without placeholder, and a value that would change which operation is
    /// called: an empty one, `.` and `..`. Likewise a body that could not be written as JSON.
    pub fn rendered_path(&self) -> Result<String, CallError> {
        if let Some(reason) = &self.unserializable {
            return Err(CallError::Body { reason: reason.clone() });
        }
        let template = self.operation.path;
        let mut path = String::with_capacity(template.len() + 32);
        let mut filled = 0;
        let mut rest = template;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, after) = after.split_once('}').unwrap_or((after, ""));
            let (_, value) = self
                .path_values
                .iter()
                .find(|(filled, _)| filled == name)
                .ok_or_else(|| CallError::MissingPathValue { name: name.to_owned(), template })?;
            if matches!(value.as_str(), "" | "." | "..") {
                return Err(CallError::PathValue { name: name.to_owned(), value: value.clone(), template });
            }
            path.push_str(before);
            encode(value, &mut path);
            filled += 1;
            rest = after;
        }
        path.push_str(rest);
        if filled != self.path_values.len() {
            return Err(CallError::PathValues { given: self.path_values.len(), taken: filled, template });
        }
        Ok(path)
    }

    /// The query as sent, without its `?`; empty when there is none.
    pub fn rendered_query(&self) -> &str {
        &self.query
    }
}

/// A call that cannot be sent as it stands: a mistake of the caller.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// A placeholder was not filled.
    #[error("the path `{template}` needs a value for `{name}`")]
    MissingPathValue {
        /// The placeholder.
        name: String,
        /// The operation's path.
        template: &'static str,
    },
    /// A value that would turn the path into another one.
    #[error("`{value}` cannot be the `{name}` of the path `{template}`")]
    PathValue {
        /// The placeholder.
        name: String,
        /// Its value.
        value: String,
        /// The operation's path.
        template: &'static str,
    },
    /// More or fewer values than placeholders.
    #[error("{given} path values were given and the path `{template}` takes {taken}")]
    PathValues {
        /// How many values were given.
        given: usize,
        /// How many were used.
        taken: usize,
        /// The operation's path.
        template: &'static str,
    },
    /// The body has no JSON form.
    #[error("the body cannot be written as JSON: {reason}")]
    Body {
        /// What serialization said.
        reason: String,
    },
}

/// Percent-encodes all but RFC 3986's unreserved characters, so that a value is one value whoever reads it.
fn encode(text: &str, into: &mut String) {
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            into.push(char::from(byte));
        } else {
            let _ = write!(into, "%{byte:02X}");
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    static TWO: Operation = Operation {
        id: "Two",
        method: Method::Get,
        path: "/series/{series_ticker}/markets/{ticker}/candlesticks",
        signed: false,
        budget: Budget::Read,
    };

    proptest! {
        #[test]
        fn any_value_is_one_segment_of_the_path_and_comes_back(one in ".+", two in ".+") {
            prop_assume!(![&one, &two].iter().any(|value| matches!(value.as_str(), "." | "..")));
            let call = Call::new(&TWO).path("ticker", &two).path("series_ticker", &one);
            let path = call.rendered_path().unwrap();
            let url = url::Url::parse(&format!("https://host/trade-api/v2{path}")).unwrap();
            prop_assert_eq!(url.path(), format!("/trade-api/v2{path}"), "sent as it was rendered, and so signed");
            prop_assert!(url.query().is_none() && url.fragment().is_none());
            let segments: Vec<_> = url.path_segments().unwrap().map(decoded).collect();
            prop_assert_eq!(segments, ["trade-api", "v2", "series", &one, "markets", &two, "candlesticks"]);
        }

        #[test]
        fn any_query_comes_back_in_order(values in proptest::collection::vec(proptest::option::of(".*"), 0..5)) {
            let call = values.iter().fold(Call::new(&TWO), |call, value| call.query_opt("key", value.as_deref()));
            let pairs = url::form_urlencoded::parse(call.rendered_query().as_bytes()).into_owned();
            let expected: Vec<_> = values.into_iter().flatten().map(|value| ("key".to_owned(), value)).collect();
            prop_assert_eq!(pairs.collect::<Vec<_>>(), expected);
        }
    }

    /// The text that a percent-encoded segment stands for.
    fn decoded(segment: &str) -> String {
        // A form's decoder takes `+` for a space, which an encoded segment never has.
        let pairs = url::form_urlencoded::parse(segment.as_bytes()).into_owned();
        pairs.map(|(name, _)| name).collect()
    }
}
