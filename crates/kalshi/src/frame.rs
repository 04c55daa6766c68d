//! Reads one WebSocket text frame: what it means, and everything it says beyond that.
//!
//! Two readers share the work. The [scanner](scan) takes order book deltas and trades in the form the venue sends
//! today, and gives up at the first byte that differs; the [general reader](general) then reads the frame in whatever
//! form: any key order, white space, escapes, fields unknown or retired. They never disagree.

mod error;
mod fields;
mod general;
mod scan;

use std::borrow::Cow;

use daybook_book::{Event, ExchangeTime};

pub use error::{FrameError, FrameErrorReason};

use crate::sequence::FrameKind;

/// What one WebSocket text frame says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame<'a> {
    /// Market data.
    Event {
        /// The venue's subscription id.
        sid: Option<u32>,
        /// The sequence number within the subscription; the `ticker` channel has none.
        seq: Option<u64>,
        /// When the venue sent the frame (`sending_ts_ms`), where it says so.
        sent_ts: Option<ExchangeTime>,
        /// What the frame means.
        event: Event<'a>,
        /// Every field that `event` and this envelope do not already tell, as one JSON object; see
        /// [the rule](Frame#the-extra-object).
        extra: Option<Cow<'a, str>>,
    },
    /// An answer to a command, or an error.
    Control {
        /// Which answer.
        kind: ControlKind<'a>,
        /// The subscription it concerns; for `subscribed`, the new one.
        sid: Option<u32>,
        /// The sequence number it takes up, if it takes one up.
        seq: Option<u64>,
    },
    /// A JSON object of a type this crate does not know. Keep the frame whole.
    Unknown {
        /// The frame's `type`.
        frame_type: Cow<'a, str>,
        /// The subscription, where the frame has a readable one.
        sid: Option<u32>,
        /// The sequence number, where the frame has a readable one: unknown frames take up numbers too.
        seq: Option<u64>,
    },
}

/// Which answer a [control frame](Frame::Control) is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ControlKind<'a> {
    /// A channel was subscribed to.
    Subscribed {
        /// The channel's name; empty where the frame has none.
        channel: Cow<'a, str>,
    },
    /// A subscription was ended at our request.
    Unsubscribed,
    /// A command was carried out.
    Ok {
        /// All markets that the subscription carries from now on, where the answer tells: what is not among them has been
        /// taken off. A change of the subscription whose answer does not tell may have taken off any.
        markets: Option<Vec<Cow<'a, str>>>,
    },
    /// A command failed, or a subscription broke.
    Error {
        /// The venue's number for the error.
        code: Option<i64>,
        /// The venue's words for it; empty where the frame has none.
        message: Cow<'a, str>,
    },
}

/// Error codes after which the subscription is dead and must be opened anew: channel error, buffer overflow.
pub const TERMINAL_ERROR_CODES: [i64; 2] = [10, 25];

impl ControlKind<'_> {
    /// Whether this is an error after which the subscription sends nothing more (see [`TERMINAL_ERROR_CODES`]).
    pub fn is_terminal(&self) -> bool {
        matches!(self, ControlKind::Error { code: Some(code), .. } if TERMINAL_ERROR_CODES.contains(code))
    }
}

/// # The `extra` object
/// `extra` holds, with their values exactly as sent, the fields that cannot be derived from the event:
/// - Fields with a name that this crate does not know, those of `msg` and those of the envelope alike under their
///   own name. Where both have a field of one name, the envelope's is called `envelope.<name>`. The `msg` of a
///   lifecycle frame is kept whole as [`payload`](daybook_book::Lifecycle::payload), so only its envelope counts.
/// - `ts_ms` of a snapshot or delta, unless it is `ts` cut to milliseconds. Without `ts` it serves as the time as well.
/// - `ts` given as a text with digits below the microsecond, or in seconds that are not those of `ts_ms`.
/// - `time` of a ticker, unless it is the event's time cut to as many places as `time` has.
/// - `taker_side` and `taker_outcome_side` with a value other than `yes` and `no`.
/// - A retired field (integer cents, whole counts) whose successor is present and says something else.
///
/// An explicit `null` in a known field, and an empty text for a price, a quantity or a side, mean that it is absent.
impl<'a> Frame<'a> {
    /// Reads one text frame. Text without escapes is borrowed from `frame`; a delta or trade in the venue's usual
    /// form costs no allocation.
    ///
    /// A field `ts` may be an RFC 3339 text or whole seconds. The cent and whole-count fields that the venue retired
    /// in March 2026 are read where their successors are absent.
    ///
    /// # Errors
    /// For what is not understood: no JSON object, a field named twice, a required field missing, a value that is not
    /// what the field must hold. A frame of unknown type is no error.
    pub fn parse(frame: &'a [u8]) -> Result<Frame<'a>, FrameError> {
        match scan::read(frame) {
            Some(frame) => Ok(frame),
            None => general::read(frame),
        }
    }

    /// What [`parse`](Frame::parse) gives, always by the slower reader that takes every form: the yardstick that
    /// tests and benchmarks hold the fast one against.
    ///
    /// # Errors
    /// As [`parse`](Frame::parse).
    pub fn parse_generally(frame: &'a [u8]) -> Result<Frame<'a>, FrameError> {
        general::read(frame)
    }

    /// The venue's subscription id.
    pub fn sid(&self) -> Option<u32> {
        match self {
            Frame::Event { sid, .. } | Frame::Control { sid, .. } | Frame::Unknown { sid, .. } => *sid,
        }
    }

    /// The sequence number within the subscription.
    pub fn seq(&self) -> Option<u64> {
        match self {
            Frame::Event { seq, .. } | Frame::Control { seq, .. } | Frame::Unknown { seq, .. } => *seq,
        }
    }

    /// Whether the frame takes up a number of its subscription's sequence. Control frames do so on sequenced
    /// channels only, so the frame itself decides: it does if it carries one.
    pub fn consumes_seq(&self) -> bool {
        self.seq().is_some()
    }

    /// What the frame is to a [`SequenceTracker`](crate::SequenceTracker).
    pub fn kind(&self) -> FrameKind {
        match self {
            Frame::Event { event: Event::Snapshot(_), .. } => FrameKind::Snapshot,
            Frame::Control { kind: ControlKind::Unsubscribed, .. } => FrameKind::End,
            Frame::Control { kind, .. } if kind.is_terminal() => FrameKind::End,
            Frame::Event { .. } | Frame::Control { .. } | Frame::Unknown { .. } => FrameKind::Other,
        }
    }
}

#[cfg(test)]
mod tests;
