//! What a mirror is known to lack: what could not be kept, and what a sync that was cut off did not get to.

use std::{collections::BTreeSet, fmt};

use daybook_kalshi::rest::value::Subaccount;
use jiff::Timestamp;
use sqlx::Row;

use crate::{
    account::AccountId,
    error::StoreError,
    store::Store,
    sync::{Stream, UnusableRow, lock},
    table::subaccount_number,
    time::from_micros,
};

/// Something that a mirror lacks, until a later sync brings it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lacking {
    /// Whose.
    pub subaccount: Subaccount,
    /// Of what.
    pub stream: Stream,
    /// The row and what is wrong with it; `None` for all that a sync, which was cut off, did not get to.
    pub reason: Option<String>,
    /// Since when it is known.
    pub since: Timestamp,
}

/// Stream, subaccount, row and reason.
impl fmt::Display for Lacking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Lacking { subaccount, stream, reason, .. } = self;
        match reason {
            Some(reason) => write!(f, "{stream} of subaccount {subaccount}: {reason}"),
            None => write!(f, "{stream} of subaccount {subaccount}: the last sync was cut off"),
        }
    }
}

impl Store {
    /// What the mirror is known to lack. Empty, it is what the account was when it was last synced.
    ///
    /// # Errors
    /// A store that cannot be read.
    pub async fn lacking(&self, account: AccountId) -> Result<Vec<Lacking>, StoreError> {
        let failed = self.failed("read what it lacks");
        let sql = "SELECT subaccount, stream, started_at_us, NULL AS reason FROM sync_checkpoints
                WHERE account_id = $1 AND stage IS NOT NULL
            UNION ALL SELECT subaccount, stream, first_seen_us, reason FROM unusable_rows WHERE account_id = $2
            ORDER BY 1, 2, 3, 4";
        let rows = sqlx::query(sql).bind(account.0).bind(account.0).fetch_all(self.pool()).await.map_err(&failed)?;
        rows.iter()
            .map(|row| {
                let name: String = row.try_get(1).map_err(&failed)?;
                let stream = Stream::ALL.into_iter().find(|stream| stream.as_str() == name);
                Ok(Lacking {
                    subaccount: self.subaccount("unusable_rows", row.try_get(0).map_err(&failed)?)?,
                    stream: stream.ok_or_else(|| self.damaged("unusable_rows", format!("`{name}` is no stream")))?,
                    since: from_micros(row.try_get(2).map_err(&failed)?),
                    reason: row.try_get(3).map_err(&failed)?,
                })
            })
            .collect()
    }

    /// Notes what a sync could not keep of a stream. If it `ended`, that is all that is lacking: what could not be kept
    /// before was asked for again. Writes nothing where nothing is new.
    pub(crate) async fn note_unusable(
        &self,
        account: AccountId,
        (subaccount, stream, ended): (Subaccount, Stream, bool),
        rows: &[&UnusableRow],
        now: i64,
    ) -> Result<(), StoreError> {
        let failed = self.failed("note what could not be kept");
        let subaccount = subaccount_number(subaccount);
        let known: BTreeSet<String> = {
            let sql = "SELECT reason FROM unusable_rows WHERE account_id = $1 AND subaccount = $2 AND stream = $3";
            let query = sqlx::query(sql).bind(account.0).bind(subaccount).bind(stream.as_str());
            let known = query.fetch_all(self.pool()).await.map_err(&failed)?;
            known.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>().map_err(&failed)?
        };
        let found: BTreeSet<String> = rows.iter().map(|row| row.reason.to_string()).collect();
        let new: Vec<&String> = found.difference(&known).collect();
        let past: Vec<&String> = known.difference(&found).filter(|_| ended).collect();
        if new.is_empty() && past.is_empty() {
            return Ok(());
        }
        let mut transaction = self.begin().await?;
        lock(self, &mut transaction, account).await?;
        for reason in past {
            let sql = "DELETE FROM unusable_rows
                WHERE account_id = $1 AND subaccount = $2 AND stream = $3 AND reason = $4";
            let statement = sqlx::query(sql).bind(account.0).bind(subaccount).bind(stream.as_str());
            statement.bind(reason.clone()).execute(&mut *transaction).await.map_err(&failed)?;
        }
        for reason in new {
            let sql = "INSERT INTO unusable_rows (account_id, subaccount, stream, reason, first_seen_us)
                VALUES ($1, $2, $3, $4, $5) ON CONFLICT (account_id, subaccount, stream, reason) DO NOTHING";
            let statement = sqlx::query(sql).bind(account.0).bind(subaccount).bind(stream.as_str());
            statement.bind(reason.clone()).bind(now).execute(&mut *transaction).await.map_err(&failed)?;
        }
        transaction.commit().await.map_err(&failed)
    }
}
