//! Presentation modules of the `daybook` command.

pub mod output;
pub mod screen;
pub mod time_arg;
pub mod utc;
