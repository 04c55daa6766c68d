//! The book of a market as REST tells it.

use daybook_book::{Book, LevelError, Ticker};

use crate::rest::value::{Ladder, record};

record! {
    /// The envelope of an [`Orderbook`]. Schema `GetMarketOrderbookResponse`.
    pub struct OrderbookAnswer {
        /// The book.
        pub orderbook_fp: Orderbook,
    }
}

record! {
    /// The books of several markets. Schema `GetMarketOrderbooksResponse`.
    pub struct OrderbooksAnswer {
        /// One per market.
        pub orderbooks: Vec<MarketOrderbook>,
    }
}

record! {
    /// The book of one of several markets. Schema `MarketOrderbookFp`.
    pub struct MarketOrderbook {
        /// The market.
        pub ticker: Ticker,
        /// Its book.
        pub orderbook_fp: Orderbook,
    }
}

record! {
    /// Bids for YES and bids for NO. A bid for NO at p is an offer of YES at 1 − p. Schema `OrderbookCountFp`.
    pub struct Orderbook {
        /// Bids for YES.
        pub yes_dollars: Ladder,
        /// Bids for NO, at prices of NO.
        pub no_dollars: Ladder,
    }
}

impl Orderbook {
    /// The same book with all of its views: best prices, depth, cost of a size.
    ///
    /// # Errors
    /// A price twice on one side, or a size that no book has.
    pub fn book(&self) -> Result<Book, LevelError> {
        let levels = |ladder: &Ladder| ladder.iter().map(|level| (level.price, level.quantity)).collect::<Vec<_>>();
        Book::from_levels(levels(&self.yes_dollars), levels(&self.no_dollars))
    }
}
