//! The books that everyone sees: those of the engines, or those of the record that a venue replays.

use daybook_book::{Book, Price, Quantity, Side};

use super::{Shard, Venue, apply::Quote, catalogue::Catalogue, publish, recorded::Record};
use crate::{
    engine::{Engine, MarketId},
    feed::{Books, Ticker},
};

/// The present state of all public books.
#[derive(Clone, Copy)]
pub(super) struct PublicBooks<'a> {
    catalogue: &'a Catalogue,
    shards: &'a [Shard],
    record: Option<&'a Record>,
}

/// One book.
enum Source<'a> {
    /// By the engine's own number.
    Engine(&'a Engine, MarketId),
    Record(&'a Book, Option<u64>),
}

impl Venue {
    /// The present state of all public books.
    pub(super) fn public_books(&self) -> PublicBooks<'_> {
        PublicBooks { catalogue: &self.catalogue, shards: &self.shards, record: self.record.as_deref() }
    }

    /// The same beside the hub, which is told of them.
    pub(super) fn public_books_and_hub(&mut self) -> (PublicBooks<'_>, &mut crate::feed::Hub) {
        let books = PublicBooks { catalogue: &self.catalogue, shards: &self.shards, record: self.record.as_deref() };
        (books, &mut self.hub)
    }

    /// The levels of one ladder, best first.
    pub(crate) fn levels(&self, market: MarketId, side: Side) -> impl DoubleEndedIterator<Item = (Price, Quantity)> {
        self.public_books().levels_of(market, side)
    }

    /// The best bid for YES and the best offer of it, with their sizes; $0 and $1 where there is none.
    pub(crate) fn best(&self, market: MarketId) -> ((Price, Quantity), (Price, Quantity)) {
        let Quote { bid, ask } = self.public_books().quote(market);
        (bid, ask)
    }

    /// Whether a market's book is known; that of a venue of its own always is.
    pub(crate) fn is_book_known(&self, market: MarketId) -> bool {
        self.public_books().is_known(market)
    }
}

impl<'a> PublicBooks<'a> {
    fn of(self, market: MarketId) -> Source<'a> {
        match self.record.and_then(|record| record.book(market)) {
            Some((book, clock)) => Source::Record(book, clock),
            None => {
                let row = self.catalogue.market(market);
                Source::Engine(&self.shards[usize::from(row.shard)].engine, MarketId(row.local))
            }
        }
    }

    /// The levels of one ladder, best first.
    pub(super) fn levels_of(
        self,
        market: MarketId,
        side: Side,
    ) -> impl DoubleEndedIterator<Item = (Price, Quantity)> + use<'a> {
        // One of the two has all of them.
        let (engine, record) = match self.of(market) {
            Source::Engine(engine, local) => (Some(engine.levels(local, side)), None),
            Source::Record(book, _) => (None, Some(book.levels(side))),
        };
        engine.into_iter().flatten().chain(record.into_iter().flatten())
    }

    /// The best bid and offer of YES; neither in a book that is not known.
    pub(super) fn quote(self, market: MarketId) -> Quote {
        if !self.is_known(market) {
            return Quote::NONE;
        }
        let source = self.of(market);
        let best = |side| match source {
            Source::Engine(engine, local) => engine.best_bid(local, side),
            Source::Record(book, _) => book.best_bid(side),
        };
        let of = |side| best(side).unwrap_or((Price::ZERO, Quantity::ZERO));
        let (no, size) = of(Side::No);
        Quote { bid: of(Side::Yes), ask: (no.complement(), size) }
    }

    /// Both ladders of a market.
    pub(super) fn book(self, market: MarketId) -> Option<Book> {
        match self.of(market) {
            Source::Engine(engine, local) => engine.book(local),
            Source::Record(book, _) => Some(book.clone()),
        }
    }
}

impl Books for PublicBooks<'_> {
    fn is_known(&self, market: MarketId) -> bool {
        self.record.is_none_or(|record| record.is_known(market))
    }

    fn clock(&self, market: MarketId) -> Option<u64> {
        match self.of(market) {
            Source::Engine(engine, local) => engine.clock(local),
            Source::Record(_, clock) => clock,
        }
    }

    fn levels(&self, market: MarketId, side: Side, level: &mut dyn FnMut(Price, Quantity)) {
        for (price, quantity) in self.levels_of(market, side).rev() {
            level(price, quantity);
        }
    }

    fn ticker(&self, market: MarketId) -> Option<Ticker> {
        let row = self.catalogue.market(market);
        let touched = row.candles.is_some();
        (touched && self.is_known(market)).then(|| publish::summary(row, market, row.quote, row.quoted))
    }
}
