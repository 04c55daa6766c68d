//! The archive of order books.
mod announcements;
pub mod archive;
mod batch;
pub mod catalog;
mod checked_file;
mod columns;
mod compact;
pub mod coverage;
mod delta_run;
pub mod entry;
mod error;
pub mod fold;
pub mod history;
pub mod market;
mod opening;
pub mod packed_delta;
pub mod parquet_file;
mod prune;
pub mod reader;
pub mod reconstruct;
pub mod replay;
pub mod schema;
pub mod seal;
mod sealed_state;
pub mod segment;
mod segment_columns;
mod segment_index;
pub mod segment_name;
mod segment_writer;
pub mod store;
pub mod table;
pub mod tail;
pub mod timeline;
pub mod trades;
pub mod verify;
pub mod wal;
pub mod writer;

pub use announcements::Announcement;
pub use archive::{Archive, BookAnswer, OpenOptions};
pub use batch::{Batch, BatchBuilder, BatchError, BatchReader};
pub use compact::Compacted;
pub use entry::storable;
pub use error::Error;
pub use prune::{Dropped, Pruned};
pub use writer::{Writer, WriterOptions};

/// Which clock an instant is meant on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Clock {
    /// The market's own: effective time, from the venue's stamps.
    #[default]
    Exchange,
    /// Ours: received time.
    Received,
}
