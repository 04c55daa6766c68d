//! The REST surface, held against the venue's OpenAPI document, over a real socket, and against answers written by
//! hand.

mod answers;
mod batches;
mod calls;
mod coverage;
mod fixtures;
mod paging;
mod requests;
mod spec;
mod venue;
