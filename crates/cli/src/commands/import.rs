//! `daybook import`: captures into the archive.

use std::{
    io::{self, IsTerminal},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use clap::Args;
use daybook_archive::{Compacted, Writer, WriterOptions, wal::CommitPolicy};
use daybook_kalshi::WrapperFields;

use super::{Common, Failure, Outcome, now_nanos, print_report};
use crate::{
    import::{
        COMMIT_INTERVAL, ImportOptions, Source, SourceReport, Watch, expand, import, import_metadata, metadata_files,
    },
    terminal::{
        output::Format,
        progress::{ImportProgress, ImportSummary},
        screen::{counted, thousands},
        tell::tell,
    },
};

/// Captures are files of one frame per line, as the venue sent it or in a wrapper with the time it was received
/// (`{"recv_ms":…,"event":{…}}` and its kin), plain or compressed with gzip or zstd. Importing a file twice changes nothing.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  daybook import captures/                       every capture below a folder, in order of their paths
  daybook import day1.ndjson.gz day2.ndjson.zst
  zcat capture.gz | daybook import -
  daybook import events/ --metadata metadata/    with the answers of GET /events/… and GET /markets/…
  daybook import log.jsonl --time-field t_us --frame-field payload")]
pub struct ImportArgs {
    /// Files, folders, patterns, or - for standard input
    #[arg(value_name = "FILE")]
    files: Vec<String>,
    /// Metadata documents of the venue's REST API: files, or folders of .json files
    #[arg(long, value_name = "PATH")]
    metadata: Vec<String>,
    /// The captures hold a selection of their subscriptions' markets, so holes in sequence numbers are no loss
    #[arg(long)]
    filtered: bool,
    /// The wrapper's field with the received time (a suffix _s, _ms, _us or _ns tells its unit)
    #[arg(long, value_name = "NAME")]
    time_field: Vec<String>,
    /// The wrapper's field with the frame
    #[arg(long, value_name = "NAME")]
    frame_field: Vec<String>,
}

/// An import that leaves more files than this in a day's folder of a table merges them before it ends.
const FILES_PER_DAY: usize = 9;

struct Progress {
    bar: Mutex<Option<(ImportProgress, u64)>>,
}

impl Watch for Progress {
    fn begin(&self, source: &Source) {
        let mut bar = self.bar.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((progress, at)) = bar.as_mut() {
            progress.start_file(&source.name());
            *at = 0;
        }
    }

    fn advance(&self, bytes: u64, frames: u64) {
        let mut bar = self.bar.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((progress, at)) = bar.as_mut() {
            progress.advance(bytes.saturating_sub(*at), frames);
            *at = bytes.max(*at);
        }
    }
}

pub(super) fn run(args: &ImportArgs, common: &Common) -> Result<Outcome, Failure> {
    common.reports("import")?;
    if args.files.is_empty() && args.metadata.is_empty() {
        return Err(Failure::Usage(
            "nothing to import: name files or folders, - for standard input, or --metadata".to_owned(),
        ));
    }
    let sources = expand(&args.files).map_err(Failure::NotFound)?;
    let mut documents = Vec::new();
    for argument in &args.metadata {
        if !std::path::Path::new(argument).exists() {
            return Err(Failure::NotFound(format!("there is no metadata at {argument}")));
        }
        documents.extend(metadata_files(argument)?);
    }
    let mut fields = WrapperFields::default();
    if !args.time_field.is_empty() {
        fields.time.clone_from(&args.time_field);
    }
    if !args.frame_field.is_empty() {
        fields.frame.clone_from(&args.frame_field);
    }
    let options = ImportOptions { fields, filtered: args.filtered, ..ImportOptions::new(now_nanos()) };
    let mut writer_options = WriterOptions::new(rand::random());
    writer_options.wal_dir.clone_from(&common.wal);
    // A capture can be read again: what a crash takes of it costs time, not data.
    writer_options.commit = CommitPolicy { interval: COMMIT_INTERVAL, max_bytes: 64 << 20 };
    let mut writer = Writer::open(&common.archive, writer_options)?;
    if let Some(torn) = writer.torn_tail() {
        tell(format_args!(
            "note: the last run was cut off: {} bytes at the end of {} were never acknowledged and are gone",
            torn.bytes,
            torn.file.display()
        ));
    }
    // Standard input has no length.
    let total: Option<u64> = sources.iter().map(Source::bytes).sum();
    let shown = io::stderr().is_terminal();
    let progress = Progress { bar: Mutex::new(Some((ImportProgress::new(total, shown), 0))) };
    let began = Instant::now();
    let mut reports = Vec::new();
    let mut failure = None;
    for source in &sources {
        match import(&mut writer, source, &options, &progress) {
            Ok(report) => reports.push(report),
            Err(error) => {
                failure = Some(error);
                break;
            }
        }
    }
    let metadata = if failure.is_none() { import_metadata(&mut writer, &documents) } else { Ok((0, 0)) };
    let sealed = if failure.is_none() { writer.seal() } else { Ok(()) };
    let elapsed = began.elapsed();
    let merging = Instant::now();
    let merged = if failure.is_none() { writer.compact(FILES_PER_DAY) } else { Ok(Compacted::default()) };
    let closed = writer.close();
    if let Some((bar, _)) = progress.bar.lock().unwrap_or_else(PoisonError::into_inner).take() {
        bar.finish();
    }
    if let Some(error) = failure {
        return Err(error.into());
    }
    let (files, count) = metadata?;
    sealed?;
    let merged = merged?;
    closed?;
    report(&reports, (files, count), total, elapsed, common.format)?;
    if merged.files_before > 0 && common.format == Format::Table {
        let (before, after) = (counted(merged.files_before as u64, "file"), thousands(merged.files_after as u64));
        tell(format_args!("{before} of the archive merged into {after} in {:.1} s", merging.elapsed().as_secs_f64()));
    }
    let broken = reports.iter().any(|report| report.truncated.is_some());
    Ok(if broken { Outcome::Incomplete } else { Outcome::Complete })
}

fn report(
    reports: &[SourceReport],
    (files, documents): (usize, usize),
    bytes: Option<u64>,
    elapsed: Duration,
    format: Format,
) -> Result<(), Failure> {
    if format != Format::Table {
        let json = serde_json::json!({ "sources": reports, "metadata": { "files": files, "documents": documents } });
        return print_report(json);
    }
    for report in reports {
        let name = &report.source;
        if let Some(reason) = &report.truncated {
            tell(format_args!("warning: {name} breaks off: {reason}; what it holds up to there was taken in"));
        }
        if let Some(reason) = &report.unprovable {
            tell(format_args!("warning: nothing that {name} holds can be proven: {reason}"));
        }
        for (reason, count) in &report.reasons {
            tell(format_args!("warning: {name}: {} kept in `unparsed`: {reason}", counted(*count, "line")));
        }
        if report.diverged > 0 {
            let deltas = counted(report.diverged, "delta");
            tell(format_args!("note: {name}: {deltas} would drive a level below zero: see `daybook coverage`"));
        }
        if report.undated > 0 {
            let frames = counted(report.undated, "frame");
            tell(format_args!(
                "note: {name}: {frames} without a received time, dated by the venue's stamps, or by this import where there \
                 are none"
            ));
        }
    }
    let sum = |count: fn(&SourceReport) -> u64| reports.iter().map(count).sum::<u64>();
    let unchanged = reports.iter().filter(|report| report.unchanged).count() as u64;
    let read = ImportSummary {
        files: reports.len() as u64 - unchanged,
        bytes,
        frames: sum(|report| if report.unchanged { 0 } else { report.lines }),
        elapsed,
    };
    if read.files > 0 {
        tell(format_args!("{read}"));
        let parts = [
            (sum(|report| report.events), "taken in"),
            (sum(|report| if report.unchanged { 0 } else { report.duplicates }), "held already"),
            (sum(|report| report.unparsed), "kept unparsed"),
            (sum(|report| report.control), "acknowledgements"),
        ];
        let parts = parts.iter().filter(|(count, what)| *count > 0 || *what == "taken in");
        let line: Vec<String> = parts.map(|(count, what)| format!("{} {what}", thousands(*count))).collect();
        tell(format_args!("  {}", line.join(", ")));
    }
    if unchanged > 0 {
        tell(format_args!("{} held already, unchanged", counted(unchanged, "file")));
    }
    if files > 0 {
        let (files, documents) = (counted(files as u64, "metadata file"), counted(documents as u64, "document"));
        tell(format_args!("{files} with {documents}"));
    }
    Ok(())
}
