//! The REST side of the exchange: every operation of the venue under `/trade-api/v2`, and the socket on which it and
//! the WebSocket protocol are spoken.
//!
//! A request walks one way: its operation is found, its signature verified, its scope checked, its price taken
//! from the account's buckets; then the venue is locked, asked, and let go of before the answer is written.
//! [`support`] lists what is answered; an operation that is not says 501 and its name.

mod answer;
mod faulted;
mod front;
mod operation;
mod page;
mod request;
mod socket;
mod tls;

mod account;
mod api_keys;
mod candlesticks;
mod events;
mod exchange;
mod historical;
mod markets;
mod order_groups;
mod orders;
mod portfolio;
mod reference_data;
mod series;
mod subaccounts;
mod trading;
mod transfers;

pub use front::{Exchange, router, serve, serve_tls};
pub use operation::{Support, support};
pub use tls::{Tls, TlsError};
