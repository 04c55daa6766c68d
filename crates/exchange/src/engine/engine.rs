//! The engine: one command after another, by one writer.

use daybook_book::{ExchangeTime, Money, Quantity};

use super::{
    AccountId, BalancePrecision, Command, DecreaseTo, Effect, GroupAction, GroupChange, GroupId, MarketId, MarketRules,
    OrderId, OrderReceipt, Owner, PriceGrid, Receipt, Reject, UpdateReason,
    effect::say,
    group::Groups,
    ledger::Ledger,
    market::Market,
    order::{IN_GROUP, IN_LEVEL, IN_PURSE, Orders, is_grouped},
    slab::List,
};

/// The matching engine of one shard. See the [module](super).
#[derive(Default)]
pub struct Engine {
    pub(super) now: Option<ExchangeTime>,
    pub(super) markets: Vec<Market>,
    /// The different grids, which markets share.
    pub(super) grids: Vec<PriceGrid>,
    pub(super) orders: Orders,
    pub(super) ledger: Ledger,
    pub(super) groups: Groups,
    pub(super) last_order: u64,
    pub(super) last_trade: u64,
}

/// The most that one transfer can carry: 10¹² dollars in millionths.
const TRANSFER_LIMIT: i128 = 1_000_000_000_000_000_000;
/// The highest limit of a group: 1 000 000 contracts in hundredths.
const GROUP_LIMIT: i64 = 100_000_000;

impl Engine {
    /// An engine without markets and accounts.
    pub fn new() -> Engine {
        Engine::default()
    }

    /// Adds a market that is not open yet. Markets are numbered from zero, in the order in which they are added.
    pub fn add_market(&mut self, rules: MarketRules) -> MarketId {
        let market = MarketId(u32::try_from(self.markets.len()).expect("memory ends before 2^32 markets"));
        let grid = self.share_grid(rules.grid);
        self.markets.push(Market::new(grid, rules.fees));
        market
    }

    /// To what the cash of an account is rounded: a cent, unless told. Subaccounts that were used before keep theirs,
    /// so call it before the account's first transfer.
    pub fn set_precision(&mut self, account: AccountId, precision: BalancePrecision) {
        self.ledger.set_precision(account, precision);
    }

    /// Carries one command out at the time `at`, and appends what follows from it.
    ///
    /// Time passes first, whatever becomes of the command: orders that have expired by `at` are cancelled, and where
    /// the command is then refused, these effects are there nevertheless. After [`Command::Advance`] at the same time,
    /// a refused command appends nothing.
    ///
    /// # Order of effects
    /// Matches come first, in the order in which they happened: [`Effect::Trade`], the taker's [`Effect::Fill`], the
    /// maker's, the [`Effect::Delta`] of the maker's level, the maker's [`Effect::Order`]. Then the delta of what
    /// rests, and the order that the command is about, once, as it now is. Last come [`Effect::Position`] of every
    /// position that traded, by owner and market, and [`Effect::Cash`] of every owner whose cash is now another, by
    /// owner.
    ///
    /// # Errors
    /// [`Reject`]: the command changed nothing.
    pub fn apply(&mut self, command: Command, at: ExchangeTime, effects: &mut Vec<Effect>) -> Result<Receipt, Reject> {
        if self.now.is_some_and(|now| at < now) {
            return Err(Reject::TimeWentBack);
        }
        self.now = Some(at);
        if self.orders.next_expiry().is_some_and(|(expires, _)| expires <= at) {
            self.expire(at, effects);
            self.report_accounts(effects);
        }
        let result = match command {
            Command::Create(order) => self.create(order, at, effects),
            Command::Amend { owner, order, market, side, price, count, expires, client_order_id } => {
                let amendment = super::matching::Amendment { market, side, price, count, expires, client_order_id };
                self.amend(owner, order, amendment, at, effects)
            }
            Command::Decrease { owner, order, to } => self.decrease(owner, order, to, effects),
            Command::Cancel { owner, order } => self.cancel(owner, order, effects),
            Command::CancelAll { account, subaccount } => Ok(self.cancel_all(account, subaccount, effects)),
            Command::Transfer { owner, amount } => self.transfer(owner, amount),
            Command::Group { owner, group, action } => self.group(owner, group, action, at, effects),
            Command::Market { market, action } => self.market(market, action, effects),
            Command::Advance => Ok(Receipt::Done),
        };
        self.report_accounts(effects);
        result
    }

    fn report_accounts(&mut self, effects: &mut Vec<Effect>) {
        self.ledger.drain_positions(|position| say(effects, || Effect::Position(position)));
        self.ledger.drain_cash(|owner, cash| {
            say(effects, || Effect::Cash { owner, total: cash.total, reserved: cash.reserved });
        });
    }

    /// The index of a grid equal to this one.
    pub(super) fn share_grid(&mut self, grid: PriceGrid) -> u32 {
        let at = self.grids.iter().position(|known| *known == grid).unwrap_or_else(|| {
            self.grids.push(grid);
            self.grids.len() - 1
        });
        u32::try_from(at).expect("memory ends before 2^32 grids")
    }

    fn expire(&mut self, at: ExchangeTime, effects: &mut Vec<Effect>) {
        while let Some((expires, order)) = self.orders.next_expiry() {
            if expires > at {
                break;
            }
            let order = self.orders.find(order).expect("the next order to expire is open");
            self.cancel_resting(order, UpdateReason::ExpiryCancel, effects);
        }
    }

    fn transfer(&mut self, owner: Owner, amount: Money) -> Result<Receipt, Reject> {
        if amount.micros().checked_abs().is_none_or(|micros| micros > TRANSFER_LIMIT) {
            return Err(Reject::InvalidAmount(amount));
        }
        let available = self.cash(owner).free();
        let needed = -amount;
        if needed > available && needed > Money::ZERO {
            return Err(Reject::InsufficientBalance { needed, available });
        }
        let purse = self.ledger.purse_or_new(owner);
        self.ledger.pay(purse, amount);
        Ok(Receipt::Done)
    }

    /// An open order of this owner.
    pub(super) fn own_order(&self, owner: Owner, order: OrderId) -> Result<u32, Reject> {
        let found = self.orders.find(order).filter(|&at| self.orders.slab[at].owner == owner);
        found.ok_or(Reject::OrderNotFound)
    }

    fn cancel(&mut self, owner: Owner, order: OrderId, effects: &mut Vec<Effect>) -> Result<Receipt, Reject> {
        let at = self.own_order(owner, order)?;
        let canceled = self.cancel_resting(at, UpdateReason::Cancel, effects);
        Ok(Receipt::Order(changed(order, 0, canceled)))
    }

    fn cancel_all(&mut self, account: AccountId, subaccount: Option<u8>, effects: &mut Vec<Effect>) -> Receipt {
        let mut canceled = 0;
        for which in 0..self.ledger.purses_of(account).len() {
            let purse = self.ledger.purses_of(account)[which];
            let purse = &self.ledger.purses[purse as usize];
            if subaccount.is_none_or(|subaccount| subaccount == purse.owner.subaccount) {
                canceled += self.cancel_list(purse.orders, IN_PURSE, UpdateReason::Cancel, effects);
            }
        }
        Receipt::Canceled(canceled)
    }

    /// Cancels the orders of a list, from its head on, and counts them.
    fn cancel_list(&mut self, list: List, which: usize, reason: UpdateReason, effects: &mut Vec<Effect>) -> u64 {
        let (mut at, mut canceled) = (list.head, 0);
        while at != super::slab::NONE {
            let next = self.orders.slab.next(which, at);
            self.cancel_resting(at, reason, effects);
            canceled += 1;
            at = next;
        }
        canceled
    }

    fn decrease(
        &mut self,
        owner: Owner,
        order: OrderId,
        to: DecreaseTo,
        effects: &mut Vec<Effect>,
    ) -> Result<Receipt, Reject> {
        let at = self.own_order(owner, order)?;
        let before = self.orders.slab[at].remaining;
        let (asked, remaining) = match to {
            DecreaseTo::By(by) if by > Quantity::ZERO => (by, before.checked_sub(by.hundredths())),
            DecreaseTo::By(by) => (by, None),
            DecreaseTo::Remaining(remaining) => (remaining, Some(remaining.hundredths())),
        };
        let remaining =
            remaining.filter(|remaining| (0..=before).contains(remaining)).ok_or(Reject::InvalidSize(asked))?;
        if remaining == 0 {
            self.cancel_resting(at, UpdateReason::Cancel, effects);
        } else {
            self.shrink(at, remaining, effects);
            say(effects, || Effect::Order(self.orders.slab[at].report(UpdateReason::Decrease)));
        }
        Ok(Receipt::Order(changed(order, remaining, before - remaining)))
    }

    /// Takes an order out of the book and out of being; how much of it rested.
    pub(super) fn cancel_resting(&mut self, at: u32, reason: UpdateReason, effects: &mut Vec<Effect>) -> i64 {
        let canceled = self.leave_book(at, effects);
        self.orders.slab[at].remaining = 0;
        say(effects, || Effect::Order(self.orders.slab[at].report(reason)));
        self.forget(at);
        canceled
    }

    /// Makes an order that has left the book be no more.
    pub(super) fn forget(&mut self, at: u32) {
        self.orders.unregister(at);
        let order = &self.orders.slab[at];
        let (purse, group) = (order.purse, is_grouped(order).then_some(order.group));
        self.ledger.purses[purse as usize].orders.unlink(&mut self.orders.slab, IN_PURSE, at);
        if let Some(group) = group {
            self.groups.slab[group].orders.unlink(&mut self.orders.slab, IN_GROUP, at);
        }
        self.orders.remove(at);
    }

    /// Takes what rests of an order out of the book, and gives back what was set aside for it.
    pub(super) fn leave_book(&mut self, at: u32, effects: &mut Vec<Effect>) -> i64 {
        let order = &mut self.orders.slab[at];
        let (side, price, remaining, holding) = (order.side, order.price, order.remaining, order.holding);
        let (market, pledge) = (order.market, std::mem::take(&mut order.pledge));
        self.markets[market.0 as usize].ladder_mut(side).change(price, |level| {
            level.total -= remaining;
            level.queue.unlink(&mut self.orders.slab, IN_LEVEL, at);
        });
        self.ledger.holdings[holding].resting -= remaining;
        self.ledger.repledge(holding, side, pledge, 0);
        self.delta(at, -remaining, effects);
        remaining
    }

    /// Says that the level of an order changed.
    pub(super) fn delta(&mut self, at: u32, change: i64, effects: &mut Vec<Effect>) {
        let order = &self.orders.slab[at];
        let market = &mut self.markets[order.market.0 as usize];
        market.clock += 1;
        say(effects, || Effect::Delta {
            market: order.market,
            side: order.side,
            price: order.price,
            change: Quantity::from_hundredths(change),
            clock: market.clock,
            order: order.id,
            owner: order.owner,
            client_order_id: order.client_order_id.clone(),
        });
    }

    fn group(
        &mut self,
        owner: Owner,
        group: GroupId,
        action: GroupAction,
        at: ExchangeTime,
        effects: &mut Vec<Effect>,
    ) -> Result<Receipt, Reject> {
        if let GroupAction::Create { limit } | GroupAction::Limit { limit } = action
            && !(1..=GROUP_LIMIT).contains(&limit.hundredths())
        {
            return Err(Reject::InvalidSize(limit));
        }
        if let GroupAction::Create { limit } = action {
            let group = self.groups.create(owner, limit.hundredths());
            say(effects, || Effect::Group { owner, group, change: GroupChange::Created, limit });
            return Ok(Receipt::Group(group));
        }
        let index = self.groups.find(owner, group).ok_or(Reject::GroupNotFound)?;
        let record = &mut self.groups.slab[index];
        match action {
            GroupAction::Create { .. } => unreachable!("a group that is created was not looked up"),
            GroupAction::Reset => {
                record.reset();
                self.say_group(index, GroupChange::Reset, effects);
            }
            GroupAction::Trigger => self.trigger(index, effects),
            GroupAction::Limit { limit } => {
                record.limit = limit.hundredths();
                let is_reached = record.filled(at) >= record.limit && !record.is_triggered;
                self.say_group(index, GroupChange::LimitUpdated, effects);
                if is_reached {
                    self.trigger(index, effects);
                }
            }
            GroupAction::Delete => {
                let orders = record.orders;
                self.say_group(index, GroupChange::Deleted, effects);
                self.cancel_list(orders, IN_GROUP, UpdateReason::Cancel, effects);
                self.groups.remove(index);
            }
        }
        Ok(Receipt::Group(group))
    }

    /// Cancels the orders of a group, and lets it have no more.
    pub(super) fn trigger(&mut self, index: u32, effects: &mut Vec<Effect>) {
        self.groups.slab[index].is_triggered = true;
        self.say_group(index, GroupChange::Triggered, effects);
        self.cancel_list(self.groups.slab[index].orders, IN_GROUP, UpdateReason::Cancel, effects);
    }

    fn say_group(&self, index: u32, change: GroupChange, effects: &mut Vec<Effect>) {
        let group = &self.groups.slab[index];
        let limit = Quantity::from_hundredths(group.limit);
        say(effects, || Effect::Group { owner: group.owner, group: group.id, change, limit });
    }
}

/// The receipt of a change that traded nothing.
fn changed(order: OrderId, remaining: i64, canceled: i64) -> OrderReceipt {
    OrderReceipt {
        order,
        filled: Quantity::ZERO,
        remaining: Quantity::from_hundredths(remaining),
        canceled: Quantity::from_hundredths(canceled),
        value: Money::ZERO,
        fees: Money::ZERO,
    }
}
