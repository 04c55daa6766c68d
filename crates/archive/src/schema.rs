//! The archive's tables: their columns, their order and how each is stored.
//!
//! Conventions. A nanosecond time is two columns: a `…_ts` timestamp in microseconds and a `…_nanos` small integer
//! with the 0–999 nanoseconds that are left, because open table formats stop at microseconds. Prices are
//! `DECIMAL(5,4)` dollars, quantities `DECIMAL(18,2)` contracts. `date` is the partition: the UTC day of the received time
//! (of the start, in `coverage`; of the import, where there is no received time). Every table but the metadata tables
//! is sorted by (ticker, ordinal) inside each file.

/// A table of the archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Table {
    /// Changes of price levels.
    Deltas,
    /// Whole books: the venue's snapshots, and folded ones so that reconstruction need not start at the beginning.
    Keyframes,
    /// Public trades.
    Trades,
    /// Headline figures of markets.
    Tickers,
    /// Changes in the life of markets and events.
    Lifecycle,
    /// Frames and lines that were not understood.
    Unparsed,
    /// Market metadata, a row per version.
    Markets,
    /// Event metadata, a row per version.
    Events,
    /// Series metadata, a row per version.
    Series,
    /// How markets were settled, a row per version.
    Settlements,
    /// What was imported.
    Sources,
    /// Intervals of complete record, and gaps. Committed last: its position is the archive's.
    Coverage,
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnType {
    /// 16-bit integer.
    Int16,
    /// 32-bit integer.
    Int32,
    /// 64-bit integer.
    Int64,
    /// Microseconds since the Unix epoch, UTC.
    Timestamp,
    /// Dollars, four places.
    Price,
    /// Contracts, two places.
    Quantity,
    /// True or false.
    Boolean,
    /// UTF-8 text.
    Text,
    /// Prices of a ladder's levels, best first.
    PriceList,
    /// Sizes of a ladder's levels, in the order of the prices.
    QuantityList,
}

/// How a column's values lie in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Few distinct values.
    Dictionary,
    /// Differences, packed tightly: for stamps that rise irregularly.
    Delta,
    /// Differences in whole bytes: for stamps that are multiples of something.
    DeltaBytes,
    /// As they are.
    Plain,
}

/// A column of a table.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub kind: ColumnType,
    /// Whether it can be absent.
    pub nullable: bool,
    /// How it is stored.
    pub layout: Layout,
}

const fn column(name: &'static str, kind: ColumnType, layout: Layout) -> Column {
    Column { name, kind, nullable: false, layout }
}

const fn optional(name: &'static str, kind: ColumnType, layout: Layout) -> Column {
    Column { name, kind, nullable: true, layout }
}

use ColumnType::{Boolean, Int16, Int32, Int64, Price, PriceList, Quantity, QuantityList, Text, Timestamp};
use Layout::{Delta, DeltaBytes, Dictionary, Plain};

/// Columns of `deltas`.
pub const DELTAS: &[Column] = &[
    column("ticker", Text, Dictionary),
    column("ordinal", Int64, Delta),
    column("recv_ts", Timestamp, DeltaBytes),
    column("recv_nanos", Int16, Dictionary),
    optional("ts", Timestamp, Delta),
    optional("sent_ts", Timestamp, DeltaBytes),
    optional("clock", Int64, Delta),
    optional("sid", Int32, Dictionary),
    optional("seq", Int64, Delta),
    column("connection", Int32, Dictionary),
    column("market_id", Text, Dictionary),
    column("side", Text, Dictionary),
    column("price", Price, Dictionary),
    column("quantity", Quantity, Dictionary),
    optional("extra", Text, Dictionary),
];

/// Columns of `keyframes`.
pub const KEYFRAMES: &[Column] = &[
    column("ticker", Text, Dictionary),
    column("ordinal", Int64, Delta),
    column("kind", Text, Dictionary),
    column("effective_ts", Timestamp, Delta),
    column("effective_nanos", Int16, Dictionary),
    column("latest_recv_ts", Timestamp, DeltaBytes),
    column("latest_recv_nanos", Int16, Dictionary),
    column("recv_ts", Timestamp, DeltaBytes),
    column("recv_nanos", Int16, Dictionary),
    optional("ts", Timestamp, Delta),
    optional("sent_ts", Timestamp, DeltaBytes),
    optional("clock", Int64, Delta),
    optional("sid", Int32, Dictionary),
    optional("seq", Int64, Delta),
    column("connection", Int32, Dictionary),
    column("market_id", Text, Dictionary),
    column("deltas_since", Int32, Dictionary),
    column("yes_prices", PriceList, Plain),
    column("yes_quantities", QuantityList, Plain),
    column("no_prices", PriceList, Plain),
    column("no_quantities", QuantityList, Plain),
    column("digest", Text, Plain),
    optional("extra", Text, Dictionary),
];

/// Columns of `trades`.
pub const TRADES: &[Column] = &[
    column("ticker", Text, Dictionary),
    column("ordinal", Int64, Delta),
    column("recv_ts", Timestamp, DeltaBytes),
    column("recv_nanos", Int16, Dictionary),
    optional("ts", Timestamp, DeltaBytes),
    optional("sent_ts", Timestamp, DeltaBytes),
    optional("sid", Int32, Dictionary),
    optional("seq", Int64, Delta),
    column("connection", Int32, Dictionary),
    column("trade_id", Text, Plain),
    column("yes_price", Price, Dictionary),
    column("no_price", Price, Dictionary),
    column("count", Quantity, Dictionary),
    optional("taker_side", Text, Dictionary),
    optional("taker_outcome_side", Text, Dictionary),
    optional("taker_book_side", Text, Dictionary),
    optional("is_block_trade", Boolean, Dictionary),
    optional("extra", Text, Dictionary),
];

/// Columns of `tickers`.
pub const TICKERS: &[Column] = &[
    column("ticker", Text, Dictionary),
    column("ordinal", Int64, Delta),
    column("recv_ts", Timestamp, DeltaBytes),
    column("recv_nanos", Int16, Dictionary),
    optional("ts", Timestamp, DeltaBytes),
    optional("sent_ts", Timestamp, DeltaBytes),
    optional("sid", Int32, Dictionary),
    optional("seq", Int64, Delta),
    column("connection", Int32, Dictionary),
    column("market_id", Text, Dictionary),
    optional("price", Price, Dictionary),
    optional("yes_bid", Price, Dictionary),
    optional("yes_ask", Price, Dictionary),
    optional("yes_bid_size", Quantity, Dictionary),
    optional("yes_ask_size", Quantity, Dictionary),
    optional("last_trade_size", Quantity, Dictionary),
    optional("volume", Quantity, Delta),
    optional("open_interest", Quantity, Delta),
    optional("dollar_volume", Int64, Delta),
    optional("dollar_open_interest", Int64, Delta),
    optional("extra", Text, Dictionary),
];

/// Columns of `lifecycle`.
pub const LIFECYCLE: &[Column] = &[
    optional("ticker", Text, Dictionary),
    column("ordinal", Int64, Delta),
    column("recv_ts", Timestamp, DeltaBytes),
    column("recv_nanos", Int16, Dictionary),
    optional("ts", Timestamp, DeltaBytes),
    optional("sent_ts", Timestamp, DeltaBytes),
    optional("sid", Int32, Dictionary),
    optional("seq", Int64, Delta),
    column("connection", Int32, Dictionary),
    column("channel", Text, Dictionary),
    column("event_type", Text, Dictionary),
    optional("event_ticker", Text, Dictionary),
    column("payload", Text, Plain),
    optional("extra", Text, Dictionary),
];

/// Columns of `unparsed`.
pub const UNPARSED: &[Column] = &[
    column("ordinal", Int64, Delta),
    optional("recv_ts", Timestamp, DeltaBytes),
    optional("recv_nanos", Int16, Dictionary),
    column("connection", Int32, Dictionary),
    column("reason", Text, Dictionary),
    column("origin", Text, Plain),
    column("raw", Text, Plain),
];

/// Columns of `coverage`. The row of an interval with the highest `position` is the one that holds.
pub const COVERAGE: &[Column] = &[
    column("ticker", Text, Dictionary),
    column("connection", Int32, Dictionary),
    optional("sid", Int32, Dictionary),
    column("standing", Text, Dictionary),
    column("from_ts", Timestamp, Delta),
    column("from_nanos", Int16, Dictionary),
    column("to_ts", Timestamp, Delta),
    column("to_nanos", Int16, Dictionary),
    column("from_recv_ts", Timestamp, Delta),
    column("from_recv_nanos", Int16, Dictionary),
    column("to_recv_ts", Timestamp, Delta),
    column("to_recv_nanos", Int16, Dictionary),
    column("first_ordinal", Int64, Delta),
    column("last_ordinal", Int64, Delta),
    column("began", Text, Dictionary),
    optional("ended", Text, Dictionary),
    column("position", Int64, Dictionary),
];

/// Columns of `sources`.
pub const SOURCES: &[Column] = &[
    column("source", Int32, Plain),
    column("name", Text, Plain),
    column("bytes", Int64, Plain),
    column("digest", Text, Plain),
    column("lines", Int64, Plain),
    column("events", Int64, Plain),
    column("unparsed", Int64, Plain),
    column("duplicates", Int64, Plain),
    column("complete", Boolean, Dictionary),
    column("truncated", Boolean, Dictionary),
    column("imported_ts", Timestamp, Plain),
    column("state", Text, Plain),
    column("position", Int64, Dictionary),
];

/// Columns that every metadata table starts with.
const VERSION: [Column; 5] = [
    column("ticker", Text, Dictionary),
    column("valid_from", Timestamp, Plain),
    optional("valid_to", Timestamp, Plain),
    column("digest", Text, Plain),
    column("raw", Text, Plain),
];

/// Columns of `markets`.
pub const MARKETS: &[Column] = &[
    VERSION[0],
    VERSION[1],
    VERSION[2],
    optional("event_ticker", Text, Dictionary),
    optional("market_type", Text, Dictionary),
    optional("status", Text, Dictionary),
    optional("result", Text, Dictionary),
    optional("title", Text, Dictionary),
    optional("yes_sub_title", Text, Plain),
    optional("no_sub_title", Text, Plain),
    optional("open_time", Timestamp, Plain),
    optional("close_time", Timestamp, Plain),
    optional("created_time", Timestamp, Plain),
    optional("expected_expiration_time", Timestamp, Plain),
    optional("strike_type", Text, Dictionary),
    optional("floor_strike", Text, Plain),
    optional("cap_strike", Text, Plain),
    optional("price_level_structure", Text, Dictionary),
    optional("price_ranges", Text, Dictionary),
    optional("rules_primary", Text, Plain),
    optional("volume", Text, Plain),
    VERSION[3],
    VERSION[4],
];

/// Columns of `events`.
pub const EVENTS: &[Column] = &[
    VERSION[0],
    VERSION[1],
    VERSION[2],
    optional("series_ticker", Text, Dictionary),
    optional("title", Text, Plain),
    optional("sub_title", Text, Plain),
    optional("category", Text, Dictionary),
    optional("mutually_exclusive", Text, Dictionary),
    optional("strike_date", Timestamp, Plain),
    VERSION[3],
    VERSION[4],
];

/// Columns of `series`.
pub const SERIES: &[Column] = &[
    VERSION[0],
    VERSION[1],
    VERSION[2],
    optional("title", Text, Plain),
    optional("category", Text, Dictionary),
    optional("frequency", Text, Dictionary),
    VERSION[3],
    VERSION[4],
];

/// Columns of `settlements`.
pub const SETTLEMENTS: &[Column] = &[
    VERSION[0],
    VERSION[1],
    VERSION[2],
    optional("event_ticker", Text, Dictionary),
    optional("result", Text, Dictionary),
    optional("settlement_value", Text, Dictionary),
    optional("expiration_value", Text, Plain),
    optional("settlement_ts", Timestamp, Plain),
    VERSION[3],
    VERSION[4],
];

impl Table {
    /// Every table, in the order in which a sealing commits them.
    pub const ALL: [Table; 12] = [
        Table::Deltas,
        Table::Keyframes,
        Table::Trades,
        Table::Tickers,
        Table::Lifecycle,
        Table::Unparsed,
        Table::Markets,
        Table::Events,
        Table::Series,
        Table::Settlements,
        Table::Sources,
        Table::Coverage,
    ];

    /// Its name: the folder in the archive, and the name in SQL.
    pub const fn name(self) -> &'static str {
        match self {
            Table::Deltas => "deltas",
            Table::Keyframes => "keyframes",
            Table::Trades => "trades",
            Table::Tickers => "tickers",
            Table::Lifecycle => "lifecycle",
            Table::Unparsed => "unparsed",
            Table::Markets => "markets",
            Table::Events => "events",
            Table::Series => "series",
            Table::Settlements => "settlements",
            Table::Sources => "sources",
            Table::Coverage => "coverage",
        }
    }

    /// The table of this name.
    pub fn from_name(name: &str) -> Option<Table> {
        Table::ALL.into_iter().find(|table| table.name() == name)
    }

    /// Its columns, without the partition.
    pub const fn columns(self) -> &'static [Column] {
        match self {
            Table::Deltas => DELTAS,
            Table::Keyframes => KEYFRAMES,
            Table::Trades => TRADES,
            Table::Tickers => TICKERS,
            Table::Lifecycle => LIFECYCLE,
            Table::Unparsed => UNPARSED,
            Table::Markets => MARKETS,
            Table::Events => EVENTS,
            Table::Series => SERIES,
            Table::Settlements => SETTLEMENTS,
            Table::Sources => SOURCES,
            Table::Coverage => COVERAGE,
        }
    }

    /// Whether it keeps versions of the venue's documents.
    pub const fn is_metadata(self) -> bool {
        matches!(self, Table::Markets | Table::Events | Table::Series | Table::Settlements)
    }

    /// Whether it is split into one folder per UTC day, by the column `date`.
    pub const fn is_partitioned(self) -> bool {
        !self.is_metadata() && !matches!(self, Table::Sources)
    }
}

/// The partition column.
pub const DATE: &str = "date";
