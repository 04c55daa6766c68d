//! One stream out of the streams of redundant connections to the same market.

use std::{
    cmp::Reverse,
    collections::{HashMap, HashSet, VecDeque},
    mem,
};

use xxhash_rust::xxh3::xxh3_128;

use crate::{
    BookDigest, Event, EventRecord, Price, Quantity, ReceivedTime, Side, Snapshot, digest::digest as digest_levels,
};

/// Merges the streams of several connections that heard the same market into one without duplicates, filling what one
/// lost with what another has. An iterator over iterators: it holds one record per stream and the change set at hand.
///
/// Each stream is the records of **one market** in **arrival order**. Their order matters: the first is the *primary*,
/// and wherever two streams are equally good the earlier one is used. The outcome depends on the streams alone, never
/// on when they are read. A record is passed on as it was received: `recv_ts`, `connection` and `seq` are those of the
/// copy used, so across records of different connections they need not rise.
///
/// # Book events with a clock
/// The venue's `clock` numbers a market's changes alike on every connection.
/// - Snapshots and deltas come out by rising clock; at one clock the deltas precede the snapshot, which includes them.
///   Each stream's own order is kept.
/// - Deltas of one clock are one *change set*. Copies are matched by side, price and quantity, and each distinct change
///   comes out as often as in the stream that has it most often. So a change set comes out whole as long as every
///   change is in some stream, and a change that one connection repeats is kept. The longest copy gives the order; what
///   only another copy has is put behind what precedes it there.
/// - Snapshots are matched by clock and levels. A snapshot that only one connection asked for is kept: where all the
///   streams lost deltas, it mends the book.
///
/// # Book events without a clock
/// They cannot be matched with anything. Those of the primary pass and those of the other streams are dropped. A stream
/// that is *out of step* so (it has no clock where the primary goes on, or the primary had none where it goes on) comes
/// back in step at its first book event whose clock is not below that of the streams in step. When all of these have
/// ended, the next stream in order takes their place, from its first snapshot that was received later than the last
/// book event passed: its deltas before that snapshot may or may not be in the book already. A primary without clocks
/// that begins late is not preceded by another stream; put the earliest first.
///
/// # Other events
/// - Trades are matched by trade id over the whole merge, at 16 bytes of memory each (a digest of the id).
/// - Ticker updates, lifecycle events, and trades without an id have no identity: those of the primary pass. Those of
///   another stream are dropped if the primary has not ended when the book events before them are merged; after its end
///   those of the next stream pass that were received later than the last one passed.
///
/// Between book events such an event keeps its place in its own stream. It may change places with book events of other
/// streams: the venue sends the two kinds in no fixed order.
///
/// # Limits
/// - A clock that falls inside a stream is taken for the venue's maintenance, after which its clocks are new. Falls are
///   counted per stream, so all streams must begin between the same two maintenances, and each must hold a book event
///   of every such period that it passes through. Where that is not known, merge period by period.
/// - Two equal changes in one change set, of which each of two streams lost one, are told from one by nobody.
/// - Received times of two connections are compared only to see what one has after another's end. There, a ticker
///   update or lifecycle event that the second connection heard late can come out twice.
///
/// ```
/// # use daybook_book::{Delta, Event, EventRecord, Merge, Price, Quantity, ReceivedTime, Side};
/// # let delta = |connection: u32, clock: u64| EventRecord {
/// #     recv_ts: ReceivedTime::from_nanos(clock as i64), connection, sid: None, seq: None, sent_ts: None, extra: None,
/// #     event: Event::Delta(Delta {
/// #         ticker: "KX".into(), market_id: "".into(), ts: None, clock: Some(clock), side: Side::Yes,
/// #         price: Price::ONE, quantity: Quantity::from_hundredths(100),
/// #     }),
/// # };
/// let first = vec![delta(1, 10), delta(1, 12)];
/// let second = vec![delta(2, 11), delta(2, 12), delta(2, 15)];
/// let merged = Merge::new([first.into_iter(), second.into_iter()]);
/// let clocks: Vec<_> = merged.map(|record| (record.event.clock().unwrap(), record.connection)).collect();
/// assert_eq!(clocks, [(10, 1), (11, 2), (12, 1), (15, 2)]);
/// ```
#[derive(Debug)]
pub struct Merge<'a, I> {
    streams: Vec<Stream<'a, I>>,
    /// Merged and not yet taken.
    ready: VecDeque<EventRecord<'a>>,
    changes: ChangeSet,
    /// Digests of the trade ids passed.
    trades: HashSet<u128>,
    /// The latest received time of a book event passed.
    last_book: Option<ReceivedTime>,
    /// The latest received time of an event without identity passed, and the stream it came from.
    last_unidentified: Option<(usize, ReceivedTime)>,
}

#[derive(Debug)]
struct Stream<'a, I> {
    records: I,
    /// The next record; `None` once the stream has ended.
    head: Option<(EventRecord<'a>, Option<Position>)>,
    period: u32,
    clock: u64,
    /// A book event was passed or dropped that could not be matched between this stream and another: what follows
    /// cannot just be appended.
    out_of_step: bool,
}

/// Where a book event stands in the market's history, on every connection alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Position {
    /// Falls of the clock so far.
    period: u32,
    clock: u64,
    /// After the deltas that it includes.
    is_snapshot: bool,
}

/// What makes two book events at one position the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Content {
    Delta(Side, Price, Quantity),
    Snapshot(BookDigest),
}

/// How often each content was met at the position at hand.
#[derive(Debug, Default)]
struct ChangeSet {
    position: Option<Position>,
    passed: HashMap<Content, u32>,
    met: HashMap<(usize, Content), u32>,
}

impl<'a, I: Iterator<Item = EventRecord<'a>>> Merge<'a, I> {
    /// A merge of these streams, the primary first. Reads one record of each.
    pub fn new(streams: impl IntoIterator<Item = I>) -> Merge<'a, I> {
        let streams = streams.into_iter().map(|records| {
            let mut stream = Stream { records, head: None, period: 0, clock: 0, out_of_step: false };
            stream.advance();
            stream
        });
        Merge {
            streams: streams.collect(),
            ready: VecDeque::new(),
            changes: ChangeSet::default(),
            trades: HashSet::new(),
            last_book: None,
            last_unidentified: None,
        }
    }

    /// The first stream whose head has no position and can be decided on. A book event among them that was received
    /// after the primary's head is held: the primary may end before it.
    fn unplaced(&mut self, primary: usize) -> Option<usize> {
        let now = self.streams[primary].head.as_ref().map(|(record, _)| record.recv_ts);
        self.streams.iter_mut().enumerate().position(|(index, stream)| {
            let Some((record, None)) = &stream.head else { return false };
            if index == primary || !matches!(record.event, Event::Snapshot(_) | Event::Delta(_)) {
                return true;
            }
            stream.out_of_step = true;
            Some(record.recv_ts) <= now
        })
    }

    /// Whether a record that has no position is passed on.
    fn passes(&mut self, index: usize, primary: usize, record: &EventRecord<'a>) -> bool {
        match &record.event {
            Event::Trade(trade) if !trade.trade_id.is_empty() => {
                self.trades.insert(xxh3_128(trade.trade_id.as_bytes()))
            }
            Event::Snapshot(_) | Event::Delta(_) => {
                if index != primary || !self.enters(index, record) {
                    return false;
                }
                self.last_book = self.last_book.max(Some(record.recv_ts));
                for (other, stream) in self.streams.iter_mut().enumerate() {
                    stream.out_of_step = other != index;
                }
                true
            }
            Event::Trade(_) | Event::Ticker(_) | Event::Lifecycle(_) => {
                let last = match self.last_unidentified {
                    Some((stream, last)) if stream != index && record.recv_ts <= last => return false,
                    Some((_, last)) => last.max(record.recv_ts),
                    None => record.recv_ts,
                };
                if index != primary {
                    return false;
                }
                self.last_unidentified = Some((index, last));
                true
            }
        }
    }

    /// Whether the primary's book event counts: if it took another's place, only from a later snapshot on.
    fn enters(&mut self, index: usize, record: &EventRecord<'a>) -> bool {
        let stream = &mut self.streams[index];
        if matches!(record.event, Event::Snapshot(_)) && Some(record.recv_ts) > self.last_book {
            stream.out_of_step = false;
        }
        !stream.out_of_step
    }

    /// With a book event with clock at the head of every stream that is not held: brings streams back into step or
    /// drops their heads until the least position is known; `None` if a head was dropped, and there is more to read.
    fn least_position(&mut self, primary: usize) -> Option<Position> {
        let in_step = self.streams.iter().filter(|stream| !stream.out_of_step);
        let Some(least) = in_step.filter_map(Stream::position).min() else {
            // All the streams in step have ended.
            let (record, position) = self.streams[primary].head.take()?;
            if self.enters(primary, &record) {
                self.streams[primary].head = Some((record, position));
            } else {
                self.streams[primary].advance();
            }
            return None;
        };
        let mut dropped = false;
        for stream in self.streams.iter_mut().filter(|stream| stream.out_of_step) {
            match stream.position() {
                Some(position) if position >= least => stream.out_of_step = false,
                Some(_) => {
                    stream.advance();
                    dropped = true;
                }
                // Ended, or held.
                None => {}
            }
        }
        (!dropped).then_some(least)
    }

    /// Takes what every stream has at `position` and makes one run of it.
    fn merge_runs(&mut self, position: Position) {
        self.changes.turn_to(position);
        let mut runs: Vec<(usize, Vec<EventRecord<'a>>)> = Vec::new();
        for (index, stream) in self.streams.iter_mut().enumerate() {
            let run: Vec<_> =
                std::iter::from_fn(|| if stream.position() == Some(position) { stream.advance() } else { None })
                    .collect();
            if !run.is_empty() {
                runs.push((index, run));
            }
        }
        runs.sort_by_key(|(_, run)| Reverse(run.len()));
        let mut merged: Vec<(Content, EventRecord<'a>)> = Vec::new();
        for (index, run) in runs {
            // Everything of this run so far lies before here.
            let mut at = 0;
            for record in run {
                let Some(content) = Content::of(&record.event) else { continue };
                if self.changes.is_new(index, content) {
                    merged.insert(at, (content, record));
                    at += 1;
                } else if let Some(found) = merged[at..].iter().position(|&(other, _)| other == content) {
                    at += found + 1;
                }
            }
        }
        self.last_book = self.last_book.max(merged.iter().map(|(_, record)| record.recv_ts).max());
        self.ready.extend(merged.into_iter().map(|(_, record)| record));
    }
}

impl<'a, I: Iterator<Item = EventRecord<'a>>> Iterator for Merge<'a, I> {
    type Item = EventRecord<'a>;

    fn next(&mut self) -> Option<EventRecord<'a>> {
        loop {
            if let Some(record) = self.ready.pop_front() {
                return Some(record);
            }
            let primary = self.streams.iter().position(|stream| stream.head.is_some())?;
            if let Some(index) = self.unplaced(primary) {
                if let Some(record) = self.streams[index].advance()
                    && self.passes(index, primary, &record)
                {
                    return Some(record);
                }
            } else if let Some(position) = self.least_position(primary) {
                self.merge_runs(position);
            }
        }
    }
}

impl<'a, I: Iterator<Item = EventRecord<'a>>> Stream<'a, I> {
    /// Takes the head and reads the next.
    fn advance(&mut self) -> Option<EventRecord<'a>> {
        let next = self.records.next().map(|record| {
            let position = record.event.clock().map(|clock| {
                if clock < self.clock {
                    self.period += 1;
                }
                self.clock = clock;
                let is_snapshot = matches!(record.event, Event::Snapshot(_));
                Position { period: self.period, clock, is_snapshot }
            });
            (record, position)
        });
        mem::replace(&mut self.head, next).map(|(record, _)| record)
    }
}

impl<I> Stream<'_, I> {
    fn position(&self) -> Option<Position> {
        self.head.as_ref().and_then(|(_, position)| *position)
    }
}

impl ChangeSet {
    /// Forgets the counts of another position.
    fn turn_to(&mut self, position: Position) {
        if self.position != Some(position) {
            self.position = Some(position);
            self.passed.clear();
            self.met.clear();
        }
    }

    /// Counts one more `content` of a stream: whether that is more than were passed on.
    fn is_new(&mut self, stream: usize, content: Content) -> bool {
        let met = self.met.entry((stream, content)).or_default();
        *met += 1;
        let passed = self.passed.entry(content).or_default();
        let is_new = *met > *passed;
        *passed = (*passed).max(*met);
        is_new
    }
}

impl Content {
    /// `None` for what is no book event.
    fn of(event: &Event<'_>) -> Option<Content> {
        match event {
            Event::Snapshot(snapshot) => Some(Content::Snapshot(snapshot_digest(snapshot))),
            Event::Delta(delta) => Some(Content::Delta(delta.side, delta.price, delta.quantity)),
            Event::Trade(_) | Event::Ticker(_) | Event::Lifecycle(_) => None,
        }
    }
}

/// Equal for snapshots of the same levels in any order, even for levels that make no book.
fn snapshot_digest(snapshot: &Snapshot<'_>) -> BookDigest {
    let [yes, no] = [&snapshot.yes, &snapshot.no].map(|levels| {
        let mut levels: Vec<_> = levels.iter().copied().filter(|(_, size)| !size.is_zero()).collect();
        levels.sort_unstable();
        levels
    });
    digest_levels(yes.into_iter(), no.into_iter())
}

#[cfg(test)]
mod tests;
