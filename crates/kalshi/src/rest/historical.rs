//! What is too old for the other operations. [`historical_cutoff`](Client::historical_cutoff) says where old begins.

use crate::{
    client::{Call, Client, Error},
    rest::{
        markets::{Market, MarketAnswer, MarketsPage, MveFilter, Trade, TradesPage},
        orders::{Order, OrdersPage},
        paging::{Items, items, pages},
        portfolio::{Fill, FillsPage, MarketPosition, PositionsPage},
        series::PeriodInterval,
        value::{
            Cursor, EventTicker, Query, SeriesTicker, Subaccount, Timestamp, UnixSeconds, operations, query, record,
        },
    },
};
use daybook_book::{Money, Price, Quantity, Ticker};

operations! {
    GET_HISTORICAL_CUTOFF = Get "/historical/cutoff" "GetHistoricalCutoff" public Read;
    GET_MARKET_CANDLESTICKS_HISTORICAL = Get "/historical/markets/{ticker}/candlesticks"
        "GetMarketCandlesticksHistorical" public Read;
    GET_FILLS_HISTORICAL = Get "/historical/fills" "GetFillsHistorical" signed Read;
    GET_HISTORICAL_ORDERS = Get "/historical/orders" "GetHistoricalOrders" signed Read;
    GET_HISTORICAL_POSITIONS = Get "/historical/positions" "GetHistoricalPositions" signed Read;
    GET_TRADES_HISTORICAL = Get "/historical/trades" "GetTradesHistorical" public Read;
    GET_HISTORICAL_MARKETS = Get "/historical/markets" "GetHistoricalMarkets" public Read;
    GET_HISTORICAL_MARKET = Get "/historical/markets/{ticker}" "GetHistoricalMarket" public Read;
}

pages! {
    GET_FILLS_HISTORICAL(HistoricalFillsQuery) = FillsPage { fills: Fill };
    GET_HISTORICAL_ORDERS(HistoricalOrdersQuery) = OrdersPage { orders: Order };
    GET_HISTORICAL_POSITIONS(HistoricalPositionsQuery) = PositionsPage { market_positions: MarketPosition };
    GET_TRADES_HISTORICAL(HistoricalTradesQuery) = TradesPage { trades: Trade };
    GET_HISTORICAL_MARKETS(HistoricalMarketsQuery) = MarketsPage { markets: Market };
}

record! {
    /// Where the history begins, going back. What is older is here only, what is newer elsewhere only. Schema
    /// `GetHistoricalCutoffResponse`.
    pub struct HistoricalCutoff {
        /// Markets, with their candlesticks, that were settled before this.
        pub market_settled_ts: Timestamp,
        /// Trades and fills that happened before this.
        pub trades_created_ts: Timestamp,
        /// Orders that were cancelled or executed before this. Resting orders never move.
        pub orders_updated_ts: Timestamp,
        /// Settled positions that last changed before this; they move by whole events.
        pub market_positions_last_updated_ts: Option<Timestamp>,
    }
}

record! {
    /// Candlesticks of an archived market. Schema `GetMarketCandlesticksHistoricalResponse`.
    pub struct HistoricalCandlesticks {
        /// The market.
        pub ticker: Ticker,
        /// Oldest first.
        pub candlesticks: Vec<HistoricalCandlestick>,
    }
}

record! {
    /// What happened to an archived market in one period. Names differ from those of live markets. Schema
    /// `MarketCandlestickHistorical`.
    pub struct HistoricalCandlestick {
        /// The end of the period, which belongs to it.
        pub end_period_ts: UnixSeconds,
        /// The best bid for YES.
        pub yes_bid: HistoricalQuoteRange,
        /// The best offer of YES.
        pub yes_ask: HistoricalQuoteRange,
        /// Trades, at the price of YES. All absent where there were none.
        pub price: HistoricalTradeRange,
        /// Contracts traded.
        pub volume: Quantity,
        /// Contracts open at the end.
        pub open_interest: Quantity,
    }
}

record! {
    /// Where the best bid or offer moved in a period. Schema `BidAskDistributionHistorical`.
    pub struct HistoricalQuoteRange {
        /// At the beginning.
        pub open: Price,
        /// Lowest.
        pub low: Price,
        /// Highest.
        pub high: Price,
        /// At the end.
        pub close: Price,
    }
}

record! {
    /// Where the price of trades moved in a period. Schema `PriceDistributionHistorical`.
    pub struct HistoricalTradeRange {
        /// Of the first trade.
        pub open: Option<Price> = null,
        /// Lowest.
        pub low: Option<Price> = null,
        /// Highest.
        pub high: Option<Price> = null,
        /// Of the last trade.
        pub close: Option<Price> = null,
        /// Mean over the contracts traded; may be finer than a price.
        pub mean: Option<Money> = null,
        /// Of the last trade before the period.
        pub previous: Option<Price> = null,
    }
}

query! {
    /// Which candlesticks of an archived market. Query of operation `GetMarketCandlesticksHistorical`.
    pub struct HistoricalCandlesticksQuery {
        /// The first period ends at this time or later.
        pub start_ts: UnixSeconds,
        /// The last period ends at this time or earlier.
        pub end_ts: UnixSeconds,
        /// The length of a period.
        pub period_interval: PeriodInterval,
    }
}

query! {
    /// Which archived fills. Query of operation `GetFillsHistorical`.
    pub struct HistoricalFillsQuery {}
    optional {
        /// Only in this market.
        pub ticker: Option<Ticker>,
        /// After this time.
        pub min_ts: Option<UnixSeconds>,
        /// Before this time.
        pub max_ts: Option<UnixSeconds>,
        /// Items per page, 1 to 1000; 100 without.
        pub limit: Option<u32>,
        /// Where the page begins; the first page without.
        pub cursor: Option<Cursor>,
        /// Only of this subaccount; all without.
        pub subaccount: Option<Subaccount>,
    }
}

query! {
    /// Which archived orders. Query of operation `GetHistoricalOrders`.
    pub struct HistoricalOrdersQuery {}
    optional {
        /// Only in this market.
        pub ticker: Option<Ticker>,
        /// Only orders after this time; the venue does not say which of their times it means.
        pub min_ts: Option<UnixSeconds>,
        /// Only orders before this time, likewise.
        pub max_ts: Option<UnixSeconds>,
        /// Items per page, 1 to 1000; 100 without.
        pub limit: Option<u32>,
        /// Where the page begins; the first page without.
        pub cursor: Option<Cursor>,
        /// Only of this subaccount; all without.
        pub subaccount: Option<Subaccount>,
    }
}

query! {
    /// Which archived positions. Query of operation `GetHistoricalPositions`.
    pub struct HistoricalPositionsQuery {}
    optional {
        /// Only in this market.
        pub ticker: Option<Ticker>,
        /// Only in this event.
        pub event_ticker: Option<EventTicker>,
        /// Of this subaccount; the primary one without.
        pub subaccount: Option<Subaccount>,
        /// Items per page, 1 to 1000; 100 without.
        pub limit: Option<u32>,
        /// Where the page begins; the first page without.
        pub cursor: Option<Cursor>,
    }
}

query! {
    /// Which archived trades. Query of operation `GetTradesHistorical`.
    pub struct HistoricalTradesQuery {}
    optional {
        /// Only of this market.
        pub ticker: Option<Ticker>,
        /// After this time.
        pub min_ts: Option<UnixSeconds>,
        /// Before this time.
        pub max_ts: Option<UnixSeconds>,
        /// Items per page, 0 to 1000; 100 without.
        pub limit: Option<u32>,
        /// Where the page begins; the first page without.
        pub cursor: Option<Cursor>,
        /// Only block trades, or none; both without.
        pub is_block_trade: Option<bool>,
    }
}

query! {
    /// Which archived markets. The venue takes one filter at a time. Query of operation `GetHistoricalMarkets`.
    pub struct HistoricalMarketsQuery {}
    optional {
        /// Items per page, 0 to 1000; 100 without.
        pub limit: Option<u32>,
        /// Where the page begins; the first page without.
        pub cursor: Option<Cursor>,
        /// Only these.
        pub tickers: Vec<Ticker> = comma,
        /// Only of this event.
        pub event_ticker: Option<EventTicker>,
        /// Only of this series.
        pub series_ticker: Option<SeriesTicker>,
        /// [`MveFilter::Exclude`] leaves out combos.
        pub mve_filter: Option<MveFilter>,
    }
}

impl Client {
    /// Where the history begins. Operation `GetHistoricalCutoff`.
    pub async fn historical_cutoff(&self) -> Result<HistoricalCutoff, Error> {
        self.call(Call::new(&GET_HISTORICAL_CUTOFF)).await
    }

    /// Candlesticks of an archived market. Operation `GetMarketCandlesticksHistorical`.
    pub async fn historical_candlesticks(
        &self,
        ticker: &Ticker,
        query: &HistoricalCandlesticksQuery,
    ) -> Result<HistoricalCandlesticks, Error> {
        self.call(query.add_to(Call::new(&GET_MARKET_CANDLESTICKS_HISTORICAL).path("ticker", ticker))).await
    }

    /// A page of archived fills. Operation `GetFillsHistorical`.
    pub async fn historical_fills(&self, query: &HistoricalFillsQuery) -> Result<FillsPage, Error> {
        self.call(query.add_to(Call::new(&GET_FILLS_HISTORICAL))).await
    }

    /// All archived fills that the query names. Pages of [`historical_fills`](Client::historical_fills), from
    /// `query.cursor` on.
    pub fn all_historical_fills(&self, query: HistoricalFillsQuery) -> Items<Fill> {
        items(self, query)
    }

    /// A page of archived orders. Operation `GetHistoricalOrders`.
    pub async fn historical_orders(&self, query: &HistoricalOrdersQuery) -> Result<OrdersPage, Error> {
        self.call(query.add_to(Call::new(&GET_HISTORICAL_ORDERS))).await
    }

    /// All archived orders that the query names. Pages of [`historical_orders`](Client::historical_orders), from
    /// `query.cursor` on.
    pub fn all_historical_orders(&self, query: HistoricalOrdersQuery) -> Items<Order> {
        items(self, query)
    }

    /// A page of archived positions. One may be live as well while its event moves: the key is subaccount and ticker.
    /// Operation `GetHistoricalPositions`.
    pub async fn historical_positions(&self, query: &HistoricalPositionsQuery) -> Result<PositionsPage, Error> {
        self.call(query.add_to(Call::new(&GET_HISTORICAL_POSITIONS))).await
    }

    /// All archived positions in markets that the query names. Pages of
    /// [`historical_positions`](Client::historical_positions), from `query.cursor` on.
    pub fn all_historical_positions(&self, query: HistoricalPositionsQuery) -> Items<MarketPosition> {
        items(self, query)
    }

    /// A page of archived trades. Operation `GetTradesHistorical`.
    pub async fn historical_trades(&self, query: &HistoricalTradesQuery) -> Result<TradesPage, Error> {
        self.call(query.add_to(Call::new(&GET_TRADES_HISTORICAL))).await
    }

    /// All archived trades that the query names. Pages of [`historical_trades`](Client::historical_trades), from
    /// `query.cursor` on.
    pub fn all_historical_trades(&self, query: HistoricalTradesQuery) -> Items<Trade> {
        items(self, query)
    }

    /// A page of archived markets. Operation `GetHistoricalMarkets`.
    pub async fn historical_markets(&self, query: &HistoricalMarketsQuery) -> Result<MarketsPage, Error> {
        self.call(query.add_to(Call::new(&GET_HISTORICAL_MARKETS))).await
    }

    /// All archived markets that the query names. Pages of [`historical_markets`](Client::historical_markets), from
    /// `query.cursor` on.
    pub fn all_historical_markets(&self, query: HistoricalMarketsQuery) -> Items<Market> {
        items(self, query)
    }

    /// One archived market. Operation `GetHistoricalMarket`.
    pub async fn historical_market(&self, ticker: &Ticker) -> Result<Market, Error> {
        Ok(self.call::<MarketAnswer>(Call::new(&GET_HISTORICAL_MARKET).path("ticker", ticker)).await?.market)
    }
}
