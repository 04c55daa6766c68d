//! Which positions a walk has seen, live and archived: what neither list holds any more has ended.
//!
//! Only a listing that is whole ends anything: one whose walk began and ended in the same sync, and on which every row
//! could be kept. What the live list no longer holds may have been archived; only the archive tells.

use std::collections::{HashMap, HashSet};

use daybook_kalshi::rest::value::Subaccount;
use sqlx::{AnyConnection, AssertSqlSafe, Row};

use super::{
    checkpoint::Stage,
    write::{ROWS, bind, groups},
};
use crate::{
    account::AccountId,
    error::StoreError,
    store::Store,
    table::{Cell, EVENT_POSITIONS, MirrorRow, POSITIONS, Table, subaccount_number},
};

/// The tables of positions.
const TABLES: [&Table; 2] = [&POSITIONS, &EVENT_POSITIONS];

/// A current version when the walk began.
struct Current {
    valid_from: i64,
    /// Whether the archive listed it last.
    archived: bool,
}

type Keys = HashSet<Vec<Cell>>;

/// What a walk over positions has seen so far.
pub(crate) struct Listing {
    /// By table.
    before: [HashMap<Vec<Cell>, Current>; 2],
    live: [Keys; 2],
    archived: [Keys; 2],
    /// Whether the archive was read.
    archive_read: bool,
    /// Whether every row that was listed is known.
    whole: bool,
}

impl Listing {
    /// At the beginning of a walk over the positions of `subaccount`.
    pub(crate) async fn begin(
        store: &Store,
        account: Option<AccountId>,
        subaccount: Subaccount,
    ) -> Result<Listing, StoreError> {
        let mut listing = Listing {
            before: Default::default(),
            live: Default::default(),
            archived: Default::default(),
            archive_read: false,
            whole: true,
        };
        let Some(account) = account else { return Ok(listing) };
        let failed = store.failed("look up the current positions");
        for (table, before) in TABLES.into_iter().zip(&mut listing.before) {
            let sql = format!(
                "SELECT {}, valid_from_us, archived FROM {}
                    WHERE account_id = $1 AND subaccount = $2 AND valid_to_us IS NULL",
                table.key.join(", "),
                table.name,
            );
            let query = sqlx::query(AssertSqlSafe(sql)).bind(account.0).bind(subaccount_number(subaccount));
            for row in query.fetch_all(store.pool()).await.map_err(&failed)? {
                let last = table.key.len() - 1;
                // The last part of the key is the name, the others are numbers.
                let mut key = (0..last)
                    .map(|column| row.try_get::<Option<i64>, _>(column).map(Cell::Integer))
                    .collect::<Result<Vec<_>, _>>()
                    .map_err(&failed)?;
                key.push(Cell::Text(row.try_get(last).map_err(&failed)?));
                let valid_from = row.try_get(last + 1).map_err(&failed)?;
                let archived = row.try_get::<i64, _>(last + 2).map_err(&failed)? != 0;
                before.insert(key, Current { valid_from, archived });
            }
        }
        Ok(listing)
    }

    /// Notes that a row was listed that could not be kept: the listing tells of no end any more.
    pub(crate) fn is_partial(&mut self) {
        self.whole = false;
    }

    /// Notes the rows of a page, and takes those out that the archive repeats from the live list: the two need not
    /// agree, and what is live is what is. Gives out how many those were.
    pub(crate) fn see(&mut self, stage: Stage, tables: &mut [(&'static Table, Vec<MirrorRow>)]) -> u64 {
        let mut repeated = 0;
        for (table, rows) in tables {
            let Some(at) = TABLES.iter().position(|known| known.name == table.name) else { continue };
            match stage {
                Stage::Live => self.live[at].extend(rows.iter().map(|row| row.key.clone())),
                Stage::Historical => {
                    let all = rows.len();
                    rows.retain(|row| !self.live[at].contains(&row.key));
                    repeated += (all - rows.len()) as u64;
                    self.archived[at].extend(rows.iter().map(|row| row.key.clone()));
                }
            }
        }
        if stage == Stage::Historical {
            self.archive_read = true;
        }
        repeated
    }

    /// Whether, the live list having been read, the archive is to be asked for what is no longer on it.
    pub(crate) fn is_missing_some(&self) -> bool {
        self.before
            .iter()
            .zip(&self.live)
            .any(|(before, live)| before.iter().any(|(key, current)| !current.archived && !live.contains(key)))
    }

    /// What was current and is on neither list, by table.
    fn gone(&self) -> [Vec<(&Vec<Cell>, &Current)>; 2] {
        [0, 1].map(|at| {
            if !self.whole || !self.archive_read {
                return Vec::new();
            }
            let listed = |key: &Vec<Cell>| self.live[at].contains(key) || self.archived[at].contains(key);
            self.before[at].iter().filter(|(key, _)| !listed(key)).collect()
        })
    }

    /// How many positions have ended.
    pub(crate) fn ended(&self) -> u64 {
        self.gone().iter().map(|gone| gone.len() as u64).sum()
    }

    /// Ends the versions of what is on neither list, and notes which current ones are in the archive now. Gives out how
    /// many were ended: not those that another sync has seen otherwise meanwhile.
    pub(crate) async fn finish(
        &self,
        store: &Store,
        connection: &mut AnyConnection,
        account: AccountId,
        now: i64,
    ) -> Result<u64, StoreError> {
        let mut ended = 0;
        for (table, gone) in TABLES.into_iter().zip(self.gone()) {
            let sql = format!(
                "UPDATE {} SET valid_to_us = $1 WHERE account_id = $2 AND valid_from_us = $3 AND ({}) = {}
                    AND valid_to_us IS NULL",
                table.name,
                table.key.join(", "),
                groups(1, table.key.len(), 4),
            );
            for (key, current) in gone {
                let at = now.max(current.valid_from.saturating_add(1));
                let mut statement =
                    sqlx::query(AssertSqlSafe(sql.clone())).bind(at).bind(account.0).bind(current.valid_from);
                for cell in key {
                    statement = bind(statement, cell);
                }
                let done = statement.execute(&mut *connection).await;
                ended += done.map_err(store.failed("close a position that is no longer listed"))?.rows_affected();
            }
        }
        for (at, table) in TABLES.into_iter().enumerate() {
            for (keys, archived) in [(&self.archived[at], 1), (&self.live[at], 0)] {
                let keys: Vec<&Vec<Cell>> = keys.iter().collect();
                for keys in keys.chunks(ROWS) {
                    let sql = format!(
                        "UPDATE {} SET archived = {archived}
                            WHERE account_id = $1 AND archived <> {archived} AND valid_to_us IS NULL
                                AND ({}) IN (VALUES {})",
                        table.name,
                        table.key.join(", "),
                        groups(keys.len(), table.key.len(), 2),
                    );
                    let mut statement = sqlx::query(AssertSqlSafe(sql)).bind(account.0);
                    for cell in keys.iter().copied().flatten() {
                        statement = bind(statement, cell);
                    }
                    let done = statement.execute(&mut *connection).await;
                    done.map_err(store.failed("note which positions are archived"))?;
                }
            }
        }
        Ok(ended)
    }
}
