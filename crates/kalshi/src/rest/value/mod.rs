//! The values that REST documents are made of, each in the unit and spelling that the venue gives it.
//!
//! | on the wire | here |
//! | --- | --- |
//! | contract price, text in dollars | [`Price`](daybook_book::Price) |
//! | sum of money or average, text in dollars, up to six decimals | [`Money`](daybook_book::Money) |
//! | number of contracts, text with two decimals | [`Quantity`](daybook_book::Quantity) |
//! | whole cents, as an integer | [`Cents`] |
//! | ten-thousandths of a dollar, as an integer | [`CentiCents`] |
//! | hundredths of a contract, as an integer | [`CentiCount`] |
//! | RFC 3339 text, 0 to 9 decimals | [`Timestamp`] |
//! | integer seconds; integer milliseconds since the Unix epoch | [`UnixSeconds`], [`UnixMillis`] |
//! | a JSON number with a fraction | [`Decimal`] |
//! | a name or identifier | a type of its own ([`OrderId`], [`EventTicker`], …) |
//! | one word of a list that may grow | an enum with a variant `Other` |
//!
//! What is absent, `null` or (for prices, names and words) `""` is `None`. A list that is `null` is empty.

mod collection;
mod decimal;
mod identifier;
mod integer;
mod ladder;
mod macros;
mod query;
mod secret;
pub(crate) mod text;
mod time;
mod wire;

pub use decimal::{Decimal, DecimalError};
pub use identifier::{
    ApiKeyId, BatchQuoteId, BlockTradeProposalId, ClientBatchId, ClientOrderId, ClientTransferId, CollectionTicker,
    CommunicationsId, Cursor, EventTicker, FeeChangeId, FillId, IncentiveProgramId, IndexId, MarketId, MilestoneId,
    OrderGroupId, OrderId, PaymentId, PositionTransferId, QuoteId, RfqBatchId, RfqId, SeriesTicker, StationId,
    StructuredTargetId, SubtraderId, TradeId, TransferId, UnderlyingTicker, UserId,
};
pub use integer::{CentiCents, CentiCount, Cents, ExchangeIndex, Subaccount, UnixMillis, UnixSeconds};
pub use jiff::Timestamp;
pub use ladder::{Ladder, Level};
pub use query::{FromQuery, QueryError};
pub use secret::SecretText;

pub(crate) use macros::{body, open_enum, operations, query, record};
pub(crate) use query::{Query, QueryField, QueryValue, comma_list};
pub(crate) use text::{Text, text_value};
pub(crate) use wire::{Answered, FromWire, Key, Seed, TWICE, ToWire, Written, in_field, missing, missing_key, retired};

#[cfg(test)]
mod tests;
