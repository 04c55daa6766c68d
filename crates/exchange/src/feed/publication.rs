//! What the venue tells its subscribers.
//!
//! Private messages carry the engine's own reports and what the engine does not know: the ids as the protocol spells
//! them, the shard. Nothing here is kept: everything is borrowed for the length of one call.

use std::fmt;

use daybook_book::{ExchangeTime, Price, Quantity, Side};
use serde::Serialize;
use serde_json::{Number, Value};

use crate::engine::{AccountId, BookSide, FillReport, GroupChange, MarketId, OrderReport, Owner, PositionReport};

/// An id that the protocol spells as a UUID.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uuid(pub u128);

impl Uuid {
    /// Its 36 characters: lower case, with hyphens.
    pub fn text(self) -> [u8; 36] {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = [b'-'; 36];
        let mut at = 0;
        for (index, byte) in self.0.to_be_bytes().into_iter().enumerate() {
            if matches!(index, 4 | 6 | 8 | 10) {
                at += 1;
            }
            text[at] = DIGITS[usize::from(byte >> 4)];
            text[at + 1] = DIGITS[usize::from(byte & 15)];
            at += 2;
        }
        text
    }

    /// Reads [`text`](Uuid::text)'s form, in either case of letters.
    pub fn parse(text: &str) -> Option<Uuid> {
        let hyphens = [8, 13, 18, 23];
        if text.len() != 36 || !text.bytes().enumerate().all(|(at, byte)| hyphens.contains(&at) == (byte == b'-')) {
            return None;
        }
        let mut value = 0u128;
        for digit in text.bytes().filter(|&byte| byte != b'-') {
            value = value << 4 | u128::from(char::from(digit).to_digit(16)?);
        }
        Some(Uuid(value))
    }
}

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text().iter().try_for_each(|&byte| fmt::Write::write_char(f, char::from(byte)))
    }
}

/// One thing that subscribers are told.
#[derive(Clone, Copy, Debug)]
pub enum Publication<'a> {
    /// A level of a book changed. Channel `orderbook_delta`.
    Delta(Delta<'a>),
    /// A whole book that nobody asked for: as the venue sends an empty one when a market closes, and as a replay does
    /// where its record begins anew. Channel `orderbook_delta`.
    Snapshot(Snapshot<'a>),
    /// A match, for everyone. Channel `trade`.
    Trade(Trade),
    /// A market's summary changed. Channel `ticker`.
    Ticker(Ticker),
    /// A match, for one of the two. Channel `fill`.
    Fill(Fill<'a>),
    /// An own order as it now is. Channel `user_orders`.
    Order(Order<'a>),
    /// An own position as it now is. Channel `market_positions`.
    Position(Position<'a>),
    /// An own order group changed. Channel `order_group_updates`.
    Group(Group),
    /// A market came, or its state changed. Channel `market_lifecycle_v2`, and `multivariate_market_lifecycle` if its
    /// ticker begins with `KXMVE`.
    Lifecycle(Lifecycle<'a>),
    /// An event came. The same channels, by the event's ticker.
    EventLifecycle(EventLifecycle<'a>),
    /// An event's fees are others than its series'. Channel `market_lifecycle_v2`.
    EventFee(EventFee<'a>),
    /// Something about requests for quotes. Channel `communications`.
    Communication(Communication<'a>),
    /// An index has a new value. Channels `cfbenchmarks_value`, `cfbenchmarks_value_5hz` and `pyth_value`.
    Index(Index<'a>),
    /// What a record of the venue holds, told with the fields that it holds. Channels as for the same live.
    Recorded(Recorded<'a>),
}

/// An event of a record.
#[derive(Clone, Copy, Debug)]
pub struct Recorded<'a> {
    /// The market; for an event's life, which is about none, any that the hub knows.
    pub market: MarketId,
    /// What the frame meant.
    pub event: &'a daybook_book::Event<'a>,
    /// What else it said: a JSON object.
    pub extra: Option<&'a str>,
}

/// A level of a book changed.
#[derive(Clone, Copy, Debug)]
pub struct Delta<'a> {
    /// Which book.
    pub market: MarketId,
    /// Which ladder.
    pub side: Side,
    /// Which level; of NO on the NO ladder.
    pub price: Price,
    /// By how much.
    pub change: Quantity,
    /// The exchange clock of the action behind it; never 0.
    pub clock: u64,
    /// When; none where a replayed record has none.
    pub ts: Option<ExchangeTime>,
    /// Whose order is behind it: only they are told so.
    pub owner: Option<Owner>,
    /// The owner's own name of that order.
    pub client_order_id: Option<&'a str>,
}

/// A whole book.
#[derive(Clone, Copy, Debug)]
pub struct Snapshot<'a> {
    /// Of which market.
    pub market: MarketId,
    /// The newest clock that it includes, 0 if nothing ever happened.
    pub clock: u64,
    /// YES bids, ascending.
    pub yes: &'a [(Price, Quantity)],
    /// NO bids, ascending, in prices of NO.
    pub no: &'a [(Price, Quantity)],
}

/// A match, as everyone sees it.
#[derive(Clone, Copy, Debug)]
pub struct Trade {
    /// Its id; both fills carry it too.
    pub id: Uuid,
    /// Where.
    pub market: MarketId,
    /// The price of YES.
    pub price: Price,
    /// Contracts.
    pub count: Quantity,
    /// Whether the taker bought or sold YES.
    pub taker: BookSide,
    /// Whether it was arranged off the book.
    pub is_block: bool,
    /// When.
    pub ts: ExchangeTime,
}

/// A market's summary.
#[derive(Clone, Copy, Debug)]
pub struct Ticker {
    /// Of which market.
    pub market: MarketId,
    /// The last trade's price of YES; none before the first, which the wire spells `""`.
    pub last: Option<Price>,
    /// The best YES bid; 0 where there is none.
    pub yes_bid: Price,
    /// The best YES ask; 1 where there is none.
    pub yes_ask: Price,
    /// Contracts at the best bid.
    pub yes_bid_size: Quantity,
    /// Contracts at the best ask.
    pub yes_ask_size: Quantity,
    /// Contracts of the last trade.
    pub last_size: Quantity,
    /// Contracts traded so far.
    pub volume: Quantity,
    /// Contracts held.
    pub open_interest: Quantity,
    /// What was paid for them so far, in whole dollars.
    pub dollar_volume: i64,
    /// What is held, in whole dollars.
    pub dollar_open_interest: i64,
    /// When it became so.
    pub ts: ExchangeTime,
}

/// A match, for one of the two.
#[derive(Clone, Copy, Debug)]
pub struct Fill<'a> {
    /// What the engine says.
    pub report: &'a FillReport,
    /// The id of the trade.
    pub trade: Uuid,
    /// The id of the order.
    pub order: Uuid,
    /// The shard.
    pub exchange_index: i32,
    /// When.
    pub ts: ExchangeTime,
}

/// An order, for its owner.
#[derive(Clone, Copy, Debug)]
pub struct Order<'a> {
    /// What the engine says.
    pub report: &'a OrderReport,
    /// Its id.
    pub order: Uuid,
    /// Its owner's id.
    pub user: Uuid,
    /// Its group's id.
    pub group: Option<Uuid>,
    /// The shard.
    pub exchange_index: i32,
    /// When it became so.
    pub ts: ExchangeTime,
}

/// A position, for its owner.
#[derive(Clone, Copy, Debug)]
pub struct Position<'a> {
    /// What the engine says.
    pub report: &'a PositionReport,
    /// Its owner's id.
    pub user: Uuid,
}

/// An order group, for its owner.
#[derive(Clone, Copy, Debug)]
pub struct Group {
    /// Whose.
    pub owner: Owner,
    /// Its id.
    pub group: Uuid,
    /// What happened.
    pub change: GroupChange,
    /// Its limit now; told where it is created or the limit changes.
    pub limit: Quantity,
    /// When.
    pub ts: ExchangeTime,
}

/// A market came, or its state changed.
#[derive(Clone, Copy, Debug)]
pub struct Lifecycle<'a> {
    /// Which; known to the hub by [`add_market`](super::Hub::add_market).
    pub market: MarketId,
    /// What happened.
    pub change: LifecycleChange<'a>,
}

/// What happened to a market.
#[derive(Clone, Copy, Debug)]
pub enum LifecycleChange<'a> {
    /// It came.
    Created {
        /// Its shard.
        exchange_index: i32,
        /// When it opens.
        open: ExchangeTime,
        /// When it closes.
        close: ExchangeTime,
        /// What it is about.
        metadata: &'a Metadata<'a>,
        /// Its valid prices.
        grid: Grid<'a>,
    },
    /// Trading goes on.
    Activated,
    /// Trading is paused.
    Deactivated,
    /// It closes at another time.
    CloseDateUpdated {
        /// When.
        close: ExchangeTime,
    },
    /// Its result is known.
    Determined {
        /// When it became so.
        at: ExchangeTime,
        /// `yes`, `no` or `scalar`.
        result: &'a str,
        /// What one YES contract is worth.
        value: Price,
    },
    /// Its positions are paid out.
    Settled {
        /// When.
        at: ExchangeTime,
    },
    /// Other prices are valid from now on. Not told of multivariate markets.
    GridUpdated(Grid<'a>),
    /// Its strike or its subtitle is another. Not told of multivariate markets.
    MetadataUpdated(&'a MetadataUpdate<'a>),
}

/// A market's valid prices.
#[derive(Clone, Copy, Debug)]
pub struct Grid<'a> {
    /// The venue's label of it, such as `linear_cent`.
    pub structure: &'a str,
    /// Start, end and step of each band.
    pub bands: &'a [(Price, Price, Price)],
}

/// What a market is about.
#[derive(Clone, Copy, Debug, Serialize)]
#[allow(missing_docs, reason = "the protocol's own fields")]
pub struct Metadata<'a> {
    pub name: &'a str,
    pub title: &'a str,
    pub yes_sub_title: &'a str,
    pub no_sub_title: &'a str,
    pub rules_primary: &'a str,
    pub rules_secondary: &'a str,
    pub can_close_early: bool,
    pub event_ticker: &'a str,
    /// Seconds since the Unix epoch.
    pub expected_expiration_ts: i64,
    #[serde(flatten)]
    pub strike: Strike<'a>,
}

/// What a market's outcome is measured against.
#[derive(Clone, Copy, Debug, Default, Serialize)]
#[allow(missing_docs, reason = "the protocol's own fields")]
pub struct Strike<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strike_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub floor_strike: Option<&'a Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cap_strike: Option<&'a Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom_strike: Option<&'a Value>,
}

/// What became another about a market.
#[derive(Clone, Copy, Debug, Default, Serialize)]
#[allow(missing_docs, reason = "the protocol's own fields")]
pub struct MetadataUpdate<'a> {
    #[serde(flatten)]
    pub strike: Strike<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub yes_sub_title: Option<&'a str>,
}

/// An event came.
#[derive(Clone, Copy, Debug, Serialize)]
#[allow(missing_docs, reason = "the protocol's own fields")]
pub struct EventLifecycle<'a> {
    pub event_ticker: &'a str,
    pub exchange_index: i32,
    pub title: &'a str,
    pub subtitle: &'a str,
    /// `MECNET`, `DIRECNET` or nothing.
    pub collateral_return_type: &'a str,
    pub series_ticker: &'a str,
    /// Seconds since the Unix epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strike_date: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strike_period: Option<&'a str>,
}

/// An event's fees are others than its series'; none: not any more.
#[derive(Clone, Copy, Debug, Serialize)]
#[allow(missing_docs, reason = "the protocol's own fields")]
pub struct EventFee<'a> {
    pub event_ticker: &'a str,
    pub fee_type_override: Option<&'a str>,
    pub fee_multiplier_override: Option<&'a Number>,
}

/// Something about requests for quotes.
#[derive(Clone, Copy, Debug)]
pub struct Communication<'a> {
    /// What happened.
    pub kind: CommunicationKind,
    /// The message's `msg`, as JSON. Whoever is told different things about one happening is told them by two
    /// publications.
    pub msg: &'a str,
    /// Who is told.
    pub audience: Audience,
    /// What decides about the shard: the market's ticker, or the id of the batch.
    pub shard_by: &'a str,
}

/// Who is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Everyone but those who asked for their own only; the creator in any case.
    Everyone {
        /// The creator.
        creator: AccountId,
    },
    /// The same without the creator, who is told something else.
    Others {
        /// The creator.
        creator: AccountId,
    },
    /// These two.
    Parties(AccountId, AccountId),
    /// This one.
    One(AccountId),
}

/// What happened to a request for quotes; the frame's `type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the protocol's own words")]
pub enum CommunicationKind {
    RfqCreated,
    RfqDeleted,
    QuoteCreated,
    QuoteAccepted,
    QuoteExecuted,
    RfqBatchCreated,
    RfqBatchDeleted,
    BatchQuoteCreated,
    RfqBatchBestQuotes,
    BatchQuoteAccepted,
    RfqBatchExecuted,
    BatchQuoteExecuted,
}

impl CommunicationKind {
    /// As the wire spells it.
    pub const fn as_str(self) -> &'static str {
        match self {
            CommunicationKind::RfqCreated => "rfq_created",
            CommunicationKind::RfqDeleted => "rfq_deleted",
            CommunicationKind::QuoteCreated => "quote_created",
            CommunicationKind::QuoteAccepted => "quote_accepted",
            CommunicationKind::QuoteExecuted => "quote_executed",
            CommunicationKind::RfqBatchCreated => "rfq_batch_created",
            CommunicationKind::RfqBatchDeleted => "rfq_batch_deleted",
            CommunicationKind::BatchQuoteCreated => "batch_quote_created",
            CommunicationKind::RfqBatchBestQuotes => "rfq_batch_best_quotes",
            CommunicationKind::BatchQuoteAccepted => "batch_quote_accepted",
            CommunicationKind::RfqBatchExecuted => "rfq_batch_executed",
            CommunicationKind::BatchQuoteExecuted => "batch_quote_executed",
        }
    }
}

/// An index has a new value. Values are decimal texts with eight places.
#[derive(Clone, Copy, Debug)]
pub enum Index<'a> {
    /// Once a second, with averages.
    CfBenchmarks(CfBenchmarks<'a>),
    /// Up to five times a second.
    CfBenchmarks5Hz(CfBenchmarks5Hz<'a>),
    /// Prices and yields.
    Pyth(Pyth<'a>),
}

/// Channel `cfbenchmarks_value`.
#[derive(Clone, Copy, Debug, Serialize)]
#[allow(missing_docs, reason = "the protocol's own fields")]
pub struct CfBenchmarks<'a> {
    pub index_id: &'a str,
    /// Milliseconds since the Unix epoch.
    pub received_at: i64,
    /// What the source sent, as text.
    pub data: &'a str,
    pub avg_60s_data: Average<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_60s_windowed_average_15min: Option<Average<'a>>,
}

/// An average over a window of time.
#[derive(Clone, Copy, Debug, Serialize)]
#[allow(missing_docs, reason = "the protocol's own fields")]
pub struct Average<'a> {
    pub value: &'a str,
    /// Values in it.
    pub window_size: u64,
    /// Milliseconds since the Unix epoch.
    pub window_start_ts_ms: i64,
    /// Milliseconds since the Unix epoch.
    pub window_end_ts_exclusive: i64,
}

/// Channel `cfbenchmarks_value_5hz`.
#[derive(Clone, Copy, Debug, Serialize)]
#[allow(missing_docs, reason = "the protocol's own fields")]
pub struct CfBenchmarks5Hz<'a> {
    pub index_id: &'a str,
    pub value_usd: &'a str,
    /// Milliseconds since the Unix epoch.
    pub source_ts_ms: i64,
    /// Milliseconds since the Unix epoch.
    pub received_at: i64,
    /// What the source sent, as text.
    pub data: &'a str,
}

/// Channel `pyth_value`.
#[derive(Clone, Copy, Debug, Serialize)]
#[allow(missing_docs, reason = "the protocol's own fields")]
pub struct Pyth<'a> {
    pub underlying_ticker: &'a str,
    pub value_usd: &'a str,
    /// Milliseconds since the Unix epoch.
    pub source_ts_ms: i64,
    /// Milliseconds since the Unix epoch.
    pub received_at: i64,
}
