//! The balance: a row whenever it is not what it was.

use daybook_kalshi::rest::{
    portfolio::{Balance, BalanceQuery},
    value::Subaccount,
};
use serde_json::{Map, Value};
use sqlx::{AnyConnection, Row};

use super::{Counts, Run, Stream, StreamReport, SyncError, write};
use crate::{
    account::AccountId,
    difference::differences,
    error::{RowError, StoreError},
    source::AccountSource,
    store::Store,
    table::{money, raw, subaccount_number},
    time::now_micros,
};

impl<S: AccountSource> Run<'_, S> {
    /// Reads the balance, and adds it to the series if it changed.
    pub(super) async fn balance(&mut self, report: &mut StreamReport) -> Result<(), SyncError> {
        let subaccount = report.subaccount;
        let at = |reason| SyncError::Source { stream: Stream::Balance, subaccount, page: 1, reason };
        let query = BalanceQuery { subaccount: Some(subaccount), ..BalanceQuery::default() };
        let balance = self.source.balance(&query).await.map_err(at)?;
        report.counts.pages = 1;
        let new = match NewBalance::of(&balance) {
            Ok(new) => new,
            Err(reason) => {
                self.unusable(report, reason);
                return Ok(());
            }
        };
        let now = now_micros(&*self.options.clock);
        let count = |before: Option<&Latest>, counts: &mut Counts| match before {
            Some(before) if differences(&before.raw, &new.raw).is_empty() => counts.unchanged = 1,
            _ => counts.new = 1,
        };
        let Some(account) = self.account.filter(|_| !self.options.dry_run) else {
            let before = match self.account {
                Some(account) => {
                    let mut connection = self.store.connection().await?;
                    latest(self.store, &mut connection, account, subaccount).await?
                }
                None => None,
            };
            count(before.as_ref(), &mut report.counts);
            return Ok(());
        };
        let mut transaction = self.store.begin().await?;
        write::lock(self.store, &mut transaction, account).await?;
        let before = latest(self.store, &mut transaction, account, subaccount).await?;
        let mut counts = report.counts;
        count(before.as_ref(), &mut counts);
        if counts.new > 0 {
            // The series advances, whatever the clock does.
            let seen = before.map_or(now, |before| now.max(before.observed_at.saturating_add(1)));
            new.insert(self.store, &mut transaction, account, subaccount, seen).await?;
        }
        transaction.commit().await.map_err(self.store.failed("commit the balance"))?;
        report.counts = counts;
        Ok(())
    }
}

/// The end of the series.
struct Latest {
    observed_at: i64,
    raw: Map<String, Value>,
}

async fn latest(
    store: &Store,
    connection: &mut AnyConnection,
    account: AccountId,
    subaccount: Subaccount,
) -> Result<Option<Latest>, StoreError> {
    let failed = store.failed("look up the latest balance");
    let sql = "SELECT observed_at_us, raw FROM balances WHERE account_id = $1 AND subaccount = $2
        ORDER BY observed_at_us DESC LIMIT 1";
    let query = sqlx::query(sql).bind(account.0).bind(subaccount_number(subaccount));
    let Some(row) = query.fetch_optional(connection).await.map_err(&failed)? else { return Ok(None) };
    let text: String = row.try_get(1).map_err(&failed)?;
    let raw = serde_json::from_str(&text).map_err(|error| store.damaged("balances", error))?;
    Ok(Some(Latest { observed_at: row.try_get(0).map_err(&failed)?, raw }))
}

/// A balance in the units of the store.
struct NewBalance {
    balance: i64,
    portfolio_value: i64,
    updated_at: i64,
    shards: Vec<(i64, i64)>,
    raw: Map<String, Value>,
}

impl NewBalance {
    fn of(balance: &Balance) -> Result<NewBalance, RowError> {
        let row = "balance";
        let shards = balance.balance_breakdown.iter().flatten();
        let shards = shards.map(|shard| {
            Ok((i64::from(shard.exchange_index.0), money(row, "balance_breakdown.balance", shard.balance)?))
        });
        Ok(NewBalance {
            balance: money(row, "balance_dollars", balance.balance_dollars)?,
            portfolio_value: balance.portfolio_value.0,
            updated_at: balance.updated_ts.0.saturating_mul(1_000_000),
            shards: shards.collect::<Result<_, _>>()?,
            raw: raw(row, balance)?,
        })
    }

    async fn insert(
        &self,
        store: &Store,
        connection: &mut AnyConnection,
        account: AccountId,
        subaccount: Subaccount,
        seen: i64,
    ) -> Result<(), StoreError> {
        let sql = "INSERT INTO balances (account_id, subaccount, observed_at_us, balance_microdollars,
            portfolio_value_cents, updated_at_us, raw) VALUES ($1, $2, $3, $4, $5, $6, $7)";
        sqlx::query(sql)
            .bind(account.0)
            .bind(subaccount_number(subaccount))
            .bind(seen)
            .bind(self.balance)
            .bind(self.portfolio_value)
            .bind(self.updated_at)
            .bind(Value::Object(self.raw.clone()).to_string())
            .execute(&mut *connection)
            .await
            .map_err(store.failed("add a balance"))?;
        for (shard, balance) in &self.shards {
            let sql = "INSERT INTO balance_shards
                (account_id, subaccount, observed_at_us, exchange_index, balance_microdollars)
                VALUES ($1, $2, $3, $4, $5)";
            sqlx::query(sql)
                .bind(account.0)
                .bind(subaccount_number(subaccount))
                .bind(seen)
                .bind(*shard)
                .bind(*balance)
                .execute(&mut *connection)
                .await
                .map_err(store.failed("add the balance of a shard"))?;
        }
        Ok(())
    }
}
