//! Prices, quantities, events and order books of the Kalshi exchange: exact integers, no I/O.
//!
//! A Kalshi market has two ladders of bids, one for YES and one for NO; a bid for NO at `p` is an offer of YES at
//! `1 − p`, so there are no asks to store. The venue states a whole book once, in a *snapshot*, and from then on the
//! signed change of one price level at a time, in *deltas*. A [`Book`] follows both:
//!
//! ```
//! use daybook_book::{Book, Price, Quantity, Side};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let level = |price: &str, size: &str| -> Result<(Price, Quantity), Box<dyn std::error::Error>> {
//!     Ok((price.parse()?, size.parse()?))
//! };
//!
//! // The snapshot, then two deltas: half a contract joins a new best bid, and the NO bid at 0.5000 is gone.
//! let mut book = Book::from_levels(
//!     [level("0.4700", "100.00")?, level("0.4800", "12.50")?],
//!     [level("0.4900", "7.25")?, level("0.5000", "3.00")?],
//! )?;
//! book.apply(Side::Yes, "0.4900".parse()?, "0.50".parse()?)?;
//! book.apply(Side::No, "0.5000".parse()?, "-3.00".parse()?)?;
//!
//! assert_eq!(book.best_bid(Side::Yes), Some(level("0.4900", "0.50")?));
//! assert_eq!(book.best_ask(Side::Yes), Some(level("0.5100", "7.25")?));
//! assert_eq!(book.mid(Side::Yes).unwrap().to_string(), "0.500000");
//!
//! // Two books with the same levels have the same digest, whatever their history.
//! let same = Book::from_levels(book.levels(Side::Yes), book.levels(Side::No))?;
//! assert_eq!(same.digest(), book.digest());
//! assert_eq!(book.digest().to_string(), "fee81e651534c07738c444b425a86b1d");
//!
//! // A delta that takes away more than is there proves that an earlier one was lost.
//! let error = book.apply(Side::Yes, "0.4900".parse()?, "-2.00".parse()?).unwrap_err();
//! assert_eq!(error.held.to_string(), "0.50");
//! # Ok(())
//! # }
//! ```
//!
//! # What is here
//! - [`Price`], [`Quantity`] and [`Money`] are integers in ten-thousandths of a dollar, hundredths of a contract and
//!   millionths of a dollar; price × quantity is exactly money. Inside they are numbers, outside decimal text. There
//!   are no floats.
//! - [`Side`], [`Ticker`], and three clocks that must not be confused: [`ExchangeTime`], [`ReceivedTime`], and the
//!   [`EffectiveTime`] that the two give a market's history.
//! - [`Event`], what a frame of the venue means, and [`EventRecord`], the event with all that its envelope and our
//!   clock said.
//! - [`Book`]: building, changing, its views ([`best_ask`](Book::best_ask), [`depth`](Book::depth),
//!   [`cost_to_buy`](Book::cost_to_buy), …) and its [`BookDigest`].
//! - [`Merge`]: one stream of events out of the streams of redundant connections.
//!
//! # What it promises
//! Nothing is rounded, clamped or guessed: a text finer than its unit, a level below zero or beyond 64 bits, and a
//! snapshot that contradicts itself are errors that say where. The crate does no I/O, reads no clock and draws no
//! random number, so the same input gives the same result on every machine.

mod book;
mod decimal;
mod digest;
mod event;
mod ladder;
mod merge;
mod money;
mod price;
mod quantity;
mod side;
mod ticker;
mod time;
mod views;

pub use book::{Book, BookError, Divergence, LevelError};
pub use digest::{BookDigest, BookDigestError};
pub use event::{Delta, Event, EventRecord, Lifecycle, Snapshot, TickerUpdate, Trade};
pub use merge::Merge;
pub use money::{Money, MoneyError};
pub use price::{Price, PriceError};
pub use quantity::{Quantity, QuantityError};
pub use side::{Side, SideError};
pub use ticker::{Ticker, TickerError};
pub use time::{EffectiveTime, ExchangeTime, ReceivedTime};
pub use views::{Depth, Sweep};
