//! From a command to its answers.

use std::collections::BTreeSet;

use daybook_book::{ExchangeTime, Side};
use daybook_kalshi::Channel;
use hashbrown::HashSet;

use super::{ConnectionId, Hub, connection::Head, index_of, observed_of};
use crate::{
    engine::MarketId,
    feed::{
        Books, ErrorCode,
        command::{Command, Markets, Params, Text},
        encode::Encode,
        message,
        subscription::{Scope, Subscription},
    },
};

/// How long an index that was told of is listed as available.
const OBSERVED_MICROS: i64 = 2 * 3_600 * 1_000_000;

/// Whom and what an answer is to.
#[derive(Clone, Copy)]
struct Asked {
    slot: u32,
    /// The command's, if it has one.
    id: Option<u64>,
    at: ExchangeTime,
}

/// What an acknowledgement lists.
#[derive(Clone, Copy)]
enum List {
    Markets,
    Names(&'static str),
    Nothing,
}

impl Hub {
    /// Carries a command out and answers it. A connection that is gone or about to be closed is not answered.
    pub fn command(&mut self, connection: ConnectionId, text: &str, books: &impl Books, at: ExchangeTime) {
        let rate = self.limits.commands_per_second;
        let Some(of) = self.get_mut(connection).filter(|of| !of.is_closing()) else { return };
        let (id, command) = Command::read(text);
        let asked = Asked { slot: connection.slot, id, at };
        let command = match of.refuse_next.take() {
            _ if !of.rate.take(rate, at) => Err(ErrorCode::TooManyRequests),
            Some(code) => Err(code),
            None => command,
        };
        let outcome = match command {
            Ok(Command::Subscribe { channels, params }) => self.subscribe(asked, channels, &params, books),
            Ok(Command::Unsubscribe { sids }) => {
                sids.into_iter().for_each(|sid| self.unsubscribe(asked, sid));
                Ok(())
            }
            Ok(Command::Update { sid, action, params }) => self.update(asked, sid, &action, &params, books),
            Ok(Command::List) => {
                self.list_subscriptions(asked);
                Ok(())
            }
            Err(code) => Err(code),
        };
        if let Err(code) = outcome {
            Hub::at(&mut self.slots, asked.slot).refuse(id, None, code, &[], at);
        }
    }

    /// Subscribes to every channel or, if something is wrong with any of them, to none.
    fn subscribe(
        &mut self,
        asked: Asked,
        mut channels: Vec<Channel>,
        params: &Params<'_>,
        books: &impl Books,
    ) -> Result<(), ErrorCode> {
        let mut seen = BTreeSet::new();
        channels.retain(|&channel| seen.insert(channel));
        let markets = params.markets()?;
        let wanted = self.resolve(&markets);
        let mut subscriptions = Vec::with_capacity(channels.len());
        let mut more = 0;
        for &channel in &channels {
            let connection = Hub::at(&mut self.slots, asked.slot);
            if connection.account.is_none() && is_private(channel) {
                return Err(ErrorCode::AuthenticationRequired);
            }
            if channel == Channel::OrderbookDelta && markets.tickers.is_empty() {
                return Err(ErrorCode::MarketRequired);
            }
            if channel.takes_markets() && channel != Channel::Ticker && !markets.ids.is_empty() {
                return Err(ErrorCode::InvalidParameter);
            }
            let new = Subscription::new(channel, 0, params)?;
            if channel.takes_markets() {
                let held = connection.subscription(channel).map(|held| &held.scope);
                more += added_by(&wanted, held, self.limits.subscription_markets)?;
            }
            subscriptions.push(new);
        }
        self.admit_more(asked.slot, more)?;
        for (channel, new) in channels.into_iter().zip(subscriptions) {
            self.subscribe_to(asked, channel, new, &markets, &wanted, params, books);
        }
        Ok(())
    }

    #[allow(clippy::too_many_arguments, reason = "one call, of what was checked just before")]
    fn subscribe_to(
        &mut self,
        asked: Asked,
        channel: Channel,
        mut new: Subscription,
        markets: &Markets<'_, '_>,
        wanted: &[MarketId],
        params: &Params<'_>,
        books: &impl Books,
    ) {
        let scoped = channel.takes_markets() && !(markets.tickers.is_empty() && markets.ids.is_empty());
        let named = (scoped && !markets.tickers.is_empty(), scoped && !markets.ids.is_empty());
        let connection = Hub::at(&mut self.slots, asked.slot);
        let added = match connection.subscription(channel) {
            Some(held) => {
                held.listed.add(params.listed(channel));
                held.named = (held.named.0 | named.0, held.named.1 | named.1);
                let added = if scoped { self.widen(asked.slot, channel, wanted) } else { Vec::new() };
                if !scoped {
                    self.widen_to_all(asked.slot, channel);
                }
                self.acknowledge(asked, channel, list_of(channel));
                added
            }
            None => {
                new.sid = connection.next_sid();
                new.named = named;
                if scoped {
                    new.scope = Scope::Only(wanted.iter().copied().collect());
                }
                let head = Head { frame_type: "subscribed", id: asked.id, ..Head::default() };
                connection.answer(head, asked.at, |out| {
                    out.raw(b",\"msg\":{\"channel\":\"");
                    out.raw(channel.as_str().as_bytes());
                    out.raw(b"\",\"sid\":");
                    out.int(new.sid);
                    out.raw(b"}");
                });
                self.list(asked.slot, channel, &new.scope);
                Hub::at(&mut self.slots, asked.slot).subscriptions[channel as usize] = Some(Box::new(new));
                if scoped { wanted.to_vec() } else { Vec::new() }
            }
        };
        self.show(asked, channel, &added, params, books);
    }

    /// What newly added markets begin with: their books, or their summaries if those are wanted.
    fn show(&mut self, asked: Asked, channel: Channel, added: &[MarketId], params: &Params<'_>, books: &impl Books) {
        match channel {
            Channel::OrderbookDelta => {
                let known = added.iter().filter(|&&market| books.is_known(market));
                known.for_each(|&market| self.show_book(asked, None, market, books));
            }
            Channel::Ticker if params.send_initial_snapshot == Some(true) => {
                for ticker in added.iter().filter_map(|&market| books.ticker(market)) {
                    let name = self.names.get(ticker.market);
                    let connection = Hub::at(&mut self.slots, asked.slot);
                    let Some(held) = connection.subscription(channel) else { return };
                    let (sid, market) = (held.sid, Some(ticker.market));
                    let head = Head { frame_type: "ticker", sid, market, ..Head::default() };
                    connection.answer(head, asked.at, |out| {
                        out.raw(b",\"msg\":");
                        message::ticker(out, &ticker, name);
                    });
                }
            }
            _ => {}
        }
    }

    /// Sends a market's book. Carries the command's id only where the command asked for a book and nothing else.
    fn show_book(&mut self, asked: Asked, id: Option<u64>, market: MarketId, books: &impl Books) {
        let name = self.names.get(market);
        let connection = Hub::at(&mut self.slots, asked.slot);
        let Some(held) = connection.subscription(Channel::OrderbookDelta) else { return };
        let (sid, seq, view) = (held.sid, held.number(Channel::OrderbookDelta), held.view);
        let head = Head { frame_type: "orderbook_snapshot", id, sid, seq, market: Some(market) };
        connection.answer(head, asked.at, |out| {
            out.raw(b",\"msg\":");
            message::snapshot_head(out, name, books.clock(market));
            for side in [Side::Yes, Side::No] {
                message::ladder(out, side, view, |level| books.levels(market, side, level));
            }
            out.raw(b"}");
        });
    }

    fn unsubscribe(&mut self, asked: Asked, sid: u64) {
        let connection = Hub::at(&mut self.slots, asked.slot);
        let Some(channel) = connection.channel_of(sid) else {
            return connection.refuse(asked.id, None, ErrorCode::UnknownSid, &[], asked.at);
        };
        if let Some(held) = connection.subscription(channel) {
            // Also where nothing else has one: the protocol's document asks for a number here.
            held.seq += 1;
            let (sid, seq) = (held.sid, held.seq);
            let head = Head { frame_type: "unsubscribed", id: asked.id, sid, seq, market: None };
            connection.answer(head, asked.at, |_| {});
        }
        self.drop_subscription(asked.slot, channel);
    }

    fn list_subscriptions(&mut self, asked: Asked) {
        let connection = Hub::at(&mut self.slots, asked.slot);
        let mut held: Vec<_> = connection.held().map(|(channel, held)| (held.sid, channel)).collect();
        held.sort_unstable_by_key(|&(sid, _)| sid);
        let head = Head { frame_type: "ok", id: asked.id, ..Head::default() };
        connection.answer(head, asked.at, |out| {
            out.raw(b",\"msg\":[");
            for (index, (sid, channel)) in held.into_iter().enumerate() {
                out.raw(if index == 0 { b"{\"channel\":\"" } else { b",{\"channel\":\"" });
                out.raw(channel.as_str().as_bytes());
                out.raw(b"\",\"sid\":");
                out.int(sid);
                out.raw(b"}");
            }
            out.raw(b"]");
        });
    }

    /// Changes a subscription, or shows something of it. An error after the subscription was found is about it.
    fn update(
        &mut self,
        asked: Asked,
        sid: u64,
        action: &str,
        params: &Params<'_>,
        books: &impl Books,
    ) -> Result<(), ErrorCode> {
        let channel = Hub::at(&mut self.slots, asked.slot).channel_of(sid).ok_or(ErrorCode::UnknownSid)?;
        let outcome = match (action, channel) {
            ("add_markets" | "delete_markets", _) if channel.takes_markets() => {
                self.update_markets(asked, channel, action == "add_markets", params, books)
            }
            ("get_snapshot", Channel::OrderbookDelta) => return self.get_snapshot(asked, params, books),
            ("subscribe_indices" | "unsubscribe_indices", Channel::CfBenchmarks | Channel::CfBenchmarks5Hz)
            | ("subscribe_underlyings" | "unsubscribe_underlyings", Channel::Pyth) => {
                self.update_names(asked, channel, action.starts_with("subscribe"), params.listed(channel))
            }
            ("indexlist", Channel::CfBenchmarks | Channel::CfBenchmarks5Hz) | ("underlying_list", Channel::Pyth) => {
                self.tell_available(asked, channel, action);
                Ok(())
            }
            _ => Err(ErrorCode::UnsupportedAction),
        };
        if let Err(code) = outcome {
            Hub::at(&mut self.slots, asked.slot).refuse(asked.id, Some(channel), code, &[], asked.at);
        }
        Ok(())
    }

    fn update_markets(
        &mut self,
        asked: Asked,
        channel: Channel,
        add: bool,
        params: &Params<'_>,
        books: &impl Books,
    ) -> Result<(), ErrorCode> {
        let markets = params.markets()?;
        if markets.tickers.is_empty() && (channel != Channel::Ticker || markets.ids.is_empty()) {
            return Err(ErrorCode::MarketRequired);
        }
        let wanted = self.resolve(&markets);
        let Some(held) = Hub::at(&mut self.slots, asked.slot).subscription(channel) else { return Ok(()) };
        let mut added = Vec::new();
        if add {
            let more = added_by(&wanted, Some(&held.scope), self.limits.subscription_markets)?;
            self.admit_more(asked.slot, more)?;
            if let Some(held) = Hub::at(&mut self.slots, asked.slot).subscription(channel) {
                held.named = (held.named.0 | !markets.tickers.is_empty(), held.named.1 | !markets.ids.is_empty());
            }
            added = self.widen(asked.slot, channel, &wanted);
        } else if let Scope::Only(scope) = &mut held.scope {
            let removed: BTreeSet<MarketId> = wanted.into_iter().filter(|market| scope.remove(market)).collect();
            self.unlist(asked.slot, channel, &Scope::Only(removed));
        }
        self.acknowledge(asked, channel, List::Markets);
        self.show(asked, channel, &added, params, books);
        Ok(())
    }

    /// Shows books without changing what is subscribed to. Tickers that do not exist are passed over, unless there are
    /// no others: a command is not to go unanswered.
    fn get_snapshot(&mut self, asked: Asked, params: &Params<'_>, books: &impl Books) -> Result<(), ErrorCode> {
        let tickers = params.listed_tickers();
        let mut wanted = self.resolve(&Markets { tickers, ids: &[] });
        wanted.retain(|&market| books.is_known(market));
        for &market in &wanted {
            self.show_book(asked, asked.id, market, books);
        }
        if wanted.is_empty() {
            let code = if tickers.is_empty() { ErrorCode::MarketRequired } else { ErrorCode::InvalidParameter };
            let tickers: Vec<&str> = tickers.iter().map(Text::as_str).collect();
            let connection = Hub::at(&mut self.slots, asked.slot);
            connection.refuse(asked.id, Some(Channel::OrderbookDelta), code, &tickers, asked.at);
        }
        Ok(())
    }

    fn update_names(&mut self, asked: Asked, channel: Channel, add: bool, names: &[Text<'_>]) -> Result<(), ErrorCode> {
        if names.is_empty() {
            let of_pyth = channel == Channel::Pyth;
            return Err(if of_pyth { ErrorCode::UnderlyingsRequired } else { ErrorCode::IndexIdsRequired });
        }
        if let Some(held) = Hub::at(&mut self.slots, asked.slot).subscription(channel) {
            if add { held.listed.add(names) } else { held.listed.remove(names) }
        }
        self.acknowledge(asked, channel, list_of(channel));
        Ok(())
    }

    /// Which indices were told of lately.
    fn tell_available(&mut self, asked: Asked, channel: Channel, action: &str) {
        let (Some(index), List::Names(key)) = (observed_of(channel), list_of(channel)) else { return };
        let since = asked.at.micros().saturating_sub(OBSERVED_MICROS);
        let lately = self.observed[index].iter().filter(|(_, last)| last.micros() >= since);
        let names: Vec<&str> = lately.map(|(name, _)| name.as_str()).collect();
        let connection = Hub::at(&mut self.slots, asked.slot);
        let Some(held) = connection.subscription(channel) else { return };
        let (sid, seq) = (held.sid, held.number(channel));
        let frame_type = format!("{channel}_{action}");
        let head = Head { frame_type: &frame_type, id: asked.id, sid, seq, market: None };
        connection.answer(head, asked.at, |out| {
            out.raw(b",\"msg\":{\"");
            out.raw(key.as_bytes());
            out.raw(b"\":");
            out.json(&names);
            out.raw(b"}");
        });
    }

    /// Confirms a change of a subscription with what it now is to.
    fn acknowledge(&mut self, asked: Asked, channel: Channel, list: List) {
        let Hub { slots, names, .. } = self;
        let connection = Hub::at(slots, asked.slot);
        let Some(held) = connection.subscription(channel) else { return };
        let (sid, seq) = (held.sid, held.number(channel));
        // Read while the frame is written, which needs the connection.
        let held = connection.subscriptions[channel as usize].take();
        let head = Head { frame_type: "ok", id: asked.id, sid, seq, market: None };
        connection.answer(head, asked.at, |out| {
            out.raw(b",\"msg\":{");
            match (&list, held.as_deref()) {
                (List::Names(key), Some(held)) => {
                    out.raw(b"\"");
                    out.raw(key.as_bytes());
                    out.raw(b"\":");
                    out.json(&held.listed.told());
                }
                (List::Markets, Some(Subscription { skips_lists: false, scope: Scope::Only(markets), named, .. })) => {
                    if named.0 || !named.1 {
                        out.raw(b"\"market_tickers\":[");
                        values(out, markets.iter().map(|&market| names.get(market).ticker_value()));
                        out.raw(if named.1 { b"]," } else { b"]" });
                    }
                    if named.1 {
                        out.raw(b"\"market_ids\":[");
                        values(out, markets.iter().map(|&market| names.get(market).id_value()));
                        out.raw(b"]");
                    }
                }
                _ => {}
            }
            out.raw(b"}");
        });
        connection.subscriptions[channel as usize] = held;
    }

    /// The markets that are named, each once, in the order in which they are. What does not exist is passed over, as the
    /// venue seems to.
    fn resolve(&self, markets: &Markets<'_, '_>) -> Vec<MarketId> {
        let tickers = markets.tickers.iter().filter_map(|ticker| self.names.by_ticker(ticker.as_str()));
        let ids = markets.ids.iter().filter_map(|id| self.names.by_id(id.as_str()));
        let mut seen = HashSet::new();
        tickers.chain(ids).filter(|&market| seen.insert(market)).collect()
    }

    /// Whether a connection may name so many more markets.
    fn admit_more(&mut self, slot: u32, more: usize) -> Result<(), ErrorCode> {
        let named: usize = Hub::at(&mut self.slots, slot).held().map(|(_, held)| held.scope.len()).sum();
        if named + more > self.limits.connection_markets { Err(ErrorCode::MarketLimit) } else { Ok(()) }
    }

    /// Adds markets to a subscription; gives those that were not on it.
    fn widen(&mut self, slot: u32, channel: Channel, wanted: &[MarketId]) -> Vec<MarketId> {
        let Some(held) = Hub::at(&mut self.slots, slot).subscription(channel) else { return Vec::new() };
        let Scope::Only(markets) = &mut held.scope else { return Vec::new() };
        let added: Vec<MarketId> = wanted.iter().copied().filter(|&market| markets.insert(market)).collect();
        if let Some(index) = index_of(channel) {
            for market in &added {
                self.by_market[index][market.0 as usize].push(slot);
            }
        }
        added
    }

    /// Lets a subscription to some markets be one to all.
    fn widen_to_all(&mut self, slot: u32, channel: Channel) {
        let Some(held) = Hub::at(&mut self.slots, slot).subscription(channel) else { return };
        if let only @ Scope::Only(_) = std::mem::replace(&mut held.scope, Scope::All) {
            self.unlist(slot, channel, &only);
            self.list(slot, channel, &Scope::All);
        }
    }
}

/// How many markets these would add to a subscription, if it may have so many.
fn added_by(wanted: &[MarketId], held: Option<&Scope>, most: usize) -> Result<usize, ErrorCode> {
    let added = wanted.iter().filter(|&&market| held.is_none_or(|scope| !scope.contains(market))).count();
    if held.map_or(0, Scope::len) + added > most { Err(ErrorCode::MarketLimit) } else { Ok(added) }
}

/// Whether a channel is for users only.
const fn is_private(channel: Channel) -> bool {
    !matches!(
        channel,
        Channel::Ticker | Channel::Trade | Channel::MarketLifecycle | Channel::MultivariateMarketLifecycle
    )
}

/// What acknowledgements of this channel list.
const fn list_of(channel: Channel) -> List {
    match channel {
        Channel::CfBenchmarks | Channel::CfBenchmarks5Hz => List::Names("index_ids"),
        Channel::Pyth => List::Names("underlying_tickers"),
        _ if channel.takes_markets() => List::Markets,
        _ => List::Nothing,
    }
}

fn values<'a>(out: &mut Vec<u8>, values: impl Iterator<Item = &'a [u8]>) {
    for (index, value) in values.enumerate() {
        if index > 0 {
            out.raw(b",");
        }
        out.raw(value);
    }
}
