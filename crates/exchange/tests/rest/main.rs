//! The REST side over real sockets, asked by the project's own client; what is answered is held against the venue's
//! OpenAPI document where that is at hand.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the report")]

mod auth;
mod catalogue;
#[path = "../../../kalshi/tests/documents/mod.rs"]
mod documents;
mod exchange;
mod limits;
mod operations;
mod portfolio;
mod refusals;
mod socket;
mod spec;
mod trading;
