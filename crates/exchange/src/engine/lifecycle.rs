//! What happens to whole markets: opening, pausing, closing, results, settlement.

use daybook_book::{Money, Price, Quantity, Side};

use super::{
    Effect, Engine, FeeRule, MarketAction, MarketId, MarketState, Receipt, Reject, SettlementReport, UpdateReason,
    effect::say,
    ledger::{Holding, OF_MARKET},
    order::IN_LEVEL,
    slab::List,
};

impl Engine {
    pub(super) fn market(
        &mut self,
        market: MarketId,
        action: MarketAction,
        effects: &mut Vec<Effect>,
    ) -> Result<Receipt, Reject> {
        use MarketState::{Active, Amended, Closed, Determined, Disputed, Finalized, Inactive, Initialized};
        let index = market.0 as usize;
        let state = self.markets.get(index).ok_or(Reject::UnknownMarket)?.state;
        match (action, state) {
            (MarketAction::Open, Initialized | Closed) => self.enter(market, Active, effects),
            (MarketAction::Pause, Active) => {
                self.enter(market, Inactive, effects);
                self.cancel_where(market, UpdateReason::HaltCancel, true, effects);
            }
            (MarketAction::Resume, Inactive) => {
                self.cancel_where(market, UpdateReason::HaltCancel, false, effects);
                self.enter(market, Active, effects);
            }
            (MarketAction::Close, Initialized | Active | Inactive) => {
                // Whoever is told that it is closed has been told that its book is empty.
                self.cancel_where(market, UpdateReason::CloseCancel, false, effects);
                self.enter(market, Closed, effects);
                self.markets[index].ladders.iter_mut().for_each(super::ladder::Ladder::release);
            }
            (MarketAction::Determine { value }, Closed) => {
                self.markets[index].value = value;
                self.enter(market, Determined, effects);
            }
            (MarketAction::Determine { value }, Disputed) => {
                self.markets[index].value = value;
                self.enter(market, Amended, effects);
            }
            (MarketAction::Dispute, Determined | Amended) => self.enter(market, Disputed, effects),
            (MarketAction::Settle, Determined | Amended) => {
                self.enter(market, Finalized, effects);
                self.settle(market, effects);
            }
            (MarketAction::PriceGrid(grid), _) => self.markets[index].grid = self.share_grid(grid),
            (MarketAction::Fees(fees), _) => self.change_fees(market, fees, effects),
            (_, state) => return Err(Reject::MarketState(state.as_str())),
        }
        Ok(Receipt::Done)
    }

    fn enter(&mut self, market: MarketId, state: MarketState, effects: &mut Vec<Effect>) {
        self.markets[market.0 as usize].state = state;
        say(effects, || Effect::Market { market, state });
    }

    /// Every order that rests in a market: YES before NO, the best level first, each level from its head on.
    fn resting(&self, market: MarketId) -> Vec<u32> {
        let market = &self.markets[market.0 as usize];
        let levels = [Side::Yes, Side::No].into_iter().flat_map(|side| market.ladder(side).levels());
        levels.flat_map(|level| level.queue.iter(&self.orders.slab, IN_LEVEL)).collect()
    }

    /// Cancels what rests in a market, or only what asked to be cancelled when trading pauses.
    fn cancel_where(&mut self, market: MarketId, reason: UpdateReason, only_on_pause: bool, effects: &mut Vec<Effect>) {
        for at in self.resting(market) {
            if !only_on_pause || self.orders.slab[at].cancel_on_pause {
                self.cancel_resting(at, reason, effects);
            }
        }
    }

    /// Other fees from now on. What rests needs cash for them; where an owner has not enough, its orders in the market
    /// are cancelled, those that would fill last first, until what is left is covered.
    fn change_fees(&mut self, market: MarketId, fees: FeeRule, effects: &mut Vec<Effect>) {
        self.markets[market.0 as usize].fees = fees;
        let resting = self.resting(market);
        for &at in &resting {
            self.pledge(at);
        }
        for &at in resting.iter().rev() {
            let purse = &self.ledger.purses[self.orders.slab[at].purse as usize];
            if purse.free() < Money::ZERO {
                self.cancel_resting(at, UpdateReason::MarginCancel, effects);
            }
        }
    }

    /// Pays every position out, by owner, rounded down to the precision of its owner's cash, and forgets it.
    fn settle(&mut self, market: MarketId, effects: &mut Vec<Effect>) {
        let record = &mut self.markets[market.0 as usize];
        let (holdings, value) = (std::mem::take(&mut record.holdings), record.value);
        record.open_interest = 0;
        self.settle_all(holdings, value, effects);
    }

    fn settle_all(&mut self, holdings: List, value: Price, effects: &mut Vec<Effect>) {
        let mut all: Vec<u32> = holdings.iter(&self.ledger.holdings, OF_MARKET).collect();
        all.sort_unstable_by_key(|&at| self.ledger.purses[self.ledger.holdings[at].purse as usize].owner);
        for at in all {
            let Holding { purse, market, position, cost, fees, .. } = self.ledger.holdings[at];
            if position != 0 {
                let owner = self.ledger.purses[purse as usize].owner;
                let worth = if position > 0 { value } else { value.complement() };
                let exact = Money::of(worth, Quantity::from_hundredths(position.abs())).micros();
                let precision = i128::from(self.ledger.purses[purse as usize].precision.micros());
                let paid = exact - exact % precision;
                self.ledger.collected += exact - paid;
                self.ledger.pay(purse, Money::from_micros(paid));
                say(effects, || {
                    Effect::Settled(SettlementReport {
                        owner,
                        market,
                        position: Quantity::from_hundredths(position),
                        cost: Money::from_micros(cost),
                        value,
                        revenue: Money::from_micros(paid),
                        fees: Money::from_micros(fees),
                    })
                });
                let holding = &mut self.ledger.holdings[at];
                (holding.position, holding.cost, holding.position_fees) = (0, 0, 0);
                holding.realized += paid - cost;
                say(effects, || Effect::Position(holding.report(owner)));
            }
            self.ledger.remove_holding(at);
        }
    }
}
