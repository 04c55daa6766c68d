//! The markets' names: from the engine's numbers to the bytes that frames carry, and from tickers and ids back.

use daybook_book::Ticker;
use hashbrown::{HashMap, HashTable};
use xxhash_rust::xxh3::xxh3_64;

use super::{Uuid, encode::Encode};
use crate::engine::MarketId;

const TICKER_KEY: &[u8] = b"\"market_ticker\":";

/// A market's names, as frames carry them.
#[derive(Clone, Debug, Default)]
pub(super) struct Name {
    /// `"market_ticker":"…","market_id":"…"`
    json: Box<[u8]>,
    ticker_len: usize,
}

impl Name {
    fn new(ticker: &str, id: Uuid) -> Name {
        let mut json = TICKER_KEY.to_vec();
        json.json(ticker);
        let ticker_len = json.len();
        json.raw(b",\"market_id\":");
        json.uuid(id);
        Name { json: json.into(), ticker_len }
    }

    /// `"market_ticker":"…","market_id":"…"`
    #[inline]
    pub(super) fn both(&self) -> &[u8] {
        &self.json
    }

    /// `"market_ticker":"…"`
    #[inline]
    pub(super) fn ticker(&self) -> &[u8] {
        &self.json[..self.ticker_len]
    }

    /// `"market_id":"…"`
    pub(super) fn id(&self) -> &[u8] {
        &self.json[self.ticker_len + 1..]
    }

    /// The ticker in its quotes.
    pub(super) fn ticker_value(&self) -> &[u8] {
        &self.json[TICKER_KEY.len()..self.ticker_len]
    }

    /// The id in its quotes.
    pub(super) fn id_value(&self) -> &[u8] {
        &self.id()[b"\"market_id\":".len()..]
    }

    /// Whether its life is told on the channel for combinations.
    pub(super) fn is_multivariate(&self) -> bool {
        is_multivariate(&self.ticker_value()[1..])
    }

    /// No ticker needs an escape, so its text is what is between the quotes.
    fn ticker_text(&self) -> &[u8] {
        self.ticker_value().get(1..).and_then(|rest| rest.strip_suffix(b"\"")).unwrap_or_default()
    }
}

/// Whether this is the ticker of a combination or of its event.
pub(super) fn is_multivariate(ticker: &[u8]) -> bool {
    ticker.starts_with(b"KXMVE")
}

/// Every market's names.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    names: Vec<Name>,
    by_ticker: HashTable<u32>,
    by_id: HashMap<Uuid, u32>,
}

impl Names {
    /// Gives a market its names, once.
    pub(super) fn add(&mut self, market: MarketId, ticker: &Ticker, id: Uuid) {
        let at = market.0 as usize;
        if self.names.len() <= at {
            self.names.resize_with(at + 1, Name::default);
        }
        self.names[at] = Name::new(ticker.as_str(), id);
        let Names { names, by_ticker, by_id } = self;
        let hash = |at: &u32| xxh3_64(names[*at as usize].ticker_text());
        by_ticker.insert_unique(xxh3_64(ticker.as_str().as_bytes()), market.0, hash);
        by_id.insert(id, market.0);
    }

    /// How many numbers are in use.
    pub(super) fn len(&self) -> usize {
        self.names.len()
    }

    /// A market's names. Panics where it was never added.
    #[inline]
    pub(super) fn get(&self, market: MarketId) -> &Name {
        &self.names[market.0 as usize]
    }

    /// The market of this ticker.
    pub(super) fn by_ticker(&self, ticker: &str) -> Option<MarketId> {
        let is_it = |at: &u32| self.names[*at as usize].ticker_text() == ticker.as_bytes();
        self.by_ticker.find(xxh3_64(ticker.as_bytes()), is_it).copied().map(MarketId)
    }

    /// The market of this id.
    pub(super) fn by_id(&self, id: &str) -> Option<MarketId> {
        self.by_id.get(&Uuid::parse(id)?).copied().map(MarketId)
    }
}
