//! What an exchange of a record lists: its markets, as the venue's documents in the archive describe them, without what
//! only became known later.

use daybook_archive::{Archive, Error, history::Histories, schema::Table};
use daybook_book::{ExchangeTime, Money, Price, Ticker};
use daybook_kalshi::{
    EventDocument, MarketDocument, MetadataDocument, SeriesDocument,
    rest::{events::CollateralReturn, series::Series, value::ExchangeIndex},
};
use serde::Deserialize;

use super::ProgramError;
use crate::{
    engine::{PriceBand, PriceGrid},
    venue::{NewEvent, NewMarket, Particulars, Revealed, Strike, series_record, value_of_result},
};

/// A market to list, with its event and series.
#[derive(Clone, Debug)]
pub(super) struct Listing {
    pub(super) series: Series,
    pub(super) event: NewEvent,
    pub(super) market: NewMarket,
    /// When its result was known, and what one YES contract was worth; none if the archive does not say.
    pub(super) verdict: Option<(ExchangeTime, Price)>,
    /// What the venue's document says it is about, told when it opens; none if the archive has no document.
    pub(super) revealed: Option<Revealed>,
}

/// The archive's documents.
pub(super) struct Documents {
    markets: Histories,
    events: Histories,
    series: Histories,
}

/// A band of a price grid, as documents have it.
#[derive(Deserialize)]
struct Band {
    start: String,
    end: String,
    step: String,
}

impl Documents {
    pub(super) fn of(archive: &Archive) -> Result<Documents, Error> {
        Ok(Documents {
            markets: archive.versions(Table::Markets)?,
            events: archive.versions(Table::Events)?,
            series: archive.versions(Table::Series)?,
        })
    }

    /// The latest document about something, read anew.
    fn latest(&self, table: &Histories, kind: &str, ticker: &str) -> Option<MetadataDocument> {
        let raw = &table.latest(ticker)?.raw;
        MetadataDocument::parse(format!("{{\"{kind}\":{raw}}}").as_bytes()).ok()
    }

    fn market(&self, ticker: &str) -> Option<MarketDocument> {
        self.latest(&self.markets, "market", ticker)?.markets.pop()
    }

    fn event(&self, ticker: &str) -> Option<EventDocument> {
        self.latest(&self.events, "event", ticker)?.events.pop()
    }

    fn series(&self, ticker: &str) -> Option<(SeriesDocument, Option<Series>)> {
        let document = self.latest(&self.series, "series", ticker)?.series.pop()?;
        let record = serde_json::from_str(&document.raw).ok();
        Some((document, record))
    }

    /// How a market is listed of which the record lasts from `first` to `last`.
    pub(super) fn listing(
        &self,
        ticker: &str,
        first: ExchangeTime,
        last: ExchangeTime,
    ) -> Result<Listing, ProgramError> {
        let named: Ticker = ticker
            .parse()
            .map_err(|error| ProgramError::Ticker { ticker: ticker.to_owned(), reason: format!("{error}") })?;
        let market = self.market(ticker);
        let event_ticker = match &market {
            Some(market) => market.event_ticker.clone(),
            None => ticker.rsplit_once('-').map_or(ticker, |(event, _)| event).to_owned(),
        };
        let event = self.event(&event_ticker);
        let series_ticker = match &event {
            Some(event) => event.series_ticker.clone(),
            None => event_ticker.split('-').next().unwrap_or(ticker).to_owned(),
        };
        let open = market.as_ref().and_then(|market| market.open_time).unwrap_or(first);
        // Trading goes on as long as the record does, where nothing says until when it did.
        let close = market.as_ref().and_then(|market| market.close_time).unwrap_or(last).max(open);
        let mut new = NewMarket::new(named, event_ticker.as_str().into(), open, close);
        if let Some(market) = &market {
            describe(&mut new, market);
        } else {
            // Any price that the venue can write: nothing that was recorded lies off it.
            new.structure = "center_centi_edge_centi_cent";
        }
        Ok(Listing {
            series: self.series_of(&series_ticker),
            verdict: market.as_ref().and_then(verdict),
            revealed: market.as_ref().map(|market| revealed(market, event.as_ref())),
            event: event_of(&event_ticker, &series_ticker, event.as_ref()),
            market: new,
        })
    }

    /// The series' own document, or one made of what it says, without a shard: this exchange has one.
    fn series_of(&self, ticker: &str) -> Series {
        let document = self.series(ticker);
        let mut series = match &document {
            Some((_, Some(series))) => series.clone(),
            Some((document, None)) => {
                let text = |text: &Option<String>| text.clone().unwrap_or_default();
                let mut series = series_record(ticker, &text(&document.category), &text(&document.frequency));
                if let Some(title) = &document.title {
                    series.title.clone_from(title);
                }
                if let Some(fee_type) = &document.fee_type {
                    series.fee_type = fee_type.as_str().into();
                }
                if let Some(multiplier) = document.fee_multiplier.as_deref().and_then(|text| text.parse().ok()) {
                    series.fee_multiplier = multiplier;
                }
                series
            }
            None => series_record(ticker, "", ""),
        };
        series.exchange_index = Some(ExchangeIndex(0));
        series
    }
}

/// An event as it is listed before anything about it is known but its name.
fn event_of(ticker: &str, series: &str, event: Option<&EventDocument>) -> NewEvent {
    let collateral_return = event.and_then(|event| event.collateral_return_type.as_deref());
    NewEvent {
        ticker: ticker.into(),
        series: series.into(),
        title: ticker.to_owned(),
        sub_title: String::new(),
        collateral_return: collateral_return.map(CollateralReturn::from),
        strike_date: event.and_then(|event| event.strike_date),
    }
}

/// What a market is about.
fn revealed(market: &MarketDocument, event: Option<&EventDocument>) -> Revealed {
    let number = |text: &Option<String>| {
        let money = text.as_deref().and_then(|text| text.parse::<Money>().ok())?;
        i64::try_from(money.micros() / 100).ok()
    };
    let (floor, cap) = (number(&market.floor_strike), number(&market.cap_strike));
    let title = event.and_then(|event| event.title.clone()).or_else(|| market.title.clone());
    Revealed {
        strike: match (market.strike_type.as_deref(), floor, cap) {
            (Some("greater"), Some(floor), _) => Strike::Greater(floor),
            (Some("greater_or_equal"), Some(floor), _) => Strike::GreaterOrEqual(floor),
            (Some("less"), _, Some(cap)) => Strike::Less(cap),
            (Some("less_or_equal"), _, Some(cap)) => Strike::LessOrEqual(cap),
            (Some("between"), Some(floor), Some(cap)) => Strike::Between(floor, cap),
            _ => Strike::None,
        },
        yes_sub_title: market.yes_sub_title.clone().unwrap_or_else(|| "Yes".to_owned()),
        no_sub_title: market.no_sub_title.clone(),
        rules_primary: market.rules_primary.clone(),
        rules_secondary: market.rules_secondary.clone().unwrap_or_default(),
        title: title.unwrap_or_else(|| market.event_ticker.clone()),
        sub_title: event.and_then(|event| event.sub_title.clone()).unwrap_or_default(),
    }
}

/// Takes over what is known of a market before it opens.
fn describe(new: &mut NewMarket, market: &MarketDocument) {
    new.expected_expiration = market.expected_expiration_time.unwrap_or(new.expected_expiration);
    new.latest_expiration = market.latest_expiration_time.unwrap_or(new.latest_expiration);
    new.can_close_early = market.can_close_early.unwrap_or(new.can_close_early);
    new.scalar = market.market_type.as_deref() == Some("scalar");
    // When it was settled is known, and how long it took before is not told of.
    new.settlement_timer_seconds = 0;
    let label = market.price_level_structure.as_deref().unwrap_or("linear_cent");
    new.structure = known_structure(label);
    let grid = market.price_ranges.as_deref().and_then(grid);
    new.particulars = Some(Box::new(Particulars {
        grid: grid.or_else(|| PriceGrid::of_structure(label)).or_else(|| Some(PriceGrid::linear_cent())),
        ..Particulars::default()
    }));
}

/// The venue's label of a price grid, for good: there are a dozen of them.
fn known_structure(label: &str) -> &'static str {
    use std::sync::Mutex;
    static KNOWN: Mutex<Vec<&'static str>> = Mutex::new(Vec::new());
    let mut known = KNOWN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    match known.iter().find(|known| **known == label) {
        Some(known) => known,
        None => {
            let label: &'static str = Box::leak(label.into());
            known.push(label);
            label
        }
    }
}

fn grid(ranges: &str) -> Option<PriceGrid> {
    let bands: Vec<Band> = serde_json::from_str(ranges).ok()?;
    let bands: Option<Vec<PriceBand>> = bands
        .into_iter()
        .map(|band| {
            let price = |text: String| text.parse::<Price>().ok();
            Some(PriceBand { start: price(band.start)?, end: price(band.end)?, step: price(band.step)? })
        })
        .collect();
    PriceGrid::new(bands?).ok()
}

fn verdict(market: &MarketDocument) -> Option<(ExchangeTime, Price)> {
    let value = market.settlement_value.or_else(|| value_of_result(market.result.as_deref()?))?;
    // A market is not settled before it has closed.
    let at = market.settlement_ts.or(market.expected_expiration_time)?;
    Some((at.max(market.close_time.unwrap_or(at)), value))
}
