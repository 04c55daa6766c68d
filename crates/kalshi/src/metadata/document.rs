//! A market, an event and a series as REST describes them at one moment.

use daybook_book::{ExchangeTime, Price, Quantity};
use xxhash_rust::xxh3::xxh3_64;

use super::{MetadataError, fields::Fields, in_object};
use crate::{canonical::canonical_object, object::Object};

/// The fields of a market that trading changes, or that only say when something changed: they are no part of
/// [`MarketDocument::content_digest`].
pub const VOLATILE_MARKET_FIELDS: &[&str] = &[
    "last_price",
    "last_price_dollars",
    "liquidity",
    "liquidity_dollars",
    "no_ask",
    "no_ask_dollars",
    "no_bid",
    "no_bid_dollars",
    "open_interest",
    "open_interest_fp",
    "previous_price",
    "previous_price_dollars",
    "previous_yes_ask",
    "previous_yes_ask_dollars",
    "previous_yes_bid",
    "previous_yes_bid_dollars",
    "updated_time",
    "volume",
    "volume_24h",
    "volume_24h_fp",
    "volume_fp",
    "yes_ask",
    "yes_ask_dollars",
    "yes_ask_size_fp",
    "yes_bid",
    "yes_bid_dollars",
    "yes_bid_size_fp",
];

/// The fields of an event that are no part of [`EventDocument::content_digest`].
pub const VOLATILE_EVENT_FIELDS: &[&str] = &["last_updated_ts"];

/// The fields of a series that are no part of [`SeriesDocument::content_digest`].
pub const VOLATILE_SERIES_FIELDS: &[&str] = &["last_updated_ts", "volume", "volume_fp"];

/// A market. Fields that the venue leaves out, or leaves empty, are `None`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MarketDocument {
    /// Market ticker.
    pub ticker: String,
    /// The event it belongs to.
    pub event_ticker: String,
    /// `binary` or `scalar`.
    pub market_type: Option<String>,
    /// `initialized`, `active`, `inactive`, `closed`, `determined`, `disputed`, `amended`, `finalized`.
    pub status: Option<String>,
    /// `yes`, `no` or `scalar` once determined.
    pub result: Option<String>,
    /// Title.
    pub title: Option<String>,
    /// What YES stands for.
    pub yes_sub_title: Option<String>,
    /// What NO stands for.
    pub no_sub_title: Option<String>,
    /// When it was created.
    pub created_time: Option<ExchangeTime>,
    /// When its description last changed.
    pub updated_time: Option<ExchangeTime>,
    /// When trading opens.
    pub open_time: Option<ExchangeTime>,
    /// When trading closes.
    pub close_time: Option<ExchangeTime>,
    /// When it is expected to be determined.
    pub expected_expiration_time: Option<ExchangeTime>,
    /// By when it is determined at the latest.
    pub latest_expiration_time: Option<ExchangeTime>,
    /// When it was settled.
    pub settlement_ts: Option<ExchangeTime>,
    /// What a YES contract paid.
    pub settlement_value: Option<Price>,
    /// The value of the underlying that decided the result, in the venue's words.
    pub expiration_value: Option<String>,
    /// How the strikes decide: `greater`, `between`, `structured`, …
    pub strike_type: Option<String>,
    /// Lower strike: a decimal number, digit for digit as the venue wrote it.
    pub floor_strike: Option<String>,
    /// Upper strike: a decimal number, digit for digit as the venue wrote it.
    pub cap_strike: Option<String>,
    /// The venue's label for the price grid.
    pub price_level_structure: Option<String>,
    /// The price grid, as canonical JSON.
    pub price_ranges: Option<String>,
    /// Rules.
    pub rules_primary: Option<String>,
    /// More rules.
    pub rules_secondary: Option<String>,
    /// Whether it may close before its time.
    pub can_close_early: Option<bool>,
    /// The exchange shard it trades on.
    pub exchange_index: Option<i64>,
    /// Contracts traded so far.
    pub volume: Option<Quantity>,
    /// Open contracts.
    pub open_interest: Option<Quantity>,
    /// The whole object as canonical JSON: names sorted, numbers spelled as the venue spelled them.
    pub raw: String,
    digest: u64,
}

/// How a market ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// Market ticker.
    pub ticker: String,
    /// The event it belongs to.
    pub event_ticker: String,
    /// `yes`, `no` or `scalar`.
    pub result: String,
    /// What a YES contract pays.
    pub settlement_value: Option<Price>,
    /// The value of the underlying that decided the result.
    pub expiration_value: Option<String>,
    /// When it was settled; absent while it is only determined.
    pub settlement_ts: Option<ExchangeTime>,
}

/// An event. Fields that the venue leaves out, or leaves empty, are `None`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventDocument {
    /// Event ticker.
    pub event_ticker: String,
    /// The series it belongs to.
    pub series_ticker: String,
    /// Title.
    pub title: Option<String>,
    /// What sets it apart within its series.
    pub sub_title: Option<String>,
    /// Category.
    pub category: Option<String>,
    /// Whether at most one of its markets can end as YES.
    pub mutually_exclusive: Option<bool>,
    /// `MECNET` or `DIRECNET`.
    pub collateral_return_type: Option<String>,
    /// The moment it is about.
    pub strike_date: Option<ExchangeTime>,
    /// The period it is about.
    pub strike_period: Option<String>,
    /// When its description last changed.
    pub last_updated_ts: Option<ExchangeTime>,
    /// The whole object but for nested `markets`, as canonical JSON.
    pub raw: String,
    digest: u64,
}

/// A series. Fields that the venue leaves out, or leaves empty, are `None`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeriesDocument {
    /// Series ticker.
    pub ticker: String,
    /// Title.
    pub title: Option<String>,
    /// Category.
    pub category: Option<String>,
    /// How often it has an event.
    pub frequency: Option<String>,
    /// Which fee formula applies.
    pub fee_type: Option<String>,
    /// Multiplier of the fee formula: a decimal number, digit for digit as the venue wrote it.
    pub fee_multiplier: Option<String>,
    /// Tags, as canonical JSON.
    pub tags: Option<String>,
    /// Contracts traded so far.
    pub volume: Option<Quantity>,
    /// When its description last changed.
    pub last_updated_ts: Option<ExchangeTime>,
    /// The whole object as canonical JSON.
    pub raw: String,
    digest: u64,
}

impl MarketDocument {
    pub(super) fn read(object: &Object<'_>) -> Result<MarketDocument, MetadataError> {
        let fields = Fields::new("market", "ticker", object)?;
        let ticker = fields.required("ticker")?;
        let (raw, digest) = raw_and_digest(&ticker, object, &[], VOLATILE_MARKET_FIELDS)?;
        Ok(MarketDocument {
            ticker,
            event_ticker: fields.required("event_ticker")?,
            market_type: fields.text("market_type")?,
            status: fields.text("status")?,
            result: fields.text("result")?,
            title: fields.text("title")?,
            yes_sub_title: fields.text("yes_sub_title")?,
            no_sub_title: fields.text("no_sub_title")?,
            created_time: fields.time("created_time")?,
            updated_time: fields.time("updated_time")?,
            open_time: fields.time("open_time")?,
            close_time: fields.time("close_time")?,
            expected_expiration_time: fields.time("expected_expiration_time")?,
            latest_expiration_time: fields.time("latest_expiration_time")?,
            settlement_ts: fields.time("settlement_ts")?,
            settlement_value: fields.price("settlement_value_dollars", "settlement_value")?,
            expiration_value: fields.text("expiration_value")?,
            strike_type: fields.text("strike_type")?,
            floor_strike: fields.decimal("floor_strike")?,
            cap_strike: fields.decimal("cap_strike")?,
            price_level_structure: fields.text("price_level_structure")?,
            price_ranges: fields.json("price_ranges")?,
            rules_primary: fields.text("rules_primary")?,
            rules_secondary: fields.text("rules_secondary")?,
            can_close_early: fields.boolean("can_close_early")?,
            exchange_index: fields.whole("exchange_index")?,
            volume: fields.quantity("volume_fp", "volume")?,
            open_interest: fields.quantity("open_interest_fp", "open_interest")?,
            raw,
            digest,
        })
    }

    /// A digest of every field but [`VOLATILE_MARKET_FIELDS`]: equal digests mean the same description, whatever
    /// the order of the fields. Stable across versions of this crate as long as that list is.
    pub fn content_digest(&self) -> u64 {
        self.digest
    }

    /// How the market ended, if it is determined, amended or finalized (once: settled) and has a result.
    pub fn settlement(&self) -> Option<Settlement> {
        if !matches!(self.status.as_deref(), Some("determined" | "amended" | "finalized" | "settled")) {
            return None;
        }
        Some(Settlement {
            ticker: self.ticker.clone(),
            event_ticker: self.event_ticker.clone(),
            result: self.result.clone()?,
            settlement_value: self.settlement_value,
            expiration_value: self.expiration_value.clone(),
            settlement_ts: self.settlement_ts,
        })
    }
}

impl EventDocument {
    pub(super) fn read(object: &Object<'_>) -> Result<EventDocument, MetadataError> {
        let fields = Fields::new("event", "event_ticker", object)?;
        let event_ticker = fields.required("event_ticker")?;
        let (raw, digest) = raw_and_digest(&event_ticker, object, &["markets"], VOLATILE_EVENT_FIELDS)?;
        Ok(EventDocument {
            event_ticker,
            series_ticker: fields.required("series_ticker")?,
            title: fields.text("title")?,
            sub_title: fields.text("sub_title")?,
            category: fields.text("category")?,
            mutually_exclusive: fields.boolean("mutually_exclusive")?,
            collateral_return_type: fields.text("collateral_return_type")?,
            strike_date: fields.time("strike_date")?,
            strike_period: fields.text("strike_period")?,
            last_updated_ts: fields.time("last_updated_ts")?,
            raw,
            digest,
        })
    }

    /// A digest of every field but [`VOLATILE_EVENT_FIELDS`] and nested `markets`.
    pub fn content_digest(&self) -> u64 {
        self.digest
    }
}

impl SeriesDocument {
    pub(super) fn read(object: &Object<'_>) -> Result<SeriesDocument, MetadataError> {
        let fields = Fields::new("series", "ticker", object)?;
        let ticker = fields.required("ticker")?;
        let (raw, digest) = raw_and_digest(&ticker, object, &[], VOLATILE_SERIES_FIELDS)?;
        Ok(SeriesDocument {
            ticker,
            title: fields.text("title")?,
            category: fields.text("category")?,
            frequency: fields.text("frequency")?,
            fee_type: fields.text("fee_type")?,
            fee_multiplier: fields.decimal("fee_multiplier")?,
            tags: fields.json("tags")?,
            volume: fields.quantity("volume_fp", "volume")?,
            last_updated_ts: fields.time("last_updated_ts")?,
            raw,
            digest,
        })
    }

    /// A digest of every field but [`VOLATILE_SERIES_FIELDS`].
    pub fn content_digest(&self) -> u64 {
        self.digest
    }
}

/// The canonical text without the fields `apart`, and the digest that leaves out the fields `volatile` as well.
fn raw_and_digest(
    ticker: &str,
    object: &Object<'_>,
    apart: &[&str],
    volatile: &[&str],
) -> Result<(String, u64), MetadataError> {
    let canonical = |leave_out: &[&str]| canonical_object(object, leave_out).map_err(|error| in_object(ticker, error));
    Ok((canonical(apart)?, xxh3_64(canonical(&[apart, volatile].concat())?.as_bytes())))
}
