//! What subscribers are told, and what they ask the hub of.

use daybook_book::{ExchangeTime, Price};
use serde_json::Number;

use super::{MarketRow, TrueChange, Venue, apply::Quote, identifier::Kind, render};
use crate::{
    engine::{Effect, MarketId, MarketState, Owner},
    feed::{
        ConnectionId, Delta, EventLifecycle, Fill, Grid, Group, Hub, Lifecycle, LifecycleChange, Metadata, Order,
        Position, Publication, Snapshot, Ticker, Trade,
    },
};

impl Venue {
    /// The WebSocket side.
    pub fn hub(&self) -> &Hub {
        &self.hub
    }

    /// The WebSocket side, to connect to it.
    pub fn hub_mut(&mut self) -> &mut Hub {
        &mut self.hub
    }

    /// A client sent a command over its WebSocket.
    pub fn hear(&mut self, connection: ConnectionId, text: &str, now: ExchangeTime) {
        self.advance(now);
        let now = self.now;
        let (books, hub) = self.public_books_and_hub();
        hub.command(connection, text, &books, now);
    }

    /// Tells of something from outside, such as a value of an index, or an announcement of a test.
    pub fn publish(&mut self, publication: &Publication<'_>, now: ExchangeTime) {
        let now = self.reach(now);
        self.hub.publish(publication, now);
    }

    /// Tells of one effect. What is private is told of accounts that keep a history.
    pub(super) fn tell(&mut self, shard: u8, effect: &Effect, now: ExchangeTime) {
        let (ids, exchange_index) = (self.ids, i32::from(shard));
        let publication = match effect {
            Effect::Delta { market, side, price, change, clock, owner, client_order_id, .. } => {
                if let Some(witness) = &mut self.witness {
                    let ticker = self.catalogue.market(*market).ticker.as_str();
                    let (side, price, change, clock) = (*side, *price, *change, *clock);
                    witness(&TrueChange { ticker, at: now, clock, side, price, change });
                }
                Publication::Delta(Delta {
                    market: *market,
                    side: *side,
                    price: *price,
                    change: *change,
                    clock: *clock,
                    ts: Some(now),
                    owner: self.is_told(*owner).then_some(*owner),
                    client_order_id: client_order_id.as_deref(),
                })
            }
            Effect::Trade(trade) => Publication::Trade(Trade {
                id: ids.of(Kind::Trade, trade.trade.0),
                market: trade.market,
                price: trade.price,
                count: trade.count,
                taker: trade.taker,
                is_block: false,
                ts: now,
            }),
            Effect::Fill(report) if self.is_told(report.owner) => Publication::Fill(Fill {
                report,
                trade: ids.of(Kind::Trade, report.trade.0),
                order: ids.of(Kind::Order, report.order.0),
                exchange_index,
                ts: now,
            }),
            Effect::Order(report) if self.is_told(report.owner) => Publication::Order(Order {
                report,
                order: ids.of(Kind::Order, report.order.0),
                user: ids.of(Kind::User, report.owner.account.0.into()),
                group: report.group.map(|group| ids.of(Kind::Group, group.0)),
                exchange_index,
                ts: now,
            }),
            Effect::Position(report) if self.is_told(report.owner) => {
                Publication::Position(Position { report, user: ids.of(Kind::User, report.owner.account.0.into()) })
            }
            Effect::Group { owner, group, change, limit } if self.is_told(*owner) => Publication::Group(Group {
                owner: *owner,
                group: ids.of(Kind::Group, group.0),
                change: *change,
                limit: *limit,
                ts: now,
            }),
            _ => return,
        };
        self.hub.publish(&publication, now);
    }

    fn is_told(&self, owner: Owner) -> bool {
        self.accounts.get(owner.account.0 as usize).is_some_and(|account| account.keeps_history)
    }

    /// Tells of a market's summary if something of it has changed.
    pub(super) fn tell_ticker(&mut self, market: MarketId, quote: Quote, now: ExchangeTime) {
        if self.record_contents(market).is_some_and(|recorded| recorded.has_tickers) {
            return;
        }
        let ticker = summary(self.catalogue.market(market), market, quote, now);
        self.hub.publish(&Publication::Ticker(ticker), now);
    }

    /// Tells of a market that has become another.
    pub(super) fn tell_change(&mut self, market: MarketId, change: LifecycleChange<'_>, now: ExchangeTime) {
        self.hub.publish(&Publication::Lifecycle(Lifecycle { market, change }), now);
    }

    /// Tells that a market is in another state. Nothing is told of opening and closing, but for a book that is empty.
    pub(super) fn tell_state(&mut self, market: MarketId, before: MarketState, now: ExchangeTime) {
        if self.record_contents(market).is_some_and(|recorded| recorded.has_lifecycle) {
            return;
        }
        let row = self.catalogue.market(market);
        let change = match (before, row.state) {
            (MarketState::Initialized, MarketState::Active) => return,
            (_, MarketState::Active) => LifecycleChange::Activated,
            (_, MarketState::Inactive) => LifecycleChange::Deactivated,
            // The record says itself how a book ends.
            (_, MarketState::Closed) if self.is_replay() => return,
            (_, MarketState::Closed) => {
                let clock = self.shards[usize::from(row.shard)].engine.clock(MarketId(row.local)).unwrap_or(0);
                let empty = Snapshot { market, clock, yes: &[], no: &[] };
                return self.hub.publish(&Publication::Snapshot(empty), now);
            }
            (_, MarketState::Determined) => {
                let value = row.value.unwrap_or(Price::ZERO);
                let result = render::result(value);
                return self.tell_change(
                    market,
                    LifecycleChange::Determined { at: now, result: result.as_str(), value },
                    now,
                );
            }
            (_, MarketState::Finalized) => LifecycleChange::Settled { at: now },
            _ => return,
        };
        self.tell_change(market, change, now);
    }

    /// Makes a new market known.
    pub(super) fn announce(&mut self, market: MarketId, now: ExchangeTime) {
        let row = self.catalogue.market(market);
        let event = self.catalogue.event(row.event);
        let recorded = self.record_contents(market).and_then(|recorded| recorded.id);
        let id = recorded.unwrap_or_else(|| self.ids.of(Kind::Market, market.0.into()));
        self.hub.add_market(market, &row.ticker, id);
        let more = row.particulars.as_deref();
        let (strike_type, floor, cap) = row.strike.parts();
        let (floor, cap) = (floor.and_then(number), cap.and_then(number));
        let rules = render::rules(row, event);
        let metadata = Metadata {
            name: &row.yes_sub_title,
            title: &event.title,
            yes_sub_title: &row.yes_sub_title,
            no_sub_title: more.and_then(|more| more.no_sub_title.as_deref()).unwrap_or(&row.yes_sub_title),
            rules_primary: &rules,
            rules_secondary: more.map_or("", |more| &more.rules_secondary),
            can_close_early: row.can_close_early,
            event_ticker: event.ticker.as_str(),
            expected_expiration_ts: row.expected_expiration.micros().div_euclid(1_000_000),
            strike: crate::feed::Strike {
                strike_type: strike_type.as_ref().map(|word| word.as_str()),
                floor_strike: floor.as_ref(),
                cap_strike: cap.as_ref(),
                custom_strike: None,
            },
        };
        let grid = row.grid();
        let bands: Vec<_> = grid.bands().iter().map(|band| (band.start, band.end, band.step)).collect();
        let change = LifecycleChange::Created {
            exchange_index: row.shard.into(),
            open: row.open,
            close: row.close,
            metadata: &metadata,
            grid: Grid { structure: row.structure, bands: &bands },
        };
        self.hub.publish(&Publication::Lifecycle(Lifecycle { market, change }), now);
    }

    /// Makes a new event known.
    pub(super) fn announce_event(&mut self, event: super::EventId, now: ExchangeTime) {
        let row = self.catalogue.event(event);
        let series = self.catalogue.series(row.series);
        let publication = Publication::EventLifecycle(EventLifecycle {
            event_ticker: row.ticker.as_str(),
            exchange_index: series.shard.into(),
            title: &row.title,
            subtitle: &row.sub_title,
            collateral_return_type: row.collateral_return.as_ref().map_or("", |word| word.as_str()),
            series_ticker: series.record.ticker.as_str(),
            strike_date: row.strike_date.map(|at| at.micros().div_euclid(1_000_000)),
            strike_period: None,
        });
        self.hub.publish(&publication, now);
    }
}

pub(super) fn number(ten_thousandths: i64) -> Option<Number> {
    render::strike(ten_thousandths)?.as_str().parse().ok()
}

/// A market's summary.
pub(super) fn summary(row: &MarketRow, market: MarketId, quote: Quote, now: ExchangeTime) -> Ticker {
    const MICROS_PER_DOLLAR: i128 = 1_000_000;
    Ticker {
        market,
        last: row.last_price,
        yes_bid: quote.bid.0,
        yes_ask: quote.ask.0,
        yes_bid_size: quote.bid.1,
        yes_ask_size: quote.ask.1,
        last_size: row.last_size,
        volume: row.volume,
        open_interest: row.open_interest,
        dollar_volume: i64::try_from(row.spent / MICROS_PER_DOLLAR).unwrap_or(i64::MAX),
        // A pair of contracts is worth a dollar.
        dollar_open_interest: row.open_interest.hundredths() / 100,
        ts: now,
    }
}
