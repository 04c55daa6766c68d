//! Metadata documents of the venue, as notices for the archive.

use std::{path::Path, time::Duration};

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

/// The documents of a file. One that does not say when it was fetched is dated by the file's last change.
pub fn documents(path: &Path) -> Result<Vec<Document>, String> {
    let name = path.display();
    let bytes = std::fs::read(path).map_err(|error| format!("cannot read {name}: {error}"))?;
    let parsed = MetadataDocument::parse(&bytes).map_err(|error| format!("{name} is no metadata document: {error}"))?;
    let modified = || {
        let changed = path.metadata().and_then(|metadata| metadata.modified()).ok()?;
        changed.duration_since(std::time::UNIX_EPOCH).ok()
    };
    let fetched = parsed.fetched_at.map(|fetched| fetched.nanos());
    let fetched =
        fetched.unwrap_or_else(|| i64::try_from(modified().unwrap_or(Duration::ZERO).as_nanos()).unwrap_or(i64::MAX));
    let mut documents = Vec::new();
    for found in parsed.markets {
        if let Some(settled) = found.settlement() {
            documents.push(settlement(settled, &found.raw, fetched));
        }
        documents.push(market(found, fetched));
    }
    documents.extend(parsed.events.into_iter().map(|found| event(found, fetched)));
    documents.extend(parsed.series.into_iter().map(|found| series(found, fetched)));
    Ok(documents)
}

/// The JSON files that an argument names: a file, or all below a folder.
pub fn files(argument: &str) -> Result<Vec<std::path::PathBuf>, String> {
    let path = Path::new(argument);
    if path.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    let entries = path.read_dir().map_err(|error| format!("cannot read metadata at {argument}: {error}"))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(|error| format!("cannot list {argument}: {error}"))?.path();
        if path.is_dir() {
            files.extend(self::files(&path.to_string_lossy())?);
        } else if path.extension().is_some_and(|extension| extension == "json") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
