//! What goes wrong with a store.

use crate::location::{LocationError, StoreLocation};

/// What went wrong with a store: which, at what, and what to do. Never holds a password.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The URL names no store.
    #[error(transparent)]
    Location(#[from] LocationError),
    /// The file does not exist and was not to be created.
    #[error("there is no store at `{location}`; run a sync to make it")]
    Missing {
        /// The store.
        location: StoreLocation,
    },
    /// The file or its folder could not be created.
    #[error("`{location}` could not be created ({reason}); name a file in a folder that you may write to")]
    Create {
        /// The store.
        location: StoreLocation,
        /// What the operating system said.
        reason: std::io::Error,
    },
    /// No connection.
    #[error("the store `{location}` could not be opened: {reason}; {advice}")]
    Open {
        /// The store.
        location: StoreLocation,
        /// What the database said, without the password.
        reason: String,
        /// What to do.
        advice: &'static str,
    },
    /// The schema could not be brought to this version's.
    #[error("the store `{location}` could not be brought to this version's schema: {reason}; {advice}")]
    Schema {
        /// The store.
        location: StoreLocation,
        /// What the database said.
        reason: String,
        /// What to do.
        advice: &'static str,
    },
    /// A statement failed.
    #[error("the store `{location}` could not {action}: {reason}")]
    Statement {
        /// The store.
        location: StoreLocation,
        /// What was being done.
        action: &'static str,
        /// What the database said.
        reason: String,
    },
    /// A stored row is not what this crate writes.
    #[error("a row of `{table}` in the store `{location}` is damaged: {reason}")]
    Damaged {
        /// The store.
        location: StoreLocation,
        /// The table.
        table: &'static str,
        /// What is wrong with it.
        reason: String,
    },
}

/// A row of the venue that cannot be mirrored.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RowError {
    /// A sum of money that does not fit 64 bits of millionths of a dollar.
    #[error("{row}: `{field}` is {value} dollars, more than fits the store")]
    Money {
        /// The row.
        row: String,
        /// The field.
        field: &'static str,
        /// Its value.
        value: daybook_book::Money,
    },
    /// A fill without any time.
    #[error("{row}: the venue gave neither `created_time` nor `ts`, so it has no place in the history")]
    Time {
        /// The row.
        row: String,
    },
    /// An outcome that is neither `yes` nor `no`: the fill's direction is not known.
    #[error("{row}: `outcome_side` is `{value}`, neither `yes` nor `no`, so its direction is not known")]
    Side {
        /// The row.
        row: String,
        /// The word.
        value: String,
    },
    /// Not what a row of its kind is: a field is missing, or has a value that it cannot have.
    #[error("{row} cannot be read: {reason}")]
    Unreadable {
        /// The row, or the page.
        row: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Could not be written as JSON.
    #[error("{row}: {reason}")]
    Json {
        /// The row.
        row: String,
        /// Why.
        reason: String,
    },
}
