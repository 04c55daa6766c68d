//! From one publication to the frames of everyone who is to hear of it.

use daybook_book::{Event, ExchangeTime, Side};
use daybook_kalshi::Channel;
use xxhash_rust::xxh3::xxh3_64;

use super::{Hub, connection::tail, index_of, observed_of};
use crate::{
    engine::{MarketId, Owner},
    feed::{
        Audience, Communication, Delta, Index, Publication, Recorded, Snapshot,
        encode::Encode,
        message::{self, View},
        names, recorded,
    },
};

impl Hub {
    /// Tells everyone who is to hear of it. A subscription that has no room for it ends with error 25.
    ///
    /// # Panics
    /// If it is about a market that was never [added](Hub::add_market).
    pub fn publish(&mut self, publication: &Publication<'_>, at: ExchangeTime) {
        match publication {
            Publication::Delta(delta) => self.delta(delta, at),
            Publication::Snapshot(snapshot) => self.snapshot(snapshot, at),
            Publication::Trade(trade) => {
                if self.is_heard(Channel::Trade, trade.market) {
                    let name = self.names.get(trade.market);
                    message::trade(&mut self.bodies[0], trade, name);
                    self.tell_market(Channel::Trade, "trade", trade.market, at);
                }
            }
            Publication::Ticker(ticker) => {
                if self.is_heard(Channel::Ticker, ticker.market) {
                    let name = self.names.get(ticker.market);
                    message::ticker(&mut self.bodies[0], ticker, name);
                    self.tell_market(Channel::Ticker, "ticker", ticker.market, at);
                }
            }
            Publication::Fill(fill) => {
                let market = fill.report.market;
                message::fill(&mut self.bodies[0], fill, self.names.get(market));
                self.tell_owner(Channel::Fill, "fill", fill.report.owner, Some(market), at);
            }
            Publication::Order(order) => {
                let market = order.report.market;
                message::order(&mut self.bodies[0], order, self.names.get(market));
                self.tell_owner(Channel::UserOrders, "user_order", order.report.owner, Some(market), at);
            }
            Publication::Position(position) => {
                let market = position.report.market;
                message::position(&mut self.bodies[0], position, self.names.get(market));
                let owner = position.report.owner;
                self.tell_owner(Channel::MarketPositions, "market_position", owner, Some(market), at);
            }
            Publication::Group(group) => {
                message::group(&mut self.bodies[0], group);
                self.tell_owner(Channel::OrderGroupUpdates, "order_group_updates", group.owner, None, at);
            }
            Publication::Lifecycle(lifecycle) => {
                let name = self.names.get(lifecycle.market);
                let channel = channel_of_life(name.is_multivariate());
                message::lifecycle(&mut self.bodies[0], lifecycle, name);
                self.tell_all(channel, channel.as_str(), Some(lifecycle.market), at);
            }
            Publication::EventLifecycle(event) => {
                let channel = channel_of_life(names::is_multivariate(event.event_ticker.as_bytes()));
                self.bodies[0].json(event);
                self.tell_all(channel, "event_lifecycle", None, at);
            }
            Publication::EventFee(fee) => {
                self.bodies[0].json(fee);
                self.tell_all(Channel::MarketLifecycle, "event_fee_update", None, at);
            }
            Publication::Communication(communication) => self.communication(communication, at),
            Publication::Index(index) => self.index(index, at),
            Publication::Recorded(recorded) => self.recorded(recorded, at),
        }
        for body in &mut self.bodies {
            body.clear();
        }
    }

    fn delta(&mut self, delta: &Delta<'_>, at: ExchangeTime) {
        let Hub { names, slots, by_market, bodies, overflowed, limits, .. } = self;
        for &slot in by_market[0][delta.market.0 as usize].iter() {
            let connection = Hub::at(slots, slot);
            let own = delta.owner.is_some_and(|owner| connection.is_of(owner));
            let Some(subscription) = connection.subscription(Channel::OrderbookDelta) else { continue };
            let yes_price = subscription.view.yes_price && delta.side == Side::No;
            let body = &mut bodies[usize::from(yes_price) | usize::from(own) << 1];
            if body.is_empty() {
                message::delta(body, delta, names.get(delta.market), View { yes_price, own });
                tail(body, at);
            }
            let most = limits.subscription_bytes;
            if !connection.tell(Channel::OrderbookDelta, "orderbook_delta", Some(delta.market), body, most) {
                overflowed.push(slot);
            }
        }
        self.end_overflowed(Channel::OrderbookDelta, at);
    }

    fn snapshot(&mut self, snapshot: &Snapshot<'_>, at: ExchangeTime) {
        let Hub { names, slots, by_market, bodies, overflowed, limits, .. } = self;
        for &slot in by_market[0][snapshot.market.0 as usize].iter() {
            let connection = Hub::at(slots, slot);
            let Some(subscription) = connection.subscription(Channel::OrderbookDelta) else { continue };
            let view = subscription.view;
            let body = &mut bodies[usize::from(view.yes_price)];
            if body.is_empty() {
                message::snapshot_head(body, names.get(snapshot.market), Some(snapshot.clock));
                for (side, levels) in [(Side::Yes, snapshot.yes), (Side::No, snapshot.no)] {
                    message::ladder(body, side, view, |level| {
                        levels.iter().for_each(|&(price, size)| level(price, size))
                    });
                }
                body.raw(b"}");
                tail(body, at);
            }
            let most = limits.subscription_bytes;
            if !connection.tell(Channel::OrderbookDelta, "orderbook_snapshot", Some(snapshot.market), body, most) {
                overflowed.push(slot);
            }
        }
        self.end_overflowed(Channel::OrderbookDelta, at);
    }

    fn recorded(&mut self, recorded: &Recorded<'_>, at: ExchangeTime) {
        let Recorded { market, event, extra } = *recorded;
        match event {
            Event::Snapshot(_) => self.recorded_book("orderbook_snapshot", recorded, at),
            Event::Delta(_) => self.recorded_book("orderbook_delta", recorded, at),
            Event::Trade(_) if self.is_heard(Channel::Trade, market) => {
                self.record(event, extra, market);
                self.tell_market(Channel::Trade, "trade", market, at);
            }
            Event::Ticker(_) if self.is_heard(Channel::Ticker, market) => {
                self.record(event, extra, market);
                self.tell_market(Channel::Ticker, "ticker", market, at);
            }
            Event::Trade(_) | Event::Ticker(_) => {}
            Event::Lifecycle(lifecycle) => {
                let about = lifecycle.ticker.as_deref().or(lifecycle.event_ticker.as_deref()).unwrap_or_default();
                let channel = channel_of_life(names::is_multivariate(about.as_bytes()));
                self.record(event, extra, market);
                let market = lifecycle.ticker.is_some().then_some(market);
                self.tell_all(channel, &lifecycle.channel, market, at);
            }
        }
    }

    /// Writes a recorded event as the message that all see the same of.
    fn record(&mut self, event: &Event<'_>, extra: Option<&str>, market: MarketId) {
        recorded::msg(&mut self.bodies[0], event, extra, self.names.get(market), View::default());
    }

    fn recorded_book(&mut self, frame_type: &str, recorded: &Recorded<'_>, at: ExchangeTime) {
        let Recorded { market, event, extra } = *recorded;
        let Hub { names, slots, by_market, bodies, overflowed, limits, .. } = self;
        for &slot in by_market[0][market.0 as usize].iter() {
            let connection = Hub::at(slots, slot);
            let Some(subscription) = connection.subscription(Channel::OrderbookDelta) else { continue };
            let view = subscription.view;
            let body = &mut bodies[usize::from(view.yes_price)];
            if body.is_empty() {
                recorded::msg(body, event, extra, names.get(market), view);
                tail(body, at);
            }
            let most = limits.subscription_bytes;
            if !connection.tell(Channel::OrderbookDelta, frame_type, Some(market), body, most) {
                overflowed.push(slot);
            }
        }
        self.end_overflowed(Channel::OrderbookDelta, at);
    }

    fn communication(&mut self, communication: &Communication<'_>, at: ExchangeTime) {
        let channel = Channel::Communications;
        let of_request = message::is_of_request(communication.kind);
        let shard = xxh3_64(communication.shard_by.as_bytes());
        let Hub { slots, everything, bodies, overflowed, limits, .. } = self;
        let body = &mut bodies[0];
        body.raw(communication.msg.as_bytes());
        tail(body, at);
        for &slot in &everything[channel as usize] {
            let connection = Hub::at(slots, slot);
            let account = connection.account;
            let Some(subscription) = connection.subscription(channel) else { continue };
            let all = !(subscription.own_only && of_request);
            let is_told = match communication.audience {
                Audience::Everyone { creator } => all || account == Some(creator),
                Audience::Others { creator } => all && account != Some(creator),
                Audience::Parties(one, other) => account == Some(one) || account == Some(other),
                Audience::One(one) => account == Some(one),
            };
            if is_told
                && subscription.is_of_shard(shard)
                && !connection.tell(channel, communication.kind.as_str(), None, body, limits.subscription_bytes)
            {
                overflowed.push(slot);
            }
        }
        self.end_overflowed(channel, at);
    }

    fn index(&mut self, index: &Index<'_>, at: ExchangeTime) {
        let (channel, name) = match index {
            Index::CfBenchmarks(value) => (Channel::CfBenchmarks, value.index_id),
            Index::CfBenchmarks5Hz(value) => (Channel::CfBenchmarks5Hz, value.index_id),
            Index::Pyth(value) => (Channel::Pyth, value.underlying_ticker),
        };
        if let Some(observed) = observed_of(channel).map(|index| &mut self.observed[index]) {
            match observed.get_mut(name) {
                Some(last) => *last = at,
                None => drop(observed.insert(name.to_owned(), at)),
            }
        }
        let Hub { slots, everything, bodies, overflowed, limits, .. } = self;
        let body = &mut bodies[0];
        message::index(body, index);
        tail(body, at);
        for &slot in &everything[channel as usize] {
            let connection = Hub::at(slots, slot);
            if connection.subscription(channel).is_some_and(|held| held.listed.contains(name))
                && !connection.tell(channel, channel.as_str(), None, body, limits.subscription_bytes)
            {
                overflowed.push(slot);
            }
        }
        self.end_overflowed(channel, at);
    }

    /// Whether anyone is subscribed to this market's part of a channel.
    fn is_heard(&self, channel: Channel, market: MarketId) -> bool {
        let named = index_of(channel).map(|index| &self.by_market[index][market.0 as usize]);
        named.is_some_and(|slots| !slots.is_empty()) || !self.everything[channel as usize].is_empty()
    }

    /// Sends the first body to everyone who hears of this market.
    fn tell_market(&mut self, channel: Channel, frame_type: &str, market: MarketId, at: ExchangeTime) {
        let Hub { slots, by_market, everything, bodies, overflowed, limits, .. } = self;
        tail(&mut bodies[0], at);
        let named = index_of(channel).map(|index| by_market[index][market.0 as usize].iter());
        for &slot in named.into_iter().flatten().chain(&everything[channel as usize]) {
            let most = limits.subscription_bytes;
            if !Hub::at(slots, slot).tell(channel, frame_type, Some(market), &bodies[0], most) {
                overflowed.push(slot);
            }
        }
        self.end_overflowed(channel, at);
    }

    /// Sends the first body to everyone who is subscribed to this channel.
    fn tell_all(&mut self, channel: Channel, frame_type: &str, market: Option<MarketId>, at: ExchangeTime) {
        let Hub { slots, everything, bodies, overflowed, limits, .. } = self;
        tail(&mut bodies[0], at);
        for &slot in &everything[channel as usize] {
            if !Hub::at(slots, slot).tell(channel, frame_type, market, &bodies[0], limits.subscription_bytes) {
                overflowed.push(slot);
            }
        }
        self.end_overflowed(channel, at);
    }

    /// Sends the first body to those of its owner's connections that hear of this market on this channel.
    fn tell_owner(
        &mut self,
        channel: Channel,
        frame_type: &str,
        owner: Owner,
        market: Option<MarketId>,
        at: ExchangeTime,
    ) {
        let Hub { slots, by_account, bodies, overflowed, limits, .. } = self;
        tail(&mut bodies[0], at);
        for &slot in by_account.get(&owner.account).map(Vec::as_slice).unwrap_or_default() {
            let connection = Hub::at(slots, slot);
            if !connection.is_of(owner) {
                continue;
            }
            let Some(subscription) = connection.subscription(channel) else { continue };
            if market.is_none_or(|market| subscription.scope.contains(market))
                && !connection.tell(channel, frame_type, market, &bodies[0], limits.subscription_bytes)
            {
                overflowed.push(slot);
            }
        }
        self.end_overflowed(channel, at);
    }

    fn end_overflowed(&mut self, channel: Channel, at: ExchangeTime) {
        while let Some(slot) = self.overflowed.pop() {
            self.end_subscription(slot, channel, super::ErrorCode::BufferOverflow, at);
        }
    }
}

fn channel_of_life(multivariate: bool) -> Channel {
    if multivariate { Channel::MultivariateMarketLifecycle } else { Channel::MarketLifecycle }
}
