//! The WebSocket side: every command, error and frame of the hub alone, then the driver over real sockets.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on must fail")]

mod commands;
#[path = "../../../kalshi/tests/documents/mod.rs"]
mod documents;
mod errors;
mod interleavings;
mod limits;
mod publications;
mod sockets;
mod spec;
mod world;
