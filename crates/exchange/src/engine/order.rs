//! Open orders: where each lies, under which number and which name, and when it expires.

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    hash::{BuildHasherDefault, Hasher},
    sync::Arc,
};

use daybook_book::{ExchangeTime, Money, Price, Quantity, Side};
use hashbrown::HashTable;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::{
    AccountId, BookSide, GroupId, MarketId, OrderId, OrderReport, OrderStatus, Owner, SelfTrade, UpdateReason,
    slab::{NONE, Slab},
};

/// An order: open, or about to be.
#[derive(Debug)]
#[repr(align(64))]
pub(crate) struct Order {
    pub(crate) id: OrderId,
    pub(crate) owner: Owner,
    pub(crate) market: MarketId,
    /// The ladder that it bids on.
    pub(crate) side: Side,
    /// What it bids there: of its own side.
    pub(crate) price: Price,
    pub(crate) self_trade: SelfTrade,
    pub(crate) post_only: bool,
    pub(crate) cancel_on_pause: bool,
    pub(crate) client_order_id: Option<Arc<str>>,
    pub(crate) expires: Option<ExchangeTime>,
    pub(crate) created: ExchangeTime,
    /// In hundredths of a contract, as the two that follow.
    pub(crate) initial: i64,
    pub(crate) filled: i64,
    pub(crate) remaining: i64,
    /// Where it took and where it rested, in millionths of a dollar, as the fees.
    pub(crate) cost: [i64; 2],
    pub(crate) fees: [i64; 2],
    /// What roundings have cost it, in 10⁻¹⁶ dollars.
    pub(crate) overpaid: i64,
    /// The most that it can still cost, in millionths of a dollar; nothing while it takes.
    pub(crate) pledge: i64,
    pub(crate) purse: u32,
    pub(crate) holding: u32,
    /// Index of its group, or [`NONE`].
    pub(crate) group: u32,
    pub(crate) group_id: Option<GroupId>,
}

/// The lists that an order can be in: its level's queue, its owner's orders, its group's orders.
pub(crate) const IN_LEVEL: usize = 0;
pub(crate) const IN_PURSE: usize = 1;
pub(crate) const IN_GROUP: usize = 2;

/// Which half of `cost` and `fees`.
pub(crate) const TAKEN: usize = 0;
pub(crate) const MADE: usize = 1;

/// The ladder that an order of this side bids on, and its price there.
pub(crate) fn on_ladder(side: BookSide, price: Price) -> (Side, Price) {
    match side {
        BookSide::Bid => (Side::Yes, price),
        BookSide::Ask => (Side::No, price.complement()),
    }
}

/// The side of the YES book that a bid on a ladder is on.
pub(crate) fn book_side(side: Side) -> BookSide {
    match side {
        Side::Yes => BookSide::Bid,
        Side::No => BookSide::Ask,
    }
}

/// The YES price of a price on a ladder.
pub(crate) fn yes_price(side: Side, price: Price) -> Price {
    match side {
        Side::Yes => price,
        Side::No => price.complement(),
    }
}

impl Order {
    #[inline]
    pub(crate) fn report(&self, reason: UpdateReason) -> OrderReport {
        let status = match self.remaining {
            0 if self.filled >= self.initial => OrderStatus::Executed,
            0 => OrderStatus::Canceled,
            _ => OrderStatus::Resting,
        };
        let money = |micros: i64| Money::from_micros(i128::from(micros));
        OrderReport {
            order: self.id,
            owner: self.owner,
            client_order_id: self.client_order_id.clone(),
            market: self.market,
            side: book_side(self.side),
            price: yes_price(self.side, self.price),
            initial: Quantity::from_hundredths(self.initial),
            filled: Quantity::from_hundredths(self.filled),
            remaining: Quantity::from_hundredths(self.remaining),
            status,
            reason,
            taker_cost: money(self.cost[TAKEN]),
            maker_cost: money(self.cost[MADE]),
            taker_fees: money(self.fees[TAKEN]),
            maker_fees: money(self.fees[MADE]),
            created: self.created,
            expires: self.expires,
            self_trade: self.self_trade,
            cancel_on_pause: self.cancel_on_pause,
            group: self.group_id,
        }
    }
}

/// Hashes small integer keys, which nobody outside chooses freely.
#[derive(Default)]
pub(crate) struct IdHasher(u64);

/// Of a map from integers.
pub(crate) type IdHashing = BuildHasherDefault<IdHasher>;

impl Hasher for IdHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = xxh3_64_with_seed(bytes, self.0);
    }

    fn write_u32(&mut self, value: u32) {
        self.write_u64(u64::from(value));
    }

    #[inline]
    fn write_u64(&mut self, value: u64) {
        self.0 = id_hash(value ^ self.0);
    }
}

/// The hash of an integer that nobody outside chooses freely.
#[inline]
pub(crate) fn id_hash(value: u64) -> u64 {
    let product = u128::from(value) * 0x9e37_79b9_7f4a_7c15;
    (product >> 64) as u64 ^ product as u64
}

/// All open orders.
#[derive(Default)]
pub(crate) struct Orders {
    pub(crate) slab: Slab<Order, 3>,
    /// Indices alone: the number is in the order, which whoever looks it up reads next.
    by_id: HashTable<u32>,
    /// Hash and index of the orders that have a name.
    by_name: HashTable<(u64, u32)>,
    /// Times and orders; may hold some that are gone, never at the top.
    expiries: BinaryHeap<Reverse<(ExchangeTime, OrderId)>>,
    /// How many open orders expire.
    expiring: usize,
}

impl Orders {
    #[inline]
    pub(crate) fn find(&self, order: OrderId) -> Option<u32> {
        self.by_id.find(id_hash(order.0), |&at| self.slab[at].id == order).copied()
    }

    pub(crate) fn find_name(&self, account: AccountId, name: &str) -> Option<u32> {
        let hash = name_hash(account, name);
        self.by_name.find(hash, |&(_, at)| self.is_named(at, account, name)).map(|&(_, at)| at)
    }

    fn is_named(&self, at: u32, account: AccountId, name: &str) -> bool {
        let order = &self.slab[at];
        order.owner.account == account && order.client_order_id.as_deref() == Some(name)
    }

    /// Makes an order findable.
    pub(crate) fn register(&mut self, at: u32) {
        let order = &self.slab[at];
        self.by_id.insert_unique(id_hash(order.id.0), at, |&at| id_hash(self.slab[at].id.0));
        if let Some(expires) = order.expires {
            self.expiries.push(Reverse((expires, order.id)));
            self.expiring += 1;
        }
        self.register_name(at);
    }

    /// Takes an order out of what [`Orders::register`] put it in.
    pub(crate) fn unregister(&mut self, at: u32) {
        self.unregister_name(at);
        let order = &self.slab[at];
        if let Ok(entry) = self.by_id.find_entry(id_hash(order.id.0), |&found| found == at) {
            entry.remove();
        }
        if order.expires.is_some() {
            self.expiring -= 1;
            self.drop_stale();
        }
    }

    /// Forgets an order that cannot be found any more.
    #[inline]
    pub(crate) fn remove(&mut self, at: u32) {
        // Its name is all that has to be dropped: the rest is not even copied out.
        let Order { client_order_id, .. } = self.slab.remove(at);
        drop(client_order_id);
    }

    /// Gives a registered order another name.
    pub(crate) fn rename(&mut self, at: u32, name: Arc<str>) {
        self.unregister_name(at);
        self.slab[at].client_order_id = Some(name);
        self.register_name(at);
    }

    /// Gives a registered order another expiry.
    pub(crate) fn set_expiry(&mut self, at: u32, expires: Option<ExchangeTime>) {
        let order = &mut self.slab[at];
        let id = order.id;
        let before = std::mem::replace(&mut order.expires, expires);
        if before == expires {
            return;
        }
        self.expiring -= usize::from(before.is_some());
        if let Some(expires) = expires {
            self.expiries.push(Reverse((expires, id)));
            self.expiring += 1;
        }
        self.drop_stale();
    }

    /// The order that expires next, and when.
    pub(crate) fn next_expiry(&self) -> Option<(ExchangeTime, OrderId)> {
        self.expiries.peek().map(|&Reverse(entry)| entry)
    }

    /// Keeps the top of the heap true, and the heap not much larger than what it is for.
    fn drop_stale(&mut self) {
        let Orders { slab, by_id, expiries, .. } = self;
        let is_live = |&Reverse((expires, id)): &Reverse<(ExchangeTime, OrderId)>| {
            let found = by_id.find(id_hash(id.0), |&at| slab[at].id == id);
            found.is_some_and(|&at| slab[at].expires == Some(expires))
        };
        if expiries.len() > 2 * self.expiring + 64 {
            expiries.retain(is_live);
        }
        while expiries.peek().is_some_and(|entry| !is_live(entry)) {
            expiries.pop();
        }
    }

    fn register_name(&mut self, at: u32) {
        let order = &self.slab[at];
        if let Some(name) = &order.client_order_id {
            let hash = name_hash(order.owner.account, name);
            self.by_name.insert_unique(hash, (hash, at), |&(hash, _)| hash);
        }
    }

    fn unregister_name(&mut self, at: u32) {
        let order = &self.slab[at];
        if let Some(name) = &order.client_order_id {
            let hash = name_hash(order.owner.account, name);
            if let Ok(entry) = self.by_name.find_entry(hash, |&(_, named)| named == at) {
                entry.remove();
            }
        }
    }
}

fn name_hash(account: AccountId, name: &str) -> u64 {
    xxh3_64_with_seed(name.as_bytes(), u64::from(account.0))
}

/// Whether an order is in a group.
pub(crate) fn is_grouped(order: &Order) -> bool {
    order.group != NONE
}
