//! What the venue answers to commands, and what follows from it.

use std::{collections::HashMap, time::Duration};

use daybook_book::Ticker;

use super::{
    ConnectionCore, Kind, Outcome, Pending, RequestId,
    trust::{Moment, Phase},
};
use crate::{
    ControlKind,
    session::{Channel, EndCause, FactSink, answer::Answer, error::CommandError},
};

/// A subscription that held this long is opened anew at once when it ends.
const HELD: Duration = Duration::from_secs(60);

/// The venue's errors that ask for something else than giving up.
mod code {
    pub(super) const UNKNOWN_SID: i64 = 7;
    pub(super) const TIMEOUT: i64 = 18;
    pub(super) const MARKET_LIMIT: i64 = 26;
    pub(super) const TOO_MANY_REQUESTS: i64 = 27;
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
            ControlKind::Error { code, .. } if kind.is_terminal() => {
                // An error without a subscription concerns that of the command.
                if let Some(channel) = channel.or(pending.as_ref().and_then(|pending| pending.channel)) {
                    if let Some(pending) = pending {
                        self.again(pending);
                    }
                    let code = code.unwrap_or_default();
                    self.lost(channel, EndCause::Terminal { code }, moment, sink);
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
                    let none = Pending {
                        id: 0,
                        kind: Kind::List,
                        channel,
                        sent_at: moment.now,
                        markets: Vec::new(),
                        remaining: 0,
                        request: 0,
                        change: None,
                    };
                    self.refuse(&none, *code, message, moment, sink);
                }
            },
        }
        self.send_due(moment.now);
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
            subscribed.expect_snapshots(&pending.markets, snapshots_by);
            requests.extend(pending.markets.into_iter().map(|(_, request)| request));
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
            self.audit(&answer.listed, pending.sent_at, moment, sink);
            if self.requests.remove(&pending.request).is_some() {
                self.outcomes.push((pending.request, Outcome::Listed(answer.listed)));
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
                    subscribed.expect_snapshots(&pending.markets, moment.now + timeout);
                }
                pending.markets.into_iter().for_each(|(_, request)| self.settle(request, 1));
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
        match self.subscriptions[at].phase {
            Phase::Ending { renew: false, .. } => {
                self.forget_pending(channel);
                let mut gone = self.subscriptions.remove(at);
                self.ended.extend(gone.sid);
                gone.ended(EndCause::Requested, moment.at, moment, sink, &mut self.counts);
                let members = gone.wanted.into_iter().chain(gone.unwanted).map(|(_, request)| request);
                gone.waiting.into_iter().chain(members).for_each(|request| self.settle(request, 1));
                gone.inquiries.into_iter().for_each(|request| self.fail(request, CommandError::Unlisted { channel }));
            }
            Phase::Ending { renew: true, .. } => self.lost(channel, EndCause::Renewed, moment, sink),
            Phase::Open | Phase::Asked => self.lost(channel, EndCause::Forgotten, moment, sink),
            Phase::Wanted => {}
        }
    }

    /// A subscription is gone and is to be opened anew.
    pub(super) fn lost(&mut self, channel: Channel, cause: EndCause, moment: Moment, sink: &mut impl FactSink) {
        let Some(at) = self.subscriptions.iter().position(|subscribed| subscribed.channel == channel) else { return };
        if matches!(self.subscriptions[at].phase, Phase::Ending { renew: false, .. }) {
            return self.unsubscribed(channel, moment, sink);
        }
        let carried = self.forget_pending(channel);
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
        subscribed.asks.clear();
        subscribed.want_all(&carried);
        removed.into_iter().for_each(|(_, request)| self.settle(request, 1));
    }

    /// Drops the commands about a subscription that is gone; gives the requests that wait for markets.
    fn forget_pending(&mut self, channel: Channel) -> HashMap<Ticker, RequestId> {
        let mut carried = HashMap::new();
        let (gone, kept) =
            std::mem::take(&mut self.pending).into_iter().partition(|pending| pending.channel == Some(channel));
        self.pending = kept;
        let gone: Vec<Pending> = gone;
        for pending in gone {
            match pending.kind {
                Kind::Subscribe | Kind::Add => {
                    carried.extend(pending.markets.into_iter().filter(|(_, request)| *request != 0));
                }
                Kind::Delete => pending.markets.iter().for_each(|&(_, request)| self.settle(request, 1)),
                Kind::Snapshots | Kind::Inquire => self.fail(pending.request, CommandError::Disconnected),
                Kind::Relist => self.wait_for_renewal(&pending),
                Kind::Unsubscribe | Kind::List => {}
            }
        }
        carried
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
                self.refuse(&pending, code, message, moment, sink);
                let sent_at = moment.now + self.settings.answer_timeout;
                self.again(Pending { sent_at, request: 0, ..pending });
            }
            (_, Kind::Unsubscribe, Some(channel)) => {
                self.refuse(&pending, code, message, moment, sink);
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
                self.refuse(&pending, code, message, moment, sink);
            }
            _ => self.refuse(&pending, code, message, moment, sink),
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
        if !subscribed.filtered {
            let gone = self.subscriptions.remove(at);
            let error = CommandError::Refused { code, message: message.into(), markets: [].into() };
            let changes = gone.changes.into_iter().map(|change| change.request);
            let waiting = gone.waiting.into_iter().chain(changes).chain(gone.inquiries);
            waiting.for_each(|request| self.fail(request, error.clone()));
            return self.refuse(&pending, code, message, moment, sink);
        }
        let markets = std::mem::take(&mut pending.markets);
        let named = |ticker: &Ticker| answer.markets.iter().any(|name| name == ticker.as_str());
        let (refused, innocent): (Vec<_>, Vec<_>) = if markets.iter().any(|(ticker, _)| named(ticker)) {
            markets.into_iter().partition(|(ticker, _)| named(ticker))
        } else if markets.len() > 1 && code != Some(code::MARKET_LIMIT) {
            // One of them may be at fault, and the venue does not say which: halve the command until it is alone.
            subscribed.chunk = (markets.len() / 2).max(1);
            (Vec::new(), markets)
        } else {
            (markets, Vec::new())
        };
        if pending.kind == Kind::Subscribe {
            subscribed.phase = Phase::Wanted;
        }
        for (ticker, _) in &refused {
            subscribed.members.remove(ticker.as_str());
        }
        let confirmed = subscribed.want_first(innocent);
        confirmed.into_iter().for_each(|request| self.settle(request, 1));
        if !refused.is_empty() {
            pending.markets = refused;
            self.refuse(&pending, code, message, moment, sink);
        }
    }
}
