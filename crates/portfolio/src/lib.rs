//! A Kalshi account mirrored into SQLite or PostgreSQL: balances, positions with their history, fills, settlements,
//! orders; and what follows from them: exposure, profit and loss, volume, fees.
//!
//! ```no_run
//! use daybook_kalshi::{Client, Credentials, Environment};
//! use daybook_portfolio::{AccountIdentity, Marks, Period, Store, SyncOptions, sync};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let credentials = Credentials::from_process_env()?.ok_or("no API key in the environment")?;
//! let identity = AccountIdentity::new(&Environment::prod(), credentials.key_id());
//! let client = Client::builder().environment(Environment::prod()).credentials(credentials).build()?;
//!
//! let store = Store::open("sqlite://portfolio.db").await?;
//! let report = sync(&client, &store, &SyncOptions::default(), &()).await?;
//! println!("{} new rows on {} pages", report.total().new, report.total().pages);
//!
//! let account = store.account(&identity).await?.ok_or("never mirrored")?;
//! let summary = store.summary(account, Period::ALL, &Marks::new()).await?;
//! println!("realised {}, fees {}", summary.total.realised, summary.total.fees);
//! for difference in store.cross_check(account, "0.0001".parse()?).await? {
//!     println!("{difference}");
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # What it promises
//! - **Nothing twice, nothing lost.** Each page of the venue is written in one transaction, together with the cursor
//!   of the next. A sync that is killed anywhere goes on at the next page, and then reads once more what is new since
//!   it began. Syncing twice is syncing once. [`SyncOptions::dry_run`] tells the same and writes nothing.
//! - **Nothing taken for complete that is not.** A row that cannot be kept (a sum beyond 64 bits, a fill without a
//!   time, a field that cannot be read) is told in [`SyncReport::unusable`]; everything else is mirrored, and every
//!   sync asks for that row again until it can be kept. Until then, [`Store::lacking`] has it.
//! - **Nothing overwritten.** Fills and settlements are only ever added. One that the venue has changed is told in
//!   [`SyncReport::revisions`] and kept in a table of its own; the row that was there stays. Of positions every version
//!   is kept with the time from which and until which it was seen; at most one is current, and none once neither the
//!   venue's list nor its archive has the position any more. Of orders the latest state is kept.
//! - **Nothing forgotten.** Every row is stored as typed columns and as the JSON that the venue sent, with the fields
//!   that have no column yet.
//! - **No floats.** Money is in millionths of a dollar (or in cents where the venue's figure is), prices are in
//!   ten-thousandths of a dollar, quantities in hundredths of a contract, times in microseconds since the Unix epoch:
//!   64-bit integers, named in the column (`…_microdollars`, `…_cents`, `…_e4`, `…_centicontracts`, `…_us`). The
//!   SQLite tables are `STRICT`: they refuse anything else.
//!
//! # Keys
//! | table | a row is |
//! | --- | --- |
//! | `accounts` | an environment and the id of an API key; every other table has its `account_id` |
//! | `balances`, `balance_shards` | a subaccount's balance whenever it was not what it was |
//! | `positions` | a version of (subaccount, shard, ticker) |
//! | `event_positions` | a version of (subaccount, event) |
//! | `fills` | (trade, order): two orders of one account may fill each other |
//! | `settlements` | (subaccount, shard, ticker) |
//! | `orders` | an order |
//! | `revisions` | what the venue said later about a row of `fills` or `settlements` |
//! | `sync_checkpoints` | how far a stream of a subaccount is mirrored |
//! | `unusable_rows` | what the last sync of a stream could not keep |
//!
//! # What a sync reads
//! Of each subaccount its balance, its positions (settled ones too, so that their last state is known), fills,
//! settlements and orders; live ones first, then those that the venue has archived and the store may lack, as
//! `GET /historical/cutoff` tells; archived positions also where the live list no longer has one that it had. Later
//! syncs begin [`SyncOptions::overlap`] before the newest row; with [`SyncOptions::full`] they begin at the beginning.
//! Settlements that were archived before they were mirrored cannot be had from the venue: only the position's own
//! `realized_pnl_dollars` tells of them.
//!
//! # Formulas
//! Fills are replayed market by market, by subaccount, in the order of their time, then trade, then order. A fill
//! towards NO of a market in which YES is held sells YES, as the venue nets positions.
//!
//! | figure | formula |
//! | --- | --- |
//! | price of a fill | that of its `outcome_side`: `yes_price_dollars`, or one dollar less it |
//! | cost | of what is held: the sum of price × quantity, less the cost of what was sold |
//! | cost of what is sold | cost × sold ÷ held, to the nearest millionth of a dollar, a tie to the even one; all of the cost if all is sold |
//! | realised, by selling | (one dollar − price) × sold − its cost: who buys NO at `p` sells YES at `1 − p` |
//! | realised, by settlement | the settlement's `revenue`, in whole cents as the venue rounds it, − cost |
//! | unrealised | held × best bid of its side − cost |
//! | fees | the sum of `fee_cost` of the fills, as the venue rounds each; in no other figure |
//! | volume, turnover | the sum of quantity, and of price × quantity |
//!
//! Rounding moves no money: what a sale does not take of the cost stays with the rest, so that realised − cost is, to
//! the millionth, what was received less what was spent. A period's realised profit, fees, volume and turnover are
//! those of its fills and settlements; what is held, and what it cost, is what the whole past up to its end says.
//!
//! [`Store::exposure`] is the venue's own: `market_exposure_dollars` and `event_exposure_dollars` of the positions.
//! [`Store::cross_check`] holds the venue's `position_fp`, `market_exposure_dollars`, `realized_pnl_dollars`,
//! `fees_paid_dollars` and its settlements against what follows from the fills. The venue's `total_traded_dollars` is
//! mirrored and not compared, since it is not said what it counts; so is the settlement's `…_total_cost_dollars`.

mod account;
mod copy;
mod cross_check;
mod difference;
mod error;
mod exposure;
mod lacking;
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
pub use lacking::Lacking;
pub use ledger::{Holding, LedgerOverflow};
pub use location::{LocationError, PostgresUrl, StoreLocation};
pub use read::{Recorded, Selection, Version};
pub use source::{AccountSource, SourceError};
pub use store::Store;
pub use summary::{BestBids, MarketKey, MarketSummary, Marks, Summary, SummaryTotal};
pub use sync::{
    Counts, Progress, Revision, Stream, StreamReport, SyncError, SyncOptions, SyncReport, UnusableRow, sync,
};
pub use time::Period;
