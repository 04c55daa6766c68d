//! `daybook prune`: let go of what is older than a day.

use clap::Args;
use daybook_archive::{Pruned, Writer, WriterOptions};
use serde_json::json;

use super::{Common, Failure, Outcome, now_nanos, print_report, time_argument};
use crate::terminal::{output::Format, screen::counted, tell::tell};

/// Drops what was received on UTC days before a horizon: deltas, keyframes, trades, tickers, lifecycle events and
/// unparsed frames. Books from the horizon on stay as they are; earlier instants are answered as a gap, cause `pruned`.
/// Metadata and the list of imported files stay. The disk is freed by `daybook compact --vacuum`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  daybook prune --keep 90d --dry-run
  daybook prune --keep 90d
  daybook prune --before 2026-08-01          the first day that stays")]
#[command(group = clap::ArgGroup::new("horizon").required(true))]
pub struct PruneArgs {
    /// Keep the UTC day of this time, and all after it
    #[arg(long, value_name = "TIME", group = "horizon")]
    before: Option<String>,
    /// Keep what is no older than this, whole UTC days: 90d, 36h
    #[arg(long, value_name = "AGE", group = "horizon")]
    keep: Option<String>,
    /// Say what would be dropped, and change nothing
    #[arg(long)]
    dry_run: bool,
}

pub(super) fn run(args: &PruneArgs, common: &Common) -> Result<Outcome, Failure> {
    let before = match (&args.before, &args.keep) {
        (Some(time), _) => time_argument("before", time)?,
        (None, Some(age)) => horizon(age)?,
        (None, None) => return Err(Failure::Usage("name a horizon with --before or --keep".to_owned())),
    };
    common.reports("prune")?;
    // Pruning changes an archive that is there; it makes none.
    let archive = common.open(Some(""))?;
    let done = if args.dry_run {
        archive.prunable(before, now_nanos())
    } else {
        let mut options = WriterOptions::new(rand::random());
        options.wal_dir.clone_from(&common.wal);
        let mut writer = Writer::open(&common.archive, options)?;
        let done = writer.prune(before);
        writer.close()?;
        done
    };
    let done = done.map_err(|error| match error {
        error @ daybook_archive::Error::HorizonAhead { .. } => Failure::Usage(error.to_string()),
        error => error.into(),
    })?;
    report(&done, args.dry_run, common.format)?;
    Ok(Outcome::Complete)
}

/// The instant of that age.
fn horizon(age: &str) -> Result<i64, Failure> {
    let wrong =
        |reason: &str| Failure::Usage(format!("--keep: '{age}' {reason}: write an age such as 90d, 12w or 36h"));
    let unit = age.trim_start_matches(|c: char| c.is_ascii_digit());
    let count = &age[..age.len() - unit.len()];
    let count: i64 = count.parse().map_err(|_| wrong(if count.is_empty() { "is no age" } else { "is too long" }))?;
    let hours: i64 = match unit {
        "h" => 1,
        "d" => 24,
        "w" => 7 * 24,
        _ => return Err(wrong("has no unit that is known")),
    };
    let nanos = count.checked_mul(hours).and_then(|hours| hours.checked_mul(3_600_000_000_000));
    nanos.and_then(|nanos| now_nanos().checked_sub(nanos)).filter(|at| *at >= 0).ok_or_else(|| wrong("is too long"))
}

fn report(done: &Pruned, is_dry: bool, format: Format) -> Result<(), Failure> {
    let (files, rows, bytes) = done.total();
    if format != Format::Table {
        let tables: Vec<_> = done
            .tables
            .iter()
            .map(|dropped| {
                json!({"table": dropped.table.name(), "files": dropped.files, "rows": dropped.rows, "bytes": dropped.bytes})
            })
            .collect();
        let line = json!({
            "horizon": done.horizon,
            "dry_run": is_dry,
            "days": done.days,
            "files": files,
            "rows": rows,
            "bytes": bytes,
            "books_carried": done.carried,
            "tables": tables,
        });
        return print_report(line);
    }
    let (Some(first), Some(last)) = (done.days.first(), done.days.last()) else {
        tell(format_args!("nothing is held of the days before {}", done.horizon));
        return Ok(());
    };
    let verb = if is_dry { "would be dropped" } else { "dropped" };
    let days = done.days.len() as u64;
    let what =
        if days == 1 { format!("1 day {verb}, {first}") } else { format!("{days} days {verb}, {first} to {last}") };
    let (files, rows, bytes) = (counted(files as u64, "file"), counted(rows, "row"), counted(bytes, "byte"));
    tell(format_args!("{what}: {files}, {rows}, {bytes}"));
    for dropped in &done.tables {
        let (rows, bytes) = (counted(dropped.rows, "row"), counted(dropped.bytes, "byte"));
        tell(format_args!("  {}: {}, {rows}, {bytes}", dropped.table.name(), counted(dropped.files as u64, "file")));
    }
    let verb = match (is_dry, done.carried) {
        (true, _) => "would go on",
        (false, 1) => "goes on",
        (false, _) => "go on",
    };
    tell(format_args!("{} {verb} at {}", counted(done.carried as u64, "book"), done.horizon));
    if !is_dry {
        tell(
            "the files are still there for readers that use them: `daybook compact --vacuum now-24h` deletes them a day later",
        );
    }
    Ok(())
}
