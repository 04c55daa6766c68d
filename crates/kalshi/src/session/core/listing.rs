//! What a subscription is limited by besides tickers (indices, underlyings, market ids), changed while it is open.
//!
//! The list as the user wants it stands in the subscription's parameters, so that opening it anew needs nothing more;
//! changes that the venue has not confirmed by then are settled by the new confirmation. At most one change is under
//! way at a time: one that is sent again could otherwise overtake a later one.

use serde_json::{Map, Value};

use super::{
    ConnectionCore, Kind, Outcome, Pending, RequestId,
    trust::{Change, Phase, Subscribed},
};
use crate::session::{Channel, answer::Available, error::CommandError};

impl ConnectionCore {
    /// Takes indices, underlyings or market ids off what limits a channel's subscription. A ticker subscription that
    /// is left with no market ends.
    pub fn narrow(&mut self, request: RequestId, channel: Channel, names: &[String]) {
        let Some(subscribed) = self.latest(channel) else { return self.expect(request, 0) };
        let held: Vec<Value> = names.iter().map(|name| Value::from(name.as_str())).collect();
        let removed = subscribed.unlist(&held);
        if removed.is_empty() {
            return self.expect(request, 0);
        }
        let none_is_all = channel.listing().is_some_and(|listing| listing.none_is_all);
        if none_is_all && subscribed.listed().is_some_and(Vec::is_empty) {
            return self.unsubscribe(request, channel);
        }
        let waits_for = subscribed.change(false, removed, request);
        self.expect(request, waits_for);
    }

    /// Asks what there is to list on a channel that is subscribed to. The answer is [`Outcome::Available`].
    pub fn available(&mut self, request: RequestId, channel: Channel) {
        let connected = self.connection.is_some();
        let refused = match (self.latest(channel), channel.listing().and_then(|listing| listing.ask)) {
            (Some(_), Some(_)) if !connected => CommandError::Disconnected,
            (Some(subscribed), Some(_)) => {
                subscribed.inquiries.push_back(request);
                return self.expect(request, 1);
            }
            _ => CommandError::Unlisted { channel },
        };
        self.outcomes.push((request, Outcome::Failed(refused)));
    }

    /// The venue told what there is to list on a channel. Without an id it answers whoever asked first.
    pub(super) fn told(&mut self, channel: Channel, frame: &[u8]) {
        let Some(available) = Available::read(frame) else { return };
        let asked = |pending: &Pending| pending.kind == Kind::Inquire && pending.channel == Some(channel);
        let answered = |pending: &Pending| asked(pending) && available.id.is_none_or(|id| id == pending.id);
        let Some(at) = self.pending.iter().position(answered) else { return };
        let pending = self.pending.remove(at);
        self.unanswered = 0;
        if self.requests.remove(&pending.request).is_some() {
            self.outcomes.push((pending.request, Outcome::Available(available.names())));
        }
    }

    /// The subscription of this change is to be opened anew, with the list as changed.
    pub(super) fn wait_for_renewal(&mut self, pending: &Pending) {
        if let Some(of) = self.subscriptions.iter_mut().find(|other| Some(other.channel) == pending.channel) {
            of.waiting.push(pending.request);
        }
    }
}

/// In a list: everything that the channel has. It stands for itself: what is listed beside it stays so without it.
const ALL: &str = "all";

impl Subscribed {
    /// What it is limited by.
    fn listed(&self) -> Option<&Vec<Value>> {
        self.params.get(self.channel.listing()?.key)?.as_array()
    }

    /// Whether it is to some markets by their ids, and not to the whole channel.
    pub(super) fn is_by_ids(&self) -> bool {
        self.channel.listing().is_some_and(|listing| listing.none_is_all) && self.listed().is_some()
    }

    /// Whether these parameters ask for something that a change of the list does not bring: the whole channel in place
    /// of a list, another part of it, other people's besides one's own.
    pub(super) fn differs(&self, params: &Map<String, Value>) -> bool {
        let listing = self.channel.listing();
        let rest = |of: &Map<String, Value>| {
            let mut rest = of.clone();
            listing.and_then(|listing| rest.remove(listing.key));
            rest
        };
        let asks_for_all = listing.is_some_and(|listing| listing.none_is_all && !params.contains_key(listing.key));
        self.is_by_ids() && asks_for_all || rest(&self.params) != rest(params)
    }

    /// What these parameters list is wanted too. Returns how many confirmations the request has to wait for.
    pub(super) fn widen(&mut self, params: &Map<String, Value>, request: RequestId) -> usize {
        let held = self.listed().cloned();
        if let Some(listing) = self.channel.listing()
            && let Some(wanted) = params.get(listing.key).and_then(Value::as_array)
            && (held.is_some() || !listing.none_is_all)
        {
            let mut all = held.unwrap_or_default();
            let added: Vec<Value> = wanted.iter().filter(|name| !all.contains(name)).cloned().collect();
            all.extend(added.iter().cloned());
            self.params.insert(listing.key.to_owned(), all.into());
            if !added.is_empty() && matches!(self.phase, Phase::Open | Phase::Asked) {
                return self.change(true, added, request);
            }
        }
        if self.phase == Phase::Open {
            return 0;
        }
        self.waiting.push(request);
        1
    }

    /// Forgets what is listed; gives what was.
    pub(super) fn unlist(&mut self, names: &[Value]) -> Vec<Value> {
        let Some(listing) = self.channel.listing() else { return Vec::new() };
        let Some(Value::Array(listed)) = self.params.get_mut(listing.key) else { return Vec::new() };
        listed.extract_if(.., |name| names.contains(name)).collect()
    }

    /// Tells the venue of a change, if it knows the list already. Returns how many confirmations there will be.
    fn change(&mut self, add: bool, names: Vec<Value>, request: RequestId) -> usize {
        if !matches!(self.phase, Phase::Open | Phase::Asked) {
            return 0;
        }
        let (all, named): (Vec<Value>, Vec<Value>) = names.into_iter().partition(|name| name == ALL);
        let parts = [all, named].into_iter().filter(|names| !names.is_empty());
        let before = self.changes.len();
        self.changes.extend(parts.map(|names| Change { add, names, request }));
        self.changes.len() - before
    }

    /// The parameters to open it with. What is listed beside everything is told after that, in a change.
    pub(super) fn opening(&mut self) -> Map<String, Value> {
        let mut params = self.params.clone();
        let key = self.channel.listing().map_or("", |listing| listing.key);
        if let Some(Value::Array(listed)) = params.get_mut(key)
            && listed.len() > 1
            && let Some(all) = listed.iter().position(|name| name == ALL)
        {
            let all = listed.swap_remove(all);
            let names = std::mem::replace(listed, vec![all]);
            self.changes.push_front(Change { add: true, names, request: 0 });
        }
        params
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use daybook_book::ReceivedTime;
    use serde_json::json;

    use super::super::{ConnectionSettings, DownCause, Fact, FactSink, Outcome, Subscription};
    use super::*;

    struct Nowhere;

    impl FactSink for Nowhere {
        fn push(&mut self, _: Fact<'_>) {}
    }

    const AT: ReceivedTime = ReceivedTime::from_nanos(1);

    /// A core with a subscription to index `A`, which is request 1, on connection 1 as sid 1.
    struct Rig(ConnectionCore, Duration);

    impl Rig {
        fn new() -> Rig {
            let mut rig = Rig(ConnectionCore::new(0, ConnectionSettings::default()), Duration::ZERO);
            rig.0.subscribe(1, indices(&["A"]));
            rig.0.opened(1, rig.1, AT, &mut Nowhere);
            assert_eq!(rig.sent(), [json!({"channels": ["cfbenchmarks_value"], "index_ids": ["A"]})]);
            rig.frame(json!({"type": "subscribed", "id": 1, "msg": {"channel": "cfbenchmarks_value", "sid": 1}}));
            assert_eq!(rig.done(), [1]);
            rig
        }

        fn after(&mut self, time: Duration) {
            self.1 += time;
            self.0.heard(self.1, AT);
            self.0.tick(self.1, AT, &mut Nowhere);
        }

        /// The parameters of what is sent now.
        fn sent(&mut self) -> Vec<Value> {
            self.after(Duration::ZERO);
            let command = |text: String| serde_json::from_str::<Value>(&text).unwrap()["params"].take();
            std::iter::from_fn(|| self.0.next_command()).map(command).collect()
        }

        fn frame(&mut self, frame: Value) {
            self.0.frame(frame.to_string().as_bytes(), self.1, AT, &mut Nowhere);
        }

        /// The requests that are settled, all of them well.
        fn done(&mut self) -> Vec<RequestId> {
            let done = |(request, outcome)| {
                assert_eq!(outcome, Outcome::Done);
                request
            };
            self.0.take_outcomes().into_iter().map(done).collect()
        }
    }

    fn indices(names: &[&str]) -> Subscription {
        Subscription::new(Channel::CfBenchmarks).indices(names.iter().copied())
    }

    fn change(action: &str, name: &str) -> Value {
        json!({"sid": 1, "action": action, "index_ids": [name]})
    }

    #[test]
    fn what_a_lost_connection_had_not_confirmed_is_part_of_the_new_subscription() {
        let mut rig = Rig::new();
        rig.0.subscribe(2, indices(&["B"]));
        rig.0.subscribe(3, indices(&["C"]));
        rig.0.narrow(4, Channel::CfBenchmarks, &["A".to_owned()]);
        // One is under way, two wait for it.
        assert_eq!(rig.sent(), [change("subscribe_indices", "B")]);
        rig.0.closed(DownCause::Silent, rig.1, AT, &mut Nowhere);
        assert!(rig.done().is_empty());
        rig.0.opened(2, rig.1, AT, &mut Nowhere);
        assert_eq!(rig.sent(), [json!({"channels": ["cfbenchmarks_value"], "index_ids": ["B", "C"]})]);
        rig.frame(json!({"type": "subscribed", "id": 3, "msg": {"channel": "cfbenchmarks_value", "sid": 1}}));
        let mut done = rig.done();
        done.sort_unstable();
        assert_eq!(done, [2, 3, 4]);
        assert!(rig.sent().is_empty());
    }

    #[test]
    fn what_is_not_answered_is_sent_again_before_what_waits_for_it() {
        let mut rig = Rig::new();
        rig.0.subscribe(2, indices(&["B"]));
        rig.0.narrow(3, Channel::CfBenchmarks, &["B".to_owned()]);
        assert_eq!(rig.sent(), [change("subscribe_indices", "B")]);
        // Nothing to do before an answer is overdue.
        assert!(rig.0.deadline().unwrap() > rig.1);
        rig.after(ConnectionSettings::default().answer_timeout);
        assert_eq!(rig.sent(), [change("subscribe_indices", "B")]);
        rig.frame(json!({"type": "ok", "id": 3, "sid": 1, "seq": 1, "msg": {"index_ids": ["A", "B"]}}));
        assert_eq!(rig.done(), [2]);
        assert_eq!(rig.sent(), [change("unsubscribe_indices", "B")]);
        // The late answer to the first says nothing about the present one.
        rig.frame(json!({"type": "ok", "id": 2, "sid": 1, "seq": 2, "msg": {"index_ids": ["A", "B"]}}));
        assert!(rig.done().is_empty());
        rig.frame(json!({"type": "ok", "id": 4, "sid": 1, "seq": 3, "msg": {"index_ids": ["A"]}}));
        assert_eq!(rig.done(), [3]);
    }

    fn told(id: Option<u64>, seq: u64) -> Value {
        json!({"type": "cfbenchmarks_value_indexlist", "id": id, "sid": 1, "seq": seq, "msg": {"index_ids": ["X", "Y"]}})
    }

    #[test]
    fn what_there_is_is_told_to_whoever_asked() {
        let mut rig = Rig::new();
        let available = || Outcome::Available(vec!["X".to_owned(), "Y".to_owned()]);
        let unlisted = |channel| Outcome::Failed(CommandError::Unlisted { channel });
        rig.0.available(2, Channel::CfBenchmarks);
        rig.0.available(3, Channel::CfBenchmarks);
        let question = || json!({"sid": 1, "action": "indexlist"});
        assert_eq!(rig.sent(), [question(), question()]);
        // The second command's answer comes first, and another channel's is none. An `ok` is none either.
        rig.frame(json!({"type": "pyth_value_underlying_list", "sid": 1, "seq": 1, "msg": {"underlying_tickers": []}}));
        rig.frame(json!({"type": "ok", "id": 2, "sid": 1, "seq": 2, "msg": {}}));
        assert_eq!(rig.0.take_outcomes(), []);
        rig.frame(told(Some(3), 3));
        assert_eq!(rig.0.take_outcomes(), [(3, available())]);
        // Without an id, and without room for the frame itself.
        rig.0.set_accepting(false, rig.1, AT, &mut Nowhere);
        rig.frame(told(None, 4));
        assert_eq!(rig.0.take_outcomes(), [(2, available())]);
        rig.frame(told(None, 5));
        assert_eq!(rig.0.take_outcomes(), []);

        // What is not answered is told so, whether it was sent or not.
        rig.0.available(4, Channel::CfBenchmarks);
        assert_eq!(rig.sent(), [question()]);
        rig.after(ConnectionSettings::default().answer_timeout);
        assert_eq!(rig.0.take_outcomes(), [(4, Outcome::Failed(CommandError::Timeout))]);
        rig.0.available(5, Channel::CfBenchmarks);
        assert_eq!(rig.sent(), [question()]);
        rig.0.available(6, Channel::CfBenchmarks);
        rig.0.closed(DownCause::Silent, rig.1, AT, &mut Nowhere);
        let lost = || Outcome::Failed(CommandError::Disconnected);
        assert_eq!(rig.0.take_outcomes(), [(5, lost()), (6, lost())]);
        rig.0.available(7, Channel::CfBenchmarks);
        rig.0.available(8, Channel::Pyth);
        rig.0.available(9, Channel::Ticker);
        let refused = [(7, lost()), (8, unlisted(Channel::Pyth)), (9, unlisted(Channel::Ticker))];
        assert_eq!(rig.0.take_outcomes(), refused);
    }

    #[test]
    fn a_refused_question_is_told_and_an_end_answers_none() {
        let mut rig = Rig::new();
        rig.0.available(2, Channel::CfBenchmarks);
        assert_eq!(rig.sent().len(), 1);
        rig.frame(json!({"type": "error", "id": 2, "sid": 1, "seq": 1, "msg": {"code": 13, "msg": "no such action"}}));
        let outcomes = rig.0.take_outcomes();
        let refused = |outcome| matches!(outcome, &Outcome::Failed(CommandError::Refused { code: Some(13), .. }));
        assert!(matches!(&outcomes[..], [(2, outcome)] if refused(outcome)), "{outcomes:?}");
        rig.0.unsubscribe(3, Channel::CfBenchmarks);
        rig.0.available(4, Channel::CfBenchmarks);
        let unlisted = || Outcome::Failed(CommandError::Unlisted { channel: Channel::CfBenchmarks });
        assert_eq!(rig.0.take_outcomes(), [(4, unlisted())]);
        // One that waits for the confirmation of a subscription that is ended then.
        let mut rig = Rig(ConnectionCore::new(0, ConnectionSettings::default()), Duration::ZERO);
        rig.0.opened(1, rig.1, AT, &mut Nowhere);
        rig.0.subscribe(1, indices(&["A"]));
        rig.0.available(2, Channel::CfBenchmarks);
        rig.0.unsubscribe(3, Channel::CfBenchmarks);
        let done = |request| (request, Outcome::Done);
        assert_eq!(rig.0.take_outcomes(), [done(1), (2, unlisted()), done(3)]);
    }

    #[test]
    fn an_end_settles_what_was_still_to_be_changed() {
        let mut rig = Rig::new();
        rig.0.subscribe(2, indices(&["B"]));
        rig.0.subscribe(3, indices(&["C"]));
        assert_eq!(rig.sent(), [change("subscribe_indices", "B")]);
        rig.0.unsubscribe(4, Channel::CfBenchmarks);
        assert_eq!(rig.sent(), [json!({"sids": [1]})]);
        rig.frame(json!({"type": "unsubscribed", "id": 3, "sid": 1, "seq": 1}));
        let mut done = rig.done();
        done.sort_unstable();
        assert_eq!(done, [2, 3, 4]);
    }

    #[test]
    fn an_index_added_before_the_confirmation_is_told_after_it() {
        let mut rig = Rig(ConnectionCore::new(0, ConnectionSettings::default()), Duration::ZERO);
        rig.0.subscribe(1, indices(&["all", "A"]));
        rig.0.opened(1, rig.1, AT, &mut Nowhere);
        assert_eq!(rig.sent(), [json!({"channels": ["cfbenchmarks_value"], "index_ids": ["all"]})]);
        rig.0.subscribe(2, indices(&["B"]));
        rig.frame(json!({"type": "subscribed", "id": 1, "msg": {"channel": "cfbenchmarks_value", "sid": 1}}));
        assert_eq!(rig.done(), [1]);
        assert_eq!(rig.sent(), [change("subscribe_indices", "A")]);
        rig.frame(json!({"type": "ok", "id": 2, "sid": 1, "seq": 1, "msg": {"index_ids": ["all", "A"]}}));
        assert_eq!(rig.sent(), [change("subscribe_indices", "B")]);
        assert!(rig.done().is_empty());
        rig.frame(json!({"type": "ok", "id": 3, "sid": 1, "seq": 2, "msg": {"index_ids": ["all", "A", "B"]}}));
        assert_eq!(rig.done(), [2]);
    }
}
