//! An account mirrored from a venue that pages, fails, archives and changes its mind; into SQLite always, and into
//! PostgreSQL where `DAYBOOK_TEST_POSTGRES` names a server (`postgres://USER@HOST:PORT/postgres`).

#![allow(clippy::unwrap_used, reason = "in a test, a panic is the report")]

mod client;
mod dry_run;
mod figures;
mod history;
mod interruption;
mod listing;
mod partial;
mod rate;
mod repetition;
mod stores;
mod venue;
mod versions;
