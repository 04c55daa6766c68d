//! What the venue answers to commands, and what follows from it.

use std::time::Duration;

use daybook_book::Ticker;

use super::{
    ConnectionCore, Kind, Outcome, Pending,
    trust::{Moment, Phase, Subscribed},
};
use crate::{
    ControlKind,
    session::{Channel, EndCause, Fact, FactSink, GapCause, answer::Answer, error::CommandError},
};

/// A subscription that held this long is opened anew at once when it ends.
const HELD: Duration = Duration::from_secs(60);

/// The venue's errors that ask for something else than giving up.
mod code {
    pub(super) const UNKNOWN_SID: i64 = 7;
    pub(super) const TIMEOUT: i64 = 18;
    pub(super) const MARKET_LIMIT: i64 = 26;
    pub(super) const TOO_MANY_REQUESTS: i64 = 27;

    /// Whether it may be one of the markets that a command names which makes the venue refuse it: not where it is about
    /// a part that every command has, the channel, the account, or how many markets there are.
    pub(super) fn may_concern_a_market(code: i64) -> bool {
        !matches!(code, 2..=5 | 8 | 9 | 12..=15 | 19..=24 | MARKET_LIMIT | 28)
    }
}

impl ConnectionCore {
    #[inline(never)]
    pub(super) fn control(
        &mut self,
        kind: &ControlKind<'_>,
        sid: Option<u32>,
        seq: Option<u64>,
        frame: &[u8],
        moment: Moment,
        sink: &mut impl FactSink,
    ) {
        let answer = Answer::read(frame, matches!(kind, ControlKind::Error { .. }));
        let subscribed = self.subscriptions.iter().position(|subscribed| sid.is_some() && subscribed.sid == sid);
        if let Some(at) = subscribed.filter(|_| seq.is_some()) {
            let _ = self.subscriptions[at].follow(seq, moment, sink, &mut self.counts);
        }
        let channel = subscribed.map(|at| self.subscriptions[at].channel);
        let pending = answer.id.and_then(|id| self.pending.iter().position(|pending| pending.id == id));
        // Only snapshots answer a request for snapshots, and only a list one for what there is to list.
        let stays = |pending: &Pending| {
            matches!(pending.kind, Kind::Snapshots | Kind::Inquire) && !matches!(kind, ControlKind::Error { .. })
        };
        let pending = pending.filter(|&at| !stays(&self.pending[at])).map(|at| self.pending.swap_remove(at));
        // An answer that comes too late shows as well that the venue answers.
        self.unanswered = 0;
        match kind {
            ControlKind::Subscribed { channel } => self.subscribed(pending, channel, sid, moment, sink),
            ControlKind::Ok { .. } => self.carried_out(pending, sid, answer, moment, sink),
            ControlKind::Unsubscribed => {
                if let Some(channel) = channel.or(pending.and_then(|pending| pending.channel)) {
                    self.unsubscribed(channel, moment, sink);
                }
            }
            ControlKind::Error { code, message } if kind.is_terminal() => {
                // An error without a subscription concerns that of the command.
                if let Some(channel) = channel.or(pending.as_ref().and_then(|pending| pending.channel)) {
                    if let Some(pending) = pending {
                        self.again(pending);
                    }
                    let code = code.unwrap_or_default();
                    self.lost(channel, EndCause::Terminal { code }, moment, sink);
                } else if sid.is_none() {
                    // Some subscription is dead, and only the venue's list tells which.
                    self.refuse(pending.unwrap_or(Pending::of_none(moment.now)), vec![], *code, message, moment, sink);
                    self.distrust_books(GapCause::SubscriptionEnded, moment, sink);
                    self.in_doubt = true;
                    self.lists.push_back(0);
                }
            }
            ControlKind::Error { code, message } => match pending {
                Some(pending) => self.failed(pending, *code, message, answer, moment, sink),
                None => {
                    if *code == Some(code::UNKNOWN_SID)
                        && let Some(channel) = channel
                    {
                        self.lost(channel, EndCause::Forgotten, moment, sink);
                    }
                    let none = Pending { channel, ..Pending::of_none(moment.now) };
                    self.refuse(none, vec![], *code, message, moment, sink);
                }
            },
        }
        self.send_due(moment, sink);
    }

    fn subscribed(
        &mut self,
        pending: Option<Pending>,
        channel: &str,
        sid: Option<u32>,
        moment: Moment,
        sink: &mut impl FactSink,
    ) {
        let channel = pending.as_ref().and_then(|pending| pending.channel).or(Channel::from_name(channel));
        let (Some(sid), Some(channel)) = (sid, channel) else { return };
        self.begin(channel, sid, pending, moment.now + self.settings.answer_timeout, moment, sink);
    }

    /// The venue confirmed the subscription; what waited for that is settled.
    pub(super) fn begin(
        &mut self,
        channel: Channel,
        sid: u32,
        pending: Option<Pending>,
        snapshots_by: Duration,
        moment: Moment,
        sink: &mut impl FactSink,
    ) {
        let Some(subscribed) = self.subscriptions.iter_mut().find(|subscribed| subscribed.channel == channel) else {
            return;
        };
        let mut requests = Vec::new();
        if subscribed.phase == Phase::Asked {
            // Data that came before was taken for this subscription's, wrongly so if it has another id.
            self.ended.extend(subscribed.sid.filter(|&early| early != sid));
            self.ended.retain(|&ended| ended != sid);
            subscribed.begun(sid, moment, sink, &mut self.counts);
            if subscribed.end_when_open {
                subscribed.end_when_open = false;
                subscribed.phase = Phase::Ending { renew: false, sent: false };
            } else {
                requests.append(&mut subscribed.waiting);
            }
        }
        // The answer to a command that was sent again, because the answer to the first came late, settles it too.
        if let Some(pending) = pending {
            requests.extend(subscribed.confirm(pending.id, &pending.markets));
            subscribed.expect_snapshots(&pending.markets, snapshots_by);
        }
        requests.into_iter().for_each(|request| self.settle(request, 1));
    }

    fn carried_out(
        &mut self,
        pending: Option<Pending>,
        sid: Option<u32>,
        answer: Answer,
        moment: Moment,
        sink: &mut impl FactSink,
    ) {
        let Some(pending) = pending else { return };
        let Some(channel) = pending.channel else {
            self.in_doubt = false;
            let Some(listed) = answer.listed else {
                let message = "the list of subscriptions that it answered with cannot be read";
                return self.refuse(pending, vec![], None, message, moment, sink);
            };
            self.audit(&listed, pending.sent_at, moment, sink);
            if self.requests.remove(&pending.request).is_some() {
                self.outcomes.push((pending.request, Outcome::Listed(listed)));
            }
            return;
        };
        let timeout = self.settings.answer_timeout;
        let most = self.settings.chunk;
        match pending.kind {
            Kind::Subscribe => {
                // The venue held the subscription already: it sends no snapshots of what was on it.
                let Some(sid) = sid else { return self.again(pending) };
                self.begin(channel, sid, Some(pending), moment.now, moment, sink);
            }
            Kind::Add => {
                if let Some(subscribed) = self.subscriptions.iter_mut().find(|subscribed| subscribed.channel == channel)
                {
                    subscribed.chunk = (subscribed.chunk * 2).min(most);
                    let confirmed = subscribed.confirm(pending.id, &pending.markets);
                    subscribed.expect_snapshots(&pending.markets, moment.now + timeout);
                    confirmed.into_iter().for_each(|request| self.settle(request, 1));
                }
            }
            Kind::Delete => pending.markets.into_iter().for_each(|(_, request)| self.settle(request, 1)),
            Kind::Unsubscribe => self.unsubscribed(channel, moment, sink),
            Kind::Relist => {
                if let Some(subscribed) = self.subscriptions.iter_mut().find(|subscribed| subscribed.channel == channel)
                {
                    subscribed.changing = false;
                }
                self.settle(pending.request, 1);
            }
            Kind::Snapshots | Kind::Inquire | Kind::List => {}
        }
    }

    /// Subscriptions that the venue should have listed and has not, are gone.
    fn audit(&mut self, listed: &[(String, u32)], asked_at: Duration, moment: Moment, sink: &mut impl FactSink) {
        let known = |sid: Option<u32>| listed.iter().any(|&(_, other)| Some(other) == sid);
        let forgotten: Vec<Channel> = self
            .subscriptions
            .iter()
            .filter(|subscribed| subscribed.phase == Phase::Open && subscribed.begun_at < asked_at)
            .filter(|subscribed| !known(subscribed.sid))
            .map(|subscribed| subscribed.channel)
            .collect();
        for channel in forgotten {
            self.lost(channel, EndCause::Forgotten, moment, sink);
        }
    }

    /// The venue confirmed the end of a subscription, asked for or not.
    fn unsubscribed(&mut self, channel: Channel, moment: Moment, sink: &mut impl FactSink) {
        let Some(at) = self.subscriptions.iter().position(|subscribed| subscribed.channel == channel) else { return };
        if self.subscriptions[at].ends() {
            return self.finish(at, moment, sink);
        }
        match self.subscriptions[at].phase {
            Phase::Ending { .. } => self.lost(channel, EndCause::Renewed, moment, sink),
            Phase::Open | Phase::Asked => self.lost(channel, EndCause::Forgotten, moment, sink),
            Phase::Wanted => {}
        }
    }

    /// A subscription that the user ended is over. What is wanted of its channel since then takes its place.
    pub(super) fn finish(&mut self, at: usize, moment: Moment, sink: &mut impl FactSink) {
        self.forget_pending(self.subscriptions[at].channel);
        let mut gone = self.subscriptions.remove(at);
        self.ended.extend(gone.sid);
        self.subscriptions.extend(gone.successor.take().map(|next| *next));
        gone.ended(EndCause::Requested, moment.at, moment, sink, &mut self.counts);
        self.dismiss(gone);
    }

    /// Nothing of this is wanted any more: whoever waited for it has what can be had.
    pub(super) fn dismiss(&mut self, mut gone: Subscribed) {
        let channel = gone.channel;
        let mut done = std::mem::take(&mut gone.waiting);
        gone.members.for_each(|member| done.append(&mut member.cold.waiting));
        done.extend(gone.changes.into_iter().map(|change| change.request));
        done.extend(gone.unwanted.into_iter().chain(gone.parked).map(|(_, request)| request));
        done.into_iter().for_each(|request| self.settle(request, 1));
        gone.inquiries.into_iter().for_each(|request| self.fail(request, CommandError::Unlisted { channel }));
        gone.asks.into_iter().for_each(|(tickers, request)| self.settle(request, tickers.len()));
    }

    /// A subscription is gone and is to be opened anew.
    pub(super) fn lost(&mut self, channel: Channel, cause: EndCause, moment: Moment, sink: &mut impl FactSink) {
        let Some(at) = self.subscriptions.iter().position(|subscribed| subscribed.channel == channel) else { return };
        if self.subscriptions[at].ends() {
            return self.finish(at, moment, sink);
        }
        self.forget_pending(channel);
        let subscribed = &mut self.subscriptions[at];
        self.ended.extend(subscribed.sid);
        if moment.now.saturating_sub(subscribed.begun_at) > HELD {
            subscribed.failures = 0;
        }
        subscribed.failures = (subscribed.failures + 1).min(6);
        let since = subscribed.last_recv();
        subscribed.ended(cause, since, moment, sink, &mut self.counts);
        // At once the first time, then ever later while it does not hold.
        let wait = Duration::from_millis(250) * ((1 << subscribed.failures) - 2);
        subscribed.retry_at = moment.now + if cause == EndCause::Renewed { Duration::ZERO } else { wait };
        let removed: Vec<_> = subscribed.unwanted.drain(..).collect();
        let asked: Vec<_> = subscribed.drop_asks();
        subscribed.want_all();
        removed.into_iter().for_each(|(_, request)| self.settle(request, 1));
        asked.into_iter().for_each(|request| self.fail(request, CommandError::Disconnected));
    }

    /// Drops the commands about a subscription that is gone.
    fn forget_pending(&mut self, channel: Channel) {
        let (gone, kept) =
            std::mem::take(&mut self.pending).into_iter().partition(|pending| pending.channel == Some(channel));
        self.pending = kept;
        let gone: Vec<Pending> = gone;
        for pending in gone {
            match pending.kind {
                Kind::Delete => pending.markets.iter().for_each(|&(_, request)| self.settle(request, 1)),
                Kind::Snapshots | Kind::Inquire => self.fail(pending.request, CommandError::Disconnected),
                Kind::Relist => self.wait_for_renewal(&pending),
                Kind::Subscribe | Kind::Add | Kind::Unsubscribe | Kind::List => {}
            }
        }
    }

    /// A command failed.
    fn failed(
        &mut self,
        pending: Pending,
        code: Option<i64>,
        message: &str,
        answer: Answer,
        moment: Moment,
        sink: &mut impl FactSink,
    ) {
        match (code, pending.kind, pending.channel) {
            (Some(code::TOO_MANY_REQUESTS | code::TIMEOUT), ..) => {
                self.slow_down(moment.now);
                self.again(pending);
            }
            (Some(code::UNKNOWN_SID), _, Some(channel)) => {
                self.again(pending);
                self.lost(channel, EndCause::Forgotten, moment, sink);
            }
            (_, Kind::Subscribe | Kind::Add, Some(channel)) => {
                self.not_subscribed(pending, channel, code, message, answer, moment, sink);
            }
            (_, Kind::Snapshots, _) => {
                // Whether the subscription lives shows elsewhere; these markets are asked for again, later.
                let sent_at = moment.now + self.settings.answer_timeout;
                let (request, markets) = (pending.request, pending.markets.clone());
                let (kind, channel) = (pending.kind, pending.channel);
                self.again(Pending { sent_at, request: 0, ..pending });
                let refused = Pending { request, markets, kind, channel, ..Pending::of_none(moment.now) };
                self.refuse(refused, vec![], code, message, moment, sink);
            }
            (_, Kind::Unsubscribe, Some(channel)) => {
                self.refuse(pending, vec![], code, message, moment, sink);
                self.unsubscribed(channel, moment, sink);
            }
            (_, Kind::Relist, Some(channel)) => {
                if let (Some(subscribed), Some(change)) =
                    (self.subscriptions.iter_mut().find(|other| other.channel == channel), &pending.change)
                {
                    subscribed.changing = false;
                    if change.add {
                        subscribed.unlist(&change.names);
                    }
                }
                self.refuse(pending, vec![], code, message, moment, sink);
            }
            (_, kind, _) => {
                self.in_doubt &= kind != Kind::List;
                self.refuse(pending, vec![], code, message, moment, sink);
            }
        }
    }

    /// The venue refused to subscribe to a channel, or to some markets of it.
    #[allow(clippy::too_many_arguments, reason = "the parts of one answer")]
    fn not_subscribed(
        &mut self,
        mut pending: Pending,
        channel: Channel,
        code: Option<i64>,
        message: &str,
        answer: Answer,
        moment: Moment,
        sink: &mut impl FactSink,
    ) {
        let Some(at) = self.subscriptions.iter().position(|subscribed| subscribed.channel == channel) else { return };
        let subscribed = &mut self.subscriptions[at];
        if !subscribed.filtered && subscribed.ends() {
            self.refuse(pending, vec![], code, message, moment, sink);
            return self.finish(at, moment, sink);
        }
        if !subscribed.filtered {
            let gone = self.subscriptions.remove(at);
            let error = CommandError::Refused { code, message: message.into(), markets: [].into() };
            let changes = gone.changes.into_iter().map(|change| change.request);
            let waiting = gone.waiting.into_iter().chain(changes).chain(gone.inquiries);
            waiting.for_each(|request| self.fail(request, error.clone()));
            return self.refuse(pending, vec![], code, message, moment, sink);
        }
        let markets = std::mem::take(&mut pending.markets);
        let named = |ticker: &Ticker| answer.markets.iter().any(|name| name == ticker.as_str());
        let (refused, innocent): (Vec<_>, Vec<_>) = if markets.iter().any(|(ticker, _)| named(ticker)) {
            markets.into_iter().partition(|(ticker, _)| named(ticker))
        } else if markets.len() > 1 && code.is_none_or(code::may_concern_a_market) {
            // One of them may be at fault, and the venue does not say which: halve the command until it is alone.
            subscribed.chunk = (markets.len() / 2).max(1);
            (Vec::new(), markets)
        } else {
            (markets, Vec::new())
        };
        if pending.kind == Kind::Subscribe {
            subscribed.phase = Phase::Wanted;
        }
        let (mut waited, mut carried) = (Vec::new(), Vec::new());
        for (ticker, _) in &refused {
            // One that was taken off and added again waits for another command.
            if subscribed.members.get_mut(ticker.as_str()).is_none_or(|member| member.cold.command != pending.id) {
                continue;
            }
            let Some(gone) = subscribed.members.remove(ticker.as_str()) else { continue };
            waited.extend(gone.cold.waiting);
            waited.extend(subscribed.parked.extract_if(.., |(parked, _)| parked == ticker).map(|(_, request)| request));
            carried.extend(gone.trusted.then_some(gone.cold.ticker));
        }
        if !carried.is_empty() {
            let (connection, markets, at) = (moment.connection, carried.into(), moment.at);
            sink.push(Fact::MarketsRemoved { connection, channel, markets, at });
        }
        let confirmed = subscribed.want_first(pending.id, innocent);
        let over = subscribed.end_when_open && pending.kind == Kind::Subscribe;
        confirmed.into_iter().for_each(|request| self.settle(request, 1));
        if !refused.is_empty() {
            pending.markets = refused;
            self.refuse(pending, waited, code, message, moment, sink);
        }
        // What the venue did not open need not be ended.
        if over {
            self.finish(at, moment, sink);
        }
    }
}
