//! What can go wrong with a table.

use delta_kernel::KernelError;

use crate::store::StoreError;

/// A failed operation on a table.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The store failed; the message names the file.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no table of this name.
    #[error("there is no table '{table}' at {location}")]
    NotFound {
        /// The table's name.
        table: String,
        /// Where it was looked for.
        location: String,
    },
    /// A table was to be created that exists.
    #[error("table '{table}' exists already at {location}; open it instead")]
    AlreadyExists {
        /// The table's name.
        table: String,
        /// Where it is.
        location: String,
    },
    /// Somebody else committed this version first. Nothing of the commit was applied.
    #[error("version {version} of table '{table}' was committed by another writer first; refresh, decide again, retry")]
    Conflict {
        /// The table's name.
        table: String,
        /// The version that both wanted to write.
        version: u64,
    },
    /// The commit contradicts the table or itself. Nothing was written.
    #[error("invalid commit to table '{table}': {reason}")]
    InvalidCommit {
        /// The table's name.
        table: String,
        /// What is wrong, naming the file or column.
        reason: String,
    },
    /// The table's name or schema is not one that a table can have.
    #[error("invalid definition of table '{table}': {reason}")]
    InvalidDefinition {
        /// The table's name.
        table: String,
        /// What is wrong.
        reason: String,
    },
    /// The table uses something of the format that this archive does not read, for instance deletion vectors,
    /// or its log is damaged.
    #[error("cannot read table '{table}': {reason} ({file})")]
    Unreadable {
        /// The table's name.
        table: String,
        /// The file concerned.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The table format's library failed for a reason of its own.
    #[error("cannot {action} table '{table}' at {location}: {source}")]
    Format {
        /// What was tried.
        action: &'static str,
        /// The table's name.
        table: String,
        /// Where the table is.
        location: String,
        /// What the library said.
        source: Box<KernelError>,
    },
}
