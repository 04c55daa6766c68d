//! What can go wrong with a request to a session.

use std::{sync::Arc, time::Duration};

use daybook_book::Ticker;

use super::Channel;
use crate::{SignError, client::VenueAnswer};

/// Why a request to a session was not carried out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// The venue refused.
    #[error("the venue refused{}{}: {message}", code.map(|code| format!(" (error {code})")).unwrap_or_default(), about(markets))]
    Refused {
        /// The venue's number for the error.
        code: Option<i64>,
        /// The venue's words.
        message: Arc<str>,
        /// The markets that were refused, where the request was about markets.
        markets: Arc<[Ticker]>,
    },
    /// The connection was lost before the answer came. What is subscribed to will be again; other requests must be
    /// made again.
    #[error("the connection was lost before the venue answered; make the request again")]
    Disconnected,
    /// The venue did not answer in time. A subscription stays wanted, and is retried.
    #[error("the venue did not answer in time; what is to be subscribed to is retried")]
    Timeout,
    /// A channel cannot be subscribed to in two ways: as a whole, by tickers, by market ids, in two parts, or both all
    /// of it and one's own.
    #[error(
        "{channel} is subscribed to in another way (whole, by tickers, by ids, in part): unsubscribe from it before"
    )]
    Mixed {
        /// The channel.
        channel: Channel,
    },
    /// What a channel has to list cannot be asked.
    #[error("{channel} does not tell what it has: it must be subscribed to, and be one of indices or underlyings")]
    Unlisted {
        /// The channel.
        channel: Channel,
    },
    /// The session has ended.
    #[error("the session has ended; open another")]
    Closed,
}

/// Why a connection could not be made.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The venue answered the handshake with another status than 101.
    #[error("the venue refused the connection: {answer}")]
    Refused {
        /// Its answer.
        answer: VenueAnswer,
    },
    /// The request could not be signed.
    #[error("the handshake could not be signed: {0}")]
    Sign(#[source] SignError),
    /// Name resolution, TCP or TLS failed.
    #[error("no connection to {host}: {source}")]
    Transport {
        /// Where to.
        host: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// The answer is no WebSocket handshake.
    #[error("the WebSocket handshake failed: {0}")]
    Handshake(String),
    /// It took too long.
    #[error("no connection within {0:?}")]
    Timeout(Duration),
    /// What was given as further root certificates is none.
    #[error("the further root certificates cannot be read: {0}; give them as PEM text")]
    RootCertificate(String),
    /// The URL cannot be connected to.
    #[error("{0} is no WebSocket URL: expected ws:// or wss:// and a host")]
    Url(String),
}

impl ConnectError {
    /// Whether the venue rejected our clock, so that another attempt by its own clock is worth while.
    pub fn is_clock_skew(&self) -> bool {
        matches!(self, ConnectError::Refused { answer } if answer.has_code("header_timestamp_expired"))
    }

    /// Whether the venue does not know or does not admit these credentials: another attempt would end the same way.
    /// Only the venue's own code says so: a page of a gateway, or an answer that was cut short, does not.
    pub fn is_unauthorized(&self) -> bool {
        let ConnectError::Refused { answer } = self else { return false };
        matches!(answer.status, 401 | 403) && answer.code.is_some() && !self.is_clock_skew()
    }
}

fn about(markets: &[Ticker]) -> String {
    match markets {
        [] => String::new(),
        [one] => format!(" {}", one.as_str()),
        [first, rest @ ..] => format!(" {} and {} more", first.as_str(), rest.len()),
    }
}
