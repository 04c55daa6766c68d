//! What the venue tells about series, events and markets, made of what is kept.

use std::borrow::Cow;

use daybook_book::{ExchangeTime, Money, Price, Quantity};
use daybook_kalshi::rest::{
    events::{CollateralReturn, Event},
    markets::{Market, MarketResult, MarketStatus, PriceLevelStructure, PriceRange, SettlementBounds},
    series::Series,
    value::{Decimal, ExchangeIndex, Timestamp},
};
use serde_json::Map;

use super::{EventRow, MarketRow, SeriesRow, Venue, apply::sum};
use crate::engine::{MarketId, MarketState};

/// A time as the wire writes it.
pub(crate) fn timestamp(at: ExchangeTime) -> Timestamp {
    Timestamp::from_microsecond(at.micros()).unwrap_or(if at.micros() < 0 { Timestamp::MIN } else { Timestamp::MAX })
}

/// A shard as the wire writes it.
pub(crate) fn index(shard: u8) -> ExchangeIndex {
    ExchangeIndex(shard.into())
}

/// How a market ended, if one YES contract is worth so much.
pub(crate) fn result(value: Price) -> MarketResult {
    match value {
        Price::ONE => MarketResult::Yes,
        Price::ZERO => MarketResult::No,
        _ => MarketResult::Scalar,
    }
}

/// What one YES contract is worth by a result in the venue's words; a scalar one does not say.
pub(crate) fn value_of_result(result: &str) -> Option<Price> {
    match result {
        "yes" => Some(Price::ONE),
        "no" => Some(Price::ZERO),
        _ => None,
    }
}

/// Ten-thousandths as a JSON number.
pub(crate) fn strike(value: i64) -> Option<Decimal> {
    let text = format!("{}{}.{:04}", if value < 0 { "-" } else { "" }, value.abs() / 10_000, value.abs() % 10_000);
    let text = text.trim_end_matches('0');
    text.strip_suffix('.').unwrap_or(text).parse().ok()
}

fn status(state: MarketState) -> MarketStatus {
    MarketStatus::from(state.as_str())
}

impl Venue {
    /// A series, with the contracts traded in it if they are wanted.
    pub(crate) fn series_record(&self, row: &SeriesRow, with_volume: bool, with_metadata: bool) -> Series {
        let mut record = row.record.clone();
        record.exchange_index = Some(index(row.shard));
        record.volume_fp = with_volume.then(|| {
            let events = row.events.iter().map(|&event| self.catalogue.event(event));
            let markets = events.flat_map(|event| &event.markets).map(|&market| self.catalogue.market(market).volume);
            markets.fold(Quantity::ZERO, sum)
        });
        if !with_metadata {
            record.product_metadata = None;
        }
        record
    }

    /// An event without its markets.
    pub(crate) fn event_record(&self, row: &EventRow) -> Event {
        let series = self.catalogue.series(row.series);
        Event {
            event_ticker: row.ticker.clone(),
            series_ticker: series.record.ticker.clone(),
            sub_title: row.sub_title.to_string(),
            title: row.title.to_string(),
            mutually_exclusive: row.collateral_return == Some(CollateralReturn::Mecnet),
            collateral_return_type: row.collateral_return.clone(),
            category: Some(series.record.category.clone()),
            strike_date: row.strike_date.map(timestamp),
            strike_period: None,
            markets: None,
            product_metadata: None,
            settlement_sources: series.record.settlement_sources.clone(),
            last_updated_ts: Some(timestamp(row.updated)),
            fee_type_override: None,
            fee_multiplier_override: None,
            exchange_index: Some(index(series.shard)),
            extra: Map::new(),
        }
    }

    /// A market. A bid that is not there costs $0, an offer $1, a trade that never was $0; of a book that is not known
    /// nothing is said.
    pub(crate) fn market_record(&self, id: MarketId, now: ExchangeTime) -> Market {
        let row = self.catalogue.market(id);
        let event = self.catalogue.event(row.event);
        let ((bid, bid_size), (ask, ask_size)) = self.best(id);
        let is_known = self.is_book_known(id);
        let candles = row.candles.as_deref();
        let yesterday = candles.and_then(|candles| candles.a_day_ago(now));
        let (strike_type, floor, cap) = row.strike.parts();
        let more = row.particulars.as_deref();
        let yes_sub_title = row.yes_sub_title.to_string();
        Market {
            ticker: row.ticker.clone(),
            event_ticker: event.ticker.clone(),
            market_type: row.kind(),
            title: Some(event.title.to_string()),
            subtitle: Some(String::new()),
            no_sub_title: more.and_then(|more| more.no_sub_title.clone()).unwrap_or_else(|| yes_sub_title.clone()),
            created_time: timestamp(row.created),
            updated_time: timestamp(row.updated),
            open_time: timestamp(row.open),
            close_time: timestamp(row.close),
            expected_expiration_time: Some(timestamp(row.expected_expiration)),
            expiration_time: Some(timestamp(row.latest_expiration)),
            latest_expiration_time: timestamp(row.latest_expiration),
            settlement_timer_seconds: row.settlement_timer_seconds.into(),
            status: status(row.state),
            yes_bid_dollars: is_known.then_some(bid),
            yes_bid_size_fp: bid_size,
            yes_ask_dollars: is_known.then_some(ask),
            yes_ask_size_fp: ask_size,
            no_bid_dollars: is_known.then(|| ask.complement()),
            no_ask_dollars: is_known.then(|| bid.complement()),
            last_price_dollars: Some(row.last_price.unwrap_or(Price::ZERO)),
            volume_fp: row.volume,
            volume_24h_fp: candles.map_or(Quantity::ZERO, |candles| candles.volume_of_a_day(now)),
            result: row.value.map(result),
            can_close_early: row.can_close_early,
            open_interest_fp: row.open_interest,
            notional_value_dollars: Money::from_micros(1_000_000),
            previous_yes_bid_dollars: Some(yesterday.map_or(Price::ZERO, |candle| candle.bid.close)),
            previous_yes_ask_dollars: Some(yesterday.map_or(Price::ONE, |candle| candle.ask.close)),
            previous_price_dollars: Some(yesterday.and_then(|candle| candle.last_price()).unwrap_or(Price::ZERO)),
            settlement_value_dollars: row.value,
            settlement_ts: row.settled.map(timestamp),
            settlement_bounds_type: SettlementBounds::Default,
            settlement_floor_dollars: None,
            expiration_value: more.map_or_else(String::new, |more| more.expiration_value.clone()),
            occurrence_datetime: None,
            fee_waiver_expiration_time: None,
            early_close_condition: more.and_then(|more| more.early_close_condition.clone()),
            strike_type,
            floor_strike: floor.and_then(strike),
            cap_strike: cap.and_then(strike),
            functional_strike: None,
            custom_strike: None,
            rules_primary: rules(row, event).into_owned(),
            rules_secondary: more.map_or_else(String::new, |more| more.rules_secondary.clone()),
            mve_collection_ticker: more.and_then(|more| more.collection.clone()),
            mve_selected_legs: more.map(|more| more.legs.clone()).filter(|legs| !legs.is_empty()),
            primary_participant_key: None,
            price_level_structure: Some(PriceLevelStructure::from(row.structure)),
            price_ranges: price_ranges(row),
            is_provisional: None,
            exchange_index: Some(index(row.shard)),
            yes_sub_title,
            extra: Map::new(),
        }
    }
}

/// A market's rules; made of the titles where it has none of its own.
pub(crate) fn rules<'a>(row: &'a MarketRow, event: &EventRow) -> Cow<'a, str> {
    match row.particulars.as_ref().and_then(|more| more.rules_primary.as_deref()) {
        Some(rules) => rules.into(),
        None => format!("{}: resolves to Yes if the outcome is {}.", event.title, row.yes_sub_title).into(),
    }
}

fn price_ranges(row: &MarketRow) -> Vec<PriceRange> {
    let grid = row.grid();
    let bands = grid.bands().iter();
    bands.map(|band| PriceRange { start: band.start, end: band.end, step: band.step, extra: Map::new() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strikes_are_written_as_short_as_they_are() {
        let text = |value| strike(value).unwrap().to_string();
        assert_eq!(text(44_139_600), "4413.96");
        assert_eq!(text(600_000), "60");
        assert_eq!(text(1_000_000), "100");
        assert_eq!(text(0), "0");
        assert_eq!(text(-5_000), "-0.5");
    }
}
