//! One market's state while it is being recorded: its book, its clocks and its coverage. Pure: entries in, rows out.
//!
//! A market may be recorded over several connections, one after the other or side by side. Each is a *stream* with
//! a book and coverage of its own; effective time runs on from stream to stream as long as they come in order of
//! received time, and starts anew for a stream that was taken in later than its time.

use daybook_book::{Book, EffectiveTime, ExchangeTime, Price, Quantity, ReceivedTime, Side};

use crate::{
    coverage::{Interval, Standing},
    entry::Cause,
};

/// Deltas between two keyframes of a stream: the most that a book at an instant has to fold.
pub const DELTAS_PER_KEYFRAME: u32 = 1_024;

/// A book event's place in the record.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// Arrival order.
    pub ordinal: u64,
    /// The connection it came over.
    pub connection: u32,
    /// The subscription.
    pub sid: Option<u32>,
    /// Exchange time, where the venue gave one.
    pub ts: Option<ExchangeTime>,
    /// Our clock.
    pub recv_ts: ReceivedTime,
    /// The venue's sequence number.
    pub seq: Option<u64>,
    /// The venue's per-market logical clock.
    pub clock: Option<u64>,
}

/// A market's state over one connection.
#[derive(Clone, Debug)]
pub struct Stream {
    /// The connection.
    pub connection: u32,
    /// The book after the last event.
    pub book: Book,
    /// Effective time of the last event, in nanoseconds.
    pub effective: i64,
    /// Running maximum of received time, in nanoseconds.
    pub recv: i64,
    /// The last book event.
    pub last: Option<Place>,
    /// Deltas since the last keyframe.
    pub since_keyframe: u32,
    /// This section of the log has no keyframe of the stream yet, so its next delta calls for one.
    pub unmarked: bool,
    /// The interval now open, or the last one.
    pub interval: Option<Interval>,
}

/// A market's state over all its connections.
#[derive(Clone, Debug, Default)]
pub struct Market {
    /// Streams, the latest last.
    pub streams: Vec<Stream>,
    /// Connections whose streams are sealed as they stand, and no longer held.
    pub released: Vec<u32>,
    /// Latest effective time of any stream in order, in nanoseconds.
    pub effective: Option<i64>,
    /// Latest received time of any stream, in nanoseconds.
    pub recv: Option<i64>,
}

/// What an entry changed in a market's coverage, and whether a keyframe is due.
#[derive(Debug, Default)]
pub struct Change {
    /// Intervals that opened, closed or grew, to be stored; later versions of one interval replace earlier ones.
    pub intervals: Vec<Interval>,
    /// The state before the event is due as a keyframe.
    pub keyframe_before: Option<Keyframe>,
    /// The delta drove a level below zero.
    pub diverged: bool,
}

/// A full book at a place in the record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keyframe {
    /// The last event in it.
    pub ordinal: u64,
    /// The connection it was recorded over.
    pub connection: u32,
    /// The subscription of its last event.
    pub sid: Option<u32>,
    /// Sequence number of its last event.
    pub seq: Option<u64>,
    /// Logical clock of its last event.
    pub clock: Option<u64>,
    /// Exchange time of its last event.
    pub ts: Option<ExchangeTime>,
    /// Received time of its last event.
    pub recv_ts: ReceivedTime,
    /// Effective time, in nanoseconds.
    pub effective: i64,
    /// Running maximum of received time, in nanoseconds.
    pub recv_max: i64,
    /// Deltas of the stream since the keyframe before.
    pub deltas_since: u32,
    /// The book.
    pub book: Book,
}

impl Stream {
    fn new(connection: u32, effective: i64, recv: i64) -> Stream {
        Stream {
            connection,
            book: Book::default(),
            effective,
            recv,
            last: None,
            since_keyframe: 0,
            unmarked: true,
            interval: None,
        }
    }

    /// The stream's state as a keyframe; `None` before its first event.
    pub fn keyframe(&self) -> Option<Keyframe> {
        let last = self.last?;
        Some(Keyframe {
            ordinal: last.ordinal,
            connection: self.connection,
            sid: last.sid,
            seq: last.seq,
            clock: last.clock,
            ts: last.ts,
            recv_ts: last.recv_ts,
            effective: self.effective,
            recv_max: self.recv,
            deltas_since: self.since_keyframe,
            book: self.book.clone(),
        })
    }

    /// A stream of which only the coverage is known yet: enough for notices, not for events.
    pub fn from_interval(interval: Interval) -> Stream {
        let mut stream = Stream::new(interval.connection, interval.to_effective, interval.to_recv);
        stream.interval = Some(interval);
        stream
    }

    /// Takes up a stream whose state was stored: the way back from [`Stream::keyframe`].
    pub fn from_keyframe(keyframe: &Keyframe, interval: Option<Interval>) -> Stream {
        Stream {
            connection: keyframe.connection,
            book: keyframe.book.clone(),
            effective: keyframe.effective,
            recv: keyframe.recv_max,
            last: Some(Place {
                ordinal: keyframe.ordinal,
                connection: keyframe.connection,
                sid: keyframe.sid,
                ts: keyframe.ts,
                recv_ts: keyframe.recv_ts,
                seq: keyframe.seq,
                clock: keyframe.clock,
            }),
            since_keyframe: keyframe.deltas_since,
            unmarked: true,
            interval,
        }
    }

    fn advance(&mut self, place: Place) {
        self.effective = EffectiveTime::from_nanos(self.effective).after(place.ts, place.recv_ts).nanos();
        self.recv = self.recv.max(place.recv_ts.nanos());
        self.last = Some(place);
    }

    fn is_open(&self, standing: Standing) -> bool {
        self.interval.as_ref().is_some_and(|interval| interval.standing == standing && interval.ended.is_none())
    }

    fn is_covered(&self) -> bool {
        self.is_open(Standing::Exact) || self.is_open(Standing::Unproven)
    }

    /// Whether its next delta would go on with a coverage that ended without a fault.
    fn may_continue(&self) -> bool {
        let resumable =
            |interval: &Interval| interval.ended == Some(Cause::EndOfCapture) && interval.standing != Standing::Gap;
        self.interval.as_ref().is_some_and(resumable)
    }

    fn open(&mut self, standing: Standing, first_ordinal: u64, began: Cause, sid: Option<u32>) {
        self.interval = Some(Interval {
            connection: self.connection,
            sid,
            standing,
            from_effective: self.effective,
            to_effective: self.effective,
            from_recv: self.recv,
            to_recv: self.recv,
            first_ordinal,
            last_ordinal: first_ordinal.wrapping_sub(1),
            began,
            ended: None,
        });
    }

    /// Opens an interval where the one before it reaches to, which may be later than the last event.
    fn open_after(&mut self, standing: Standing, first_ordinal: u64, began: Cause) {
        // What a pruning has left of an interval may begin after its last event.
        let before = self.interval.as_ref().map(|before| {
            let effective = before.to_effective.max(before.from_effective);
            (before.sid, effective, before.to_recv.max(before.from_recv))
        });
        self.open(standing, first_ordinal, began, before.and_then(|(sid, ..)| sid));
        if let (Some(interval), Some((_, effective, recv))) = (self.interval.as_mut(), before) {
            (interval.from_effective, interval.from_recv) = (effective, recv);
            (interval.to_effective, interval.to_recv) = (effective, recv);
        }
    }

    /// Closes the open interval, whatever its standing, and gives it out for storing.
    fn close(&mut self, cause: Cause, intervals: &mut Vec<Interval>) {
        if let Some(interval) = self.interval.as_mut().filter(|interval| interval.ended.is_none()) {
            interval.ended = Some(cause);
            intervals.push(interval.clone());
        }
    }

    fn extend(&mut self) {
        let (effective, recv) = (self.effective, self.recv);
        if let (Some(interval), Some(last)) = (self.interval.as_mut(), self.last) {
            interval.to_effective = interval.to_effective.max(effective);
            interval.to_recv = interval.to_recv.max(recv);
            interval.last_ordinal = last.ordinal;
        }
    }
}

impl Market {
    /// The same market with its coverage as somebody else has kept it up to date.
    pub fn with_coverage_of(mut self, other: &Market) -> Market {
        for stream in &mut self.streams {
            if let Some(newer) = other.streams.iter().find(|newer| newer.connection == stream.connection) {
                stream.interval.clone_from(&newer.interval);
            }
        }
        self
    }

    /// The stream of this connection, made at its first event.
    fn stream(&mut self, place: Place) -> &mut Stream {
        if let Some(at) = self.streams.iter().position(|stream| stream.connection == place.connection) {
            return &mut self.streams[at];
        }
        // A stream that was taken in later than its time has an order of its own.
        let in_order = self.recv.is_none_or(|recv| place.recv_ts.nanos() >= recv);
        let effective = if in_order { self.effective.unwrap_or(i64::MIN) } else { i64::MIN };
        let recv = if in_order { self.recv.unwrap_or(i64::MIN) } else { i64::MIN };
        self.streams.push(Stream::new(place.connection, effective, recv));
        self.streams.last_mut().expect("a stream was just pushed")
    }

    fn note_time(&mut self, effective: i64, recv: i64) {
        if self.recv.is_none_or(|held| recv >= held) {
            self.recv = Some(recv);
            self.effective = Some(self.effective.map_or(effective, |held| held.max(effective)));
        }
    }

    /// Takes in a delta.
    pub fn delta(&mut self, place: Place, side: Side, price: Price, quantity: Quantity) -> Change {
        let mut change = Change::default();
        let stream = self.stream(place);
        if stream.unmarked || stream.since_keyframe >= DELTAS_PER_KEYFRAME {
            change.keyframe_before = stream.keyframe();
            stream.since_keyframe = 0;
            stream.unmarked = false;
        }
        stream.since_keyframe += 1;
        match &stream.interval {
            None => {
                stream.advance(place);
                stream.open(Standing::Gap, place.ordinal, Cause::NoSnapshot, place.sid);
            }
            // The numbers of one subscription prove nothing of another, which has sent no book yet.
            Some(interval) if interval.sid != place.sid && interval.standing != Standing::Gap => {
                stream.close(Cause::NoSnapshot, &mut change.intervals);
                stream.open_after(Standing::Gap, place.ordinal, Cause::NoSnapshot);
            }
            // Nobody proved that it goes on where it had ended.
            Some(_) if stream.may_continue() => {
                stream.open_after(Standing::Unproven, place.ordinal, Cause::Continued);
            }
            // What a gap ended with was no book.
            Some(interval) if interval.ended.is_some() => {
                let cause = interval.began;
                stream.open_after(Standing::Gap, place.ordinal, cause);
            }
            Some(_) => {}
        }
        let before = stream.is_covered();
        if stream.book.apply(side, price, quantity).is_err() {
            change.diverged = true;
            if before {
                // A level below zero contradicts the whole interval: it was not complete after all.
                if let Some(interval) = stream.interval.as_mut().filter(|interval| interval.standing == Standing::Exact)
                {
                    let mut withdrawn = interval.clone();
                    (withdrawn.to_effective, withdrawn.to_recv) = (withdrawn.from_effective, withdrawn.from_recv);
                    withdrawn.ended = Some(Cause::Divergence);
                    change.intervals.push(withdrawn);
                    interval.standing = Standing::Unproven;
                }
                stream.close(Cause::Divergence, &mut change.intervals);
                stream.open(Standing::Gap, place.ordinal, Cause::Divergence, place.sid);
            }
        }
        stream.advance(place);
        stream.extend();
        let (effective, recv) = (stream.effective, stream.recv);
        self.note_time(effective, recv);
        change
    }

    /// Takes in a snapshot. `provable` says whether sequence numbers can prove what follows complete.
    pub fn snapshot(&mut self, place: Place, book: Book, provable: bool) -> Change {
        let mut change = Change::default();
        let stream = self.stream(place);
        let standing = if provable { Standing::Exact } else { Standing::Unproven };
        // The venue closes a market with an empty snapshot, sometimes twice: that is an event like any other.
        let mismatch = !book.is_empty() && book != stream.book;
        // What could not be proven can be again, from here on.
        let same = stream.interval.as_ref().is_some_and(|interval| interval.sid == place.sid);
        let resumes = (stream.is_open(Standing::Exact) || stream.is_open(standing)) && !mismatch && same;
        if stream.is_covered() && mismatch {
            if let Some(interval) = stream.interval.as_mut().filter(|interval| interval.standing == Standing::Exact) {
                let mut withdrawn = interval.clone();
                (withdrawn.to_effective, withdrawn.to_recv) = (withdrawn.from_effective, withdrawn.from_recv);
                withdrawn.ended = Some(Cause::SnapshotMismatch);
                change.intervals.push(withdrawn);
                interval.standing = Standing::Unproven;
            }
            stream.close(Cause::SnapshotMismatch, &mut change.intervals);
        }
        stream.book = book;
        stream.advance(place);
        stream.since_keyframe = 0;
        stream.unmarked = false;
        if !resumes {
            if let Some(gap) = stream.interval.as_mut().filter(|interval| interval.ended.is_none()) {
                gap.to_effective = stream.effective;
                gap.to_recv = stream.recv;
            }
            stream.close(Cause::Snapshot, &mut change.intervals);
            stream.open(standing, place.ordinal, Cause::Snapshot, place.sid);
        }
        stream.extend();
        let (connection, effective, recv) = (stream.connection, stream.effective, stream.recv);
        if !resumes {
            self.close_gaps(connection, effective, recv, &mut change.intervals);
        }
        self.note_time(effective, recv);
        change
    }

    /// Ends the gaps that other connections left open: this one covers the market now.
    fn close_gaps(&mut self, connection: u32, effective: i64, recv: i64, intervals: &mut Vec<Interval>) {
        for stream in &mut self.streams {
            if stream.connection != connection && stream.is_open(Standing::Gap) {
                if let Some(gap) = stream.interval.as_mut() {
                    gap.to_effective = gap.to_effective.max(effective);
                    gap.to_recv = gap.to_recv.max(recv);
                }
                stream.close(Cause::Snapshot, intervals);
            }
        }
    }

    fn stream_on(&mut self, connection: u32, sid: Option<u32>) -> Option<&mut Stream> {
        self.streams.iter_mut().find(|stream| {
            stream.connection == connection
                && (sid.is_none() || stream.interval.as_ref().is_some_and(|interval| interval.sid == sid))
        })
    }

    /// From here on the book is not to be trusted, until its next snapshot.
    pub fn lost(&mut self, connection: u32, sid: Option<u32>, cause: Cause, next_ordinal: u64) -> Vec<Interval> {
        let mut intervals = Vec::new();
        let stream = self.stream_on(connection, sid).filter(|stream| stream.is_covered() || stream.may_continue());
        if let Some(stream) = stream {
            stream.close(cause, &mut intervals);
            stream.open_after(Standing::Gap, next_ordinal, cause);
            intervals.extend(stream.interval.clone());
        }
        intervals
    }

    /// Whether the market is, or may go on being, covered by this subscription.
    pub fn is_on(&self, connection: u32, sid: Option<u32>) -> bool {
        let on = |stream: &Stream| {
            stream.connection == connection && stream.interval.as_ref().is_some_and(|interval| interval.sid == sid)
        };
        self.streams.iter().any(on)
    }

    /// From here on completeness cannot be shown, though no loss is known.
    pub fn unproven(&mut self, connection: u32, sid: Option<u32>, next_ordinal: u64) -> Vec<Interval> {
        let mut intervals = Vec::new();
        let stream =
            self.stream_on(connection, sid).filter(|stream| stream.is_open(Standing::Exact) || stream.may_continue());
        if let Some(stream) = stream {
            let withdraws = |interval: &Interval| interval.is_empty() && interval.ended.is_none();
            let withdraws = stream.interval.as_ref().is_some_and(withdraws);
            if let Some(interval) = stream.interval.as_mut().filter(|_| withdraws) {
                // Nothing was claimed yet: the whole interval is unproven from its start.
                let mut withdrawn = interval.clone();
                withdrawn.ended = Some(Cause::Unproven);
                intervals.push(withdrawn);
                interval.standing = Standing::Unproven;
            } else {
                stream.close(Cause::Unproven, &mut intervals);
                stream.open_after(Standing::Unproven, next_ordinal, Cause::Unproven);
            }
            intervals.extend(stream.interval.clone());
        }
        intervals
    }

    /// The recording goes on where it had ended, and nothing is missing in between.
    pub fn continued(&mut self, connection: u32, sid: Option<u32>) -> Vec<Interval> {
        let stream = self.stream_on(connection, sid).filter(|stream| stream.may_continue());
        let interval = stream.and_then(|stream| stream.interval.as_mut());
        let interval = interval.map(|interval| {
            interval.ended = None;
            interval.clone()
        });
        interval.into_iter().collect()
    }

    /// The connection lived until here, and this market was quiet on it.
    pub fn heard(&mut self, connection: u32, sid: Option<u32>, effective: i64, recv: i64) {
        let stream = self.stream_on(connection, sid).filter(|stream| stream.is_open(Standing::Exact));
        if let Some(interval) = stream.and_then(|stream| stream.interval.as_mut()) {
            interval.to_effective = interval.to_effective.max(effective);
            interval.to_recv = interval.to_recv.max(recv);
        }
    }

    /// The recording over this connection ended without a fault.
    pub fn end(&mut self, connection: u32, cause: Cause) -> Vec<Interval> {
        let mut intervals = Vec::new();
        if let Some(stream) = self.streams.iter_mut().find(|stream| stream.connection == connection) {
            stream.close(cause, &mut intervals);
        }
        intervals
    }

    /// Intervals now open, for storing how far they reach.
    pub fn open_intervals(&self) -> impl Iterator<Item = &Interval> {
        self.streams.iter().filter_map(|stream| stream.interval.as_ref()).filter(|interval| interval.ended.is_none())
    }
}
