//! Captures into the archive: read, understood, proven as far as their numbers go, and never taken in twice.
//!
//! A reading thread parses lines into log batches; the calling thread appends them. Every batch ends with how far the
//! source has come, so an import that is cut off goes on where it stopped.

mod connection;
mod held;
mod metadata;
mod numbering;
mod reading;
mod source;
mod subscription;

use std::{
    collections::BTreeMap,
    io,
    path::PathBuf,
    sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel},
    time::Duration,
};

use daybook_archive::{
    Batch, BatchBuilder, Error, Writer,
    entry::{Notice, SourceState},
};
use daybook_kalshi::WrapperFields;

pub use source::{Next, Source, expand};

use numbering::Numbering;
use reading::Reading;

/// How captures are read.
#[derive(Clone, Debug)]
pub struct ImportOptions {
    /// Names of the wrapper's fields.
    pub fields: WrapperFields,
    /// The captures hold a selection of their subscriptions' markets: holes in the numbers are no loss.
    pub filtered: bool,
    /// Now, in nanoseconds since the Unix epoch.
    pub now_nanos: i64,
    /// Bytes that are taken in, or not, as one: what an import that is cut off has to read again.
    pub batch_bytes: usize,
}

impl ImportOptions {
    /// The usual wrapper, whole subscriptions, batches of 4 MiB.
    pub fn new(now_nanos: i64) -> ImportOptions {
        ImportOptions { fields: WrapperFields::default(), filtered: false, now_nanos, batch_bytes: BATCH_BYTES }
    }
}

/// What became of one source.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct SourceReport {
    /// Its name.
    pub source: String,
    /// The archive held all of it already.
    pub unchanged: bool,
    /// Lines read.
    pub lines: u64,
    /// Events taken in.
    pub events: u64,
    /// Lines and frames kept in `unparsed`.
    pub unparsed: u64,
    /// Why, with how often.
    pub reasons: BTreeMap<String, u64>,
    /// Events left out because the archive held them already.
    pub duplicates: u64,
    /// Acknowledgements and the like, which carry no market data.
    pub control: u64,
    /// Holes in sequence numbers.
    pub holes: u64,
    /// Reconnects found.
    pub reconnects: u64,
    /// Deltas that drove a level below zero.
    pub diverged: u64,
    /// Frames without a received time, dated by another stamp.
    pub undated: u64,
    /// Why nothing that the source holds can be proven, if so.
    pub unprovable: Option<String>,
    /// Why the source broke off before its end, if it did.
    pub truncated: Option<String>,
}

/// How far an import has come, for whoever watches.
pub trait Watch: Sync {
    /// A source begins.
    fn begin(&self, source: &Source);
    /// Bytes read of it, as stored, and frames since the last call.
    fn advance(&self, bytes: u64, frames: u64);
}

enum Message {
    Batch {
        batch: Batch,
        bytes: u64,
        frames: u64,
    },
    /// Seal everything before, then answer: what is sealed can be looked up.
    Seal(SyncSender<()>),
}

/// How often an import syncs what it has taken in: often enough for a crash to cost little, seldom enough to cost nothing.
pub const COMMIT_INTERVAL: Duration = Duration::from_millis(500);
/// Batches under way between the threads: what bounds the memory.
const BATCHES_UNDER_WAY: usize = 4;
/// Bytes of a batch.
const BATCH_BYTES: usize = 4 << 20;

/// Takes in one source.
///
/// # Errors
/// When the source cannot be read or the archive not be written. What was taken in until then stays.
pub fn import(
    writer: &mut Writer,
    source: &Source,
    options: &ImportOptions,
    watch: &dyn Watch,
) -> Result<SourceReport, ImportError> {
    watch.begin(source);
    let name = source.name();
    let unreadable = |error: io::Error| ImportError::Source { name: name.clone(), error };
    let known = writer.archive().sources_imported()?;
    let before = held_of(source, &known).map_err(unreadable)?;
    if let Some(state) = before.filter(|state| state.complete) {
        return Ok(SourceReport {
            source: name,
            unchanged: true,
            lines: state.lines,
            duplicates: state.events,
            truncated: state.truncated.then(|| "as when it was imported first".to_owned()),
            ..SourceReport::default()
        });
    }
    let mut numbering = Numbering::after(&known);
    let mut lines = source.open().map_err(unreadable)?;
    let bytes = source.bytes().unwrap_or(0);
    let (digest, unprovable) = match source {
        _ if !lines.is_compressed() => (String::new(), None),
        Source::File(_) => {
            let digest = source.digests(&[bytes]).map_err(unreadable)?.pop();
            (digest.unwrap_or_default(), source.damage().map_err(unreadable)?)
        }
        // What is piped in cannot be examined before it is taken in.
        Source::Stdin => (String::new(), Some("compressed, and shows only at its end whether it was sound".to_owned())),
    };
    (numbering.filtered, numbering.unprovable) = (options.filtered, unprovable.is_some());
    let state = SourceState {
        number: before.map_or(known.last().map_or(1, |last| last.number + 1), |state| state.number),
        name: name.clone(),
        bytes,
        digested: bytes,
        digest,
        connection: before.map_or(numbering.next, |state| state.connection),
        next_connection: numbering.next,
        lines: 0,
        events: 0,
        unparsed: 0,
        duplicates: 0,
        control: 0,
        complete: false,
        truncated: false,
        streams: Vec::new(),
        imported_nanos: options.now_nanos,
    };
    let (spent, used) = sync_channel(BATCHES_UNDER_WAY);
    let mut reading = Reading::new(writer.archive().clone(), options, state, before, numbering, used);
    let (sender, receiver) = sync_channel(BATCHES_UNDER_WAY);
    std::thread::scope(|scope| {
        let reader = std::thread::Builder::new()
            .name("read".to_owned())
            .spawn_scoped(scope, move || {
                let done = reading.run(&mut lines, &sender);
                drop(sender);
                (reading.report, done)
            })
            .map_err(|error| ImportError::Source { name: name.clone(), error })?;
        let appended = append(writer, &receiver, &spent, watch);
        // A reader that waits for room sees the channel close.
        drop(receiver);
        let (mut report, read) = reader.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        report.diverged = appended?;
        report.unprovable = unprovable;
        read?;
        Ok(report)
    })
}

/// What the archive holds of a source already, told by its length and its first bytes.
fn held_of<'a>(source: &Source, known: &'a [SourceState]) -> io::Result<Option<&'a SourceState>> {
    let length = source.bytes();
    let alike = known.iter().filter(|state| Some(state.bytes) == length && !state.digest.is_empty());
    let mut alike: Vec<&SourceState> = alike.collect();
    alike.sort_by_key(|state| state.digested);
    let lengths: Vec<u64> = alike.iter().map(|state| state.digested).collect();
    let digests = source.digests(&lengths)?;
    // Of two attempts that broke off, the one that came further.
    let held = alike.into_iter().zip(digests).rfind(|(state, digest)| state.digest == *digest);
    Ok(held.map(|(state, _)| state))
}

/// Appends what comes; batches that are in the log go back to be filled again.
fn append(
    writer: &mut Writer,
    receiver: &Receiver<Message>,
    spent: &SyncSender<Batch>,
    watch: &dyn Watch,
) -> Result<u64, ImportError> {
    let mut diverged = 0;
    loop {
        match receiver.recv_timeout(COMMIT_INTERVAL) {
            Ok(Message::Batch { mut batch, bytes, frames }) => {
                diverged += writer.append_kept(&mut batch)?.1;
                // One that nobody waits for is let go of.
                let _ = spent.try_send(batch);
                watch.advance(bytes, frames);
            }
            Ok(Message::Seal(answer)) => {
                writer.seal()?;
                // The reader is gone only if it failed, and then its own error is told.
                let _ = answer.send(());
            }
            // What came is not left unsynced because nothing more comes.
            Err(RecvTimeoutError::Timeout) => writer.sync()?,
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    writer.sync()?;
    Ok(diverged)
}

/// Takes in metadata documents; returns how many files and documents there were.
pub fn import_metadata(writer: &mut Writer, files: &[PathBuf]) -> Result<(usize, usize), ImportError> {
    let mut builder = BatchBuilder::default();
    let mut count = 0;
    for path in files {
        for document in metadata::documents(path).map_err(ImportError::Metadata)? {
            builder.push_notice(&Notice::Document(document));
            count += 1;
            if builder.byte_len() > BATCH_BYTES {
                writer.append(builder.finish())?;
            }
        }
    }
    if !builder.is_empty() {
        writer.append(builder.finish())?;
    }
    writer.sync()?;
    Ok((files.len(), count))
}

/// The JSON files that an argument of `--metadata` names.
pub fn metadata_files(argument: &str) -> Result<Vec<PathBuf>, ImportError> {
    metadata::files(argument).map_err(ImportError::Metadata)
}

/// Why an import did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The source cannot be read.
    #[error("cannot read {name}: {error}")]
    Source {
        /// Its name.
        name: String,
        /// What the system says.
        error: io::Error,
    },
    /// A metadata file cannot be read.
    #[error("{0}")]
    Metadata(String),
    /// The archive failed.
    #[error(transparent)]
    Archive(#[from] Error),
    /// The other thread ended first; its error is the one that is told.
    #[error("the import was stopped")]
    Stopped,
}
