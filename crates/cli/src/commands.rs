//! The commands: arguments in, output and exit code out.

mod account;
mod book;
mod candles;
mod compact;
mod config;
mod coverage;
mod events;
mod exchange;
mod export;
mod import;
mod markets;
mod prune;
mod range;
mod record;
mod replay;
pub mod rows;
mod serving;
mod signal;
mod sql;
mod verify;

use std::{
    io::{self, IsTerminal},
    process::ExitCode,
    time::{SystemTime, UNIX_EPOCH},
};

use clap::{Args, Parser, Subcommand, ValueEnum};
use daybook_archive::{Archive, Error, OpenOptions, schema::Table};

use crate::config::{Config, Inputs, Problem};
use crate::terminal::{
    log::{self, Level},
    output::Format,
    screen::Screen,
    tell::print_line,
    time_arg::parse_time,
};

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

impl From<Vec<Problem>> for Failure {
    fn from(problems: Vec<Problem>) -> Failure {
        let problems: Vec<String> = problems.iter().map(Problem::to_string).collect();
        Failure::Usage(format!("the configuration cannot be used:\n  {}", problems.join("\n  ")))
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
    common: CommonArgs,
    #[command(subcommand)]
    command: Command,
}

/// What every command takes stands behind what is its own.
const EVERYWHERE: &str = "Options of every command";

/// Arguments that every command takes: the strongest layer of the configuration.
#[derive(Clone, Debug, Args)]
pub struct CommonArgs {
    /// The archive: a folder, or an object store URL (s3://, gs://, az://) [DAYBOOK_ARCHIVE] [default: ./data]
    #[arg(long, global = true, help_heading = EVERYWHERE, value_name = "URL")]
    archive: Option<String>,
    /// Where the write-ahead log is, if not beside the archive [DAYBOOK_WAL]
    #[arg(long, global = true, help_heading = EVERYWHERE, value_name = "DIR")]
    wal: Option<String>,
    /// How results are printed [DAYBOOK_FORMAT] [default: table]
    #[arg(long, global = true, help_heading = EVERYWHERE, value_name = "FORMAT")]
    format: Option<Format>,
    /// The profile of daybook.toml to use [DAYBOOK_PROFILE]
    #[arg(long, global = true, help_heading = EVERYWHERE, value_name = "NAME")]
    profile: Option<String>,
    /// Tell on stderr what is done: error, warn, info, debug or trace [DAYBOOK_LOG] [default: off]
    #[arg(long, global = true, help_heading = EVERYWHERE, value_name = "LEVEL", hide_possible_values = true)]
    log: Option<Level>,
    /// Give a setting, as `daybook config show` names it
    #[arg(long, global = true, help_heading = EVERYWHERE, value_name = "NAME=VALUE")]
    set: Vec<String>,
}

/// What every command knows.
#[derive(Clone, Debug)]
pub struct Common {
    archive: String,
    wal: Option<std::path::PathBuf>,
    format: Format,
    config: Config,
}

impl CommonArgs {
    /// What the configuration of this process is made from, with the flags of a command.
    fn inputs(&self, flags: Vec<Flag>) -> Inputs {
        let mut inputs = Inputs::of_process();
        let own = [
            ("archive", "--archive", self.archive.clone()),
            ("wal", "--wal", self.wal.clone()),
            ("format", "--format", self.format.map(|format| format.to_string())),
            ("log", "--log", self.log.map(|level| level.as_str().to_owned())),
        ];
        let given = own.into_iter().chain(flags);
        inputs.flags = given.filter_map(|(name, flag, value)| Some((name, flag, value?))).collect();
        inputs.set.clone_from(&self.set);
        inputs.profile.clone_from(&self.profile);
        inputs
    }
}

/// A setting that a flag may give: its name, the flag, the value.
type Flag = (&'static str, &'static str, Option<String>);

impl Common {
    fn of(config: Config) -> Common {
        let text = |name: &str| config.text(name).unwrap_or_default().to_owned();
        Common {
            archive: text("archive"),
            wal: config.text("wal").map(Into::into),
            format: Format::from_str(&text("format"), false).unwrap_or_default(),
            config,
        }
    }
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Record the venue's books as they change
    Record(record::RecordArgs),
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
    /// A Kalshi account: balance, positions, fills, settlements, orders
    Account(account::AccountArgs),
    /// Run a local Kalshi that any client can trade on
    Exchange(exchange::ExchangeArgs),
    /// Show and check the configuration
    Config(config::ConfigArgs),
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
    let flags = match &cli.command {
        Command::Account(args) => args.flags(),
        Command::Record(args) => args.flags(),
        _ => Vec::new(),
    };
    let inputs = cli.common.inputs(flags);
    if let Command::Config(args) = &cli.command
        && let Some(outcome) = config::validate(args, &inputs)
    {
        return outcome;
    }
    let common = &Common::of(Config::load(&inputs)?);
    log::start(Level::from_str(common.config.text("log").unwrap_or_default(), false).unwrap_or_default());
    match &cli.command {
        Command::Record(args) => record::run(args, common),
        Command::Import(args) => import::run(args, common),
        Command::Book(args) => book::run(args, common),
        Command::Deltas(args) => events::run_deltas(args, common),
        Command::Trades(args) => events::run_trades(args, common),
        Command::Candles(args) => candles::run(args, common),
        Command::Coverage(args) => coverage::run(args, common),
        Command::Markets(args) => markets::run_markets(args, common),
        Command::Events(args) => markets::run_documents(Table::Events, args, common),
        Command::Series(args) => markets::run_documents(Table::Series, args, common),
        Command::Settlements(args) => markets::run_documents(Table::Settlements, args, common),
        Command::Verify(args) => verify::run(args, common),
        Command::Replay(args) => replay::run(args, common),
        Command::Sql(args) => sql::run(args, common),
        Command::Export(args) => export::run(args, common),
        Command::Compact(args) => compact::run(args, common),
        Command::Prune(args) => prune::run(args, common),
        Command::Account(args) => account::run(args, common),
        Command::Exchange(args) => exchange::run(args, common),
        Command::Config(args) => config::run(args, common),
    }
}
