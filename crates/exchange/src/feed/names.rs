//! The markets' names: from the engine's numbers to the bytes that frames carry, and from tickers and ids back.

use daybook_book::Ticker;
use hashbrown::{HashMap, HashTable};
use xxhash_rust::xxh3::xxh3_64;

use super::{Uuid, encode::Encode};
use crate::engine::MarketId;

const TICKER_KEY: &[u8] = b"\"market_ticker\":";
const ID_KEY: &[u8] = b"\"market_id\":";

/// A market's names, as frames carry them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Name<'a> {
    /// `"market_ticker":"…","market_id":"…"`
    json: &'a [u8],
    ticker_len: usize,
}

impl<'a> Name<'a> {
    /// `"market_ticker":"…","market_id":"…"`
    #[inline]
    pub(super) fn both(self) -> &'a [u8] {
        self.json
    }

    /// `"market_ticker":"…"`
    #[inline]
    pub(super) fn ticker(self) -> &'a [u8] {
        &self.json[..self.ticker_len]
    }

    /// `"market_id":"…"`
    pub(super) fn id(self) -> &'a [u8] {
        &self.json[self.ticker_len + 1..]
    }

    /// The ticker in its quotes.
    pub(super) fn ticker_value(self) -> &'a [u8] {
        &self.json[TICKER_KEY.len()..self.ticker_len]
    }

    /// The id in its quotes.
    pub(super) fn id_value(self) -> &'a [u8] {
        &self.id()[ID_KEY.len()..]
    }

    /// Whether its life is told on the channel for combinations.
    pub(super) fn is_multivariate(self) -> bool {
        is_multivariate(&self.ticker_value()[1..])
    }

    /// No ticker needs an escape, so its text is what is between the quotes.
    fn ticker_text(self) -> &'a [u8] {
        let value = self.ticker_value();
        &value[1..value.len() - 1]
    }
}

/// Whether this is the ticker of a combination or of its event.
pub(super) fn is_multivariate(ticker: &[u8]) -> bool {
    ticker.starts_with(b"KXMVE")
}

/// Every market's names: in one piece of memory, for a frame reads those of a market that nothing has touched lately.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    json: Vec<u8>,
    spans: Vec<Span>,
    by_ticker: HashTable<u32>,
    by_id: HashMap<Uuid, u32>,
}

/// Where a market's names are; nowhere until they are added.
#[derive(Clone, Copy, Debug, Default)]
struct Span {
    start: u32,
    ticker_len: u16,
    len: u16,
}

impl Names {
    /// Gives a market its names, once.
    pub(super) fn add(&mut self, market: MarketId, ticker: &Ticker, id: Uuid) {
        let at = market.0 as usize;
        if self.spans.len() <= at {
            self.spans.resize_with(at + 1, Span::default);
        }
        let start = self.json.len();
        self.json.raw(TICKER_KEY);
        self.json.json(ticker.as_str());
        let ticker_len = self.json.len() - start;
        self.json.raw(b",");
        self.json.raw(ID_KEY);
        self.json.uuid(id);
        // A ticker has at most 200 bytes, so that 4 GiB are the names of more than 15 million markets.
        let start = u32::try_from(start).expect("fewer than 15 million markets");
        self.spans[at] = Span { start, ticker_len: ticker_len as u16, len: (self.json.len() - start as usize) as u16 };
        let Names { json, spans, by_ticker, by_id } = self;
        let hash = |at: &u32| xxh3_64(name(json, spans[*at as usize]).ticker_text());
        by_ticker.insert_unique(xxh3_64(ticker.as_str().as_bytes()), market.0, hash);
        by_id.insert(id, market.0);
    }

    /// How many numbers are in use.
    pub(super) fn len(&self) -> usize {
        self.spans.len()
    }

    /// A market's names. Panics where it was never added.
    #[inline]
    pub(super) fn get(&self, market: MarketId) -> Name<'_> {
        name(&self.json, self.spans[market.0 as usize])
    }

    /// The market of this ticker.
    pub(super) fn by_ticker(&self, ticker: &str) -> Option<MarketId> {
        let is_it = |at: &u32| self.get(MarketId(*at)).ticker_text() == ticker.as_bytes();
        self.by_ticker.find(xxh3_64(ticker.as_bytes()), is_it).copied().map(MarketId)
    }

    /// The market of this id.
    pub(super) fn by_id(&self, id: &str) -> Option<MarketId> {
        self.by_id.get(&Uuid::parse(id)?).copied().map(MarketId)
    }
}

#[inline]
fn name(json: &[u8], span: Span) -> Name<'_> {
    assert!(span.len > 0, "a market is added before anything is published of it");
    let start = span.start as usize;
    Name { json: &json[start..start + usize::from(span.len)], ticker_len: usize::from(span.ticker_len) }
}
