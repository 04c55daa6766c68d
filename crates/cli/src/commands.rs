//! The commands: arguments in, output and exit code out.

mod book;
mod candles;
mod compact;
mod coverage;
mod events;
mod export;
mod import;
mod markets;
mod prune;
mod range;
mod replay;
pub mod rows;
mod sql;
mod verify;

use std::{
    io::{self, IsTerminal},
    process::ExitCode,
    time::{SystemTime, UNIX_EPOCH},
};

use clap::{Args, Parser, Subcommand};
use daybook_archive::{Archive, Error, OpenOptions, schema::Table};

use crate::terminal::{output::Format, screen::Screen, tell::print_line, time_arg::parse_time};

/// A book's answer as the object that `daybook book --format json` prints, with every level.
pub fn book_json(answer: &daybook_archive::BookAnswer) -> serde_json::Value {
    book::json(answer, None)
}

/// How a command ended, where it did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All is well: 0.
    Complete,
    /// The answer lies in a gap, or the source broke off: 4.
    Incomplete,
}

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Bad arguments: exit code 2.
    #[error("{0}")]
    Usage(String),
    /// What was asked for is not there: exit code 3.
    #[error("{0}")]
    NotFound(String),
    /// Anything else: exit code 1.
    #[error("{0}")]
    Failed(String),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        match error {
            Error::UnknownMarket { .. } | Error::NoArchive { .. } => Failure::NotFound(error.to_string()),
            error => Failure::Failed(error.to_string()),
        }
    }
}

impl From<crate::import::ImportError> for Failure {
    fn from(error: crate::import::ImportError) -> Failure {
        Failure::Failed(error.to_string())
    }
}

impl From<crate::terminal::output::OutputError> for Failure {
    fn from(error: crate::terminal::output::OutputError) -> Failure {
        match error {
            crate::terminal::output::OutputError::BinaryToTerminal(_) => Failure::Usage(error.to_string()),
            error => Failure::Failed(error.to_string()),
        }
    }
}

impl Failure {
    /// The exit code.
    pub fn code(&self) -> ExitCode {
        ExitCode::from(match self {
            Failure::Failed(_) => 1,
            Failure::Usage(_) => 2,
            Failure::NotFound(_) => 3,
        })
    }
}

/// Records every order book of the Kalshi exchange, proves how complete the record is, and gives any book back as it
/// stood at any instant.
#[derive(Debug, Parser)]
#[command(name = "daybook", version, max_term_width = 100)]
pub struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Command,
}

/// Arguments that every command takes.
#[derive(Clone, Debug, Args)]
pub struct Common {
    /// The archive: a folder, or an object store URL (s3://, gs://, az://)
    #[arg(long, global = true, env = "DAYBOOK_ARCHIVE", default_value = "./data", value_name = "URL")]
    archive: String,
    /// Where the write-ahead log is, if not beside the archive
    #[arg(long, global = true, env = "DAYBOOK_WAL", value_name = "DIR")]
    wal: Option<std::path::PathBuf>,
    /// How results are printed
    #[arg(long, global = true, default_value = "table", value_name = "FORMAT")]
    format: Format,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Take captures of WebSocket frames into the archive
    Import(import::ImportArgs),
    /// Show a market's book as it stood at an instant
    Book(book::BookArgs),
    /// List changes of price levels
    Deltas(events::EventsArgs),
    /// List public trades
    Trades(events::EventsArgs),
    /// Show what was traded and quoted per interval
    Candles(candles::CandlesArgs),
    /// Show what is known to be complete, and the gaps
    Coverage(coverage::CoverageArgs),
    /// List markets: what is recorded of them, and what the venue says
    Markets(markets::MarketArgs),
    /// List events
    Events(markets::EventArgs),
    /// List series
    Series(markets::SeriesArgs),
    /// List how markets were settled
    Settlements(markets::EventArgs),
    /// Check that the archive is what it claims to be
    Verify(verify::VerifyArgs),
    /// Play the events of many markets as one stream
    Replay(replay::ReplayArgs),
    /// Query the tables
    Sql(sql::SqlArgs),
    /// Write a market and range to a file
    Export(export::ExportArgs),
    /// Merge small files into large ones
    Compact(compact::CompactArgs),
    /// Drop what is older than a day
    Prune(prune::PruneArgs),
}

impl Common {
    fn open(&self, only: Option<&str>) -> Result<Archive, Failure> {
        let options = OpenOptions { wal_dir: self.wal.clone(), only: only.map(str::to_owned) };
        Ok(Archive::open(&self.archive, options)?)
    }

    /// Refuses the formats of rows for a command that has none, before it does anything.
    fn reports(&self, command: &str) -> Result<(), Failure> {
        match self.format {
            Format::Table | Format::Json | Format::Ndjson => Ok(()),
            Format::Csv | Format::Parquet | Format::Arrow => {
                Err(Failure::Usage(format!("{command} reports as table, json or ndjson, not as {}", self.format)))
            }
        }
    }
}

/// Prints a command's report, a line of JSON, to stdout.
fn print_report(report: impl std::fmt::Display) -> Result<(), Failure> {
    print_line(report).map_err(|error| Failure::Failed(format!("cannot write the report: {error}")))
}

/// Now, in nanoseconds since the Unix epoch.
fn now_nanos() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_nanos()).unwrap_or(i64::MAX)
}

fn time_argument(name: &str, text: &str) -> Result<i64, Failure> {
    parse_time(text, now_nanos()).map_err(|error| Failure::Usage(format!("--{name}: {error}")))
}

/// What standard output can show.
fn screen() -> Screen {
    let terminal = io::stdout().is_terminal();
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    let width = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    let width = width.or_else(|| terminal_size::terminal_size().map(|(width, _)| usize::from(width.0)));
    Screen { terminal, width: if terminal { width } else { None }, colour: terminal && !plain && !dumb, ascii: dumb }
}

/// Runs the command line.
pub fn run(cli: &Cli) -> Result<Outcome, Failure> {
    match &cli.command {
        Command::Import(args) => import::run(args, &cli.common),
        Command::Book(args) => book::run(args, &cli.common),
        Command::Deltas(args) => events::run_deltas(args, &cli.common),
        Command::Trades(args) => events::run_trades(args, &cli.common),
        Command::Candles(args) => candles::run(args, &cli.common),
        Command::Coverage(args) => coverage::run(args, &cli.common),
        Command::Markets(args) => markets::run_markets(args, &cli.common),
        Command::Events(args) => markets::run_documents(Table::Events, args, &cli.common),
        Command::Series(args) => markets::run_documents(Table::Series, args, &cli.common),
        Command::Settlements(args) => markets::run_documents(Table::Settlements, args, &cli.common),
        Command::Verify(args) => verify::run(args, &cli.common),
        Command::Replay(args) => replay::run(args, &cli.common),
        Command::Sql(args) => sql::run(args, &cli.common),
        Command::Export(args) => export::run(args, &cli.common),
        Command::Compact(args) => compact::run(args, &cli.common),
        Command::Prune(args) => prune::run(args, &cli.common),
    }
}
