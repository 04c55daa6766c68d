//! Candlesticks.

use daybook_book::{Money, Quantity};
use daybook_kalshi::rest::{
    historical::{HistoricalCandlestick, HistoricalQuoteRange, HistoricalTradeRange},
    markets::{BatchCandlesticksQuery, CandlesticksByMarket, CandlesticksOfMarket},
    series::{
        Candlestick, CandlesticksQuery, EventCandlesticks, EventCandlesticksQuery, MarketCandlesticks, PeriodInterval,
        QuoteRange, TradeRange,
    },
    value::UnixSeconds,
};
use serde_json::Map;

use super::{
    answer::{Answer, Refusal},
    historical::is_market,
    markets,
    request::Request,
};
use crate::{
    engine::MarketId,
    venue::{Candle, Period, PriceRange, Venue},
};

/// So many candlesticks in one answer.
const MOST: i64 = 10_000;
/// So many markets in one answer.
const MARKETS: usize = 100;

/// Which candlesticks are asked for.
pub(super) struct Range {
    period: Period,
    start: i64,
    end: i64,
}

impl Range {
    pub(super) fn read(start: UnixSeconds, end: UnixSeconds, period: &PeriodInterval) -> Result<Range, Refusal> {
        let period = match period {
            PeriodInterval::Minute => Period::Minute,
            PeriodInterval::Hour => Period::Hour,
            PeriodInterval::Day => Period::Day,
            PeriodInterval::Other(_) => return Err(Refusal::Query("period_interval must be 1, 60 or 1440".into())),
        };
        if start.0 < 0 || end.0 < start.0 {
            return Err(Refusal::Query("end_ts must not be before start_ts".into()));
        }
        Ok(Range { period, start: start.0, end: end.0 })
    }

    /// The most that a market can have.
    fn periods(&self) -> i64 {
        (self.end - self.start) / (i64::from(self.period.minutes()) * 60) + 1
    }

    /// Refuses more of so many markets than one answer holds.
    fn check(&self, markets: usize) -> Result<(), Refusal> {
        let asked = self.periods().saturating_mul(i64::try_from(markets).unwrap_or(i64::MAX));
        if asked > MOST {
            return Err(Refusal::Query(format!("{asked} candlesticks are asked for; at most {MOST} are answered")));
        }
        Ok(())
    }

    /// Seconds as minutes: an end that lies within a minute is not reached, a beginning is passed.
    fn minutes(&self) -> (u32, u32) {
        let minutes = |seconds: i64| u32::try_from(seconds.div_euclid(60)).unwrap_or(u32::MAX);
        (minutes(self.start.saturating_add(59)), minutes(self.end))
    }

    /// A market's, oldest first.
    pub(super) fn candles(&self, venue: &Venue, market: MarketId) -> Vec<Candle> {
        let (start, end) = self.minutes();
        let candles = venue.catalogue().market(market).candles.as_deref();
        candles.map(|candles| candles.between(self.period, start, end)).unwrap_or_default()
    }

    /// The same, and before them one made of the last one before the range if it is wanted.
    fn candlesticks(&self, venue: &Venue, market: MarketId, latest_before: bool) -> Vec<Candlestick> {
        let (start, _) = self.minutes();
        let before = venue.catalogue().market(market).candles.as_deref().filter(|_| latest_before);
        let before = before.and_then(|candles| candles.before(self.period, start));
        let before = before.map(|candle| projected(&candle, self.first_boundary()));
        before.into_iter().chain(self.candles(venue, market).iter().map(candlestick)).collect()
    }

    /// The first end of a period after the start.
    fn first_boundary(&self) -> i64 {
        let length = i64::from(self.period.minutes()) * 60;
        (self.start.div_euclid(length) + 1) * length
    }
}

fn candlestick(candle: &Candle) -> Candlestick {
    let quote = |range: PriceRange| QuoteRange {
        open_dollars: range.open,
        low_dollars: range.low,
        high_dollars: range.high,
        close_dollars: range.close,
        extra: Map::new(),
    };
    let price = candle.price;
    Candlestick {
        end_period_ts: UnixSeconds(i64::from(candle.end) * 60),
        yes_bid: quote(candle.bid),
        yes_ask: quote(candle.ask),
        price: TradeRange {
            open_dollars: price.map(|price| price.open),
            low_dollars: price.map(|price| price.low),
            high_dollars: price.map(|price| price.high),
            close_dollars: price.map(|price| price.close),
            mean_dollars: mean(candle),
            previous_dollars: candle.previous,
            min_dollars: price.map(|price| price.low),
            max_dollars: price.map(|price| price.high),
            extra: Map::new(),
        },
        volume_fp: candle.volume,
        open_interest_fp: candle.open_interest,
        extra: Map::new(),
    }
}

/// How a market stood after a period, as a period without trades that ends later.
fn projected(candle: &Candle, end_seconds: i64) -> Candlestick {
    let period = Candle {
        bid: PriceRange::at(candle.bid.close),
        ask: PriceRange::at(candle.ask.close),
        price: None,
        volume: Quantity::ZERO,
        spent: Money::ZERO,
        previous: candle.last_price(),
        ..*candle
    };
    Candlestick { end_period_ts: UnixSeconds(end_seconds), ..candlestick(&period) }
}

/// As the history writes it.
pub(super) fn historical(candle: &Candle) -> HistoricalCandlestick {
    let quote = |range: PriceRange| HistoricalQuoteRange {
        open: range.open,
        low: range.low,
        high: range.high,
        close: range.close,
        extra: Map::new(),
    };
    let price = candle.price;
    HistoricalCandlestick {
        end_period_ts: UnixSeconds(i64::from(candle.end) * 60),
        yes_bid: quote(candle.bid),
        yes_ask: quote(candle.ask),
        price: HistoricalTradeRange {
            open: price.map(|price| price.open),
            low: price.map(|price| price.low),
            high: price.map(|price| price.high),
            close: price.map(|price| price.close),
            mean: mean(candle),
            previous: candle.previous,
            extra: Map::new(),
        },
        volume: candle.volume,
        open_interest: candle.open_interest,
        extra: Map::new(),
    }
}

/// Over the contracts traded, to the ten-thousandth of a dollar.
fn mean(candle: &Candle) -> Option<Money> {
    let hundredths = i128::from(candle.volume.hundredths());
    // Millionths of a dollar over hundredths of a contract are ten-thousandths of a dollar.
    (hundredths > 0).then(|| Money::from_micros((candle.spent.micros() + hundredths / 2) / hundredths * 100))
}

pub(super) fn of_market(venue: &mut Venue, request: &Request<'_>) -> Result<Answer, Refusal> {
    let query: CandlesticksQuery = request.query()?;
    let range = Range::read(query.start_ts, query.end_ts, &query.period_interval)?;
    range.check(1)?;
    let id = markets::found(venue, request.param("ticker"))?;
    let of_series = venue.catalogue().series_of(id).record.ticker.as_str() == request.param("series_ticker");
    if !of_series || is_market(venue, id, request.now) {
        return Err(Refusal::not_found("market"));
    }
    let candlesticks = range.candlesticks(venue, id, query.include_latest_before_start.unwrap_or_default());
    let ticker = venue.catalogue().market(id).ticker.clone();
    Ok(Answer::ok(MarketCandlesticks { ticker, candlesticks, extra: Map::new() }))
}

pub(super) fn of_markets(venue: &mut Venue, request: &Request<'_>) -> Result<Answer, Refusal> {
    let query: BatchCandlesticksQuery = request.query()?;
    let range = Range::read(query.start_ts, query.end_ts, &query.period_interval)?;
    if query.market_tickers.len() > MARKETS {
        return Err(Refusal::Query(format!("market_tickers: at most {MARKETS}")));
    }
    range.check(query.market_tickers.len())?;
    let latest = query.include_latest_before_start.unwrap_or_default();
    let known = query.market_tickers.into_iter().filter_map(|ticker| Some((venue.market_id(ticker.as_str())?, ticker)));
    let known = known.filter(|&(id, _)| !is_market(venue, id, request.now));
    let markets = known.map(|(id, market_ticker)| CandlesticksOfMarket {
        market_ticker,
        candlesticks: range.candlesticks(venue, id, latest),
        extra: Map::new(),
    });
    Ok(Answer::ok(CandlesticksByMarket { markets: markets.collect(), extra: Map::new() }))
}

/// Shortens the range if one answer cannot hold all of it.
pub(super) fn of_event(venue: &mut Venue, request: &Request<'_>) -> Result<Answer, Refusal> {
    let query: EventCandlesticksQuery = request.query()?;
    let mut range = Range::read(query.start_ts, query.end_ts, &query.period_interval)?;
    let catalogue = venue.catalogue();
    let event = catalogue.event_id(request.param("ticker")).map(|id| catalogue.event(id));
    let event = event
        .filter(|event| catalogue.series(event.series).record.ticker.as_str() == request.param("series_ticker"))
        .ok_or_else(|| Refusal::not_found("event"))?;
    let markets: Vec<_> = event.markets.iter().filter(|&&id| !is_market(venue, id, request.now)).collect();
    let each = MOST / i64::try_from(markets.len().max(1)).unwrap_or(MOST);
    if range.periods() > each {
        range.end = range.start + (each.max(1) - 1) * i64::from(range.period.minutes()) * 60;
    }
    Ok(Answer::ok(EventCandlesticks {
        market_tickers: markets.iter().map(|&&id| catalogue.market(id).ticker.clone()).collect(),
        market_candlesticks: markets.iter().map(|&&id| range.candlesticks(venue, id, false)).collect(),
        adjusted_end_ts: UnixSeconds(range.end),
        extra: Map::new(),
    }))
}
