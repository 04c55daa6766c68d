//! What can go wrong between the archive and the place that holds it.

use std::fmt;
use std::io;

/// What the store was asked to do when it failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Interpreting the root or a path.
    Open,
    /// Reading a file or a part of one.
    Read,
    /// Asking for a file's size and time.
    Stat,
    /// Listing files.
    List,
    /// Writing a file.
    Write,
    /// Forcing a file and its directories to stable storage.
    Sync,
    /// Deleting a file.
    Delete,
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Open => "open",
            Self::Read => "read",
            Self::Stat => "look up",
            Self::List => "list",
            Self::Write => "write",
            Self::Sync => "make durable",
            Self::Delete => "delete",
        })
    }
}

/// Why the store failed: the distinctions that a caller acts upon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// There is no such file.
    NotFound,
    /// A file was to be created and is there already.
    AlreadyExists,
    /// The process or its credentials may not do this, or the file system is mounted read-only.
    PermissionDenied,
    /// The volume is full or the quota is used up.
    OutOfSpace,
    /// The root or path is not one that the store can hold.
    InvalidPath,
    /// The file is shorter than the range that was asked for.
    Truncated,
    /// Anything else; the message has the details.
    Other,
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotFound => "it does not exist",
            Self::AlreadyExists => "it exists already",
            Self::PermissionDenied => {
                "permission denied or read-only (check the owner and mode, the mount, or the credentials)"
            }
            Self::OutOfSpace => "no space left (free some or enlarge the volume or quota, then try again)",
            Self::InvalidPath => "invalid path",
            Self::Truncated => "it is shorter than expected",
            Self::Other => "failed",
        })
    }
}

/// A failed operation: what was tried, on which full path or URL, and why it failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot {operation} {location}: {kind}: {detail}")]
pub struct StoreError {
    operation: Operation,
    location: String,
    kind: ErrorKind,
    detail: String,
}

impl StoreError {
    pub(crate) fn new(
        operation: Operation,
        location: impl Into<String>,
        kind: ErrorKind,
        detail: impl Into<String>,
    ) -> Self {
        Self { operation, location: location.into(), kind, detail: detail.into() }
    }

    pub(crate) fn from_io(operation: Operation, location: impl Into<String>, error: &io::Error) -> Self {
        Self::new(operation, location, kind_of(error), error.to_string())
    }

    pub(crate) fn from_remote(operation: Operation, location: impl Into<String>, error: &object_store::Error) -> Self {
        use object_store::Error as Remote;
        let kind = match error {
            Remote::NotFound { .. } => ErrorKind::NotFound,
            Remote::AlreadyExists { .. } | Remote::Precondition { .. } => ErrorKind::AlreadyExists,
            Remote::PermissionDenied { .. } | Remote::Unauthenticated { .. } => ErrorKind::PermissionDenied,
            Remote::InvalidPath { .. } => ErrorKind::InvalidPath,
            other => io_cause(other).map_or(ErrorKind::Other, kind_of),
        };
        Self::new(operation, location, kind, error.to_string())
    }

    /// What was tried.
    pub fn operation(&self) -> Operation {
        self.operation
    }

    /// The full path or URL on which it was tried.
    pub fn location(&self) -> &str {
        &self.location
    }

    /// Why it failed.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Whether the file was not there.
    pub fn is_not_found(&self) -> bool {
        self.kind == ErrorKind::NotFound
    }
}

impl From<StoreError> for io::Error {
    fn from(error: StoreError) -> Self {
        let kind = match error.kind {
            ErrorKind::NotFound => io::ErrorKind::NotFound,
            ErrorKind::AlreadyExists => io::ErrorKind::AlreadyExists,
            ErrorKind::PermissionDenied => io::ErrorKind::PermissionDenied,
            ErrorKind::OutOfSpace => io::ErrorKind::StorageFull,
            ErrorKind::InvalidPath => io::ErrorKind::InvalidInput,
            ErrorKind::Truncated => io::ErrorKind::UnexpectedEof,
            ErrorKind::Other => io::ErrorKind::Other,
        };
        io::Error::new(kind, error)
    }
}

/// Sorts an operating system error into the kinds that a caller acts upon.
fn kind_of(error: &io::Error) -> ErrorKind {
    match error.kind() {
        io::ErrorKind::NotFound => ErrorKind::NotFound,
        io::ErrorKind::AlreadyExists => ErrorKind::AlreadyExists,
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => ErrorKind::PermissionDenied,
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => ErrorKind::OutOfSpace,
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidFilename => ErrorKind::InvalidPath,
        io::ErrorKind::UnexpectedEof => ErrorKind::Truncated,
        _ => ErrorKind::Other,
    }
}

/// The operating system error at the bottom of a chain of errors, if that is what it ends in.
fn io_cause<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a io::Error> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(io) = error.downcast_ref::<io::Error>() {
            return Some(io);
        }
        cause = error.source();
    }
    None
}
