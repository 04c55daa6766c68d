//! A Kalshi account mirrored into SQLite or PostgreSQL.

mod account;
mod cross_check;
mod difference;
mod error;
mod exposure;
mod ledger;
mod location;
mod read;
mod schema;
mod source;
mod store;
mod summary;
mod sync;
mod table;
mod time;

pub use account::{Account, AccountId, AccountIdentity};
pub use cross_check::{Difference, Figure};
pub use difference::FieldChange;
pub use error::{RowError, StoreError};
pub use exposure::{EventExposure, Exposure, MarketExposure};
pub use ledger::{Holding, LedgerOverflow};
pub use location::{LocationError, PostgresUrl, StoreLocation};
pub use read::{Recorded, Selection, Version};
pub use source::{AccountSource, SourceError};
pub use store::Store;
pub use summary::{BestBids, MarketKey, MarketSummary, Marks, Summary, SummaryTotal};
pub use sync::{Counts, Progress, Revision, Stream, StreamReport, SyncError, SyncOptions, SyncReport, sync};
pub use time::Period;
