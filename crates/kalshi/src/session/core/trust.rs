//! One subscription: which frames follow each other, and which of its markets' books can be trusted.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use daybook_book::{Event, EventRecord, ReceivedTime, Ticker};
use serde_json::{Map, Value};

use super::{
    Counts, RequestId,
    members::Members,
    numbering::{Numbering, Order},
};
use crate::session::{Channel, EndCause, Fact, FactSink, GapCause, GapClosed, GapOpened, Surplus, log};

/// After this many snapshots in a row that are older than deltas that came before they were asked for, the clock is
/// what changed.
const LAGGING_LIMIT: u8 = 3;

/// When and where something is noticed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    pub(super) connection: u32,
    pub(super) now: Duration,
    pub(super) at: ReceivedTime,
    /// Whether there is room for events.
    pub(super) accepting: bool,
    /// A market's snapshot is asked for again no sooner than this.
    pub(super) repair: Duration,
    /// The next command's number: what answers an earlier one may be older than what is noticed now.
    pub(super) next: u64,
}

/// Where a subscription stands with the venue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// To be opened.
    Wanted,
    /// The command is sent.
    Asked,
    /// The venue confirmed it.
    Open,
    /// To be ended and, if so, opened anew; `sent`: the command is under way.
    Ending { renew: bool, sent: bool },
}

/// A change of the list that limits a subscription.
#[derive(Clone, Debug)]
pub(super) struct Change {
    pub(super) add: bool,
    pub(super) names: Vec<Value>,
    pub(super) request: RequestId,
}

/// One channel's subscription on one connection. The venue has no more than one per channel and connection.
#[derive(Debug)]
pub(super) struct Subscribed {
    pub(super) channel: Channel,
    pub(super) params: Map<String, Value>,
    /// Limited to its members; otherwise it is the whole channel.
    pub(super) filtered: bool,
    pub(super) phase: Phase,
    pub(super) sid: Option<u32>,
    pub(super) members: Members,
    /// Members to be subscribed to.
    pub(super) wanted: VecDeque<Ticker>,
    /// Former members to be taken off.
    pub(super) unwanted: VecDeque<(Ticker, RequestId)>,
    /// Members whose snapshots are to be asked for, and when.
    pub(super) repairs: Vec<(Duration, Vec<Ticker>)>,
    /// Snapshots that the user asked for.
    pub(super) asks: VecDeque<(Vec<Ticker>, RequestId)>,
    /// The same, of markets that the venue does not carry yet.
    pub(super) parked: Vec<(Ticker, RequestId)>,
    /// Changes of the list that limits it, still to be sent.
    pub(super) changes: VecDeque<Change>,
    /// One of them is under way.
    pub(super) changing: bool,
    /// Requests that ask what there is to list.
    pub(super) inquiries: VecDeque<RequestId>,
    /// Requests that wait for the whole channel's confirmation, or for the end.
    pub(super) waiting: Vec<RequestId>,
    /// When the venue confirmed it.
    pub(super) begun_at: Duration,
    /// Not before then is it opened.
    pub(super) retry_at: Duration,
    /// Attempts to open it that failed in a row.
    pub(super) failures: u32,
    /// Rounds of snapshot requests in a row that brought nothing.
    pub(super) fruitless: u32,
    /// Not before then is it renewed.
    pub(super) renew_at: Duration,
    /// How often it was renewed.
    pub(super) renewals: u32,
    /// It is to be ended as soon as it has begun.
    pub(super) end_when_open: bool,
    /// What is wanted of the channel once this has ended, where that was asked for meanwhile: a subscription of its
    /// own, which is opened then.
    pub(super) successor: Option<Box<Subscribed>>,
    /// It was told that nothing is claimed of its markets any more.
    released: bool,
    /// How many markets go into one command at present.
    pub(super) chunk: usize,
    numbering: Numbering,
    /// When its last frame in order came.
    last_recv: ReceivedTime,
    /// The gap of a channel without books.
    gap: Option<(GapCause, ReceivedTime)>,
    /// Members that lost events for want of room.
    overflowed: Vec<Ticker>,
}

impl Subscribed {
    pub(super) fn new(channel: Channel, params: Map<String, Value>, filtered: bool, chunk: usize) -> Subscribed {
        Subscribed {
            channel,
            params,
            filtered,
            phase: Phase::Wanted,
            sid: None,
            members: Members::default(),
            wanted: VecDeque::new(),
            unwanted: VecDeque::new(),
            repairs: Vec::new(),
            asks: VecDeque::new(),
            parked: Vec::new(),
            changes: VecDeque::new(),
            changing: false,
            inquiries: VecDeque::new(),
            waiting: Vec::new(),
            begun_at: Duration::ZERO,
            retry_at: Duration::ZERO,
            failures: 0,
            fruitless: 0,
            renew_at: Duration::ZERO,
            renewals: 0,
            end_when_open: false,
            successor: None,
            released: false,
            chunk,
            numbering: Numbering::default(),
            last_recv: ReceivedTime::from_nanos(0),
            gap: None,
            overflowed: Vec::new(),
        }
    }

    /// The venue gave the subscription this id.
    pub(super) fn bind(&mut self, sid: u32, at: ReceivedTime) {
        if self.sid != Some(sid) {
            self.sid = Some(sid);
            self.numbering = Numbering::default();
            self.last_recv = at;
        }
    }

    /// The venue confirmed the subscription.
    pub(super) fn begun(&mut self, sid: u32, moment: Moment, sink: &mut impl FactSink, counts: &mut Counts) {
        if self.sid.is_some_and(|early| early != sid) {
            self.distrust_now(GapCause::SubscriptionEnded, moment, sink, counts);
            self.members.for_each(|member| (member.cold.carried, member.cold.seen) = (false, false));
        }
        self.bind(sid, moment.at);
        self.phase = Phase::Open;
        self.begun_at = moment.now;
        let (connection, channel, at) = (moment.connection, self.channel, moment.at);
        self.tell(Fact::SubscriptionBegun { connection, sid, channel, at }, sink);
        if moment.accepting {
            self.close_gap(moment, sink, counts);
        }
    }

    /// Whether the user ended it.
    pub(super) fn ends(&self) -> bool {
        self.end_when_open || matches!(self.phase, Phase::Ending { renew: false, .. })
    }

    /// From here on nothing is claimed of its markets: it is about to end, or has ended, because the user asked for it.
    pub(super) fn release(&mut self, moment: Moment, sink: &mut impl FactSink) {
        let mut markets = Vec::with_capacity(self.members.len());
        self.members.for_each(|member| {
            (member.hot.sent, member.hot.trusted) = (false, false);
            markets.push(member.cold.ticker.clone());
        });
        if !markets.is_empty() && !std::mem::replace(&mut self.released, true) {
            let (connection, channel, markets, at) = (moment.connection, self.channel, markets.into(), moment.at);
            sink.push(Fact::MarketsRemoved { connection, channel, markets, at });
        }
    }

    /// It is about to be ended and opened anew: what comes until then proves nothing.
    pub(super) fn suspend(&mut self, moment: Moment, sink: &mut impl FactSink, counts: &mut Counts) {
        self.distrust_now(GapCause::SubscriptionEnded, moment, sink, counts);
        self.members.for_each(|member| member.hot.sent = false);
    }

    /// The subscription ended. Its members are wanted again, unless the user ended it.
    pub(super) fn ended(
        &mut self,
        cause: EndCause,
        since: ReceivedTime,
        moment: Moment,
        sink: &mut impl FactSink,
        counts: &mut Counts,
    ) {
        let gap = match cause {
            EndCause::Disconnected => GapCause::Disconnected,
            EndCause::Requested | EndCause::Renewed | EndCause::Terminal { .. } | EndCause::Forgotten => {
                GapCause::SubscriptionEnded
            }
        };
        if cause == EndCause::Requested {
            self.release(moment, sink);
        }
        if let Some(sid) = self.sid.take() {
            if cause != EndCause::Requested {
                self.distrust(gap, since, Some(sid), moment, sink, counts);
            }
            let (connection, channel, at) = (moment.connection, self.channel, moment.at);
            self.tell(Fact::SubscriptionEnded { connection, sid, channel, cause, at }, sink);
        }
        self.phase = Phase::Wanted;
        // It is opened anew with the list as changed.
        self.waiting.extend(self.changes.drain(..).map(|change| change.request));
        self.changing = false;
        self.repairs.clear();
        self.overflowed.clear();
        self.fruitless = 0;
        self.members.for_each(|member| member.reset());
    }

    /// Takes a frame's number in, and opens the gap that it shows. `None`: the frame must not be applied.
    #[inline(always)]
    pub(super) fn follow(
        &mut self,
        seq: Option<u64>,
        moment: Moment,
        sink: &mut impl FactSink,
        counts: &mut Counts,
    ) -> Result<(), Surplus> {
        match self.numbering.observe(seq) {
            Order::Next => {
                self.last_recv = moment.at;
                Ok(())
            }
            order => self.follow_surprise(order, moment, sink, counts),
        }
    }

    #[cold]
    fn follow_surprise(
        &mut self,
        order: Order,
        moment: Moment,
        sink: &mut impl FactSink,
        counts: &mut Counts,
    ) -> Result<(), Surplus> {
        let books = self.channel.carries_books();
        let (cause, verdict) = match order {
            Order::Next => return Ok(()),
            Order::Hole { missing } => (GapCause::SequenceGap { missing }, Ok(())),
            Order::Unnumbered if books => (GapCause::Unnumbered, Ok(())),
            Order::Unnumbered => {
                self.last_recv = moment.at;
                return Ok(());
            }
            Order::Repeated => return Err(Surplus::Repeated),
            // A late trade is still a trade; a late change of a book would be applied in the wrong place.
            Order::Late if !books => return Ok(()),
            Order::Late => return Err(Surplus::OutOfOrder),
            Order::Regressed => (GapCause::SequenceRegressed, Err(Surplus::OutOfOrder)),
        };
        self.distrust(cause, self.last_recv, self.sid, moment, sink, counts);
        if verdict.is_ok() {
            self.last_recv = moment.at;
        }
        // Without books, what is missing lies in the past: from this frame on nothing is.
        if moment.accepting {
            self.close_gap(moment, sink, counts);
        }
        verdict
    }

    /// Opens a gap over the whole subscription.
    #[cold]
    #[inline(never)]
    pub(super) fn distrust(
        &mut self,
        cause: GapCause,
        since: ReceivedTime,
        sid: Option<u32>,
        moment: Moment,
        sink: &mut impl FactSink,
        counts: &mut Counts,
    ) {
        let mut markets = Vec::new();
        if self.channel.carries_books() {
            let mut again = Vec::new();
            self.members.for_each(|member| {
                // A snapshot that is under way may be older than what is missing.
                member.cold.bar = moment.next;
                if member.hot.trusted {
                    member.hot.trusted = false;
                    member.cold.since = Some(since);
                    markets.push(member.cold.ticker.clone());
                } else if !member.hot.sent || member.cold.asked == 0 {
                    return;
                }
                // A snapshot that is under way may be among what is missing.
                if member.cold.queue(moment.now) {
                    again.push(member.cold.ticker.clone());
                }
            });
            if !again.is_empty() {
                self.repairs.push((moment.now, again));
            }
            if markets.is_empty() {
                return;
            }
        } else {
            if self.gap.is_some() {
                return;
            }
            self.gap = Some((cause, since));
        }
        counts.gaps_opened += 1;
        let (connection, channel, markets, at) = (moment.connection, self.channel, Arc::from(markets), moment.at);
        self.tell(Fact::GapOpened(GapOpened { connection, sid, channel, markets, cause, since, at }), sink);
    }

    /// Opens a gap over everything of this subscription that arrived since its last frame in order.
    pub(super) fn distrust_now(
        &mut self,
        cause: GapCause,
        moment: Moment,
        sink: &mut impl FactSink,
        counts: &mut Counts,
    ) {
        self.distrust(cause, self.last_recv, self.sid, moment, sink, counts);
    }

    /// Opens a gap over one market. Its snapshot is asked for, unless that happens when there is room again.
    #[cold]
    #[inline(never)]
    pub(super) fn distrust_market(
        &mut self,
        ticker: &str,
        cause: GapCause,
        since: ReceivedTime,
        moment: Moment,
        sink: &mut impl FactSink,
        counts: &mut Counts,
    ) {
        let Some(member) = self.members.get_mut(ticker) else { return };
        member.cold.bar = moment.next;
        let under_way = member.hot.trusted || member.cold.asked != 0;
        if cause != GapCause::Overflow && under_way && member.cold.queue(moment.now) {
            self.repairs.push((moment.now, vec![member.cold.ticker.clone()]));
        }
        if !std::mem::take(&mut member.hot.trusted) {
            return;
        }
        member.cold.since = Some(since);
        counts.gaps_opened += 1;
        let (connection, sid, channel, at) = (moment.connection, self.sid, self.channel, moment.at);
        let markets = Arc::from([member.cold.ticker.clone()]);
        self.tell(Fact::GapOpened(GapOpened { connection, sid, channel, markets, cause, since, at }), sink);
    }

    /// Closes the gap of a channel without books.
    fn close_gap(&mut self, moment: Moment, sink: &mut impl FactSink, counts: &mut Counts) {
        let Some(sid) = self.sid else { return };
        let Some((_, since)) = self.gap.take() else { return };
        counts.gaps_closed += 1;
        let (connection, channel, at) = (moment.connection, self.channel, moment.at);
        let since = Some(since);
        self.tell(Fact::GapClosed(GapClosed { connection, sid, channel, market: None, since, at }), sink);
    }

    /// Hands on an event that came in order; returns the command that its snapshot answers.
    #[inline(always)]
    pub(super) fn deliver(
        &mut self,
        before: ReceivedTime,
        record: EventRecord<'_>,
        moment: Moment,
        sink: &mut impl FactSink,
        counts: &mut Counts,
    ) -> Option<u64> {
        if !moment.accepting {
            self.lose(before, &record, moment, sink, counts);
            return None;
        }
        match &record.event {
            Event::Delta(delta) => {
                let Some(member) = self.members.get_mut(&delta.ticker).filter(|member| member.hot.sent) else {
                    counts.surplus += 1;
                    sink.push(Fact::Surplus(Surplus::Unsubscribed, record));
                    return None;
                };
                // 0 is no clock.
                if let Some(clock @ 1..) = delta.clock {
                    // What the snapshot contains cannot follow it: numbers of another count say nothing about ours.
                    let fell = clock < member.hot.last_clock || clock == member.hot.snapshot_clock;
                    member.hot.last_clock = clock;
                    if fell {
                        member.hot.snapshot_clock = 0;
                        self.distrust_market(&delta.ticker, GapCause::ClockRegressed, before, moment, sink, counts);
                    }
                }
                counts.events += 1;
                sink.push(Fact::Event(record));
                None
            }
            Event::Snapshot(_) => self.snapshot(record, moment, sink, counts),
            Event::Trade(_) | Event::Ticker(_) | Event::Lifecycle(_) => {
                counts.events += 1;
                sink.push(Fact::Event(record));
                None
            }
        }
    }

    #[inline(never)]
    fn snapshot(
        &mut self,
        record: EventRecord<'_>,
        moment: Moment,
        sink: &mut impl FactSink,
        counts: &mut Counts,
    ) -> Option<u64> {
        let Event::Snapshot(snapshot) = &record.event else { return None };
        let Some(member) = self.members.get_mut(&snapshot.ticker).filter(|member| member.hot.sent) else {
            counts.surplus += 1;
            sink.push(Fact::Surplus(Surplus::Unsubscribed, record));
            return None;
        };
        // It answers the command that it names; without a name the one that is under way, or none: then it is the one
        // that the venue sends of a market when it begins to carry it.
        let under_way = member.cold.asked;
        let command = named_command(record.extra.as_deref()).or((under_way != 0).then_some(under_way));
        let answered = command.filter(|&command| command == under_way);
        if answered.is_some() {
            member.cold.asked = 0;
        }
        let proves = match command {
            None => !member.cold.seen,
            Some(command) => member.cold.carried && command >= member.cold.bar,
        };
        let older = snapshot.clock.is_some_and(|clock| clock != 0 && clock < member.hot.last_clock);
        // Deltas that came before it was asked for are in it. If it claims to be older than these, its clock is another
        // one: the next answer is measured by that.
        if older && answered.is_some() && snapshot.clock < Some(member.cold.asked_clock) {
            member.cold.lagging += 1;
            if member.cold.lagging == LAGGING_LIMIT {
                (member.cold.lagging, member.cold.bar) = (0, moment.next);
                (member.hot.last_clock, member.hot.snapshot_clock) = (snapshot.clock.unwrap_or(0), 0);
            }
        }
        if command.is_none() {
            (member.cold.carried, member.cold.seen) = (true, true);
        }
        if command.is_none() && !proves && !older && member.hot.trusted {
            // The venue's own word, in its place among frames of which none is missing: so it empties a book at the close.
            if let Some(clock @ 1..) = snapshot.clock {
                (member.hot.snapshot_clock, member.hot.last_clock) = (clock, clock);
            }
            counts.events += 1;
            sink.push(Fact::Event(record));
            return None;
        }
        if !proves || older {
            let due = moment.now + moment.repair;
            if !member.hot.trusted && member.cold.queue(due) {
                self.repairs.push((due, vec![member.cold.ticker.clone()]));
            }
            counts.surplus += 1;
            sink.push(Fact::Surplus(Surplus::Superseded, record));
            return answered;
        }
        member.hot.snapshot_clock = snapshot.clock.unwrap_or(0);
        member.hot.last_clock = member.hot.snapshot_clock;
        member.cold.seen = true;
        member.cold.queued = Duration::MAX;
        (member.cold.lagging, member.cold.attempts) = (0, 0);
        self.fruitless = 0;
        let closed = if member.hot.trusted {
            None
        } else {
            member.hot.trusted = true;
            // Without an id the subscription would not have been found.
            let sid = self.sid.unwrap_or(0);
            let (connection, channel, at) = (moment.connection, self.channel, moment.at);
            let (market, since) = (Some(member.cold.ticker.clone()), member.cold.since.take());
            Some(GapClosed { connection, sid, channel, market, since, at })
        };
        counts.events += 1;
        sink.push(Fact::Event(record));
        if let Some(closed) = closed {
            counts.gaps_closed += 1;
            self.tell(Fact::GapClosed(closed), sink);
        }
        answered
    }

    /// An event for which there is no room.
    #[cold]
    #[inline(never)]
    fn lose(
        &mut self,
        before: ReceivedTime,
        record: &EventRecord<'_>,
        moment: Moment,
        sink: &mut impl FactSink,
        counts: &mut Counts,
    ) {
        counts.dropped += 1;
        if !self.channel.carries_books() {
            self.distrust(GapCause::Overflow, before, self.sid, moment, sink, counts);
            return;
        }
        let Some(ticker) = record.event.ticker() else { return };
        let Some(member) = self.members.get_mut(ticker).filter(|member| member.hot.sent) else { return };
        match &record.event {
            Event::Delta(delta) => member.hot.last_clock = member.hot.last_clock.max(delta.clock.unwrap_or(0)),
            Event::Snapshot(_) if member.cold.asked == 0 && named_command(record.extra.as_deref()).is_none() => {
                (member.cold.carried, member.cold.seen) = (true, true);
            }
            _ => {}
        }
        if !member.cold.overflowed {
            member.cold.overflowed = true;
            self.overflowed.push(member.cold.ticker.clone());
        }
        self.distrust_market(ticker, GapCause::Overflow, before, moment, sink, counts);
    }

    /// Something that is no market data was dropped for want of room.
    pub(super) fn lose_message(&mut self, moment: Moment, sink: &mut impl FactSink, counts: &mut Counts) {
        counts.dropped += 1;
        self.distrust(GapCause::Overflow, self.last_recv, self.sid, moment, sink, counts);
    }

    /// There is room again.
    pub(super) fn resume(&mut self, moment: Moment, sink: &mut impl FactSink, counts: &mut Counts) {
        if self.phase != Phase::Wanted && self.phase != Phase::Asked {
            self.close_gap(moment, sink, counts);
        }
        let mut again = Vec::new();
        for ticker in self.overflowed.drain(..) {
            let member = self.members.get_mut(ticker.as_str());
            // One that was taken off and added again has lost nothing since.
            let Some(member) = member.filter(|member| member.cold.overflowed) else { continue };
            member.cold.overflowed = false;
            if !member.hot.trusted && member.cold.queue(moment.now) {
                // What was under way may have been dropped too.
                member.cold.asked_at = Duration::ZERO;
                again.push(ticker);
            }
        }
        if !again.is_empty() {
            self.repairs.push((moment.now, again));
        }
    }

    /// Drops what the user asks for; gives the requests.
    pub(super) fn drop_asks(&mut self) -> Vec<RequestId> {
        let asks = self.asks.drain(..).map(|(_, request)| request);
        asks.chain(self.parked.drain(..).map(|(_, request)| request)).collect()
    }

    /// Hands a fact about this subscription on, and logs it.
    fn tell(&self, fact: Fact<'_>, sink: &mut impl FactSink) {
        let further = self.overflowed.len() > 1
            && matches!(&fact, Fact::GapOpened(gap) if gap.cause == GapCause::Overflow && !gap.markets.is_empty());
        log::fact(&fact, self.numbering.last(), further);
        sink.push(fact);
    }

    /// When its last frame in order came.
    pub(super) fn last_recv(&self) -> ReceivedTime {
        self.last_recv
    }
}

/// The command that a snapshot names as the one it answers.
#[cold]
fn named_command(extra: Option<&str>) -> Option<u64> {
    #[derive(serde::Deserialize)]
    struct Named {
        id: Option<u64>,
    }
    let named: Named = serde_json::from_str(extra?).ok()?;
    named.id.filter(|&id| id != 0)
}
