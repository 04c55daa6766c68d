//! `daybook compact`: fewer, larger files.

use clap::Args;
use daybook_archive::{Writer, WriterOptions};

use super::{Common, Failure, Outcome, time_argument};
use crate::terminal::screen::thousands;

/// Merges the files of each day. What they held before stays on disk for readers that still use it, until a vacuum.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  daybook compact
  daybook compact --vacuum now-24h           also delete what nothing refers to since yesterday")]
pub struct CompactArgs {
    /// Days with fewer files than this are left alone
    #[arg(long, default_value_t = 2, value_name = "N")]
    min_files: usize,
    /// Delete files that were out of use before this time
    #[arg(long, value_name = "TIME")]
    vacuum: Option<String>,
}

pub(super) fn run(args: &CompactArgs, common: &Common) -> Result<Outcome, Failure> {
    let vacuum = args.vacuum.as_deref().map(|text| time_argument("vacuum", text)).transpose()?;
    // Compaction changes an archive that is there; it makes none.
    common.open(Some(""))?;
    let mut options = WriterOptions::new(rand::random());
    options.wal_dir.clone_from(&common.wal);
    let mut writer = Writer::open(&common.archive, options)?;
    let done = writer.compact(args.min_files)?;
    if done.files_before == 0 {
        eprintln!("nothing to compact: no day has {} files or more in a table", args.min_files.max(2));
    } else {
        eprintln!(
            "{} files became {}: {} bytes before, {} after",
            thousands(done.files_before as u64),
            thousands(done.files_after as u64),
            thousands(done.bytes_before),
            thousands(done.bytes_after)
        );
    }
    if let Some(before) = vacuum {
        let (files, bytes) = writer.vacuum(before.div_euclid(1_000_000))?;
        eprintln!("{} files deleted, {} bytes", thousands(files as u64), thousands(bytes));
    }
    writer.close()?;
    Ok(Outcome::Complete)
}
