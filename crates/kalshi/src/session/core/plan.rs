//! What is to be sent next, and when something has to happen: the part of the state machine that time drives.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use daybook_book::{ReceivedTime, Ticker};

use super::{
    Action, ConnectionCore, Kind, Pending, RequestId,
    members::Members,
    trust::{Moment, Phase, Subscribed},
};
use crate::session::{DownCause, FactSink, command, error::CommandError};

/// A subscription is renewed for want of snapshots no more often than this, doubled each time.
const RENEWAL_INTERVAL: Duration = Duration::from_secs(60);

impl ConnectionCore {
    /// Lets time act: what is overdue, and what can be sent.
    pub fn tick(&mut self, now: Duration, at: ReceivedTime, sink: &mut impl FactSink) {
        let Some(moment) = self.moment(now, at) else { return };
        self.check_silence(now);
        self.check_answers(moment, sink);
        if now >= self.audit_at {
            self.audit_at = now + self.settings.audit;
            self.lists.push_back(0);
        }
        self.send_due(now);
    }

    /// When [`tick`](ConnectionCore::tick) is to be called next; `None` while there is no connection.
    pub fn deadline(&self) -> Option<Duration> {
        self.connection?;
        let silence = match self.pinged_at {
            Some(pinged) => pinged + self.settings.pong_timeout,
            None => self.heard_at + self.settings.silence,
        };
        let answers = self.pending.iter().map(|pending| pending.sent_at + self.settings.answer_timeout).min();
        let mut next = answers.map_or(silence, |answer| answer.min(silence)).min(self.audit_at);
        if self.pending.len() < self.settings.in_flight {
            let due = self.subscriptions.iter().filter_map(|subscribed| subscribed.due(self.accepting)).min();
            let due = if self.lists.is_empty() { due } else { Some(Duration::ZERO) };
            if let Some(due) = due {
                next = next.min(due.max(self.pace_free_at()));
            }
        }
        Some(next)
    }

    fn check_silence(&mut self, now: Duration) {
        match self.pinged_at {
            None if now >= self.heard_at + self.settings.silence => {
                self.pinged_at = Some(now);
                self.action = Some(Action::Ping);
            }
            Some(pinged) if now >= pinged + self.settings.pong_timeout => {
                self.action = Some(Action::Close(DownCause::Silent));
            }
            _ => {}
        }
    }

    fn check_answers(&mut self, moment: Moment, sink: &mut impl FactSink) {
        let now = moment.now;
        let mut at = 0;
        while at < self.pending.len() {
            if now < self.pending[at].sent_at + self.settings.answer_timeout {
                at += 1;
                continue;
            }
            let pending = self.pending.remove(at);
            self.overdue(pending, moment, sink);
        }
        if self.unanswered >= 3 {
            self.action = Some(Action::Close(DownCause::Unresponsive));
        }
    }

    fn overdue(&mut self, pending: Pending, moment: Moment, sink: &mut impl FactSink) {
        if pending.kind == Kind::Snapshots {
            return self.snapshots_overdue(pending, moment.now);
        }
        self.unanswered += 1;
        if matches!(pending.kind, Kind::List | Kind::Inquire) {
            return self.fail(pending.request, CommandError::Timeout);
        }
        if let (Kind::Subscribe, Some(channel)) = (pending.kind, pending.channel) {
            let subscribed = self.subscriptions.iter().find(|subscribed| subscribed.channel == channel);
            if let Some(sid) = subscribed.and_then(|subscribed| subscribed.sid) {
                // Its data came, only the confirmation did not.
                return self.begin(channel, sid, Some(pending), moment.now, moment, sink);
            }
        }
        self.again(pending);
    }

    /// Puts what a command was to do back into the queue it came from.
    pub(super) fn again(&mut self, pending: Pending) {
        let Some(channel) = pending.channel else {
            return if pending.kind == Kind::List {
                self.lists.push_front(pending.request)
            };
        };
        let repair = self.settings.repair;
        let Some(subscribed) = self.subscriptions.iter_mut().find(|subscribed| subscribed.channel == channel) else {
            return;
        };
        match pending.kind {
            Kind::Subscribe | Kind::Add => {
                if pending.kind == Kind::Subscribe && subscribed.phase == Phase::Asked {
                    subscribed.phase = Phase::Wanted;
                }
                let confirmed = subscribed.want_first(pending.markets);
                confirmed.into_iter().for_each(|request| self.settle(request, 1));
            }
            Kind::Delete => pending.markets.into_iter().rev().for_each(|market| subscribed.unwanted.push_front(market)),
            Kind::Snapshots => {
                let tickers: Vec<Ticker> = pending.markets.into_iter().map(|(ticker, _)| ticker).collect();
                if pending.request != 0 {
                    subscribed.asks.push_front((tickers, pending.request));
                } else {
                    subscribed.repair(tickers, pending.id, pending.sent_at + repair);
                }
            }
            Kind::Unsubscribe => {
                if let Phase::Ending { sent, .. } = &mut subscribed.phase {
                    *sent = false;
                }
            }
            Kind::Relist => {
                subscribed.changing = false;
                if let Some(change) = pending.change {
                    subscribed.changes.push_front(change);
                }
            }
            Kind::Inquire => subscribed.inquiries.push_front(pending.request),
            Kind::List => {}
        }
    }

    fn snapshots_overdue(&mut self, pending: Pending, now: Duration) {
        self.fail(pending.request, CommandError::Timeout);
        let books = self.subscriptions.iter_mut().find(|subscribed| Some(subscribed.channel) == pending.channel);
        let Some(subscribed) = books else { return };
        let timeout = self.settings.answer_timeout;
        let answered_any = pending.remaining < pending.markets.len();
        let mut had_been_answered = false;
        let mut later: BTreeMap<Duration, Vec<Ticker>> = BTreeMap::new();
        for (ticker, _) in pending.markets {
            let Some(member) = subscribed.members.get_mut(ticker.as_str()) else { continue };
            if member.cold.asked != pending.id {
                continue;
            }
            member.cold.asked = 0;
            had_been_answered |= member.cold.seen;
            member.cold.attempts = (member.cold.attempts + 1).min(5);
            let due = now + timeout * ((1 << member.cold.attempts) - 2);
            if !member.hot.trusted && member.cold.queue(due) {
                later.entry(due).or_default().push(ticker);
            }
        }
        subscribed.repairs.extend(later);
        // A market of which the venue has nothing to say is no reason to renew the subscription of all others.
        if answered_any || !had_been_answered {
            return;
        }
        subscribed.fruitless += 1;
        // Twice, so that one lost answer costs no renewal.
        if subscribed.fruitless >= 2 && now >= subscribed.renew_at && subscribed.phase == Phase::Open {
            subscribed.phase = Phase::Ending { renew: true, sent: false };
            subscribed.renewals = (subscribed.renewals + 1).min(10);
            subscribed.renew_at = now + RENEWAL_INTERVAL * (1 << subscribed.renewals);
        }
    }

    /// A snapshot came that this command had asked for.
    pub(super) fn answered_by_snapshot(&mut self, id: u64) {
        let Some(at) = self.pending.iter().position(|pending| pending.id == id) else { return };
        let pending = &mut self.pending[at];
        pending.remaining = pending.remaining.saturating_sub(1);
        if pending.remaining == 0 {
            let pending = self.pending.swap_remove(at);
            self.unanswered = 0;
            self.settle(pending.request, pending.markets.len());
        }
    }

    // Sending.

    /// The instant at which the pace lets another command out.
    fn pace_free_at(&self) -> Duration {
        // So many commands may be sent at once after a pause.
        let burst = Duration::from_secs(1) * self.settings.in_flight as u32 / self.settings.commands_per_second;
        self.pace_at.saturating_sub(burst)
    }

    fn may_send(&self, now: Duration) -> bool {
        self.pending.len() < self.settings.in_flight && self.pace_free_at() <= now
    }

    /// Lets no command out for a while: the venue said that there were too many.
    pub(super) fn slow_down(&mut self, now: Duration) {
        let burst = Duration::from_secs(1) * self.settings.in_flight as u32 / self.settings.commands_per_second;
        self.pace_at = now + Duration::from_secs(1) + burst;
    }

    pub(super) fn send_due(&mut self, now: Duration) {
        while self.may_send(now) {
            let Some((text, mut pending)) = self.next_due(now) else { break };
            pending.sent_at = now;
            self.pace_at = self.pace_at.max(now) + Duration::from_secs(1) / self.settings.commands_per_second;
            self.next_id += 1;
            self.counts.commands += 1;
            self.pending.push(pending);
            self.outbox.push_back(text);
        }
    }

    fn next_due(&mut self, now: Duration) -> Option<(String, Pending)> {
        let id = self.next_id;
        let pending = |kind, channel| {
            let (sent_at, markets, change) = (now, Vec::new(), None);
            Pending { id, kind, channel, sent_at, markets, remaining: 0, request: 0, change }
        };
        if let Some(request) = self.lists.pop_front() {
            return Some((command::list(id), Pending { request, ..pending(Kind::List, None) }));
        }
        for at in 0..self.subscriptions.len() {
            let accepting = self.accepting;
            let deleting = {
                let channel = self.subscriptions[at].channel;
                self.pending.iter().any(|pending| pending.kind == Kind::Delete && pending.channel == Some(channel))
            };
            let subscribed = &mut self.subscriptions[at];
            if subscribed.due(accepting).is_none_or(|due| due > now) {
                continue;
            }
            let channel = Some(subscribed.channel);
            match (subscribed.phase, subscribed.sid) {
                (Phase::Wanted, _) => {
                    let params = subscribed.opening();
                    let markets = subscribed.take_wanted();
                    let tickers: Vec<Ticker> = markets.iter().map(|(ticker, _)| ticker.clone()).collect();
                    let listed = subscribed.filtered.then_some(&*tickers);
                    let text = command::subscribe(id, subscribed.channel, &params, listed);
                    subscribed.phase = Phase::Asked;
                    return Some((text, Pending { markets, ..pending(Kind::Subscribe, channel) }));
                }
                (Phase::Ending { renew, .. }, Some(sid)) => {
                    subscribed.phase = Phase::Ending { renew, sent: true };
                    return Some((command::unsubscribe(id, sid), pending(Kind::Unsubscribe, channel)));
                }
                (Phase::Open, Some(sid)) => {
                    if !subscribed.unwanted.is_empty() {
                        let count = subscribed.unwanted.len().min(subscribed.chunk);
                        let markets: Vec<_> = subscribed.unwanted.drain(..count).collect();
                        let text = update(id, sid, "delete_markets", &markets);
                        return Some((text, Pending { markets, ..pending(Kind::Delete, channel) }));
                    }
                    // A market that is taken off and added again must begin anew.
                    if !subscribed.wanted.is_empty() && !deleting {
                        let markets = subscribed.take_wanted();
                        let text = update(id, sid, "add_markets", &markets);
                        return Some((text, Pending { markets, ..pending(Kind::Add, channel) }));
                    }
                    if let (Some(listing), false) = (subscribed.channel.listing(), subscribed.changing)
                        && let Some(change) = subscribed.changes.pop_front()
                    {
                        subscribed.changing = true;
                        let text = command::relist(id, sid, listing, change.add, &change.names);
                        let request = change.request;
                        return Some((
                            text,
                            Pending { request, change: Some(change), ..pending(Kind::Relist, channel) },
                        ));
                    }
                    if let Some(action) = subscribed.channel.listing().and_then(|listing| listing.ask)
                        && let Some(request) = subscribed.inquiries.pop_front()
                    {
                        let text = command::available(id, sid, action);
                        return Some((text, Pending { request, ..pending(Kind::Inquire, channel) }));
                    }
                    let (tickers, request) = subscribed.take_repairs(now, self.settings.repair, accepting);
                    if tickers.is_empty() {
                        continue;
                    }
                    let mut superseded = Vec::new();
                    for ticker in &tickers {
                        let Some(member) = subscribed.members.get_mut(ticker.as_str()) else { continue };
                        superseded.push(std::mem::replace(&mut member.cold.asked, id));
                        member.cold.asked_at = now;
                    }
                    let remaining = superseded.len();
                    let markets: Vec<_> = tickers.into_iter().map(|ticker| (ticker, 0)).collect();
                    superseded.into_iter().filter(|&earlier| earlier != 0).for_each(|id| self.answered_by_snapshot(id));
                    let text = update(id, sid, "get_snapshot", &markets);
                    return Some((text, Pending { markets, remaining, request, ..pending(Kind::Snapshots, channel) }));
                }
                _ => {}
            }
        }
        None
    }
}

fn update(id: u64, sid: u32, action: &str, markets: &[(Ticker, RequestId)]) -> String {
    let tickers: Vec<Ticker> = markets.iter().map(|(ticker, _)| ticker.clone()).collect();
    command::update(id, sid, action, &tickers)
}

impl Subscribed {
    /// When there is something to send for it; `None` if there is nothing.
    fn due(&self, accepting: bool) -> Option<Duration> {
        match self.phase {
            Phase::Wanted => (!self.filtered || !self.wanted.is_empty()).then_some(self.retry_at),
            Phase::Asked | Phase::Ending { sent: true, .. } => None,
            Phase::Ending { .. } => Some(Duration::ZERO),
            Phase::Open if !self.unwanted.is_empty() || !self.wanted.is_empty() => Some(Duration::ZERO),
            Phase::Open if !self.asks.is_empty() || !self.inquiries.is_empty() => Some(Duration::ZERO),
            Phase::Open if !self.changes.is_empty() && !self.changing => Some(Duration::ZERO),
            Phase::Open if accepting => self.repairs.iter().map(|(due, _)| *due).min(),
            Phase::Open => None,
        }
    }

    /// The next markets to subscribe to; they count as subscribed to from now on.
    fn take_wanted(&mut self) -> Vec<(Ticker, RequestId)> {
        let count = self.wanted.len().min(self.chunk);
        let markets: Vec<_> = self.wanted.drain(..count).collect();
        for (ticker, _) in &markets {
            if let Some(member) = self.members.get_mut(ticker.as_str()) {
                member.hot.sent = true;
            }
        }
        markets
    }

    /// Puts markets back at the head of what is to be subscribed to, those that are still members. Gives the requests
    /// for those that are subscribed to already: their snapshots came, though the confirmation did not.
    pub(super) fn want_first(&mut self, markets: Vec<(Ticker, RequestId)>) -> Vec<RequestId> {
        let mut confirmed = Vec::new();
        for (ticker, request) in markets.into_iter().rev() {
            match self.members.get_mut(ticker.as_str()) {
                Some(member) if member.hot.sent && member.cold.seen => confirmed.push(request),
                Some(member) => {
                    member.hot.sent = false;
                    self.wanted.push_front((ticker, request));
                }
                None => {}
            }
        }
        confirmed
    }

    /// Every member is to be subscribed to; `carried` are the requests that wait for it.
    pub(super) fn want_all(&mut self, carried: &HashMap<Ticker, RequestId>) {
        let mut carried = carried.clone();
        carried.extend(std::mem::take(&mut self.wanted).into_iter().filter(|(_, request)| *request != 0));
        self.members.for_each(|member| {
            member.hot.sent = false;
            let request = carried.get(&member.cold.ticker).copied().unwrap_or(0);
            self.wanted.push_back((member.cold.ticker.clone(), request));
        });
    }

    /// No market is wanted any more.
    pub(super) fn clear_members(&mut self) {
        self.members = Members::default();
        self.wanted.clear();
        self.unwanted.clear();
        self.repairs.clear();
    }

    /// If the snapshots of these markets have not come by `due`, they are asked for.
    pub(super) fn expect_snapshots(&mut self, markets: &[(Ticker, RequestId)], due: Duration) {
        if !self.channel.carries_books() {
            return;
        }
        let mut group = Vec::with_capacity(markets.len());
        for (ticker, _) in markets {
            let Some(member) = self.members.get_mut(ticker.as_str()) else { continue };
            if !member.hot.trusted && member.cold.queue(due) {
                group.push(member.cold.ticker.clone());
            }
        }
        if !group.is_empty() {
            self.repairs.push((due, group));
        }
    }

    /// Asks for these markets' snapshots at `due`, as far as command `asked` has not brought them.
    pub(super) fn repair(&mut self, tickers: Vec<Ticker>, asked: u64, due: Duration) {
        let mut group = Vec::new();
        for ticker in tickers {
            let Some(member) = self.members.get_mut(ticker.as_str()) else { continue };
            if member.cold.asked == asked {
                member.cold.asked = 0;
                if !member.hot.trusted && member.cold.queue(due) {
                    group.push(ticker);
                }
            }
        }
        if !group.is_empty() {
            self.repairs.push((due, group));
        }
    }

    /// The next markets whose snapshots are due, and the user's request that they serve.
    fn take_repairs(&mut self, now: Duration, interval: Duration, accepting: bool) -> (Vec<Ticker>, RequestId) {
        if let Some((mut tickers, request)) = self.asks.pop_front() {
            if tickers.len() > self.chunk {
                let rest = tickers.split_off(self.chunk);
                self.asks.push_front((rest, request));
            }
            return (tickers, request);
        }
        let mut taken = Vec::new();
        let mut early: BTreeMap<Duration, Vec<Ticker>> = BTreeMap::new();
        let mut kept = Vec::new();
        for (due, mut group) in std::mem::take(&mut self.repairs) {
            while due <= now && accepting && taken.len() < self.chunk {
                let Some(ticker) = group.pop() else { break };
                let member = self.members.get_mut(ticker.as_str()).filter(|member| member.cold.queued == due);
                let Some(member) = member else { continue };
                member.cold.queued = Duration::MAX;
                if member.hot.trusted || !member.hot.sent {
                    continue;
                }
                let again = member.cold.asked_at + interval;
                if member.cold.asked == 0 || again <= now || member.cold.asked_at.is_zero() {
                    taken.push(ticker);
                } else if member.cold.queue(again) {
                    early.entry(again).or_default().push(ticker);
                }
            }
            if !group.is_empty() {
                kept.push((due, group));
            }
        }
        kept.extend(early);
        self.repairs = kept;
        (taken, 0)
    }
}
