//! How own orders meet a record: the fill model of a replay.
//!
//! The engine holds own orders and nothing else, so that cash, fees, positions, groups and settlement are what they are
//! on any exchange. Where the record would have traded with an own order, a counterparty places what the record had:
//!
//! - **Taking**: an order that reaches the other side's displayed levels trades with them at their prices, best first, as
//!   far as they are displayed. What was taken stays displayed, since history does not change, but is not there a second
//!   time: it counts as taken until the level shrinks below it.
//! - **Resting**: an order joins its level behind all that is displayed there. Trades at its price move it up and then fill
//!   it; a trade at a worse price than its own fills it first. A cancellation is taken to be of those behind it, as long
//!   as that can be.
//! - **Being met**: where a new level of the record reaches an own order, it fills it at the own order's price.
//! - A trade and the change of a level that it made carry one stamp, and come in either order: they count once.
//! - Block trades, and trades of which nobody knows who took, meet nothing.
//! - Own orders of several accounts meet each other as on any exchange, and before the record at an equal price.

use daybook_book::{Delta, ExchangeTime, Quantity, Side, Trade};

use super::{Level, Venue, left, taker};
use crate::{
    engine::{
        Command, CreateOrder, Effect, MarketId, OrderId, Receipt, Reject, TimeInForce, book_side, meets, on_ladder,
        yes_price,
    },
    venue::number,
};

/// How much of a displayed level own orders took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Taken {
    pub(super) level: Level,
    pub(super) contracts: i64,
}

/// An own order that rests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Queued {
    /// The exchange's number of it.
    order: OrderId,
    pub(super) level: Level,
    /// Contracts of the record that trade before it does.
    pub(super) ahead: i64,
    /// By how much a shrinking level moved it up, and the stamp of that, in milliseconds: the trade behind it, if it was
    /// one, is not to do so again.
    moved: (i64, i64),
}

impl Queued {
    /// There are no more than so many contracts before it.
    fn at_most(&mut self, ahead: i64, stamp: i64) {
        let by = self.ahead - ahead;
        if by > 0 {
            self.ahead = ahead;
            let before = if self.moved.0 == stamp { self.moved.1 } else { 0 };
            self.moved = (stamp, before + by);
        }
    }

    /// So many contracts traded at its level. How many of them reach it.
    fn traded(&mut self, contracts: i64, stamp: i64) -> i64 {
        let known = if self.moved.0 == stamp { self.moved.1.min(contracts) } else { 0 };
        self.moved.1 -= known;
        let contracts = contracts - known;
        let reach = (contracts - self.ahead).max(0);
        self.ahead = (self.ahead - contracts).max(0);
        reach
    }
}

/// What a command that places or changes an order wants.
struct Wish {
    market: MarketId,
    level: Level,
    contracts: i64,
    post_only: bool,
}

impl Wish {
    fn of(command: &Command) -> Option<Wish> {
        let (market, side, price, count, post_only) = match command {
            Command::Create(order) => (order.market, order.side, order.price, order.count, order.post_only),
            Command::Amend { market, side, price, count, .. } => (*market, *side, *price, *count, false),
            _ => return None,
        };
        Some(Wish { market, level: on_ladder(side, price), contracts: count.hundredths(), post_only })
    }
}

impl Venue {
    /// Applies a command that has the engine's own numbers, and lets the order that it is about meet the record. `market`
    /// is the exchange's number of the market.
    pub(in crate::venue) fn apply_on_record(
        &mut self,
        shard: u8,
        market: Option<MarketId>,
        command: Command,
        now: ExchangeTime,
    ) -> Result<Receipt, Reject> {
        let (Some(market), Some(wish)) = (market, Wish::of(&command)) else {
            return self.apply_local(shard, command, now);
        };
        let before = match &command {
            Command::Amend { order, .. } => self.open_order(number::global_order(shard, *order)),
            _ => None,
        };
        let (reaches, is_offered) = self.offer(shard, market, &wish, now);
        if wish.post_only && reaches && !is_offered {
            // All of it was taken, and it is displayed nevertheless.
            return Err(Reject::PostOnlyCross);
        }
        let receipt = self.apply_local(shard, command, now);
        self.note_taken(market);
        if is_offered {
            self.withdraw(shard, now);
        }
        if let Ok(Receipt::Order(order)) = &receipt
            && order.remaining > Quantity::ZERO
        {
            let keeps_place = before.is_some_and(|before| {
                on_ladder(before.side, before.price) == wish.level && order.remaining <= before.remaining
            });
            if !keeps_place {
                self.enqueue(market, order.order, wish.level);
            }
        }
        receipt
    }

    /// Lets the counterparty place what is displayed within an order's reach and was not taken. Whether the order reaches
    /// anything that is displayed, and whether something was placed.
    fn offer(&mut self, shard: u8, market: MarketId, wish: &Wish, now: ExchangeTime) -> (bool, bool) {
        let (side, price) = wish.level;
        let opposite = side.opposite();
        let Some(recorded) = self.recorded(market).filter(|recorded| recorded.is_known) else { return (false, false) };
        let reached = recorded.book.levels(opposite).take_while(|&(level, _)| meets(price, level));
        let mut wanted = wish.contracts;
        let mut offers = Vec::new();
        let mut reaches = false;
        for (level, displayed) in reached {
            reaches = true;
            let contracts = left(displayed, recorded.taken((opposite, level))).min(wanted);
            if contracts > 0 {
                offers.push((level, contracts));
                wanted -= contracts;
            }
            if wanted <= 0 {
                break;
            }
        }
        let mut is_offered = false;
        for (level, contracts) in offers {
            let good = TimeInForce::GoodTillCanceled { expires: None };
            // A level off the market's present grid cannot be placed, and so not be taken.
            is_offered |= self.counter(shard, wish.market, (opposite, level), contracts, good, now).is_ok();
        }
        (reaches, is_offered)
    }

    /// Places an order of the counterparty, on a market by the engine's own number.
    fn counter(
        &mut self,
        shard: u8,
        market: MarketId,
        (side, price): Level,
        contracts: i64,
        time_in_force: TimeInForce,
        now: ExchangeTime,
    ) -> Result<Receipt, Reject> {
        let owner = self.record.as_ref().ok_or(Reject::UnknownMarket)?.house;
        // History goes on while this exchange stands still; nobody trades with it here.
        if !self.active || !self.shards[usize::from(shard)].trading {
            return Err(Reject::TradingPaused);
        }
        let order = CreateOrder {
            time_in_force,
            ..CreateOrder::limit(
                owner,
                market,
                book_side(side),
                yes_price(side, price),
                Quantity::from_hundredths(contracts),
            )
        };
        self.apply_local(shard, Command::Create(order), now)
    }

    /// Takes away what the counterparty placed and nobody took.
    fn withdraw(&mut self, shard: u8, now: ExchangeTime) {
        let Some(house) = self.record.as_ref().map(|record| record.house) else { return };
        let all = Command::CancelAll { account: house.account, subaccount: None };
        // Never refused.
        let _ = self.apply_local(shard, all, now);
    }

    /// Notes what the newest command took of the record.
    fn note_taken(&mut self, market: MarketId) {
        let Some(record) = &mut self.record else { return };
        let house = record.house;
        let Some(recorded) = record.markets.get_mut(market.0 as usize) else { return };
        for effect in &self.effects {
            if let Effect::Fill(fill) = effect
                && fill.owner == house
            {
                recorded.take(on_ladder(fill.side, fill.price), fill.count.hundredths());
            }
        }
    }

    /// Puts an own order behind all that is displayed at its level.
    fn enqueue(&mut self, market: MarketId, order: OrderId, level: Level) {
        let Some(recorded) = self.recorded_mut(market) else { return };
        let ahead = recorded.book.level(level.0, level.1).hundredths();
        recorded.queue.retain(|queued| queued.order != order);
        recorded.queue.push(Queued { order, level, ahead, moved: (i64::MIN, 0) });
    }

    /// An own order is no longer in the book.
    pub(in crate::venue) fn leave_queue(&mut self, market: MarketId, order: OrderId) {
        if let Some(recorded) = self.recorded_mut(market) {
            recorded.queue.retain(|queued| queued.order != order);
        }
    }

    /// The record says of a whole book how it stands.
    pub(super) fn book_replaced(&mut self, market: MarketId, now: ExchangeTime) {
        let Some(recorded) = self.recorded_mut(market) else { return };
        recorded.clamp(|_| true, i64::MIN);
        if recorded.queue.is_empty() {
            return;
        }
        for side in [Side::Yes, Side::No] {
            let Some(recorded) = self.recorded(market) else { return };
            let levels: Vec<_> = recorded.book.levels(side).collect();
            for (price, displayed) in levels {
                let taken = self.recorded(market).map_or(0, |recorded| recorded.taken((side, price)));
                if !self.reaches_own(market, (side, price)) {
                    break;
                }
                self.arrive(market, (side, price), left(displayed, taken), now);
            }
        }
    }

    /// The record says that a level changed.
    pub(super) fn level_changed(&mut self, market: MarketId, delta: &Delta<'_>, now: ExchangeTime) {
        let Some(recorded) = self.recorded_mut(market) else { return };
        if recorded.queue.is_empty() && recorded.taken.is_empty() {
            return;
        }
        let level = (delta.side, delta.price);
        if delta.quantity.is_negative() {
            recorded.clamp(|changed| changed == level, stamp(delta.ts, now));
        } else if self.reaches_own(market, level) {
            self.arrive(market, level, delta.quantity.hundredths(), now);
        }
    }

    /// The record says that somebody traded.
    pub(super) fn traded_in_record(&mut self, market: MarketId, trade: &Trade<'_>, now: ExchangeTime) {
        let Some(taker) = taker(trade).filter(|_| trade.is_block_trade != Some(true)) else { return };
        // Who bought YES took bids for NO.
        let (taken, price) = on_ladder(taker, trade.yes_price);
        let (side, price) = (taken.opposite(), price.complement());
        let Some(recorded) = self.recorded(market).filter(|recorded| !recorded.queue.is_empty()) else { return };
        let resting = |queued: &Queued| self.open_order(queued.order).map_or(0, |order| order.remaining.hundredths());
        let of_side = || recorded.queue.iter().filter(|queued| queued.level.0 == side);
        let better: i64 = of_side().filter(|queued| queued.level.1 > price).map(resting).sum();
        let sizes: Vec<i64> = recorded.queue.iter().map(resting).collect();
        let traded = trade.count.hundredths();
        let at_better = better.min(traded);
        let (mut filled, rest) = (0, traded - at_better);
        let stamp = stamp(trade.ts, now);
        let Some(recorded) = self.recorded_mut(market) else { return };
        for (queued, size) in recorded.queue.iter_mut().zip(sizes) {
            if queued.level == (side, price) {
                let reach = queued.traded(rest, stamp);
                filled += size.min((reach - filled).max(0));
            }
        }
        self.meet_own(market, (side.opposite(), price.complement()), at_better + filled, now);
    }

    /// Whether a level of the record reaches an own order that rests.
    fn reaches_own(&self, market: MarketId, (side, price): Level) -> bool {
        let row = self.catalogue.market(market);
        let own = self.shards[usize::from(row.shard)].engine.best_bid(MarketId(row.local), side.opposite());
        own.is_some_and(|(own, _)| meets(price, own))
    }

    /// A level of the record reaches own orders: they trade, and so much of it is taken.
    fn arrive(&mut self, market: MarketId, level: Level, contracts: i64, now: ExchangeTime) {
        let met = self.meet_own(market, level, contracts, now);
        if let Some(recorded) = self.recorded_mut(market)
            && met > 0
        {
            recorded.take(level, met);
        }
    }

    /// Lets the counterparty take own orders that rest, and says how much it took.
    fn meet_own(&mut self, market: MarketId, level: Level, contracts: i64, now: ExchangeTime) -> i64 {
        if contracts <= 0 {
            return 0;
        }
        let row = self.catalogue.market(market);
        let (shard, local) = (row.shard, MarketId(row.local));
        let met = self.counter(shard, local, level, contracts, TimeInForce::ImmediateOrCancel, now);
        match met {
            Ok(Receipt::Order(order)) => order.filled.hundredths(),
            _ => 0,
        }
    }

    /// Contracts that must trade before an own order of a replay does.
    pub(in crate::venue) fn queue_position_on_record(&self, order: OrderId) -> Option<Quantity> {
        let open = self.open_order(order)?;
        let recorded = self.recorded(open.market).filter(|recorded| recorded.is_known)?;
        let queued = recorded.queue.iter().find(|queued| queued.order == order)?;
        let (side, price) = queued.level;
        let better = recorded.book.levels(side).take_while(|&(level, _)| level > price);
        let better: i64 = better.map(|(_, displayed)| displayed.hundredths()).sum();
        let (shard, own) = number::order_apart(order);
        let others = self.shards.get(usize::from(shard))?.engine.queue_position(own)?;
        Some(Quantity::from_hundredths(better + queued.ahead + others.hundredths()))
    }
}

impl super::RecordedMarket {
    /// How much of a level own orders took.
    fn taken(&self, level: Level) -> i64 {
        self.taken.iter().find(|taken| taken.level == level).map_or(0, |taken| taken.contracts)
    }

    fn take(&mut self, level: Level, contracts: i64) {
        match self.taken.iter_mut().find(|taken| taken.level == level) {
            Some(taken) => taken.contracts += contracts,
            None => self.taken.push(Taken { level, contracts }),
        }
    }

    /// No more of a level can have been taken, and no more of it can be before an own order, than is displayed.
    fn clamp(&mut self, changed: impl Fn(Level) -> bool, stamp: i64) {
        let super::RecordedMarket { book, taken, queue, .. } = self;
        taken.retain_mut(|taken| {
            if changed(taken.level) {
                taken.contracts = taken.contracts.min(book.level(taken.level.0, taken.level.1).hundredths());
            }
            taken.contracts > 0
        });
        for queued in queue.iter_mut().filter(|queued| changed(queued.level)) {
            queued.at_most(book.level(queued.level.0, queued.level.1).hundredths(), stamp);
        }
    }
}

/// What tells that a trade and a change of a level are one happening: the venue's stamp, in milliseconds.
fn stamp(ts: Option<ExchangeTime>, now: ExchangeTime) -> i64 {
    ts.unwrap_or(now).micros().div_euclid(1_000)
}
