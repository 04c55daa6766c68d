//! What a frame means: the five kinds of event, and the record that says when and how we heard it.
//!
//! Events borrow their text from the frame they were read from, so that reading a delta allocates
//! nothing; [`EventRecord::into_owned`] cuts the tie.

use std::borrow::Cow;

use crate::{ExchangeTime, Price, Quantity, ReceivedTime, Side};

/// One event as it reached us: what it means, and everything its envelope and our clock said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventRecord<'a> {
    /// Our clock when the frame arrived.
    pub recv_ts: ReceivedTime,
    /// The connection it came over: a number that is unique inside one archive.
    pub connection: u32,
    /// The venue's subscription id, counted per connection from 1.
    pub sid: Option<u32>,
    /// The venue's sequence number, counted per `sid`; absent on channels that carry none.
    pub seq: Option<u64>,
    /// The venue's stamp of when it wrote the frame (`sending_ts_ms`), where given.
    pub sent_ts: Option<ExchangeTime>,
    /// What the frame means.
    pub event: Event<'a>,
    /// Fields of the frame that have no column yet, as one JSON object.
    pub extra: Option<Cow<'a, str>>,
}

/// What a frame means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// A whole book.
    Snapshot(Snapshot<'a>),
    /// A change of one price level.
    Delta(Delta<'a>),
    /// A public trade.
    Trade(Trade<'a>),
    /// A change of a market's headline figures.
    Ticker(TickerUpdate<'a>),
    /// A change in the life of a market or event.
    Lifecycle(Lifecycle<'a>),
}

/// A whole book as the venue states it. It carries no exchange time before the venue's `clock` field of October 2026.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot<'a> {
    /// Market ticker.
    pub ticker: Cow<'a, str>,
    /// The venue's market id; may be empty.
    pub market_id: Cow<'a, str>,
    /// Exchange time, where the venue gave one.
    pub ts: Option<ExchangeTime>,
    /// The venue's per-market logical clock, equal on every connection.
    pub clock: Option<u64>,
    /// YES bids, in the order of the frame.
    pub yes: Vec<(Price, Quantity)>,
    /// NO bids, in the order of the frame.
    pub no: Vec<(Price, Quantity)>,
}

/// A signed change of the size of one price level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delta<'a> {
    /// Market ticker.
    pub ticker: Cow<'a, str>,
    /// The venue's market id.
    pub market_id: Cow<'a, str>,
    /// Exchange time in microseconds.
    pub ts: Option<ExchangeTime>,
    /// The venue's per-market logical clock.
    pub clock: Option<u64>,
    /// Which bid ladder.
    pub side: Side,
    /// The level, in that side's own terms.
    pub price: Price,
    /// The change.
    pub quantity: Quantity,
}

/// A public trade.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trade<'a> {
    /// Market ticker.
    pub ticker: Cow<'a, str>,
    /// The venue's trade id, a UUID; may repeat after a reconnect.
    pub trade_id: Cow<'a, str>,
    /// Exchange time, millisecond grain.
    pub ts: Option<ExchangeTime>,
    /// Price of the YES contract.
    pub yes_price: Price,
    /// Price of the NO contract.
    pub no_price: Price,
    /// Contracts traded.
    pub count: Quantity,
    /// The side the taker bought (`taker_side`; deprecated by the venue).
    pub taker_side: Option<Side>,
    /// The outcome the taker gained exposure to.
    pub taker_outcome_side: Option<Side>,
    /// `bid` or `ask`, on the YES scale.
    pub taker_book_side: Option<Cow<'a, str>>,
    /// Whether it was a privately negotiated block.
    pub is_block_trade: Option<bool>,
}

/// A market's headline figures after a change (the venue's `ticker` channel).
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct TickerUpdate<'a> {
    /// Market ticker.
    pub ticker: Cow<'a, str>,
    /// The venue's market id.
    pub market_id: Cow<'a, str>,
    /// Exchange time.
    pub ts: Option<ExchangeTime>,
    /// Last traded YES price; absent for a market that never traded.
    pub price: Option<Price>,
    /// Best YES bid.
    pub yes_bid: Option<Price>,
    /// Best YES ask.
    pub yes_ask: Option<Price>,
    /// Size at the best YES bid.
    pub yes_bid_size: Option<Quantity>,
    /// Size at the best YES ask.
    pub yes_ask_size: Option<Quantity>,
    /// Size of the last trade.
    pub last_trade_size: Option<Quantity>,
    /// Contracts traded so far.
    pub volume: Option<Quantity>,
    /// Open contracts.
    pub open_interest: Option<Quantity>,
    /// Whole dollars traded.
    pub dollar_volume: Option<i64>,
    /// Whole dollars of open interest.
    pub dollar_open_interest: Option<i64>,
}

/// A change in the life of a market or event. Its payload differs by kind and grows often, so it is kept as JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lifecycle<'a> {
    /// Frame type: `market_lifecycle_v2`, `event_lifecycle`, `event_fee_update`, `multivariate_market_lifecycle`.
    pub channel: Cow<'a, str>,
    /// `created`, `activated`, `determined`, …; empty where the frame has none.
    pub event_type: Cow<'a, str>,
    /// Market ticker, where it concerns a market.
    pub ticker: Option<Cow<'a, str>>,
    /// Event ticker, where named.
    pub event_ticker: Option<Cow<'a, str>>,
    /// Exchange time, where given.
    pub ts: Option<ExchangeTime>,
    /// The `msg` object as sent.
    pub payload: Cow<'a, str>,
}

impl Event<'_> {
    /// The market the event concerns, if it concerns one.
    pub fn ticker(&self) -> Option<&str> {
        match self {
            Event::Snapshot(event) => Some(&event.ticker),
            Event::Delta(event) => Some(&event.ticker),
            Event::Trade(event) => Some(&event.ticker),
            Event::Ticker(event) => Some(&event.ticker),
            Event::Lifecycle(event) => event.ticker.as_deref(),
        }
    }

    /// The venue's per-market logical clock: only book events have one, and only since October 2026.
    pub fn clock(&self) -> Option<u64> {
        match self {
            Event::Snapshot(event) => event.clock,
            Event::Delta(event) => event.clock,
            Event::Trade(_) | Event::Ticker(_) | Event::Lifecycle(_) => None,
        }
    }

    /// The venue's stamp, where it gave one.
    pub fn ts(&self) -> Option<ExchangeTime> {
        match self {
            Event::Snapshot(event) => event.ts,
            Event::Delta(event) => event.ts,
            Event::Trade(event) => event.ts,
            Event::Ticker(event) => event.ts,
            Event::Lifecycle(event) => event.ts,
        }
    }
}

fn owned(text: Cow<'_, str>) -> Cow<'static, str> {
    Cow::Owned(text.into_owned())
}

impl EventRecord<'_> {
    /// The same record, owning its text.
    pub fn into_owned(self) -> EventRecord<'static> {
        EventRecord {
            recv_ts: self.recv_ts,
            connection: self.connection,
            sid: self.sid,
            seq: self.seq,
            sent_ts: self.sent_ts,
            event: self.event.into_owned(),
            extra: self.extra.map(owned),
        }
    }
}

impl Event<'_> {
    /// The same event, owning its text.
    pub fn into_owned(self) -> Event<'static> {
        match self {
            Event::Snapshot(event) => Event::Snapshot(Snapshot {
                ticker: owned(event.ticker),
                market_id: owned(event.market_id),
                ts: event.ts,
                clock: event.clock,
                yes: event.yes,
                no: event.no,
            }),
            Event::Delta(event) => Event::Delta(Delta {
                ticker: owned(event.ticker),
                market_id: owned(event.market_id),
                ts: event.ts,
                clock: event.clock,
                side: event.side,
                price: event.price,
                quantity: event.quantity,
            }),
            Event::Trade(event) => Event::Trade(Trade {
                ticker: owned(event.ticker),
                trade_id: owned(event.trade_id),
                ts: event.ts,
                yes_price: event.yes_price,
                no_price: event.no_price,
                count: event.count,
                taker_side: event.taker_side,
                taker_outcome_side: event.taker_outcome_side,
                taker_book_side: event.taker_book_side.map(owned),
                is_block_trade: event.is_block_trade,
            }),
            Event::Ticker(event) => Event::Ticker(TickerUpdate {
                ticker: owned(event.ticker),
                market_id: owned(event.market_id),
                ts: event.ts,
                price: event.price,
                yes_bid: event.yes_bid,
                yes_ask: event.yes_ask,
                yes_bid_size: event.yes_bid_size,
                yes_ask_size: event.yes_ask_size,
                last_trade_size: event.last_trade_size,
                volume: event.volume,
                open_interest: event.open_interest,
                dollar_volume: event.dollar_volume,
                dollar_open_interest: event.dollar_open_interest,
            }),
            Event::Lifecycle(event) => Event::Lifecycle(Lifecycle {
                channel: owned(event.channel),
                event_type: owned(event.event_type),
                ticker: event.ticker.map(owned),
                event_ticker: event.event_ticker.map(owned),
                ts: event.ts,
                payload: owned(event.payload),
            }),
        }
    }
}
