//! Faults over real sockets: what a client sees of each, and what the log says of it.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the report")]

mod feed;
mod requests;
mod sockets;
mod stand;
