//! Commands, and what is remembered and told of their effects.

use daybook_book::{ExchangeTime, Price, Quantity};

use super::{Candles, Venue, candle::Now, number};
use crate::engine::{Command, Effect, FillReport, MarketId, OrderStatus, PublicTrade, Receipt, Reject};

/// The best bid for YES and the best offer of it, with their sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Quote {
    pub bid: (Price, Quantity),
    pub ask: (Price, Quantity),
}

/// Who wants something done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    /// Whoever trades here, while that may be done.
    Member,
    /// The venue itself, at any time.
    Staff,
}

impl Quote {
    /// Of a book without anything in it.
    pub(crate) const NONE: Quote = Quote { bid: (Price::ZERO, Quantity::ZERO), ask: (Price::ONE, Quantity::ZERO) };
}

impl Venue {
    /// Applies a command to the engine that it is for, or to all of them; a transfer is the first one's. Remembers and
    /// publishes what follows from it.
    ///
    /// # Errors
    /// What the engine says; nothing has changed then but that orders may have expired.
    pub fn apply(&mut self, command: Command, now: ExchangeTime) -> Result<Receipt, Reject> {
        match command {
            Command::CancelAll { .. } | Command::Advance => {
                let mut canceled = 0;
                for shard in 0..self.shards.len() {
                    if let Receipt::Canceled(orders) = self.apply_on(shard as u8, command.clone(), now)? {
                        canceled += orders;
                    }
                }
                Ok(Receipt::Canceled(canceled))
            }
            command => {
                let shard = self.shard_of(&command).unwrap_or(0);
                self.apply_on(shard, command, now)
            }
        }
    }

    /// The same on one shard. Things of another shard are unknown there.
    ///
    /// # Errors
    /// As [`apply`](Venue::apply).
    pub fn apply_on(&mut self, shard: u8, command: Command, now: ExchangeTime) -> Result<Receipt, Reject> {
        self.apply_by(By::Member, shard, command, now)
    }

    pub(super) fn apply_by(
        &mut self,
        by: By,
        shard: u8,
        mut command: Command,
        now: ExchangeTime,
    ) -> Result<Receipt, Reject> {
        let now = self.reach(now);
        let unknown = match &command {
            Command::Create(_) | Command::Market { .. } => Reject::UnknownMarket,
            Command::Group { .. } => Reject::GroupNotFound,
            _ => Reject::OrderNotFound,
        };
        let places = matches!(command, Command::Create(_) | Command::Amend { .. });
        let market = match &command {
            Command::Create(order) => Some(order.market),
            Command::Amend { market, .. } => Some(*market),
            _ => None,
        };
        if self.make_local(&mut command, shard).is_none() || usize::from(shard) >= self.shards.len() {
            return Err(unknown);
        }
        self.run_timers(now);
        if by == By::Member && (!self.active || places && !self.shards[usize::from(shard)].trading) {
            return Err(Reject::TradingPaused);
        }
        if self.is_replay() {
            self.apply_on_record(shard, market, command, now)
        } else {
            self.apply_local(shard, command, now)
        }
    }

    /// Applies a command that has the engine's own numbers.
    pub(super) fn apply_local(&mut self, shard: u8, command: Command, now: ExchangeTime) -> Result<Receipt, Reject> {
        // For the engines time stands still while the exchange does, so that nothing expires before a command of staff.
        if self.active {
            self.applied = now;
        }
        let mut effects = std::mem::take(&mut self.effects);
        effects.clear();
        let of = &mut self.shards[usize::from(shard)];
        let receipt = of.engine.apply(command, self.applied, &mut effects);
        // Orders may have expired though the command was refused.
        for effect in &mut effects {
            number::make_global(effect, shard, &of.markets);
        }
        self.took_effect(shard, &effects, now);
        self.effects = effects;
        receipt.map(|receipt| match receipt {
            Receipt::Order(mut receipt) => {
                receipt.order = number::global_order(shard, receipt.order);
                Receipt::Order(receipt)
            }
            Receipt::Group(group) => Receipt::Group(number::global_group(shard, group)),
            other => other,
        })
    }

    fn took_effect(&mut self, shard: u8, effects: &[Effect], now: ExchangeTime) {
        if self.is_replay() {
            // What is public is recorded; this is private.
            for effect in effects.iter().filter(|effect| !matches!(effect, Effect::Delta { .. } | Effect::Trade(_))) {
                self.remember(shard, effect, now);
                self.tell(shard, effect, now);
                if let Effect::Order(report) = effect
                    && report.status != OrderStatus::Resting
                {
                    self.leave_queue(report.market, report.order);
                }
            }
            return;
        }
        // Effects of one market come together, as a rule.
        let mut touched: Option<MarketId> = None;
        for effect in effects {
            let market = match effect {
                Effect::Delta { market, .. } => Some(*market),
                Effect::Trade(trade) => Some(trade.market),
                _ => None,
            };
            if let Some(market) = market
                && touched != Some(market)
            {
                if let Some(market) = touched.replace(market) {
                    self.quoted(market, now);
                }
                self.candles(market, now);
            }
            self.remember(shard, effect, now);
            self.tell(shard, effect, now);
        }
        if let Some(market) = touched {
            self.quoted(market, now);
        }
    }

    fn remember(&mut self, shard: u8, effect: &Effect, now: ExchangeTime) {
        match effect {
            Effect::Delta { .. } => {}
            Effect::Trade(trade) => self.traded(trade, now),
            Effect::Fill(fill) => {
                if !self.is_replay() {
                    self.filled(fill, now);
                }
                if let Some(records) = self.records(fill.owner) {
                    records.fills.push(super::FillRow { report: fill.clone(), at: now });
                }
            }
            Effect::Order(report) => {
                if let Some(records) = self.records(report.owner) {
                    records.order_changed(report.clone(), now);
                }
            }
            Effect::Position(report) => {
                if let Some(records) = self.records(report.owner) {
                    let key = (report.market, report.owner.subaccount);
                    records.positions.insert(key, super::PositionRow { report: *report, updated: now });
                }
            }
            Effect::Cash { owner, .. } => {
                if let Some(records) = self.records(*owner) {
                    records.cash_changed.insert((owner.subaccount, shard), now);
                }
            }
            Effect::Group { owner, group, change, limit } => {
                if let Some(records) = self.records(*owner) {
                    records.group_changed(*group, owner.subaccount, *change, *limit);
                }
            }
            Effect::Market { market, state } => self.state_changed(*market, *state, now),
            Effect::Settled(report) => {
                if let Some(records) = self.records(report.owner) {
                    records.settlements.push(super::SettlementRow { report: *report, at: now });
                }
            }
        }
    }

    /// The records of whoever keeps any.
    fn records(&mut self, owner: crate::engine::Owner) -> Option<&mut super::account::Records> {
        let account = self.accounts.get_mut(owner.account.0 as usize)?;
        account.keeps_history.then_some(&mut account.records)
    }

    pub(super) fn traded(&mut self, trade: &PublicTrade, now: ExchangeTime) {
        let row = self.catalogue.market_mut(trade.market);
        self.trades.push(
            (trade.trade, now, trade.market),
            (trade.price, trade.count, trade.taker),
            &mut row.newest_trade,
        );
        row.last_price = Some(trade.price);
        row.last_size = trade.count;
        row.volume = sum(row.volume, trade.count);
        row.spent += daybook_book::Money::of(trade.price, trade.count).micros();
        if let Some(candles) = &mut row.candles {
            candles.traded(now, trade.price, trade.count);
        }
    }

    /// Contracts are open as long as somebody holds YES of them.
    fn filled(&mut self, fill: &FillReport, now: ExchangeTime) {
        let change = match fill.side {
            crate::engine::BookSide::Bid => fill.count.hundredths(),
            crate::engine::BookSide::Ask => -fill.count.hundredths(),
        };
        let after = fill.position.hundredths();
        let opened = after.max(0) - (after - change).max(0);
        let row = self.catalogue.market_mut(fill.market);
        row.open_interest = sum(row.open_interest, Quantity::from_hundredths(opened));
        if let Some(candles) = &mut row.candles {
            candles.opened(now, row.open_interest);
        }
    }

    /// Lets a market have candlesticks before something changes in it for the first time.
    pub(super) fn candles(&mut self, market: MarketId, now: ExchangeTime) {
        let row = self.catalogue.market_mut(market);
        if row.candles.is_none() {
            let before =
                Now { bid: Price::ZERO, ask: Price::ONE, open_interest: row.open_interest, last_price: row.last_price };
            row.candles = Some(Box::new(Candles::new(now, before)));
        }
    }

    /// A command is done with a market's book.
    pub(super) fn quoted(&mut self, market: MarketId, now: ExchangeTime) {
        let quote = self.public_books().quote(market);
        let row = self.catalogue.market_mut(market);
        let traded = row.newest_trade != row.told_trade;
        if quote == row.quote && !traded {
            return;
        }
        (row.quote, row.quoted, row.told_trade) = (quote, now, row.newest_trade);
        if let Some(candles) = &mut row.candles {
            candles.quoted(now, quote.bid.0, quote.ask.0);
        }
        self.tell_ticker(market, quote, now);
    }
}

pub(super) fn sum(a: Quantity, b: Quantity) -> Quantity {
    Quantity::from_hundredths(a.hundredths().saturating_add(b.hundredths()))
}

impl Venue {
    /// Contracts that must trade before an open order does.
    pub(crate) fn queue_position(&self, order: crate::engine::OrderId) -> Option<Quantity> {
        if self.is_replay() {
            return self.queue_position_on_record(order);
        }
        let (shard, own) = number::order_apart(order);
        self.shards.get(usize::from(shard))?.engine.queue_position(own)
    }
}
