//! The client's core, tested through its public face.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the report")]

#[path = "../session/certificate.rs"]
mod certificate;

mod blocking;
mod calls;
mod keys;
mod log;
mod operations;
mod retries;
mod saturation;
mod secrecy;
mod signing;
mod tls;
mod venue;
