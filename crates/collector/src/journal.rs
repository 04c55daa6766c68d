//! From the session's facts to the log's entries: what happened, and what of it the record may claim.
//!
//! A pure state machine. The session says when a market's book can be trusted; the journal says the same to the archive in
//! its words, and folds the books besides, so that a delta that does not fit, and a fresh snapshot that differs, are
//! noticed at once.

use daybook_archive::{
    Batch, BatchBuilder,
    entry::{Cause, Document, Notice, SourceState, Unparsed, storable},
};
use daybook_book::{Book, Event, EventRecord, ReceivedTime, Side, Snapshot, Ticker};
use daybook_kalshi::{Channel, Fact, GapCause, GapOpened};
use hashbrown::HashMap;

use crate::hearing::Hearing;

/// What a connection and one of its subscriptions are called.
pub(crate) type Stream = (u32, u32);

/// A market's book as the facts so far make it.
#[derive(Debug)]
struct Held {
    stream: Stream,
    /// Whether it is the venue's book, as far as anybody can know.
    trusted: bool,
    book: Book,
}

/// What the journal has seen, for whoever watches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Events taken in.
    pub events: u64,
    /// Frames that were not understood, or that the archive has no place for.
    pub unparsed: u64,
    /// Events that were no part of the record: repeated, late, or of no subscription.
    pub surplus: u64,
    /// Times that a market's book could not be trusted any more.
    pub gaps: u64,
    /// Fresh snapshots of trusted books that were equal to them.
    pub audits_equal: u64,
    /// Fresh snapshots of trusted books that were not.
    pub audits_unequal: u64,
    /// Deltas that did not fit a trusted book.
    pub divergences: u64,
    /// Books trusted now.
    pub trusted: u64,
    /// Books subscribed to, trusted or not, that had an event.
    pub books: u64,
}

/// Takes facts in and gives batches of log entries out.
pub struct Journal {
    builder: BatchBuilder,
    books: HashMap<Ticker, Held>,
    /// Trusted books by subscription.
    trusted: HashMap<Stream, u64>,
    hearing: Hearing,
    distrusted: Vec<Ticker>,
    lifecycle: Vec<EventRecord<'static>>,
    counts: Counts,
    /// The origin of what is not understood.
    origin: String,
    /// Connections go down now because the recording ends.
    stopping: bool,
}

impl Journal {
    /// An empty journal; `origin` says where frames come from.
    pub fn new(origin: String) -> Journal {
        Journal {
            builder: BatchBuilder::default(),
            books: HashMap::new(),
            trusted: HashMap::new(),
            hearing: Hearing::default(),
            distrusted: Vec::new(),
            lifecycle: Vec::new(),
            counts: Counts::default(),
            origin,
            stopping: false,
        }
    }

    /// Takes a fact in.
    pub fn take(&mut self, fact: Fact<'_>) {
        match fact {
            Fact::Event(record) => self.event(record),
            Fact::Surplus(..) => self.counts.surplus += 1,
            Fact::Message(message) => {
                let reason = format!("frame type {} has no table", message.frame_type);
                self.unparsed(message.recv_ts, message.connection, &reason, &message.frame);
            }
            Fact::Unreadable(frame) => {
                let raw = String::from_utf8_lossy(&frame.frame);
                let reason = format!("byte {}: {}", frame.offset, frame.reason);
                self.unparsed(frame.recv_ts, frame.connection, &reason, &raw);
            }
            Fact::GapOpened(gap) => self.gap_opened(&gap),
            Fact::GapClosed(gap) => {
                if let Some(held) = gap.market.as_ref().and_then(|market| self.books.get_mut(market))
                    && !held.trusted
                {
                    held.trusted = true;
                    *self.trusted.entry(held.stream).or_default() += 1;
                    self.counts.trusted += 1;
                }
            }
            Fact::SubscriptionBegun { connection, sid, channel: Channel::OrderbookDelta, .. } => {
                // Until the venue has said so much, a snapshot claims nothing.
                self.builder.push_notice(&Notice::Provable { connection, sid: Some(sid), provable: true });
            }
            Fact::MarketsRemoved { connection, channel: Channel::OrderbookDelta, markets, .. } => {
                for market in markets.iter() {
                    self.forget(market);
                    let ticker = Some(market.as_str().to_owned());
                    let cause = Cause::NotRecorded;
                    self.builder.push_notice(&Notice::Lost { connection, sid: None, ticker, cause });
                }
            }
            Fact::ConnectionDown { connection, .. } => self.hearing.forget(connection),
            Fact::SubscriptionBegun { .. }
            | Fact::MarketsRemoved { .. }
            | Fact::SubscriptionEnded { .. }
            | Fact::ConnectionUp { .. }
            | Fact::ConnectFailed { .. }
            | Fact::CommandRefused { .. } => {}
        }
    }

    fn event(&mut self, record: EventRecord<'_>) {
        if let Err(reason) = storable(&record) {
            return self.not_storable(&record, &reason);
        }
        let stream = record.sid.map(|sid| (record.connection, sid));
        if let (Event::Snapshot(snapshot), Some(stream)) = (&record.event, stream) {
            self.hearing.heard(stream, record.recv_ts, snapshot.ts);
            if self.confirms(stream, snapshot) {
                self.counts.audits_equal += 1;
                return;
            }
        }
        self.counts.events += 1;
        self.builder.push_event(&record);
        match &record.event {
            Event::Delta(delta) => {
                if let Some(stream) = stream {
                    self.hearing.heard(stream, record.recv_ts, delta.ts);
                }
                if let Some(held) = self.books.get_mut(&*delta.ticker)
                    && held.trusted
                    && Some(held.stream) == stream
                    && held.book.apply(delta.side, delta.price, delta.quantity).is_err()
                {
                    self.counts.divergences += 1;
                    self.distrust(&delta.ticker);
                }
            }
            Event::Snapshot(snapshot) => {
                if let Some(stream) = stream {
                    self.snapshot(stream, snapshot);
                }
            }
            Event::Lifecycle(_) => self.lifecycle.push(record.into_owned()),
            Event::Trade(_) | Event::Ticker(_) => {}
        }
    }

    /// Whether a snapshot shows a trusted book as it is held. It is no event then: nothing happened. Had it a place in the
    /// record, it would move the market's time to when it came, since it has no stamp, and whatever the venue stamped
    /// before, but sent after it, would seem to have happened later than it did.
    fn confirms(&self, stream: Stream, snapshot: &Snapshot<'_>) -> bool {
        let held = self.books.get(&*snapshot.ticker).filter(|held| held.trusted && held.stream == stream);
        held.is_some_and(|held| {
            let levels = [(Side::Yes, &snapshot.yes), (Side::No, &snapshot.no)];
            levels.into_iter().all(|(side, levels)| {
                let resting = levels.iter().filter(|(_, size)| !size.is_zero());
                held.book.len(side) == resting.clone().count()
                    && resting.clone().all(|(price, size)| held.book.level(side, *price) == *size)
            })
        })
    }

    /// A whole book. The session hands on only what is to be applied.
    fn snapshot(&mut self, stream: Stream, snapshot: &Snapshot<'_>) {
        let levels = (snapshot.yes.iter().copied(), snapshot.no.iter().copied());
        let Ok(book) = Book::from_levels(levels.0, levels.1) else {
            // What the archive can store is a book.
            return;
        };
        let Some(held) = self.books.get_mut(&*snapshot.ticker) else {
            if let Ok(ticker) = snapshot.ticker.parse() {
                self.books.insert(ticker, Held { stream, trusted: false, book });
                self.counts.books += 1;
            }
            return;
        };
        if held.trusted && held.stream == stream {
            // The venue closes a market with an empty snapshot that nobody asked for.
            self.counts.audits_unequal += u64::from(!book.is_empty());
        } else if held.trusted {
            // Another connection carries the market now.
            held.trusted = false;
            let before = held.stream;
            self.count_off(before);
        }
        if let Some(held) = self.books.get_mut(&*snapshot.ticker) {
            held.stream = stream;
            held.book = book;
        }
    }

    fn count_off(&mut self, stream: Stream) {
        if let Some(trusted) = self.trusted.get_mut(&stream) {
            *trusted = trusted.saturating_sub(1);
        }
        self.counts.trusted = self.counts.trusted.saturating_sub(1);
    }

    /// Drops the trust in a market's book, and has the session do the same.
    fn distrust(&mut self, ticker: &str) {
        let Some((key, held)) = self.books.get_key_value_mut(ticker) else { return };
        let (key, stream, trusted) = (key.clone(), held.stream, std::mem::take(&mut held.trusted));
        if trusted {
            self.count_off(stream);
        }
        self.distrusted.push(key);
    }

    fn forget(&mut self, market: &Ticker) {
        if let Some(held) = self.books.remove(market) {
            self.counts.books -= 1;
            if held.trusted {
                self.count_off(held.stream);
            }
        }
    }

    fn gap_opened(&mut self, gap: &GapOpened) {
        if gap.channel != Channel::OrderbookDelta {
            return;
        }
        if self.stopping && gap.cause == GapCause::Disconnected {
            // Nothing is lost: it is complete as far as the connection was heard.
            return self.tell_heard();
        }
        self.counts.gaps += gap.markets.len() as u64;
        let cause = cause_of(gap.cause);
        let (connection, sid) = (gap.connection, gap.sid);
        let stream = sid.map(|sid| (connection, sid));
        let all = stream.and_then(|stream| self.trusted.get(&stream).copied());
        if all.is_some_and(|all| all > 0 && all == gap.markets.len() as u64) {
            // One notice for all of them: those of the subscription that are not named were not trusted before.
            self.builder.push_notice(&Notice::Lost { connection, sid, ticker: None, cause });
        } else {
            for market in gap.markets.iter() {
                let ticker = Some(market.as_str().to_owned());
                self.builder.push_notice(&Notice::Lost { connection, sid, ticker, cause });
            }
        }
        for market in gap.markets.iter() {
            if let Some(held) = self.books.get_mut(market)
                && held.trusted
                && held.stream.0 == connection
            {
                held.trusted = false;
                let stream = held.stream;
                self.count_off(stream);
            }
        }
    }
}

impl Journal {
    /// An event that the archive's tables cannot hold: kept as text, and its market's book cannot be told any more.
    fn not_storable(&mut self, record: &EventRecord<'_>, reason: &str) {
        let raw = format!("{:?}", record.event);
        self.unparsed(record.recv_ts, record.connection, reason, &raw);
        let book = matches!(record.event, Event::Delta(_) | Event::Snapshot(_));
        if let Some(ticker) = record.event.ticker().filter(|_| book) {
            let (connection, ticker_text) = (record.connection, Some(ticker.to_owned()));
            let cause = Cause::Unparsed;
            self.builder.push_notice(&Notice::Lost { connection, sid: record.sid, ticker: ticker_text, cause });
            self.distrust(ticker);
        }
    }

    fn unparsed(&mut self, recv_ts: ReceivedTime, connection: u32, reason: &str, raw: &str) {
        self.counts.unparsed += 1;
        let origin = self.origin.as_str().into();
        let (reason, raw) = (reason.into(), raw.into());
        self.builder.push_unparsed(&Unparsed { recv_ts: Some(recv_ts), connection, reason, origin, raw });
    }

    /// Has the record say how far quiet markets are known to have been quiet: as far as their subscription was heard.
    pub fn tell_heard(&mut self) {
        for notice in self.hearing.notices() {
            self.builder.push_notice(&notice);
        }
    }

    /// From now on a connection that goes down does so because it is not needed any more.
    pub fn stop(&mut self) {
        self.stopping = true;
    }

    /// Notes where the recording stands: which connections it has used, and whether it is over.
    pub fn note_source(&mut self, state: &SourceState) {
        self.builder.push_notice(&Notice::Source(state.clone()));
    }

    /// Notes that the recording over these connections is over.
    pub fn end(&mut self, connections: std::ops::Range<u32>, cause: Cause) {
        for connection in connections {
            self.builder.push_notice(&Notice::End { connection, cause });
        }
    }

    /// Takes in a document of the venue.
    pub fn document(&mut self, document: Document) {
        self.builder.push_notice(&Notice::Document(document));
    }

    /// Whether there is nothing to be written.
    pub fn is_empty(&self) -> bool {
        self.builder.is_empty()
    }

    /// Bytes that are to be written.
    pub fn byte_len(&self) -> usize {
        self.builder.byte_len()
    }

    /// What is to be written, in the memory of a batch that was.
    pub fn finish_into(&mut self, spent: Batch) -> Batch {
        self.builder.finish_into(spent)
    }

    /// Markets whose books turned out not to be right: the session is to be told.
    pub fn take_distrusted(&mut self) -> Vec<Ticker> {
        std::mem::take(&mut self.distrusted)
    }

    /// What was said of the lives of markets.
    pub fn take_lifecycle(&mut self) -> Vec<EventRecord<'static>> {
        std::mem::take(&mut self.lifecycle)
    }

    /// The figures so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// A market whose book is trusted, chosen by a random number.
    pub fn trusted_market(&self, random: u64) -> Option<Ticker> {
        let from = usize::try_from(random % (self.books.len().max(1) as u64)).unwrap_or(0);
        let trusted = |(ticker, held): (&Ticker, &Held)| held.trusted.then(|| ticker.clone());
        let (before, after) = (self.books.iter().take(from), self.books.iter().skip(from));
        after.chain(before).find_map(trusted)
    }
}

/// The archive's word for why something is missing.
fn cause_of(cause: GapCause) -> Cause {
    match cause {
        GapCause::SequenceGap { .. } => Cause::SequenceGap,
        GapCause::SequenceRegressed => Cause::SequenceRegressed,
        GapCause::Unnumbered => Cause::Unnumbered,
        GapCause::Unreadable => Cause::Unparsed,
        GapCause::ClockRegressed => Cause::ClockRegressed,
        GapCause::Divergence => Cause::Divergence,
        GapCause::SubscriptionEnded => Cause::SubscriptionEnded,
        GapCause::Disconnected => Cause::Reconnect,
        GapCause::Overflow => Cause::Overflow,
    }
}
