//! One numbering over all shards: an engine's numbers, with the shard above them.

use super::Venue;
use crate::engine::{Command, Effect, GroupId, MarketId, OrderId, OrderReport, TradeId};

/// Bits of a number that are the engine's own.
const OWN: u32 = 56;
const OWN_MASK: u64 = (1 << OWN) - 1;
/// So many shards fit above them.
pub(super) const MAX_SHARDS: usize = 1 << (u64::BITS - OWN);

fn together(shard: u8, own: u64) -> u64 {
    u64::from(shard) << OWN | own
}

fn apart(number: u64) -> (u8, u64) {
    ((number >> OWN) as u8, number & OWN_MASK)
}

/// The shard of an order, and the number that its engine knows it by.
pub(crate) fn order_apart(order: OrderId) -> (u8, OrderId) {
    let (shard, own) = apart(order.0);
    (shard, OrderId(own))
}

/// The shard of a group, and the number that its engine knows it by.
pub(crate) fn group_apart(group: GroupId) -> (u8, GroupId) {
    let (shard, own) = apart(group.0);
    (shard, GroupId(own))
}

pub(super) fn global_order(shard: u8, order: OrderId) -> OrderId {
    OrderId(together(shard, order.0))
}

pub(super) fn global_group(shard: u8, group: GroupId) -> GroupId {
    GroupId(together(shard, group.0))
}

fn global_trade(shard: u8, trade: TradeId) -> TradeId {
    TradeId(together(shard, trade.0))
}

pub(super) fn make_global_order(report: &mut OrderReport, shard: u8, markets: &[MarketId]) {
    report.order = global_order(shard, report.order);
    report.market = markets[report.market.0 as usize];
    report.group = report.group.map(|group| global_group(shard, group));
}

/// Puts the exchange's numbers in place of the engine's.
pub(super) fn make_global(effect: &mut Effect, shard: u8, markets: &[MarketId]) {
    let of = |market: MarketId| markets[market.0 as usize];
    match effect {
        Effect::Delta { market, order, .. } => {
            *market = of(*market);
            *order = global_order(shard, *order);
        }
        Effect::Trade(trade) => {
            trade.market = of(trade.market);
            trade.trade = global_trade(shard, trade.trade);
        }
        Effect::Fill(fill) => {
            fill.market = of(fill.market);
            fill.trade = global_trade(shard, fill.trade);
            fill.order = global_order(shard, fill.order);
        }
        Effect::Order(report) => make_global_order(report, shard, markets),
        Effect::Position(report) => report.market = of(report.market),
        Effect::Group { group, .. } => *group = global_group(shard, *group),
        Effect::Market { market, .. } => *market = of(*market),
        Effect::Settled(report) => report.market = of(report.market),
        Effect::Cash { .. } => {}
    }
}

impl Venue {
    /// Puts the engine's numbers in place of the exchange's, and says on which shard they are; `None` if they name
    /// nothing, or things of another shard than `on`.
    pub(super) fn make_local(&self, command: &mut Command, on: u8) -> Option<()> {
        let market_of = |market: &mut MarketId| {
            let row = self.catalogue.markets.get(market.0 as usize).filter(|row| row.shard == on)?;
            *market = MarketId(row.local);
            Some(())
        };
        let order_of = |order: &mut OrderId| {
            let (shard, own) = order_apart(*order);
            *order = own;
            (shard == on).then_some(())
        };
        let group_of = |group: &mut GroupId| {
            let (shard, own) = group_apart(*group);
            *group = own;
            (shard == on).then_some(())
        };
        match command {
            Command::Create(order) => {
                market_of(&mut order.market)?;
                order.group.as_mut().map_or(Some(()), group_of)
            }
            Command::Amend { order, market, .. } => {
                market_of(market)?;
                order_of(order)
            }
            Command::Decrease { order, .. } | Command::Cancel { order, .. } => order_of(order),
            Command::Group { group, action, .. } => match action {
                crate::engine::GroupAction::Create { .. } => Some(()),
                _ => group_of(group),
            },
            Command::Market { market, .. } => market_of(market),
            Command::Transfer { .. } | Command::CancelAll { .. } | Command::Advance => Some(()),
        }
    }

    /// The shard that a command is for; `None` where its numbers do not say.
    pub(super) fn shard_of(&self, command: &Command) -> Option<u8> {
        let market = |market: MarketId| self.catalogue.markets.get(market.0 as usize).map(|row| row.shard);
        match command {
            Command::Create(order) => market(order.market),
            Command::Amend { order, .. } | Command::Decrease { order, .. } | Command::Cancel { order, .. } => {
                Some(order_apart(*order).0)
            }
            Command::Group { group, .. } => Some(group_apart(*group).0),
            Command::Market { market: id, .. } => market(*id),
            Command::Transfer { .. } | Command::CancelAll { .. } | Command::Advance => None,
        }
    }
}
