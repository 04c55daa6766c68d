//! The venue's REST API: every operation as a method of [`Client`], typed in and out.
//!
//! Each module is one family: what is asked (`…Query` and bodies), what is answered, the operations as constants, and
//! the methods. Types name their schema, methods and queries their operation, as the venue's OpenAPI document does.
//!
//! | module | what |
//! | --- | --- |
//! | [`exchange`] | whether it trades, hours, freshness of the account's data |
//! | [`series`], [`events`], [`markets`] | the three levels of what is traded; books, trades, candlesticks, fees |
//! | [`multivariate`] | collections from which combos are made |
//! | [`historical`] | what is too old for the other operations |
//! | [`orders`], [`order_groups`] | trading |
//! | [`portfolio`] | balance, positions, fills, settlements, payments, subaccounts, transfers |
//! | [`communications`] | requests for quote, quotes, batches, block trades |
//! | [`account`], [`api_keys`] | tier, budgets, costs; keys |
//! | [`live_data`], [`weather`], [`milestones`], [`structured_targets`], [`search`] | what markets are about |
//! | [`incentives`] | rewards |
//! | [`fcm`] | futures commission merchants and their customers |
//! | [`value`] | prices, counts, times, identifiers: what all of them are made of |
//!
//! ```no_run
//! use daybook_kalshi::{
//!     Client,
//!     rest::markets::{MarketFilter, MarketsQuery, MveFilter},
//! };
//! use futures_util::TryStreamExt;
//!
//! # async fn open_markets() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::builder().build()?;
//! let mut markets = client.all_markets(MarketsQuery {
//!     series_ticker: Some("KXHIGHNY".into()),
//!     mve_filter: Some(MveFilter::Exclude),
//!     status: Some(MarketFilter::Open),
//!     limit: Some(1_000),
//!     ..MarketsQuery::default()
//! });
//! while let Some(market) = markets.try_next().await? {
//!     let ask = market.yes_ask_dollars.map_or("-".to_owned(), |price| price.to_string());
//!     println!("{:40} {ask} {}", market.ticker, market.yes_ask_size_fp);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Answers
//! A field that this version does not know is kept in `extra`, an unknown word of a list in `Other`. An answer that
//! lacks a field that is always there, or holds something else in it, is an error that names the field; so is one of
//! the integer forms (`yes_bid` in cents, `count` in contracts, …) that the venue gave up in 2026. Prices, counts and
//! sums are integers from the first digit on, other numbers with a fraction keep their spelling; only what has no
//! known shape (`extra`, `details` and the like) is JSON as `serde_json` has it.
//!
//! # Pages
//! For each operation that answers in pages there is a method for one page and one, `all_…`, for a stream of the items
//! of all of them ([`Items`]). A missing, `null` or empty cursor is the end, and one that comes twice is an error. An
//! error tells which page failed and which comes after it ([`Error::page`](crate::Error::page)): a stream can be begun
//! again at either. The order of items is the venue's; nothing is guaranteed about it.
//!
//! # Errors
//! All methods fail as [`Client::call`] does. A write is sent again after an unclear failure only
//! where the venue executes it once all the same: the method says so. Otherwise
//! [`Error::may_have_executed`](crate::Error::may_have_executed) tells that it is not known.

pub mod account;
pub mod api_keys;
pub mod communications;
pub mod events;
pub mod exchange;
pub mod fcm;
pub mod historical;
pub mod incentives;
pub mod live_data;
pub mod markets;
pub mod milestones;
pub mod multivariate;
pub mod order_groups;
pub mod orders;
pub mod portfolio;
pub mod search;
pub mod series;
pub mod structured_targets;
pub mod value;
pub mod weather;

mod batches;
mod paging;

pub use batches::BatchError;
pub use paging::Items;

use crate::{
    client::{Call, Client, Error, Operation},
    rest::value::Answered,
};

/// Every operation that [`Client`] has a method for, family by family.
pub fn operations() -> impl Iterator<Item = &'static Operation> {
    [
        account::OPERATIONS,
        api_keys::OPERATIONS,
        communications::OPERATIONS,
        events::OPERATIONS,
        exchange::OPERATIONS,
        fcm::OPERATIONS,
        historical::OPERATIONS,
        incentives::OPERATIONS,
        live_data::OPERATIONS,
        markets::OPERATIONS,
        milestones::OPERATIONS,
        multivariate::OPERATIONS,
        order_groups::OPERATIONS,
        orders::OPERATIONS,
        portfolio::OPERATIONS,
        search::OPERATIONS,
        series::OPERATIONS,
        structured_targets::OPERATIONS,
    ]
    .into_iter()
    .flatten()
    .copied()
}

/// Whether a write carries an identifier by which the venue recognizes it when it is sent again. An empty one is none:
/// nothing says that the venue refuses to execute two writes that have it.
fn names_it<T: AsRef<str>>(identifier: Option<&T>) -> bool {
    identifier.is_some_and(|identifier| !identifier.as_ref().trim().is_empty())
}

impl Client {
    /// A call whose answer says no more than that it was executed.
    async fn done(&self, call: Call) -> Result<(), Error> {
        self.call(call).await.map(|Answered| ())
    }
}
