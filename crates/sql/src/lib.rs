//! Read-only, bounded SQL over an archive's tables, sealed and live.
//!
//! ```no_run
//! use std::time::Duration;
//! use daybook_archive::{Archive, OpenOptions};
//! use daybook_sql::{Limits, SqlEngine};
//!
//! let archive = Archive::open("./data", OpenOptions::default())?;
//! let limits = Limits { timeout: Some(Duration::from_secs(30)), ..Limits::default() };
//! let engine = SqlEngine::new(archive, limits)?;
//! for batch in engine.query("SELECT ticker, count(*) AS trades, sum(count) FROM trades GROUP BY ticker")? {
//!     println!("{} rows", batch?.num_rows());
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Tables
//! `deltas`, `keyframes`, `trades`, `tickers`, `lifecycle`, `unparsed`, `coverage` (split by day: filter on `date` as
//! well where you can, whole files are then left out), `markets`, `events`, `series`, `settlements`, `sources`:
//! the tables of [`daybook_archive::schema`], with the rows that are not sealed yet. `DESCRIBE deltas` shows the
//! columns. Texts are strings; prices are `DECIMAL(5,4)` dollars and quantities `DECIMAL(18,2)` contracts, and
//! so are numbers with a point in a query: nothing passes through floats unless a query casts it to one.
//! Times are UTC with microseconds; the nanoseconds that are left stand in the `…_nanos` column beside.
//!
//! # Views
//! | view | what it shows |
//! | --- | --- |
//! | `snapshots` | `keyframes` that the venue sent, without those that were folded from deltas |
//! | `current_coverage` | of every interval of `coverage` the latest state, without `position` |
//! | `gaps` | intervals of `current_coverage` that are not covered, with their `cause` |
//! | `current_markets` | `markets` as they are now: the version that is still valid |
//!
//! # What a query may do
//! One statement, which reads: `SELECT`, `WITH`, `VALUES`, `EXPLAIN`, `SHOW TABLES`, `SHOW COLUMNS`, `DESCRIBE`.
//! It reaches the archive and nothing else: no files, no URLs, no settings. [`Limits`] bound what it may take.
//!
//! # What a query sees
//! Its tables are looked at when it is planned, `coverage` first: what coverage claims is in the other tables.
//! Every table is seen as of one instant, and rows are neither missed nor seen twice while the archive is sealed.
//! Pages of sealed files are compared with their checksums as they are read: a damaged page is an error, not a row.
//!
//! # Cost
//! A filter on `ticker` reads the pages of that ticker in the files that may hold it, and no others.
//! Rows that are not sealed yet are encoded anew for every query, which takes time in proportion to their number.
//! Batches are plain Arrow; [`arrow`] is the version they are of.

mod engine;
mod error;
mod excerpt;
mod limits;
mod moment;
mod pruning;
mod reader;
mod schema;
mod session;
mod statement;
mod stream;
mod table;
mod table_file;
mod views;
mod watch;

pub use datafusion::arrow;

pub use engine::SqlEngine;
pub use error::{Error, ErrorKind};
pub use excerpt::Place;
pub use limits::Limits;
pub use stream::{AsyncQueryStream, QueryStream};
