//! One subscription of one connection.

use std::collections::BTreeSet;

use daybook_kalshi::Channel;

use super::command::{Params, Text};
use super::{ErrorCode, message::View};
use crate::engine::MarketId;

/// Which markets a subscription is to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// Everything that the channel carries.
    All,
    /// These, and nothing if there are none.
    Only(BTreeSet<MarketId>),
}

impl Scope {
    #[inline]
    pub(super) fn contains(&self, market: MarketId) -> bool {
        match self {
            Scope::All => true,
            Scope::Only(markets) => markets.contains(&market),
        }
    }

    /// How many markets it names.
    pub(super) fn len(&self) -> usize {
        match self {
            Scope::All => 0,
            Scope::Only(markets) => markets.len(),
        }
    }
}

/// What a subscription to indices is limited to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Listed {
    /// Every one, whatever is named.
    all: bool,
    names: BTreeSet<String>,
}

impl Listed {
    pub(super) fn add(&mut self, names: &[Text<'_>]) {
        for name in names {
            match name.as_str() {
                "all" => self.all = true,
                name => drop(self.names.insert(name.to_owned())),
            }
        }
    }

    pub(super) fn remove(&mut self, names: &[Text<'_>]) {
        for name in names {
            match name.as_str() {
                "all" => self.all = false,
                name => drop(self.names.remove(name)),
            }
        }
    }

    pub(super) fn contains(&self, name: &str) -> bool {
        self.all || self.names.contains(name)
    }

    /// As it is acknowledged.
    pub(super) fn told(&self) -> Vec<&str> {
        if self.all { vec!["all"] } else { self.names.iter().map(String::as_str).collect() }
    }
}

/// One subscription of one connection.
#[derive(Clone, Debug)]
pub(super) struct Subscription {
    pub(super) sid: u32,
    /// The last number used.
    pub(super) seq: u64,
    /// Bytes published to it and not taken yet.
    pub(super) waiting: usize,
    pub(super) scope: Scope,
    /// How its markets were named: by ticker, by id.
    pub(super) named: (bool, bool),
    pub(super) listed: Listed,
    pub(super) skips_lists: bool,
    pub(super) view: View,
    /// Which of how many shards.
    shard: Option<(u64, u64)>,
    pub(super) own_only: bool,
}

impl Subscription {
    pub(super) fn new(channel: Channel, sid: u32, params: &Params<'_>) -> Result<Subscription, ErrorCode> {
        let of_quotes = channel == Channel::Communications;
        let mut listed = Listed::default();
        listed.add(params.listed(channel));
        let yes_price = channel == Channel::OrderbookDelta && params.use_yes_price == Some(true);
        Ok(Subscription {
            sid,
            seq: 0,
            waiting: 0,
            scope: Scope::All,
            named: (false, false),
            listed,
            skips_lists: params.skip_ticker_ack == Some(true),
            view: View { yes_price, own: false },
            shard: if of_quotes { params.shard()? } else { None },
            own_only: of_quotes && params.own_only()?,
        })
    }

    /// The next number, 0 where the channel has none.
    #[inline]
    pub(super) fn number(&mut self, channel: Channel) -> u64 {
        if !channel.is_sequenced() {
            return 0;
        }
        self.seq += 1;
        self.seq
    }

    /// Whether what this hash decides about comes on its shard.
    pub(super) fn is_of_shard(&self, hash: u64) -> bool {
        self.shard.is_none_or(|(factor, key)| hash % factor == key)
    }
}
