//! Frames as the venue writes them: keys in its order, fixed-point decimals, times without trailing zeros.

use crate::calendar::{self, MICROSECOND, MILLISECOND, SECOND};
use crate::maker::Change;
use crate::order::{Level, Side};

/// Writes frames. Keeps the text of the current second, so that a delta costs no calendar arithmetic.
pub(crate) struct FrameText {
    /// Whether frames carry `clock` and `sending_ts_ms`, as the venue's do since October 2026.
    with_clock: bool,
    second: i64,
    second_text: String,
}

/// What the frames of one market and moment have in common.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stamp {
    /// Exchange time, µs.
    pub(crate) ts: i64,
    /// The market's exchange clock.
    pub(crate) clock: u64,
    /// When the venue hands the frame to the network, ms.
    pub(crate) sending_ms: i64,
}

/// Place of a frame in its connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sequence {
    /// Subscription.
    pub(crate) sid: u32,
    /// Number within the subscription.
    pub(crate) seq: u64,
}

impl FrameText {
    /// A writer of frames, with or without the clock fields.
    pub(crate) fn new(with_clock: bool) -> FrameText {
        FrameText { with_clock, second: i64::MIN, second_text: String::new() }
    }

    /// The acknowledgement of a subscription.
    pub(crate) fn subscribed(&self, out: &mut Vec<u8>, id: u32, channel: &str, sid: u32, sending_ms: i64) {
        self.head(out, "subscribed", sending_ms);
        out.extend_from_slice(b"\"id\":");
        integer(out, id);
        out.extend_from_slice(b",\"msg\":{\"channel\":\"");
        out.extend_from_slice(channel.as_bytes());
        out.extend_from_slice(b"\",\"sid\":");
        integer(out, sid);
        out.extend_from_slice(b"}}");
    }

    /// A whole book; `identity` is the text of the fields that name the market. An empty side has no key.
    pub(crate) fn snapshot(
        &self,
        out: &mut Vec<u8>,
        at: Sequence,
        identity: &str,
        stamp: Stamp,
        [yes, no]: [&[Level]; 2],
    ) {
        self.head(out, "orderbook_snapshot", stamp.sending_ms);
        self.body(out, at, identity, stamp.clock);
        for (key, levels) in [("yes_dollars_fp", yes), ("no_dollars_fp", no)] {
            if !levels.is_empty() {
                out.extend_from_slice(b",\"");
                out.extend_from_slice(key.as_bytes());
                out.extend_from_slice(b"\":");
                write_levels(out, levels.iter());
            }
        }
        out.extend_from_slice(b"}}");
    }

    /// A change of one level.
    pub(crate) fn delta(
        &mut self,
        out: &mut Vec<u8>,
        at: Sequence,
        identity: &str,
        stamp: Stamp,
        (side, price, quantity): (Side, u16, i64),
    ) {
        self.head(out, "orderbook_delta", stamp.sending_ms);
        self.body(out, at, identity, stamp.clock);
        out.extend_from_slice(b",\"price_dollars\":\"");
        write_price(out, price);
        out.extend_from_slice(b"\",\"delta_fp\":\"");
        write_quantity(out, quantity);
        out.extend_from_slice(b"\",\"side\":\"");
        out.extend_from_slice(side.name().as_bytes());
        out.extend_from_slice(b"\",\"ts\":\"");
        self.time(out, stamp.ts);
        out.extend_from_slice(b"\",\"ts_ms\":");
        integer(out, stamp.ts / 1_000);
        out.extend_from_slice(b"}}");
    }

    /// A public trade; `change` must be a [`Change::Trade`], anything else writes nothing.
    pub(crate) fn trade(
        &self,
        out: &mut Vec<u8>,
        at: Sequence,
        ticker: &str,
        trade_id: &[u8],
        stamp: Stamp,
        change: Change,
    ) {
        let Change::Trade { taker, yes_price, quantity } = change else { return };
        self.head(out, "trade", stamp.sending_ms);
        sequence(out, at);
        out.extend_from_slice(b"\"trade_id\":\"");
        out.extend_from_slice(trade_id);
        out.extend_from_slice(b"\",\"market_ticker\":\"");
        out.extend_from_slice(ticker.as_bytes());
        out.extend_from_slice(b"\",\"yes_price_dollars\":\"");
        write_price(out, yes_price);
        out.extend_from_slice(b"\",\"no_price_dollars\":\"");
        write_price(out, 10_000 - yes_price);
        out.extend_from_slice(b"\",\"count_fp\":\"");
        write_quantity(out, quantity);
        for (key, value) in [
            ("taker_side", taker.name()),
            ("taker_outcome_side", taker.name()),
            ("taker_book_side", if taker == Side::Yes { "bid" } else { "ask" }),
        ] {
            out.extend_from_slice(b"\",\"");
            out.extend_from_slice(key.as_bytes());
            out.extend_from_slice(b"\":\"");
            out.extend_from_slice(value.as_bytes());
        }
        out.extend_from_slice(b"\",\"ts\":");
        integer(out, stamp.ts / 1_000_000);
        out.extend_from_slice(b",\"ts_ms\":");
        integer(out, stamp.ts / 1_000);
        out.extend_from_slice(b"}}");
    }

    fn head(&self, out: &mut Vec<u8>, kind: &str, sending_ms: i64) {
        out.extend_from_slice(b"{\"type\":\"");
        out.extend_from_slice(kind.as_bytes());
        out.extend_from_slice(b"\",");
        if self.with_clock {
            out.extend_from_slice(b"\"sending_ts_ms\":");
            integer(out, sending_ms);
            out.push(b',');
        }
    }

    fn body(&self, out: &mut Vec<u8>, at: Sequence, identity: &str, clock: u64) {
        sequence(out, at);
        out.extend_from_slice(identity.as_bytes());
        if self.with_clock {
            out.extend_from_slice(b",\"clock\":");
            integer(out, clock);
        }
    }

    fn time(&mut self, out: &mut Vec<u8>, ts: i64) {
        let (second, mut fraction) = (ts.div_euclid(1_000_000), ts.rem_euclid(1_000_000));
        if second != self.second {
            self.second = second;
            self.second_text = calendar::rfc3339(second * SECOND);
            self.second_text.truncate("2026-08-12T14:30:05".len());
        }
        out.extend_from_slice(self.second_text.as_bytes());
        if fraction > 0 {
            out.push(b'.');
            let mut place = 100_000;
            while fraction > 0 {
                out.push(b'0' + (fraction / place) as u8);
                fraction %= place;
                place /= 10;
            }
        }
        out.push(b'Z');
    }
}

fn sequence(out: &mut Vec<u8>, at: Sequence) {
    out.extend_from_slice(b"\"sid\":");
    integer(out, at.sid);
    out.extend_from_slice(b",\"seq\":");
    integer(out, at.seq);
    out.extend_from_slice(b",\"msg\":{");
}

/// How a recorder wraps the frames that it hears.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Wrapper {
    /// `{"recv_ms":…,"event":…}`
    #[value(name = "recv_ms")]
    RecvMs,
    /// `{"recv_ns":…,"event":…}`
    #[value(name = "recv_ns")]
    RecvNs,
    /// The frame alone: when it was heard is lost.
    Bare,
}

impl Wrapper {
    /// What stands before the frame.
    pub(crate) fn open(self, out: &mut Vec<u8>, heard: i64) {
        let (key, time) = match self {
            Wrapper::RecvMs => (&b"{\"recv_ms\":"[..], heard / MILLISECOND),
            Wrapper::RecvNs => (&b"{\"recv_ns\":"[..], heard),
            Wrapper::Bare => return,
        };
        out.extend_from_slice(key);
        integer(out, time);
        out.extend_from_slice(b",\"event\":");
    }

    /// What stands behind the frame, with the line's end.
    pub(crate) fn close(self, out: &mut Vec<u8>) {
        out.extend_from_slice(if self == Wrapper::Bare { b"\n" } else { b"}\n" });
    }

    /// The receive time as a reader of the line sees it, ns.
    pub(crate) fn kept(self, heard: i64) -> i64 {
        if self == Wrapper::RecvMs { heard - heard.rem_euclid(MILLISECOND) } else { heard }
    }
}

/// Levels as `[["0.4800","12.50"],…]`, in the order given.
pub(crate) fn write_levels<'a>(out: &mut Vec<u8>, levels: impl Iterator<Item = &'a Level>) {
    out.push(b'[');
    for (place, &(price, quantity)) in levels.enumerate() {
        out.extend_from_slice(if place == 0 { b"[\"" } else { b",[\"" });
        write_price(out, price);
        out.extend_from_slice(b"\",\"");
        write_quantity(out, quantity);
        out.extend_from_slice(b"\"]");
    }
    out.push(b']');
}

/// Ten-thousandths of a dollar as `0.4800`.
pub(crate) fn write_price(out: &mut Vec<u8>, price: u16) {
    out.push(b'0' + (price / 10_000) as u8);
    out.push(b'.');
    for place in [1_000, 100, 10, 1] {
        out.push(b'0' + (price / place % 10) as u8);
    }
}

/// Hundredths of a contract as `-12.50`.
pub(crate) fn write_quantity(out: &mut Vec<u8>, quantity: i64) {
    if quantity < 0 {
        out.push(b'-');
    }
    let hundredths = quantity.unsigned_abs();
    integer(out, hundredths / 100);
    out.push(b'.');
    out.push(b'0' + (hundredths / 10 % 10) as u8);
    out.push(b'0' + (hundredths % 10) as u8);
}

fn integer(out: &mut Vec<u8>, number: impl itoa::Integer) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

impl Stamp {
    /// The exchange time in nanoseconds.
    pub(crate) fn ns(&self) -> i64 {
        self.ts * MICROSECOND
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Sequence = Sequence { sid: 1, seq: 7 };
    const IDENTITY: &str = r#""market_ticker":"KXT-1","market_id":"id""#;

    fn stamp(ts: i64) -> Stamp {
        Stamp { ts, clock: 42, sending_ms: 1_786_545_005_252 }
    }

    fn written(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_delta_reads_as_the_venue_writes_it() {
        let change = (Side::Yes, 4_800, -10);
        let plain = |ts| written(|out| FrameText::new(false).delta(out, AT, IDENTITY, stamp(ts), change));
        assert_eq!(
            plain(1_786_545_005_250_010),
            concat!(
                r#"{"type":"orderbook_delta","sid":1,"seq":7,"msg":{"market_ticker":"KXT-1","market_id":"id","#,
                r#""price_dollars":"0.4800","delta_fp":"-0.10","side":"yes","ts":"2026-08-12T14:30:05.25001Z","#,
                r#""ts_ms":1786545005250}}"#
            )
        );
        assert!(plain(1_786_545_005_000_000).contains(r#""ts":"2026-08-12T14:30:05Z","#));
        assert!(plain(1_786_545_005_000_001).contains(r#""ts":"2026-08-12T14:30:05.000001Z","#));
        let clocked = written(|out| FrameText::new(true).delta(out, AT, IDENTITY, stamp(0), change));
        assert!(clocked.starts_with(r#"{"type":"orderbook_delta","sending_ts_ms":1786545005252,"sid":1,"#));
        assert!(clocked.contains(r#""market_id":"id","clock":42,"price_dollars""#));
    }

    #[test]
    fn a_snapshot_omits_empty_sides() {
        let text = FrameText::new(false);
        let levels: &[Level] = &[(100, 34_478), (4_900, 100_000_000)];
        assert_eq!(
            written(|out| text.snapshot(out, AT, IDENTITY, stamp(0), [&[], levels])),
            concat!(
                r#"{"type":"orderbook_snapshot","sid":1,"seq":7,"msg":{"market_ticker":"KXT-1","market_id":"id","#,
                r#""no_dollars_fp":[["0.0100","344.78"],["0.4900","1000000.00"]]}}"#
            )
        );
        let empty = written(|out| text.snapshot(out, AT, IDENTITY, stamp(0), [&[], &[]]));
        assert!(empty.ends_with(r#""market_id":"id"}}"#));
    }

    #[test]
    fn trades_and_acknowledgements_read_as_the_venue_writes_them() {
        let text = FrameText::new(false);
        let change = Change::Trade { taker: Side::No, yes_price: 3_900, quantity: 1_595 };
        assert_eq!(
            written(|out| text.trade(out, AT, "KXT-1", b"t", stamp(1_786_545_005_250_010), change)),
            concat!(
                r#"{"type":"trade","sid":1,"seq":7,"msg":{"trade_id":"t","market_ticker":"KXT-1","#,
                r#""yes_price_dollars":"0.3900","no_price_dollars":"0.6100","count_fp":"15.95","taker_side":"no","#,
                r#""taker_outcome_side":"no","taker_book_side":"ask","ts":1786545005,"ts_ms":1786545005250}}"#
            )
        );
        assert_eq!(
            written(|out| text.subscribed(out, 1, "trade", 2, 0)),
            r#"{"type":"subscribed","id":1,"msg":{"channel":"trade","sid":2}}"#
        );
    }

    #[test]
    fn wrappers_keep_what_they_can_of_the_receive_time() {
        let line = |wrapper: Wrapper| {
            written(|out| {
                wrapper.open(out, 1_234_567_890);
                out.extend_from_slice(b"{}");
                wrapper.close(out);
            })
        };
        assert_eq!(line(Wrapper::RecvMs), "{\"recv_ms\":1234,\"event\":{}}\n");
        assert_eq!(line(Wrapper::RecvNs), "{\"recv_ns\":1234567890,\"event\":{}}\n");
        assert_eq!(line(Wrapper::Bare), "{}\n");
        assert_eq!(Wrapper::RecvMs.kept(1_234_567_890), 1_234_000_000);
    }
}
