//! The matching engine of one shard: commands in, effects out.
//!
//! One [`Command`] after another is applied by a single writer, each with the time at which it happens. What follows from
//! it is appended to a list of [`Effect`]s in the order in which it happened; a command that cannot be carried out
//! changes nothing and is a [`Reject`]. The same commands give the same effects, on every machine.

mod command;
mod effect;
#[expect(clippy::module_inception, reason = "the module is named after its main type")]
mod engine;
mod fee;
mod grid;
mod group;
mod identity;
mod ladder;
mod ledger;
mod lifecycle;
mod market;
mod matching;
mod order;
mod receipt;
mod reject;
mod slab;
mod views;

pub use command::{BookSide, Command, CreateOrder, DecreaseTo, GroupAction, MarketAction, SelfTrade, TimeInForce};
pub use effect::{
    Effect, FillReport, GroupChange, OrderReport, OrderStatus, PositionReport, PublicTrade, SettlementReport,
    UpdateReason,
};
pub use engine::Engine;
pub use fee::{BalancePrecision, Fee, FeeRule, FeeRuleError};
pub use grid::{PriceBand, PriceGrid, PriceGridError};
pub use identity::{AccountId, GroupId, MarketId, OrderId, Owner, TradeId};
pub use ledger::Cash;
pub use market::{MarketRules, MarketState};
pub use receipt::{OrderReceipt, Receipt};
pub use reject::Reject;
pub use views::GroupView;

#[cfg(test)]
mod tests;
