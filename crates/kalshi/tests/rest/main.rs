//! The REST surface, held against the venue's OpenAPI document, over a real socket, and against answers written by
//! hand.

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the report")]

mod answers;
mod batches;
mod budgets;
mod calls;
mod captured;
mod coverage;
#[path = "../documents/mod.rs"]
mod documents;
mod fixtures;
mod paging;
mod requests;
mod retries;
mod spec;
mod venue;
