//! Who owns what: cash, positions, and what is set aside for orders that rest.
//!
//! # What is set aside
//! For every resting order the most that it can still take out of the cash is known, price, fees and roundings together
//! ([`worst_case`](super::fee::worst_case)). Where an order closes a position, each closed pair pays $1 back. So an
//! owner's reserve in one market is
//!
//! > (worst cases of its YES bids − $1 × NO contracts held, not below 0)
//! > \+ (worst cases of its NO bids − $1 × YES contracts held, not below 0)
//!
//! Orders that close a position thus need no cash, and those that exceed it need what exceeds it. The rule is safe
//! whatever fills in whatever order: a fill that takes `x` out of the cash lowers the reserve by `x` at least, and one
//! that brings `x` in raises it by `x` at most. Bids of the two sides could pay for each other once both fill; this is
//! not counted, as one of them may fill alone.

use daybook_book::{Money, Quantity, Side};
use hashbrown::{HashMap, HashTable};

use super::{
    AccountId, BalancePrecision, MarketId, Owner, PositionReport,
    fee::Charge,
    order::{IdHashing, id_hash},
    slab::{List, Slab},
};

/// What a closed pair of one hundredth YES and one hundredth NO pays back, in millionths of a dollar.
const PAIR: i64 = 10_000;

/// A subaccount's cash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Cash {
    /// All of it, what is behind resting orders included.
    pub total: Money,
    /// What is behind resting orders; never more than the total.
    pub reserved: Money,
}

/// A subaccount.
#[derive(Debug)]
pub(crate) struct Purse {
    pub(crate) owner: Owner,
    pub(crate) precision: BalancePrecision,
    pub(crate) cash: Cash,
    /// As it was last said in an effect.
    pub(crate) reported: Cash,
    is_touched: bool,
    /// Open orders, oldest first.
    pub(crate) orders: List,
    pub(crate) holdings: List,
}

/// What a subaccount has in a market: a position, and orders. What placing and cancelling orders needs comes first, in
/// one line of the cache.
///
/// The limit of a position and its orders, 10¹² contracts, lets sums over one holding's orders fit 64 bits of
/// millionths of a dollar.
#[derive(Debug)]
#[repr(C, align(64))]
pub(crate) struct Holding {
    /// Positive YES, negative NO, in hundredths of a contract.
    pub(crate) position: i64,
    /// What resting orders can cost, by side.
    pledged: [i64; 2],
    reserved: i64,
    /// Contracts that rest.
    pub(crate) resting: i64,
    pub(crate) purse: u32,
    pub(crate) market: MarketId,
    is_touched: bool,
    pub(crate) volume: i64,
    pub(crate) cost: i128,
    pub(crate) realized: i128,
    pub(crate) fees: i128,
    pub(crate) position_fees: i128,
    pub(crate) traded: i128,
}

/// The lists that a holding is in: its market's and its owner's.
pub(crate) const OF_MARKET: usize = 0;
pub(crate) const OF_PURSE: usize = 1;

#[derive(Debug, Default)]
struct Account {
    precision: BalancePrecision,
    /// By rising number of the subaccount.
    purses: Vec<u32>,
}

/// All cash and positions.
#[derive(Default)]
pub(crate) struct Ledger {
    accounts: HashMap<u32, Account, IdHashing>,
    by_owner: HashMap<u64, u32, IdHashing>,
    pub(crate) purses: Vec<Purse>,
    /// Indices alone: whose and of which market it is, is in the holding, which whoever looks it up reads next.
    by_market: HashTable<u32>,
    pub(crate) holdings: Slab<Holding, 2>,
    /// What changed since effects last said so.
    touched_purses: Vec<u32>,
    touched_holdings: Vec<u32>,
    /// What owners were charged, in millionths of a dollar.
    pub(crate) collected: i128,
}

fn owner_key(owner: Owner) -> u64 {
    u64::from(owner.account.0) << 8 | u64::from(owner.subaccount)
}

fn holding_hash(purse: u32, market: MarketId) -> u64 {
    id_hash(u64::from(purse) << 32 | u64::from(market.0))
}

impl Purse {
    pub(crate) fn free(&self) -> Money {
        self.cash.total - self.cash.reserved
    }
}

impl Holding {
    /// What is to be set aside for these pledges of its orders.
    fn reserve(&self, pledged: [i64; 2]) -> i64 {
        let beyond = |side| (pledged[side as usize] - self.closable(side) * PAIR).max(0);
        beyond(Side::Yes) + beyond(Side::No)
    }

    /// By how much the reserve grows if a pledge of one side is replaced by another.
    #[inline]
    pub(crate) fn growth(&self, side: Side, old: i64, new: i64) -> Money {
        let mut pledged = self.pledged;
        pledged[side as usize] += new - old;
        Money::from_micros(i128::from(self.reserve(pledged) - self.reserved))
    }

    /// Contracts of the other side: what a bid on `side` can close.
    pub(crate) fn closable(&self, side: Side) -> i64 {
        match side {
            Side::Yes => (-self.position).max(0),
            Side::No => self.position.max(0),
        }
    }

    pub(crate) fn report(&self, owner: Owner) -> PositionReport {
        PositionReport {
            owner,
            market: self.market,
            position: Quantity::from_hundredths(self.position),
            cost: Money::from_micros(self.cost),
            realized: Money::from_micros(self.realized),
            fees: Money::from_micros(self.fees),
            position_fees: Money::from_micros(self.position_fees),
            volume: Quantity::from_hundredths(self.volume),
            traded: Money::from_micros(self.traded),
        }
    }

    /// What a fill of `count` on `side` changes the cash by before fees: it pays `price` for each contract, and gets
    /// $1 back for each pair that it closes.
    pub(crate) fn revenue(&self, side: Side, price: i64, count: i64) -> i64 {
        count.min(self.closable(side)) * PAIR - price * count
    }

    /// Books a fill: what closes is taken out at the position's average cost, what opens goes in at the price.
    pub(crate) fn fill(&mut self, side: Side, price: i64, count: i64, fee: i64) {
        let held = self.position.abs();
        let closing = count.min(self.closable(side));
        let opening = count - closing;
        if closing > 0 {
            let share = |of: i128| share(of, closing, held);
            let (cost, fees) = (share(self.cost), share(self.position_fees));
            self.cost -= cost;
            self.position_fees -= fees;
            self.realized += i128::from((PAIR - price) * closing) - cost;
        }
        if opening > 0 {
            self.cost += i128::from(price * opening);
            self.position_fees += share(i128::from(fee), opening, count);
        }
        self.position += match side {
            Side::Yes => count,
            Side::No => -count,
        };
        self.fees += i128::from(fee);
        self.volume = self.volume.saturating_add(count);
        self.traded += i128::from(price * count);
    }
}

/// The part of a sum that `closing` of `held` contracts have, towards zero. Most fit 64 bits, which divide much faster.
fn share(of: i128, closing: i64, held: i64) -> i128 {
    match i64::try_from(of).ok().and_then(|of| of.checked_mul(closing)) {
        Some(product) => i128::from(product / held),
        None => of * i128::from(closing) / i128::from(held),
    }
}

impl Ledger {
    pub(crate) fn set_precision(&mut self, account: AccountId, precision: BalancePrecision) {
        self.accounts.entry(account.0).or_default().precision = precision;
    }

    #[inline]
    pub(crate) fn precision(&self, account: AccountId) -> BalancePrecision {
        self.accounts.get(&account.0).map_or_else(BalancePrecision::default, |account| account.precision)
    }

    #[inline]
    pub(crate) fn purse(&self, owner: Owner) -> Option<u32> {
        self.by_owner.get(&owner_key(owner)).copied()
    }

    /// A user's subaccounts, by rising number.
    pub(crate) fn purses_of(&self, account: AccountId) -> &[u32] {
        self.accounts.get(&account.0).map_or(&[], |account| &account.purses)
    }

    pub(crate) fn purse_or_new(&mut self, owner: Owner) -> u32 {
        if let Some(purse) = self.purse(owner) {
            return purse;
        }
        let purse = u32::try_from(self.purses.len()).expect("memory ends before 2^32 subaccounts");
        let account = self.accounts.entry(owner.account.0).or_default();
        let at = account.purses.partition_point(|&other| self.purses[other as usize].owner < owner);
        account.purses.insert(at, purse);
        self.purses.push(Purse {
            owner,
            precision: account.precision,
            cash: Cash::default(),
            reported: Cash::default(),
            is_touched: false,
            orders: List::default(),
            holdings: List::default(),
        });
        self.by_owner.insert(owner_key(owner), purse);
        purse
    }

    #[inline]
    pub(crate) fn holding(&self, purse: u32, market: MarketId) -> Option<u32> {
        let is_it = |&at: &u32| {
            let holding = &self.holdings[at];
            holding.purse == purse && holding.market == market
        };
        self.by_market.find(holding_hash(purse, market), is_it).copied()
    }

    /// A holding where there is none; `of_market` is the market's list of holdings.
    pub(crate) fn new_holding(&mut self, purse: u32, market: MarketId, of_market: &mut List) -> u32 {
        let holding = self.holdings.insert_with(|| Holding {
            purse,
            market,
            position: 0,
            cost: 0,
            realized: 0,
            fees: 0,
            position_fees: 0,
            volume: 0,
            traded: 0,
            pledged: [0; 2],
            reserved: 0,
            resting: 0,
            is_touched: false,
        });
        let hash = |&at: &u32| {
            let Holding { purse, market, .. } = self.holdings[at];
            holding_hash(purse, market)
        };
        self.by_market.insert_unique(holding_hash(purse, market), holding, hash);
        of_market.push_back(&mut self.holdings, OF_MARKET, holding);
        self.purses[purse as usize].holdings.push_back(&mut self.holdings, OF_PURSE, holding);
        holding
    }

    /// Forgets a holding of a market that is over; the market's list is the caller's.
    pub(crate) fn remove_holding(&mut self, holding: u32) {
        let Holding { purse, market, .. } = self.holdings[holding];
        self.purses[purse as usize].holdings.unlink(&mut self.holdings, OF_PURSE, holding);
        if let Ok(entry) = self.by_market.find_entry(holding_hash(purse, market), |&found| found == holding) {
            entry.remove();
        }
        self.holdings.remove(holding);
    }

    /// Replaces what is set aside for one order.
    #[inline]
    pub(crate) fn repledge(&mut self, holding: u32, side: Side, old: i64, new: i64) {
        let record = &mut self.holdings[holding];
        record.pledged[side as usize] += new - old;
        self.refresh(holding);
    }

    /// Brings a holding's reserve up to date.
    #[inline]
    fn refresh(&mut self, holding: u32) {
        let record = &mut self.holdings[holding];
        let reserved = record.reserve(record.pledged);
        let growth = reserved - std::mem::replace(&mut record.reserved, reserved);
        if growth != 0 {
            let purse = record.purse;
            self.purses[purse as usize].cash.reserved += Money::from_micros(i128::from(growth));
            self.touch(purse);
        }
    }

    /// Books a fill and what it was charged.
    #[inline]
    pub(crate) fn fill(&mut self, holding: u32, side: Side, price: i64, count: i64, charge: Charge) {
        let record = &mut self.holdings[holding];
        record.fill(side, price, count, charge.fee);
        if !std::mem::replace(&mut record.is_touched, true) {
            self.touched_holdings.push(holding);
        }
        let purse = record.purse;
        self.collected += i128::from(charge.fee);
        self.pay(purse, Money::from_micros(i128::from(charge.change)));
        self.refresh(holding);
    }

    /// Puts cash into a purse, or takes it out.
    #[inline]
    pub(crate) fn pay(&mut self, purse: u32, amount: Money) {
        self.purses[purse as usize].cash.total += amount;
        self.touch(purse);
    }

    #[inline]
    fn touch(&mut self, purse: u32) {
        if !std::mem::replace(&mut self.purses[purse as usize].is_touched, true) {
            self.touched_purses.push(purse);
        }
    }

    /// Positions that traded since the last call, by owner and market.
    pub(crate) fn drain_positions(&mut self, mut each: impl FnMut(PositionReport)) {
        if self.touched_holdings.is_empty() {
            return;
        }
        let Ledger { touched_holdings, holdings, purses, .. } = self;
        let owner = |holdings: &Slab<Holding, 2>, at: u32| purses[holdings[at].purse as usize].owner;
        touched_holdings.sort_unstable_by_key(|&at| (owner(holdings, at), holdings[at].market));
        for at in touched_holdings.drain(..) {
            holdings[at].is_touched = false;
            each(holdings[at].report(owner(holdings, at)));
        }
    }

    /// Purses whose cash differs from what the last call said, by owner.
    pub(crate) fn drain_cash(&mut self, mut each: impl FnMut(Owner, Cash)) {
        if self.touched_purses.is_empty() {
            return;
        }
        let Ledger { touched_purses, purses, .. } = self;
        touched_purses.sort_unstable_by_key(|&at| purses[at as usize].owner);
        for at in touched_purses.drain(..) {
            let purse = &mut purses[at as usize];
            purse.is_touched = false;
            debug_assert!(purse.cash.reserved <= purse.cash.total, "{:?}: {:?}", purse.owner, purse.cash);
            if purse.cash != purse.reported {
                purse.reported = purse.cash;
                each(purse.owner, purse.cash);
            }
        }
    }

    /// The holdings of a purse that have traded, oldest first.
    pub(crate) fn positions(&self, purse: u32) -> impl Iterator<Item = PositionReport> {
        let Purse { owner, holdings, .. } = &self.purses[purse as usize];
        holdings
            .iter(&self.holdings, OF_PURSE)
            .map(|at| &self.holdings[at])
            .filter(|held| held.volume > 0)
            .map(|held| held.report(*owner))
    }
}
