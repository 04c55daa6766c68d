//! What went wrong with a call: which, at which attempt, what the venue said, and where to find it in the log.

use std::{error, fmt, time::Duration};

use bytes::Bytes;

use super::{CallError, Operation, VenueAnswer};
use crate::{
    credentials::SignError,
    limit::{Silenced, TooCostly},
    rest::value::Cursor,
};

/// A call that failed.
///
/// Its text names the operation, the method and path, the attempt, the venue's answer and the correlation id, which
/// log events of the call carry as `correlation_id`. It never holds a key, a signature or a request's body.
pub struct Error(Box<Failure>);

struct Failure {
    operation: &'static Operation,
    path: String,
    attempt: u32,
    correlation_id: CorrelationId,
    kind: ErrorKind,
    body: Bytes,
    executed_earlier: bool,
    retry_after: Option<Duration>,
    page: Option<FailedPage>,
}

/// Where a stream of pages ended too early, and where it can be taken up again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedPage {
    /// The page that failed; `None` if it is the first. All items of the pages before it have been given.
    pub cursor: Option<Cursor>,
    /// The page after it, as far as the answer tells: where to go on if this one cannot be read. What it holds is then
    /// in [`Error::body`].
    pub next: Option<Cursor>,
}

/// Why a call failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The call could not be made as given.
    Call(CallError),
    /// The operation asks who is calling, and the client has no credentials.
    NoCredentials,
    /// The credentials could not sign.
    Sign(SignError),
    /// The call costs more than its budget can ever hold.
    TooCostly(TooCostly),
    /// The venue has asked to be left alone (`Retry-After`) for longer than the call may take.
    Silenced(Silenced),
    /// The venue failed so often that nothing is sent to it for a while.
    CircuitOpen {
        /// When the next call will be let through to see; zero while one is on its way.
        retry_in: Duration,
    },
    /// No connection: nothing was sent.
    Connect(reqwest::Error),
    /// The connection broke while sending or receiving: the venue may have executed the call.
    Connection(reqwest::Error),
    /// No complete answer in time, over all attempts: the venue may have executed the call.
    Timeout {
        /// The time that the call was allowed, waiting for its budget not included.
        allowed: Duration,
    },
    /// The answer's body is larger than the client takes.
    BodyTooLarge {
        /// The most that is taken, in bytes.
        limit: usize,
    },
    /// The venue refused.
    Venue(VenueAnswer),
    /// The venue answered with success, and with a body that is not the operation's.
    Decode {
        /// The answer's HTTP status.
        status: u16,
        /// What is wrong, and where in the body.
        reason: String,
    },
    /// A page named the cursor of an earlier page as the next one: following it would never end.
    RepeatedCursor {
        /// The cursor.
        cursor: String,
    },
}

impl Error {
    pub(super) fn new(
        operation: &'static Operation,
        path: &str,
        attempt: u32,
        correlation_id: CorrelationId,
        kind: ErrorKind,
    ) -> Error {
        let path = path.to_owned();
        Error(Box::new(Failure {
            operation,
            path,
            attempt,
            correlation_id,
            kind,
            body: Bytes::new(),
            executed_earlier: false,
            retry_after: None,
            page: None,
        }))
    }

    /// The pages of `operation` lead back to an earlier one.
    pub(crate) fn repeated_cursor(operation: &'static Operation, cursor: &str) -> Error {
        let kind = ErrorKind::RepeatedCursor { cursor: cursor.to_owned() };
        Error::new(operation, operation.path, 1, CorrelationId(0), kind)
    }

    /// The same as the end of a stream of pages, at the page of this cursor.
    pub(crate) fn at_page(mut self, cursor: Option<Cursor>) -> Error {
        // Under either name that the venue has for it. A body that cannot be read at all names none.
        #[derive(Default, serde::Deserialize)]
        struct Next {
            cursor: Option<String>,
            next_cursor: Option<String>,
        }
        let next = serde_json::from_slice::<Next>(&self.0.body).unwrap_or_default();
        let next = next.cursor.or(next.next_cursor).filter(|next| !next.is_empty()).map(Cursor::from);
        self.0.page = Some(FailedPage { cursor, next });
        self
    }

    /// The same with the body of the answer that it is about.
    pub(super) fn with_body(mut self, body: Bytes) -> Error {
        self.0.body = body;
        self
    }

    /// The same with how long the venue asked to be left alone.
    pub(super) fn with_retry_after(mut self, retry_after: Option<Duration>) -> Error {
        self.0.retry_after = retry_after;
        self
    }

    /// The same as the end of a call; `deduplicated` if the venue would have refused to execute it twice and may have
    /// executed it at an earlier attempt.
    pub(super) fn after_retries(mut self, deduplicated: bool) -> Error {
        let refused_as_duplicate = self.venue().is_some_and(|answer| answer.status == 409 && answer.says_duplicate());
        self.0.executed_earlier = deduplicated && refused_as_duplicate;
        self
    }

    /// The operation that was called.
    pub fn operation(&self) -> &'static Operation {
        self.0.operation
    }

    /// The path that was requested, from the API root on, without query; the template if it could not be filled in.
    pub fn path(&self) -> &str {
        &self.0.path
    }

    /// The attempt that failed, from 1; 0 if nothing was sent.
    pub fn attempt(&self) -> u32 {
        self.0.attempt
    }

    /// What finds this call in the log: the field `correlation_id` of its events.
    pub fn correlation_id(&self) -> CorrelationId {
        self.0.correlation_id
    }

    /// Why it failed.
    pub fn kind(&self) -> &ErrorKind {
        &self.0.kind
    }

    /// What the venue answered, if it refused.
    pub fn venue(&self) -> Option<&VenueAnswer> {
        match &self.0.kind {
            ErrorKind::Venue(answer) => Some(answer),
            _ => None,
        }
    }

    /// The HTTP status of the answer, if there was one.
    pub fn status(&self) -> Option<u16> {
        match &self.0.kind {
            ErrorKind::Venue(answer) => Some(answer.status),
            ErrorKind::Decode { status, .. } => Some(*status),
            _ => None,
        }
    }

    /// The body of the answer as received, if there was one. Unlike the error's text it may hold anything.
    pub fn body(&self) -> &[u8] {
        &self.0.body
    }

    /// Which page failed, and which comes after it, if it ended a stream of pages.
    pub fn page(&self) -> Option<&FailedPage> {
        self.0.page.as_ref()
    }

    /// Whether the venue's code is this one, whatever particular end it has: `not_found`, `insufficient_balance`.
    pub fn has_code(&self, code: &str) -> bool {
        self.venue().is_some_and(|answer| answer.has_code(code))
    }

    /// Whether the venue knows no such thing (404).
    pub fn is_not_found(&self) -> bool {
        self.status() == Some(404)
    }

    /// Whether the venue was asked too often (429), in spite of all; or would be, since it has asked to be left alone.
    pub fn is_rate_limited(&self) -> bool {
        self.status() == Some(429) || matches!(self.0.kind, ErrorKind::Silenced(_))
    }

    /// How long the venue asks to be left alone (`Retry-After`), from when the error arose; an hour at most.
    pub fn retry_after(&self) -> Option<Duration> {
        match &self.0.kind {
            ErrorKind::Silenced(silenced) => Some(silenced.left),
            _ => self.0.retry_after,
        }
    }

    /// Whether the venue does not accept the credentials (401).
    pub fn is_unauthenticated(&self) -> bool {
        self.status() == Some(401)
    }

    /// Whether the credentials are good and may not do this (403).
    pub fn is_forbidden(&self) -> bool {
        self.status() == Some(403)
    }

    /// Whether there was no complete answer in time.
    pub fn is_timeout(&self) -> bool {
        matches!(self.0.kind, ErrorKind::Timeout { .. })
    }

    /// Whether it was the venue's own failure (5xx).
    pub fn is_server_error(&self) -> bool {
        self.status().is_some_and(|status| status >= 500)
    }

    /// Whether the call was refused as a duplicate of itself: an earlier attempt was executed, though its answer never
    /// came. What it did is found under the id that the call carries, such as the `client_order_id`.
    pub fn is_executed_earlier(&self) -> bool {
        self.0.executed_earlier
    }

    /// Whether the venue may have executed the call all the same: it did not answer, or answered with a failure of
    /// its own, or with something that could not be read.
    pub fn may_have_executed(&self) -> bool {
        match &self.0.kind {
            ErrorKind::Connection(_) | ErrorKind::Timeout { .. } => true,
            ErrorKind::BodyTooLarge { .. } | ErrorKind::Decode { .. } => true,
            ErrorKind::Venue(answer) => answer.status >= 500 || self.0.executed_earlier,
            _ => false,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let failure = &*self.0;
        let Operation { id, method, .. } = failure.operation;
        write!(f, "{id} ({method} {})", failure.path)?;
        match failure.attempt {
            0 => f.write_str(" was not sent: ")?,
            attempt => write!(f, " failed at attempt {attempt}: ")?,
        }
        failure.kind.fmt(f)?;
        if let Some(silence) = failure.retry_after {
            write!(f, ", and asks to be left alone for {silence:?}")?;
        }
        if let Some(page) = &failure.page {
            match &page.cursor {
                Some(cursor) => write!(f, ", at the page of cursor {:?}", cursor.as_str())?,
                None => f.write_str(", at the first page")?,
            }
            if let Some(next) = &page.next {
                write!(f, "; the page after it has the cursor {:?}", next.as_str())?;
            }
        }
        write!(f, " [call {}]", failure.correlation_id)
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ErrorKind::Call(error) => error.fmt(f),
            ErrorKind::NoCredentials => f.write_str("it needs credentials, and the client was built without"),
            ErrorKind::Sign(error) => error.fmt(f),
            ErrorKind::TooCostly(error) => error.fmt(f),
            ErrorKind::Silenced(error) => write!(f, "{error}, which is longer than the call may take"),
            ErrorKind::CircuitOpen { retry_in } if retry_in.is_zero() => {
                f.write_str("the venue kept failing, so nothing is sent to it until a first call has come back")
            }
            ErrorKind::CircuitOpen { retry_in } => {
                write!(f, "the venue keeps failing, so nothing is sent to it for another {retry_in:.1?}")
            }
            ErrorKind::Connect(error) => write!(f, "no connection to the venue: {}", Causes(error)),
            ErrorKind::Connection(error) => write!(f, "the connection broke: {}", Causes(error)),
            ErrorKind::Timeout { allowed } => write!(f, "no complete answer within {allowed:?}"),
            ErrorKind::BodyTooLarge { limit } => write!(f, "the answer is larger than the {limit} bytes allowed"),
            ErrorKind::Venue(answer) => write!(f, "the venue answered {answer}"),
            ErrorKind::Decode { status, reason } => {
                write!(f, "the venue answered {status} with a body that is not this operation's: {reason}")
            }
            ErrorKind::RepeatedCursor { cursor } => {
                write!(
                    f,
                    "the cursor {cursor:?} came a second time, so the pages never end: begin again without cursor"
                )
            }
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("operation", &self.0.operation.id)
            .field("method", &self.0.operation.method)
            .field("path", &self.0.path)
            .field("attempt", &self.0.attempt)
            .field("correlation_id", &self.0.correlation_id)
            .field("kind", &self.0.kind)
            .field("page", &self.0.page)
            .finish_non_exhaustive()
    }
}

impl error::Error for Error {
    fn source(&self) -> Option<&(dyn error::Error + 'static)> {
        match &self.0.kind {
            ErrorKind::Call(error) => Some(error),
            ErrorKind::Sign(error) => Some(error),
            ErrorKind::TooCostly(error) => Some(error),
            ErrorKind::Silenced(error) => Some(error),
            ErrorKind::Connect(error) | ErrorKind::Connection(error) => Some(error),
            _ => None,
        }
    }
}

/// An error and what caused it, on one line: the HTTP stack says the useful part last.
struct Causes<'a>(&'a dyn error::Error);

impl fmt::Display for Causes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

/// Names one call, all its attempts included, in errors and log events.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct CorrelationId(pub(super) u64);

/// As it is shown everywhere else.
impl fmt::Debug for CorrelationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// Sixteen hexadecimal digits.
impl fmt::Display for CorrelationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}
