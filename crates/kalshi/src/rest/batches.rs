//! Requests that are too large for one call, split to the venue's limits.

use std::{num::NonZeroUsize, ops::Range};

use daybook_book::Ticker;

use crate::{
    client::{Client, Error},
    rest::{
        markets::{BatchCandlesticksQuery, CandlesticksOfMarket, MarketOrderbook, OrderbooksQuery},
        orders::{BatchCanceled, BatchCreated, CancelOrder, CancelOrders, CreateOrder, CreateOrders},
        series::PeriodInterval,
        value::UnixSeconds,
    },
};

/// Most markets in one call for books or candlesticks.
const MARKETS_PER_CALL: usize = 100;
/// Most candlesticks in one answer, over all its markets.
const CANDLESTICKS_PER_CALL: i64 = 10_000;

/// A batch of writes of which some calls may have been made when one failed.
#[derive(Debug, thiserror::Error)]
#[error("the batch failed at item {} after {} items were answered: {error}", .unclear.start, .answered.len())]
pub struct BatchError<T> {
    /// The answers of the items before, in order.
    pub answered: Vec<T>,
    /// The items of the call that failed; see [`Error::may_have_executed`]. Those after it were not sent.
    pub unclear: Range<usize>,
    /// Why it failed.
    pub error: Error,
}

impl Client {
    /// The books of any number of markets: a call for every hundred, one after the other. Markets that the venue does
    /// not know are left out. Operation `GetMarketOrderbooks`.
    pub async fn orderbooks_of(&self, tickers: &[Ticker]) -> Result<Vec<MarketOrderbook>, Error> {
        let mut books = Vec::with_capacity(tickers.len());
        for tickers in tickers.chunks(MARKETS_PER_CALL) {
            books.extend(self.orderbooks(&OrderbooksQuery::new(tickers)).await?);
        }
        Ok(books)
    }

    /// Candlesticks of any number of markets over any range: as many calls as the venue's limits ask for, one after
    /// the other. Operation `BatchGetMarketCandlesticks`.
    ///
    /// A long range is split as well; a market's candlesticks are put together again, oldest first.
    pub async fn candlesticks_of(&self, query: &BatchCandlesticksQuery) -> Result<Vec<CandlesticksOfMarket>, Error> {
        let mut answer: Vec<CandlesticksOfMarket> = Vec::with_capacity(query.market_tickers.len());
        for tickers in query.market_tickers.chunks(MARKETS_PER_CALL) {
            let first = answer.len();
            for (index, (start_ts, end_ts)) in ranges(query, tickers.len()).into_iter().enumerate() {
                let part = BatchCandlesticksQuery {
                    market_tickers: tickers.to_vec(),
                    start_ts,
                    end_ts,
                    include_latest_before_start: query.include_latest_before_start.filter(|_| index == 0),
                    ..query.clone()
                };
                for market in self.candlesticks(&part).await? {
                    match answer[first..].iter_mut().find(|known| known.market_ticker == market.market_ticker) {
                        Some(known) => known.candlesticks.extend(market.candlesticks),
                        None => answer.push(market),
                    }
                }
            }
        }
        Ok(answer)
    }

    /// Places any number of orders, `per_call` at a time, one call after the other. Operation `BatchCreateOrdersV2`.
    ///
    /// A call costs ten tokens per order by default, which the write budget must be able to hold: ten orders on the
    /// basic tier. One answer comes back per order, in order; look at every [`BatchCreated::error`].
    ///
    /// # Errors
    /// The first call that fails ends it. What was answered before is in the error.
    pub async fn create_orders_in_batches(
        &self,
        orders: &[CreateOrder],
        per_call: NonZeroUsize,
    ) -> Result<Vec<BatchCreated>, BatchError<BatchCreated>> {
        let mut answered = Vec::with_capacity(orders.len());
        for (index, batch) in orders.chunks(per_call.get()).enumerate() {
            match self.create_orders(&CreateOrders::new(batch)).await {
                Ok(created) => answered.extend(created.orders),
                Err(error) => return Err(failed(answered, index * per_call.get(), batch.len(), error)),
            }
        }
        Ok(answered)
    }

    /// Cancels any number of orders, `per_call` at a time, one call after the other. Operation `BatchCancelOrdersV2`.
    ///
    /// A call costs two tokens per order by default, which the write budget must be able to hold: fifty orders on the
    /// basic tier. One answer comes back per order, in order; look at every [`BatchCanceled::error`].
    ///
    /// # Errors
    /// The first call that fails ends it. What was answered before is in the error.
    pub async fn cancel_orders_in_batches(
        &self,
        orders: &[CancelOrder],
        per_call: NonZeroUsize,
    ) -> Result<Vec<BatchCanceled>, BatchError<BatchCanceled>> {
        let mut answered = Vec::with_capacity(orders.len());
        for (index, batch) in orders.chunks(per_call.get()).enumerate() {
            match self.cancel_orders(&CancelOrders::new(batch)).await {
                Ok(canceled) => answered.extend(canceled.orders),
                Err(error) => return Err(failed(answered, index * per_call.get(), batch.len(), error)),
            }
        }
        Ok(answered)
    }
}

fn failed<T>(answered: Vec<T>, start: usize, length: usize, error: Error) -> BatchError<T> {
    BatchError { answered, unclear: start..start + length, error }
}

/// Ranges of time, together that of `query`, of which each is one answer's worth of candlesticks of so many markets.
fn ranges(query: &BatchCandlesticksQuery, markets: usize) -> Vec<(UnixSeconds, UnixSeconds)> {
    let minutes = match &query.period_interval {
        PeriodInterval::Minute => 1,
        PeriodInterval::Hour => 60,
        PeriodInterval::Day => 1_440,
        PeriodInterval::Other(minutes) => minutes.parse().unwrap_or(1).max(1),
    };
    // One more than the range holds may come before the range, and one may end at its very beginning.
    let per_market = (CANDLESTICKS_PER_CALL / i64::try_from(markets).unwrap_or(CANDLESTICKS_PER_CALL)).max(3) - 2;
    let span = i64::saturating_mul(per_market, minutes).saturating_mul(60);
    let (mut start, end) = (query.start_ts.0, query.end_ts.0);
    let mut ranges = Vec::new();
    loop {
        let stop = start.saturating_add(span).min(end);
        ranges.push((UnixSeconds(start), UnixSeconds(stop)));
        if stop >= end {
            return ranges;
        }
        // Both ends of a range belong to it.
        start = stop + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(start: i64, end: i64, period: PeriodInterval) -> BatchCandlesticksQuery {
        BatchCandlesticksQuery::new([], UnixSeconds(start), UnixSeconds(end), period)
    }

    #[test]
    fn ranges_cover_the_query_without_overlap_and_stay_within_an_answer() {
        for (markets, minutes, days) in [(100, 1, 3), (1, 1, 30), (37, 60, 400), (100, 1_440, 1), (5, 60, 0)] {
            let end = 1_790_000_000 + days * 86_400;
            let ranges = ranges(&query(1_790_000_000, end, PeriodInterval::from(&*minutes.to_string())), markets);
            assert_eq!(ranges[0].0, UnixSeconds(1_790_000_000));
            assert_eq!(ranges[ranges.len() - 1].1, UnixSeconds(end));
            for pair in ranges.windows(2) {
                assert_eq!(pair[0].1.0 + 1, pair[1].0.0);
            }
            for (start, stop) in ranges {
                let most = (stop.0 - start.0) / (minutes * 60) + 2;
                assert!(most * i64::try_from(markets).unwrap() <= CANDLESTICKS_PER_CALL, "{most} × {markets}");
            }
        }
    }

    #[test]
    fn a_range_that_ends_before_it_begins_is_left_to_the_venue() {
        let backwards = query(10, 5, PeriodInterval::Hour);
        assert_eq!(ranges(&backwards, 1), [(UnixSeconds(10), UnixSeconds(5))]);
    }
}
