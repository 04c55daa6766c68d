//! The frames that are no market data, typed: own fills, orders, positions, order groups, requests for quote, quotes,
//! and the indices that markets are settled by.
//!
//! A session tells such a frame as a [`Message`], whose envelope is read and whose payload is not;
//! [`Message::decode`] reads that. Prices, quantities and money are the integers of `daybook_book`, and every stamp has
//! the unit that its type names: on one frame the venue writes seconds, milliseconds and RFC 3339 texts side by side.
//! What is absent, `null` or `""` is `None`; fields that this version does not know are in `extra`, unknown words in
//! `Other`, and a frame of a type that it does not know is a [`PrivateFrame::Other`]. The integer forms that the venue
//! gave up are errors that say what took their place.
//!
//! ```
//! use daybook_book::ReceivedTime;
//! use daybook_kalshi::{Channel, Message, PrivateFrame};
//!
//! let message = Message {
//!     recv_ts: ReceivedTime::from_nanos(0),
//!     connection: 1,
//!     sid: Some(2),
//!     seq: None,
//!     channel: Some(Channel::Fill),
//!     frame_type: "fill".into(),
//!     frame: r#"{"type":"fill","sid":2,"msg":{"trade_id":"t","order_id":"o","market_ticker":"KXHIGHNY-26AUG11-T88",
//!         "exchange_index":0,"is_taker":true,"yes_price_dollars":"0.0125","count_fp":"0.50","fee_cost":"0.000438",
//!         "outcome_side":"yes","book_side":"bid","ts_ms":1790866800123,"post_position_fp":"-3.25"}}"#
//!         .into(),
//! };
//! let PrivateFrame::Fill(fill) = message.decode()? else { unreachable!() };
//! assert_eq!(fill.yes_price_dollars.to_string(), "0.0125");
//! assert_eq!(fill.count_fp.hundredths(), 50);
//! # Ok::<(), daybook_kalshi::PrivateFrameError>(())
//! ```

mod account;
mod communications;
mod indices;

use serde::Deserialize;
use serde_json::value::RawValue;

pub use account::{Fill, MarketPosition, OrderGroupEvent, OrderGroupUpdate, UpdateReason, UserOrder};
pub use communications::{
    BatchQuoteAccepted, BatchQuoteCreated, BatchQuoteExecuted, BatchQuoteItem, BatchRfq, BestQuoteItem, QuoteAccepted,
    QuoteCreated, QuoteExecuted, RfqBatchBestQuotes, RfqBatchCreated, RfqBatchDeleted, RfqBatchExecuted, RfqCreated,
    RfqDeleted,
};
pub use indices::{
    CfBenchmarks5HzValue, CfBenchmarksValue, IndexAverage, IndexList, IndexValue, IndexValueError, PythValue,
    UnderlyingList, UpstreamValue,
};

use crate::session::Message;

/// Declares [`PrivateFrame`], and reads a payload by its frame's type.
macro_rules! frames {
    ($($(#[$meta:meta])* $variant:ident($payload:ident) = $frame_type:literal,)*) => {
        /// The payload of a frame that is no market data.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum PrivateFrame {
            $($(#[$meta])* $variant(Box<$payload>),)*
            /// A frame of a type that this version does not know.
            Other {
                /// The frame's `type`.
                frame_type: String,
                /// Its payload, JSON as it was sent; `null` if it has none.
                payload: String,
            },
        }

        impl PrivateFrame {
            /// Every frame type that has a payload of its own here.
            pub const TYPES: &'static [&'static str] = &[$($frame_type),*];

            fn read(frame_type: &str, payload: &str) -> Result<PrivateFrame, serde_json::Error> {
                Ok(match frame_type {
                    $($frame_type => PrivateFrame::$variant(serde_json::from_str(payload)?),)*
                    _ => PrivateFrame::Other { frame_type: frame_type.to_owned(), payload: payload.to_owned() },
                })
            }
        }
    };
}

frames! {
    /// An own order traded. Channel `fill`.
    Fill(Fill) = "fill",
    /// An own order came, changed or ended. Channel `user_orders`.
    UserOrder(UserOrder) = "user_order",
    /// An own position changed. Channel `market_positions`.
    MarketPosition(MarketPosition) = "market_position",
    /// An own order group changed. Channel `order_group_updates`.
    OrderGroupUpdate(OrderGroupUpdate) = "order_group_updates",
    /// Somebody asks for quotes. Channel `communications`, as all that follow.
    RfqCreated(RfqCreated) = "rfq_created",
    /// Somebody asks no more.
    RfqDeleted(RfqDeleted) = "rfq_deleted",
    /// A quote was made: for an own request, or by oneself.
    QuoteCreated(QuoteCreated) = "quote_created",
    /// A quote was accepted.
    QuoteAccepted(QuoteAccepted) = "quote_accepted",
    /// A quote was executed.
    QuoteExecuted(QuoteExecuted) = "quote_executed",
    /// Somebody asks for quotes on several combos at once.
    RfqBatchCreated(RfqBatchCreated) = "rfq_batch_created",
    /// Such a request is over.
    RfqBatchDeleted(RfqBatchDeleted) = "rfq_batch_deleted",
    /// The best quotes for an own batch changed.
    RfqBatchBestQuotes(RfqBatchBestQuotes) = "rfq_batch_best_quotes",
    /// An own batch was executed, or was not.
    RfqBatchExecuted(RfqBatchExecuted) = "rfq_batch_executed",
    /// An own quote on a batch was made.
    BatchQuoteCreated(BatchQuoteCreated) = "batch_quote_created",
    /// An own quote on a batch was accepted, in part or whole.
    BatchQuoteAccepted(BatchQuoteAccepted) = "batch_quote_accepted",
    /// An own quote on a batch was executed, or was not.
    BatchQuoteExecuted(BatchQuoteExecuted) = "batch_quote_executed",
    /// An index of CF Benchmarks, with averages. Channel `cfbenchmarks_value`.
    CfBenchmarksValue(CfBenchmarksValue) = "cfbenchmarks_value",
    /// Which indices that channel has.
    CfBenchmarksIndexList(IndexList) = "cfbenchmarks_value_indexlist",
    /// An index of CF Benchmarks. Channel `cfbenchmarks_value_5hz`.
    CfBenchmarks5HzValue(CfBenchmarks5HzValue) = "cfbenchmarks_value_5hz",
    /// Which indices that channel has.
    CfBenchmarks5HzIndexList(IndexList) = "cfbenchmarks_value_5hz_indexlist",
    /// A price or yield of Pyth. Channel `pyth_value`.
    PythValue(PythValue) = "pyth_value",
    /// Which underlyings that channel has.
    PythUnderlyingList(UnderlyingList) = "pyth_value_underlying_list",
}

/// A frame's payload is not what its type promises.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "frame `{frame_type}` on connection {connection}{}: {reason}; the frame itself is in the message",
    sid.map(|sid| format!(", subscription {sid}")).unwrap_or_default()
)]
pub struct PrivateFrameError {
    /// The frame's `type`.
    pub frame_type: String,
    /// The connection that it came on.
    pub connection: u32,
    /// Its subscription.
    pub sid: Option<u32>,
    /// Which field, and what is wrong with it.
    pub reason: String,
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    msg: Option<&'a RawValue>,
}

impl Message<'_> {
    /// Reads the payload. Costs one pass over the frame, and allocates.
    ///
    /// # Errors
    /// If a field that is always there is missing, stands twice, or holds something else than it should, or an integer
    /// form that the venue gave up. The session is not concerned: the frame was in its order, and is in
    /// [`frame`](Message::frame).
    pub fn decode(&self) -> Result<PrivateFrame, PrivateFrameError> {
        let read = serde_json::from_str::<Envelope<'_>>(&self.frame)
            .and_then(|envelope| PrivateFrame::read(&self.frame_type, envelope.msg.map_or("null", RawValue::get)));
        read.map_err(|error| PrivateFrameError {
            frame_type: self.frame_type.clone().into_owned(),
            connection: self.connection,
            sid: self.sid,
            reason: error.to_string(),
        })
    }
}
