//! What is traded: series, events and markets, kept so small that a million markets fit in a few hundred megabytes.
//!
//! What the venue tells about them is made when it is asked for: see [`render`](super::render).

use std::hash::BuildHasher;

use daybook_book::{ExchangeTime, Price, Quantity, Ticker};
use daybook_kalshi::rest::{
    events::CollateralReturn,
    markets::{ComboLeg, MarketType, StrikeType},
    series::{FeeType, Series},
    value::{CollectionTicker, EventTicker, SeriesTicker},
};
use hashbrown::{DefaultHashBuilder, HashTable};

use super::{apply::Quote, candle::Candles};
use crate::engine::{FeeRule, MarketId, MarketState, PriceGrid};

/// A series, by its place in the catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SeriesId(pub u32);

/// An event, by its place in the catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId(pub u32);

/// The record of a series of which no more is known than this: quadratic fees, the first shard. What differs is changed
/// in it.
pub fn series_record(ticker: &str, category: &str, frequency: &str) -> Series {
    Series {
        ticker: ticker.into(),
        frequency: frequency.to_owned(),
        title: ticker.to_owned(),
        category: category.to_owned(),
        categories: vec![category.to_owned()],
        tags: Vec::new(),
        settlement_sources: Vec::new(),
        contract_url: String::new(),
        contract_terms_url: String::new(),
        product_metadata: None,
        fee_type: FeeType::Quadratic,
        fee_multiplier: "1".parse().expect("1 is a number"),
        additional_prohibitions: Vec::new(),
        volume_fp: None,
        last_updated_ts: None,
        exchange_index: None,
        extra: serde_json::Map::new(),
    }
}

/// An event to add.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEvent {
    /// Its name.
    pub ticker: EventTicker,
    /// Its series, which the catalogue must know.
    pub series: SeriesTicker,
    /// Its title.
    pub title: String,
    /// What sets it apart within the series.
    pub sub_title: String,
    /// How collateral is netted over its markets.
    pub collateral_return: Option<CollateralReturn>,
    /// The day that it is about.
    pub strike_date: Option<ExchangeTime>,
}

/// A market to add.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewMarket {
    /// Its name.
    pub ticker: Ticker,
    /// Its event, which the catalogue must know.
    pub event: EventTicker,
    /// What YES stands for.
    pub yes_sub_title: String,
    /// When trading opens; at once if it is over.
    pub open: ExchangeTime,
    /// When trading closes.
    pub close: ExchangeTime,
    /// When the outcome is expected.
    pub expected_expiration: ExchangeTime,
    /// By when it is determined at the latest.
    pub latest_expiration: ExchangeTime,
    /// Seconds from determination to settlement.
    pub settlement_timer_seconds: u32,
    /// The venue's label of its price grid: one that [`PriceGrid::of_structure`] knows.
    pub structure: &'static str,
    /// Whether it may close before its time.
    pub can_close_early: bool,
    /// Whether it ends as YES or NO, or in between.
    pub scalar: bool,
    /// What decides.
    pub strike: Strike,
    /// What only some markets have.
    pub particulars: Option<Box<Particulars>>,
}

impl NewMarket {
    /// A market of whole cents that is settled a minute after it is determined.
    pub fn new(ticker: Ticker, event: EventTicker, open: ExchangeTime, close: ExchangeTime) -> NewMarket {
        NewMarket {
            yes_sub_title: "Yes".to_owned(),
            ticker,
            event,
            open,
            close,
            expected_expiration: close,
            latest_expiration: ExchangeTime::from_micros(close.micros().saturating_add(7 * 86_400 * 1_000_000)),
            settlement_timer_seconds: 60,
            structure: "linear_cent",
            can_close_early: true,
            scalar: false,
            strike: Strike::None,
            particulars: None,
        }
    }
}

/// What a market's outcome is measured against, in ten-thousandths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs, reason = "the venue's own words")]
pub enum Strike {
    #[default]
    None,
    Greater(i64),
    GreaterOrEqual(i64),
    Less(i64),
    LessOrEqual(i64),
    Between(i64, i64),
}

impl Strike {
    /// The venue's word, the lower and the upper bound.
    pub(crate) fn parts(self) -> (Option<StrikeType>, Option<i64>, Option<i64>) {
        match self {
            Strike::None => (None, None, None),
            Strike::Greater(floor) => (Some(StrikeType::Greater), Some(floor), None),
            Strike::GreaterOrEqual(floor) => (Some(StrikeType::GreaterOrEqual), Some(floor), None),
            Strike::Less(cap) => (Some(StrikeType::Less), None, Some(cap)),
            Strike::LessOrEqual(cap) => (Some(StrikeType::LessOrEqual), None, Some(cap)),
            Strike::Between(floor, cap) => (Some(StrikeType::Between), Some(floor), Some(cap)),
        }
    }
}

/// What only some markets have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Particulars {
    /// What NO stands for, if not the same as YES.
    pub no_sub_title: Option<String>,
    /// The rules; made of the titles where there are none.
    pub rules_primary: Option<String>,
    /// More rules.
    pub rules_secondary: String,
    /// What makes it close early.
    pub early_close_condition: Option<String>,
    /// The value that decided, in words.
    pub expiration_value: String,
    /// The collection that a combo was made from.
    pub collection: Option<CollectionTicker>,
    /// The legs of a combo.
    pub legs: Vec<ComboLeg>,
    /// A grid that no label stands for.
    pub grid: Option<PriceGrid>,
}

/// A series as it is kept.
#[derive(Debug)]
pub(crate) struct SeriesRow {
    /// All that is told of it but the volume.
    pub record: Series,
    /// What its markets charge.
    pub fees: FeeRule,
    pub events: Vec<EventId>,
    pub shard: u8,
    /// Whether it makes combos.
    pub multivariate: bool,
}

/// An event as it is kept.
#[derive(Debug)]
pub(crate) struct EventRow {
    pub ticker: EventTicker,
    pub series: SeriesId,
    pub title: Box<str>,
    pub sub_title: Box<str>,
    pub collateral_return: Option<CollateralReturn>,
    pub strike_date: Option<ExchangeTime>,
    pub updated: ExchangeTime,
    pub markets: Vec<MarketId>,
}

/// A market as it is kept.
#[derive(Debug)]
pub(crate) struct MarketRow {
    pub ticker: Ticker,
    pub event: EventId,
    /// The number that the shard's engine gave it.
    pub local: u32,
    pub shard: u8,
    pub state: MarketState,
    pub scalar: bool,
    pub can_close_early: bool,
    pub settlement_timer_seconds: u32,
    pub yes_sub_title: Box<str>,
    pub structure: &'static str,
    pub created: ExchangeTime,
    pub updated: ExchangeTime,
    pub open: ExchangeTime,
    pub close: ExchangeTime,
    pub expected_expiration: ExchangeTime,
    pub latest_expiration: ExchangeTime,
    pub settled: Option<ExchangeTime>,
    pub strike: Strike,
    /// What one YES contract is worth, once that is known.
    pub value: Option<Price>,
    pub last_price: Option<Price>,
    pub last_size: Quantity,
    pub volume: Quantity,
    /// What was paid for all contracts traded, in hundredths of ten-thousandths of a dollar: price × quantity.
    pub spent: i128,
    pub open_interest: Quantity,
    /// The newest trade, as [`Trades`](super::trade::Trades) counts them from 1; 0 without any.
    pub newest_trade: u64,
    /// The newest trade when its summary was told last.
    pub told_trade: u64,
    /// The best bid and offer after the newest command, and when they became so.
    pub quote: Quote,
    pub quoted: ExchangeTime,
    /// None until something happens.
    pub candles: Option<Box<Candles>>,
    pub particulars: Option<Box<Particulars>>,
}

impl MarketRow {
    /// Of a market to add: its event, its shard, and the number that the shard's engine gave it.
    pub(crate) fn new(market: NewMarket, (event, shard, local): (EventId, u8, u32), now: ExchangeTime) -> MarketRow {
        MarketRow {
            ticker: market.ticker,
            event,
            local,
            shard,
            state: MarketState::Initialized,
            scalar: market.scalar,
            can_close_early: market.can_close_early,
            settlement_timer_seconds: market.settlement_timer_seconds,
            yes_sub_title: market.yes_sub_title.into(),
            structure: market.structure,
            created: now,
            updated: now,
            open: market.open,
            close: market.close,
            expected_expiration: market.expected_expiration,
            latest_expiration: market.latest_expiration,
            settled: None,
            strike: market.strike,
            value: None,
            last_price: None,
            last_size: Quantity::ZERO,
            volume: Quantity::ZERO,
            spent: 0,
            open_interest: Quantity::ZERO,
            newest_trade: 0,
            told_trade: 0,
            quote: Quote::NONE,
            quoted: now,
            candles: None,
            particulars: market.particulars,
        }
    }

    pub(crate) fn grid(&self) -> PriceGrid {
        match self.particulars.as_ref().and_then(|particulars| particulars.grid.clone()) {
            Some(grid) => grid,
            None => PriceGrid::of_structure(self.structure).unwrap_or_else(PriceGrid::linear_cent),
        }
    }
}

/// Why something could not be added.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CatalogueError {
    /// The name is taken.
    #[error("{0} is in the catalogue already")]
    Duplicate(String),
    /// The series of an event, or the event of a market, is not there.
    #[error("{child} cannot be added: {parent} is not in the catalogue")]
    NoParent {
        /// What was to be added.
        child: String,
        /// What it belongs to.
        parent: String,
    },
    /// The shard does not exist.
    #[error("{ticker} is on shard {shard}, and the exchange has {shards}")]
    NoShard {
        /// The series.
        ticker: String,
        /// Its shard.
        shard: i32,
        /// How many there are.
        shards: usize,
    },
    /// The price grid has no label that is known.
    #[error("{ticker}: no price grid is called {structure:?}")]
    NoGrid {
        /// The market.
        ticker: String,
        /// The label.
        structure: &'static str,
    },
    /// No fees can be made of what a series says of them.
    #[error(
        "{ticker}: fees of type {fee_type:?} with the multiplier {multiplier} cannot be charged; give quadratic, \
         quadratic_with_maker_fees, quadratic_with_combo_maker_fees or flat, and a multiplier of at most six decimals \
         that charges no more than $1 a contract"
    )]
    NoFees {
        /// The series.
        ticker: String,
        /// The type.
        fee_type: String,
        /// The multiplier.
        multiplier: String,
    },
    /// There are as many as can be numbered.
    #[error("the catalogue is full")]
    Full,
    /// The times are in no order.
    #[error("{ticker} would close before it opens")]
    Times {
        /// The market.
        ticker: String,
    },
}

/// All series, events and markets, by place and by name.
#[derive(Debug, Default)]
pub(crate) struct Catalogue {
    pub series: Vec<SeriesRow>,
    pub events: Vec<EventRow>,
    pub markets: Vec<MarketRow>,
    series_by_ticker: HashTable<u32>,
    events_by_ticker: HashTable<u32>,
    markets_by_ticker: HashTable<u32>,
    hasher: DefaultHashBuilder,
}

impl Catalogue {
    pub(crate) fn series_id(&self, ticker: &str) -> Option<SeriesId> {
        let found = self.series_by_ticker.find(self.hasher.hash_one(ticker), |&at| self.series_ticker(at) == ticker);
        found.map(|&at| SeriesId(at))
    }

    pub(crate) fn event_id(&self, ticker: &str) -> Option<EventId> {
        let found = self.events_by_ticker.find(self.hasher.hash_one(ticker), |&at| self.event_ticker(at) == ticker);
        found.map(|&at| EventId(at))
    }

    pub(crate) fn market_id(&self, ticker: &str) -> Option<MarketId> {
        let found = self.markets_by_ticker.find(self.hasher.hash_one(ticker), |&at| self.market_ticker(at) == ticker);
        found.map(|&at| MarketId(at))
    }

    pub(crate) fn series(&self, id: SeriesId) -> &SeriesRow {
        &self.series[id.0 as usize]
    }

    pub(crate) fn event(&self, id: EventId) -> &EventRow {
        &self.events[id.0 as usize]
    }

    pub(crate) fn market(&self, id: MarketId) -> &MarketRow {
        &self.markets[id.0 as usize]
    }

    pub(crate) fn market_mut(&mut self, id: MarketId) -> &mut MarketRow {
        &mut self.markets[id.0 as usize]
    }

    pub(crate) fn event_mut(&mut self, id: EventId) -> &mut EventRow {
        &mut self.events[id.0 as usize]
    }

    pub(crate) fn event_of(&self, market: MarketId) -> &EventRow {
        self.event(self.market(market).event)
    }

    pub(crate) fn series_of(&self, market: MarketId) -> &SeriesRow {
        self.series(self.event_of(market).series)
    }

    pub(crate) fn add_series(&mut self, row: SeriesRow) -> Result<SeriesId, CatalogueError> {
        let ticker = row.record.ticker.as_str();
        if self.series_id(ticker).is_some() {
            return Err(CatalogueError::Duplicate(ticker.to_owned()));
        }
        let at = u32::try_from(self.series.len()).map_err(|_| CatalogueError::Full)?;
        let hash = self.hasher.hash_one(ticker);
        self.series.push(row);
        let (rows, hasher) = (&self.series, &self.hasher);
        self.series_by_ticker.insert_unique(hash, at, |&at| hasher.hash_one(rows[at as usize].record.ticker.as_str()));
        Ok(SeriesId(at))
    }

    pub(crate) fn add_event(&mut self, row: EventRow) -> Result<EventId, CatalogueError> {
        let ticker = row.ticker.as_str();
        if self.event_id(ticker).is_some() {
            return Err(CatalogueError::Duplicate(ticker.to_owned()));
        }
        let at = u32::try_from(self.events.len()).map_err(|_| CatalogueError::Full)?;
        let hash = self.hasher.hash_one(ticker);
        self.series[row.series.0 as usize].events.push(EventId(at));
        self.events.push(row);
        let (rows, hasher) = (&self.events, &self.hasher);
        self.events_by_ticker.insert_unique(hash, at, |&at| hasher.hash_one(rows[at as usize].ticker.as_str()));
        Ok(EventId(at))
    }

    pub(crate) fn add_market(&mut self, row: MarketRow) -> Result<MarketId, CatalogueError> {
        let ticker = row.ticker.as_str();
        if self.market_id(ticker).is_some() {
            return Err(CatalogueError::Duplicate(ticker.to_owned()));
        }
        let at = u32::try_from(self.markets.len()).map_err(|_| CatalogueError::Full)?;
        let hash = self.hasher.hash_one(ticker);
        self.events[row.event.0 as usize].markets.push(MarketId(at));
        self.markets.push(row);
        let (rows, hasher) = (&self.markets, &self.hasher);
        self.markets_by_ticker.insert_unique(hash, at, |&at| hasher.hash_one(rows[at as usize].ticker.as_str()));
        Ok(MarketId(at))
    }

    fn series_ticker(&self, at: u32) -> &str {
        self.series[at as usize].record.ticker.as_str()
    }

    fn event_ticker(&self, at: u32) -> &str {
        self.events[at as usize].ticker.as_str()
    }

    fn market_ticker(&self, at: u32) -> &str {
        self.markets[at as usize].ticker.as_str()
    }
}

impl MarketRow {
    pub(crate) fn kind(&self) -> MarketType {
        if self.scalar { MarketType::Scalar } else { MarketType::Binary }
    }
}
