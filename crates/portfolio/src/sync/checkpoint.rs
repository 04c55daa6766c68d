//! How far a stream is mirrored, kept in the store beside the rows, and in the same transaction as they.

use daybook_kalshi::rest::value::{Cursor, Subaccount};
use sqlx::{AnyConnection, Row};

use super::Stream;
use crate::{account::AccountId, error::StoreError, store::Store, table::subaccount_number};

/// Which of the venue's two places is being read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// What the venue keeps at hand.
    Live,
    /// What it has archived.
    Historical,
}

/// A walk over all pages of a stream, live ones first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Walk {
    /// When it began.
    pub started_at: i64,
    pub stage: Stage,
    /// Where the next page begins; the stage's first page without.
    pub cursor: Option<Cursor>,
    /// Only rows of this time or later are asked for; all without.
    pub since: Option<i64>,
    /// What the stream is complete through when the walk has ended, if every row could be kept.
    pub newest: Option<i64>,
    /// The time of the oldest row that could not be kept; [`TIMELESS`] if one has no time.
    pub held: Option<i64>,
}

/// The place of an unusable row that has no time: anywhere.
pub(crate) const TIMELESS: i64 = i64::MIN;

impl Walk {
    /// What the stream is complete through, the walk having ended: nothing past a row that could not be kept, so that
    /// the next walk asks for that row again. `overlap` is how far before this a walk begins.
    pub(crate) fn complete_through(&self, overlap: i64) -> Option<i64> {
        match self.held {
            None => self.newest,
            Some(TIMELESS) => self.since.map(|since| since.saturating_add(overlap)),
            Some(held) => Some(self.newest.map_or(held - 1, |newest| newest.min(held - 1))),
        }
    }

    /// Notes a row that could not be kept.
    pub(crate) fn hold(&mut self, at: Option<i64>) {
        let at = at.unwrap_or(TIMELESS);
        self.held = Some(self.held.map_or(at, |held| held.min(at)));
    }
}

/// How far a stream is mirrored. Times are in microseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Checkpoint {
    /// Every row up to this time that the venue showed when it was last walked over is in the store.
    pub complete_through: Option<i64>,
    /// The walk that is under way, or was when a sync was interrupted.
    pub walk: Option<Walk>,
}

impl Checkpoint {
    /// Reads it; an empty one if there is none.
    pub(crate) async fn load(
        store: &Store,
        account: Option<AccountId>,
        subaccount: Subaccount,
        stream: Stream,
    ) -> Result<Checkpoint, StoreError> {
        let Some(account) = account else { return Ok(Checkpoint::default()) };
        let failed = store.failed("read how far it got");
        let sql = "SELECT complete_through_us, started_at_us, stage, cursor, since_us, newest_us, held_us
            FROM sync_checkpoints WHERE account_id = $1 AND subaccount = $2 AND stream = $3";
        let row = sqlx::query(sql)
            .bind(account.0)
            .bind(subaccount_number(subaccount))
            .bind(stream.as_str())
            .fetch_optional(store.pool())
            .await
            .map_err(&failed)?;
        let Some(row) = row else { return Ok(Checkpoint::default()) };
        let stage = match row.try_get::<Option<String>, _>(2).map_err(&failed)?.as_deref() {
            None => None,
            Some("live") => Some(Stage::Live),
            Some("historical") => Some(Stage::Historical),
            Some(other) => return Err(store.damaged("sync_checkpoints", format!("`{other}` is no stage"))),
        };
        let started_at: Option<i64> = row.try_get(1).map_err(&failed)?;
        let walk = match (stage, started_at) {
            (Some(stage), Some(started_at)) => Some(Walk {
                started_at,
                stage,
                cursor: row.try_get::<Option<String>, _>(3).map_err(&failed)?.map(Cursor::from),
                since: row.try_get(4).map_err(&failed)?,
                newest: row.try_get(5).map_err(&failed)?,
                held: row.try_get(6).map_err(&failed)?,
            }),
            _ => None,
        };
        Ok(Checkpoint { complete_through: row.try_get(0).map_err(&failed)?, walk })
    }

    /// Writes it.
    pub(crate) async fn save(
        &self,
        store: &Store,
        connection: &mut AnyConnection,
        account: AccountId,
        subaccount: Subaccount,
        stream: Stream,
    ) -> Result<(), StoreError> {
        let sql = "INSERT INTO sync_checkpoints
            (account_id, subaccount, stream, complete_through_us, started_at_us, stage, cursor, since_us, newest_us,
                held_us)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
            ON CONFLICT (account_id, subaccount, stream) DO UPDATE SET
                complete_through_us = excluded.complete_through_us, started_at_us = excluded.started_at_us,
                stage = excluded.stage, cursor = excluded.cursor, since_us = excluded.since_us,
                newest_us = excluded.newest_us, held_us = excluded.held_us";
        let walk = self.walk.as_ref();
        let stage = walk.map(|walk| match walk.stage {
            Stage::Live => "live",
            Stage::Historical => "historical",
        });
        sqlx::query(sql)
            .bind(account.0)
            .bind(subaccount_number(subaccount))
            .bind(stream.as_str())
            .bind(self.complete_through)
            .bind(walk.map(|walk| walk.started_at))
            .bind(stage)
            .bind(walk.and_then(|walk| walk.cursor.as_ref()).map(|cursor| cursor.as_str().to_owned()))
            .bind(walk.and_then(|walk| walk.since))
            .bind(walk.and_then(|walk| walk.newest))
            .bind(walk.and_then(|walk| walk.held))
            .execute(connection)
            .await
            .map_err(store.failed("write how far it got"))?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_past_what_could_not_be_kept_is_complete() {
        let mut walk =
            Walk { started_at: 0, stage: Stage::Live, cursor: None, since: Some(40), newest: Some(90), held: None };
        assert_eq!(walk.complete_through(10), Some(90));
        walk.hold(Some(95));
        assert_eq!(walk.complete_through(10), Some(90));
        walk.hold(Some(70));
        walk.hold(Some(80));
        assert_eq!(walk.complete_through(10), Some(69));
        assert_eq!(Walk { newest: None, ..walk.clone() }.complete_through(10), Some(69));
        // Without a time it may be anywhere: the next walk begins where this one began.
        walk.hold(None);
        assert_eq!(walk.complete_through(10), Some(50));
        walk.hold(Some(60));
        assert_eq!(walk.complete_through(10), Some(50));
        assert_eq!(Walk { since: None, ..walk }.complete_through(10), None);
    }
}
