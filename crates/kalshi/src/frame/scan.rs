//! The strict scanner: order book deltas and trades in exactly the form the venue sends.
//!
//! It accepts a fixed order of fields, some of them optional, without white space, escapes or characters beyond
//! ASCII, numbers and decimals in their usual form only. Whatever departs from that, and whatever would put a field
//! into `extra`, is left to the [general reader](super::general): `None` means no more than "not this form".

use std::borrow::Cow;

use daybook_book::{Delta, Event, ExchangeTime, Price, Quantity, Side, Trade};

use super::Frame;
use crate::stamp::Stamp;

/// Reads a delta or trade; `None` for every other frame and every other form.
#[inline]
pub(super) fn read(frame: &[u8]) -> Option<Frame<'_>> {
    let mut scanner = Scanner { rest: frame };
    scanner.literal(b"{\"type\":\"")?;
    if scanner.optional(b"orderbook_delta\"") {
        scanner.delta()
    } else if scanner.optional(b"trade\"") {
        scanner.trade()
    } else {
        None
    }
}

/// What is still to be read.
struct Scanner<'a> {
    rest: &'a [u8],
}

/// An envelope up to the opening of its `msg`.
struct Envelope {
    sent_ts: Option<ExchangeTime>,
    sid: u32,
    seq: u64,
}

// A frame is large, so each kind is read into its parts first and then written where it goes, once.
impl<'a> Scanner<'a> {
    #[inline]
    fn delta(mut self) -> Option<Frame<'a>> {
        let envelope = self.envelope()?;
        self.literal(b"\"market_ticker\":\"")?;
        let ticker = self.text()?;
        self.literal(b",\"market_id\":\"")?;
        let market_id = self.text()?;
        let clock = if self.optional(b",\"clock\":") { Some(self.integer()?) } else { None };
        self.literal(b",\"price_dollars\":\"")?;
        let price = self.price()?;
        self.literal(b",\"delta_fp\":\"")?;
        let quantity = self.quantity()?;
        self.literal(b",\"side\":\"")?;
        let side = self.side()?;
        let ts = if self.optional(b",\"ts\":\"") { Some(self.stamp()?) } else { None };
        if self.optional(b",\"ts_ms\":") && self.millis()? != ts?.micros().div_euclid(1_000) {
            return None;
        }
        let sent_ts = self.end(envelope.sent_ts)?;
        let (ticker, market_id) = (Cow::Borrowed(ticker), Cow::Borrowed(market_id));
        Some(Frame::Event {
            sid: Some(envelope.sid),
            seq: Some(envelope.seq),
            sent_ts,
            event: Event::Delta(Delta { ticker, market_id, ts, clock, side, price, quantity }),
            extra: None,
        })
    }

    #[inline]
    fn trade(mut self) -> Option<Frame<'a>> {
        let envelope = self.envelope()?;
        self.literal(b"\"trade_id\":\"")?;
        let trade_id = self.text()?;
        self.literal(b",\"market_ticker\":\"")?;
        let ticker = self.text()?;
        self.literal(b",\"yes_price_dollars\":\"")?;
        let yes_price = self.price()?;
        self.literal(b",\"no_price_dollars\":\"")?;
        let no_price = self.price()?;
        self.literal(b",\"count_fp\":\"")?;
        let count = self.quantity()?;
        self.literal(b",\"taker_side\":\"")?;
        let taker_side = self.side()?;
        self.literal(b",\"taker_outcome_side\":\"")?;
        let taker_outcome_side = self.side()?;
        self.literal(b",\"taker_book_side\":\"")?;
        let taker_book_side = if self.optional(b"bid\"") {
            "bid"
        } else {
            self.literal(b"ask\"")?;
            "ask"
        };
        let is_block_trade = if self.optional(b",\"is_block_trade\":false") {
            Some(false)
        } else {
            self.optional(b",\"is_block_trade\":true").then_some(true)
        };
        self.literal(b",\"ts\":")?;
        let seconds = self.integer()?;
        self.literal(b",\"ts_ms\":")?;
        let millis = self.millis()?;
        if u64::try_from(millis / 1_000) != Ok(seconds) {
            return None;
        }
        let ts = Some(ExchangeTime::from_micros(millis.checked_mul(1_000)?));
        let sent_ts = self.end(envelope.sent_ts)?;
        Some(Frame::Event {
            sid: Some(envelope.sid),
            seq: Some(envelope.seq),
            sent_ts,
            event: Event::Trade(Trade {
                ticker: Cow::Borrowed(ticker),
                trade_id: Cow::Borrowed(trade_id),
                ts,
                yes_price,
                no_price,
                count,
                taker_side: Some(taker_side),
                taker_outcome_side: Some(taker_outcome_side),
                taker_book_side: Some(Cow::Borrowed(taker_book_side)),
                is_block_trade,
            }),
            extra: None,
        })
    }

    /// The envelope from after its `type` into its `msg`.
    #[inline(always)]
    fn envelope(&mut self) -> Option<Envelope> {
        let sent_ts = if self.optional(b",\"sending_ts_ms\":") { Some(self.time()?) } else { None };
        self.literal(b",\"sid\":")?;
        let sid = u32::try_from(self.integer()?).ok()?;
        self.literal(b",\"seq\":")?;
        let seq = self.integer()?;
        self.literal(b",\"msg\":{")?;
        Some(Envelope { sent_ts, sid, seq })
    }

    /// The frame from after its `msg`'s last field to its end, and when it was sent.
    #[inline(always)]
    fn end(&mut self, mut sent_ts: Option<ExchangeTime>) -> Option<Option<ExchangeTime>> {
        self.literal(b"}")?;
        if sent_ts.is_none() && self.optional(b",\"sending_ts_ms\":") {
            sent_ts = Some(self.time()?);
        }
        self.literal(b"}")?;
        matches!(self.rest, b"" | b"\n").then_some(sent_ts)
    }

    #[inline(always)]
    fn literal(&mut self, literal: &[u8]) -> Option<()> {
        self.rest = self.rest.strip_prefix(literal)?;
        Some(())
    }

    #[inline(always)]
    fn optional(&mut self, literal: &[u8]) -> bool {
        self.literal(literal).is_some()
    }

    /// A whole number of up to 18 digits without leading zeros. What follows must be read by a literal, which is
    /// how a longer number, a fraction or an exponent is noticed.
    #[inline(always)]
    fn integer(&mut self) -> Option<u64> {
        let (mut value, mut length) = (0u64, 0);
        while let Some(digit) = self.rest.get(length).map(|byte| byte.wrapping_sub(b'0')).filter(|&digit| digit <= 9) {
            if length == 18 {
                return None;
            }
            value = value * 10 + u64::from(digit);
            length += 1;
        }
        if length == 0 || (length > 1 && self.rest[0] == b'0') {
            return None;
        }
        self.rest = &self.rest[length..];
        Some(value)
    }

    #[inline(always)]
    fn millis(&mut self) -> Option<i64> {
        i64::try_from(self.integer()?).ok()
    }

    /// A time in whole milliseconds.
    #[inline(always)]
    fn time(&mut self) -> Option<ExchangeTime> {
        Some(ExchangeTime::from_micros(self.millis()?.checked_mul(1_000)?))
    }

    #[inline(always)]
    fn text(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.ascii()?).ok()
    }

    /// A string from after its opening quote, through its closing one: printable ASCII without escapes.
    #[inline(always)]
    fn ascii(&mut self) -> Option<&'a [u8]> {
        let mut length = 0;
        loop {
            let Some(chunk) = self.rest.get(length..).and_then(|rest| rest.first_chunk::<8>()) else {
                let tail = self.rest.get(length..)?;
                length += tail.iter().position(|&byte| stops(&[byte; 8]) != 0)?;
                break;
            };
            let stops = stops(chunk);
            if stops != 0 {
                length += stops.trailing_zeros() as usize / 8;
                break;
            }
            length += 8;
        }
        let (text, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest.strip_prefix(b"\"")?;
        Some(text)
    }

    /// A price of the form `0.4800` with its closing quote.
    #[inline(always)]
    fn price(&mut self) -> Option<Price> {
        let (&[whole, b'.', tenths, hundredths, thousandths, ten_thousandths, b'"'], rest) =
            self.rest.split_first_chunk::<7>()?
        else {
            return None;
        };
        let mut value = 0u32;
        for byte in [whole, tenths, hundredths, thousandths, ten_thousandths] {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                return None;
            }
            value = value * 10 + u32::from(digit);
        }
        self.rest = rest;
        Price::from_ten_thousandths(u16::try_from(value).ok()?)
    }

    /// A quantity of the form `-12.50` with its closing quote.
    #[inline(always)]
    fn quantity(&mut self) -> Option<Quantity> {
        let negative = self.optional(b"-");
        let (mut value, mut length) = (0i64, 0);
        while let Some(digit) = self.rest.get(length).map(|byte| byte.wrapping_sub(b'0')).filter(|&digit| digit <= 9) {
            if length == 15 {
                return None;
            }
            value = value * 10 + i64::from(digit);
            length += 1;
        }
        let (&[b'.', tenths, hundredths, b'"'], rest) = self.rest[length..].split_first_chunk::<4>()? else {
            return None;
        };
        if length == 0 || !tenths.is_ascii_digit() || !hundredths.is_ascii_digit() {
            return None;
        }
        value = value * 100 + i64::from(tenths - b'0') * 10 + i64::from(hundredths - b'0');
        self.rest = rest;
        Some(Quantity::from_hundredths(if negative { -value } else { value }))
    }

    #[inline(always)]
    fn side(&mut self) -> Option<Side> {
        if self.optional(b"yes\"") {
            return Some(Side::Yes);
        }
        self.literal(b"no\"")?;
        Some(Side::No)
    }

    /// An RFC 3339 stamp, whole in microseconds, with its closing quote.
    #[inline(always)]
    fn stamp(&mut self) -> Option<ExchangeTime> {
        let stamp = Stamp::parse(self.ascii()?)?;
        (!stamp.is_finer_than_micros()).then(|| ExchangeTime::from_micros(stamp.micros()))
    }
}

/// Marks in the high bit of each byte those of eight bytes that are a quote, a backslash, a control character or
/// not ASCII. Exact up to and including the lowest mark; above it there may be false ones.
#[inline(always)]
fn stops(chunk: &[u8; 8]) -> u64 {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGHS: u64 = ONES << 7;
    let word = u64::from_le_bytes(*chunk);
    let below = |word: u64, limit: u64| word.wrapping_sub(ONES * limit) & !word;
    let equal = |byte: u8| below(word ^ (ONES * byte as u64), 1);
    (below(word, 0x20) | equal(b'"') | equal(b'\\') | word) & HIGHS
}
