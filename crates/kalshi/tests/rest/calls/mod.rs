//! A call of every operation, with everything filled in that can be.

mod account;
mod reference;
mod trading;

use daybook_book::{Money, Price, Quantity, Ticker};
use daybook_kalshi::{Client, Error, rest::value::Timestamp};
use futures_util::future::BoxFuture;

/// A call, and how its answer looks from inside.
pub struct Case {
    pub operation: &'static str,
    pub run: fn(Client) -> BoxFuture<'static, Result<String, Error>>,
}

macro_rules! case {
    ($operation:literal, |$client:ident| $call:expr) => {
        $crate::calls::Case {
            operation: $operation,
            run: |$client| Box::pin(async move { $call.await.map(|answer| format!("{answer:?}")) }),
        }
    };
}
use case;

pub fn cases() -> Vec<Case> {
    [
        account::account(),
        account::api_keys(),
        account::fcm(),
        account::portfolio(),
        reference::events(),
        reference::exchange(),
        reference::historical(),
        reference::incentives(),
        reference::live_data(),
        reference::markets(),
        reference::milestones(),
        reference::multivariate(),
        reference::search(),
        reference::series(),
        reference::structured_targets(),
        trading::communications(),
        trading::order_groups(),
        trading::orders(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn ticker(text: &str) -> Ticker {
    text.parse().unwrap()
}

pub fn price(text: &str) -> Price {
    text.parse().unwrap()
}

pub fn quantity(text: &str) -> Quantity {
    text.parse().unwrap()
}

pub fn money(text: &str) -> Money {
    text.parse().unwrap()
}

fn stamp(text: &str) -> Timestamp {
    text.parse().unwrap()
}
