//! Whether the exchange trades.

use daybook_book::ExchangeTime;

use super::{Venue, apply::By};
use crate::engine::{Command, OrderId, Owner};

/// What may be done right now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// Whether anything may change state.
    pub active: bool,
    /// Whether orders are taken on each shard.
    pub trading: Vec<bool>,
    /// Whether money may move between shards.
    pub transfers: bool,
    /// When it is expected back, if it is not active.
    pub resumes: Option<ExchangeTime>,
}

impl Venue {
    /// What may be done right now.
    pub fn status(&self) -> Status {
        Status {
            active: self.active,
            trading: self.shards.iter().map(|shard| shard.trading).collect(),
            transfers: self.transfers,
            resumes: self.resumes,
        }
    }

    /// Lets the exchange change state, or stops it: then not even cancels are taken, and nothing happens by itself. What
    /// comes due meanwhile, orders that expire and markets that open, close and are settled, happens when it goes on,
    /// and is dated then. `resumes` is told meanwhile.
    ///
    /// What the venue's own staff does is done nevertheless: accounts, deposits, series, events, markets, and all of
    /// [`change_market`](Venue::change_market) but for a settlement that has to wait.
    pub fn set_active(&mut self, active: bool, resumes: Option<ExchangeTime>, now: ExchangeTime) {
        // What was due before a stop.
        self.advance(now);
        if active && !self.active {
            self.active = true;
            self.applied = self.now;
            self.advance(now);
        }
        self.active = active;
        self.resumes = resumes.filter(|_| !active);
    }

    /// Lets orders be placed and changed on a shard, or stops that: cancels are taken, what rests stays, but for orders
    /// that asked to be cancelled then. Whether there is such a shard.
    pub fn set_trading(&mut self, shard: u8, trading: bool, now: ExchangeTime) -> bool {
        let Some(of) = self.shards.get_mut(usize::from(shard)) else { return false };
        let pauses = of.trading && !trading;
        of.trading = trading;
        if pauses {
            // Only what is remembered can have asked for it: who keeps no history is of this exchange's own world.
            let rows = self.accounts.iter().flat_map(|account| &account.records.orders);
            let asked = rows.filter(|row| row.is_resting() && row.report.cancel_on_pause);
            let orders: Vec<(Owner, OrderId)> = asked.map(|row| (row.report.owner, row.report.order)).collect();
            for (owner, order) in orders {
                if super::number::order_apart(order).0 == shard {
                    // One that expires at this very moment is gone as well.
                    let _ = self.apply_by(By::Staff, shard, Command::Cancel { owner, order }, now);
                }
            }
        }
        true
    }
}
