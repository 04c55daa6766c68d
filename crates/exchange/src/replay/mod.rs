//! An archive's past as an exchange: what was recorded happens again, at a chosen speed, and clients trade on it.
//!
//! - [`Program`]: what is replayed: markets and a range of an archive, with the venue's documents about them.
//! - [`Control`]: the replay's clock, and what steers it: speed, pauses, jumps.
//! - [`Player`]: turns of it, on a [`Venue`](crate::venue::Venue) that is [of a record](crate::venue::Venue::of_record);
//!   [`drive`] takes them one after the other until it is told to stop.
//!
//! # What is told
//! Book events, trades, ticker updates and lifecycle events as they were recorded: the same fields with the same values,
//! in order of time, those of one market in the order in which they arrived. `sid`, `seq` and `sending_ts_ms` are this
//! exchange's own. What was not recorded is not invented, with two exceptions: summaries (`ticker`) of a market none of
//! whose were recorded are made of its book and trades, and so are the changes of its life.
//!
//! Before a market's record begins, and in its gaps, its book is not known: no snapshot is sent and REST answers 404.
//!
//! # Time
//! The exchange's time is the replay's, and goes on with it; signatures and rate limits go by the wall clock. As long as a
//! client has more than [`BACKLOG`] bytes to read, time stands still for all of them: none is cut off, and all stay in
//! step. A replay at full speed is as fast as its slowest client.
//!
//! A jump begins the exchange anew at another instant: connections are closed, accounts and keys stay, with the balances
//! that they were opened with; orders, fills and positions are gone.

mod control;
mod listing;
mod pace;
mod player;
mod program;

pub use control::{Control, OutOfRange, Phase, Progress};
pub use pace::{Speed, SpeedError};
pub use player::{BACKLOG, Player, Turn, drive};
pub use program::{Program, ProgramError, Range};
