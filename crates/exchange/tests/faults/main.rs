//! Faults over real sockets: what a client sees of each, and what the log says of it.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the report")]

#[path = "../../../kalshi/tests/session/certificate.rs"]
#[allow(dead_code, reason = "the client's tests use the rest")]
mod certificate;
mod feed;
#[path = "../../../kalshi/tests/client/keys.rs"]
#[allow(dead_code, reason = "the client's tests use the rest")]
mod keys;
mod requests;
mod sockets;
mod stand;
mod tls;
