//! `daybook export`: a market and range to a file.

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::PathBuf,
};

use clap::{Args, ValueEnum};

use super::{Common, Failure, Outcome, events, range::RangeArgs, rows::write_to};
use crate::terminal::{
    output::Format,
    screen::{Screen, thousands},
};

/// What is exported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum What {
    /// Changes of price levels
    #[default]
    Deltas,
    /// Public trades
    Trades,
    /// One-minute candles
    Candles,
}

/// The format follows the file's ending: .parquet, .csv, .ndjson, .json or .arrow.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  daybook export KXBTC15M-26AUG121045-45 deltas.parquet
  daybook export KXBTC15M-26AUG121045-45 trades.csv --what trades --start 2026-08-12T14:40:00Z")]
pub struct ExportArgs {
    /// Market ticker
    ticker: String,
    /// The file to write; one that is there is replaced
    file: PathBuf,
    /// What to export
    #[arg(long, value_enum, default_value_t)]
    what: What,
    #[command(flatten)]
    range: RangeArgs,
}

fn format_of(path: &std::path::Path) -> Result<Format, Failure> {
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
    Ok(match ending.as_deref() {
        Some("parquet") => Format::Parquet,
        Some("csv") => Format::Csv,
        Some("ndjson" | "jsonl") => Format::Ndjson,
        Some("json") => Format::Json,
        Some("arrow" | "arrows" | "ipc") => Format::Arrow,
        _ => {
            let path = path.display();
            return Err(Failure::Usage(format!(
                "{path}: the ending tells no format; use .parquet, .csv, .ndjson, .json or .arrow, or name one with --format"
            )));
        }
    })
}

pub(super) fn run(args: &ExportArgs, common: &Common) -> Result<Outcome, Failure> {
    let range = args.range.parse()?;
    let format = if common.format == Format::Table { format_of(&args.file)? } else { common.format };
    let archive = common.open(Some(&args.ticker))?;
    events::known(&archive, &args.ticker)?;
    let ticker = args.ticker.clone();
    let rows = match args.what {
        What::Deltas => events::deltas(archive.clone(), ticker, range, format),
        What::Trades => events::trades(archive.clone(), ticker, range, format),
        What::Candles => super::candles::rows(archive.clone(), ticker, range, 60_000_000_000),
    };
    let name = args.file.display();
    let failed = |error: std::io::Error| Failure::Failed(format!("cannot write {name}: {error}"));
    // Whoever looks at the file finds it whole or not at all.
    let partial = args.file.with_extension("partial");
    let mut sink = BufWriter::new(File::create(&partial).map_err(failed)?);
    let written = write_to(&mut sink, format, Screen::PIPE, rows);
    let written = match written.and_then(|rows| sink.flush().map(|()| rows).map_err(failed)) {
        Ok(rows) => rows,
        Err(failure) => {
            // What went wrong before is what matters.
            let _ = std::fs::remove_file(&partial);
            return Err(failure);
        }
    };
    std::fs::rename(&partial, &args.file).map_err(failed)?;
    eprintln!("{} rows to {name}", thousands(written));
    range.exactness(&archive, &args.ticker)
}
