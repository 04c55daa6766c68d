//! How markets live: opening and closing by the clock, and what somebody decides.

use std::cmp::Reverse;

use daybook_book::{ExchangeTime, Price};

use super::Venue;
use crate::{
    engine::{Command, MarketAction, MarketId, MarketState, Reject},
    feed::LifecycleChange,
};

/// Something that happens to a market by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Timer {
    pub at: ExchangeTime,
    pub market: MarketId,
    pub what: Due,
}

/// What.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Due {
    Open,
    Close,
    Settle,
}

/// What somebody decides about a market.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MarketChange {
    /// Trading is suspended.
    Pause,
    /// Trading goes on; what rested is cancelled, as the venue does.
    Resume,
    /// It closes at another time: earlier, now, or later. One that has closed already opens again.
    CloseAt(ExchangeTime),
    /// What one YES contract is worth is known. It is settled when its timer has run.
    Determine(Price),
}

impl Venue {
    /// Time has come this far: orders expire, markets open, close and are settled, unless the exchange is
    /// [stopped](Venue::set_active).
    pub fn advance(&mut self, now: ExchangeTime) {
        let now = self.reach(now);
        self.run_timers(now);
        if !self.active {
            return;
        }
        for shard in 0..self.shards.len() {
            if self.shards[shard].engine.next_expiry().is_some_and(|expiry| expiry <= now) {
                // Advancing is never refused: time only goes on.
                let _ = self.apply_local(shard as u8, Command::Advance, now);
            }
        }
    }

    /// When something happens by itself next; never as long as the exchange is [stopped](Venue::set_active).
    pub fn next_event(&self) -> Option<ExchangeTime> {
        if !self.active {
            return None;
        }
        let timer = self.timers.peek().map(|Reverse(timer)| timer.at);
        let expiries = self.shards.iter().filter_map(|shard| shard.engine.next_expiry());
        expiries.chain(timer).min()
    }

    /// Does to a market what somebody decided.
    ///
    /// # Errors
    /// If there is no such market, or it is not in a state in which that can be done.
    pub fn change_market(&mut self, market: MarketId, change: MarketChange, now: ExchangeTime) -> Result<(), Reject> {
        let now = self.reach(now);
        self.run_timers(now);
        if market.0 as usize >= self.catalogue.markets.len() {
            return Err(Reject::UnknownMarket);
        }
        match change {
            MarketChange::Pause => self.act(market, MarketAction::Pause, now),
            MarketChange::Resume => self.act(market, MarketAction::Resume, now),
            MarketChange::Determine(value) => {
                let row = self.catalogue.market(market);
                match row.state {
                    MarketState::Active | MarketState::Inactive if row.close > now => {
                        self.close_at(market, now, now)?
                    }
                    // Its time came while the exchange was stopped.
                    MarketState::Active | MarketState::Inactive => self.act(market, MarketAction::Close, now)?,
                    _ => {}
                }
                // It is told together with the state.
                let before = self.catalogue.market_mut(market).value.replace(value);
                if let Err(reject) = self.act(market, MarketAction::Determine { value }, now) {
                    self.catalogue.market_mut(market).value = before;
                    return Err(reject);
                }
                let row = self.catalogue.market_mut(market);
                let wait = i64::from(row.settlement_timer_seconds) * 1_000_000;
                let at = ExchangeTime::from_micros(now.micros().saturating_add(wait));
                self.timers.push(Reverse(Timer { at, market, what: Due::Settle }));
                self.run_timers(now);
                Ok(())
            }
            MarketChange::CloseAt(close) => self.close_at(market, close, now),
        }
    }

    fn close_at(&mut self, market: MarketId, close: ExchangeTime, now: ExchangeTime) -> Result<(), Reject> {
        let row = self.catalogue.market_mut(market);
        if matches!(row.state, MarketState::Determined | MarketState::Finalized) {
            return Err(Reject::MarketState(row.state.as_str()));
        }
        let action = match row.state {
            MarketState::Closed if close > now => Some(MarketAction::Open),
            MarketState::Active | MarketState::Inactive if close <= now => Some(MarketAction::Close),
            _ => None,
        };
        row.close = close;
        row.updated = now;
        self.tell_change(market, LifecycleChange::CloseDateUpdated { close }, now);
        self.timers.push(Reverse(Timer { at: close, market, what: Due::Close }));
        if let Some(action) = action {
            self.act(market, action, now)?;
        }
        self.run_timers(now);
        Ok(())
    }

    fn act(&mut self, market: MarketId, action: MarketAction, now: ExchangeTime) -> Result<(), Reject> {
        let row = self.catalogue.market(market);
        let (shard, local) = (row.shard, MarketId(row.local));
        self.apply_local(shard, Command::Market { market: local, action }, now).map(|_| ())
    }

    pub(super) fn run_timers(&mut self, now: ExchangeTime) {
        while self.active
            && let Some(&Reverse(timer)) = self.timers.peek()
            && timer.at <= now
        {
            self.timers.pop();
            let row = self.catalogue.market(timer.market);
            // A timer that something else overtook does nothing.
            let action = match (timer.what, row.state) {
                (Due::Open, MarketState::Initialized) => MarketAction::Open,
                (Due::Close, MarketState::Active | MarketState::Inactive) if row.close <= now => MarketAction::Close,
                (Due::Settle, MarketState::Determined) => MarketAction::Settle,
                _ => continue,
            };
            // It happens when it was due, not when somebody looked, unless something later has happened already.
            let at = timer.at.max(self.applied);
            if timer.what == Due::Open {
                // The time of closing may have come before: then its timer found nothing to close.
                self.timers.push(Reverse(Timer { at: row.close.max(timer.at), what: Due::Close, ..timer }));
            }
            if let Err(error) = self.act(timer.market, action, at) {
                let ticker = self.catalogue.market(timer.market).ticker.as_str();
                tracing::warn!(ticker, %error, "a market did not do what was due");
            }
        }
    }

    /// The engine told of another state.
    pub(super) fn state_changed(&mut self, market: MarketId, state: MarketState, now: ExchangeTime) {
        let row = self.catalogue.market_mut(market);
        let before = std::mem::replace(&mut row.state, state);
        if state == MarketState::Finalized {
            row.settled = Some(now);
        }
        self.tell_state(market, before, now);
    }
}
