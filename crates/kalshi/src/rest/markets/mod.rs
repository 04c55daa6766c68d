//! Markets, their books, trades and candlesticks.

mod market;
mod orderbook;

use daybook_book::{Price, Quantity, Ticker};
pub use market::{
    BookSide, ComboLeg, Market, MarketResult, MarketStatus, MarketType, OutcomeSide, PriceLevelStructure, PriceRange,
    SettlementBounds, StrikeType,
};
pub use orderbook::{MarketOrderbook, Orderbook, OrderbookAnswer, OrderbooksAnswer};

use crate::{
    client::{Call, Client, Error},
    rest::{
        paging::{Items, items, pages},
        series::{Candlestick, PeriodInterval},
        value::{
            Cursor, EventTicker, Query, SeriesTicker, Timestamp, TradeId, UnixSeconds, open_enum, operations, query,
            record,
        },
    },
};

operations! {
    GET_MARKETS = Get "/markets" "GetMarkets" public Read;
    GET_MARKET = Get "/markets/{ticker}" "GetMarket" public Read;
    GET_MARKET_ORDERBOOK = Get "/markets/{ticker}/orderbook" "GetMarketOrderbook" public Read;
    GET_MARKET_ORDERBOOKS = Get "/markets/orderbooks" "GetMarketOrderbooks" public Read;
    GET_TRADES = Get "/markets/trades" "GetTrades" public Read;
    BATCH_GET_MARKET_CANDLESTICKS = Get "/markets/candlesticks" "BatchGetMarketCandlesticks" public Read;
}

pages! {
    GET_MARKETS(MarketsQuery) = MarketsPage { markets: Market };
    GET_TRADES(TradesQuery) = TradesPage { trades: Trade };
}

record! {
    /// The envelope of a [`Market`]. Schema `GetMarketResponse`.
    pub struct MarketAnswer {
        /// The market.
        pub market: Market,
    }
}

record! {
    /// A page of markets. Schema `GetMarketsResponse`.
    pub struct MarketsPage {
        /// The markets.
        pub markets: Vec<Market>,
        /// Where the next page begins; none on the last.
        pub cursor: Option<Cursor>,
    }
}

record! {
    /// A page of trades. Schema `GetTradesResponse`.
    pub struct TradesPage {
        /// The trades.
        pub trades: Vec<Trade>,
        /// Where the next page begins; none on the last.
        pub cursor: Option<Cursor>,
    }
}

record! {
    /// A public trade. Schema `Trade`.
    pub struct Trade {
        /// Its identifier.
        pub trade_id: TradeId,
        /// The market.
        pub ticker: Ticker,
        /// Contracts.
        pub count_fp: Quantity,
        /// The price of YES.
        pub yes_price_dollars: Price,
        /// The price of NO: one dollar less that of YES.
        pub no_price_dollars: Price,
        /// Deprecated by the venue in favour of `taker_outcome_side`.
        pub taker_side: Option<OutcomeSide>,
        /// Which outcome the taker is for after it.
        pub taker_outcome_side: OutcomeSide,
        /// The same as the side of the YES book.
        pub taker_book_side: BookSide,
        /// When it happened.
        pub created_time: Timestamp,
        /// Whether it was agreed on away from the book.
        pub is_block_trade: bool,
    }
    retired on "2026-03-12" {
        _dollars: yes_price, no_price;
        _fp: count;
        "price" => "yes_price_dollars",
    }
}

record! {
    /// Candlesticks of many markets. Schema `BatchGetMarketCandlesticksResponse`.
    pub struct CandlesticksByMarket {
        /// One entry per market; markets that the venue does not know are left out.
        pub markets: Vec<CandlesticksOfMarket>,
    }
}

record! {
    /// Candlesticks of one of many markets. Schema `MarketCandlesticksResponse`.
    pub struct CandlesticksOfMarket {
        /// The market.
        pub market_ticker: Ticker,
        /// Oldest first.
        pub candlesticks: Vec<Candlestick>,
    }
}

query! {
    /// Which markets. The venue takes one range of times only, and only with the statuses that it can hold for. Query
    /// of operation `GetMarkets`.
    pub struct MarketsQuery {}
    optional {
        /// Items per page, 0 to 1000; 100 without.
        pub limit: Option<u32>,
        /// Where the page begins; the first page without.
        pub cursor: Option<Cursor>,
        /// Only of this event.
        pub event_ticker: Option<EventTicker>,
        /// Only of this series. The venue may want `mve_filter` to be `exclude` with it.
        pub series_ticker: Option<SeriesTicker>,
        /// Created after this time.
        pub min_created_ts: Option<UnixSeconds>,
        /// Created before this time.
        pub max_created_ts: Option<UnixSeconds>,
        /// Described anew after this time; trading does not count. Stands with `mve_filter=exclude` and `series_ticker`
        /// only.
        pub min_updated_ts: Option<UnixSeconds>,
        /// Described anew before this time; stands with the same ones only.
        pub max_updated_ts: Option<UnixSeconds>,
        /// Closing before this time.
        pub max_close_ts: Option<UnixSeconds>,
        /// Closing after this time.
        pub min_close_ts: Option<UnixSeconds>,
        /// Settled after this time.
        pub min_settled_ts: Option<UnixSeconds>,
        /// Settled before this time.
        pub max_settled_ts: Option<UnixSeconds>,
        /// Only in this state. The words are not those of [`Market::status`].
        pub status: Option<MarketFilter>,
        /// Only these. The venue leaves out those that it does not know.
        pub tickers: Vec<Ticker> = comma,
        /// Only combos, or none.
        pub mve_filter: Option<MveFilter>,
    }
}

open_enum! {
    /// The states by which markets are asked for. A market tells its state in other words: see [`MarketStatus`].
    pub enum MarketFilter {
        /// Not open yet.
        Unopened = "unopened",
        /// Trading.
        Open = "open",
        /// Trading is suspended.
        Paused = "paused",
        /// Past its close and not settled.
        Closed = "closed",
        /// Settled.
        Settled = "settled",
    }
}

open_enum! {
    /// What to do with combo markets.
    pub enum MveFilter {
        /// Only combos.
        Only = "only",
        /// No combos.
        Exclude = "exclude",
    }
}

query! {
    /// Which trades. Query of operation `GetTrades`.
    pub struct TradesQuery {}
    optional {
        /// Items per page, 0 to 1000; 100 without.
        pub limit: Option<u32>,
        /// Where the page begins; the first page without.
        pub cursor: Option<Cursor>,
        /// Only of this market.
        pub ticker: Option<Ticker>,
        /// After this time.
        pub min_ts: Option<UnixSeconds>,
        /// Before this time.
        pub max_ts: Option<UnixSeconds>,
        /// Only block trades, or none; both without.
        pub is_block_trade: Option<bool>,
    }
}

query! {
    /// How much of a book. Query of operation `GetMarketOrderbook`.
    pub struct OrderbookQuery {}
    optional {
        /// The best levels of each side, at most 100; all of them with 0 or without.
        pub depth: Option<u32>,
    }
}

query! {
    /// Whose books: at most 100 markets. See [`Client::orderbooks_of`] for more. Query of operation
    /// `GetMarketOrderbooks`.
    pub struct OrderbooksQuery {
        /// The markets.
        pub tickers: Vec<Ticker> = repeated,
    }
}

query! {
    /// Which candlesticks of which markets: at most 100 markets and 10,000 candlesticks. See
    /// [`Client::candlesticks_of`] for more. Query of operation `BatchGetMarketCandlesticks`.
    pub struct BatchCandlesticksQuery {
        /// The markets.
        pub market_tickers: Vec<Ticker> = comma,
        /// The first period ends at this time or later.
        pub start_ts: UnixSeconds,
        /// The last period ends at this time or earlier.
        pub end_ts: UnixSeconds,
        /// The length of a period.
        pub period_interval: PeriodInterval,
    }
    optional {
        /// Put one more before the first, made of the last one before the range.
        pub include_latest_before_start: Option<bool>,
    }
}

impl Client {
    /// A page of markets. Operation `GetMarkets`.
    pub async fn markets(&self, query: &MarketsQuery) -> Result<MarketsPage, Error> {
        self.call(query.add_to(Call::new(&GET_MARKETS))).await
    }

    /// All markets that the query names. Pages shift while data changes: a market may come in a state that the query
    /// did not ask for, or twice. Pages of [`markets`](Client::markets), from `query.cursor` on.
    pub fn all_markets(&self, query: MarketsQuery) -> Items<Market> {
        items(self, query)
    }

    /// One market. One that was created just now may not be found for a moment. Operation `GetMarket`.
    pub async fn market(&self, ticker: &Ticker) -> Result<Market, Error> {
        Ok(self.call::<MarketAnswer>(Call::new(&GET_MARKET).path("ticker", ticker)).await?.market)
    }

    /// The book of one market. It bears no time and no sequence number, so it cannot be spliced into a stream of
    /// deltas. Operation `GetMarketOrderbook`.
    pub async fn orderbook(&self, ticker: &Ticker, query: &OrderbookQuery) -> Result<Orderbook, Error> {
        Ok(self
            .call::<OrderbookAnswer>(query.add_to(Call::new(&GET_MARKET_ORDERBOOK).path("ticker", ticker)))
            .await?
            .orderbook_fp)
    }

    /// The books of at most 100 markets. The venue leaves out markets that it does not know. Operation
    /// `GetMarketOrderbooks`.
    pub async fn orderbooks(&self, query: &OrderbooksQuery) -> Result<Vec<MarketOrderbook>, Error> {
        Ok(self.call::<OrderbooksAnswer>(query.add_to(Call::new(&GET_MARKET_ORDERBOOKS))).await?.orderbooks)
    }

    /// A page of trades. Operation `GetTrades`.
    pub async fn trades(&self, query: &TradesQuery) -> Result<TradesPage, Error> {
        self.call(query.add_to(Call::new(&GET_TRADES))).await
    }

    /// All trades that the query names. Pages of [`trades`](Client::trades), from `query.cursor` on.
    pub fn all_trades(&self, query: TradesQuery) -> Items<Trade> {
        items(self, query)
    }

    /// Candlesticks of several markets. Operation `BatchGetMarketCandlesticks`.
    pub async fn candlesticks(&self, query: &BatchCandlesticksQuery) -> Result<Vec<CandlesticksOfMarket>, Error> {
        Ok(self.call::<CandlesticksByMarket>(query.add_to(Call::new(&BATCH_GET_MARKET_CANDLESTICKS))).await?.markets)
    }
}
