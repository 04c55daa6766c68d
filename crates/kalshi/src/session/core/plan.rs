//! What is to be sent next, and when something has to happen: the part of the state machine that time drives.

use std::{collections::BTreeMap, time::Duration};

use daybook_book::{ReceivedTime, Ticker};

use super::{
    Action, ConnectionCore, Kind, Pending, RequestId,
    trust::{Moment, Phase, Subscribed},
};
use crate::session::{Channel, DownCause, FactSink, command, error::CommandError};

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
        self.send_due(moment, sink);
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
            let due = self.subscriptions.iter().filter_map(|subscribed| self.due(subscribed)).min();
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
            if pending.kind == Kind::List && self.in_doubt {
                self.lists.push_back(0);
            }
            return self.fail(pending.request, CommandError::Timeout);
        }
        if let (Kind::Subscribe, Some(channel)) = (pending.kind, pending.channel) {
            let subscribed = self.subscriptions.iter().find(|subscribed| subscribed.channel == channel);
            if let Some(sid) = subscribed.and_then(|subscribed| subscribed.sid) {
                // Its data came, only the confirmation did not; so it is not known which markets it carries.
                self.begin(channel, sid, None, moment.now, moment, sink);
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
                let confirmed = subscribed.want_first(pending.id, pending.markets);
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

    pub(super) fn send_due(&mut self, moment: Moment, sink: &mut impl FactSink) {
        let now = moment.now;
        self.settle_unopened(moment, sink);
        while self.may_send(now) {
            let Some((text, mut pending)) = self.next_due(moment, sink) else { break };
            pending.sent_at = now;
            self.pace_at = self.pace_at.max(now) + Duration::from_secs(1) / self.settings.commands_per_second;
            self.next_id += 1;
            self.counts.commands += 1;
            self.pending.push(pending);
            self.outbox.push_back(text);
        }
    }

    /// Of a subscription that is not open no market can be taken off or asked for, and one of no market that is to end need not be
    /// opened: whoever waits for that has it.
    fn settle_unopened(&mut self, moment: Moment, sink: &mut impl FactSink) {
        while let Some(at) = self.subscriptions.iter().position(Subscribed::is_moot) {
            self.finish(at, moment, sink);
        }
        let mut settled = Vec::new();
        for of in self.subscriptions.iter_mut().filter(|of| of.phase == Phase::Wanted) {
            // The venue may carry it nevertheless, if only its answer was lost: it is taken off if that shows.
            settled.extend(of.unwanted.iter_mut().map(|(_, request)| std::mem::take(request)));
            settled.append(&mut of.take_asks());
        }
        settled.into_iter().for_each(|request| self.settle(request, 1));
    }

    fn next_due(&mut self, moment: Moment, sink: &mut impl FactSink) -> Option<(String, Pending)> {
        let (id, now) = (self.next_id, moment.now);
        let pending = |kind, channel| Pending { id, kind, channel, ..Pending::of_none(now) };
        if let Some(request) = self.lists.pop_front() {
            return Some((command::list(id), Pending { request, ..pending(Kind::List, None) }));
        }
        for at in 0..self.subscriptions.len() {
            if self.due(&self.subscriptions[at]).is_none_or(|due| due > now) {
                continue;
            }
            let accepting = self.accepting;
            let deleting = self.deletes(self.subscriptions[at].channel);
            let subscribed = &mut self.subscriptions[at];
            let channel = Some(subscribed.channel);
            match (subscribed.phase, subscribed.sid) {
                (Phase::Wanted, _) => {
                    let params = subscribed.opening();
                    // What is subscribed to now must not be taken off after that.
                    let members = &mut subscribed.members;
                    subscribed.unwanted.retain(|(ticker, _)| members.get_mut(ticker.as_str()).is_none());
                    let markets = subscribed.take_wanted(id);
                    let tickers: Vec<Ticker> = markets.iter().map(|(ticker, _)| ticker.clone()).collect();
                    let listed = subscribed.filtered.then_some(&*tickers);
                    let text = command::subscribe(id, subscribed.channel, &params, listed);
                    subscribed.phase = Phase::Asked;
                    return Some((text, Pending { markets, ..pending(Kind::Subscribe, channel) }));
                }
                (Phase::Ending { renew, .. }, Some(sid)) => {
                    // The venue may stop to carry it long before the answer says so.
                    match renew {
                        true => subscribed.suspend(moment, sink, &mut self.counts),
                        false => subscribed.release(moment, sink),
                    }
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
                        let markets = subscribed.take_wanted(id);
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
                    let gone = subscribed.take_asks();
                    let repair = self.settings.repair;
                    let (tickers, request) = match subscribed.asks.pop_front() {
                        Some(asked) => asked,
                        None if self.in_doubt => (Vec::new(), 0),
                        None => (subscribed.take_repairs(now, repair, accepting), 0),
                    };
                    gone.into_iter().for_each(|request| self.settle(request, 1));
                    let subscribed = &mut self.subscriptions[at];
                    if tickers.is_empty() {
                        continue;
                    }
                    let mut superseded = Vec::new();
                    for ticker in &tickers {
                        let Some(member) = subscribed.members.get_mut(ticker.as_str()) else { continue };
                        superseded.push(std::mem::replace(&mut member.cold.asked, id));
                        (member.cold.asked_at, member.cold.asked_clock) = (now, member.hot.last_clock);
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

impl ConnectionCore {
    /// Whether markets are being taken off this channel's subscription.
    fn deletes(&self, channel: Channel) -> bool {
        self.pending.iter().any(|pending| pending.kind == Kind::Delete && pending.channel == Some(channel))
    }

    /// When there is something to send for a subscription; `None` if there is nothing.
    fn due(&self, of: &Subscribed) -> Option<Duration> {
        match of.phase {
            Phase::Wanted if of.is_moot() => Some(Duration::ZERO),
            Phase::Wanted => (!of.filtered || !of.wanted.is_empty()).then_some(of.retry_at),
            Phase::Asked | Phase::Ending { sent: true, .. } => None,
            Phase::Ending { .. } => Some(Duration::ZERO),
            Phase::Open if !of.unwanted.is_empty() => Some(Duration::ZERO),
            Phase::Open if !of.wanted.is_empty() && !self.deletes(of.channel) => Some(Duration::ZERO),
            Phase::Open if !of.asks.is_empty() || !of.inquiries.is_empty() => Some(Duration::ZERO),
            Phase::Open if !of.changes.is_empty() && !of.changing => Some(Duration::ZERO),
            Phase::Open if self.accepting && !self.in_doubt => of.repairs.iter().map(|(due, _)| *due).min(),
            Phase::Open => None,
        }
    }
}

impl Subscribed {
    /// Whether it is to be opened only to be ended, and for no market.
    fn is_moot(&self) -> bool {
        self.phase == Phase::Wanted && self.end_when_open && self.filtered && self.wanted.is_empty()
    }

    /// The next markets to subscribe to, by command `id`; they count as subscribed to from now on.
    fn take_wanted(&mut self, id: u64) -> Vec<(Ticker, RequestId)> {
        let count = self.wanted.len().min(self.chunk);
        let markets: Vec<_> = self.wanted.drain(..count).map(|ticker| (ticker, 0)).collect();
        for (ticker, _) in &markets {
            if let Some(member) = self.members.get_mut(ticker.as_str()) {
                member.hot.sent = true;
                (member.cold.command, member.cold.bar) = (id, id);
            }
        }
        markets
    }

    /// The venue confirmed command `id`: it carries these of its markets. Gives the requests that waited for them.
    pub(super) fn confirm(&mut self, id: u64, markets: &[(Ticker, RequestId)]) -> Vec<RequestId> {
        let mut confirmed = Vec::new();
        for (ticker, _) in markets {
            let member = self.members.get_mut(ticker.as_str()).filter(|member| member.cold.command == id);
            let Some(member) = member else { continue };
            member.cold.carried = true;
            confirmed.append(&mut member.cold.waiting);
        }
        self.unpark();
        confirmed
    }

    /// Puts the markets of command `id` back at the head of what is to be subscribed to, as far as it is still that
    /// command which they wait for. Gives the requests for those that are carried already: their snapshots came, though
    /// the confirmation did not.
    pub(super) fn want_first(&mut self, id: u64, markets: Vec<(Ticker, RequestId)>) -> Vec<RequestId> {
        let mut confirmed = Vec::new();
        for (ticker, _) in markets.into_iter().rev() {
            let member = self.members.get_mut(ticker.as_str()).filter(|member| member.cold.command == id);
            let Some(member) = member else { continue };
            if member.cold.carried {
                confirmed.append(&mut member.cold.waiting);
            } else {
                (member.hot.sent, member.cold.command) = (false, 0);
                self.wanted.push_front(ticker);
            }
        }
        self.unpark();
        confirmed
    }

    /// Every member is to be subscribed to.
    pub(super) fn want_all(&mut self) {
        self.wanted.clear();
        self.members.for_each(|member| {
            member.hot.sent = false;
            self.wanted.push_back(member.cold.ticker.clone());
        });
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

    /// What was parked may be asked for now, or parked again.
    pub(super) fn unpark(&mut self) {
        for (ticker, request) in self.parked.drain(..) {
            match self.asks.back_mut().filter(|(_, other)| *other == request) {
                Some((tickers, _)) => tickers.push(ticker),
                None => self.asks.push_back((vec![ticker], request)),
            }
        }
    }

    /// Brings what can be asked for to the head of what the user asks: no more than fits into a command, and only
    /// markets that the venue carries. Gives the requests for markets that were taken off, one for each.
    fn take_asks(&mut self) -> Vec<RequestId> {
        let mut gone = Vec::new();
        while let Some((tickers, request)) = self.asks.pop_front() {
            let mut carried = Vec::new();
            for ticker in tickers {
                match self.members.get_mut(ticker.as_str()) {
                    None => gone.push(request),
                    Some(member) if member.cold.carried => carried.push(ticker),
                    Some(_) => self.parked.push((ticker, request)),
                }
            }
            if carried.len() > self.chunk {
                let rest = carried.split_off(self.chunk);
                self.asks.push_front((rest, request));
            }
            if !carried.is_empty() {
                self.asks.push_front((carried, request));
                break;
            }
        }
        gone
    }

    /// The next markets whose snapshots are due.
    fn take_repairs(&mut self, now: Duration, interval: Duration, accepting: bool) -> Vec<Ticker> {
        let mut taken = Vec::new();
        let mut early: BTreeMap<Duration, Vec<Ticker>> = BTreeMap::new();
        let mut kept = Vec::new();
        for (due, mut group) in std::mem::take(&mut self.repairs) {
            while due <= now && accepting && taken.len() < self.chunk {
                let Some(ticker) = group.pop() else { break };
                let member = self.members.get_mut(ticker.as_str()).filter(|member| member.cold.queued == due);
                let Some(member) = member else { continue };
                member.cold.queued = Duration::MAX;
                // Its first snapshot comes unasked, once it is carried.
                if member.hot.trusted || !member.hot.sent || !member.cold.carried {
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
        taken
    }
}
