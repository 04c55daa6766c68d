//! `daybook export`: a market and range to a file.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use clap::{Args, ValueEnum};

use super::{
    Common, Failure, Outcome, candles, events,
    range::RangeArgs,
    rows::{Rows, write_to},
};
use crate::terminal::{
    output::Format,
    screen::{Screen, counted},
    tell::tell,
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

/// Length of the candles, in nanoseconds.
const MINUTE: i64 = 60_000_000_000;

/// The format follows the file's ending: .parquet, .csv, .ndjson, .json or .arrow.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  daybook export KXBTC15M-26AUG121045-45 deltas.parquet
  daybook export KXBTC15M-26AUG121045-45 trades.csv --what trades --start 2026-08-12T14:40:00Z")]
pub struct ExportArgs {
    /// Market ticker
    ticker: String,
    /// The file to write; one that is there is replaced, a device or pipe is written to
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
    let mut range = args.range.parse()?;
    if args.what == What::Candles {
        range = candles::whole(range, MINUTE);
    }
    let format = if common.format == Format::Table { format_of(&args.file)? } else { common.format };
    let archive = common.open(Some(&args.ticker))?;
    events::known(&archive, &args.ticker)?;
    let ticker = args.ticker.clone();
    let rows = match args.what {
        What::Deltas => events::deltas(archive.clone(), ticker, range, format),
        What::Trades => events::trades(archive.clone(), ticker, range, format),
        What::Candles => candles::rows(archive.clone(), ticker, range, MINUTE),
    };
    let name = args.file.display();
    let failed = |error: io::Error| Failure::Failed(format!("cannot write {name}: {error}"));
    let written = match Target::of(&args.file).map_err(failed)? {
        Target::Device => {
            let device = File::options().write(true).open(&args.file).map_err(failed)?;
            fill(device, format, rows, failed)?
        }
        Target::File(file) => {
            // Whoever looks at the file finds it whole or not at all.
            let mut partial = file.clone().into_os_string();
            partial.push(".partial");
            let written = fill(File::create(&partial).map_err(failed)?, format, rows, failed);
            let written = written.and_then(|rows| fs::rename(&partial, &file).map(|()| rows).map_err(failed));
            written.inspect_err(|_| {
                // What went wrong before is what matters.
                let _ = fs::remove_file(&partial);
            })?
        }
    };
    tell(format_args!("{} to {name}", counted(written, "row")));
    range.exactness(&archive, &args.ticker)
}

/// What a path leads to.
enum Target {
    /// A file, there or not, by the path that no symlink is at the end of: it can be replaced.
    File(PathBuf),
    /// A device, a pipe, or a folder: what cannot be replaced, only opened.
    Device,
}

impl Target {
    fn of(path: &Path) -> io::Result<Target> {
        match fs::metadata(path) {
            Ok(metadata) if !metadata.is_file() => return Ok(Target::Device),
            Ok(_) => return Ok(Target::File(fs::canonicalize(path)?)),
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Err(_) => {}
        }
        // Nothing is there, but links may say where it belongs. They end: a circle of them is another error.
        let mut file = path.to_owned();
        while let Ok(next) = fs::read_link(&file) {
            file = file.parent().unwrap_or(Path::new("")).join(next);
        }
        Ok(Target::File(file))
    }
}

/// Writes the rows, all of them, and gives out how many they were.
fn fill(file: File, format: Format, rows: Rows, failed: impl Fn(io::Error) -> Failure) -> Result<u64, Failure> {
    let mut sink = BufWriter::new(Whole(file));
    let rows = write_to(&mut sink, format, Screen::PIPE, rows)?;
    sink.flush().map_err(failed)?;
    Ok(rows)
}

/// A file that must take everything: a pipe's reader that goes away is a failure here, since a file is promised.
struct Whole(File);

impl Write for Whole {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes).map_err(|error| match error.kind() {
            io::ErrorKind::BrokenPipe => io::Error::other("its reader went away"),
            _ => error,
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
