//! Order groups: how much of them may fill within any fifteen seconds.

use std::collections::VecDeque;

use daybook_book::ExchangeTime;
use hashbrown::HashMap;

use super::{
    GroupId, Owner,
    order::IdHashing,
    slab::{List, Slab},
};

/// How long a fill counts, in microseconds.
const WINDOW: i64 = 15_000_000;

/// An order group.
#[derive(Debug)]
pub(crate) struct Group {
    pub(crate) id: GroupId,
    pub(crate) owner: Owner,
    /// In hundredths of a contract.
    pub(crate) limit: i64,
    pub(crate) is_triggered: bool,
    /// Open orders, oldest first.
    pub(crate) orders: List,
    /// When how much filled: those within the window, and perhaps some before it.
    fills: VecDeque<(ExchangeTime, i64)>,
    filled: i64,
}

impl Group {
    /// What filled within the window that ends now: a fill counts for less than fifteen seconds.
    pub(crate) fn filled(&self, now: ExchangeTime) -> i64 {
        let over: i64 = self.fills.iter().take_while(|&&(at, _)| is_over(at, now)).map(|&(_, count)| count).sum();
        self.filled - over
    }

    /// Counts a fill; whether the limit is reached.
    pub(crate) fn fill(&mut self, now: ExchangeTime, count: i64) -> bool {
        while let Some(&(at, count)) = self.fills.front().filter(|&&(at, _)| is_over(at, now)) {
            debug_assert!(at <= now);
            self.filled -= count;
            self.fills.pop_front();
        }
        match self.fills.back_mut() {
            Some((at, sum)) if *at == now => *sum = sum.saturating_add(count),
            _ => self.fills.push_back((now, count)),
        }
        self.filled = self.filled.saturating_add(count);
        self.filled >= self.limit
    }

    /// Forgets what filled.
    pub(crate) fn reset(&mut self) {
        self.is_triggered = false;
        self.fills = VecDeque::new();
        self.filled = 0;
    }
}

fn is_over(at: ExchangeTime, now: ExchangeTime) -> bool {
    now.micros().saturating_sub(at.micros()) >= WINDOW
}

/// All order groups.
#[derive(Default)]
pub(crate) struct Groups {
    pub(crate) slab: Slab<Group, 0>,
    by_id: HashMap<u64, u32, IdHashing>,
    last: u64,
}

impl Groups {
    pub(crate) fn create(&mut self, owner: Owner, limit: i64) -> GroupId {
        self.last += 1;
        let id = GroupId(self.last);
        let at = self.slab.insert_with(|| Group {
            id,
            owner,
            limit,
            is_triggered: false,
            orders: List::default(),
            fills: VecDeque::new(),
            filled: 0,
        });
        self.by_id.insert(id.0, at);
        id
    }

    /// A group of this owner.
    pub(crate) fn find(&self, owner: Owner, group: GroupId) -> Option<u32> {
        self.by_id.get(&group.0).copied().filter(|&at| self.slab[at].owner == owner)
    }

    pub(crate) fn remove(&mut self, at: u32) {
        self.by_id.remove(&self.slab[at].id.0);
        self.slab.remove(at);
    }
}
