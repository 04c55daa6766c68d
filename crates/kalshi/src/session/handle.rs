//! The end of a session that commands go into, from any task.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use daybook_book::Ticker;
use futures_util::future::join_all;
use tokio::{
    sync::{mpsc, oneshot},
    time::{Duration, timeout},
};

use super::{
    Channel, CommandError, ConnectionStats, Placement, SessionStats, Subscription,
    core::Outcome,
    driver::{Request, Spawner},
    queue::WeakProducer,
};

/// Controls a session; clones control the same one. The session ends when it is [shut down](SessionHandle::shutdown),
/// or when its [`Session`](super::Session) is dropped, whose facts nobody could read then: what is asked of a handle
/// afterwards fails with [`CommandError::Closed`].
#[derive(Clone)]
pub struct SessionHandle {
    directory: Arc<Mutex<Directory>>,
    queue: WeakProducer,
    timeout: Duration,
}

/// Which slot carries what.
pub(super) struct Directory {
    pub(super) spawner: Spawner,
    pub(super) placement: Box<dyn Placement>,
    pub(super) slots: Vec<Slot>,
    pub(super) places: HashMap<Ticker, Place>,
    /// Channels that are subscribed to as a whole, all of them on the first slot.
    pub(super) whole: HashSet<Channel>,
}

pub(super) struct Slot {
    requests: mpsc::UnboundedSender<Request>,
    stats: Arc<Mutex<ConnectionStats>>,
    markets: usize,
}

pub(super) struct Place {
    slot: usize,
    channels: Vec<Channel>,
}

impl Directory {
    /// The slot of this number, with a connection of its own.
    pub(super) fn open_slot(&mut self, queue: &WeakProducer) -> Result<usize, CommandError> {
        let producer = queue.upgrade().ok_or(CommandError::Closed)?;
        let (requests, stats) = self.spawner.spawn(self.slots.len() as u32, producer);
        self.slots.push(Slot { requests, stats, markets: 0 });
        Ok(self.slots.len() - 1)
    }

    /// Where a market is or goes.
    fn place(&mut self, market: &Ticker, channel: Channel, queue: &WeakProducer) -> Result<usize, CommandError> {
        if let Some(place) = self.places.get_mut(market) {
            if !place.channels.contains(&channel) {
                place.channels.push(channel);
            }
            return Ok(place.slot);
        }
        let loads: Vec<usize> = self.slots.iter().map(|slot| slot.markets).collect();
        let mut slot = self.placement.place(market, &loads);
        if slot >= self.slots.len() {
            slot = self.open_slot(queue)?;
        }
        self.slots[slot].markets += 1;
        self.places.insert(market.clone(), Place { slot, channels: vec![channel] });
        Ok(slot)
    }

    /// Forgets that a channel carries a market; tells which slot did.
    fn displace(&mut self, market: &Ticker, channel: Channel) -> Option<usize> {
        let place = self.places.get_mut(market)?;
        let at = place.channels.iter().position(|&other| other == channel)?;
        place.channels.swap_remove(at);
        let slot = place.slot;
        if place.channels.is_empty() {
            self.places.remove(market);
            self.slots[slot].markets -= 1;
        }
        Some(slot)
    }
}

type Reply = Result<Outcome, CommandError>;

impl SessionHandle {
    pub(super) fn new(directory: Directory, queue: WeakProducer, timeout: Duration) -> SessionHandle {
        SessionHandle { directory: Arc::new(Mutex::new(directory)), queue, timeout }
    }

    fn directory(&self) -> MutexGuard<'_, Directory> {
        self.directory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn open_slot(&self) -> Result<usize, CommandError> {
        self.directory().open_slot(&self.queue)
    }

    /// Subscribes to a channel, or adds markets, indices, underlyings or market ids to what is subscribed to. Returns
    /// when the venue has confirmed all of it. Whatever happens to the connections later, it is held until it is
    /// [ended](SessionHandle::unsubscribe).
    ///
    /// # Errors
    /// What the venue refuses; [`CommandError::Timeout`] if it does not confirm in time: it is retried nevertheless.
    pub async fn subscribe(&self, subscription: Subscription) -> Result<(), CommandError> {
        self.send_subscription(subscription).await
    }

    /// The same, sent before this returns.
    pub(crate) fn send_subscription(
        &self,
        subscription: Subscription,
    ) -> impl Future<Output = Result<(), CommandError>> + use<> {
        let (channel, whole) = (subscription.channel, subscription.markets.is_none());
        let began = !self.directory().whole.contains(&channel);
        let replies = self.spread(subscription).map(|parts| {
            let ask = |(slot, part): (usize, Subscription)| {
                let markets = part.markets.clone().unwrap_or_default();
                let reply = self.ask(slot, |reply| Request::Subscribe(part, reply));
                async move { (markets, reply.await) }
            };
            parts.into_iter().map(ask).collect::<Vec<_>>()
        });
        let handle = self.clone();
        async move {
            let mut result = Ok(());
            for (markets, reply) in join_all(replies?).await {
                let Err(error) = reply else { continue };
                let mut directory = handle.directory();
                // What is refused has no place.
                let refused: &[Ticker] = match &error {
                    CommandError::Refused { markets, .. } => markets,
                    CommandError::Mixed { .. } => &markets,
                    _ => &[],
                };
                for market in refused {
                    directory.displace(market, channel);
                }
                if whole && began && matches!(error, CommandError::Refused { .. } | CommandError::Mixed { .. }) {
                    directory.whole.remove(&channel);
                }
                result = Err(error);
            }
            result
        }
    }

    /// The parts of a subscription, and which slot each goes to.
    fn spread(&self, subscription: Subscription) -> Result<Vec<(usize, Subscription)>, CommandError> {
        let mut directory = self.directory();
        let channel = subscription.channel;
        let Some(markets) = &subscription.markets else {
            let by_ids = channel.listing().is_some_and(|listing| subscription.params.contains_key(listing.key));
            if !by_ids {
                if directory.places.values().any(|place| place.channels.contains(&channel)) {
                    return Err(CommandError::Mixed { channel });
                }
                directory.whole.insert(channel);
            }
            return Ok(vec![(0, subscription)]);
        };
        // The whole channel contains any of its markets: on another slot each event would come twice.
        if directory.whole.contains(&channel) {
            return Ok(vec![(0, subscription)]);
        }
        let mut by_slot: HashMap<usize, Vec<Ticker>> = HashMap::new();
        for market in markets {
            let slot = directory.place(market, channel, &self.queue)?;
            by_slot.entry(slot).or_default().push(market.clone());
        }
        let part = |(slot, markets)| {
            (slot, Subscription { channel, markets: Some(markets), params: subscription.params.clone() })
        };
        Ok(by_slot.into_iter().map(part).collect())
    }

    /// Takes markets off a channel; what the session claims of them ends at once. Returns when the venue has confirmed.
    ///
    /// # Errors
    /// As [`subscribe`](SessionHandle::subscribe).
    pub async fn remove(
        &self,
        channel: Channel,
        markets: impl IntoIterator<Item = Ticker>,
    ) -> Result<(), CommandError> {
        let mut by_slot: HashMap<usize, Vec<Ticker>> = HashMap::new();
        {
            let mut directory = self.directory();
            for market in markets {
                if let Some(slot) = directory.displace(&market, channel) {
                    by_slot.entry(slot).or_default().push(market);
                }
            }
        }
        self.ask_all(
            by_slot.into_iter().map(|(slot, markets)| (slot, |reply| Request::Remove(channel, markets, reply))),
        )
        .await
    }

    /// Takes indices off a CF Benchmarks channel (`unsubscribe_indices`), underlyings off the Pyth channel
    /// (`unsubscribe_underlyings`), or market ids off the ticker channel, which ends when none is left. `all` takes back
    /// an `all`; what was named beside it stays. Returns when the venue has confirmed. More are added by
    /// [`subscribe`](SessionHandle::subscribe).
    ///
    /// # Errors
    /// As [`subscribe`](SessionHandle::subscribe).
    pub async fn narrow(
        &self,
        channel: Channel,
        names: impl IntoIterator<Item = impl Into<String>>,
    ) -> Result<(), CommandError> {
        let names = names.into_iter().map(Into::into).collect();
        // What is not spread by tickers is on the first connection.
        self.ask(0, |reply| Request::Narrow(channel, names, reply)).await.map(drop)
    }

    /// What a channel has to subscribe to at present, which the venue is asked: the indices of a CF Benchmarks channel
    /// (`indexlist`), or the underlyings of the Pyth channel of which something was heard lately (`underlying_list`).
    /// The channel must be subscribed to, which it can be without naming any.
    ///
    /// # Errors
    /// [`CommandError::Unlisted`] if it is not, or is another channel; [`CommandError::Disconnected`] if there is no
    /// connection, or it is lost meanwhile, and the others as above.
    pub async fn available(&self, channel: Channel) -> Result<Vec<String>, CommandError> {
        // What is not spread by tickers is on the first connection.
        match self.ask(0, |reply| Request::Available(channel, reply)).await? {
            Outcome::Available(names) => Ok(names),
            other => unreachable!("a question for what there is was answered by {other:?}"),
        }
    }

    /// Asks for fresh snapshots of books that are subscribed to. Returns when all have come.
    ///
    /// # Errors
    /// As [`subscribe`](SessionHandle::subscribe); [`CommandError::Disconnected`] if the connection is lost meanwhile.
    pub async fn snapshots(&self, markets: impl IntoIterator<Item = Ticker>) -> Result<(), CommandError> {
        let mut by_slot: HashMap<usize, Vec<Ticker>> = HashMap::new();
        {
            let directory = self.directory();
            for market in markets {
                if let Some(place) = directory.places.get(&market) {
                    by_slot.entry(place.slot).or_default().push(market);
                }
            }
        }
        self.ask_all(by_slot.into_iter().map(|(slot, markets)| (slot, |reply| Request::Snapshots(markets, reply))))
            .await
    }

    /// Ends the subscription of a channel on every connection.
    ///
    /// # Errors
    /// As [`subscribe`](SessionHandle::subscribe).
    pub async fn unsubscribe(&self, channel: Channel) -> Result<(), CommandError> {
        let slots = {
            let mut directory = self.directory();
            let markets: Vec<Ticker> = directory.places.keys().cloned().collect();
            for market in &markets {
                directory.displace(market, channel);
            }
            directory.whole.remove(&channel);
            0..directory.slots.len()
        };
        self.ask_all(slots.map(|slot| (slot, move |reply| Request::Unsubscribe(channel, reply)))).await
    }

    /// What the venue itself says that it is subscribed to: slot, channel, subscription id.
    ///
    /// # Errors
    /// [`CommandError::Disconnected`] if a slot has no connection at the moment, and the others as above.
    pub async fn list(&self) -> Result<Vec<(u32, String, u32)>, CommandError> {
        let slots = 0..self.directory().slots.len();
        let replies = slots.map(|slot| async move { (slot, self.ask(slot, Request::List).await) });
        let mut all = Vec::new();
        for (slot, reply) in join_all(replies).await {
            if let Outcome::Listed(listed) = reply? {
                all.extend(listed.into_iter().map(|(channel, sid)| (slot as u32, channel, sid)));
            }
        }
        Ok(all)
    }

    /// Tells the session that a book folded from its events cannot be right (a delta did not fit, a snapshot was no
    /// book): the market is distrusted until its next snapshot, which is asked for.
    pub fn distrust(&self, market: &Ticker) {
        let directory = self.directory();
        if let Some(place) = directory.places.get(market) {
            // A slot that has ended has told so.
            let _ = directory.slots[place.slot].requests.send(Request::Distrust(market.clone()));
        }
    }

    /// Figures for metrics. Cheap: one lock per slot.
    pub fn stats(&self) -> SessionStats {
        let directory = self.directory();
        let of = |slot: &Slot| slot.stats.lock().unwrap_or_else(PoisonError::into_inner).clone();
        SessionStats { connections: directory.slots.iter().map(of).collect(), queue_depth: self.queue.depth() }
    }

    /// Closes every connection. The facts that are still queued can be read; the last of each connection says that it
    /// is down.
    pub async fn shutdown(&self) {
        let slots = 0..self.directory().slots.len();
        // A slot that has ended already is what was asked for.
        let _ = self.ask_all(slots.map(|slot| (slot, Request::Shutdown))).await;
    }

    async fn ask_all<F: FnOnce(oneshot::Sender<Reply>) -> Request>(
        &self,
        requests: impl Iterator<Item = (usize, F)>,
    ) -> Result<(), CommandError> {
        let replies: Vec<_> = requests.map(|(slot, request)| self.ask(slot, request)).collect();
        for reply in join_all(replies).await {
            reply?;
        }
        Ok(())
    }

    /// Sends at once, so that requests arrive in the order they are made in, and waits for the reply.
    fn ask<F: FnOnce(oneshot::Sender<Reply>) -> Request>(
        &self,
        slot: usize,
        request: F,
    ) -> impl Future<Output = Reply> + use<F> {
        let (sender, receiver) = oneshot::channel();
        let sent = match self.directory().slots.get(slot) {
            Some(slot) => slot.requests.send(request(sender)).map_err(|_| CommandError::Closed),
            None => Err(CommandError::Closed),
        };
        let limit = self.timeout;
        async move {
            sent?;
            match timeout(limit, receiver).await {
                Err(_) => Err(CommandError::Timeout),
                Ok(reply) => reply.unwrap_or(Err(CommandError::Closed)),
            }
        }
    }
}
