//! A local Kalshi: a matching engine, the venue's REST and WebSocket protocols in front of it, synthetic order flow,
//! faults on demand, and the replay of an archive.
//!
//! - [`engine`]: price–time matching, collateral, positions, fees and settlement of one shard. Pure: commands go in,
//!   effects come out; no clock, no I/O, no randomness.
//! - [`feed`]: the WebSocket side: subscriptions, numbering, bounded buffers, frames, and the driver of a socket.

pub mod engine;
pub mod feed;
