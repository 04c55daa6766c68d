//! One connection of a source: what its sequence numbers prove, and which connection of the archive it is.
//!
//! A source may repeat what the archive holds, go on where an earlier source broke off, or both. Events that the
//! archive holds name the connection that they were recorded over; this one is then the same. Where the numbers run
//! without a break from what that one holds to what is new, its coverage goes on; where they do not, the gap shows.
//! Nothing is exact for any other reason than an unbroken run of numbers behind a snapshot.

use daybook_archive::entry::{Cause, Notice, StreamEnd};
use daybook_kalshi::{Continuity, FrameKind, SequenceTracker};
use hashbrown::{HashMap, HashSet};

use super::{numbering::Numbering, subscription::Subscription};

/// How far a quiet market's silence is believed beyond the last stamp of its subscription: the venue's stamps are
/// not in order, so a change of the last second may still be on its way when a capture ends.
const DISORDER_NANOS: i64 = 1_000_000_000;

/// What a frame says of itself.
pub struct Seen<'a> {
    /// Subscription.
    pub sid: Option<u32>,
    /// Sequence number.
    pub seq: Option<u64>,
    /// What it is to the sequence.
    pub kind: FrameKind,
    /// The market it concerns.
    pub ticker: Option<&'a str>,
    /// Exchange time in nanoseconds.
    pub ts: Option<i64>,
    /// Received time in nanoseconds.
    pub recv: i64,
    /// Its bytes.
    pub frame: &'a [u8],
}

/// What an answer to a change of a subscription tells of its markets.
pub enum Change {
    /// These are all that it carries from now on.
    Carries(Vec<String>),
    /// Nothing.
    Untold,
}

/// How the source went back, as long as no event has shown what that means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Back {
    /// The received time is an earlier one, of a frame whose number tells nothing.
    Time,
    /// The number is one that was passed.
    Number,
    /// The numbers begin anew.
    Start,
}

/// One connection of a source.
#[derive(Default)]
pub struct Connection {
    /// The source's own name for it.
    label: Option<String>,
    tracker: SequenceTracker,
    subscriptions: HashMap<Option<u32>, Subscription>,
    /// The archive's connections that events were taken in under.
    numbers: Vec<u32>,
    /// The one among them that no earlier source has used.
    own: Option<u32>,
    /// The one for events of a past that the archive holds with holes.
    inserted: Option<u32>,
    /// The archive's connection of the last event, if the archive held that.
    repeats: Option<u32>,
    /// How the source went back, and on which subscription.
    back: Option<(Back, Option<u32>)>,
    /// Markets whose coverage was given up since the archive held events of theirs over another connection.
    torn: HashSet<Box<str>>,
    last_recv: Option<i64>,
    holes: u64,
    reconnects: u64,
}

impl Connection {
    /// A connection that nothing was read of, by the source's own name for it.
    pub fn new(label: Option<&str>) -> Connection {
        Connection { label: label.map(str::to_owned), ..Connection::default() }
    }

    /// Reads on: every frame, whether the archive holds it or not. Returns whether the frame is the one before it once
    /// more.
    pub fn read(&mut self, seen: &Seen<'_>) -> bool {
        let continuity = self.tracker.observe(seen.sid, seen.seq, seen.kind);
        let earlier = self.last_recv.is_some_and(|last| seen.recv < last);
        self.last_recv = self.last_recv.max(Some(seen.recv));
        let subscription = self.subscriptions.entry(seen.sid).or_default();
        if continuity == Continuity::Repeated && seen.frame == subscription.last_frame {
            return true;
        }
        subscription.last_frame.clear();
        subscription.last_frame.extend_from_slice(seen.frame);
        if let Some(ticker) = seen.ticker {
            subscription.note_market(ticker);
        }
        let back = match continuity {
            Continuity::Restart => Some(Back::Start),
            Continuity::Regressed | Continuity::Repeated => Some(Back::Number),
            Continuity::First | Continuity::Unnumbered if earlier => Some(Back::Time),
            _ => None,
        };
        match continuity {
            Continuity::First | Continuity::Restart => subscription.run_start = seen.seq.unwrap_or(0),
            Continuity::Hole { .. } => {
                subscription.run_start = seen.seq.unwrap_or(0);
                self.holes += 1;
            }
            _ => {}
        }
        subscription.last_ts = subscription.last_ts.max(seen.ts.unwrap_or(0));
        subscription.last_recv = subscription.last_recv.max(seen.recv);
        if let Some(back) = back {
            let worst = self.back.is_none_or(|(held, _)| held < back);
            self.back = if worst { Some((back, seen.sid)) } else { self.back };
        }
        false
    }

    /// Whether this connection of the archive may be the same: no other one of the source is.
    pub fn may_be(&self, connection: u32, numbering: &Numbering) -> bool {
        self.numbers.contains(&connection) || !numbering.is_adopted(connection)
    }

    /// Whether the frames read last may have been read before.
    pub fn went_back(&self) -> bool {
        self.back.is_some()
    }

    /// A frame that carries no market data; `change` if it answers a change of its subscription.
    pub fn control(
        &mut self,
        seen: &Seen<'_>,
        change: Option<Change>,
        numbering: &Numbering,
        notices: &mut Vec<Notice>,
    ) {
        let Some(subscription) = self.subscriptions.get_mut(&seen.sid) else { return };
        if seen.kind == FrameKind::End {
            subscription.lose(seen.sid, Cause::SubscriptionEnded, notices);
            return;
        }
        if let Some(seq) = seen.seq.filter(|_| self.repeats.is_none() && self.back.is_none()) {
            subscription.reach(seen.sid, seq, numbering.filtered, notices);
        }
        match (change, subscription.number) {
            (Some(Change::Carries(tickers)), Some(connection)) => {
                notices.push(Notice::Carries { connection, sid: seen.sid, tickers });
            }
            // A market may have been taken off, and nobody can say which.
            (Some(Change::Untold), Some(_)) => subscription.doubt(seen.sid, notices),
            (Some(_), None) => subscription.break_run(seen.seq),
            (None, _) => {}
        }
    }

    /// Takes in an event that the archive does not hold. Returns the archive's connection to take it in under.
    pub fn take(&mut self, seen: &Seen<'_>, numbering: &mut Numbering, notices: &mut Vec<Notice>) -> u32 {
        let back = self.back.take();
        match back {
            Some((Back::Start, _)) => self.reconnect(seen, notices),
            Some((Back::Number, sid)) => {
                if let Some(subscription) = self.subscriptions.get_mut(&sid) {
                    subscription.lose(sid, Cause::SequenceRegressed, notices);
                }
            }
            Some((Back::Time, _)) | None => {}
        }
        let number = self.number(seen, numbering, notices);
        let subscription = self.subscriptions.entry(seen.sid).or_default();
        let regressed = back.is_some_and(|(back, sid)| back == Back::Number && sid == seen.sid);
        let past = match (seen.seq, subscription.taken) {
            (Some(seq), Some(taken)) => seq <= taken && !regressed,
            (None, _) => self.repeats.is_some() && seen.recv < subscription.taken_recv,
            _ => false,
        };
        if past {
            // Behind what was taken in already it would stand in a wrong place.
            return match self.inserted {
                Some(number) => number,
                None => {
                    let number = numbering.take();
                    self.inserted = Some(number);
                    self.numbers.push(number);
                    number
                }
            };
        }
        self.repeats = None;
        match seen.seq {
            Some(seq) => subscription.reach(seen.sid, seq, numbering.filtered, notices),
            None => subscription.doubt(seen.sid, notices),
        }
        subscription.taken_recv = subscription.taken_recv.max(seen.recv);
        if seen.kind == FrameKind::Snapshot {
            let provable = seen.seq.is_some() && seen.sid.is_some() && !numbering.unprovable;
            if !subscription.provable_told {
                notices.push(Notice::Provable { connection: number, sid: seen.sid, provable });
                subscription.provable_told = true;
            }
            subscription.claims = provable;
            if let Some(ticker) = seen.ticker {
                self.torn.remove(ticker);
            }
        }
        number
    }

    /// An event that the archive holds, over this connection of its own. `book` tells whether it concerns a book.
    pub fn repeat(&mut self, seen: &Seen<'_>, holder: u32, book: bool, notices: &mut Vec<Notice>) {
        match self.back.take() {
            None | Some((Back::Time, _)) => {}
            Some(_) if self.numbers.contains(&holder) => {
                // It reads its own events again.
                if let (Some(sid), Some(seq)) = (seen.sid, seen.seq) {
                    self.tracker.go_back(sid, seq);
                    self.subscriptions.entry(seen.sid).or_default().run_start = seq;
                }
            }
            Some(_) => self.reconnect(seen, notices),
        }
        self.repeats = Some(holder);
        let Some(ticker) = seen.ticker.filter(|_| book && !self.numbers.contains(&holder)) else { return };
        // Its own record of the market has a hole here.
        if !self.numbers.is_empty() && self.torn.insert(ticker.into()) {
            self.lose(Some(ticker), Cause::HeldElsewhere, notices);
        }
    }

    /// The archive's connection that a new event's subscription is taken in under.
    fn number(&mut self, seen: &Seen<'_>, numbering: &mut Numbering, notices: &mut Vec<Notice>) -> u32 {
        if let Some(number) = self.subscriptions.get(&seen.sid).and_then(|subscription| subscription.number) {
            return number;
        }
        let mut numbers = self.subscriptions.values().filter_map(|subscription| subscription.number);
        let adopted = numbers.find(|number| Some(*number) != self.own);
        let known = match self.repeats.or(adopted) {
            Some(number) => Some((number, true)),
            None if self.own.is_none() => numbering.left_off(seen, self.label.as_deref()),
            None => None,
        };
        // What the archive has of that connection is not to be followed by what came before it.
        let follows = |end: &StreamEnd| match (end.seq, seen.seq) {
            (Some(last), Some(seq)) => last < seq,
            _ => end.recv_nanos <= seen.recv,
        };
        let known = known.filter(|(number, _)| {
            self.may_be(*number, numbering) && numbering.end(*number, seen.sid).is_none_or(follows)
        });
        let number = match known {
            Some((number, _)) => {
                numbering.adopt(number);
                number
            }
            None => *self.own.get_or_insert_with(|| numbering.take()),
        };
        if !self.numbers.contains(&number) {
            self.numbers.push(number);
        }
        let subscription = self.subscriptions.entry(seen.sid).or_default();
        subscription.number = Some(number);
        if let Some((end, certain)) =
            known.and_then(|(number, certain)| Some((numbering.end(number, seen.sid)?, certain)))
        {
            match end.ticker.as_deref() {
                Some(ticker) => subscription.note_market(ticker),
                None => subscription.several = true,
            }
            subscription.taken = end.seq;
            subscription.taken_recv = end.recv_nanos;
            subscription.claims = true;
            notices.push(
                if certain && subscription.leads_on_from(end.seq) && seen.seq.is_some() && !numbering.unprovable {
                    Notice::Continued { connection: number, sid: seen.sid }
                } else {
                    Notice::Unproven { connection: number, sid: seen.sid }
                },
            );
        }
        number
    }

    /// A frame of a type that is not known: what it changed is not known either.
    pub fn unknown(&mut self, seen: &Seen<'_>, notices: &mut Vec<Notice>) {
        if let Some(subscription) = self.subscriptions.get_mut(&seen.sid) {
            subscription.doubt(seen.sid, notices);
            subscription.break_run(seen.seq);
        }
    }

    /// A frame about books was not understood: no book that it may concern can be trusted until its next snapshot.
    pub fn unreadable(&mut self, sid: Option<u32>, seq: Option<u64>, notices: &mut Vec<Notice>) {
        if sid.is_some() && seq.is_some() {
            let subscription = self.subscriptions.entry(sid).or_default();
            subscription.lose(sid, Cause::Unparsed, notices);
            subscription.break_run(seq);
            return;
        }
        for (sid, subscription) in &mut self.subscriptions {
            subscription.claims = false;
            subscription.break_run(sid.and_then(|sid| self.tracker.last(sid)));
        }
        self.lose(None, Cause::Unparsed, notices);
    }

    /// What was taken in of a market, or of all, cannot be trusted any more.
    fn lose(&self, ticker: Option<&str>, cause: Cause, notices: &mut Vec<Notice>) {
        let lost =
            |number: &u32| Notice::Lost { connection: *number, sid: None, ticker: ticker.map(str::to_owned), cause };
        notices.extend(self.numbers.iter().map(lost));
    }

    /// Another connection begins with this frame.
    fn reconnect(&mut self, seen: &Seen<'_>, notices: &mut Vec<Notice>) {
        self.lose(None, Cause::Reconnect, notices);
        *self = Connection {
            label: self.label.take(),
            holes: self.holes,
            reconnects: self.reconnects + 1,
            ..Connection::default()
        };
        self.read(seen);
    }

    /// A frame that an earlier attempt at the same source took in.
    pub fn skip(&mut self, seen: &Seen<'_>) {
        if self.back.take().is_some_and(|(back, _)| back == Back::Start) {
            self.reconnect(seen, &mut Vec::new());
        }
    }

    /// Takes up a subscription as the earlier attempt left it. `own` tells whether the number was the source's own.
    pub fn resume(&mut self, end: &StreamEnd, own: bool) {
        if own {
            self.own = Some(end.connection);
        }
        if !self.numbers.contains(&end.connection) {
            self.numbers.push(end.connection);
        }
        let subscription = self.subscriptions.entry(end.sid).or_default();
        subscription.number = Some(end.connection);
        (subscription.taken, subscription.taken_recv) = (end.seq, end.recv_nanos);
        subscription.several |= end.ticker.is_none();
        subscription.claims = true;
    }

    /// Ends without a fault, as captures do.
    pub fn end(&self, notices: &mut Vec<Notice>) {
        for (sid, subscription) in &self.subscriptions {
            let whole = subscription.leads_on_from(subscription.taken);
            if let Some(number) = subscription.number.filter(|_| subscription.claims && whole) {
                notices.push(Notice::Heard {
                    connection: number,
                    sid: *sid,
                    // A stamp of the future, of whatever market, proves nothing of the time until then.
                    effective_nanos: subscription.last_ts.min(subscription.last_recv) - DISORDER_NANOS,
                    recv_nanos: subscription.last_recv,
                });
            }
        }
        let end = |number: &u32| Notice::End { connection: *number, cause: Cause::EndOfCapture };
        notices.extend(self.numbers.iter().map(end));
    }

    /// Where its subscriptions stand, for a later source that goes on from here.
    pub fn stream_ends(&self) -> impl Iterator<Item = StreamEnd> {
        self.subscriptions.iter().filter_map(|(sid, subscription)| {
            Some(StreamEnd {
                connection: subscription.number?,
                label: self.label.clone(),
                sid: *sid,
                seq: subscription.taken,
                ticker: subscription.only.clone(),
                recv_nanos: subscription.taken_recv,
            })
        })
    }

    /// Its name in the source.
    pub fn label(&self) -> Option<&str> {
        self.label.as_deref()
    }

    /// The archive's connection for what belongs to no subscription.
    pub fn any_number(&mut self, numbering: &mut Numbering) -> u32 {
        if let Some(number) = self.repeats.or(self.numbers.first().copied()) {
            return number;
        }
        let number = *self.own.get_or_insert_with(|| numbering.take());
        self.numbers.push(number);
        number
    }

    /// Holes in the numbers of its subscriptions.
    pub fn holes(&self) -> u64 {
        self.holes
    }

    /// How often it was made anew.
    pub fn reconnects(&self) -> u64 {
        self.reconnects
    }
}
