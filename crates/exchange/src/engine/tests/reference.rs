//! The engine a second time, as simple as it can be: one list of orders, everything derived by scanning, every command
//! tried on a copy. Slow, and written from the rules rather than from the engine.

use std::collections::{BTreeMap, BTreeSet};

use daybook_book::{Book, ExchangeTime, Money, Price, Quantity, Side};

use super::super::*;

const DOLLAR: i128 = 1_000_000;
/// 10⁻¹⁶ dollars in a millionth.
const FINE: i128 = 10_000_000_000;
const CENT: i128 = 10_000;

#[derive(Clone, Debug)]
struct Resting {
    report: OrderReport,
    /// Rises; less is earlier.
    place: u64,
    post_only: bool,
    overpaid: i128,
    /// Whether it is in the book, and not just about to take.
    rests: bool,
}

#[derive(Clone, Debug, Default)]
struct Held {
    position: i128,
    cost: i128,
    realized: i128,
    fees: i128,
    position_fees: i128,
    volume: i128,
    traded: i128,
}

#[derive(Clone, Debug)]
struct GroupState {
    owner: Owner,
    limit: i128,
    is_triggered: bool,
    fills: Vec<(i64, i128)>,
}

#[derive(Clone, Debug)]
struct MarketOf {
    state: MarketState,
    grid: PriceGrid,
    fees: FeeRule,
    clock: u64,
    value: Price,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Reference {
    now: i64,
    markets: Vec<MarketOf>,
    orders: Vec<Resting>,
    cash: BTreeMap<Owner, i128>,
    reported: BTreeMap<Owner, (i128, i128)>,
    direct: BTreeSet<AccountId>,
    held: BTreeMap<(Owner, MarketId), Held>,
    groups: BTreeMap<GroupId, GroupState>,
    traded: BTreeSet<(Owner, MarketId)>,
    last: [u64; 4],
    pub(super) collected: i128,
}

fn micros(money: i128) -> Money {
    Money::from_micros(money)
}

fn contracts(hundredths: i128) -> Quantity {
    Quantity::from_hundredths(i64::try_from(hundredths).unwrap())
}

fn ladder(report: &OrderReport) -> (Side, Price) {
    match report.side {
        BookSide::Bid => (Side::Yes, report.price),
        BookSide::Ask => (Side::No, report.price.complement()),
    }
}

fn size(report: &OrderReport) -> i128 {
    i128::from(report.remaining.hundredths())
}

/// Price in ten-thousandths × hundredths of contracts: millionths.
fn value(price: Price, count: i128) -> i128 {
    i128::from(price.ten_thousandths()) * count
}

fn exact_fee(fee: Fee, price: Price, count: i128) -> i128 {
    match fee {
        Fee::Free => 0,
        Fee::Quadratic { rate } => {
            i128::from(rate) * count * value(price, i128::from(price.complement().ten_thousandths()))
        }
        Fee::PerContract { micros } => i128::from(micros) * FINE * count / 100,
    }
}

impl Reference {
    pub(super) fn add_market(&mut self, rules: MarketRules) {
        let MarketRules { grid, fees } = rules;
        self.markets.push(MarketOf { state: MarketState::Initialized, grid, fees, clock: 0, value: Price::ZERO });
    }

    pub(super) fn set_direct(&mut self, account: AccountId) {
        self.direct.insert(account);
    }

    pub(super) fn apply(
        &mut self,
        command: Command,
        at: ExchangeTime,
        fx: &mut Vec<Effect>,
    ) -> Result<Receipt, Reject> {
        if at.micros() < self.now {
            return Err(Reject::TimeWentBack);
        }
        self.now = at.micros();
        while let Some(order) = self.next_expiry().filter(|&(expires, _)| expires <= at).map(|(_, order)| order) {
            self.kill(order, UpdateReason::ExpiryCancel, fx);
        }
        self.report(fx);
        let mut tried = self.clone();
        let mut effects = Vec::new();
        let result = tried.run(command, &mut effects);
        if result.is_ok() {
            tried.report(&mut effects);
            *self = tried;
            fx.append(&mut effects);
        }
        result
    }

    fn report(&mut self, fx: &mut Vec<Effect>) {
        for key in std::mem::take(&mut self.traded) {
            fx.push(Effect::Position(self.position(key.0, key.1).unwrap()));
        }
        for (&owner, &total) in &self.cash {
            let now = (total, self.reserved(owner));
            if self.reported.insert(owner, now).unwrap_or_default() != now {
                fx.push(Effect::Cash { owner, total: micros(now.0), reserved: micros(now.1) });
            }
        }
    }

    // ---- what can be read

    pub(super) fn next_expiry(&self) -> Option<(ExchangeTime, OrderId)> {
        self.orders.iter().filter_map(|o| Some((o.report.expires?, o.report.order))).min()
    }

    pub(super) fn open_orders(&self) -> impl Iterator<Item = &OrderReport> {
        self.orders.iter().map(|order| &order.report)
    }

    pub(super) fn owners(&self) -> impl Iterator<Item = Owner> {
        self.cash.keys().copied()
    }

    pub(super) fn markets(&self) -> impl Iterator<Item = (MarketId, MarketState, u64)> {
        self.markets.iter().zip(0..).map(|(market, id)| (MarketId(id), market.state, market.clock))
    }

    pub(super) fn book(&self, market: MarketId) -> Book {
        let mut book = Book::new();
        for order in self.orders.iter().filter(|order| order.report.market == market) {
            let (side, price) = ladder(&order.report);
            book.apply(side, price, order.report.remaining).unwrap();
        }
        book
    }

    /// The orders of one ladder, first to trade first.
    fn queue(&self, market: MarketId, side: Side) -> Vec<&Resting> {
        let on_it = |order: &&Resting| order.rests && order.report.market == market && ladder(&order.report).0 == side;
        let mut queue: Vec<&Resting> = self.orders.iter().filter(on_it).collect();
        queue.sort_by_key(|order| (std::cmp::Reverse(ladder(&order.report).1), order.place));
        queue
    }

    pub(super) fn queue_position(&self, order: &OrderReport) -> Quantity {
        let queue = self.queue(order.market, ladder(order).0);
        contracts(queue.iter().take_while(|other| other.report.order != order.order).map(|o| size(&o.report)).sum())
    }

    pub(super) fn total(&self, owner: Owner) -> i128 {
        self.cash.get(&owner).copied().unwrap_or_default()
    }

    pub(super) fn reserved(&self, owner: Owner) -> i128 {
        let markets: BTreeSet<MarketId> = self.orders.iter().map(|order| order.report.market).collect();
        let side = |market, side: Side| {
            let own = self.orders.iter().filter(|o| o.rests && o.report.owner == owner && o.report.market == market);
            let worst = own.filter(|o| ladder(&o.report).0 == side).map(|o| self.worst(o, false)).sum::<i128>();
            (worst - self.closable(owner, market, side) * DOLLAR / 100).max(0)
        };
        markets.into_iter().map(|market| side(market, Side::Yes) + side(market, Side::No)).sum()
    }

    pub(super) fn position(&self, owner: Owner, market: MarketId) -> Option<PositionReport> {
        let held = self.held.get(&(owner, market))?;
        Some(PositionReport {
            owner,
            market,
            position: contracts(held.position),
            cost: micros(held.cost),
            realized: micros(held.realized),
            fees: micros(held.fees),
            position_fees: micros(held.position_fees),
            volume: contracts(held.volume),
            traded: micros(held.traded),
        })
    }

    pub(super) fn groups(&self) -> Vec<(GroupId, Owner)> {
        self.groups.iter().map(|(&id, state)| (id, state.owner)).collect()
    }

    pub(super) fn group(&self, group: GroupId) -> Option<GroupView> {
        let state = self.groups.get(&group)?;
        let orders = self.orders.iter().filter(|o| o.report.group == Some(group)).map(|o| o.report.order).collect();
        Some(GroupView { owner: state.owner, limit: contracts(state.limit), is_triggered: state.is_triggered, orders })
    }

    fn closable(&self, owner: Owner, market: MarketId, side: Side) -> i128 {
        let position = self.held.get(&(owner, market)).map_or(0, |held| held.position);
        (if side == Side::Yes { -position } else { position }).max(0)
    }

    fn unit(&self, owner: Owner) -> i128 {
        if self.direct.contains(&owner.account) { 100 } else { CENT }
    }

    /// The most that an order can still cost, in whole units of its owner's cash.
    fn worst(&self, order: &Resting, takes: bool) -> i128 {
        let fees = self.markets[order.report.market.0 as usize].fees;
        let (_, price) = ladder(&order.report);
        let count = size(&order.report);
        let worst = |fee| {
            let all = value(price, count) * FINE + exact_fee(fee, price, count) + CENT * FINE - 1 - order.overpaid;
            let unit = self.unit(order.report.owner);
            all / (unit * FINE) * unit
        };
        if takes { worst(fees.taker()).max(worst(fees.maker())) } else { worst(fees.maker()) }
    }

    fn crosses(&self, report: &OrderReport) -> bool {
        let (side, price) = ladder(report);
        self.queue(report.market, side.opposite()).iter().any(|other| ladder(&other.report).1 >= price.complement())
    }

    fn at(&self, order: OrderId) -> Option<usize> {
        self.orders.iter().position(|other| other.report.order == order)
    }

    fn own(&self, owner: Owner, order: OrderId) -> Result<usize, Reject> {
        self.at(order).filter(|&at| self.orders[at].report.owner == owner).ok_or(Reject::OrderNotFound)
    }

    fn window(&self, group: GroupId) -> i128 {
        self.groups[&group].fills.iter().filter(|fill| self.now - fill.0 < 15_000_000).map(|fill| fill.1).sum()
    }

    // ---- what can be done

    fn run(&mut self, command: Command, fx: &mut Vec<Effect>) -> Result<Receipt, Reject> {
        match command {
            Command::Create(order) => self.create(order, fx),
            Command::Amend { owner, order, market, side, price, count, expires, client_order_id } => {
                self.takes_orders(market)?;
                let at = self.own(owner, order)?;
                let old = self.orders[at].clone();
                if old.report.market != market {
                    return Err(Reject::TickerMismatch);
                }
                if old.report.side != side {
                    return Err(Reject::SideMismatch);
                }
                if count <= old.report.filled || count.hundredths() > 100_000_000_000 {
                    return Err(Reject::InvalidSize(count));
                }
                if price != old.report.price && !self.markets[market.0 as usize].grid.contains(price) {
                    return Err(Reject::InvalidPrice(price));
                }
                if expires.flatten().is_some_and(|at| at.micros() <= self.now) {
                    return Err(Reject::InvalidOrder("an order cannot expire before it is placed"));
                }
                if client_order_id.is_some() && self.has_name(owner.account, &client_order_id, Some(order)) {
                    return Err(Reject::DuplicateClientOrderId);
                }
                let mut new = old.clone();
                new.report.price = price;
                new.report.initial = count;
                new.report.remaining = count.checked_sub(old.report.filled).unwrap();
                new.report.expires = expires.unwrap_or(old.report.expires);
                new.report.client_order_id = client_order_id.or(old.report.client_order_id.clone());
                let crosses = price != old.report.price && self.crosses(&new.report);
                if old.post_only && crosses {
                    return Err(Reject::PostOnlyCross);
                }
                let is_new = price != old.report.price || new.report.remaining > old.report.remaining;
                if is_new {
                    self.afford(&new, crosses, Some(order))?;
                    new.place = self.next(0);
                }
                let before = old.report.remaining.max(new.report.remaining);
                if price == old.report.price {
                    let change = size(&new.report) - size(&old.report);
                    self.orders[at] = new;
                    self.delta(order, change, fx);
                    Ok(self.conclude(order, UpdateReason::Amend, None, before, (0, 0, 0), fx))
                } else {
                    // The delta of what leaves carries the order's new name, as it has that by then.
                    self.orders[at].report.client_order_id = new.report.client_order_id.clone();
                    self.delta(order, -size(&old.report), fx);
                    new.rests = false;
                    self.orders[at] = new;
                    let (sums, stopped) = self.take(order, fx);
                    Ok(self.conclude(order, UpdateReason::Amend, stopped, before, sums, fx))
                }
            }
            Command::Decrease { owner, order, to } => {
                let at = self.own(owner, order)?;
                let before = self.orders[at].report.remaining;
                let (asked, left) = match to {
                    DecreaseTo::By(by) => (by, if by > Quantity::ZERO { before.checked_sub(by) } else { None }),
                    DecreaseTo::Remaining(left) => (left, Some(left)),
                };
                let left =
                    left.filter(|left| *left >= Quantity::ZERO && *left <= before).ok_or(Reject::InvalidSize(asked))?;
                if left.is_zero() {
                    return Ok(self.kill(order, UpdateReason::Cancel, fx));
                }
                let change = left.hundredths() - before.hundredths();
                self.orders[at].report.remaining = left;
                self.delta(order, change.into(), fx);
                Ok(self.conclude(order, UpdateReason::Decrease, None, before, (0, 0, 0), fx))
            }
            Command::Cancel { owner, order } => {
                self.own(owner, order)?;
                Ok(self.kill(order, UpdateReason::Cancel, fx))
            }
            Command::CancelAll { account, subaccount } => {
                let mut all: Vec<(u8, OrderId)> = self
                    .orders
                    .iter()
                    .map(|o| &o.report)
                    .filter(|o| o.owner.account == account)
                    .map(|o| (o.owner.subaccount, o.order))
                    .collect();
                all.retain(|(of, _)| subaccount.is_none_or(|subaccount| subaccount == *of));
                all.sort_unstable();
                all.iter().for_each(|&(_, order)| {
                    self.kill(order, UpdateReason::Cancel, fx);
                });
                Ok(Receipt::Canceled(all.len() as u64))
            }
            Command::Transfer { owner, amount } => {
                if amount.micros().abs() > 1_000_000_000_000 * DOLLAR {
                    return Err(Reject::InvalidAmount(amount));
                }
                let free = self.total(owner) - self.reserved(owner);
                if amount.micros() < 0 && -amount.micros() > free {
                    return Err(Reject::InsufficientBalance { needed: -amount, available: micros(free) });
                }
                *self.cash.entry(owner).or_default() += amount.micros();
                Ok(Receipt::Done)
            }
            Command::Group { owner, group, action } => self.change_group(owner, group, action, fx),
            Command::Market { market, action } => self.change_market(market, action, fx),
            Command::Advance => Ok(Receipt::Done),
        }
    }

    fn next(&mut self, which: usize) -> u64 {
        self.last[which] += 1;
        self.last[which]
    }

    fn takes_orders(&self, market: MarketId) -> Result<&MarketOf, Reject> {
        let market = self.markets.get(market.0 as usize).ok_or(Reject::UnknownMarket)?;
        match market.state {
            MarketState::Active => Ok(market),
            MarketState::Inactive => Err(Reject::TradingPaused),
            _ => Err(Reject::MarketInactive),
        }
    }

    fn has_name(&self, account: AccountId, name: &Option<std::sync::Arc<str>>, but: Option<OrderId>) -> bool {
        let mut others = self.orders.iter().map(|o| &o.report).filter(|o| Some(o.order) != but);
        name.is_some() && others.any(|o| o.owner.account == account && o.client_order_id == *name)
    }

    /// Tries the order in the book, and looks whether the owner's reserve grows beyond what is free.
    fn afford(&self, order: &Resting, crosses: bool, replaced: Option<OrderId>) -> Result<(), Reject> {
        let owner = order.report.owner;
        let (before, total) = (self.reserved(owner), self.total(owner));
        let mut tried = self.clone();
        tried.orders.retain(|other| Some(other.report.order) != replaced);
        let (side, _) = ladder(&order.report);
        let market = order.report.market;
        // As `reserved`, with the worst case of one that may take.
        let own = tried.orders.iter().filter(|o| o.report.owner == owner && o.report.market == market);
        let worst: i128 = own.filter(|o| ladder(&o.report).0 == side).map(|o| self.worst(o, false)).sum();
        let closes = self.closable(owner, market, side) * DOLLAR / 100;
        let after =
            tried.reserved(owner) - (worst - closes).max(0) + (worst + self.worst(order, crosses) - closes).max(0);
        let (needed, available) = (after - before, total - before);
        if needed > 0 && needed > available {
            return Err(Reject::InsufficientBalance { needed: micros(needed), available: micros(available) });
        }
        Ok(())
    }

    fn create(&mut self, order: CreateOrder, fx: &mut Vec<Effect>) -> Result<Receipt, Reject> {
        let market = self.takes_orders(order.market)?;
        if order.count <= Quantity::ZERO || order.count.hundredths() > 100_000_000_000 {
            return Err(Reject::InvalidSize(order.count));
        }
        if !market.grid.contains(order.price) {
            return Err(Reject::InvalidPrice(order.price));
        }
        let (expires, rests) = match order.time_in_force {
            TimeInForce::GoodTillCanceled { expires } => (expires, true),
            _ => (None, false),
        };
        if order.post_only && !rests {
            return Err(Reject::InvalidOrder("a post-only order must be good till cancelled"));
        }
        if order.reduce_only && order.time_in_force != TimeInForce::ImmediateOrCancel {
            return Err(Reject::InvalidOrder("a reduce-only order must be immediate-or-cancel"));
        }
        if expires.is_some_and(|expires| expires.micros() <= self.now) {
            return Err(Reject::InvalidOrder("an order cannot expire before it is placed"));
        }
        if let Some(group) = order.group {
            let state =
                self.groups.get(&group).filter(|state| state.owner == order.owner).ok_or(Reject::GroupNotFound)?;
            if state.is_triggered {
                return Err(Reject::GroupTriggered);
            }
        }
        if self.has_name(order.owner.account, &order.client_order_id, None) {
            return Err(Reject::DuplicateClientOrderId);
        }
        let mut count = i128::from(order.count.hundredths());
        if order.reduce_only {
            let side = if order.side == BookSide::Bid { Side::Yes } else { Side::No };
            count = count.min(self.closable(order.owner, order.market, side));
            if count == 0 {
                return Err(Reject::NothingToReduce);
            }
        }
        let new = Resting {
            report: OrderReport {
                order: OrderId(self.last[1] + 1),
                owner: order.owner,
                client_order_id: order.client_order_id,
                market: order.market,
                side: order.side,
                price: order.price,
                initial: order.count,
                filled: Quantity::ZERO,
                remaining: contracts(count),
                status: OrderStatus::Resting,
                reason: UpdateReason::Created,
                taker_cost: Money::ZERO,
                maker_cost: Money::ZERO,
                taker_fees: Money::ZERO,
                maker_fees: Money::ZERO,
                created: ExchangeTime::from_micros(self.now),
                expires,
                self_trade: order.self_trade,
                cancel_on_pause: order.cancel_on_pause,
                group: order.group,
            },
            place: self.next(0),
            post_only: order.post_only,
            overpaid: 0,
            rests: false,
        };
        let crosses = self.crosses(&new.report);
        if order.post_only && crosses {
            return Err(Reject::PostOnlyCross);
        }
        let id = new.report.order;
        if order.time_in_force == TimeInForce::FillOrKill {
            // Tried without regard to cash.
            let mut tried = self.clone();
            tried.orders.push(new.clone());
            let own: BTreeSet<OrderId> = tried.of_account(order.owner.account);
            let mut watched = new.clone();
            watched.report.self_trade = SelfTrade::TakerAtCross;
            *tried.orders.last_mut().unwrap() = watched;
            let (_, stopped) = tried.take(id, &mut Vec::new());
            let left = tried.orders[tried.at(id).unwrap()].report.remaining;
            let met_itself = stopped == Some(UpdateReason::SelfTradeCancel) && !own.is_empty();
            if !left.is_zero() && !met_itself {
                return Err(Reject::NotFillable);
            }
        }
        self.afford(&new, crosses, None)?;
        self.last[1] += 1;
        self.orders.push(new);
        let (sums, mut stopped) = self.take(id, fx);
        let at = self.at(id).unwrap();
        if !rests && stopped.is_none() {
            if !self.orders[at].report.remaining.is_zero() {
                stopped = Some(UpdateReason::Cancel);
            } else if sums.0 < i128::from(order.count.hundredths()) {
                stopped = Some(UpdateReason::ReduceOnlyCancel);
            }
        }
        let reason = if sums.0 > 0 { UpdateReason::Trade } else { UpdateReason::Created };
        Ok(self.conclude(id, reason, stopped, order.count, sums, fx))
    }

    fn of_account(&self, account: AccountId) -> BTreeSet<OrderId> {
        self.orders.iter().filter(|o| o.rests && o.report.owner.account == account).map(|o| o.report.order).collect()
    }

    /// Ends what a command does to an order: it rests, or is gone.
    fn conclude(
        &mut self,
        order: OrderId,
        reason: UpdateReason,
        stopped: Option<UpdateReason>,
        asked: Quantity,
        (filled, value, fees): (i128, i128, i128),
        fx: &mut Vec<Effect>,
    ) -> Receipt {
        let at = self.at(order).unwrap();
        if stopped.is_some() {
            self.orders[at].report.remaining = Quantity::ZERO;
        } else if !self.orders[at].rests {
            self.orders[at].rests = true;
            let rests = size(&self.orders[at].report);
            self.delta(order, rests, fx);
        }
        let left = self.orders[at].report.remaining;
        self.say(order, stopped.unwrap_or(reason), fx);
        if left.is_zero() {
            self.orders.remove(at);
        }
        Receipt::Order(OrderReceipt {
            order,
            filled: contracts(filled),
            remaining: left,
            canceled: contracts(i128::from(asked.hundredths()) - filled - i128::from(left.hundredths())),
            value: micros(value),
            fees: micros(fees),
        })
    }

    fn say(&mut self, order: OrderId, reason: UpdateReason, fx: &mut Vec<Effect>) {
        let at = self.at(order).unwrap();
        let mut report = self.orders[at].report.clone();
        report.reason = reason;
        report.status = if !report.remaining.is_zero() {
            OrderStatus::Resting
        } else if report.filled >= report.initial {
            OrderStatus::Executed
        } else {
            OrderStatus::Canceled
        };
        fx.push(Effect::Order(report));
    }

    fn kill(&mut self, order: OrderId, reason: UpdateReason, fx: &mut Vec<Effect>) -> Receipt {
        let at = self.at(order).unwrap();
        let before = self.orders[at].report.remaining;
        self.delta(order, -size(&self.orders[at].report), fx);
        self.conclude(order, reason, Some(reason), before, (0, 0, 0), fx)
    }

    fn delta(&mut self, order: OrderId, change: i128, fx: &mut Vec<Effect>) {
        if change == 0 {
            return;
        }
        let report = self.orders[self.at(order).unwrap()].report.clone();
        let (side, price) = ladder(&report);
        let market = &mut self.markets[report.market.0 as usize];
        market.clock += 1;
        fx.push(Effect::Delta {
            market: report.market,
            side,
            price,
            change: contracts(change),
            clock: market.clock,
            order,
            owner: report.owner,
            client_order_id: report.client_order_id,
        });
    }

    /// Matches an order that is not in the book: contracts, YES value, fees; and why it was stopped.
    fn take(&mut self, order: OrderId, fx: &mut Vec<Effect>) -> ((i128, i128, i128), Option<UpdateReason>) {
        let mut sums = (0, 0, 0);
        loop {
            let taker = self.orders[self.at(order).unwrap()].clone();
            let (side, price) = ladder(&taker.report);
            let queue = self.queue(taker.report.market, side.opposite());
            let Some(maker) = queue.first().map(|maker| maker.report.clone()) else { return (sums, None) };
            let (_, bid) = ladder(&maker);
            if taker.report.remaining.is_zero() || bid.ten_thousandths() + price.ten_thousandths() < 10_000 {
                return (sums, None);
            }
            if maker.owner.account == taker.report.owner.account {
                if taker.report.self_trade == SelfTrade::TakerAtCross {
                    return (sums, Some(UpdateReason::SelfTradeCancel));
                }
                self.kill(maker.order, UpdateReason::SelfTradeCancel, fx);
                continue;
            }
            let count = size(&taker.report).min(size(&maker));
            let trade = TradeId(self.next(2));
            let (market, yes) = (maker.market, maker.price);
            fx.push(Effect::Trade(PublicTrade {
                trade,
                market,
                price: yes,
                count: contracts(count),
                taker: taker.report.side,
            }));
            sums.0 += count;
            sums.1 += value(yes, count);
            sums.2 += self.fill(order, trade, yes, count, true, fx);
            self.fill(maker.order, trade, yes, count, false, fx);
            self.delta(maker.order, -count, fx);
            self.say(maker.order, UpdateReason::Trade, fx);
            self.orders.retain(|o| o.report.order != maker.order || !o.report.remaining.is_zero());
            if let Some(group) = maker.group {
                self.count(group, count, None, fx);
            }
            if let Some(group) = taker.report.group
                && self.count(group, count, Some(order), fx)
            {
                let is_left = !self.orders[self.at(order).unwrap()].report.remaining.is_zero();
                return (sums, is_left.then_some(UpdateReason::Cancel));
            }
        }
    }

    fn fill(
        &mut self,
        order: OrderId,
        trade: TradeId,
        yes: Price,
        count: i128,
        takes: bool,
        fx: &mut Vec<Effect>,
    ) -> i128 {
        let at = self.at(order).unwrap();
        let Resting { report, overpaid, .. } = self.orders[at].clone();
        let (side, _) = ladder(&report);
        let own = if side == Side::Yes { yes } else { yes.complement() };
        let rule = self.markets[report.market.0 as usize].fees;
        let exact = exact_fee(if takes { rule.taker() } else { rule.maker() }, own, count);
        let unit = self.unit(report.owner);
        let closes = count.min(self.closable(report.owner, report.market, side));
        let revenue = closes * DOLLAR / 100 - value(own, count);
        // Up to a ten-thousandth of a dollar; then down to a unit of cash; cents of what that cost are given back.
        let trade_fee = (exact + 100 * FINE - 1) / (100 * FINE) * 100;
        let mut change = (revenue - trade_fee).div_euclid(unit) * unit;
        if closes == count && change < 0 {
            change = 0;
        }
        let cost = overpaid + (revenue - change) * FINE - exact;
        let back = (cost / (CENT * FINE)).max(0);
        change += back * CENT;
        let fee = revenue - change;

        *self.cash.get_mut(&report.owner).unwrap() += change;
        self.collected += fee;
        let record = &mut self.orders[at];
        record.overpaid = (cost - back * CENT * FINE).max(0);
        record.report.filled = contracts(i128::from(report.filled.hundredths()) + count);
        record.report.remaining = contracts(size(&report) - count);
        let (cost, fees) = match takes {
            true => (&mut record.report.taker_cost, &mut record.report.taker_fees),
            false => (&mut record.report.maker_cost, &mut record.report.maker_fees),
        };
        *cost += micros(value(own, count));
        *fees += micros(fee);

        let held = self.held.entry((report.owner, report.market)).or_default();
        if closes > 0 {
            let open = held.position.abs();
            let (cost, fees) = (held.cost * closes / open, held.position_fees * closes / open);
            held.cost -= cost;
            held.position_fees -= fees;
            held.realized += closes * DOLLAR / 100 - value(own, closes) - cost;
        }
        let opens = count - closes;
        held.cost += value(own, opens);
        if opens > 0 {
            held.position_fees += fee * opens / count;
        }
        held.position += if side == Side::Yes { count } else { -count };
        held.fees += fee;
        held.volume += count;
        held.traded += value(own, count);
        let position = held.position;
        self.traded.insert((report.owner, report.market));
        fx.push(Effect::Fill(FillReport {
            trade,
            owner: report.owner,
            order,
            client_order_id: report.client_order_id,
            market: report.market,
            side: report.side,
            price: yes,
            count: contracts(count),
            is_taker: takes,
            fee: micros(fee),
            position: contracts(position),
        }));
        fee
    }

    /// Counts a fill of a group; whether that triggered it. The order that takes is ended by who called.
    fn count(&mut self, group: GroupId, count: i128, but: Option<OrderId>, fx: &mut Vec<Effect>) -> bool {
        let now = self.now;
        self.groups.get_mut(&group).unwrap().fills.push((now, count));
        let is_reached = self.window(group) >= self.groups[&group].limit;
        if is_reached {
            self.trigger(group, but, fx);
        }
        is_reached
    }

    fn trigger(&mut self, group: GroupId, but: Option<OrderId>, fx: &mut Vec<Effect>) {
        self.groups.get_mut(&group).unwrap().is_triggered = true;
        self.say_group(group, GroupChange::Triggered, fx);
        self.kill_group(group, but, fx);
    }

    fn kill_group(&mut self, group: GroupId, but: Option<OrderId>, fx: &mut Vec<Effect>) {
        let orders: Vec<OrderId> = self.open_orders().filter(|o| o.group == Some(group)).map(|o| o.order).collect();
        for order in orders.into_iter().filter(|&order| Some(order) != but) {
            self.kill(order, UpdateReason::Cancel, fx);
        }
    }

    fn say_group(&self, group: GroupId, change: GroupChange, fx: &mut Vec<Effect>) {
        let state = &self.groups[&group];
        fx.push(Effect::Group { owner: state.owner, group, change, limit: contracts(state.limit) });
    }

    fn change_group(
        &mut self,
        owner: Owner,
        group: GroupId,
        action: GroupAction,
        fx: &mut Vec<Effect>,
    ) -> Result<Receipt, Reject> {
        match action {
            GroupAction::Create { limit } | GroupAction::Limit { limit }
                if limit <= Quantity::ZERO || limit.hundredths() > 100_000_000 =>
            {
                return Err(Reject::InvalidSize(limit));
            }
            GroupAction::Create { limit } => {
                let group = GroupId(self.next(3));
                let limit = i128::from(limit.hundredths());
                self.groups.insert(group, GroupState { owner, limit, is_triggered: false, fills: Vec::new() });
                self.say_group(group, GroupChange::Created, fx);
                return Ok(Receipt::Group(group));
            }
            _ => {}
        }
        let state = self.groups.get_mut(&group).filter(|state| state.owner == owner).ok_or(Reject::GroupNotFound)?;
        match action {
            GroupAction::Reset => {
                state.is_triggered = false;
                state.fills.clear();
                self.say_group(group, GroupChange::Reset, fx);
            }
            GroupAction::Trigger => self.trigger(group, None, fx),
            GroupAction::Limit { limit } => {
                state.limit = i128::from(limit.hundredths());
                let was_triggered = state.is_triggered;
                self.say_group(group, GroupChange::LimitUpdated, fx);
                if !was_triggered && self.window(group) >= self.groups[&group].limit {
                    self.trigger(group, None, fx);
                }
            }
            GroupAction::Create { .. } | GroupAction::Delete => {
                self.say_group(group, GroupChange::Deleted, fx);
                self.kill_group(group, None, fx);
                self.groups.remove(&group);
            }
        }
        Ok(Receipt::Group(group))
    }

    fn change_market(
        &mut self,
        market: MarketId,
        action: MarketAction,
        fx: &mut Vec<Effect>,
    ) -> Result<Receipt, Reject> {
        use MarketState as S;
        let state = self.markets.get(market.0 as usize).ok_or(Reject::UnknownMarket)?.state;
        let resting: Vec<OrderId> = [Side::Yes, Side::No]
            .into_iter()
            .flat_map(|side| self.queue(market, side).into_iter().map(|o| o.report.order).collect::<Vec<_>>())
            .collect();
        let to = match (&action, state) {
            (MarketAction::Open, S::Initialized | S::Closed) | (MarketAction::Resume, S::Inactive) => S::Active,
            (MarketAction::Pause, S::Active) => S::Inactive,
            (MarketAction::Close, S::Initialized | S::Active | S::Inactive) => S::Closed,
            (MarketAction::Determine { .. }, S::Closed) => S::Determined,
            (MarketAction::Determine { .. }, S::Disputed) => S::Amended,
            (MarketAction::Dispute, S::Determined | S::Amended) => S::Disputed,
            (MarketAction::Settle, S::Determined | S::Amended) => S::Finalized,
            (MarketAction::PriceGrid(grid), _) => {
                self.markets[market.0 as usize].grid = grid.clone();
                return Ok(Receipt::Done);
            }
            (MarketAction::Fees(fees), _) => {
                self.markets[market.0 as usize].fees = *fees;
                for &order in resting.iter().rev() {
                    let owner = self.orders[self.at(order).unwrap()].report.owner;
                    if self.reserved(owner) > self.total(owner) {
                        self.kill(order, UpdateReason::MarginCancel, fx);
                    }
                }
                return Ok(Receipt::Done);
            }
            (_, state) => return Err(Reject::MarketState(state.as_str())),
        };
        let first = match action {
            MarketAction::Resume => Some(UpdateReason::HaltCancel),
            MarketAction::Close => Some(UpdateReason::CloseCancel),
            _ => None,
        };
        if let Some(reason) = first {
            resting.iter().for_each(|&order| {
                self.kill(order, reason, fx);
            });
        }
        self.markets[market.0 as usize].state = to;
        fx.push(Effect::Market { market, state: to });
        match action {
            MarketAction::Pause => {
                for order in resting {
                    if self.orders[self.at(order).unwrap()].report.cancel_on_pause {
                        self.kill(order, UpdateReason::HaltCancel, fx);
                    }
                }
            }
            MarketAction::Determine { value } => self.markets[market.0 as usize].value = value,
            MarketAction::Settle => {
                let worth = self.markets[market.0 as usize].value;
                let all: Vec<(Owner, MarketId)> = self.held.keys().copied().filter(|key| key.1 == market).collect();
                for key in all {
                    let held = self.held.remove(&key).unwrap();
                    if held.position == 0 {
                        continue;
                    }
                    let each = if held.position > 0 { worth } else { worth.complement() };
                    let exact = value(each, held.position.abs());
                    let paid = exact / self.unit(key.0) * self.unit(key.0);
                    *self.cash.get_mut(&key.0).unwrap() += paid;
                    self.collected += exact - paid;
                    fx.push(Effect::Settled(SettlementReport {
                        owner: key.0,
                        market,
                        position: contracts(held.position),
                        cost: micros(held.cost),
                        value: worth,
                        revenue: micros(paid),
                        fees: micros(held.fees),
                    }));
                    let rest = Held {
                        position: 0,
                        cost: 0,
                        position_fees: 0,
                        realized: held.realized + paid - held.cost,
                        ..held
                    };
                    self.held.insert(key, rest);
                    fx.push(Effect::Position(self.position(key.0, market).unwrap()));
                    self.held.remove(&key);
                }
            }
            _ => {}
        }
        Ok(Receipt::Done)
    }
}
