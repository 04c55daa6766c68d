//! `daybook compact`: fewer, larger files.

use clap::Args;
use daybook_archive::{Writer, WriterOptions};
use serde_json::json;

use super::{Common, Failure, Outcome, print_report, time_argument};
use crate::terminal::{
    output::Format,
    screen::{counted, thousands},
    tell::tell,
};

/// Merges the files of each day. What they held before stays on disk for readers that still use it, until a vacuum.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  daybook compact
  daybook compact --vacuum now-24h           also delete what nothing refers to since yesterday")]
pub struct CompactArgs {
    /// Days with fewer files than this are left alone
    #[arg(long, default_value_t = 2, value_name = "N", value_parser = clap::value_parser!(u64).range(2..))]
    min_files: u64,
    /// Delete files that were out of use before this time
    #[arg(long, value_name = "TIME")]
    vacuum: Option<String>,
}

pub(super) fn run(args: &CompactArgs, common: &Common) -> Result<Outcome, Failure> {
    common.reports("compact")?;
    let vacuum = args.vacuum.as_deref().map(|text| time_argument("vacuum", text)).transpose()?;
    // Compaction changes an archive that is there; it makes none.
    common.open(Some(""))?;
    let mut options = WriterOptions::new(rand::random());
    options.wal_dir.clone_from(&common.wal);
    let mut writer = Writer::open(&common.archive, options)?;
    let done = writer.compact(usize::try_from(args.min_files).unwrap_or(usize::MAX))?;
    let vacuumed = vacuum.map(|before| writer.vacuum(before.div_euclid(1_000_000))).transpose()?;
    writer.close()?;
    if common.format != Format::Table {
        let vacuumed = vacuumed.map(|(files, bytes)| json!({ "files": files, "bytes": bytes }));
        print_report(json!({
            "files_before": done.files_before,
            "files_after": done.files_after,
            "bytes_before": done.bytes_before,
            "bytes_after": done.bytes_after,
            "vacuumed": vacuumed,
        }))?;
        return Ok(Outcome::Complete);
    }
    if done.files_before == 0 {
        tell(format_args!("nothing to compact: no day has {} files or more in a table", args.min_files));
    } else {
        tell(format_args!(
            "{} files became {}: {} bytes before, {} after",
            thousands(done.files_before as u64),
            thousands(done.files_after as u64),
            thousands(done.bytes_before),
            thousands(done.bytes_after)
        ));
    }
    if let Some((files, bytes)) = vacuumed {
        tell(format_args!("{} deleted, {}", counted(files as u64, "file"), counted(bytes, "byte")));
    }
    Ok(Outcome::Complete)
}
