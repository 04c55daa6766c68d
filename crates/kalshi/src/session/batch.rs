//! Facts in bulk: what one wake-up of a connection brought, in one buffer that is used again and again.
//!
//! A delta or trade in the venue's usual form is kept as numbers and a place in the batch's text, so that neither
//! writing nor reading it allocates once the buffers have grown.

use std::{
    borrow::Cow,
    sync::{Arc, Mutex, PoisonError},
};

use daybook_book::{Delta, Event, EventRecord, ExchangeTime, Price, Quantity, ReceivedTime, Side, Trade};

use super::Fact;

/// Takes facts in as they are found.
pub trait FactSink {
    /// Takes one.
    fn push(&mut self, fact: Fact<'_>);
}

/// The facts of one wake-up of one connection, in order. Read it with [`next`](Batch::next).
#[derive(Debug, Default)]
pub struct Batch {
    text: String,
    entries: Vec<Entry>,
    read: usize,
    pool: Option<Arc<Pool>>,
}

#[derive(Debug)]
enum Entry {
    Delta(Envelope, DeltaBody),
    Trade(Envelope, TradeBody),
    Other(Box<Fact<'static>>),
    Read,
}

#[derive(Clone, Copy, Debug)]
struct Envelope {
    recv_ts: ReceivedTime,
    connection: u32,
    sid: Option<u32>,
    seq: Option<u64>,
    sent_ts: Option<ExchangeTime>,
    ts: Option<ExchangeTime>,
    /// Where in the text the first text begins, and how long that and the second one are.
    at: u32,
    lengths: [u32; 2],
}

#[derive(Clone, Copy, Debug)]
struct DeltaBody {
    clock: Option<u64>,
    side: Side,
    price: Price,
    quantity: Quantity,
}

#[derive(Clone, Copy, Debug)]
struct TradeBody {
    yes_price: Price,
    no_price: Price,
    count: Quantity,
    taker_side: Option<Side>,
    taker_outcome_side: Option<Side>,
    taker_book_side: Option<&'static str>,
    is_block_trade: Option<bool>,
}

impl Batch {
    /// An empty batch.
    pub fn new() -> Batch {
        Batch::default()
    }

    /// Forgets everything, and keeps the buffers.
    pub fn clear(&mut self) {
        self.text.clear();
        self.entries.clear();
        self.read = 0;
    }

    /// How many facts have not been read.
    pub fn len(&self) -> usize {
        self.entries.len() - self.read
    }

    /// Whether every fact has been read.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The next fact; `None` after the last. Texts borrow from the batch.
    #[allow(clippy::should_implement_trait, reason = "it lends, which an Iterator cannot")]
    #[inline]
    pub fn next(&mut self) -> Option<Fact<'_>> {
        let entry = self.entries.get_mut(self.read)?;
        self.read += 1;
        Some(match entry {
            Entry::Delta(envelope, body) => {
                let (ticker, market_id) = envelope.texts(&self.text);
                Fact::Event(envelope.record(Event::Delta(Delta {
                    ticker,
                    market_id,
                    ts: envelope.ts,
                    clock: body.clock,
                    side: body.side,
                    price: body.price,
                    quantity: body.quantity,
                })))
            }
            Entry::Trade(envelope, body) => {
                let (ticker, trade_id) = envelope.texts(&self.text);
                Fact::Event(envelope.record(Event::Trade(Trade {
                    ticker,
                    trade_id,
                    ts: envelope.ts,
                    yes_price: body.yes_price,
                    no_price: body.no_price,
                    count: body.count,
                    taker_side: body.taker_side,
                    taker_outcome_side: body.taker_outcome_side,
                    taker_book_side: body.taker_book_side.map(Cow::Borrowed),
                    is_block_trade: body.is_block_trade,
                })))
            }
            Entry::Other(_) => match std::mem::replace(entry, Entry::Read) {
                Entry::Other(fact) => *fact,
                _ => return None,
            },
            Entry::Read => return None,
        })
    }

    #[inline(never)]
    fn push_whole(&mut self, fact: Fact<'_>) {
        self.entries.push(Entry::Other(Box::new(fact.into_owned())));
    }

    /// Puts a delta or trade without surprises in; false for every other event.
    #[inline(always)]
    fn push_compact(&mut self, record: &EventRecord<'_>) -> bool {
        // Places are 32 bits; far beyond what one wake-up brings.
        if record.extra.is_some() || self.text.len() > u32::MAX as usize / 2 {
            return false;
        }
        let (ts, texts) = match &record.event {
            Event::Delta(delta) => (delta.ts, [&*delta.ticker, &*delta.market_id]),
            Event::Trade(trade) => (trade.ts, [&*trade.ticker, &*trade.trade_id]),
            _ => return false,
        };
        let [Ok(first), Ok(second)] = texts.map(|text| u32::try_from(text.len())) else { return false };
        let envelope = Envelope {
            recv_ts: record.recv_ts,
            connection: record.connection,
            sid: record.sid,
            seq: record.seq,
            sent_ts: record.sent_ts,
            ts,
            at: self.text.len() as u32,
            lengths: [first, second],
        };
        let entry = match &record.event {
            Event::Delta(delta) => Entry::Delta(
                envelope,
                DeltaBody { clock: delta.clock, side: delta.side, price: delta.price, quantity: delta.quantity },
            ),
            Event::Trade(trade) => {
                let taker_book_side = match trade.taker_book_side.as_deref() {
                    None => None,
                    Some("bid") => Some("bid"),
                    Some("ask") => Some("ask"),
                    Some(_) => return false,
                };
                Entry::Trade(
                    envelope,
                    TradeBody {
                        yes_price: trade.yes_price,
                        no_price: trade.no_price,
                        count: trade.count,
                        taker_side: trade.taker_side,
                        taker_outcome_side: trade.taker_outcome_side,
                        taker_book_side,
                        is_block_trade: trade.is_block_trade,
                    },
                )
            }
            _ => return false,
        };
        self.entries.push(entry);
        self.text.push_str(texts[0]);
        self.text.push_str(texts[1]);
        true
    }
}

impl Envelope {
    #[inline]
    fn texts(self, text: &str) -> (Cow<'_, str>, Cow<'_, str>) {
        let first = self.at as usize;
        let second = first + self.lengths[0] as usize;
        let end = second + self.lengths[1] as usize;
        (Cow::Borrowed(&text[first..second]), Cow::Borrowed(&text[second..end]))
    }

    #[inline]
    fn record(self, event: Event<'_>) -> EventRecord<'_> {
        EventRecord {
            recv_ts: self.recv_ts,
            connection: self.connection,
            sid: self.sid,
            seq: self.seq,
            sent_ts: self.sent_ts,
            event,
            extra: None,
        }
    }
}

impl FactSink for Batch {
    #[inline(always)]
    fn push(&mut self, fact: Fact<'_>) {
        let fact = match fact {
            Fact::Event(record) if self.push_compact(&record) => return,
            fact => fact,
        };
        self.push_whole(fact);
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        if let Some(pool) = self.pool.take() {
            pool.give_back(std::mem::take(&mut self.text), std::mem::take(&mut self.entries));
        }
    }
}

/// Buffers of batches that have been read, for the next ones.
#[derive(Debug, Default)]
pub(crate) struct Pool(Mutex<Vec<(String, Vec<Entry>)>>);

impl Pool {
    /// More than a queue of a slow consumer needs between two wake-ups.
    const KEPT: usize = 64;

    /// An empty batch that comes back when it is dropped.
    pub(crate) fn batch(self: &Arc<Pool>) -> Batch {
        let (text, entries) = self.0.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default();
        Batch { text, entries, read: 0, pool: Some(Arc::clone(self)) }
    }

    fn give_back(&self, mut text: String, mut entries: Vec<Entry>) {
        text.clear();
        entries.clear();
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < Pool::KEPT {
            kept.push((text, entries));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Frame;

    fn record(frame: &str) -> EventRecord<'_> {
        let Ok(Frame::Event { sid, seq, sent_ts, event, extra }) = Frame::parse(frame.as_bytes()) else {
            panic!("{frame}")
        };
        EventRecord { recv_ts: ReceivedTime::from_nanos(7), connection: 3, sid, seq, sent_ts, event, extra }
    }

    #[test]
    fn gives_back_what_was_put_in() {
        let frames = [
            r#"{"type":"orderbook_delta","sid":1,"seq":2,"msg":{"market_ticker":"A-B","market_id":"id","clock":9,"price_dollars":"0.3700","delta_fp":"-0.10","side":"yes","ts_ms":1772600767891},"sending_ts_ms":5}"#,
            r#"{"type":"orderbook_delta","sid":1,"seq":3,"msg":{"market_ticker":"A-B","market_id":"","price_dollars":"0.3700","delta_fp":"1.00","side":"no","ts":"2026-03-04T05:06:07.891234Z","subaccount":3}}"#,
            r#"{"type":"orderbook_snapshot","sid":1,"seq":4,"msg":{"market_ticker":"A-B","market_id":"","yes_dollars_fp":[["0.0100","2.00"]]}}"#,
            r#"{"type":"trade","sid":2,"seq":31415,"msg":{"trade_id":"c4","market_ticker":"K-1","yes_price_dollars":"0.4000","no_price_dollars":"0.6000","count_fp":"14.25","taker_side":"yes","taker_outcome_side":"yes","taker_book_side":"bid","ts":1772600768,"ts_ms":1772600768204}}"#,
        ];
        let pool = Arc::new(Pool::default());
        for _ in 0..2 {
            let mut batch = pool.batch();
            for frame in frames {
                batch.push(Fact::Event(record(frame)));
            }
            assert_eq!(batch.len(), 4);
            for frame in frames {
                assert_eq!(batch.next(), Some(Fact::Event(record(frame))));
            }
            assert_eq!(batch.next(), None);
            assert!(batch.is_empty());
        }
    }
}
