//! The Kalshi client, and Kalshi's wire read exactly.
//!
//! - [`BookStream`]: live books of some markets, never shown when they are not right.
//! - [`Session`]: everything that the venue sends over WebSockets, and what of it can be trusted.
//! - [`Client`]: [every REST operation](rest), rate-limited as the venue limits, retried where that does no harm;
//!   [`blocking::Client`] for who does not write asynchronous code.
//!
//! Live books in ten lines:
//! ```no_run
//! # #[cfg(feature = "client")]
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use daybook_kalshi::{BookStream, BookUpdate, Credentials, Environment};
//!
//! let credentials = Credentials::from_process_env()?.ok_or("set KALSHI_API_KEY_ID and KALSHI_PRIVATE_KEY_PATH")?;
//! let mut books = BookStream::open(Environment::prod(), credentials, ["KXHIGHNY-26AUG11-T88".parse()?])?;
//! while let Some(update) = books.next().await? {
//!     match update {
//!         BookUpdate::Live { ticker, book } | BookUpdate::Changed { ticker, book } => {
//!             println!("{} {:?}", ticker.as_str(), book.best_bid(daybook_book::Side::Yes));
//!         }
//!         BookUpdate::Stale { ticker, cause } => println!("{} stale: {}", ticker.as_str(), cause.as_str()),
//!         BookUpdate::Refused { ticker, reason } => println!("{} refused: {reason}", ticker.as_str()),
//!     }
//! }
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "client"))]
//! # fn main() {}
//! ```
//!
//! What the private channels send comes out of a [`Session`] as a [`Message`]; [`Message::decode`] makes a fill, an
//! order, a position or a quote of it: see [`private`].
//!
//! And below them, without any I/O:
//! - [`Frame`] reads one WebSocket text frame into a [`daybook_book::Event`] and keeps whatever has no column yet.
//! - [`CaptureLine`] takes one line of a recorded capture apart into the frame and the time it was received.
//! - [`SequenceTracker`] says what a connection's sequence numbers prove about lost frames.
//! - [`MetadataDocument`] reads captured REST answers about markets, events and series.
//!
//! From a captured line to a change of a book:
//! ```
//! use daybook_book::Event;
//! use daybook_kalshi::{CaptureLine, Continuity, Frame, SequenceTracker, WrapperFields};
//!
//! let line = br#"{"recv_ms":1772600767455,"event":{"type":"orderbook_delta","sid":1,"seq":7,"msg":{
//!     "market_ticker":"KXHIGHNY-26AUG11-T88","market_id":"","price_dollars":"0.3700","delta_fp":"-0.10",
//!     "side":"yes","ts":"2026-03-04T05:06:07.891234Z","subaccount":3}}}"#;
//!
//! let captured = CaptureLine::parse(line, &WrapperFields::default())?;
//! let frame = Frame::parse(&captured.frame)?;
//!
//! let mut sequence = SequenceTracker::default();
//! assert_eq!(sequence.observe(frame.sid(), frame.seq(), frame.kind()), Continuity::First);
//!
//! let Frame::Event { event: Event::Delta(delta), extra, .. } = frame else { unreachable!() };
//! assert_eq!(delta.price.to_string(), "0.3700");
//! assert_eq!(delta.quantity.to_string(), "-0.10");
//! assert_eq!(delta.ts.map(|ts| ts.micros()), Some(1_772_600_767_891_234));
//! assert_eq!(extra.as_deref(), Some(r#"{"subaccount":3}"#));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What it promises
//! - Nothing the venue says is lost: a field is in the event, can be derived from it, or stands in `extra` in the
//!   venue's own spelling. What is not understood is an error that says where, never a guess. An object that names a
//!   field twice is such an error, since JSON leaves open which of the two counts.
//! - Prices and quantities are integers from the first byte on; no float passes through this crate. Stamps keep
//!   their microseconds.
//! - A delta or trade in the venue's usual form is read without allocation. Every other form is read by a slower
//!   reader that gives the same answer; tests, a fuzzer and an independent third reading hold the two together.
//!
//! Without the feature `client` the crate does no I/O and reads no clock.

/// The examples of the crate's own page.
#[cfg(all(doctest, feature = "client"))]
#[doc = include_str!("../README.md")]
struct Readme;

#[cfg(feature = "client")]
pub mod blocking;
#[cfg(feature = "client")]
mod book_stream;
mod canonical;
mod capture;
#[cfg(feature = "client")]
mod client;
#[cfg(feature = "client")]
mod credentials;
#[cfg(feature = "client")]
mod environment;
mod frame;
#[cfg(feature = "client")]
mod further_roots;
#[cfg(feature = "client")]
mod limit;
mod metadata;
mod object;
#[cfg(feature = "client")]
pub mod private;
#[cfg(feature = "client")]
pub mod rest;
mod sequence;
#[cfg(feature = "client")]
mod session;
mod stamp;
#[cfg(feature = "client")]
mod wall_clock;

#[cfg(feature = "client")]
pub use book_stream::{BookStream, BookStreamError, BookUpdate};
pub use capture::{CaptureError, CaptureLine, WrapperFields};
#[cfg(feature = "client")]
pub use client::{
    Budget, BuildError, Call, CallError, CircuitState, Client, ClientBuilder, CorrelationId, Error, ErrorKind,
    FailedPage, LearnedLimits, Method, Observer, Operation, Priority, RetrySafety, VenueAnswer,
};
#[cfg(feature = "client")]
pub use credentials::{Algorithm, Credentials, CredentialsError, ExposedKeyFile, KeyError, SignError, Signer};
#[cfg(feature = "client")]
pub use environment::{Environment, EnvironmentError};
pub use frame::{ControlKind, Frame, FrameError, FrameErrorReason, TERMINAL_ERROR_CODES};
#[cfg(feature = "client")]
pub use limit::{
    BucketLevel, BucketLimit, BucketName, Costs, Limits, Permit, RateLimiter, RateLimiterBuilder, Silenced, Tier,
    TooCostly, UnknownTier,
};
pub use metadata::{
    EventDocument, MarketDocument, MetadataDocument, MetadataError, SeriesDocument, Settlement, VOLATILE_EVENT_FIELDS,
    VOLATILE_MARKET_FIELDS, VOLATILE_SERIES_FIELDS,
};
#[cfg(feature = "client")]
pub use private::{PrivateFrame, PrivateFrameError};
pub use sequence::{Continuity, FrameKind, SequenceTracker};
#[cfg(feature = "client")]
pub use session::{
    Action, Batch, Channel, CommandError, ConnectError, ConnectionCore, ConnectionSettings, ConnectionStats, DownCause,
    EndCause, Fact, FactSink, FillInTurn, GapCause, GapClosed, GapOpened, Message, Outcome, Placement, RequestId,
    Session, SessionBuilder, SessionHandle, SessionStats, Subscription, Surplus, Unreadable,
};
#[cfg(feature = "client")]
pub use wall_clock::{SystemClock, VenueClock, WallClock};
