//! What is too old for the other operations.

use daybook_book::ExchangeTime;
use daybook_kalshi::rest::{
    historical::{
        HistoricalCandlesticks, HistoricalCandlesticksQuery, HistoricalCutoff, HistoricalFillsQuery,
        HistoricalMarketsQuery, HistoricalOrdersQuery, HistoricalPositionsQuery, HistoricalTradesQuery,
    },
    markets::{MarketAnswer, MarketsPage, MveFilter, TradesPage},
};
use serde_json::Map;

use super::{
    answer::{Answer, Refusal},
    candlesticks,
    markets::{self, times},
    orders,
    page::{Limit, Page, wire},
    portfolio,
    request::Request,
};
use crate::{
    engine::MarketId,
    venue::{Venue, timestamp},
};

const LIMIT: Limit = Limit::new(1, 1_000, 100);

fn before(now: ExchangeTime, seconds: u32) -> ExchangeTime {
    ExchangeTime::from_micros(now.micros().saturating_sub(i64::from(seconds) * 1_000_000))
}

/// Orders that were cancelled or executed before this are history.
pub(super) fn cutoff_of_orders(venue: &Venue, now: ExchangeTime) -> ExchangeTime {
    before(now, venue.live_windows().orders)
}

/// Markets settled, trades and fills made, and positions settled before this are history.
pub(super) fn cutoff_of_others(venue: &Venue, now: ExchangeTime) -> ExchangeTime {
    before(now, venue.live_windows().others)
}

/// Whether a market is history.
pub(super) fn is_market(venue: &Venue, market: MarketId, now: ExchangeTime) -> bool {
    venue.catalogue().market(market).settled.is_some_and(|settled| settled < cutoff_of_others(venue, now))
}

pub(super) fn cutoff(venue: &mut Venue, request: &Request<'_>) -> Result<Answer, Refusal> {
    let others = timestamp(cutoff_of_others(venue, request.now));
    Ok(Answer::ok(HistoricalCutoff {
        market_settled_ts: others,
        trades_created_ts: others,
        orders_updated_ts: timestamp(cutoff_of_orders(venue, request.now)),
        market_positions_last_updated_ts: Some(others),
        extra: Map::new(),
    }))
}

pub(super) fn market(venue: &mut Venue, request: &Request<'_>) -> Result<Answer, Refusal> {
    let id = found(venue, request)?;
    Ok(Answer::ok(MarketAnswer { market: venue.market_record(id, request.now), extra: Map::new() }))
}

pub(super) fn candlesticks(venue: &mut Venue, request: &Request<'_>) -> Result<Answer, Refusal> {
    let query: HistoricalCandlesticksQuery = request.query()?;
    let range = candlesticks::Range::read(query.start_ts, query.end_ts, &query.period_interval)?;
    let id = found(venue, request)?;
    let ticker = venue.catalogue().market(id).ticker.clone();
    let candlesticks = range.candles(venue, id).iter().map(candlesticks::historical).collect();
    Ok(Answer::ok(HistoricalCandlesticks { ticker, candlesticks, extra: Map::new() }))
}

fn found(venue: &Venue, request: &Request<'_>) -> Result<MarketId, Refusal> {
    let id = markets::found(venue, request.param("ticker"))?;
    if is_market(venue, id, request.now) { Ok(id) } else { Err(Refusal::not_found("historical market")) }
}

pub(super) fn markets(venue: &mut Venue, request: &Request<'_>) -> Result<Answer, Refusal> {
    let query: HistoricalMarketsQuery = request.query()?;
    let page = Page::read(request, query.limit, markets::LIMIT, query.cursor.as_ref())?;
    let filters = [!query.tickers.is_empty(), query.event_ticker.is_some(), query.series_ticker.is_some()];
    if filters.into_iter().filter(|&asked| asked).count() > 1 {
        return Err(Refusal::Query("tickers, event_ticker and series_ticker exclude each other".into()));
    }
    if query.mve_filter.as_ref().is_some_and(|filter| *filter != MveFilter::Exclude) {
        return Err(Refusal::Query("mve_filter must be exclude".into()));
    }
    let catalogue = venue.catalogue();
    let series = query.series_ticker.as_ref().map(|ticker| catalogue.series_id(ticker.as_str()));
    let event = query.event_ticker.as_ref().map(|ticker| ticker.as_str());
    let candidates = markets::candidates(venue, &query.tickers, event);
    let (markets, cursor) = markets::pick(venue, &page, candidates, request.now, |id, row| {
        let of = catalogue.event(row.event).series;
        is_market(venue, id, request.now)
            && series.is_none_or(|series| Some(of) == series)
            && (query.mve_filter.is_none() || !catalogue.series(of).multivariate)
    });
    Ok(Answer::ok(MarketsPage { markets, cursor: wire(cursor), extra: Map::new() }))
}

pub(super) fn trades(venue: &mut Venue, request: &Request<'_>) -> Result<Answer, Refusal> {
    let query: HistoricalTradesQuery = request.query()?;
    let page = Page::read(request, query.limit, markets::LIMIT, query.cursor.as_ref())?;
    let before = cutoff_of_others(venue, request.now);
    let (wanted, block) = (times(query.min_ts, query.max_ts), query.is_block_trade == Some(true));
    let ticker = query.ticker.as_ref().map(|ticker| ticker.as_str());
    let (trades, cursor) = markets::trades_page(venue, &page, ticker, |row| {
        row.at < before && wanted.contains(&row.at.micros()) && !block
    });
    Ok(Answer::ok(TradesPage { trades, cursor: wire(cursor), extra: Map::new() }))
}

pub(super) fn orders(venue: &mut Venue, request: &Request<'_>) -> Result<Answer, Refusal> {
    let query: HistoricalOrdersQuery = request.query()?;
    let page = Page::read(request, query.limit, LIMIT, query.cursor.as_ref())?;
    let subaccount = request.subaccount_filter(query.subaccount)?;
    let (before, at) = (cutoff_of_orders(venue, request.now), times(query.min_ts, query.max_ts));
    orders::page(venue, request, &page, |market, row| {
        !row.is_resting()
            && row.updated < before
            && at.contains(&row.report.created.micros())
            && query.ticker.as_ref().is_none_or(|ticker| *ticker == market.ticker)
            && subaccount.is_none_or(|subaccount| row.report.owner.subaccount == subaccount)
    })
}

pub(super) fn fills(venue: &mut Venue, request: &Request<'_>) -> Result<Answer, Refusal> {
    let query: HistoricalFillsQuery = request.query()?;
    let page = Page::read(request, query.limit, LIMIT, query.cursor.as_ref())?;
    let subaccount = request.subaccount_filter(query.subaccount)?;
    let (before, at) = (cutoff_of_others(venue, request.now), times(query.min_ts, query.max_ts));
    portfolio::fills_page(venue, request, &page, |market, row| {
        row.at < before
            && at.contains(&row.at.micros())
            && query.ticker.as_ref().is_none_or(|ticker| *ticker == market.ticker)
            && subaccount.is_none_or(|subaccount| row.report.owner.subaccount == subaccount)
    })
}

pub(super) fn positions(venue: &mut Venue, request: &Request<'_>) -> Result<Answer, Refusal> {
    let query: HistoricalPositionsQuery = request.query()?;
    let page = Page::read(request, query.limit, LIMIT, query.cursor.as_ref())?;
    let subaccount = request.owner(query.subaccount)?.subaccount;
    let catalogue = venue.catalogue();
    let event = query.event_ticker.as_ref().map(|ticker| catalogue.event_id(ticker.as_str()));
    portfolio::positions_page(venue, request, &page, |id, row| {
        let market = catalogue.market(id);
        row.report.owner.subaccount == subaccount
            && portfolio::is_historical_position(venue, id, request.now)
            && query.ticker.as_ref().is_none_or(|ticker| *ticker == market.ticker)
            && event.is_none_or(|event| event == Some(market.event))
    })
}
