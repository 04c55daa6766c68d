//! Public trades: the newest ones, each knowing the one before it in its market.

use std::collections::VecDeque;

use daybook_book::{ExchangeTime, Price, Quantity};

use crate::engine::{BookSide, MarketId, TradeId};

/// A trade as it is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TradeRow {
    /// The match.
    pub trade: TradeId,
    /// When.
    pub at: ExchangeTime,
    /// Contracts.
    pub count: Quantity,
    /// The one before it in its market, counted from 1; 0 if there is none.
    before: u64,
    /// Where.
    pub market: MarketId,
    /// The price of YES.
    pub price: Price,
    /// Whether the taker bought or sold YES.
    pub taker: BookSide,
}

/// The newest trades of the exchange. Older ones are forgotten when there are too many.
#[derive(Debug)]
pub(crate) struct Trades {
    rows: VecDeque<TradeRow>,
    /// The number of the oldest in `rows`; numbers begin with 1.
    first: u64,
    capacity: usize,
}

impl Trades {
    pub(crate) fn new(capacity: usize) -> Trades {
        Trades { rows: VecDeque::new(), first: 1, capacity: capacity.max(1) }
    }

    /// Adds a trade and gives its number. `newest` is that of the newest one in its market, and becomes this one's.
    pub(crate) fn push(
        &mut self,
        (trade, at, market): (TradeId, ExchangeTime, MarketId),
        (price, count, taker): (Price, Quantity, BookSide),
        newest: &mut u64,
    ) {
        if self.rows.len() == self.capacity {
            self.rows.pop_front();
            self.first += 1;
        }
        self.rows.push_back(TradeRow { trade, at, count, before: *newest, market, price, taker });
        *newest = self.newest();
    }

    /// The number of the newest; 0 without any.
    pub(crate) fn newest(&self) -> u64 {
        self.first + self.rows.len() as u64 - 1
    }

    pub(crate) fn get(&self, number: u64) -> Option<&TradeRow> {
        let at = usize::try_from(number.checked_sub(self.first)?).ok()?;
        self.rows.get(at)
    }

    /// All, newest first, from `from` on, with their numbers.
    pub(crate) fn all_from(&self, from: u64) -> impl Iterator<Item = (u64, &TradeRow)> {
        let newest = from.min(self.newest());
        (self.first..=newest).rev().map_while(|number| self.get(number).map(|row| (number, row)))
    }

    /// A market's, newest first, from the trade `from` of that market on, with their numbers.
    pub(crate) fn of_market(&self, from: u64) -> impl Iterator<Item = (u64, &TradeRow)> {
        let first = self.get(from).map(|row| (from, row));
        std::iter::successors(first, |(_, row)| self.get(row.before).map(|before| (row.before, before)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_markets_trades_are_found_among_all_and_old_ones_go() {
        let mut trades = Trades::new(10);
        let mut newest = [0; 3];
        let count = Quantity::from_hundredths(100);
        for number in 1..=25_u32 {
            let market = number as usize % 3;
            trades.push(
                (TradeId(number.into()), ExchangeTime::from_micros(number.into()), MarketId(market as u32)),
                (Price::ONE, count, BookSide::Bid),
                &mut newest[market],
            );
        }
        let ids =
            |rows: &mut dyn Iterator<Item = (u64, &TradeRow)>| rows.map(|(_, row)| row.trade.0).collect::<Vec<_>>();
        assert_eq!(ids(&mut trades.all_from(u64::MAX)), (16..=25).rev().collect::<Vec<_>>());
        assert_eq!(ids(&mut trades.all_from(17)), [17, 16]);
        assert_eq!(ids(&mut trades.of_market(newest[0])), [24, 21, 18]);
        assert_eq!(ids(&mut trades.of_market(21)), [21, 18]);
        assert_eq!(ids(&mut trades.of_market(0)), [0_u64; 0]);
        assert_eq!(trades.newest(), 25);
    }
}
