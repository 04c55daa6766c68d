//! Why a sync stopped.

use daybook_kalshi::rest::value::Subaccount;

use super::Stream;
use crate::{error::StoreError, source::SourceError};

/// Why a sync stopped. What was mirrored until then is in the store, and the next sync goes on from there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SyncError {
    /// The venue did not answer a question about the whole account.
    #[error("the account could not be read: {0}")]
    Account(#[source] SourceError),
    /// The venue did not give a page.
    #[error("page {page} of {stream} of subaccount {subaccount} could not be read: {reason}; sync again to go on")]
    Source {
        /// What was being read.
        stream: Stream,
        /// Whose.
        subaccount: Subaccount,
        /// Which page of this sync, from 1.
        page: u64,
        /// Why.
        #[source]
        reason: SourceError,
    },
    /// A page named the cursor of an earlier one as the next: following it would never end.
    #[error("page {page} of {stream} of subaccount {subaccount} leads back to an earlier page (cursor `{cursor}`)")]
    RepeatedCursor {
        /// What was being read.
        stream: Stream,
        /// Whose.
        subaccount: Subaccount,
        /// Which page of this sync, from 1.
        page: u64,
        /// The cursor.
        cursor: String,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
