//! Events.

use daybook_kalshi::rest::{
    events::{
        EventAnswer, EventFeeChangesPage, EventFeeChangesQuery, EventFilter, EventMetadata, EventQuery, EventsPage,
        EventsQuery, MarketMetadata, MultivariateEventsPage, MultivariateEventsQuery,
    },
    markets::{Market, MarketFilter},
    series::ForecastQuery,
};
use serde_json::Map;

use super::{
    answer::{Answer, Refusal},
    historical,
    markets::has_state,
    page::{Limit, Page, wire},
    request::Request,
};
use crate::venue::{EventRow, Venue};

const LIMIT: Limit = Limit::new(1, 200, 200);
const MULTIVARIATE_LIMIT: Limit = Limit::new(1, 200, 100);
const FEE_CHANGES_LIMIT: Limit = Limit::new(1, 1_000, 100);

pub(super) fn list(venue: &mut Venue, request: &Request<'_>) -> Result<Answer, Refusal> {
    let query: EventsQuery = request.query()?;
    let page = Page::read(request, query.limit, LIMIT, query.cursor.as_ref())?;
    let status = match &query.status {
        None => None,
        Some(EventFilter::Other(word)) => return Err(Refusal::Query(format!("status: {word:?} is no status"))),
        Some(status) => Some(MarketFilter::from(status.as_str())),
    };
    let catalogue = venue.catalogue();
    let wanted = |row: &EventRow| {
        let series = catalogue.series(row.series);
        let mut markets = row.markets.iter().map(|&market| catalogue.market(market));
        !series.multivariate
            && query.series_ticker.as_ref().is_none_or(|ticker| *ticker == series.record.ticker)
            && (query.tickers.is_empty() || query.tickers.contains(&row.ticker))
            && query.min_updated_ts.is_none_or(|min| row.updated.micros().div_euclid(1_000_000) > min.0)
            && query
                .min_close_ts
                .is_none_or(|min| markets.clone().any(|market| market.close.micros().div_euclid(1_000_000) > min.0))
            && status.as_ref().is_none_or(|status| markets.any(|market| has_state(market.state, status)))
    };
    let nested = query.with_nested_markets.unwrap_or_default();
    let (events, cursor) = page.newest_first(&catalogue.events, |row| {
        wanted(row).then(|| {
            let mut event = venue.event_record(row);
            event.markets = nested.then(|| markets_of(venue, row, request));
            event
        })
    });
    let milestones = query.with_milestones.unwrap_or_default().then(Vec::new);
    Ok(Answer::ok(EventsPage { events, milestones, cursor: wire(cursor), extra: Map::new() }))
}

pub(super) fn multivariate(venue: &mut Venue, request: &Request<'_>) -> Result<Answer, Refusal> {
    let query: MultivariateEventsQuery = request.query()?;
    let page = Page::read(request, query.limit, MULTIVARIATE_LIMIT, query.cursor.as_ref())?;
    if query.series_ticker.is_some() && query.collection_ticker.is_some() {
        return Err(Refusal::Query("series_ticker and collection_ticker exclude each other".into()));
    }
    let catalogue = venue.catalogue();
    let wanted = |row: &EventRow| {
        let series = catalogue.series(row.series);
        let mut markets = row.markets.iter().map(|&market| catalogue.market(market));
        series.multivariate
            && query.series_ticker.as_ref().is_none_or(|ticker| *ticker == series.record.ticker)
            && (query.tickers.is_empty() || query.tickers.contains(&row.ticker))
            && query.collection_ticker.as_ref().is_none_or(|ticker| {
                markets
                    .any(|market| market.particulars.as_ref().and_then(|more| more.collection.as_ref()) == Some(ticker))
            })
    };
    let nested = query.with_nested_markets.unwrap_or_default();
    let (events, cursor) = page.newest_first(&catalogue.events, |row| {
        wanted(row).then(|| {
            let mut event = venue.event_record(row);
            event.markets = nested.then(|| markets_of(venue, row, request));
            event
        })
    });
    Ok(Answer::ok(MultivariateEventsPage { events, cursor: wire(cursor), extra: Map::new() }))
}

pub(super) fn one(venue: &mut Venue, request: &Request<'_>) -> Result<Answer, Refusal> {
    let query: EventQuery = request.query()?;
    let (nested, without) = (query.with_nested_markets.unwrap_or_default(), query.exclude_markets.unwrap_or_default());
    if nested && without {
        return Err(Refusal::Query("exclude_markets cannot be combined with with_nested_markets".into()));
    }
    let row = found(venue, request.param("event_ticker"))?;
    let mut event = venue.event_record(row);
    let mut markets = if without { Vec::new() } else { markets_of(venue, row, request) };
    if nested {
        event.markets = Some(std::mem::take(&mut markets));
    }
    Ok(Answer::ok(EventAnswer { event, markets, extra: Map::new() }))
}

pub(super) fn metadata(venue: &mut Venue, request: &Request<'_>) -> Result<Answer, Refusal> {
    let row = found(venue, request.param("event_ticker"))?;
    let catalogue = venue.catalogue();
    let market_details = row.markets.iter().map(|&market| MarketMetadata {
        market_ticker: catalogue.market(market).ticker.clone(),
        image_url: String::new(),
        color_code: String::new(),
        extra: Map::new(),
    });
    Ok(Answer::ok(EventMetadata {
        image_url: String::new(),
        featured_image_url: None,
        market_details: market_details.collect(),
        settlement_sources: catalogue.series(row.series).record.settlement_sources.clone(),
        competition: None,
        competition_scope: None,
        extra: Map::new(),
    }))
}

/// This exchange schedules none.
pub(super) fn fee_changes(_: &mut Venue, request: &Request<'_>) -> Result<Answer, Refusal> {
    let query: EventFeeChangesQuery = request.query()?;
    Page::read(request, query.limit, FEE_CHANGES_LIMIT, query.cursor.as_ref())?;
    Ok(Answer::ok(EventFeeChangesPage { event_fee_changes: Vec::new(), cursor: wire(None), extra: Map::new() }))
}

/// No event of this exchange is a forecast of a number.
pub(super) fn forecasts(venue: &mut Venue, request: &Request<'_>) -> Result<Answer, Refusal> {
    let query: ForecastQuery = request.query()?;
    if query.percentiles.len() > 10 || query.percentiles.iter().any(|&percentile| percentile > 9_999) {
        return Err(Refusal::Query("percentiles: at most ten, of 0 to 9999".into()));
    }
    if ![0, 1, 60, 1_440].contains(&query.period_interval) {
        return Err(Refusal::Query("period_interval must be 0, 1, 60 or 1440".into()));
    }
    found(venue, request.param("ticker"))?;
    Err(Refusal::not_found("forecast"))
}

fn found<'a>(venue: &'a Venue, ticker: &str) -> Result<&'a EventRow, Refusal> {
    let catalogue = venue.catalogue();
    let id = catalogue.event_id(ticker).ok_or_else(|| Refusal::not_found("event"))?;
    Ok(catalogue.event(id))
}

/// An event's markets that are no history yet.
fn markets_of(venue: &Venue, row: &EventRow, request: &Request<'_>) -> Vec<Market> {
    let markets = row.markets.iter().filter(|&&market| !historical::is_market(venue, market, request.now));
    markets.map(|&market| venue.market_record(market, request.now)).collect()
}
