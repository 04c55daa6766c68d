//! A local Kalshi: a matching engine, the venue's REST and WebSocket protocols in front of it, synthetic order flow,
//! faults on demand, and the replay of an archive.
//!
//! - [`engine`]: price–time matching, collateral, positions, fees and settlement of one shard. Pure: commands go in,
//!   effects come out; no clock, no I/O, no randomness.
//! - [`feed`]: the WebSocket side: subscriptions, numbering, bounded buffers, frames, and the driver of a socket.
//! - [`venue`]: all that the exchange knows: what is traded, the engines, accounts and their records.
//! - [`rest`]: the REST side: every operation of the venue, and the socket that both protocols are spoken on.
//! - [`auth`], [`limits`]: who may ask, and how often.
//! - [`admin`]: a second surface, on which an exchange is looked into (every book exactly as it is) and steered.
//! - [`faults`]: what goes wrong on demand: frames, subscriptions, sockets, requests, and the exchange itself.
//! - [`replay`]: an archive's past as an exchange: what was recorded happens again, and clients trade on it.
//! - [`world`]: synthetic order flow: markets that come and go, makers and takers, reproducible by a seed.

pub mod admin;
pub mod auth;
pub mod engine;
pub mod faults;
pub mod feed;
pub mod limits;
pub mod replay;
pub mod rest;
pub mod truth_log;
pub mod venue;
pub mod world;
