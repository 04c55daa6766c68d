//! Who is connected, and what each has waiting: the state behind commands and publications.

mod answer;
mod connection;
mod publish;

use std::{collections::BTreeMap, sync::Arc};

use daybook_book::{ExchangeTime, Ticker};
use daybook_kalshi::Channel;
use hashbrown::HashMap;
use tokio::sync::Notify;

use self::connection::Connection;
use super::{ErrorCode, Limits, Output, Uuid, listeners::Listeners, names::Names, subscription::Scope};
use crate::engine::{AccountId, MarketId};

/// A connection of this hub. Never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId {
    slot: u32,
    generation: u32,
}

/// Whether a connection goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It does.
    Open,
    /// It is to be closed with this code, after what was drained.
    Closing(u16),
    /// The hub does not know it, or not any more.
    Gone,
}

/// Connections, their subscriptions, and what each has waiting.
///
/// A state machine without I/O, clock or randomness: the same calls with the same times give the same bytes. The
/// [`Notify`] of a connection is the only thing that reaches out of it: it is notified when a frame waits where none
/// did.
///
/// # What a frame costs
/// A message is written once for all who see the same of it, and copied to each of them behind its own subscription and
/// number. Nothing is looked up by text and, once the buffers have grown, nothing is allocated.
#[derive(Debug)]
pub struct Hub {
    limits: Limits,
    names: Names,
    slots: Vec<Slot>,
    free: Vec<u32>,
    /// Slots that are subscribed to a market by name: books, tickers, trades.
    by_market: [Vec<Listeners>; 3],
    /// Slots that are subscribed to all that a channel carries; not of private channels with markets.
    everything: [Vec<u32>; Channel::ALL.len()],
    by_account: HashMap<AccountId, Vec<u32>>,
    /// When which index was last told of.
    observed: [BTreeMap<String, ExchangeTime>; 3],
    /// The message being published, in each of its views.
    bodies: [Vec<u8>; 4],
    /// Slots whose subscription has no room for what is being published.
    overflowed: Vec<u32>,
}

#[derive(Debug, Default)]
struct Slot {
    generation: u32,
    connection: Option<Box<Connection>>,
}

impl Hub {
    /// Nobody is connected, and no market is known.
    pub fn new(limits: Limits) -> Hub {
        Hub {
            limits,
            names: Names::default(),
            slots: Vec::new(),
            free: Vec::new(),
            by_market: Default::default(),
            everything: Default::default(),
            by_account: HashMap::new(),
            observed: Default::default(),
            bodies: Default::default(),
            overflowed: Vec::new(),
        }
    }

    /// Makes a market known, before anything is published of it: once, under the number that the engine gave it.
    pub fn add_market(&mut self, market: MarketId, ticker: &Ticker, id: Uuid) {
        self.names.add(market, ticker, id);
        for lists in &mut self.by_market {
            lists.resize_with(self.names.len().max(lists.len()), Listeners::default);
        }
    }

    /// Somebody connected; `None` is nobody, who sees public channels only. The second value is notified whenever there
    /// is something to [`drain`](Hub::drain) again.
    pub fn connect(&mut self, account: Option<AccountId>, at: ExchangeTime) -> (ConnectionId, Arc<Notify>) {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Slot::default());
            u32::try_from(self.slots.len() - 1).expect("fewer connections than there are ports")
        });
        let wake = Arc::new(Notify::new());
        let connection = Connection::new(account, &self.limits, Arc::clone(&wake), at);
        let at = &mut self.slots[slot as usize];
        at.connection = Some(Box::new(connection));
        if let Some(account) = account {
            self.by_account.entry(account).or_default().push(slot);
        }
        (ConnectionId { slot, generation: at.generation }, wake)
    }

    /// Lets a connection be told in private only of one subaccount of its account, as a key that is bound to one may read
    /// no other. Communications, which name accounts only, are not affected.
    pub fn restrict(&mut self, connection: ConnectionId, subaccount: u8) {
        if let Some(connection) = self.get_mut(connection) {
            connection.subaccount = Some(subaccount);
        }
    }

    /// Forgets a connection and all that it has waiting.
    pub fn disconnect(&mut self, connection: ConnectionId) {
        if self.get(connection).is_none() {
            return;
        }
        for channel in Channel::ALL {
            self.drop_subscription(connection.slot, channel);
        }
        let slot = &mut self.slots[connection.slot as usize];
        slot.generation += 1;
        let account = slot.connection.take().and_then(|connection| connection.account);
        if let Some(account) = account
            && let Some(slots) = self.by_account.get_mut(&account)
        {
            remove(slots, connection.slot);
            if slots.is_empty() {
                self.by_account.remove(&account);
            }
        }
        self.free.push(connection.slot);
    }

    /// Takes all that a connection has waiting, in exchange for an output whose frames are forgotten and whose memory is
    /// used from now on.
    pub fn drain(&mut self, connection: ConnectionId, output: &mut Output) -> Standing {
        output.clear(usize::MAX);
        match self.get_mut(connection) {
            Some(connection) => connection.drain(output),
            None => Standing::Gone,
        }
    }

    /// Ends a subscription as the venue does when something is wrong with a channel: error 10. Says whether there was
    /// such a subscription.
    pub fn fail_subscription(&mut self, connection: ConnectionId, sid: u32, at: ExchangeTime) -> bool {
        let channel = self.get(connection).and_then(|connection| connection.channel_of(u64::from(sid)));
        if let Some(channel) = channel {
            self.end_subscription(connection.slot, channel, ErrorCode::ChannelError, at);
        }
        channel.is_some()
    }

    /// Ends a subscription as if more waited for it than its buffer holds: error 25. Says whether there was such a
    /// subscription.
    pub fn overflow_subscription(&mut self, connection: ConnectionId, sid: u32, at: ExchangeTime) -> bool {
        let channel = self.get(connection).and_then(|connection| connection.channel_of(u64::from(sid)));
        if let Some(channel) = channel {
            self.end_subscription(connection.slot, channel, ErrorCode::BufferOverflow, at);
        }
        channel.is_some()
    }

    /// Passes over so many numbers of a subscription, and gives the first of them; none if there is no such
    /// subscription, or its channel has no numbers.
    pub fn skip_numbers(&mut self, connection: ConnectionId, sid: u32, count: u64) -> Option<u64> {
        let connection = self.get_mut(connection)?;
        let channel = connection.channel_of(u64::from(sid)).filter(|channel| channel.is_sequenced())?;
        let subscription = connection.subscription(channel)?;
        subscription.seq += count;
        Some(subscription.seq - count + 1)
    }

    /// Forgets a subscription without a word, as a server does that was restarted behind the connection. Says whether
    /// there was such a subscription.
    pub fn forget_subscription(&mut self, connection: ConnectionId, sid: u32) -> bool {
        let channel = self.get(connection).and_then(|connection| connection.channel_of(u64::from(sid)));
        if let Some(channel) = channel {
            self.drop_subscription(connection.slot, channel);
        }
        channel.is_some()
    }

    /// Refuses the connection's next command with this error, whatever it is.
    pub fn refuse_next(&mut self, connection: ConnectionId, code: ErrorCode) {
        if let Some(connection) = self.get_mut(connection) {
            connection.refuse_next = Some(code);
        }
    }

    /// Lets the connection be closed with this code after what it has waiting.
    pub fn close(&mut self, connection: ConnectionId, code: u16) {
        if let Some(connection) = self.get_mut(connection) {
            connection.close(code);
        }
    }

    /// Every connection, and whose it is.
    pub fn connections(&self) -> impl Iterator<Item = (ConnectionId, Option<AccountId>)> {
        self.slots.iter().enumerate().filter_map(|(slot, at)| {
            let connection = at.connection.as_deref()?;
            Some((ConnectionId { slot: slot as u32, generation: at.generation }, connection.account))
        })
    }

    /// A connection's subscriptions: channel, id, and the last number used.
    pub fn subscriptions(&self, connection: ConnectionId) -> Vec<(Channel, u32, u64)> {
        let held =
            |connection: &Connection| connection.held().map(|(channel, held)| (channel, held.sid, held.seq)).collect();
        self.get(connection).map(held).unwrap_or_default()
    }

    /// The bytes that the slowest reader has waiting; what its socket holds already is not among them.
    pub fn backlog(&self) -> usize {
        let connections = self.slots.iter().filter_map(|slot| slot.connection.as_deref());
        connections.map(Connection::waiting).max().unwrap_or(0)
    }

    /// How many connections are subscribed to anything, and to how many channels and markets together.
    pub fn interest(&self) -> (usize, usize) {
        let connections = self.slots.iter().filter_map(|slot| slot.connection.as_deref());
        let of = |connection: &Connection| connection.held().map(|(_, held)| 1 + held.scope.len()).sum::<usize>();
        connections.map(of).filter(|&size| size > 0).fold((0, 0), |(count, total), size| (count + 1, total + size))
    }

    /// Takes the place of another hub, before anybody is connected to this one. The other's connections are woken, and
    /// find that they are [`Gone`](Standing::Gone): none of their names will be another's.
    pub fn succeed(&mut self, before: &Hub) {
        debug_assert!(self.slots.is_empty(), "nobody is connected yet");
        let slots = before.slots.iter().enumerate().map(|(slot, at)| {
            if let Some(connection) = &at.connection {
                connection.wake();
            }
            (slot as u32, Slot { generation: at.generation + 1, connection: None })
        });
        (self.free, self.slots) = slots.unzip();
    }

    fn get(&self, connection: ConnectionId) -> Option<&Connection> {
        let slot = self.slots.get(connection.slot as usize)?;
        slot.connection.as_deref().filter(|_| slot.generation == connection.generation)
    }

    fn get_mut(&mut self, connection: ConnectionId) -> Option<&mut Connection> {
        let slot = self.slots.get_mut(connection.slot as usize)?;
        slot.connection.as_deref_mut().filter(|_| slot.generation == connection.generation)
    }

    /// Who is in a slot that some list names. Lists name only slots that are in use.
    #[inline]
    fn at(slots: &mut [Slot], slot: u32) -> &mut Connection {
        slots[slot as usize].connection.as_deref_mut().expect("a subscription's connection is there")
    }

    /// Tells a subscriber that the subscription is over, and why; and forgets it.
    fn end_subscription(&mut self, slot: u32, channel: Channel, code: ErrorCode, at: ExchangeTime) {
        Hub::at(&mut self.slots, slot).refuse(None, Some(channel), code, &[], at);
        self.drop_subscription(slot, channel);
    }

    /// Forgets a subscription, if there is one.
    fn drop_subscription(&mut self, slot: u32, channel: Channel) {
        if let Some(subscription) = Hub::at(&mut self.slots, slot).subscriptions[channel as usize].take() {
            self.unlist(slot, channel, &subscription.scope);
        }
    }

    /// Lets what the scope covers be told to this slot.
    fn list(&mut self, slot: u32, channel: Channel, scope: &Scope) {
        match (scope, index_of(channel)) {
            (Scope::Only(markets), Some(index)) => {
                for market in markets {
                    self.by_market[index][market.0 as usize].push(slot);
                }
            }
            (Scope::All, _) => self.everything[channel as usize].push(slot),
            // Private messages find their receivers by account.
            (Scope::Only(_), None) => {}
        }
    }

    /// The opposite of [`list`](Hub::list).
    fn unlist(&mut self, slot: u32, channel: Channel, scope: &Scope) {
        match (scope, index_of(channel)) {
            (Scope::Only(markets), Some(index)) => {
                for market in markets {
                    self.by_market[index][market.0 as usize].remove(slot);
                }
            }
            (Scope::All, _) => remove(&mut self.everything[channel as usize], slot),
            (Scope::Only(_), None) => {}
        }
    }
}

/// Where subscriptions to single markets of this channel are listed.
const fn index_of(channel: Channel) -> Option<usize> {
    match channel {
        Channel::OrderbookDelta => Some(0),
        Channel::Ticker => Some(1),
        Channel::Trade => Some(2),
        _ => None,
    }
}

/// Where the names of what a channel of indices carried are kept.
const fn observed_of(channel: Channel) -> Option<usize> {
    match channel {
        Channel::CfBenchmarks => Some(0),
        Channel::CfBenchmarks5Hz => Some(1),
        Channel::Pyth => Some(2),
        _ => None,
    }
}

/// Takes a slot out of a list of some.
fn remove(slots: &mut Vec<u32>, slot: u32) {
    if let Some(at) = slots.iter().position(|&other| other == slot) {
        slots.swap_remove(at);
    }
}
