//! What Daybook's own parts tell of their work, on stderr, for who looks for a fault.
//!
//! A message that ends in `[call …]` names a call to the venue: the log's lines about it carry the same id as
//! `correlation_id`. Only Daybook's own parts are heard, of which it is known that they tell no key and no signature.

use std::io;

use clap::ValueEnum;
use tracing_subscriber::{
    filter::{LevelFilter, Targets},
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

/// How much is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Level {
    /// Nothing
    #[default]
    Off,
    /// What failed
    Error,
    /// What may need care, and every attempt that is made again
    Warn,
    /// What changes
    Info,
    /// Every request, and every call that fails
    Debug,
    /// Everything
    Trace,
}

impl Level {
    /// The word on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Level::Off => "off",
            Level::Error => "error",
            Level::Warn => "warn",
            Level::Info => "info",
            Level::Debug => "debug",
            Level::Trace => "trace",
        }
    }
}

/// Begins to tell. Only the first call of a process counts.
pub fn start(level: Level) {
    let filter = match level {
        Level::Off => return,
        Level::Error => LevelFilter::ERROR,
        Level::Warn => LevelFilter::WARN,
        Level::Info => LevelFilter::INFO,
        Level::Debug => LevelFilter::DEBUG,
        Level::Trace => LevelFilter::TRACE,
    };
    // A target is a path of modules, and all of ours begin so.
    let ours = Targets::new().with_target("daybook", filter);
    // Where stderr is closed there is no place left to complain to.
    let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr).with_ansi(false).log_internal_errors(false);
    let _ = tracing_subscriber::registry().with(lines).with(ours).try_init();
}
