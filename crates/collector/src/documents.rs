//! Metadata documents of the venue, as the archive keeps them.

use daybook_archive::entry::{Document, DocumentKind};
use daybook_book::ExchangeTime;
use daybook_kalshi::{EventDocument, MarketDocument, MetadataDocument, SeriesDocument, Settlement};

fn time(time: Option<ExchangeTime>) -> Option<String> {
    time.and_then(|time| jiff::Timestamp::from_microsecond(time.micros()).ok()).map(|time| time.to_string())
}

fn field(name: &str, value: Option<String>) -> (String, Option<String>) {
    (name.to_owned(), value)
}

fn market(market: MarketDocument, fetched_nanos: i64) -> Document {
    Document {
        kind: DocumentKind::Market,
        key: market.ticker.clone(),
        digest: format!("{:016x}", market.content_digest()),
        fetched_nanos,
        fields: vec![
            field("event_ticker", Some(market.event_ticker)),
            field("market_type", market.market_type),
            field("status", market.status),
            field("result", market.result),
            field("title", market.title),
            field("yes_sub_title", market.yes_sub_title),
            field("no_sub_title", market.no_sub_title),
            field("open_time", time(market.open_time)),
            field("close_time", time(market.close_time)),
            field("created_time", time(market.created_time)),
            field("expected_expiration_time", time(market.expected_expiration_time)),
            field("strike_type", market.strike_type),
            field("floor_strike", market.floor_strike),
            field("cap_strike", market.cap_strike),
            field("price_level_structure", market.price_level_structure),
            field("price_ranges", market.price_ranges),
            field("rules_primary", market.rules_primary),
            field("volume", market.volume.map(|volume| volume.to_string())),
        ],
        raw: market.raw,
    }
}

fn settlement(settlement: Settlement, raw: &str, fetched_nanos: i64) -> Document {
    let fields = vec![
        field("event_ticker", Some(settlement.event_ticker)),
        field("result", Some(settlement.result)),
        field("settlement_value", settlement.settlement_value.map(|value| value.to_string())),
        field("expiration_value", settlement.expiration_value),
        field("settlement_ts", time(settlement.settlement_ts)),
    ];
    let content: String =
        fields.iter().map(|(_, value)| format!("{}\u{1f}", value.as_deref().unwrap_or("\u{0}"))).collect();
    Document {
        kind: DocumentKind::Settlement,
        key: settlement.ticker,
        digest: format!("{:016x}", xxhash_rust::xxh3::xxh3_64(content.as_bytes())),
        fetched_nanos,
        fields,
        raw: raw.to_owned(),
    }
}

fn event(event: EventDocument, fetched_nanos: i64) -> Document {
    Document {
        kind: DocumentKind::Event,
        key: event.event_ticker.clone(),
        digest: format!("{:016x}", event.content_digest()),
        fetched_nanos,
        fields: vec![
            field("series_ticker", Some(event.series_ticker)),
            field("title", event.title),
            field("sub_title", event.sub_title),
            field("category", event.category),
            field("mutually_exclusive", event.mutually_exclusive.map(|value| value.to_string())),
            field("strike_date", time(event.strike_date)),
        ],
        raw: event.raw,
    }
}

fn series(series: SeriesDocument, fetched_nanos: i64) -> Document {
    Document {
        kind: DocumentKind::Series,
        key: series.ticker.clone(),
        digest: format!("{:016x}", series.content_digest()),
        fetched_nanos,
        fields: vec![
            field("title", series.title),
            field("category", series.category),
            field("frequency", series.frequency),
        ],
        raw: series.raw,
    }
}

/// What an answer of the venue, fetched at this time, says of markets, their settlements, events and series.
pub fn documents(answer: MetadataDocument, fetched_nanos: i64) -> Vec<Document> {
    let fetched = answer.fetched_at.map_or(fetched_nanos, |fetched| fetched.nanos());
    let mut documents = Vec::new();
    for found in answer.markets {
        if let Some(settled) = found.settlement() {
            documents.push(settlement(settled, &found.raw, fetched));
        }
        documents.push(market(found, fetched));
    }
    documents.extend(answer.events.into_iter().map(|found| event(found, fetched)));
    documents.extend(answer.series.into_iter().map(|found| series(found, fetched)));
    documents
}
