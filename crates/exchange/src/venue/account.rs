//! A user: what the exchange remembers for them.

use std::{collections::BTreeMap, sync::Arc};

use daybook_book::{ExchangeTime, Money, Price, Quantity};
use daybook_kalshi::{Tier, rest::portfolio::RestingReservation};
use hashbrown::HashMap;

use crate::{
    engine::{
        BalancePrecision, FillReport, GroupChange, GroupId, MarketId, OrderId, OrderReport, OrderStatus,
        PositionReport, SettlementReport,
    },
    feed::Uuid,
    limits,
};

/// An account to open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewAccount {
    /// Its usage tier.
    pub tier: Tier,
    /// Whether orders, fills, positions and settlements are remembered. Without it the account trades as any other but
    /// reads nothing back and is told nothing: for those who trade by the million.
    pub keeps_history: bool,
    /// To what its cash is rounded.
    pub precision: BalancePrecision,
}

impl Default for NewAccount {
    /// A member on the basic tier who is told everything.
    fn default() -> NewAccount {
        NewAccount { tier: Tier::Basic, keeps_history: true, precision: BalancePrecision::Cent }
    }
}

/// A user as they are kept.
#[derive(Debug)]
pub(crate) struct Account {
    /// What it was opened with.
    pub opened: NewAccount,
    pub user: Uuid,
    pub keeps_history: bool,
    pub limits: limits::Account,
    /// Whether each subaccount nets its positions; the primary one is the first.
    pub netting: Vec<bool>,
    pub records: Records,
}

/// What is remembered of a user's doings, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Records {
    pub orders: Vec<OrderRow>,
    order_places: HashMap<OrderId, u32>,
    pub fills: Vec<FillRow>,
    pub settlements: Vec<SettlementRow>,
    pub positions: BTreeMap<(MarketId, u8), PositionRow>,
    pub groups: BTreeMap<GroupId, GroupRow>,
    pub transfers: Vec<TransferRow>,
    pub payments: Vec<PaymentRow>,
    /// By subaccount and shard: when the cash last changed.
    pub cash_changed: BTreeMap<(u8, u8), ExchangeTime>,
    /// Shards' shares of the balance in percent.
    pub allocation: Vec<(u8, u32)>,
    pub reservation: Option<RestingReservation>,
}

/// An order as it now is.
#[derive(Clone, Debug)]
pub(crate) struct OrderRow {
    pub report: OrderReport,
    pub updated: ExchangeTime,
}

/// A fill.
#[derive(Clone, Debug)]
pub(crate) struct FillRow {
    pub report: FillReport,
    pub at: ExchangeTime,
}

/// What a position paid.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SettlementRow {
    pub report: SettlementReport,
    pub at: ExchangeTime,
}

/// A position as it now is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PositionRow {
    pub report: PositionReport,
    pub updated: ExchangeTime,
}

/// An order group as it now is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GroupRow {
    pub subaccount: u8,
    pub limit: Quantity,
}

/// Money that moved between subaccounts or shards.
#[derive(Clone, Debug)]
pub(crate) struct TransferRow {
    pub id: Uuid,
    pub client_id: Option<Arc<str>>,
    pub from: Pocket,
    pub to: Pocket,
    pub amount: Money,
    pub at: ExchangeTime,
}

/// A subaccount on a shard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pocket {
    pub subaccount: u8,
    pub shard: u8,
}

/// Money that came from outside.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PaymentRow {
    pub id: Uuid,
    pub amount: Money,
    pub at: ExchangeTime,
}

impl Records {
    pub(crate) fn order(&self, order: OrderId) -> Option<&OrderRow> {
        self.order_places.get(&order).map(|&place| &self.orders[place as usize])
    }

    pub(crate) fn order_changed(&mut self, report: OrderReport, at: ExchangeTime) {
        match self.order_places.get(&report.order) {
            Some(&place) => self.orders[place as usize] = OrderRow { report, updated: at },
            None => {
                self.order_places.insert(report.order, u32::try_from(self.orders.len()).unwrap_or(u32::MAX));
                self.orders.push(OrderRow { report, updated: at });
            }
        }
    }

    pub(crate) fn group_changed(&mut self, group: GroupId, subaccount: u8, change: GroupChange, limit: Quantity) {
        match change {
            GroupChange::Deleted => {
                self.groups.remove(&group);
            }
            _ => {
                self.groups.insert(group, GroupRow { subaccount, limit });
            }
        }
    }
}

impl OrderRow {
    pub(crate) fn is_resting(&self) -> bool {
        self.report.status == OrderStatus::Resting
    }
}

/// What a position of so many contracts, YES if positive, is worth at a price of YES.
pub(crate) fn worth(position: Quantity, yes: Price) -> Money {
    if position.is_negative() { Money::of(yes.complement(), -position) } else { Money::of(yes, position) }
}
