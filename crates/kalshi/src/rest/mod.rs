//! The venue's REST API: every operation as a method of [`Client`], typed in and out.
//!
//! Each module is one family of operations: what is asked (`…Query`, bodies), what is answered, the operations as
//! constants, and the methods.

pub mod events;
pub mod exchange;
pub mod markets;
pub mod orders;
pub mod portfolio;
pub mod series;
pub mod value;

mod paging;

use crate::client::Operation;

/// Every operation that [`Client`](crate::Client) has a method for, family by family.
pub fn operations() -> impl Iterator<Item = &'static Operation> {
    [
        exchange::OPERATIONS,
        series::OPERATIONS,
        events::OPERATIONS,
        markets::OPERATIONS,
        orders::OPERATIONS,
        portfolio::OPERATIONS,
    ]
    .into_iter()
    .flatten()
    .copied()
}
