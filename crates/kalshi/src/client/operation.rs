//! What the venue offers: one operation of its REST API, as a constant.

use std::fmt;

/// An operation of the venue's REST API. Declared once, as a `static`, beside the types that go in and out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Operation {
    /// The spec's `operationId`.
    pub id: &'static str,
    /// The HTTP method.
    pub method: Method,
    /// The path as the spec writes it, from the API root on: `/markets/{ticker}`.
    pub path: &'static str,
    /// Whether the venue asks who is calling. What is public is sent unsigned.
    pub signed: bool,
    /// Which budget a call is paid from.
    pub budget: Budget,
}

/// An HTTP method that the venue uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Method {
    /// Reads.
    Get,
    /// Creates, or makes something happen.
    Post,
    /// Replaces, or makes something happen.
    Put,
    /// Removes.
    Delete,
}

impl Method {
    /// In upper case, as sent and signed.
    pub const fn as_str(self) -> &'static str {
        match self {
            Method::Get => "GET",
            Method::Post => "POST",
            Method::Put => "PUT",
            Method::Delete => "DELETE",
        }
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Which of the venue's budgets an operation is paid from. What it costs is in the limiter's table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Budget {
    /// Reads, and everything that is not a write in the venue's sense.
    Read,
    /// Orders, order groups, quotes and block trades: created, changed, cancelled.
    Write,
    /// The account's balance, which has a budget of its own.
    Balance,
}
