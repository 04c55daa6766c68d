//! What can be read of the engine between commands.

use daybook_book::{Book, ExchangeTime, Money, Price, Quantity, Side};

use super::{
    Cash, Engine, FeeRule, GroupId, MarketId, MarketState, OrderId, OrderReport, Owner, PositionReport, PriceGrid,
    UpdateReason,
    market::Market,
    order::{IN_GROUP, IN_LEVEL, IN_PURSE},
};

/// An order group as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupView {
    /// Whose.
    pub owner: Owner,
    /// How many contracts may fill within any 15 seconds.
    pub limit: Quantity,
    /// Whether it takes no orders until it is reset.
    pub is_triggered: bool,
    /// Its open orders, oldest first.
    pub orders: Vec<OrderId>,
}

impl Cash {
    /// What is not behind resting orders.
    pub fn free(&self) -> Money {
        self.total - self.reserved
    }
}

impl Engine {
    fn known(&self, market: MarketId) -> Option<&Market> {
        self.markets.get(market.0 as usize)
    }

    /// How many markets there are.
    pub fn markets(&self) -> usize {
        self.markets.len()
    }

    /// Both ladders of a market.
    pub fn book(&self, market: MarketId) -> Option<Book> {
        let market = self.known(market)?;
        let [yes, no] = [Side::Yes, Side::No].map(|side| market.ladder(side).sizes());
        Some(Book::from_levels(yes, no).expect("levels have one price each, and sizes are checked when orders are"))
    }

    /// The bids of one ladder, best first; none for an unknown market.
    pub fn levels(
        &self,
        market: MarketId,
        side: Side,
    ) -> impl DoubleEndedIterator<Item = (Price, Quantity)> + Clone + use<'_> {
        self.known(market).into_iter().flat_map(move |market| market.ladder(side).sizes())
    }

    /// The best bid of one ladder and its size.
    pub fn best_bid(&self, market: MarketId, side: Side) -> Option<(Price, Quantity)> {
        let best = self.known(market)?.ladder(side).best()?;
        Some((best.price, Quantity::from_hundredths(best.total)))
    }

    /// The clock of the market's last delta; zero before the first.
    pub fn clock(&self, market: MarketId) -> Option<u64> {
        Some(self.known(market)?.clock)
    }

    /// Where a market stands.
    pub fn market_state(&self, market: MarketId) -> Option<MarketState> {
        Some(self.known(market)?.state)
    }

    /// A market's valid prices.
    pub fn price_grid(&self, market: MarketId) -> Option<&PriceGrid> {
        Some(&self.grids[self.known(market)?.grid as usize])
    }

    /// A market's fees.
    pub fn fee_rule(&self, market: MarketId) -> Option<FeeRule> {
        Some(self.known(market)?.fees)
    }

    /// YES contracts held, as many as NO contracts.
    pub fn open_interest(&self, market: MarketId) -> Option<Quantity> {
        Some(Quantity::from_hundredths(self.known(market)?.open_interest))
    }

    /// An open order as it is; `None` once it is filled or cancelled. Its reason is [`UpdateReason::Created`], whatever
    /// happened to it since.
    pub fn order(&self, order: OrderId) -> Option<OrderReport> {
        let at = self.orders.find(order)?;
        Some(self.orders.slab[at].report(UpdateReason::Created))
    }

    /// A subaccount's open orders, oldest first, as [`Engine::order`] says them.
    pub fn open_orders(&self, owner: Owner) -> impl Iterator<Item = OrderReport> + use<'_> {
        self.ledger.purse(owner).into_iter().flat_map(|purse| {
            let orders = self.ledger.purses[purse as usize].orders.iter(&self.orders.slab, IN_PURSE);
            orders.map(|at| self.orders.slab[at].report(UpdateReason::Created))
        })
    }

    /// The contracts that must trade before an open order does: those at better prices of its ladder, and those before
    /// it at its own. Linear in the orders before it.
    pub fn queue_position(&self, order: OrderId) -> Option<Quantity> {
        let at = self.orders.find(order)?;
        let order = &self.orders.slab[at];
        let mut ahead = self.markets[order.market.0 as usize].ladder(order.side).ahead_of(order.price);
        let mut before = self.orders.slab.previous(IN_LEVEL, at);
        while before != super::slab::NONE {
            ahead += self.orders.slab[before].remaining;
            before = self.orders.slab.previous(IN_LEVEL, before);
        }
        Some(Quantity::from_hundredths(ahead))
    }

    /// What a subaccount has in a market; `None` before it traded there, and after the market settled.
    pub fn position(&self, owner: Owner, market: MarketId) -> Option<PositionReport> {
        let holding = &self.ledger.holdings[self.ledger.holding(self.ledger.purse(owner)?, market)?];
        (holding.volume > 0).then(|| holding.report(owner))
    }

    /// What a subaccount has in all markets that are not settled, closed positions included, by when it first had an
    /// order there.
    pub fn positions(&self, owner: Owner) -> impl Iterator<Item = PositionReport> + use<'_> {
        self.ledger.purse(owner).into_iter().flat_map(|purse| self.ledger.positions(purse))
    }

    /// A subaccount's cash; nothing for one that is not known.
    pub fn cash(&self, owner: Owner) -> Cash {
        self.ledger.purse(owner).map_or(Cash::default(), |purse| self.ledger.purses[purse as usize].cash)
    }

    /// An order group of an owner.
    pub fn order_group(&self, owner: Owner, group: GroupId) -> Option<GroupView> {
        let group = &self.groups.slab[self.groups.find(owner, group)?];
        let orders = group.orders.iter(&self.orders.slab, IN_GROUP).map(|at| self.orders.slab[at].id).collect();
        let limit = Quantity::from_hundredths(group.limit);
        Some(GroupView { owner, limit, is_triggered: group.is_triggered, orders })
    }

    /// When the next order expires: the time at which to apply [`Command::Advance`](super::Command::Advance).
    pub fn next_expiry(&self) -> Option<ExchangeTime> {
        self.orders.next_expiry().map(|(expires, _)| expires)
    }

    /// What the venue has earned: all fees, and what rounding took from settlements.
    pub fn fees_collected(&self) -> Money {
        Money::from_micros(self.ledger.collected)
    }
}
