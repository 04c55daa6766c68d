//! What a subscription is limited by besides tickers (indices, underlyings, market ids), changed while it is open.
//!
//! The list as the user wants it stands in the subscription's parameters, so that opening it anew needs nothing more;
//! changes that the venue has not confirmed by then are settled by the new confirmation. At most one change is under
//! way at a time: one that is sent again could otherwise overtake a later one.

use serde_json::{Map, Value};

use super::{
    ConnectionCore, Pending, RequestId,
    trust::{Change, Phase, Subscribed},
};
use crate::session::Channel;

impl ConnectionCore {
    /// Takes indices, underlyings or market ids off what limits a channel's subscription. A ticker subscription that
    /// is left with no market ends.
    pub fn narrow(&mut self, request: RequestId, channel: Channel, names: &[String]) {
        let Some(subscribed) = self.subscriptions.iter_mut().find(|subscribed| subscribed.channel == channel) else {
            return self.expect(request, 0);
        };
        let held: Vec<Value> = names.iter().map(|name| Value::from(name.as_str())).collect();
        let removed = subscribed.unlist(&held);
        if removed.is_empty() || matches!(subscribed.phase, Phase::Ending { renew: false, .. }) {
            return self.expect(request, 0);
        }
        let none_is_all = channel.listing().is_some_and(|listing| listing.none_is_all);
        if none_is_all && subscribed.listed().is_some_and(Vec::is_empty) {
            return self.unsubscribe(request, channel);
        }
        let waits_for = subscribed.change(false, removed, request);
        self.expect(request, waits_for);
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

    /// Whether these parameters ask for the whole channel.
    pub(super) fn is_whole(&self, params: &Map<String, Value>) -> bool {
        self.channel.listing().is_none_or(|listing| listing.none_is_all && !params.contains_key(listing.key))
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
