//! Captures into the archive: read, understood, proven as far as their numbers go, and never taken in twice.
//!
//! A reading thread parses lines into log batches; the calling thread appends them. Every batch ends with how far the
//! source has come, so an import that is cut off goes on where it stopped.

mod metadata;
mod overlap;
mod source;
mod stream;

use std::{
    collections::BTreeMap,
    io,
    path::PathBuf,
    sync::mpsc::{Receiver, SyncSender, sync_channel},
};

use daybook_archive::{
    Archive, Batch, BatchBuilder, Clock, Error, Writer,
    entry::{Notice, SourceState, StreamEnd, Unparsed},
    schema::Table,
};
use daybook_book::{Event, EventRecord, ReceivedTime};
use daybook_kalshi::{CaptureLine, Frame, FrameKind, WrapperFields};
use hashbrown::HashMap;

pub use source::{Source, expand};

use overlap::{Held, fingerprint, unparsed_fingerprint};
use stream::{Connection, Seen, Verdict};

/// How captures are read.
#[derive(Clone, Debug, Default)]
pub struct ImportOptions {
    /// Names of the wrapper's fields.
    pub fields: WrapperFields,
    /// The captures hold a selection of their subscriptions' markets: holes in the numbers are no loss.
    pub filtered: bool,
    /// Now, in nanoseconds since the Unix epoch.
    pub now_nanos: i64,
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

/// Batches under way between the threads: what bounds the memory.
const BATCHES_UNDER_WAY: usize = 4;
/// Bytes of a batch.
const BATCH_BYTES: usize = 1 << 20;

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
    let digest = source.digest().map_err(unreadable)?;
    let known = writer.archive().sources_imported()?;
    let before = digest.as_ref().and_then(|digest| known.iter().find(|state| state.digest == *digest));
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
    let next_connection = known
        .iter()
        .flat_map(|state| state.streams.iter().map(|end| end.connection).chain([state.connection]))
        .max()
        .map_or(1, |last| last + 1);
    let mut ends: Vec<StreamEnd> = Vec::new();
    for state in known.iter().filter(|state| state.complete) {
        ends.extend(state.streams.iter().cloned());
    }
    let state = SourceState {
        digest: digest.unwrap_or_else(|| format!("stdin-{}", options.now_nanos)),
        name: name.clone(),
        bytes: source.bytes().unwrap_or(0),
        connection: before.map_or(next_connection, |state| state.connection),
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
    let mut reading = Reading {
        archive: writer.archive().clone(),
        options,
        resume_at: before.map_or(0, |state| state.lines),
        next_connection: state.connection,
        report: SourceReport { source: name.clone(), ..SourceReport::default() },
        state,
        ends,
        connections: HashMap::new(),
        builder: BatchBuilder::default(),
        notices: Vec::new(),
        markets: HashMap::new(),
        held_elsewhere: None,
        overlaps: false,
        last_recv: None,
        waiting: Vec::new(),
        frames: 0,
    };
    let mut lines = source.open().map_err(unreadable)?;
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
        let appended = append(writer, &receiver, watch);
        // A reader that waits for room sees the channel close.
        drop(receiver);
        let (mut report, read) = reader.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        report.diverged = appended?;
        read?;
        Ok(report)
    })
}

fn append(writer: &mut Writer, receiver: &Receiver<Message>, watch: &dyn Watch) -> Result<u64, ImportError> {
    let mut diverged = 0;
    for message in receiver {
        match message {
            Message::Batch { batch, bytes, frames } => {
                diverged += writer.append(batch)?.1;
                watch.advance(bytes, frames);
            }
            Message::Seal(answer) => {
                writer.seal()?;
                // The reader is gone only if it failed, and then its own error is told.
                let _ = answer.send(());
            }
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

struct Reading<'a> {
    archive: Archive,
    options: &'a ImportOptions,
    /// Lines that an earlier attempt took in: they are read again, for what they say of the sequence, and left out.
    resume_at: u64,
    next_connection: u32,
    report: SourceReport,
    state: SourceState,
    ends: Vec<StreamEnd>,
    connections: HashMap<Option<String>, Connection>,
    builder: BatchBuilder,
    notices: Vec<Notice>,
    /// What the archive held of each market seen, where the source may overlap it.
    markets: HashMap<Box<str>, Option<Held>>,
    held_elsewhere: Option<Held>,
    /// Some of the source was held already.
    overlaps: bool,
    last_recv: Option<i64>,
    /// Lines before the first that tells its time.
    waiting: Vec<Vec<u8>>,
    frames: u64,
}

impl Reading<'_> {
    fn run(&mut self, lines: &mut source::Lines, sender: &SyncSender<Message>) -> Result<(), ImportError> {
        let progress = lines.progress();
        let bytes = || progress.load(std::sync::atomic::Ordering::Relaxed);
        loop {
            let name = &self.state.name;
            let line = lines.next_line().map_err(|error| ImportError::Source { name: name.clone(), error })?;
            let Some(line) = line else { break };
            self.state.lines += 1;
            self.frames += 1;
            if !line.iter().all(u8::is_ascii_whitespace) {
                self.line(line, sender)?;
            }
            if self.builder.byte_len() >= BATCH_BYTES {
                self.send(sender, bytes())?;
            }
        }
        if !self.waiting.is_empty() {
            self.date(self.options.now_nanos, sender)?;
        }
        self.report.truncated = lines.truncated().map(str::to_owned);
        self.state.truncated = self.report.truncated.is_some();
        self.state.complete = true;
        for connection in self.connections.values() {
            self.report.holes += connection.holes();
            connection.end(&mut self.notices);
        }
        self.flush_notices();
        self.send(sender, bytes())?;
        self.report.lines = self.state.lines;
        self.report.events = self.state.events;
        self.report.unparsed = self.state.unparsed;
        self.report.duplicates = self.state.duplicates;
        self.report.control = self.state.control;
        Ok(())
    }

    fn send(&mut self, sender: &SyncSender<Message>, bytes: u64) -> Result<(), ImportError> {
        if self.state.lines < self.resume_at {
            return Ok(());
        }
        self.state.streams = self.connections.values().flat_map(Connection::stream_ends).collect();
        self.builder.push_notice(&Notice::Source(self.state.clone()));
        let frames = std::mem::take(&mut self.frames);
        let message = Message::Batch { batch: self.builder.finish(), bytes, frames };
        sender.send(message).map_err(|_| ImportError::Stopped)
    }

    /// Waits until everything so far is sealed.
    fn seal(&mut self, sender: &SyncSender<Message>) -> Result<(), ImportError> {
        if !self.builder.is_empty() {
            self.send(sender, 0)?;
        }
        let (answer, answered) = sync_channel(1);
        sender.send(Message::Seal(answer)).map_err(|_| ImportError::Stopped)?;
        answered.recv().map_err(|_| ImportError::Stopped)
    }

    fn resuming(&self) -> bool {
        self.state.lines <= self.resume_at
    }

    fn flush_notices(&mut self) {
        let resuming = self.resuming() && !self.state.complete;
        for mut notice in self.notices.drain(..) {
            // A source that overlaps what the archive holds is taken in with holes: its numbers prove nothing more.
            if let Notice::Provable { provable, .. } = &mut notice {
                *provable &= !self.overlaps;
            }
            if !resuming {
                self.builder.push_notice(&notice);
            }
        }
    }

    fn line(&mut self, line: &[u8], sender: &SyncSender<Message>) -> Result<(), ImportError> {
        let captured = match CaptureLine::parse(line, &self.options.fields) {
            Ok(captured) => captured,
            Err(error) => return self.unparsed(None, None, &error.to_string(), line, sender),
        };
        if captured.recv_ts.is_none() {
            return self.undated(line, &captured, sender);
        }
        let recv = captured.recv_ts.map(|recv| recv.nanos());
        if let Some(recv) = recv.filter(|_| !self.waiting.is_empty()) {
            self.date(recv, sender)?;
        }
        self.last_recv = recv;
        let recv = recv.unwrap_or(self.options.now_nanos);
        self.frame(line, &captured.frame, captured.connection.as_deref(), recv, sender)
    }

    /// A frame whose received time nobody wrote down is dated by the venue's stamps, or by the frame before it.
    fn undated(
        &mut self,
        line: &[u8],
        captured: &CaptureLine<'_>,
        sender: &SyncSender<Message>,
    ) -> Result<(), ImportError> {
        self.report.undated += 1;
        let stamp = match Frame::parse(&captured.frame) {
            Ok(Frame::Event { sent_ts, event, .. }) => {
                sent_ts.or(event.ts()).map(|ts| ts.micros().saturating_mul(1_000))
            }
            _ => None,
        };
        let recv = match (stamp, self.last_recv) {
            (Some(stamp), last) => stamp.max(last.unwrap_or(stamp)),
            (None, Some(last)) => last,
            (None, None) => {
                self.waiting.push(line.to_owned());
                return Ok(());
            }
        };
        if !self.waiting.is_empty() {
            self.date(recv, sender)?;
        }
        self.last_recv = Some(recv);
        self.frame(line, &captured.frame, captured.connection.as_deref(), recv, sender)
    }

    /// Dates the lines that came before the first that tells its time.
    fn date(&mut self, recv: i64, sender: &SyncSender<Message>) -> Result<(), ImportError> {
        for line in std::mem::take(&mut self.waiting) {
            if let Ok(captured) = CaptureLine::parse(&line, &self.options.fields) {
                self.frame(&line, &captured.frame, captured.connection.as_deref(), recv, sender)?;
            }
        }
        Ok(())
    }

    fn connection(&mut self, label: Option<&str>) -> &mut Connection {
        let key = label.map(str::to_owned);
        let next = &mut self.next_connection;
        self.connections.entry(key).or_insert_with(|| {
            *next += 1;
            Connection::new(*next - 1)
        })
    }

    fn frame(
        &mut self,
        line: &[u8],
        bytes: &[u8],
        label: Option<&str>,
        recv: i64,
        sender: &SyncSender<Message>,
    ) -> Result<(), ImportError> {
        let frame = match Frame::parse(bytes) {
            Ok(frame) => frame,
            Err(error) => {
                if memchr::memmem::find(bytes, b"orderbook_").is_some() {
                    let mut notices = std::mem::take(&mut self.notices);
                    self.connection(label).unreadable(&mut notices);
                    self.notices = notices;
                }
                return self.unparsed(Some(recv), label, &error.to_string(), line, sender);
            }
        };
        let mut notices = std::mem::take(&mut self.notices);
        let (ticker, ts) = match &frame {
            Frame::Event { event, .. } => (event.ticker(), event.ts().map(|ts| ts.micros().saturating_mul(1_000))),
            _ => (None, None),
        };
        let seen = Seen { sid: frame.sid(), seq: frame.seq(), kind: frame.kind(), ticker, ts, recv, frame: bytes };
        let numbers = matches!(&frame, Frame::Event { .. } | Frame::Unknown { .. }) || frame.consumes_seq();
        let filtered = self.options.filtered;
        let mut verdict = Verdict::Take;
        if numbers || seen.kind == FrameKind::End {
            verdict = self.connection(label).observe(&seen, filtered, &mut notices);
            if verdict == Verdict::Reconnect {
                self.report.reconnects += 1;
                let number = self.next_connection;
                self.next_connection += 1;
                let connection = self.connection(label);
                connection.reconnected(number, &mut notices);
                verdict = connection.observe(&seen, filtered, &mut notices);
                // What comes now may go back in time: a file that holds another twice.
                self.markets.clear();
            }
        }
        self.notices = notices;
        if verdict == Verdict::Duplicate {
            self.state.duplicates += u64::from(!self.resuming());
            return Ok(());
        }
        match frame {
            Frame::Control { .. } => {
                self.state.control += u64::from(!self.resuming());
                self.flush_notices();
                Ok(())
            }
            Frame::Unknown { frame_type, sid, .. } => {
                let mut notices = std::mem::take(&mut self.notices);
                self.connection(label).unknown(sid, &mut notices);
                self.notices = notices;
                self.unparsed(Some(recv), label, &format!("unknown frame type {frame_type}"), line, sender)
            }
            Frame::Event { sid, seq, sent_ts, event, extra } => {
                let record = EventRecord {
                    recv_ts: ReceivedTime::from_nanos(recv),
                    connection: 0,
                    sid,
                    seq,
                    sent_ts,
                    event,
                    extra,
                };
                if let Err(reason) = daybook_archive::storable(&record) {
                    let mut notices = std::mem::take(&mut self.notices);
                    self.connection(label).unreadable(&mut notices);
                    self.notices = notices;
                    return self.unparsed(Some(recv), label, &reason, line, sender);
                }
                self.event(record, label, sender)
            }
        }
    }

    fn event(
        &mut self,
        mut record: EventRecord<'_>,
        label: Option<&str>,
        sender: &SyncSender<Message>,
    ) -> Result<(), ImportError> {
        if self.resuming() {
            // The earlier attempt took it in. What it said of the sequence has been noted; nothing is told again.
            self.notices.clear();
            self.connection(label).used = true;
            return Ok(());
        }
        let held = self.is_held(&record, sender)?;
        if held {
            self.state.duplicates += 1;
            self.overlaps = true;
            // What the archive holds belongs to the stream that brought it: this one has a hole there.
            let mut notices = std::mem::take(&mut self.notices);
            notices.clear();
            let connection = self.connection(label);
            if connection.used {
                connection.end(&mut notices);
                connection.used = false;
            }
            self.notices = notices;
            self.flush_notices();
            return Ok(());
        }
        if !self.connection(label).used {
            self.adopt(&record, label);
        }
        self.flush_notices();
        let connection = self.connection(label);
        connection.used = true;
        record.connection = connection.number;
        self.builder.push_event(&record);
        self.state.events += 1;
        Ok(())
    }

    /// A stream that begins here may be the rest of one that an earlier source left.
    fn adopt(&mut self, record: &EventRecord<'_>, label: Option<&str>) {
        let (Some(sid), Some(seq)) = (record.sid, record.seq) else { return };
        if matches!(record.event, Event::Snapshot(_)) && seq <= 1 {
            return;
        }
        let (ticker, recv) = (record.event.ticker(), record.recv_ts.nanos());
        let fits = |end: &&StreamEnd| {
            let follows = end.seq.checked_add(1) == Some(seq);
            let only = end.ticker.is_some() && end.ticker.as_deref() == ticker && seq > end.seq;
            end.sid == sid && recv >= end.recv_nanos && (follows || only)
        };
        let best = self.ends.iter().filter(fits).max_by_key(|end| (end.seq + 1 == seq, end.recv_nanos)).cloned();
        let number = self.connection(label).number;
        if let Some(end) = best.filter(|end| end.connection != number) {
            // Over the seam between two sources nothing is proven, on any subscription, until the next snapshot.
            let sids = self.ends.iter().filter(|other| other.connection == end.connection).map(|other| other.sid);
            let mut notices: Vec<Notice> = sids
                .map(|sid| Notice::Provable { connection: end.connection, sid: Some(sid), provable: false })
                .collect();
            notices.push(Notice::Unproven { connection: end.connection, sid: None });
            self.connection(label).adopt(&end);
            self.notices.splice(0..0, notices);
        }
    }

    /// Whether the archive holds the event already.
    fn is_held(&mut self, record: &EventRecord<'_>, sender: &SyncSender<Message>) -> Result<bool, ImportError> {
        let recv = record.recv_ts.nanos();
        let Some(ticker) = record.event.ticker() else {
            return Ok(self.held_elsewhere(sender)?.take(fingerprint(record)));
        };
        if !self.markets.contains_key(ticker) {
            let overlaps = self.last_held(ticker, sender)?.is_some_and(|last| recv <= last);
            let held = if overlaps {
                self.seal(sender)?;
                Some(Held::load(&self.archive, Some(ticker))?)
            } else {
                None
            };
            self.markets.insert(ticker.into(), held);
        }
        match self.markets.get_mut(ticker) {
            Some(Some(held)) if held.reaches(recv) => Ok(held.take(fingerprint(record))),
            _ => Ok(false),
        }
    }

    /// Received time of the last event that the archive holds of a market.
    fn last_held(&mut self, ticker: &str, sender: &SyncSender<Message>) -> Result<Option<i64>, ImportError> {
        let connections = self.report.reconnects > 0;
        if connections {
            // This very source may have brought it.
            self.seal(sender)?;
        }
        let intervals = self.archive.timeline(ticker)?;
        let books = intervals
            .and_then(|timeline| timeline.intervals().iter().map(|interval| interval.bounds(Clock::Received).1).max());
        if books.is_some() {
            return Ok(books);
        }
        let others = [Table::Trades, Table::Tickers];
        for table in others {
            if self.archive.has_rows(table, ticker)? {
                return Ok(Some(i64::MAX));
            }
        }
        Ok(None)
    }

    fn held_elsewhere(&mut self, sender: &SyncSender<Message>) -> Result<&mut Held, ImportError> {
        if self.held_elsewhere.is_none() {
            self.seal(sender)?;
            self.held_elsewhere = Some(Held::load(&self.archive, None)?);
        }
        Ok(self.held_elsewhere.get_or_insert_default())
    }

    fn unparsed(
        &mut self,
        recv: Option<i64>,
        label: Option<&str>,
        reason: &str,
        line: &[u8],
        sender: &SyncSender<Message>,
    ) -> Result<(), ImportError> {
        if self.resuming() {
            self.notices.clear();
            return Ok(());
        }
        let raw = String::from_utf8_lossy(line);
        if self.held_elsewhere(sender)?.take(unparsed_fingerprint(&raw)) {
            self.notices.clear();
            self.state.duplicates += 1;
            return Ok(());
        }
        self.flush_notices();
        let reason = match raw {
            std::borrow::Cow::Borrowed(_) => reason.to_owned(),
            std::borrow::Cow::Owned(_) => format!("not UTF-8 (shown with replacement characters): {reason}"),
        };
        let connection = self.connection(label).number;
        self.builder.push_unparsed(&Unparsed {
            recv_ts: recv.map(ReceivedTime::from_nanos),
            connection,
            reason: reason.clone().into(),
            origin: format!("{}:{}", self.state.name, self.state.lines).into(),
            raw,
        });
        self.state.unparsed += 1;
        let kind = reason.split(" at byte ").next().unwrap_or(&reason).to_owned();
        *self.report.reasons.entry(kind).or_default() += 1;
        Ok(())
    }
}
