//! Markets, their books and their trades.

use std::ops::RangeInclusive;

use axum::http::StatusCode;
use daybook_book::{ExchangeTime, Price, Quantity, Side};
use daybook_kalshi::rest::{
    markets::{
        BookSide, Market, MarketAnswer, MarketFilter, MarketOrderbook, MarketsPage, MarketsQuery, MveFilter, Orderbook,
        OrderbookAnswer, OrderbookQuery, OrderbooksAnswer, OrderbooksQuery, OutcomeSide, Trade, TradesPage,
        TradesQuery,
    },
    value::{Cursor, Level, UnixSeconds},
};
use serde_json::Map;

use super::{
    answer::{Answer, Refusal},
    historical,
    page::{Limit, Page, wire},
    request::Request,
};
use crate::{
    engine::{self, MarketId, MarketState},
    venue::{MarketRow, TradeRow, Venue, timestamp},
};

pub(super) const LIMIT: Limit = Limit::new(0, 1_000, 100);
/// So many books in one answer.
const BOOKS: usize = 100;
/// So many levels of each side, if not all.
const LEVELS: u32 = 100;

/// Whether a market in this state is meant by the word that markets are asked for by.
pub(super) fn has_state(state: MarketState, filter: &MarketFilter) -> bool {
    match filter {
        MarketFilter::Unopened => state == MarketState::Initialized,
        MarketFilter::Open => state == MarketState::Active,
        MarketFilter::Paused => state == MarketState::Inactive,
        MarketFilter::Closed => !matches!(
            state,
            MarketState::Initialized | MarketState::Active | MarketState::Inactive | MarketState::Finalized
        ),
        MarketFilter::Settled => state == MarketState::Finalized,
        MarketFilter::Other(_) => false,
    }
}

/// The times from one second to another, both included.
pub(super) fn times(min: Option<UnixSeconds>, max: Option<UnixSeconds>) -> RangeInclusive<i64> {
    let micros = |seconds: UnixSeconds| seconds.0.saturating_mul(1_000_000);
    min.map_or(i64::MIN, micros)..=max.map_or(i64::MAX, micros)
}

pub(super) fn list(venue: &mut Venue, request: &Request<'_>) -> Result<Answer, Refusal> {
    let query: MarketsQuery = request.query()?;
    let page = Page::read(request, query.limit, LIMIT, query.cursor.as_ref())?;
    check(&query)?;
    let catalogue = venue.catalogue();
    let created = times(query.min_created_ts, query.max_created_ts);
    let updated = times(query.min_updated_ts, query.max_updated_ts);
    let close = times(query.min_close_ts, query.max_close_ts);
    let settled = times(query.min_settled_ts, query.max_settled_ts);
    let asks_settled = query.min_settled_ts.is_some() || query.max_settled_ts.is_some();
    // No series of this name: no market.
    let series = query.series_ticker.as_ref().map(|ticker| catalogue.series_id(ticker.as_str()));
    let wanted = |row: &MarketRow| {
        query.status.as_ref().is_none_or(|status| has_state(row.state, status))
            && created.contains(&row.created.micros())
            && updated.contains(&row.updated.micros())
            && close.contains(&row.close.micros())
            && (!asks_settled || row.settled.is_some_and(|at| settled.contains(&at.micros())))
            && series.is_none_or(|series| Some(catalogue.event(row.event).series) == series)
            && query.mve_filter.as_ref().is_none_or(|filter| {
                let multivariate = catalogue.series(catalogue.event(row.event).series).multivariate;
                multivariate == (*filter == MveFilter::Only)
            })
    };
    let candidates = candidates(venue, &query.tickers, query.event_ticker.as_ref().map(|ticker| ticker.as_str()));
    let (markets, cursor) = pick(venue, &page, candidates, request.now, |id, row| {
        wanted(row) && !historical::is_market(venue, id, request.now)
    });
    Ok(Answer::ok(MarketsPage { markets, cursor: wire(cursor), extra: Map::new() }))
}

/// The markets that a query names one by one, or by their event; all without, newest first.
pub(super) fn candidates<'a>(
    venue: &'a Venue,
    tickers: &[daybook_book::Ticker],
    event: Option<&str>,
) -> Box<dyn Iterator<Item = MarketId> + 'a> {
    let catalogue = venue.catalogue();
    if !tickers.is_empty() {
        let mut named: Vec<_> = tickers.iter().filter_map(|ticker| catalogue.market_id(ticker.as_str())).collect();
        named.sort_unstable();
        named.dedup();
        let of_event = event.map(|event| catalogue.event_id(event));
        let fits = move |id: &MarketId| of_event.is_none_or(|event| event == Some(catalogue.market(*id).event));
        return Box::new(named.into_iter().rev().filter(fits));
    }
    match event {
        Some(event) => {
            let event = catalogue.event_id(event).map(|event| catalogue.event(event));
            Box::new(event.into_iter().flat_map(|event| event.markets.iter().rev().copied()))
        }
        None => Box::new((0..catalogue.markets.len() as u32).rev().map(MarketId)),
    }
}

/// A page of those candidates that are wanted.
pub(super) fn pick(
    venue: &Venue,
    page: &Page,
    candidates: impl Iterator<Item = MarketId>,
    now: ExchangeTime,
    wanted: impl Fn(MarketId, &MarketRow) -> bool,
) -> (Vec<Market>, Option<Cursor>) {
    let from = page.from.unwrap_or(u64::MAX);
    let rows = candidates.filter(|id| u64::from(id.0) <= from && wanted(*id, venue.catalogue().market(*id)));
    let (ids, cursor) = page.take(rows.map(|id| (id.0.into(), id)));
    (ids.into_iter().map(|id| venue.market_record(id, now)).collect(), cursor)
}

/// Which filters go together.
fn check(query: &MarketsQuery) -> Result<(), Refusal> {
    let refuse = |message: &str| Err(Refusal::Query(message.to_owned()));
    if let Some(MarketFilter::Other(word)) = &query.status {
        return refuse(&format!("status: {word:?} is not one of unopened, open, paused, closed, settled"));
    }
    if let Some(MveFilter::Other(word)) = &query.mve_filter {
        return refuse(&format!("mve_filter: {word:?} is neither only nor exclude"));
    }
    let created = query.min_created_ts.is_some() || query.max_created_ts.is_some();
    let close = query.min_close_ts.is_some() || query.max_close_ts.is_some();
    let settled = query.min_settled_ts.is_some() || query.max_settled_ts.is_some();
    let updated = query.min_updated_ts.is_some() || query.max_updated_ts.is_some();
    if [created, close, settled, updated].into_iter().filter(|&asked| asked).count() > 1 {
        return refuse("created, close, settled and updated timestamps exclude each other");
    }
    let status = query.status.as_ref();
    if created && !matches!(status, None | Some(MarketFilter::Unopened | MarketFilter::Open)) {
        return refuse("created timestamps go with status unopened, open or none");
    }
    if close && !matches!(status, None | Some(MarketFilter::Closed | MarketFilter::Open)) {
        return refuse("close timestamps go with status closed, open or none");
    }
    if settled && !matches!(status, None | Some(MarketFilter::Settled)) {
        return refuse("settled timestamps go with status settled or none");
    }
    if updated {
        if status.is_some() || query.event_ticker.is_some() || !query.tickers.is_empty() {
            return refuse("updated timestamps go with mve_filter=exclude and series_ticker alone");
        }
        if query.mve_filter == Some(MveFilter::Only)
            || query.series_ticker.is_some() && query.mve_filter != Some(MveFilter::Exclude)
        {
            return refuse("updated timestamps with series_ticker need mve_filter=exclude");
        }
    }
    Ok(())
}

pub(super) fn one(venue: &mut Venue, request: &Request<'_>) -> Result<Answer, Refusal> {
    let id = found(venue, request.param("ticker"))?;
    if historical::is_market(venue, id, request.now) {
        return Err(Refusal::not_found("market"));
    }
    Ok(Answer::ok(MarketAnswer { market: venue.market_record(id, request.now), extra: Map::new() }))
}

/// The market of this name.
pub(super) fn found(venue: &Venue, ticker: &str) -> Result<MarketId, Refusal> {
    venue.market_id(ticker).ok_or_else(|| Refusal::not_found("market"))
}

pub(super) fn orderbook(venue: &mut Venue, request: &Request<'_>) -> Result<Answer, Refusal> {
    let query: OrderbookQuery = read_depth(request)?;
    let id = found(venue, request.param("ticker"))?;
    let depth = query.depth.unwrap_or(0);
    if depth > LEVELS {
        return Err(Refusal::Query(format!("depth must be between 0 and {LEVELS}")));
    }
    if !venue.is_book_known(id) {
        let message = format!("the record does not say how the book of {} stood", request.param("ticker"));
        return Err(Refusal::nested(StatusCode::NOT_FOUND, "not_found", message));
    }
    Ok(Answer::ok(OrderbookAnswer { orderbook_fp: book(venue, id, depth), extra: Map::new() }))
}

/// A depth below zero is all of it.
fn read_depth(request: &Request<'_>) -> Result<OrderbookQuery, Refusal> {
    let depth =
        request.query.iter().rev().find(|(key, _)| key == "depth").and_then(|(_, text)| text.parse::<i64>().ok());
    if depth.is_some_and(|depth| depth < 0) { Ok(OrderbookQuery::default()) } else { request.query() }
}

pub(super) fn orderbooks(venue: &mut Venue, request: &Request<'_>) -> Result<Answer, Refusal> {
    let query: OrderbooksQuery = request.query()?;
    if query.tickers.len() > BOOKS {
        return Err(Refusal::Query(format!("tickers: at most {BOOKS}")));
    }
    let known = query.tickers.into_iter().filter_map(|ticker| Some((venue.market_id(ticker.as_str())?, ticker)));
    let known = known.filter(|&(id, _)| venue.is_book_known(id));
    let orderbooks =
        known.map(|(id, ticker)| MarketOrderbook { ticker, orderbook_fp: book(venue, id, 0), extra: Map::new() });
    Ok(Answer::ok(OrderbooksAnswer { orderbooks: orderbooks.collect(), extra: Map::new() }))
}

/// The best levels of both sides, all of them for 0; the best one last.
fn book(venue: &Venue, id: MarketId, depth: u32) -> Orderbook {
    let depth = if depth == 0 { usize::MAX } else { depth as usize };
    let levels = |side| {
        let levels: Vec<(Price, Quantity)> = venue.levels(id, side).take(depth).collect();
        levels.into_iter().map(|(price, quantity)| Level { price, quantity }).collect()
    };
    Orderbook { yes_dollars: levels(Side::Yes), no_dollars: levels(Side::No), extra: Map::new() }
}

pub(super) fn trades(venue: &mut Venue, request: &Request<'_>) -> Result<Answer, Refusal> {
    let query: TradesQuery = request.query()?;
    let page = Page::read(request, query.limit, LIMIT, query.cursor.as_ref())?;
    let since = historical::cutoff_of_others(venue, request.now);
    let wanted = times(query.min_ts, query.max_ts);
    let block = query.is_block_trade == Some(true);
    let fits = |row: &TradeRow| wanted.contains(&row.at.micros()) && row.at >= since && !block;
    let (trades, cursor) = trades_page(venue, &page, query.ticker.as_ref().map(|ticker| ticker.as_str()), fits);
    Ok(Answer::ok(TradesPage { trades, cursor: wire(cursor), extra: Map::new() }))
}

/// A page of the trades of a market or of all, newest first. This exchange knows no block trades.
pub(super) fn trades_page(
    venue: &Venue,
    page: &Page,
    ticker: Option<&str>,
    wanted: impl Fn(&TradeRow) -> bool,
) -> (Vec<Trade>, Option<Cursor>) {
    let trades = venue.trades();
    let rows: Box<dyn Iterator<Item = (u64, &TradeRow)>> = match ticker {
        None => Box::new(trades.all_from(page.from.unwrap_or(u64::MAX))),
        Some(ticker) => match venue.market_id(ticker) {
            Some(id) => {
                let newest = venue.catalogue().market(id).newest_trade;
                Box::new(trades.of_market(page.from.unwrap_or(newest)).filter(move |(_, row)| row.market == id))
            }
            None => Box::new(std::iter::empty()),
        },
    };
    let (rows, cursor) = page.take(rows.filter(|(_, row)| wanted(row)));
    (rows.into_iter().map(|row| trade(venue, row)).collect(), cursor)
}

fn trade(venue: &Venue, row: &TradeRow) -> Trade {
    let (outcome, side) = direction(row.taker);
    Trade {
        trade_id: venue.trade_id(row.trade).to_string().into(),
        ticker: venue.catalogue().market(row.market).ticker.clone(),
        count_fp: row.count,
        yes_price_dollars: row.price,
        no_price_dollars: row.price.complement(),
        taker_side: Some(outcome.clone()),
        taker_outcome_side: outcome,
        taker_book_side: side,
        created_time: timestamp(row.at),
        is_block_trade: false,
        extra: Map::new(),
    }
}

/// Which outcome one side of the YES book is for.
pub(super) fn direction(side: engine::BookSide) -> (OutcomeSide, BookSide) {
    match side {
        engine::BookSide::Bid => (OutcomeSide::Yes, BookSide::Bid),
        engine::BookSide::Ask => (OutcomeSide::No, BookSide::Ask),
    }
}
