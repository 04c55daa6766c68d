//! A Kalshi account mirrored into SQLite or PostgreSQL.

mod account;
mod difference;
mod error;
mod location;
mod schema;
mod source;
mod store;
mod sync;
mod table;
mod time;

pub use account::{Account, AccountId, AccountIdentity};
pub use difference::FieldChange;
pub use error::{RowError, StoreError};
pub use location::{LocationError, PostgresUrl, StoreLocation};
pub use source::{AccountSource, SourceError};
pub use store::Store;
pub use sync::{Counts, Progress, Revision, Stream, StreamReport, SyncError, SyncOptions, SyncReport, sync};
pub use time::Period;
