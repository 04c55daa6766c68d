//! One connection as a state machine: frames and time go in, facts and commands come out. It does no I/O, reads no
//! clock and draws no random number.
//!
//! What it wants to hold (its subscriptions and their markets) outlives the venue's connection: when that is made
//! anew, everything is subscribed to again. Time is given as the duration since any fixed instant.

mod answers;
mod listing;
mod members;
mod numbering;
mod plan;
mod trust;

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use daybook_book::{Event, EventRecord, ReceivedTime, Ticker};

use self::trust::{Change, Moment, Phase, Subscribed};
use super::{
    Channel, DownCause, EndCause, Fact, FactSink, GapCause, Message, Subscription, Surplus, Unreadable,
    error::CommandError, log,
};
use crate::{Frame, FrameError};

/// A request of the user; 0 is none.
pub type RequestId = u64;

/// What a connection's behaviour depends on.
#[derive(Clone, Debug)]
pub struct ConnectionSettings {
    /// The most markets in one command.
    pub chunk: usize,
    /// The most commands that wait for their answers.
    pub in_flight: usize,
    /// The most commands per second.
    pub commands_per_second: u32,
    /// After this long without any frame the venue is pinged.
    pub silence: Duration,
    /// After this long without an answer to that the connection is given up.
    pub pong_timeout: Duration,
    /// After this long without an answer a command is sent again.
    pub answer_timeout: Duration,
    /// A market's snapshot is asked for again no sooner than this.
    pub repair: Duration,
    /// This often the venue is asked which subscriptions it holds: one that it forgot would otherwise just be quiet.
    pub audit: Duration,
}

impl Default for ConnectionSettings {
    fn default() -> ConnectionSettings {
        ConnectionSettings {
            chunk: 1_000,
            in_flight: 8,
            commands_per_second: 1_000,
            silence: Duration::from_secs(30),
            pong_timeout: Duration::from_secs(10),
            answer_timeout: Duration::from_secs(10),
            repair: Duration::from_secs(1),
            audit: Duration::from_secs(60),
        }
    }
}

/// What has to happen to the transport.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Send a ping.
    Ping,
    /// Give the connection up.
    Close(DownCause),
}

/// How a request of the user ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// As asked.
    Done,
    /// The subscriptions that the venue holds.
    Listed(Vec<(String, u32)>),
    /// What a channel has to list: indices, underlyings.
    Available(Vec<String>),
    /// Not as asked.
    Failed(CommandError),
}

/// What happened since the counts were last taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) frames: u64,
    pub(crate) bytes: u64,
    pub(crate) events: u64,
    pub(crate) messages: u64,
    pub(crate) surplus: u64,
    pub(crate) unreadable: u64,
    pub(crate) dropped: u64,
    pub(crate) gaps_opened: u64,
    pub(crate) gaps_closed: u64,
    pub(crate) commands: u64,
    /// The last event's received time less its exchange time, in microseconds.
    pub(crate) age_micros: Option<i64>,
    /// The greatest such difference.
    pub(crate) worst_age_micros: Option<i64>,
}

/// A command that waits for its answer.
#[derive(Debug)]
struct Pending {
    id: u64,
    kind: Kind,
    channel: Option<Channel>,
    sent_at: Duration,
    markets: Vec<(Ticker, RequestId)>,
    /// Of a request for snapshots: how many have not come.
    remaining: usize,
    /// The user's request, where the command serves one.
    request: RequestId,
    /// Of a change of what limits the subscription: which.
    change: Option<Change>,
}

impl Pending {
    /// What stands for a command that was none of ours.
    fn of_none(now: Duration) -> Pending {
        let (sent_at, markets, change) = (now, Vec::new(), None);
        Pending { id: 0, kind: Kind::List, channel: None, sent_at, markets, remaining: 0, request: 0, change }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Subscribe,
    Add,
    Delete,
    Snapshots,
    Unsubscribe,
    /// Changes the list that limits the subscription.
    Relist,
    /// Asks what there is to list.
    Inquire,
    List,
}

/// One connection as a state machine without I/O, for other transports than a [`Session`](super::Session)'s and for
/// simulations: the session is a thin shell around it.
///
/// Its owner opens the transport and calls [`opened`](ConnectionCore::opened), hands every text frame to
/// [`frame`](ConnectionCore::frame) and every other sign of life to [`heard`](ConnectionCore::heard), calls
/// [`tick`](ConnectionCore::tick) when [`deadline`](ConnectionCore::deadline) has come or anything was asked of it, and
/// after each of these sends what [`next_command`](ConnectionCore::next_command) gives and does what
/// [`take_action`](ConnectionCore::take_action) says. `now` is the time since any fixed instant, `at` the wall clock.
#[derive(Debug)]
pub struct ConnectionCore {
    slot: u32,
    settings: ConnectionSettings,
    connection: Option<u32>,
    subscriptions: Vec<Subscribed>,
    /// Subscriptions of this connection that ended: what still comes of them is surplus.
    ended: Vec<u32>,
    pending: Vec<Pending>,
    lists: VecDeque<RequestId>,
    /// The venue ended a subscription without saying which: until its list tells, no snapshot proves anything.
    in_doubt: bool,
    /// For each request, how many markets or confirmations it still waits for.
    requests: HashMap<RequestId, usize>,
    next_id: u64,
    /// Commands in a row that were not answered in time.
    unanswered: u32,
    accepting: bool,
    heard_at: Duration,
    heard_recv: ReceivedTime,
    pinged_at: Option<Duration>,
    audit_at: Duration,
    /// When the next command may be sent, if commands came at exactly their rate.
    pace_at: Duration,
    outbox: VecDeque<String>,
    outcomes: Vec<(RequestId, Outcome)>,
    action: Option<Action>,
    counts: Counts,
}

impl ConnectionCore {
    /// Without a connection, and with nothing subscribed to.
    pub fn new(slot: u32, settings: ConnectionSettings) -> ConnectionCore {
        ConnectionCore {
            slot,
            settings,
            connection: None,
            subscriptions: Vec::new(),
            ended: Vec::new(),
            pending: Vec::new(),
            lists: VecDeque::new(),
            in_doubt: false,
            requests: HashMap::new(),
            next_id: 1,
            unanswered: 0,
            accepting: true,
            heard_at: Duration::ZERO,
            heard_recv: ReceivedTime::from_nanos(0),
            pinged_at: None,
            audit_at: Duration::ZERO,
            pace_at: Duration::ZERO,
            outbox: VecDeque::new(),
            outcomes: Vec::new(),
            action: None,
            counts: Counts::default(),
        }
    }

    // What the driver takes away.

    /// The next command to send.
    pub fn next_command(&mut self) -> Option<String> {
        self.outbox.pop_front()
    }

    /// What has to happen to the transport, once.
    pub fn take_action(&mut self) -> Option<Action> {
        self.action.take()
    }

    /// Requests that are settled.
    pub fn take_outcomes(&mut self) -> Vec<(RequestId, Outcome)> {
        std::mem::take(&mut self.outcomes)
    }

    /// What happened since the last time.
    pub(crate) fn take_counts(&mut self) -> Counts {
        std::mem::take(&mut self.counts)
    }

    /// Whether nothing is to be done: every market is subscribed to, every book trusted, every command answered.
    #[cfg(test)]
    pub(crate) fn is_settled(&self) -> bool {
        self.connection.is_some()
            && self.pending.is_empty()
            && self.subscriptions.iter().all(|subscribed| {
                let open = subscribed.phase == Phase::Open;
                (open || subscribed.phase == Phase::Wanted && subscribed.filtered && subscribed.members.len() == 0)
                    && subscribed.wanted.is_empty()
                    && (!subscribed.channel.carries_books() || subscribed.members.all_trusted())
            })
    }

    // The connection.

    /// The venue accepted a connection; from now on it has this number.
    pub fn opened(&mut self, connection: u32, now: Duration, at: ReceivedTime, sink: &mut impl FactSink) {
        self.connection = Some(connection);
        (self.heard_at, self.heard_recv) = (now, at);
        self.pinged_at = None;
        self.audit_at = now + self.settings.audit;
        self.unanswered = 0;
        sink.push(Fact::ConnectionUp { connection, slot: self.slot, at });
        self.tick(now, at, sink);
    }

    /// The connection is gone. Everything it held is wanted again.
    pub fn closed(&mut self, cause: DownCause, now: Duration, at: ReceivedTime, sink: &mut impl FactSink) {
        let Some(moment) = self.moment(now, at) else { return };
        for pending in std::mem::take(&mut self.pending) {
            match pending.kind {
                // What was to end has ended.
                Kind::Delete => pending.markets.iter().for_each(|&(_, request)| self.settle(request, 1)),
                Kind::Snapshots | Kind::Inquire | Kind::List => self.fail(pending.request, CommandError::Disconnected),
                Kind::Relist => self.wait_for_renewal(&pending),
                Kind::Subscribe | Kind::Add | Kind::Unsubscribe => {}
            }
        }
        for request in std::mem::take(&mut self.lists) {
            self.fail(request, CommandError::Disconnected);
        }
        // What was to end has ended.
        while let Some(at) = self.subscriptions.iter().position(Subscribed::ends) {
            self.finish(at, moment, sink);
        }
        let mut requests = Vec::new();
        let mut failed = Vec::new();
        for subscribed in &mut self.subscriptions {
            subscribed.ended(EndCause::Disconnected, self.heard_recv, moment, sink, &mut self.counts);
            requests.extend(subscribed.unwanted.drain(..).map(|(_, request)| request));
            failed.extend(subscribed.drop_asks());
            failed.extend(subscribed.inquiries.drain(..));
            subscribed.want_all();
            subscribed.retry_at = Duration::ZERO;
        }
        requests.into_iter().for_each(|request| self.settle(request, 1));
        failed.into_iter().for_each(|request| self.fail(request, CommandError::Disconnected));
        self.in_doubt = false;
        self.ended.clear();
        self.outbox.clear();
        self.action = None;
        self.connection = None;
        sink.push(Fact::ConnectionDown { connection: moment.connection, slot: self.slot, cause, at });
    }

    /// Something was heard that is no text frame: a ping, a pong.
    pub fn heard(&mut self, now: Duration, at: ReceivedTime) {
        (self.heard_at, self.heard_recv) = (now, at);
        self.pinged_at = None;
    }

    /// Whether there is room for events. Without room they are dropped, each under an open gap.
    pub fn set_accepting(&mut self, accepting: bool, now: Duration, at: ReceivedTime, sink: &mut impl FactSink) {
        if std::mem::replace(&mut self.accepting, accepting) || !accepting {
            return;
        }
        if let Some(moment) = self.moment(now, at) {
            for subscribed in &mut self.subscriptions {
                subscribed.resume(moment, sink, &mut self.counts);
            }
        }
    }

    fn moment(&self, now: Duration, at: ReceivedTime) -> Option<Moment> {
        let (accepting, repair, next) = (self.accepting, self.settings.repair, self.next_id);
        self.connection.map(|connection| Moment { connection, now, at, accepting, repair, next })
    }

    // Frames.

    /// Takes one text frame in.
    #[inline]
    pub fn frame(&mut self, frame: &[u8], now: Duration, at: ReceivedTime, sink: &mut impl FactSink) {
        let Some(moment) = self.moment(now, at) else { return };
        self.heard(now, at);
        self.counts.frames += 1;
        self.counts.bytes += frame.len() as u64;
        match Frame::parse(frame) {
            Ok(Frame::Event { sid, seq, sent_ts, event, extra }) => {
                let connection = moment.connection;
                let record = EventRecord { recv_ts: at, connection, sid, seq, sent_ts, event, extra };
                self.event(record, moment, sink);
            }
            Ok(Frame::Control { kind, sid, seq }) => self.control(&kind, sid, seq, frame, moment, sink),
            Ok(Frame::Unknown { frame_type, sid, seq }) => self.message(frame_type, sid, seq, frame, moment, sink),
            Err(error) => self.unreadable(error, frame, moment, sink),
        }
    }

    #[inline(always)]
    fn event(&mut self, record: EventRecord<'_>, moment: Moment, sink: &mut impl FactSink) {
        if let Some(ts) = record.event.ts() {
            let age = (record.recv_ts.nanos() / 1_000).saturating_sub(ts.micros());
            self.counts.age_micros = Some(age);
            self.counts.worst_age_micros = self.counts.worst_age_micros.max(Some(age));
        }
        let of_book = matches!(record.event, Event::Snapshot(_) | Event::Delta(_));
        let Some(at) = self.find(record.sid, of_book, moment) else {
            if of_book && record.sid.is_none() {
                self.distrust_books(GapCause::Unnumbered, moment, sink);
            }
            return self.surplus(Surplus::Unsubscribed, record, moment, sink);
        };
        let subscribed = &mut self.subscriptions[at];
        let before = subscribed.last_recv();
        if let Err(why) = subscribed.follow(record.seq, moment, sink, &mut self.counts) {
            return self.surplus(why, record, moment, sink);
        }
        if let Some(answered) = subscribed.deliver(before, record, moment, sink, &mut self.counts) {
            self.answered_by_snapshot(answered);
        }
    }

    /// Market data that must not be applied. Without room it is not told either: nothing is missing without it.
    #[cold]
    #[inline(never)]
    fn surplus(&mut self, why: Surplus, record: EventRecord<'_>, moment: Moment, sink: &mut impl FactSink) {
        self.counts.surplus += 1;
        if moment.accepting {
            sink.push(Fact::Surplus(why, record));
        } else {
            self.counts.dropped += 1;
        }
    }

    /// The subscription with this id. Data that overtakes the confirmation of its subscription binds the id to it.
    #[inline(always)]
    fn find(&mut self, sid: Option<u32>, of_book: bool, moment: Moment) -> Option<usize> {
        let sid = sid?;
        if let Some(at) = self.subscriptions.iter().position(|subscribed| subscribed.sid == Some(sid)) {
            return Some(at);
        }
        if !of_book || self.ended.contains(&sid) {
            return None;
        }
        let early = |subscribed: &Subscribed| {
            subscribed.channel.carries_books() && subscribed.phase == Phase::Asked && subscribed.sid.is_none()
        };
        let at = self.subscriptions.iter().position(early)?;
        self.subscriptions[at].bind(sid, moment.at);
        Some(at)
    }

    #[inline(never)]
    fn message(
        &mut self,
        frame_type: Cow<'_, str>,
        sid: Option<u32>,
        seq: Option<u64>,
        frame: &[u8],
        moment: Moment,
        sink: &mut impl FactSink,
    ) {
        let mut channel = None;
        if let Some(at) = self.find(sid, false, moment) {
            let subscribed = &mut self.subscriptions[at];
            let of = subscribed.channel;
            channel = Some(of);
            if subscribed.follow(seq, moment, sink, &mut self.counts) == Err(Surplus::Repeated) {
                self.counts.surplus += 1;
                return;
            }
            if !moment.accepting {
                subscribed.lose_message(moment, sink, &mut self.counts);
            }
            if of.is_told_by(&frame_type) {
                self.told(of, frame);
            }
            if !moment.accepting {
                return;
            }
        }
        if !moment.accepting {
            self.counts.dropped += 1;
            return;
        }
        self.counts.messages += 1;
        // A frame that was read as JSON is UTF-8.
        let frame = String::from_utf8_lossy(frame);
        let (recv_ts, connection) = (moment.at, moment.connection);
        sink.push(Fact::Message(Message { recv_ts, connection, sid, seq, channel, frame_type, frame }));
    }

    #[inline(never)]
    fn unreadable(&mut self, error: FrameError, frame: &[u8], moment: Moment, sink: &mut impl FactSink) {
        self.counts.unreadable += 1;
        // It may be any channel's: it binds no id to a subscription, and its number will be missing.
        match (error.sid, self.find(error.sid, false, moment)) {
            (_, Some(at)) => {
                let subscribed = &mut self.subscriptions[at];
                // The numbers may show a gap already; what is not understood makes one in any case.
                let repeated = subscribed.follow(error.seq, moment, sink, &mut self.counts).is_err();
                if subscribed.channel.carries_books() && !repeated {
                    subscribed.distrust_now(GapCause::Unreadable, moment, sink, &mut self.counts);
                }
            }
            (None, None) => self.distrust_books(GapCause::Unreadable, moment, sink),
            (Some(_), None) => {}
        }
        if !moment.accepting {
            self.counts.dropped += 1;
            // Whoever cannot be told of the frame is told that something is missing.
            let may_be = |of: &Subscribed| !of.channel.carries_books() && (error.sid.is_none() || of.sid == error.sid);
            for subscribed in self.subscriptions.iter_mut().filter(|of| may_be(of)) {
                subscribed.distrust_now(GapCause::Overflow, moment, sink, &mut self.counts);
            }
            return;
        }
        sink.push(Fact::Unreadable(Unreadable {
            recv_ts: moment.at,
            connection: moment.connection,
            sid: error.sid,
            seq: error.seq,
            offset: error.offset,
            reason: error.reason,
            frame: Cow::Borrowed(frame),
        }));
    }

    /// A frame may have changed any book of the connection.
    #[inline(never)]
    fn distrust_books(&mut self, cause: GapCause, moment: Moment, sink: &mut impl FactSink) {
        for subscribed in self.subscriptions.iter_mut().filter(|subscribed| subscribed.channel.carries_books()) {
            subscribed.distrust_now(cause, moment, sink, &mut self.counts);
        }
    }

    // Requests of the user.

    /// Subscribes, or adds markets to the subscription of the channel. How a request ends shows in
    /// [`take_outcomes`](ConnectionCore::take_outcomes) under its number, which the caller chooses and which is not 0.
    pub fn subscribe(&mut self, request: RequestId, wanted: Subscription) {
        let at = self.subscriptions.iter().position(|subscribed| subscribed.channel == wanted.channel);
        let at = at.unwrap_or_else(|| {
            let filtered = wanted.markets.is_some();
            let new = Subscribed::new(wanted.channel, wanted.params.clone(), filtered, self.settings.chunk);
            self.subscriptions.push(new);
            self.subscriptions.len() - 1
        });
        let mut subscribed = &mut self.subscriptions[at];
        if subscribed.ends() {
            // What is ended and wanted again begins anew, with what is named now.
            subscribed = subscribed.successor.get_or_insert_with(|| {
                let filtered = wanted.markets.is_some();
                Box::new(Subscribed::new(wanted.channel, wanted.params.clone(), filtered, self.settings.chunk))
            });
        }
        let mut waits_for = 0;
        match wanted.markets {
            None if subscribed.filtered || subscribed.differs(&wanted.params) => {
                self.outcomes.push((request, Outcome::Failed(CommandError::Mixed { channel: subscribed.channel })));
                return;
            }
            None => waits_for = subscribed.widen(&wanted.params, request),
            Some(_) if subscribed.is_by_ids() => {
                self.outcomes.push((request, Outcome::Failed(CommandError::Mixed { channel: subscribed.channel })));
                return;
            }
            // The whole channel contains any of its markets.
            Some(markets) if subscribed.filtered => {
                for ticker in markets {
                    if subscribed.members.insert(ticker.clone()) {
                        subscribed.wanted.push_back(ticker.clone());
                    }
                    // Whoever subscribes to what is on its way already waits for it as well.
                    if let Some(member) = subscribed.members.get_mut(ticker.as_str())
                        && !member.cold.carried
                        && member.cold.waiting.last() != Some(&request)
                    {
                        member.cold.waiting.push(request);
                        waits_for += 1;
                    }
                }
            }
            Some(_) => {}
        }
        self.expect(request, waits_for);
    }

    /// Takes markets off the subscription of a channel.
    pub fn remove(
        &mut self,
        request: RequestId,
        channel: Channel,
        markets: &[Ticker],
        now: Duration,
        at: ReceivedTime,
        sink: &mut impl FactSink,
    ) {
        let moment = self.moment(now, at);
        let (mut dropped, mut asked, mut removed) = (Vec::new(), Vec::new(), Vec::new());
        let mut waits_for = 0;
        let held = self.subscriptions.iter_mut().find(|subscribed| subscribed.channel == channel);
        let mut next = held;
        while let Some(subscribed) = next {
            let ends = subscribed.ends();
            let mut unsent = HashSet::new();
            for ticker in markets {
                let Some(gone) = subscribed.members.remove(ticker.as_str()) else { continue };
                if !gone.sent {
                    unsent.insert(ticker);
                } else if !ends {
                    subscribed.unwanted.push_back((ticker.clone(), request));
                    waits_for += 1;
                }
                dropped.extend(gone.cold.waiting);
                asked.push(gone.cold.asked);
                removed.push(gone.cold.ticker);
            }
            if !unsent.is_empty() {
                subscribed.wanted.retain(|ticker| !unsent.contains(ticker));
            }
            subscribed.unpark();
            next = subscribed.successor.as_deref_mut();
        }
        if let Some(moment) = moment.filter(|_| !removed.is_empty()) {
            let markets = removed.into();
            sink.push(Fact::MarketsRemoved { connection: moment.connection, channel, markets, at });
        }
        // Whoever waited for a market that is no longer wanted has what can be had.
        asked.into_iter().filter(|&command| command != 0).for_each(|command| self.answered_by_snapshot(command));
        dropped.into_iter().for_each(|earlier| self.settle(earlier, 1));
        self.expect(request, waits_for);
    }

    /// Asks for snapshots of markets whose books are subscribed to.
    pub fn snapshots(&mut self, request: RequestId, mut markets: Vec<Ticker>) {
        let Some(subscribed) = self.latest(Channel::OrderbookDelta) else { return self.expect(request, 0) };
        let mut named = HashSet::new();
        markets.retain(|ticker| subscribed.members.get_mut(ticker.as_str()).is_some() && named.insert(ticker.clone()));
        let count = markets.len();
        if count > 0 {
            subscribed.asks.push_back((markets, request));
        }
        self.expect(request, count);
    }

    /// What the user wants of a channel at present: not what is ending.
    fn latest(&mut self, channel: Channel) -> Option<&mut Subscribed> {
        let subscribed = self.subscriptions.iter_mut().find(|subscribed| subscribed.channel == channel)?;
        if subscribed.ends() { subscribed.successor.as_deref_mut() } else { Some(subscribed) }
    }

    /// Ends the subscription of a channel.
    pub fn unsubscribe(&mut self, request: RequestId, channel: Channel) {
        let Some(at) = self.subscriptions.iter().position(|subscribed| subscribed.channel == channel) else {
            return self.expect(request, 0);
        };
        let subscribed = &mut self.subscriptions[at];
        let never_begun = self.connection.is_none() || (subscribed.phase == Phase::Wanted && subscribed.sid.is_none());
        if never_begun && !subscribed.ends() {
            let gone = self.subscriptions.remove(at);
            self.dismiss(gone);
            return self.expect(request, 0);
        }
        subscribed.waiting.push(request);
        let given_up = subscribed.successor.take();
        if !subscribed.ends() {
            // A subscription whose confirmation is under way is ended when that has come.
            subscribed.end_when_open = subscribed.phase == Phase::Asked;
            if !subscribed.end_when_open {
                let sent = matches!(subscribed.phase, Phase::Ending { sent: true, .. });
                subscribed.phase = Phase::Ending { renew: false, sent };
            }
        }
        self.expect(request, 1);
        if let Some(given_up) = given_up {
            self.dismiss(*given_up);
        }
    }

    /// Asks the venue which subscriptions it holds.
    pub fn list(&mut self, request: RequestId) {
        if self.connection.is_none() {
            self.outcomes.push((request, Outcome::Failed(CommandError::Disconnected)));
            return;
        }
        self.lists.push_back(request);
        self.expect(request, 1);
    }

    /// The consumer found that a book folded from the events cannot be right.
    pub fn distrust(&mut self, ticker: &str, now: Duration, at: ReceivedTime, sink: &mut impl FactSink) {
        let Some(moment) = self.moment(now, at) else { return };
        if let Some(books) = self.subscriptions.iter_mut().find(|subscribed| subscribed.channel.carries_books()) {
            let since = books.last_recv();
            books.distrust_market(ticker, GapCause::Divergence, since, moment, sink, &mut self.counts);
        }
    }

    fn expect(&mut self, request: RequestId, count: usize) {
        if request == 0 {
            return;
        }
        if count == 0 {
            self.outcomes.push((request, Outcome::Done));
        } else {
            self.requests.insert(request, count);
        }
    }

    fn settle(&mut self, request: RequestId, count: usize) {
        let Some(left) = self.requests.get_mut(&request) else { return };
        *left = left.saturating_sub(count);
        if *left == 0 {
            self.requests.remove(&request);
            self.outcomes.push((request, Outcome::Done));
        }
    }

    fn fail(&mut self, request: RequestId, error: CommandError) {
        if self.requests.remove(&request).is_some() {
            self.outcomes.push((request, Outcome::Failed(error)));
        }
    }

    /// Tells that the venue refused a command, and `waited`, the requests that waited for its markets.
    fn refuse(
        &mut self,
        pending: Pending,
        waited: Vec<RequestId>,
        code: Option<i64>,
        message: &str,
        moment: Moment,
        sink: &mut impl FactSink,
    ) {
        let message: Arc<str> = message.into();
        let tickers: Arc<[Ticker]> = pending.markets.iter().map(|(ticker, _)| ticker.clone()).collect();
        let refused = || CommandError::Refused { code, message: message.clone(), markets: tickers.clone() };
        let requests = pending.markets.iter().map(|&(_, request)| request).chain(waited).chain([pending.request]);
        requests.for_each(|request| self.fail(request, refused()));
        let (connection, at, channel) = (moment.connection, moment.at, pending.channel);
        // A snapshot that is not to be had leaves its market subscribed to.
        let markets = if pending.kind == Kind::Snapshots { Arc::from([]) } else { tickers };
        let refused = Fact::CommandRefused { connection, channel, code, message, markets, at };
        log::fact(&refused, 0, false);
        sink.push(refused);
    }
}

#[cfg(test)]
mod tests;
