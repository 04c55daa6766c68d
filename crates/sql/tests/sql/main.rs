//! The engine over small archives: what queries answer, what is refused, what limits do.
#![allow(missing_docs, clippy::unwrap_used)]

mod answers;
mod limits;
mod reading;
mod recording;
mod refusals;
