//! `daybook verify`: is the archive what it claims to be.

use std::io::{self, IsTerminal};

use clap::Args;
use daybook_archive::verify::Progress;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::{Common, Failure, Outcome, print_report};
use crate::terminal::{output::Format, screen::counted};

/// Without a market: every file is opened and checked against its table's log and its checksum. With one, or with
/// --deep: keyframes are re-derived from the deltas, and with --deep every page is read and every ordinal counted.
/// Exit code 0: nothing is wrong, though there may be gaps. 1: something is.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  daybook verify
  daybook verify --deep
  daybook verify KXBTC15M-26AUG121045-45")]
pub struct VerifyArgs {
    /// Market ticker; the whole archive by default
    ticker: Option<String>,
    /// Read everything, re-derive everything
    #[arg(long)]
    deep: bool,
}

struct Bar {
    bar: ProgressBar,
    shown: bool,
}

impl Progress for Bar {
    fn begin(&mut self, what: &str, steps: u64) {
        if self.shown {
            self.bar.finish_and_clear();
            let style = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len}  {eta} left");
            self.bar = ProgressBar::new(steps)
                .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
                .with_message(what.to_owned());
        }
    }

    fn step(&mut self) {
        self.bar.inc(1);
    }
}

pub(super) fn run(args: &VerifyArgs, common: &Common) -> Result<Outcome, Failure> {
    common.reports("verify")?;
    let archive = common.open(args.ticker.as_deref())?;
    let mut bar = Bar { bar: ProgressBar::hidden(), shown: io::stderr().is_terminal() };
    let found = archive.verify(args.ticker.as_deref(), args.deep, &mut bar)?;
    bar.bar.finish_and_clear();
    let ok = found.findings.is_empty();
    let report = if common.format == Format::Table {
        let counts =
            [counted(found.files as u64, "file"), counted(found.rows, "row"), counted(found.markets as u64, "market")];
        let more = [
            (found.keyframes, "keyframe", " re-derived"),
            (found.deltas, "delta", " folded"),
            (found.unproven as u64, "unproven interval", ""),
            (found.gaps as u64, "gap", ""),
        ];
        let more = more.iter().filter(|(count, ..)| *count > 0);
        let more = more.map(|(count, what, done)| format!("{}{done}", counted(*count, what)));
        let line: Vec<String> = counts.into_iter().chain(more).collect();
        let verdict = if ok { "sound" } else { "NOT SOUND" };
        let mut report = format!("{verdict}: {}", line.join(", "));
        report.extend(found.findings.iter().map(|finding| format!("\n  {}: {}", finding.place, finding.problem)));
        report
    } else {
        json!({
            "sound": ok,
            "files": found.files,
            "rows": found.rows,
            "markets": found.markets,
            "keyframes": found.keyframes,
            "deltas": found.deltas,
            "unproven": found.unproven,
            "gaps": found.gaps,
            "findings": found.findings,
        })
        .to_string()
    };
    print_report(report)?;
    if ok {
        return Ok(Outcome::Complete);
    }
    Err(Failure::Failed(format!("{} found in {}", counted(found.findings.len() as u64, "problem"), archive.location())))
}
