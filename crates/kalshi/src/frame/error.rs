//! Why a frame is not understood, and where in it.

use daybook_book::{PriceError, QuantityError};

/// A frame that is not understood. Keep it whole, and count its number: the rest of the subscription is intact.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("byte {offset} of the frame: {reason}")]
pub struct FrameError {
    /// The byte at which the offending value, or the object that lacks one, begins; for broken JSON, where it breaks.
    pub offset: usize,
    /// What is wrong there.
    pub reason: FrameErrorReason,
    /// The frame's subscription, where that much could be read.
    pub sid: Option<u32>,
    /// The sequence number that the frame takes up, where that much could be read.
    pub seq: Option<u64>,
}

/// What is wrong with a frame.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameErrorReason {
    /// The bytes are no text.
    #[error("not UTF-8")]
    NotUtf8,
    /// The text, or the part that must be an object, is none, or names a field twice.
    #[error("no valid JSON object: {0}")]
    Malformed(String),
    /// A required field is absent or null.
    #[error("`{0}` is missing")]
    Missing(&'static str),
    /// A field holds something that it cannot.
    #[error("`{field}` is not {expected}: {found}")]
    Unexpected {
        /// The field.
        field: &'static str,
        /// What it must hold.
        expected: &'static str,
        /// The beginning of what it holds.
        found: String,
    },
    /// A field holds no price.
    #[error("`{field}`: {error}")]
    Price {
        /// The field.
        field: &'static str,
        /// Why not.
        error: PriceError,
    },
    /// A field holds no quantity.
    #[error("`{field}`: {error}")]
    Quantity {
        /// The field.
        field: &'static str,
        /// Why not.
        error: QuantityError,
    },
}
