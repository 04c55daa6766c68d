//! The WebSocket side: who is subscribed to what, and what each connection is sent.
//!
//! [`Hub`] is pure: connections, commands and publications go in, frames come out; no socket, no clock. The venue holds
//! it beside the engines, under one lock, and gives each command the present [`Books`]. [`serve`] drives one socket; it
//! reaches the hub through [`Feed`], which the venue implements by locking itself and adding the time.
//!
//! ```
//! use daybook_book::{ExchangeTime, Price, Quantity, Side};
//! use daybook_exchange::engine::{AccountId, MarketId};
//! use daybook_exchange::feed::{Books, Delta, Hub, Limits, Output, Publication, Ticker, Uuid};
//!
//! struct Empty;
//! impl Books for Empty {
//!     fn clock(&self, _: MarketId) -> Option<u64> { Some(0) }
//!     fn levels(&self, _: MarketId, _: Side, _: &mut dyn FnMut(Price, Quantity)) {}
//!     fn ticker(&self, _: MarketId) -> Option<Ticker> { None }
//! }
//!
//! let at = ExchangeTime::from_micros(1_786_408_242_445_624);
//! let mut hub = Hub::new(Limits::default());
//! hub.add_market(MarketId(0), &"KXHIGHNY-24JAN01-T60".parse()?, Uuid(1));
//! let (connection, _wake) = hub.connect(Some(AccountId(7)), at);
//! let command = r#"{"id":1,"cmd":"subscribe","params":{"channels":["orderbook_delta"],
//!                   "market_ticker":"KXHIGHNY-24JAN01-T60"}}"#;
//! hub.command(connection, command, &Empty, at);
//! hub.publish(&Publication::Delta(Delta {
//!     market: MarketId(0), side: Side::Yes, price: "0.48".parse()?, change: "12.5".parse()?, clock: 1,
//!     ts: Some(at), owner: None, client_order_id: None,
//! }), at);
//! let mut output = Output::new();
//! hub.drain(connection, &mut output);
//! assert_eq!(output.frames().map(|frame| frame.about.seq).collect::<Vec<_>>(), [0, 1, 2]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What the venue leaves open, and what is done here
//! - A frame's `sending_ts_ms` is its last field; the others come in the order of captured frames.
//! - A command is carried out as a whole or refused as a whole; only `unsubscribe` is answered by subscription.
//! - Tickers that do not exist are passed over and not listed; `get_snapshot` of nothing else is error 11.
//! - Acknowledgements list markets in the engine's order, and none where the subscription is to everything. Adding to or
//!   deleting from a subscription to everything leaves it at that; subscribing again without markets widens to it. An
//!   empty list of tickers is none.
//! - What subscribing again says about `use_yes_price`, shards and filters is not looked at.
//! - `ok` comes before the snapshots of added markets. The NO ladder is ascending by its own price in either scale.
//! - `unsubscribed` has a number on every channel. Errors about an update whose subscription exists carry that
//!   subscription, and a number where the channel has one.
//! - A subscription's buffer holds [`Limits::subscription_bytes`]; what was waiting is still sent before error 25. A
//!   client that lets answers pile up is closed with 1008, one that is silent for [`ServeOptions::silence`] is dropped.
//! - An index is available for two hours after it was last told of, on every channel of indices.

mod books;
mod command;
mod encode;
mod error_code;
mod hub;
mod limits;
mod listeners;
mod message;
mod names;
mod output;
mod publication;
mod recorded;
mod socket;
mod subscription;

pub use books::Books;
pub use error_code::ErrorCode;
pub use hub::{ConnectionId, Hub, Standing};
pub use limits::Limits;
pub use output::{About, Frame, Output};
pub use publication::{
    Audience, Average, CfBenchmarks, CfBenchmarks5Hz, Communication, CommunicationKind, Delta, EventFee,
    EventLifecycle, Fill, Grid, Group, Index, Lifecycle, LifecycleChange, Metadata, MetadataUpdate, Order, Position,
    Publication, Pyth, Recorded, Snapshot, Strike, Ticker, Trade, Uuid,
};
pub use socket::{Deflate, Ended, Feed, ServeOptions, Upgrade, UpgradeError, serve, upgrade};
