//! What people type and read: times, tables, ladders, progress.

pub mod ladder;
pub mod log;
pub mod output;
pub mod progress;
pub mod recording;
pub mod screen;
pub mod tell;
pub mod time_arg;
pub mod utc;
