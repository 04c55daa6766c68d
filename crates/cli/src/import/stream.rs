//! One source's streams: what its sequence numbers prove, told to the archive as notices between the events.

use daybook_archive::entry::{Cause, Notice, StreamEnd};
use daybook_kalshi::{Continuity, FrameKind, SequenceTracker};
use hashbrown::HashMap;
use xxhash_rust::xxh3::xxh3_64;

/// How far a quiet market's silence is believed beyond the last stamp of its subscription: the venue's stamps are
/// not in order, so a change of the last second may still be on its way when a capture ends.
const DISORDER_NANOS: i64 = 1_000_000_000;

/// What a subscription has carried so far.
#[derive(Default)]
struct Subscription {
    /// The only market on it, while there is one only.
    only: Option<String>,
    several: bool,
    /// Snapshots were taken in since the numbers last had a hole: something to lose.
    claims: bool,
    provable_told: bool,
    whole: bool,
    last_frame: u64,
    last_seq: u64,
    last_ts: i64,
    last_recv: i64,
    holes: u64,
}

/// One connection of a source, from its first frame to a reconnect.
pub struct Connection {
    /// Its number in the archive.
    pub number: u32,
    tracker: SequenceTracker,
    subscriptions: HashMap<u32, Subscription>,
    /// Something was appended under this number.
    pub used: bool,
}

/// What is to be done with a frame.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Take it in.
    Take,
    /// It repeats the frame before it byte for byte: leave it out.
    Duplicate,
    /// It begins a new connection.
    Reconnect,
}

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

impl Connection {
    /// A connection without frames.
    pub fn new(number: u32) -> Connection {
        Connection { number, tracker: SequenceTracker::default(), subscriptions: HashMap::new(), used: false }
    }

    /// Observes a frame and tells what it means for coverage.
    pub fn observe(&mut self, seen: &Seen<'_>, filtered: bool, notices: &mut Vec<Notice>) -> Verdict {
        let number = self.number;
        let continuity = self.tracker.observe(seen.sid, seen.seq, seen.kind);
        let Some(sid) = seen.sid else {
            if seen.kind == FrameKind::Snapshot {
                notices.push(Notice::Provable { connection: number, sid: None, provable: false });
            }
            return Verdict::Take;
        };
        if continuity == Continuity::Restart {
            return Verdict::Reconnect;
        }
        let subscription =
            self.subscriptions.entry(sid).or_insert_with(|| Subscription { whole: true, ..Subscription::default() });
        let digest = xxh3_64(seen.frame);
        if continuity == Continuity::Repeated && digest == subscription.last_frame {
            return Verdict::Duplicate;
        }
        if let Some(ticker) = seen.ticker
            && !subscription.several
        {
            match subscription.only.as_deref() {
                None => subscription.only = Some(ticker.to_owned()),
                Some(only) if only == ticker => {}
                Some(_) => {
                    subscription.several = true;
                    subscription.only = None;
                }
            }
        }
        let numbered = continuity != Continuity::Unnumbered;
        if seen.kind == FrameKind::Snapshot && !subscription.provable_told {
            notices.push(Notice::Provable { connection: number, sid: Some(sid), provable: numbered });
            subscription.provable_told = true;
        }
        match continuity {
            Continuity::Hole { .. } => {
                subscription.holes += 1;
                subscription.whole = false;
                if std::mem::take(&mut subscription.claims) {
                    // The numbers of one market out of many have holes by nature; of a whole subscription, by loss.
                    notices.push(if filtered || !subscription.several {
                        Notice::Unproven { connection: number, sid: Some(sid) }
                    } else {
                        lost(number, sid, Cause::SequenceGap)
                    });
                }
            }
            Continuity::Repeated | Continuity::Regressed => {
                subscription.whole = false;
                if std::mem::take(&mut subscription.claims) {
                    notices.push(lost(number, sid, Cause::SequenceRegressed));
                }
            }
            Continuity::Unnumbered => {
                subscription.whole = false;
                if std::mem::take(&mut subscription.claims) {
                    notices.push(Notice::Unproven { connection: number, sid: Some(sid) });
                }
            }
            Continuity::First | Continuity::Contiguous | Continuity::Restart => {}
        }
        subscription.last_frame = digest;
        subscription.last_seq = seen.seq.unwrap_or(subscription.last_seq);
        subscription.last_ts = subscription.last_ts.max(seen.ts.unwrap_or(0));
        subscription.last_recv = subscription.last_recv.max(seen.recv);
        match seen.kind {
            FrameKind::Snapshot => subscription.claims = numbered,
            FrameKind::End => {
                subscription.claims = false;
                notices.push(lost(number, sid, Cause::SubscriptionEnded));
            }
            FrameKind::Other => {}
        }
        Verdict::Take
    }

    /// A frame of a type that is not known came over this subscription: what it changed is not known either.
    pub fn unknown(&mut self, sid: Option<u32>, notices: &mut Vec<Notice>) {
        if let Some(subscription) = sid.and_then(|sid| self.subscriptions.get_mut(&sid))
            && std::mem::take(&mut subscription.claims)
        {
            notices.push(Notice::Unproven { connection: self.number, sid });
        }
    }

    /// A frame about books was not understood: no book of this connection can be trusted until its next snapshot.
    pub fn unreadable(&mut self, notices: &mut Vec<Notice>) {
        for subscription in self.subscriptions.values_mut() {
            subscription.claims = false;
        }
        notices.push(Notice::Lost { connection: self.number, sid: None, ticker: None, cause: Cause::Unparsed });
    }

    /// Begins anew after a reconnect, under another number.
    pub fn reconnected(&mut self, number: u32, notices: &mut Vec<Notice>) {
        notices.push(Notice::Lost { connection: self.number, sid: None, ticker: None, cause: Cause::Reconnect });
        *self = Connection::new(number);
    }

    /// Ends without a fault, as captures do.
    pub fn end(&self, notices: &mut Vec<Notice>) {
        if !self.used {
            return;
        }
        for (sid, subscription) in self.subscriptions.iter().filter(|(_, subscription)| subscription.claims) {
            notices.push(Notice::Heard {
                connection: self.number,
                sid: Some(*sid),
                effective_nanos: subscription.last_ts - DISORDER_NANOS,
                recv_nanos: subscription.last_recv,
            });
        }
        notices.push(Notice::End { connection: self.number, cause: Cause::EndOfCapture });
    }

    /// Where its subscriptions stand, for a later source that goes on from here.
    pub fn stream_ends(&self) -> Vec<StreamEnd> {
        let ends = self.subscriptions.iter().filter(|_| self.used).map(|(sid, subscription)| StreamEnd {
            connection: self.number,
            sid: *sid,
            seq: subscription.last_seq,
            ticker: subscription.only.clone(),
            whole: subscription.whole && subscription.claims,
            recv_nanos: subscription.last_recv,
        });
        let mut ends: Vec<StreamEnd> = ends.collect();
        ends.sort_by_key(|end| end.sid);
        ends
    }

    /// Goes on with a stream that an earlier source left: its number is this connection's from here on.
    pub fn adopt(&mut self, end: &StreamEnd) {
        self.number = end.connection;
        for subscription in self.subscriptions.values_mut() {
            subscription.claims = false;
            subscription.provable_told = false;
        }
    }

    /// Holes in the numbers of all subscriptions.
    pub fn holes(&self) -> u64 {
        self.subscriptions.values().map(|subscription| subscription.holes).sum()
    }
}

fn lost(connection: u32, sid: u32, cause: Cause) -> Notice {
    Notice::Lost { connection, sid: Some(sid), ticker: None, cause }
}
