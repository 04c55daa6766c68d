//! From a source's lines to log batches: what each line says, whether the archive holds it, and what it proves.

use std::{
    borrow::Cow,
    collections::VecDeque,
    sync::{
        Arc,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
};

use daybook_archive::{
    Archive, Batch, BatchBuilder,
    entry::{Notice, SourceState, StreamEnd, Unparsed},
};
use daybook_book::{Event, EventRecord, ReceivedTime};
use daybook_kalshi::{CaptureLine, ControlKind, Frame, FrameKind};

use super::{
    ImportError, ImportOptions, Message, SourceReport,
    connection::{Change, Connection, Seen},
    held::{Repeats, fingerprint, unparsed_fingerprint},
    numbering::Numbering,
    source::{Digest, Lines, Next},
};

/// Bytes of lines that wait for one that tells its time, at most: the books of a hundred thousand markets.
const WAITING_BYTES: usize = 256 << 20;

/// One source being read.
pub struct Reading<'a> {
    options: &'a ImportOptions,
    /// Lines that an earlier attempt took in: they are read again, for what they say of the sequence, and left out.
    resume_at: u64,
    /// Where the earlier attempt left the source's connections.
    resume_from: Vec<StreamEnd>,
    numbering: Numbering,
    pub report: SourceReport,
    state: SourceState,
    /// Of the bytes read, where the state does not hold it yet.
    digest: Option<Arc<Digest>>,
    connections: Vec<Connection>,
    builder: BatchBuilder,
    /// Batches that were taken in, whose memory the next ones use.
    used: Receiver<Batch>,
    notices: Vec<Notice>,
    repeats: Repeats,
    last_recv: Option<i64>,
    /// Lines that wait for one that tells its time.
    waiting: VecDeque<Vec<u8>>,
    waiting_bytes: usize,
    /// One of them is the line at hand.
    dating: bool,
    frames: u64,
}

impl<'a> Reading<'a> {
    /// A source of which nothing was read. `before` is where an earlier attempt left it.
    pub fn new(
        archive: Archive,
        options: &'a ImportOptions,
        state: SourceState,
        before: Option<&SourceState>,
        numbering: Numbering,
        used: Receiver<Batch>,
    ) -> Reading<'a> {
        Reading {
            repeats: Repeats::new(archive),
            options,
            resume_at: before.map_or(0, |before| before.lines),
            resume_from: before.map(|before| before.streams.clone()).unwrap_or_default(),
            numbering,
            report: SourceReport { source: state.name.clone(), ..SourceReport::default() },
            state,
            digest: None,
            connections: Vec::new(),
            builder: BatchBuilder::default(),
            used,
            notices: Vec::new(),
            last_recv: None,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            dating: false,
            frames: 0,
        }
    }

    /// Reads it to its end.
    pub fn run(&mut self, lines: &mut Lines, sender: &SyncSender<Message>) -> Result<(), ImportError> {
        let progress = lines.progress();
        self.digest = lines.digest();
        let bytes = || progress.load(std::sync::atomic::Ordering::Relaxed);
        self.resume();
        loop {
            let name = &self.state.name;
            let next = lines.poll_line().map_err(|error| ImportError::Source { name: name.clone(), error })?;
            match next {
                Next::Line(line) => {
                    self.count();
                    if !line.iter().all(u8::is_ascii_whitespace) {
                        self.line(line, sender)?;
                    }
                }
                Next::Long { head, bytes } => {
                    self.count();
                    let reason = format!("a line of {bytes} bytes, of which these are the first {}", head.len());
                    let at = self.connection(None);
                    self.unparsed(None, at, &reason, &head, sender)?;
                }
                // What has come is not kept waiting for what may come later.
                Next::Idle if !self.builder.is_empty() && self.waiting.is_empty() => self.send(sender, bytes())?,
                Next::Idle => {}
                Next::End => break,
            }
            self.resume();
            // Lines that wait for their time are not taken in yet, though they were read.
            if self.builder.byte_len() >= self.options.batch_bytes && self.waiting.is_empty() {
                self.send(sender, bytes())?;
            }
        }
        self.date(self.last_recv.unwrap_or(self.options.now_nanos), sender)?;
        self.report.truncated = lines.truncated().map(str::to_owned);
        self.state.truncated = self.report.truncated.is_some();
        self.state.complete = true;
        for connection in &self.connections {
            self.report.holes += connection.holes();
            self.report.reconnects += connection.reconnects();
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

    fn count(&mut self) {
        self.state.lines += 1;
        self.frames += 1;
    }

    /// Where the earlier attempt broke off, its connections are taken up as it left them.
    fn resume(&mut self) {
        if self.state.lines != self.resume_at || self.resume_from.is_empty() {
            return;
        }
        for end in std::mem::take(&mut self.resume_from) {
            let furthest = self.numbering.end(end.connection, end.sid).cloned().unwrap_or_else(|| end.clone());
            self.numbering.adopt(end.connection);
            let at = self.connection(end.label.as_deref());
            self.connections[at].resume(&furthest, end.connection >= self.state.connection);
        }
    }

    fn send(&mut self, sender: &SyncSender<Message>, bytes: u64) -> Result<(), ImportError> {
        if self.resuming() {
            return Ok(());
        }
        self.state.streams = self.connections.iter().flat_map(Connection::stream_ends).collect();
        self.state.streams.sort_by_key(|end| (end.connection, end.sid));
        self.state.next_connection = self.numbering.next;
        if let Some(digest) = &self.digest {
            (self.state.digested, self.state.digest) = digest.get();
            // A file may have grown while it was read.
            self.state.bytes = if self.state.complete { self.state.digested } else { self.state.bytes };
        }
        self.builder.push_notice(&Notice::Source(self.state.clone()));
        let frames = std::mem::take(&mut self.frames);
        let batch = self.builder.finish_into(self.used.try_recv().unwrap_or_default());
        let message = Message::Batch { batch, bytes, frames };
        sender.send(message).map_err(|_| ImportError::Stopped)
    }

    /// Waits until everything before the line at hand is sealed.
    fn seal(&mut self, sender: &SyncSender<Message>) -> Result<(), ImportError> {
        if !self.builder.is_empty() {
            // Whoever goes on after a crash has to read that line, and those that wait, once more.
            let lines = self.state.lines;
            let open = 1 + self.waiting.len() + usize::from(self.dating);
            self.state.lines = lines.saturating_sub(open as u64);
            self.send(sender, 0)?;
            self.state.lines = lines;
        }
        let (answer, answered) = sync_channel(1);
        sender.send(Message::Seal(answer)).map_err(|_| ImportError::Stopped)?;
        answered.recv().map_err(|_| ImportError::Stopped)
    }

    fn resuming(&self) -> bool {
        self.state.lines <= self.resume_at && !self.state.complete
    }

    fn flush_notices(&mut self) {
        for notice in self.notices.drain(..) {
            self.builder.push_notice(&notice);
        }
    }

    fn line(&mut self, line: &[u8], sender: &SyncSender<Message>) -> Result<(), ImportError> {
        let captured = match CaptureLine::parse(line, &self.options.fields) {
            Ok(captured) => captured,
            Err(error) => {
                let at = self.connection(None);
                self.unparsed(None, at, &error.to_string(), line, sender)?;
                return Ok(());
            }
        };
        let Some(recv_ts) = captured.recv_ts else { return self.undated(line, &captured, sender) };
        let recv = recv_ts.nanos();
        self.date(recv, sender)?;
        self.last_recv = Some(recv);
        self.frame(line, &captured.frame, captured.connection.as_deref(), recv, sender)
    }

    /// A frame whose received time nobody wrote down is dated by the venue's stamps. One without a stamp, as snapshots are,
    /// takes the next one: dated by the one before it, it would claim a time in which nobody knows what was lost.
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
            (None, _) if self.waiting_bytes < WAITING_BYTES => {
                self.waiting_bytes += line.len();
                self.waiting.push_back(line.to_owned());
                return Ok(());
            }
            (None, last) => {
                // More cannot be kept waiting, and what has a time that is made up proves nothing.
                self.numbering.unprovable = true;
                last.unwrap_or(self.options.now_nanos)
            }
        };
        self.date(recv, sender)?;
        self.last_recv = Some(recv);
        self.frame(line, &captured.frame, captured.connection.as_deref(), recv, sender)
    }

    /// Dates the lines that wait.
    fn date(&mut self, recv: i64, sender: &SyncSender<Message>) -> Result<(), ImportError> {
        self.dating = true;
        while let Some(line) = self.waiting.pop_front() {
            if let Ok(captured) = CaptureLine::parse(&line, &self.options.fields) {
                self.frame(&line, &captured.frame, captured.connection.as_deref(), recv, sender)?;
            }
        }
        self.dating = false;
        self.waiting_bytes = 0;
        Ok(())
    }

    /// The place of the connection of this name.
    fn connection(&mut self, label: Option<&str>) -> usize {
        let known = self.connections.iter().position(|connection| connection.label() == label);
        known.unwrap_or_else(|| {
            self.connections.push(Connection::new(label));
            self.connections.len() - 1
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
        let at = self.connection(label);
        let seen = |sid, seq, kind| Seen { sid, seq, kind, ticker: None, ts: None, recv, frame: bytes };
        match Frame::parse(bytes) {
            Err(error) => {
                let seen = seen(error.sid, error.seq, FrameKind::Other);
                if seen.sid.is_some() && seen.seq.is_some() {
                    self.connections[at].read(&seen);
                }
                self.not_understood(at, &seen, &error.to_string(), line, sender)
            }
            Ok(Frame::Event { sid, seq, sent_ts, event, extra }) => {
                let recv_ts = ReceivedTime::from_nanos(recv);
                let record = EventRecord { recv_ts, connection: 0, sid, seq, sent_ts, event, extra };
                self.event(at, record, bytes, line, sender)
            }
            Ok(frame @ Frame::Control { .. }) => {
                let change = match &frame {
                    Frame::Control { kind: ControlKind::Ok { markets }, seq: Some(_), .. } => Some(match markets {
                        Some(markets) => Change::Carries(markets.iter().map(|ticker| ticker.to_string()).collect()),
                        None => Change::Untold,
                    }),
                    _ => None,
                };
                self.control(at, &seen(frame.sid(), frame.seq(), frame.kind()), change);
                Ok(())
            }
            Ok(Frame::Unknown { frame_type, sid, seq }) => {
                let seen = seen(sid, seq, FrameKind::Other);
                if self.connections[at].read(&seen) {
                    self.state.duplicates += u64::from(!self.resuming());
                    return Ok(());
                }
                let reason = format!("unknown frame type {frame_type}");
                if !self.unparsed(Some(recv), at, &reason, line, sender)? {
                    self.connections[at].unknown(&seen, &mut self.notices);
                    self.flush_notices();
                }
                Ok(())
            }
        }
    }

    fn control(&mut self, at: usize, seen: &Seen<'_>, change: Option<Change>) {
        let connection = &mut self.connections[at];
        let counts = seen.seq.is_some() || seen.kind == FrameKind::End;
        let duplicate = counts && connection.read(seen);
        if self.state.lines <= self.resume_at {
            connection.skip(seen);
        } else if duplicate {
            self.state.duplicates += 1;
        } else {
            if counts {
                connection.control(seen, change, &self.numbering, &mut self.notices);
                self.flush_notices();
            }
            self.state.control += 1;
        }
    }

    fn event(
        &mut self,
        at: usize,
        mut record: EventRecord<'_>,
        frame: &[u8],
        line: &[u8],
        sender: &SyncSender<Message>,
    ) -> Result<(), ImportError> {
        let snapshot = matches!(record.event, Event::Snapshot(_));
        let book = snapshot || matches!(record.event, Event::Delta(_));
        let seen = &Seen {
            sid: record.sid,
            seq: record.seq,
            kind: if snapshot { FrameKind::Snapshot } else { FrameKind::Other },
            ticker: record.event.ticker(),
            ts: record.event.ts().map(|ts| ts.micros().saturating_mul(1_000)),
            recv: record.recv_ts.nanos(),
            frame,
        };
        if self.connections[at].read(seen) {
            self.state.duplicates += u64::from(!self.resuming());
            return Ok(());
        }
        if let Err(reason) = daybook_archive::storable(&record) {
            return self.not_understood(at, seen, &reason, line, sender);
        }
        if self.resuming() {
            self.connections[at].skip(seen);
            self.repeats.read(seen.recv);
            return Ok(());
        }
        let held = self.holder(at, &record, sender)?;
        let connection = &mut self.connections[at];
        if let Some(holder) = held {
            connection.repeat(seen, holder, book, &mut self.notices);
            self.state.duplicates += 1;
            self.flush_notices();
            return Ok(());
        }
        record.connection = connection.take(seen, &mut self.numbering, &mut self.notices);
        self.flush_notices();
        self.builder.push_event(&record);
        self.state.events += 1;
        self.repeats.add(seen.ticker, record.connection, || fingerprint(&record));
        Ok(())
    }

    /// The connection over which the archive holds the event already.
    fn holder(
        &mut self,
        at: usize,
        record: &EventRecord<'_>,
        sender: &SyncSender<Message>,
    ) -> Result<Option<u32>, ImportError> {
        let recv = record.recv_ts.nanos();
        if self.connections[at].went_back() {
            self.repeats.go_back();
            self.look(sender)?;
        }
        self.repeats.read(recv);
        if self.repeats.is_new(Some(recv)) {
            return Ok(None);
        }
        self.look(sender)?;
        let connection = &self.connections[at];
        let may_be = |holder| connection.may_be(holder, &self.numbering);
        Ok(self.repeats.take(record.event.ticker(), Some(recv), fingerprint(record), may_be)?)
    }

    /// Seals what was taken in, if the archive is to be asked for it.
    fn look(&mut self, sender: &SyncSender<Message>) -> Result<(), ImportError> {
        if self.repeats.wants_sealing() {
            self.seal(sender)?;
            self.repeats.sealed();
        }
        Ok(())
    }

    /// A frame that says nothing that is understood about what it is.
    fn not_understood(
        &mut self,
        at: usize,
        seen: &Seen<'_>,
        reason: &str,
        line: &[u8],
        sender: &SyncSender<Message>,
    ) -> Result<(), ImportError> {
        let numbered = seen.sid.is_some() && seen.seq.is_some();
        let recv = Some(seen.recv);
        let held = self.unparsed(recv, at, reason, line, sender)?;
        if !held && (numbered || memchr::memmem::find(seen.frame, b"orderbook_").is_some()) {
            self.connections[at].unreadable(seen.sid, seen.seq, &mut self.notices);
            self.flush_notices();
        }
        Ok(())
    }

    /// Keeps a line that is not understood. Returns whether the archive held it already, or is none of this attempt's.
    fn unparsed(
        &mut self,
        recv: Option<i64>,
        at: usize,
        reason: &str,
        line: &[u8],
        sender: &SyncSender<Message>,
    ) -> Result<bool, ImportError> {
        if self.resuming() {
            return Ok(true);
        }
        let raw = String::from_utf8_lossy(line);
        let fingerprint = unparsed_fingerprint(&raw);
        if !self.repeats.is_new(recv) {
            self.look(sender)?;
            if self.repeats.take(None, recv, fingerprint, |_| true)?.is_some() {
                self.state.duplicates += 1;
                return Ok(true);
            }
        }
        let reason = match raw {
            Cow::Borrowed(_) => reason.to_owned(),
            Cow::Owned(_) => format!("not UTF-8 (shown with replacement characters): {reason}"),
        };
        let connection = self.connections[at].any_number(&mut self.numbering);
        self.builder.push_unparsed(&Unparsed {
            recv_ts: recv.map(ReceivedTime::from_nanos),
            connection,
            reason: reason.clone().into(),
            origin: format!("{}:{}", self.state.name, self.state.lines).into(),
            raw,
        });
        self.repeats.add(None, connection, || fingerprint);
        self.state.unparsed += 1;
        let kind = reason.split(" at byte ").next().unwrap_or(&reason).to_owned();
        *self.report.reasons.entry(kind).or_default() += 1;
        Ok(false)
    }
}
