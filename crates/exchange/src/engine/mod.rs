//! The matching engine of one shard: commands in, effects out.
//!
//! One [`Command`] after another is applied by a single writer, each with the time at which it happens. What follows
//! from it is appended to a list of [`Effect`]s in the order in which it happened; a command that cannot be carried out
//! changes nothing and is a [`Reject`]. The same commands give the same effects, on every machine.
//!
//! ```
//! use daybook_book::{ExchangeTime, Money};
//! use daybook_exchange::engine::{
//!     AccountId, BookSide, Command, CreateOrder, Effect, Engine, FeeRule, MarketAction, MarketRules, Owner, PriceGrid,
//! };
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (mut engine, mut effects, now) = (Engine::new(), Vec::new(), ExchangeTime::from_micros(0));
//! let market = engine.add_market(MarketRules { grid: PriceGrid::linear_cent(), fees: FeeRule::FREE });
//! engine.apply(Command::Market { market, action: MarketAction::Open }, now, &mut effects)?;
//! let [ann, bob] = [1, 2].map(|account| Owner { account: AccountId(account), subaccount: 0 });
//! for owner in [ann, bob] {
//!     engine.apply(Command::Transfer { owner, amount: "10".parse()? }, now, &mut effects)?;
//! }
//! // Selling YES at 0.48 is bidding 0.52 for NO; Ann's bid for YES meets it, at the price that rested.
//! for (owner, side, price) in [(bob, BookSide::Ask, "0.48"), (ann, BookSide::Bid, "0.50")] {
//!     let order = CreateOrder::limit(owner, market, side, price.parse()?, "10".parse()?);
//!     engine.apply(Command::Create(order), now, &mut effects)?;
//! }
//! assert_eq!(engine.cash(ann).total, "5.20".parse()?);
//! assert_eq!(engine.cash(bob).total, "4.80".parse()?);
//! let price = "0.48".parse()?;
//! assert!(effects.iter().any(|effect| matches!(effect, Effect::Trade(trade) if trade.price == price)));
//! assert_eq!(engine.fees_collected(), Money::ZERO);
//! # Ok(())
//! # }
//! ```
//!
//! # What the venue does not say, and what is done here
//! - **Groups**: a group is triggered by the match with which what filled within 15 seconds reaches its limit; so that
//!   one match can exceed it. A fill counts for less than 15 seconds. A triggered group cancels what remains of the
//!   order that triggered it, be that the taker, and a fill-or-kill order that would be stopped so is refused.
//! - **Cash** behind resting orders: `ledger` says the rule. Closing a position needs none. An order that would take at
//!   once is checked with the higher of both fees, one that would not with the maker's.
//! - **Fees**: `fee` says how they are rounded. Settlements are rounded down to the precision of the account.
//! - **Post-only** orders that would take are refused, at placement and at amendment.
//! - **Decreasing** to nothing cancels; amending to what is filled already, or less, is refused.
//! - **Pauses**: decreasing is allowed as cancelling is.
//! - **After the close** no order is left, so that a cancellation finds none ([`Reject::OrderNotFound`]); who knows the
//!   order's market can say that it is inactive.
//! - **Another fee rule** that leaves resting orders uncovered cancels those of the market that would fill last.
//! - **Limits**: an order has at most 10⁹ contracts, a position with its orders 10¹², one transfer 10¹² dollars.

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
pub(crate) use market::meets;
pub use market::{MarketRules, MarketState};
pub(crate) use order::{book_side, on_ladder, yes_price};
pub use receipt::{OrderReceipt, Receipt};
pub use reject::Reject;
pub use views::GroupView;

#[cfg(test)]
mod tests;
