//! `daybook record`: the venue's books into the archive, as they change, until it is stopped.

use std::{
    io::{self, IsTerminal},
    sync::Arc,
    time::Duration,
};

use clap::Args;
use daybook_archive::{Writer, WriterOptions, wal::CommitPolicy};
use daybook_collector::{RecordError, Recorder, Selection, Settings, Status};
use daybook_kalshi::{SystemClock, WallClock};
use serde_json::json;

use super::{
    Common, Failure, Flag, Outcome,
    account::{VenueArgs, connect, credentials, environment},
    print_report,
    signal::Interruption,
};
use crate::terminal::{
    output::Format,
    recording::RecordingProgress,
    screen::{counted, thousands},
    tell::tell,
};

/// Records every open market's book, the trades and the lifecycle of markets, until it is interrupted. What is missing is
/// recorded too: `daybook coverage` shows it.
///
/// The key is KALSHI_API_KEY_ID with KALSHI_PRIVATE_KEY_PATH (or the PEM text in KALSHI_PRIVATE_KEY), or kalshi.key_id and
/// kalshi.key_path of daybook.toml.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  daybook record                                     every market but combos
  daybook record --series KXHIGHNY --series KXBTCD   the markets of two series
  daybook record --env demo --archive s3://bucket/kalshi --wal /var/lib/daybook/wal

A local exchange is recorded like the venue:
  daybook exchange --credentials local.json
  KALSHI_ENV=http://127.0.0.1:8790 KALSHI_API_KEY_ID=… KALSHI_PRIVATE_KEY_PATH=local.pem daybook record")]
pub struct RecordArgs {
    #[command(flatten)]
    venue: VenueArgs,
    /// Only the markets of this series; may be given several times
    #[arg(long, value_name = "SERIES")]
    series: Vec<String>,
    /// Only the markets of this event; may be given several times
    #[arg(long, value_name = "EVENT")]
    event: Vec<String>,
    /// Combos too (KXMVE…)
    #[arg(long)]
    combos: bool,
    /// Milliseconds for which events are gathered before they are written and made durable together
    #[arg(long, value_name = "MS", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    commit_ms: u64,
    /// Seconds between two comparisons of a book with a fresh snapshot
    #[arg(long, value_name = "S", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    audit_seconds: u64,
    /// Seconds between two listings of all markets
    #[arg(long, value_name = "S", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86_400))]
    list_seconds: u64,
    /// Stop after so many seconds
    #[arg(long, value_name = "S")]
    seconds: Option<u64>,
}

impl RecordArgs {
    /// The settings that its flags give.
    pub(super) fn flags(&self) -> Vec<Flag> {
        vec![self.venue.flag()]
    }
}

pub(super) fn run(args: &RecordArgs, common: &Common) -> Result<Outcome, Failure> {
    common.reports("record")?;
    let environment = environment(&common.config)?;
    let key = credentials(&common.config)?;
    let connection = connect(common)?;
    let mut writer_options = WriterOptions::new(rand::random());
    writer_options.wal_dir.clone_from(&common.wal);
    // Whoever writes says when to sync: after everything that has queued up.
    writer_options.commit = CommitPolicy { interval: Duration::MAX, max_bytes: u64::MAX };
    let writer = Writer::open(&common.archive, writer_options)?;
    if let Some(torn) = writer.torn_tail() {
        tell(format_args!(
            "note: the last run was cut off: {} bytes at the end of {} were never acknowledged and are gone",
            torn.bytes,
            torn.file.display()
        ));
    }
    let settings = Settings {
        selection: Selection { series: args.series.clone(), events: args.event.clone(), combos: args.combos },
        commit: Duration::from_millis(args.commit_ms),
        audit: Duration::from_secs(args.audit_seconds),
        reconcile: Duration::from_secs(args.list_seconds),
        seed: rand::random(),
        ..Settings::default()
    };
    let clock: Arc<dyn WallClock> = Arc::new(SystemClock);
    let recorder = Recorder::new(environment.clone(), key, connection.client, writer, settings, clock);
    let recorder = recorder.map_err(failure)?;
    let shown = RecordingProgress::new(environment.ws_url().as_str(), &common.archive, io::stderr().is_terminal());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(|error| Failure::Failed(format!("no runtime can be made: {error}")))?;
    let last = runtime.block_on(async {
        let unwaitable = |error: io::Error| Failure::Failed(format!("signals cannot be waited for: {error}"));
        let mut interruption = Interruption::new().map_err(unwaitable)?;
        let mut status = recorder.status();
        let showing = async {
            while status.changed().await.is_ok() {
                shown.show(&status.borrow_and_update());
            }
        };
        let limit = async {
            match args.seconds {
                Some(seconds) => tokio::time::sleep(Duration::from_secs(seconds)).await,
                None => std::future::pending().await,
            }
        };
        let last = recorder.status();
        let stop = async {
            tokio::select! {
                _ = interruption.wait() => {}
                () = limit => {}
            }
        };
        let recording = recorder.run(stop);
        tokio::pin!(showing, recording);
        let ended = tokio::select! {
            ended = &mut recording => ended,
            () = &mut showing => recording.await,
        };
        shown.end();
        ended.map_err(failure)?;
        let last: Status = last.borrow().clone();
        Ok::<Status, Failure>(last)
    })?;
    report(&last, common)?;
    Ok(Outcome::Complete)
}

fn failure(error: RecordError) -> Failure {
    match error {
        RecordError::Archive(error) => error.into(),
        error => Failure::Failed(error.to_string()),
    }
}

/// What was recorded, in the end.
fn report(status: &Status, common: &Common) -> Result<(), Failure> {
    let counts = status.counts;
    match common.format {
        Format::Json | Format::Ndjson => print_report(json!({
            "events": counts.events,
            "books": counts.books,
            "unparsed": counts.unparsed,
            "surplus": counts.surplus,
            "gaps": counts.gaps,
            "divergences": counts.divergences,
            "audits": {"equal": counts.audits_equal, "unequal": counts.audits_unequal},
            "commits": status.written.syncs,
            "durable_after_micros": {"worst": status.written.worst_micros},
        })),
        _ => print_report(format_args!(
            "{} events of {}; {}; {} audits, {} of them unequal; {} frames kept as unparsed",
            thousands(counts.events),
            counted(counts.books, "book"),
            counted(counts.gaps, "gap"),
            thousands(counts.audits_equal + counts.audits_unequal),
            thousands(counts.audits_unequal),
            thousands(counts.unparsed),
        )),
    }
}
