//! Records the Kalshi exchange into a Daybook archive, and says what of the record is complete.
//!
//! One fact goes one way: the [session](daybook_kalshi::Session) reads frames and says what can be trusted; the
//! [`Journal`] turns that into entries of the log, and folds the books to see that they fit; a thread writes
//! and syncs. Beside them, discovery finds markets and has their books subscribed to, and audits compare books with fresh
//! snapshots.
//!
//! # What it promises
//! - A market's coverage is *exact* only from a snapshot that proves its book, to the last frame that its subscription
//!   was heard by. Whatever may have been lost is a gap, with its cause, before anything after it is written.
//! - What is durable stays: a process that is killed loses what it had not synced, [`Settings::commit`] of it as a
//!   rule, and the next one closes the intervals that it left open, where they are known to reach.
//! - Nothing waits for the disk but the record: where it cannot keep up, events are dropped under a gap that says so.

mod discovery;
mod documents;
mod hearing;
mod journal;
mod keeper;
mod recorder;
mod selection;

pub use discovery::DiscoveryError;
pub use documents::documents;
pub use journal::{Counts, Journal};
pub use keeper::WrittenCounts;
pub use recorder::{RecordError, Recorder, Settings, Status};
pub use selection::Selection;
