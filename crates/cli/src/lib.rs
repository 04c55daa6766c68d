//! The `daybook` command: what it does, as a library, so that tests can call it.

pub mod commands;
pub mod import;
pub mod terminal;
