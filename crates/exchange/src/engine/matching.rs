//! Placing and changing orders: what is checked, how they trade, what rests.

use std::sync::Arc;

use daybook_book::{Book, ExchangeTime, Money, Price, Quantity, Side};

use super::{
    BalancePrecision, BookSide, CreateOrder, Effect, Engine, FillReport, MarketId, OrderId, OrderReceipt, Owner,
    PublicTrade, Receipt, Reject, SelfTrade, TimeInForce, TradeId, UpdateReason,
    effect::say,
    fee::{self, Fee},
    group::Groups,
    market::meets,
    order::{IN_GROUP, IN_LEVEL, IN_PURSE, MADE, Order, TAKEN, book_side, is_grouped, on_ladder, yes_price},
    slab::NONE,
};

/// The largest order: 10⁹ contracts in hundredths. What it costs fits 64 bits of millionths of a dollar.
const ORDER_LIMIT: i64 = 100_000_000_000;
/// The largest position, with all orders that could enlarge it: 10¹² contracts in hundredths.
const POSITION_LIMIT: i64 = 100_000_000_000_000;

/// What an order is to become.
pub(super) struct Amendment {
    pub(super) market: MarketId,
    pub(super) side: BookSide,
    pub(super) price: Price,
    pub(super) count: Quantity,
    pub(super) expires: Option<Option<ExchangeTime>>,
    pub(super) client_order_id: Option<Arc<str>>,
}

/// What an order did while it took.
#[derive(Default)]
struct Taking {
    filled: i64,
    /// YES price × contracts.
    value: i128,
    fees: i64,
    /// Why it was stopped, if it was not for want of orders to take.
    stopped: Option<UpdateReason>,
}

/// Whether a fill-or-kill order can be.
enum Fillable {
    Yes,
    No,
    /// It would meet its own user's order, and so becomes immediate-or-cancel.
    MeetsItself,
}

/// An order that is about to take, before there is a record of it.
#[derive(Clone, Copy)]
struct Prospect {
    owner: Owner,
    market: MarketId,
    side: Side,
    price: Price,
    count: i64,
    group: u32,
}

impl Engine {
    pub(super) fn create(
        &mut self,
        order: CreateOrder,
        now: ExchangeTime,
        effects: &mut Vec<Effect>,
    ) -> Result<Receipt, Reject> {
        let market = self.markets.get(order.market.0 as usize).ok_or(Reject::UnknownMarket)?;
        market.takes_orders()?;
        let asked = order.count.hundredths();
        if !(1..=ORDER_LIMIT).contains(&asked) {
            return Err(Reject::InvalidSize(order.count));
        }
        if !self.grids[market.grid as usize].contains(order.price) {
            return Err(Reject::InvalidPrice(order.price));
        }
        check_options(&order, now)?;
        let group = match order.group {
            None => NONE,
            Some(group) => {
                let group = self.groups.find(order.owner, group).ok_or(Reject::GroupNotFound)?;
                if self.groups.slab[group].is_triggered {
                    return Err(Reject::GroupTriggered);
                }
                group
            }
        };
        if let Some(name) = &order.client_order_id
            && self.orders.find_name(order.owner.account, name).is_some()
        {
            return Err(Reject::DuplicateClientOrderId);
        }
        let (side, price) = on_ladder(order.side, order.price);
        let purse = self.ledger.purse(order.owner);
        let holding = purse.and_then(|purse| self.ledger.holding(purse, order.market));
        let mut count = asked;
        if order.reduce_only {
            count = count.min(holding.map_or(0, |holding| self.ledger.holdings[holding].closable(side)));
            if count == 0 {
                return Err(Reject::NothingToReduce);
            }
        }
        let crosses = market.crosses(side, price);
        if order.post_only && crosses {
            return Err(Reject::PostOnlyCross);
        }
        let prospect = Prospect { owner: order.owner, market: order.market, side, price, count, group };
        if order.time_in_force == TimeInForce::FillOrKill
            && let Fillable::No = self.fillable(prospect, now)
        {
            return Err(Reject::NotFillable);
        }
        self.afford(prospect, purse, holding, crosses, None)?;

        // Whoever could afford it has cash, and so a purse.
        let purse = purse.unwrap_or_else(|| self.ledger.purse_or_new(order.owner));
        let holding = holding.unwrap_or_else(|| {
            let of_market = &mut self.markets[order.market.0 as usize].holdings;
            self.ledger.new_holding(purse, order.market, of_market)
        });
        self.last_order += 1;
        let expires = match order.time_in_force {
            TimeInForce::GoodTillCanceled { expires } => expires,
            TimeInForce::ImmediateOrCancel | TimeInForce::FillOrKill => None,
        };
        let at = self.orders.slab.insert_with(|| Order {
            id: OrderId(self.last_order),
            owner: order.owner,
            market: order.market,
            side,
            price,
            self_trade: order.self_trade,
            post_only: order.post_only,
            cancel_on_pause: order.cancel_on_pause,
            client_order_id: order.client_order_id,
            expires,
            created: now,
            initial: asked,
            filled: 0,
            remaining: count,
            cost: [0; 2],
            fees: [0; 2],
            overpaid: 0,
            pledge: 0,
            purse,
            holding,
            group,
            group_id: order.group,
        });
        let mut taking = self.take(at, now, effects);
        let is_capped = count < asked;
        if !matches!(order.time_in_force, TimeInForce::GoodTillCanceled { .. }) && taking.stopped.is_none() {
            taking.stopped = match self.orders.slab[at].remaining {
                0 => is_capped.then_some(UpdateReason::ReduceOnlyCancel),
                _ => Some(UpdateReason::Cancel),
            };
        }
        if taking.stopped.is_none() && self.orders.slab[at].remaining > 0 {
            self.enter_book(at, effects);
            self.register(at);
        }
        let reason = if taking.filled > 0 { UpdateReason::Trade } else { UpdateReason::Created };
        Ok(self.conclude(at, taking, reason, asked, false, effects))
    }

    pub(super) fn amend(
        &mut self,
        owner: Owner,
        id: OrderId,
        amendment: Amendment,
        now: ExchangeTime,
        effects: &mut Vec<Effect>,
    ) -> Result<Receipt, Reject> {
        let market = self.markets.get(amendment.market.0 as usize).ok_or(Reject::UnknownMarket)?;
        market.takes_orders()?;
        let at = self.own_order(owner, id)?;
        let order = &self.orders.slab[at];
        if order.market != amendment.market {
            return Err(Reject::TickerMismatch);
        }
        let (side, price) = on_ladder(amendment.side, amendment.price);
        if order.side != side {
            return Err(Reject::SideMismatch);
        }
        let count = amendment.count.hundredths();
        if count <= order.filled || count > ORDER_LIMIT {
            return Err(Reject::InvalidSize(amendment.count));
        }
        let (before, remaining) = (order.remaining, count - order.filled);
        let moves = price != order.price;
        if moves && !self.grids[market.grid as usize].contains(amendment.price) {
            return Err(Reject::InvalidPrice(amendment.price));
        }
        if let Some(Some(expires)) = amendment.expires
            && expires <= now
        {
            return Err(Reject::InvalidOrder("an order cannot expire before it is placed"));
        }
        if let Some(name) = &amendment.client_order_id
            && self.orders.find_name(owner.account, name).is_some_and(|named| named != at)
        {
            return Err(Reject::DuplicateClientOrderId);
        }
        let crosses = moves && market.crosses(side, price);
        if order.post_only && crosses {
            return Err(Reject::PostOnlyCross);
        }
        let requeues = moves || remaining > before;
        if requeues {
            let market = order.market;
            let prospect = Prospect { owner, market, side, price, count: remaining, group: order.group };
            self.afford(prospect, Some(order.purse), Some(order.holding), crosses, Some(order))?;
        }

        if let Some(expires) = amendment.expires {
            self.orders.set_expiry(at, expires);
        }
        if let Some(name) = amendment.client_order_id {
            self.orders.rename(at, name);
        }
        let mut taking = Taking::default();
        self.orders.slab[at].initial = count;
        if moves {
            self.leave_book(at, effects);
            let order = &mut self.orders.slab[at];
            (order.price, order.remaining) = (price, remaining);
            taking = self.take(at, now, effects);
            if taking.stopped.is_none() && self.orders.slab[at].remaining > 0 {
                self.enter_book(at, effects);
            }
        } else if remaining > before {
            self.grow(at, remaining, effects);
        } else {
            self.shrink(at, remaining, effects);
        }
        Ok(self.conclude(at, taking, UpdateReason::Amend, before.max(remaining), true, effects))
    }

    /// Ends a command about one order: says how it is, and forgets it if nothing rests. `asked` is how much was to be
    /// traded or to rest.
    fn conclude(
        &mut self,
        at: u32,
        taking: Taking,
        reason: UpdateReason,
        asked: i64,
        is_registered: bool,
        effects: &mut Vec<Effect>,
    ) -> Receipt {
        let order = &mut self.orders.slab[at];
        if taking.stopped.is_some() {
            order.remaining = 0;
        }
        let (id, remaining) = (order.id, order.remaining);
        say(effects, || Effect::Order(order.report(taking.stopped.unwrap_or(reason))));
        if remaining == 0 {
            if is_registered {
                self.forget(at);
            } else {
                self.orders.remove(at);
            }
        }
        Receipt::Order(OrderReceipt {
            order: id,
            filled: Quantity::from_hundredths(taking.filled),
            remaining: Quantity::from_hundredths(remaining),
            canceled: Quantity::from_hundredths(asked - taking.filled - remaining),
            value: Money::from_micros(taking.value),
            fees: Money::from_micros(i128::from(taking.fees)),
        })
    }

    /// What an order can cost at worst. One that will not take at once is charged as a maker.
    fn worst_case(&self, prospect: Prospect, crosses: bool, overpaid: i64, precision: BalancePrecision) -> i64 {
        let fees = self.markets[prospect.market.0 as usize].fees;
        let count = Quantity::from_hundredths(prospect.count);
        let worst = |fee| fee::worst_case(fee, prospect.price, count, overpaid, precision);
        if crosses { worst(fees.maker()).max(worst(fees.taker())) } else { worst(fees.maker()) }
    }

    /// Whether there is cash for an order, in the place of `replaced` if that is one, and room for its contracts.
    fn afford(
        &self,
        prospect: Prospect,
        purse: Option<u32>,
        holding: Option<u32>,
        crosses: bool,
        replaced: Option<&Order>,
    ) -> Result<(), Reject> {
        let (overpaid, pledge, before) = replaced.map_or((0, 0, 0), |o| (o.overpaid, o.pledge, o.remaining));
        let precision = match purse {
            Some(purse) => self.ledger.purses[purse as usize].precision,
            None => self.ledger.precision(prospect.owner.account),
        };
        let worst = self.worst_case(prospect, crosses, overpaid, precision);
        let holding = holding.map(|holding| &self.ledger.holdings[holding]);
        let needed = match holding {
            Some(holding) => holding.growth(prospect.side, pledge, worst),
            None => Money::from_micros(i128::from(worst)),
        };
        let held = holding.map_or(0, |holding| holding.position.abs() + holding.resting - before);
        let level = self.markets[prospect.market.0 as usize].ladder(prospect.side).total(prospect.price);
        if held + prospect.count > POSITION_LIMIT || level + prospect.count > Book::LEVEL_LIMIT.hundredths() {
            return Err(Reject::InvalidSize(Quantity::from_hundredths(prospect.count)));
        }
        let available = purse.map_or(Money::ZERO, |purse| self.ledger.purses[purse as usize].free());
        if needed > available && needed > Money::ZERO {
            return Err(Reject::InsufficientBalance { needed, available });
        }
        Ok(())
    }

    /// Whether an order can be filled in full at once. Groups that would be triggered on the way are seen.
    fn fillable(&self, prospect: Prospect, now: ExchangeTime) -> Fillable {
        let mut groups = GroupFills { groups: &self.groups, now, fills: Vec::new() };
        let mut wanted = prospect.count;
        let market = &self.markets[prospect.market.0 as usize];
        let levels = market.ladder(prospect.side.opposite()).levels();
        for level in levels.take_while(|level| meets(prospect.price, level.price)) {
            for at in level.queue.iter(&self.orders.slab, IN_LEVEL) {
                let order = &self.orders.slab[at];
                if order.owner.account == prospect.owner.account {
                    return Fillable::MeetsItself;
                }
                if groups.is_reached(order.group, 0) {
                    continue;
                }
                let count = wanted.min(order.remaining);
                wanted -= count;
                groups.is_reached(order.group, count);
                if wanted == 0 {
                    return Fillable::Yes;
                }
                if groups.is_reached(prospect.group, count) {
                    return Fillable::No;
                }
            }
        }
        Fillable::No
    }

    /// Lets an order that is in no book trade with what it meets there.
    fn take(&mut self, at: u32, now: ExchangeTime, effects: &mut Vec<Effect>) -> Taking {
        let mut taking = Taking::default();
        let order = &self.orders.slab[at];
        let (market, side, price, group) = (order.market, order.side, order.price, order.group);
        let (account, self_trade) = (order.owner.account, order.self_trade);
        while self.orders.slab[at].remaining > 0 {
            let Some(best) = self.markets[market.0 as usize].ladder(side.opposite()).best() else { break };
            if !meets(price, best.price) {
                break;
            }
            let maker = best.queue.head;
            if self.orders.slab[maker].owner.account == account {
                match self_trade {
                    SelfTrade::TakerAtCross => {
                        taking.stopped = Some(UpdateReason::SelfTradeCancel);
                        break;
                    }
                    SelfTrade::Maker => {
                        self.cancel_resting(maker, UpdateReason::SelfTradeCancel, effects);
                        continue;
                    }
                }
            }
            let maker_group = self.orders.slab[maker].group;
            let count = self.trade(at, maker, &mut taking, effects);
            if maker_group != NONE && self.groups.slab[maker_group].fill(now, count) {
                self.trigger(maker_group, effects);
            }
            if group != NONE && self.groups.slab[group].fill(now, count) {
                self.trigger_with(group, at, effects);
                if self.orders.slab[at].remaining > 0 {
                    taking.stopped = Some(UpdateReason::Cancel);
                }
                break;
            }
        }
        taking
    }

    /// Triggers the group of an order that is taking, which is in no book: its own end is said later.
    fn trigger_with(&mut self, group: u32, taker: u32, effects: &mut Vec<Effect>) {
        let is_listed = self.orders.find(self.orders.slab[taker].id).is_some();
        if is_listed {
            self.groups.slab[group].orders.unlink(&mut self.orders.slab, IN_GROUP, taker);
        }
        self.trigger(group, effects);
        if is_listed {
            self.groups.slab[group].orders.push_back(&mut self.orders.slab, IN_GROUP, taker);
        }
    }

    /// One match: as many contracts as both have, at the maker's price.
    fn trade(&mut self, taker: u32, maker: u32, taking: &mut Taking, effects: &mut Vec<Effect>) -> i64 {
        let (take, make) = (&self.orders.slab[taker], &self.orders.slab[maker]);
        let count = take.remaining.min(make.remaining);
        let (market, side, price) = (make.market, make.side, make.price);
        let yes_price = yes_price(side, price);
        self.last_trade += 1;
        let trade = TradeId(self.last_trade);
        say(effects, || {
            Effect::Trade(PublicTrade {
                trade,
                market,
                price: yes_price,
                count: Quantity::from_hundredths(count),
                taker: book_side(take.side),
            })
        });
        let fees = self.markets[market.0 as usize].fees;
        taking.fees += self.fill(taker, trade, price.complement(), count, TAKEN, fees.taker(), effects);
        taking.filled += count;
        taking.value += Money::of(yes_price, Quantity::from_hundredths(count)).micros();
        self.fill(maker, trade, price, count, MADE, fees.maker(), effects);
        self.pledge(maker);
        self.delta(maker, -count, effects);
        let is_gone = self.orders.slab[maker].remaining == 0;
        self.markets[market.0 as usize].ladder_mut(side).change(price, |level| {
            level.total -= count;
            if is_gone {
                level.queue.unlink(&mut self.orders.slab, IN_LEVEL, maker);
            }
        });
        say(effects, || Effect::Order(self.orders.slab[maker].report(UpdateReason::Trade)));
        if is_gone {
            self.forget(maker);
        }
        count
    }

    /// One side of a match, at a price of its own side; what it was charged.
    #[expect(clippy::too_many_arguments, reason = "both sides of a match differ in all of them")]
    fn fill(
        &mut self,
        at: u32,
        trade: TradeId,
        price: Price,
        count: i64,
        role: usize,
        fee: Fee,
        effects: &mut Vec<Effect>,
    ) -> i64 {
        let order = &mut self.orders.slab[at];
        let own = i64::from(price.ten_thousandths());
        let contracts = Quantity::from_hundredths(count);
        let holding = &mut self.ledger.holdings[order.holding];
        let revenue = holding.revenue(order.side, own, count);
        let precision = self.ledger.purses[order.purse as usize].precision;
        let only_closes = count <= holding.closable(order.side);
        let charge = fee::charge(fee, price, contracts, revenue, only_closes, order.overpaid, precision);
        let held = holding.position.max(0);
        order.overpaid = charge.overpaid;
        order.filled += count;
        order.remaining -= count;
        order.cost[role] += own * count;
        order.fees[role] += charge.fee;
        if role == MADE {
            holding.resting -= count;
        }
        self.ledger.fill(order.holding, order.side, own, count, charge);
        let position = self.ledger.holdings[order.holding].position;
        self.markets[order.market.0 as usize].open_interest += position.max(0) - held;
        say(effects, || {
            Effect::Fill(FillReport {
                trade,
                owner: order.owner,
                order: order.id,
                client_order_id: order.client_order_id.clone(),
                market: order.market,
                side: book_side(order.side),
                price: yes_price(order.side, price),
                count: contracts,
                is_taker: role == TAKEN,
                fee: Money::from_micros(i128::from(charge.fee)),
                position: Quantity::from_hundredths(position),
            })
        });
        charge.fee
    }

    /// Puts what remains of an order at the end of its level's queue.
    fn enter_book(&mut self, at: u32, effects: &mut Vec<Effect>) {
        let order = &self.orders.slab[at];
        let remaining = order.remaining;
        let (market, side, price, holding) = (order.market, order.side, order.price, order.holding);
        let level = self.markets[market.0 as usize].ladder_mut(side).level_or_new(price);
        level.total += remaining;
        level.queue.push_back(&mut self.orders.slab, IN_LEVEL, at);
        self.ledger.holdings[holding].resting += remaining;
        self.pledge(at);
        self.delta(at, remaining, effects);
    }

    /// Makes an order in the book findable.
    fn register(&mut self, at: u32) {
        self.orders.register(at);
        let order = &self.orders.slab[at];
        let (purse, group) = (order.purse, is_grouped(order).then_some(order.group));
        self.ledger.purses[purse as usize].orders.push_back(&mut self.orders.slab, IN_PURSE, at);
        if let Some(group) = group {
            self.groups.slab[group].orders.push_back(&mut self.orders.slab, IN_GROUP, at);
        }
    }

    /// Sets aside what an order in the book can cost.
    pub(super) fn pledge(&mut self, at: u32) {
        let order = &mut self.orders.slab[at];
        let fee = self.markets[order.market.0 as usize].fees.maker();
        let precision = self.ledger.purses[order.purse as usize].precision;
        let pledge = match order.remaining {
            0 => 0,
            remaining => {
                let remaining = Quantity::from_hundredths(remaining);
                fee::worst_case(fee, order.price, remaining, order.overpaid, precision)
            }
        };
        let old = std::mem::replace(&mut order.pledge, pledge);
        self.ledger.repledge(order.holding, order.side, old, pledge);
    }

    /// Lets fewer contracts of an order rest, or as many, in its place.
    pub(super) fn shrink(&mut self, at: u32, remaining: i64, effects: &mut Vec<Effect>) {
        self.resize(at, remaining, effects);
    }

    /// Lets more contracts of an order rest, at the end of the queue.
    fn grow(&mut self, at: u32, remaining: i64, effects: &mut Vec<Effect>) {
        self.resize(at, remaining, effects);
        let order = &self.orders.slab[at];
        let (market, side, price) = (order.market, order.side, order.price);
        self.markets[market.0 as usize].ladder_mut(side).change(price, |level| {
            level.queue.unlink(&mut self.orders.slab, IN_LEVEL, at);
            level.queue.push_back(&mut self.orders.slab, IN_LEVEL, at);
        });
    }

    fn resize(&mut self, at: u32, remaining: i64, effects: &mut Vec<Effect>) {
        let order = &mut self.orders.slab[at];
        let change = remaining - std::mem::replace(&mut order.remaining, remaining);
        if change == 0 {
            return;
        }
        let (market, side, price, holding) = (order.market, order.side, order.price, order.holding);
        self.markets[market.0 as usize].ladder_mut(side).change(price, |level| level.total += change);
        self.ledger.holdings[holding].resting += change;
        self.pledge(at);
        self.delta(at, change, effects);
    }
}

/// Options that exclude each other.
fn check_options(order: &CreateOrder, now: ExchangeTime) -> Result<(), Reject> {
    let rests = matches!(order.time_in_force, TimeInForce::GoodTillCanceled { .. });
    if order.post_only && !rests {
        return Err(Reject::InvalidOrder("a post-only order must be good till cancelled"));
    }
    if order.reduce_only && order.time_in_force != TimeInForce::ImmediateOrCancel {
        return Err(Reject::InvalidOrder("a reduce-only order must be immediate-or-cancel"));
    }
    if let TimeInForce::GoodTillCanceled { expires: Some(expires) } = order.time_in_force
        && expires <= now
    {
        return Err(Reject::InvalidOrder("an order cannot expire before it is placed"));
    }
    Ok(())
}

/// What groups would have filled if orders that are only looked at had traded.
struct GroupFills<'a> {
    groups: &'a Groups,
    now: ExchangeTime,
    /// Group and what filled within its window; of the few groups that one order meets.
    fills: Vec<(u32, i64)>,
}

impl GroupFills<'_> {
    /// Adds to what a group has filled; whether its limit is reached then.
    fn is_reached(&mut self, group: u32, count: i64) -> bool {
        if group == NONE {
            return false;
        }
        let at = self.fills.iter().position(|&(seen, _)| seen == group).unwrap_or_else(|| {
            self.fills.push((group, self.groups.slab[group].filled(self.now)));
            self.fills.len() - 1
        });
        let filled = &mut self.fills[at].1;
        *filled = filled.saturating_add(count);
        // Before anything has filled, an open group is below its limit, or it would have been triggered.
        *filled >= self.groups.slab[group].limit
    }
}
