//! The engine: skeleton of what can be called.
#![allow(clippy::unimplemented, unused_variables, missing_docs)]

use daybook_book::{Book, ExchangeTime, Money, Price, Quantity, Side};

use super::*;

#[derive(Default)]
pub struct Engine {}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Cash {
    pub total: Money,
    pub reserved: Money,
}

impl Engine {
    pub fn new() -> Engine {
        Engine {}
    }
    /// Numbered from zero, in the order added.
    pub fn add_market(&mut self, rules: MarketRules) -> MarketId {
        unimplemented!()
    }
    /// To what an account's cash is rounded; a cent unless told. Before its first transfer.
    pub fn set_precision(&mut self, account: AccountId, precision: BalancePrecision) {
        unimplemented!()
    }
    /// Orders that have expired by `at` are cancelled first: their effects are there even where the command is refused.
    pub fn apply(&mut self, command: Command, at: ExchangeTime, effects: &mut Vec<Effect>) -> Result<Receipt, Reject> {
        unimplemented!()
    }
    pub fn book(&self, market: MarketId) -> Option<Book> {
        unimplemented!()
    }
    /// Best first; empty for an unknown market.
    pub fn levels(
        &self,
        market: MarketId,
        side: Side,
    ) -> impl DoubleEndedIterator<Item = (Price, Quantity)> + ExactSizeIterator {
        std::iter::empty()
    }
    pub fn best_bid(&self, market: MarketId, side: Side) -> Option<(Price, Quantity)> {
        unimplemented!()
    }
    pub fn clock(&self, market: MarketId) -> Option<u64> {
        unimplemented!()
    }
    pub fn market_state(&self, market: MarketId) -> Option<MarketState> {
        unimplemented!()
    }
    pub fn price_grid(&self, market: MarketId) -> Option<&PriceGrid> {
        unimplemented!()
    }
    pub fn fee_rule(&self, market: MarketId) -> Option<FeeRule> {
        unimplemented!()
    }
    pub fn open_interest(&self, market: MarketId) -> Option<Quantity> {
        unimplemented!()
    }
    /// An open order; `None` once it is filled or cancelled.
    pub fn order(&self, order: OrderId) -> Option<OrderReport> {
        unimplemented!()
    }
    /// Oldest first.
    pub fn open_orders(&self, owner: Owner) -> impl Iterator<Item = OrderReport> {
        std::iter::empty()
    }
    /// Contracts that must trade first: those at better prices of its ladder and those before it at its own.
    pub fn queue_position(&self, order: OrderId) -> Option<Quantity> {
        unimplemented!()
    }
    pub fn position(&self, owner: Owner, market: MarketId) -> Option<PositionReport> {
        unimplemented!()
    }
    /// Of markets that are not finalized.
    pub fn positions(&self, owner: Owner) -> impl Iterator<Item = PositionReport> {
        std::iter::empty()
    }
    pub fn cash(&self, owner: Owner) -> Cash {
        unimplemented!()
    }
    /// When the next order expires.
    pub fn next_expiry(&self) -> Option<ExchangeTime> {
        unimplemented!()
    }
    /// All fees so far.
    pub fn fees_collected(&self) -> Money {
        unimplemented!()
    }
}
