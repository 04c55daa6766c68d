//! Faults on demand: what a venue, or the network before it, does to its clients on a bad day.
//!
//! A [`Plan`] says what goes wrong: [`Rule`]s with a [`Kind`], a [`When`] and a [`Target`]. An [`Injector`] follows it,
//! without a clock and with all chance from the plan's seed. [`Faults`] is what an exchange has of both: it is asked
//! where frames are handed to a socket and where a request comes in, and does what is to be done. A [`Log`] says what
//! was done, to whom and when, for whoever judges a recorder.
//!
//! While there is no rule, a batch of frames and a request each cost one branch.
//!
//! # What is struck
//! - Frames are those of subscriptions. Answers to commands (`subscribed`, `unsubscribed`, `ok`, `error`) are neither
//!   lost nor changed, but wait behind a delayed frame of their subscription, and can overtake a reordered one.
//! - `delay` keeps the order, and ends early where more than 16 MiB of a subscription would wait. A `reorder` without a
//!   later frame on its subscription waits for one, and is logged when it was overtaken.
//! - Rules that strike by the time strike what comes by next. Those of the exchange itself, the ends of what lasts, and
//!   delayed frames are looked after by [`rest::serve`](crate::rest::serve) every few milliseconds.
//! - Copies for `stale` are kept while there is such a rule, of answers with status 200 to reads that match it, by
//!   request and by key; 4,096 of them at most. The first read is fresh, and reads without a copy do not count.
//! - `clock_skew` moves the clock by which signatures are checked, the `sending_ts_ms` of frames, and `Date`. The
//!   venue's own time, in which its markets live, goes on as it was.

mod frames;
mod gate;
mod injector;
mod kind;
mod log;
mod plan;
mod shared;
mod stale;

pub use frames::{Stage, Treatment};
pub(crate) use gate::{Gate, Gated};
pub use injector::{Injector, Strike};
pub use kind::{Class, Kind};
pub use log::{Entry, Log};
pub use plan::{Passing, Plan, PlanError, Rule, Target, When};
pub use shared::Faults;
pub(crate) use shared::RequestFault;

/// What the handshake of a WebSocket is called among operations.
pub const HANDSHAKE: &str = "WebSocket";
