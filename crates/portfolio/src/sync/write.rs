//! Reads what is known of a page's rows, and writes what was decided about them.

use std::collections::HashSet;

use serde_json::{Map, Value};
use sqlx::{
    Any, AnyConnection, AssertSqlSafe, Row,
    any::{AnyArguments, AnyRow},
    query::Query,
};

use super::judge::{Change, Known, KnownRows};
use crate::{
    account::AccountId,
    error::StoreError,
    store::Store,
    table::{Cell, Keeping, MirrorRow, Table, key_text},
};

/// Rows per statement: far below what either database allows in parameters.
pub(crate) const ROWS: usize = 100;

type Statement = Query<'static, Any, AnyArguments>;

pub(crate) fn bind(statement: Statement, cell: &Cell) -> Statement {
    match cell {
        Cell::Integer(value) => statement.bind(*value),
        Cell::Text(text) => statement.bind(text.clone()),
    }
}

/// `($2, $3), ($4, $5)`: `rows` groups of `width` parameters from number `first` on.
pub(crate) fn groups(rows: usize, width: usize, first: usize) -> String {
    let group = |row: usize| {
        let parameters = (0..width).map(|column| format!("${}", first + row * width + column));
        format!("({})", parameters.collect::<Vec<_>>().join(", "))
    };
    (0..rows).map(group).collect::<Vec<_>>().join(", ")
}

/// Keeps other writers of the same account out until the transaction ends. SQLite allows only one writer anyway; it
/// is told here, before anything is read, since it refuses to turn a reader that others overtook into a writer.
pub(crate) async fn lock(store: &Store, connection: &mut AnyConnection, account: AccountId) -> Result<(), StoreError> {
    sqlx::query("UPDATE accounts SET key_id = key_id WHERE account_id = $1")
        .bind(account.0)
        .execute(connection)
        .await
        .map_err(store.failed("reserve the account for writing"))?;
    Ok(())
}

/// What the store knows of these rows.
pub(crate) async fn known(
    store: &Store,
    connection: &mut AnyConnection,
    account: AccountId,
    table: &'static Table,
    rows: &[MirrorRow],
) -> Result<KnownRows, StoreError> {
    let mut known = KnownRows::new();
    let keys: Vec<&[Cell]> = rows.iter().map(|row| row.key.as_slice()).collect::<HashSet<_>>().into_iter().collect();
    for keys in keys.chunks(ROWS) {
        let columns = table.key.join(", ");
        let current = if table.keeping == Keeping::Every { " AND valid_to_us IS NULL" } else { "" };
        let sql = format!(
            "SELECT {columns}, raw, {} FROM {} WHERE account_id = $1 AND ({columns}) IN (VALUES {}){current}",
            table.seen,
            table.name,
            groups(keys.len(), table.key.len(), 2),
        );
        let mut statement = sqlx::query(AssertSqlSafe(sql)).bind(account.0);
        for cell in keys.iter().copied().flatten() {
            statement = bind(statement, cell);
        }
        let failed = store.failed("look up what it knows of a page");
        for row in statement.fetch_all(&mut *connection).await.map_err(&failed)? {
            let key = row_key(&row, keys[0]).map_err(&failed)?;
            let raw = object(store, table.name, row.try_get(table.key.len()).map_err(&failed)?)?;
            let seen = row.try_get(table.key.len() + 1).map_err(&failed)?;
            known.insert(key, Known { raw, seen, revisions: Vec::new(), ended: false });
        }
    }
    if table.keeping == Keeping::Every {
        add_ended(store, connection, account, table, &keys, &mut known).await?;
    }
    if table.keeping == Keeping::First {
        add_revisions(store, connection, account, table, &mut known).await?;
    }
    Ok(known)
}

/// Adds what ended and has no current version: should it come back, that is after it ended.
async fn add_ended(
    store: &Store,
    connection: &mut AnyConnection,
    account: AccountId,
    table: &'static Table,
    keys: &[&[Cell]],
    known: &mut KnownRows,
) -> Result<(), StoreError> {
    let failed = store.failed("look up what has ended");
    let missing: Vec<&[Cell]> = keys.iter().copied().filter(|key| !known.contains_key(*key)).collect();
    for keys in missing.chunks(ROWS) {
        let columns = table.key.join(", ");
        let sql = format!(
            "SELECT {columns}, MAX(valid_to_us) FROM {} WHERE account_id = $1 AND ({columns}) IN (VALUES {})
                GROUP BY {columns}",
            table.name,
            groups(keys.len(), table.key.len(), 2),
        );
        let mut statement = sqlx::query(AssertSqlSafe(sql)).bind(account.0);
        for cell in keys.iter().copied().flatten() {
            statement = bind(statement, cell);
        }
        for row in statement.fetch_all(&mut *connection).await.map_err(&failed)? {
            let key = row_key(&row, keys[0]).map_err(&failed)?;
            let seen = row.try_get(table.key.len()).map_err(&failed)?;
            known.insert(key, Known { raw: Map::new(), seen, revisions: Vec::new(), ended: true });
        }
    }
    Ok(())
}

/// The key that a row begins with, its parts of the kinds that those of `like` are.
fn row_key(row: &AnyRow, like: &[Cell]) -> Result<Vec<Cell>, sqlx::Error> {
    let cells = like.iter().enumerate().map(|(column, cell)| match cell {
        Cell::Integer(_) => row.try_get::<Option<i64>, _>(column).map(Cell::Integer),
        Cell::Text(_) => row.try_get::<String, _>(column).map(Cell::Text),
    });
    cells.collect()
}

async fn add_revisions(
    store: &Store,
    connection: &mut AnyConnection,
    account: AccountId,
    table: &'static Table,
    known: &mut KnownRows,
) -> Result<(), StoreError> {
    let failed = store.failed("look up revisions");
    let keys: std::collections::HashMap<String, Vec<Cell>> =
        known.keys().map(|key| (key_text(key), key.clone())).collect();
    let texts: Vec<&String> = keys.keys().collect();
    for texts in texts.chunks(ROWS) {
        let sql = format!(
            "SELECT row_key, raw FROM revisions WHERE account_id = $1 AND table_name = $2 AND row_key IN {}
                ORDER BY row_key, number",
            groups(1, texts.len(), 3),
        );
        let mut statement = sqlx::query(AssertSqlSafe(sql)).bind(account.0).bind(table.name);
        for text in texts {
            statement = statement.bind((*text).clone());
        }
        for row in statement.fetch_all(&mut *connection).await.map_err(&failed)? {
            let text: String = row.try_get(0).map_err(&failed)?;
            let raw = object(store, "revisions", row.try_get(1).map_err(&failed)?)?;
            if let Some(known) = keys.get(&text).and_then(|key| known.get_mut(key)) {
                known.revisions.push(raw);
            }
        }
    }
    Ok(())
}

/// Stored JSON.
fn object(store: &Store, table: &'static str, text: String) -> Result<Map<String, Value>, StoreError> {
    serde_json::from_str(&text).map_err(|error| store.damaged(table, format!("`raw` is no JSON object ({error})")))
}

/// Writes what was decided, in its order.
pub(crate) async fn write(
    store: &Store,
    connection: &mut AnyConnection,
    account: AccountId,
    table: &'static Table,
    changes: &[Change],
) -> Result<(), StoreError> {
    // Rows that nothing else in this page is about go in together; others wait for their turn.
    let mut pending: Vec<(&MirrorRow, i64)> = Vec::new();
    for change in changes {
        match change {
            Change::Insert { row, seen } => {
                pending.push((row, *seen));
                if pending.len() == ROWS {
                    insert(store, connection, account, table, &std::mem::take(&mut pending)).await?;
                }
            }
            Change::Supersede { row, seen } => {
                insert(store, connection, account, table, &std::mem::take(&mut pending)).await?;
                close(store, connection, account, table, row, *seen).await?;
                insert(store, connection, account, table, &[(row, *seen)]).await?;
            }
            Change::Replace { row, seen } => {
                insert(store, connection, account, table, &std::mem::take(&mut pending)).await?;
                replace(store, connection, account, table, row, *seen).await?;
            }
            Change::Revise { row, seen, number, changes } => {
                let differences = serde_json::to_string(changes).map_err(|error| store.damaged("revisions", error))?;
                let sql = "INSERT INTO revisions
                    (account_id, table_name, row_key, number, differences, raw, first_seen_us)
                    VALUES ($1, $2, $3, $4, $5, $6, $7)";
                sqlx::query(sql)
                    .bind(account.0)
                    .bind(table.name)
                    .bind(key_text(&row.key))
                    .bind(i64::try_from(*number).unwrap_or(i64::MAX))
                    .bind(differences)
                    .bind(raw_text(row))
                    .bind(*seen)
                    .execute(&mut *connection)
                    .await
                    .map_err(store.failed("note a revision"))?;
            }
        }
    }
    insert(store, connection, account, table, &pending).await
}

fn raw_text(row: &MirrorRow) -> String {
    Value::Object(row.raw.clone()).to_string()
}

async fn insert(
    store: &Store,
    connection: &mut AnyConnection,
    account: AccountId,
    table: &'static Table,
    rows: &[(&MirrorRow, i64)],
) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    let columns: Vec<&str> = table.key.iter().chain(table.values).copied().collect();
    let sql = format!(
        "INSERT INTO {} (account_id, {}, raw, {}) VALUES {}",
        table.name,
        columns.join(", "),
        table.seen,
        groups(rows.len(), columns.len() + 3, 1),
    );
    let mut statement = sqlx::query(AssertSqlSafe(sql));
    for (row, seen) in rows {
        statement = statement.bind(account.0);
        for cell in row.key.iter().chain(&row.values) {
            statement = bind(statement, cell);
        }
        statement = statement.bind(raw_text(row)).bind(*seen);
    }
    statement.execute(&mut *connection).await.map_err(store.failed("add the rows of a page"))?;
    Ok(())
}

/// Ends the current version.
async fn close(
    store: &Store,
    connection: &mut AnyConnection,
    account: AccountId,
    table: &'static Table,
    row: &MirrorRow,
    at: i64,
) -> Result<(), StoreError> {
    let sql = format!(
        "UPDATE {} SET valid_to_us = $1 WHERE account_id = $2 AND ({}) = {} AND valid_to_us IS NULL",
        table.name,
        table.key.join(", "),
        groups(1, table.key.len(), 3),
    );
    let mut statement = sqlx::query(AssertSqlSafe(sql)).bind(at).bind(account.0);
    for cell in &row.key {
        statement = bind(statement, cell);
    }
    statement.execute(&mut *connection).await.map_err(store.failed("close the version of a position"))?;
    Ok(())
}

async fn replace(
    store: &Store,
    connection: &mut AnyConnection,
    account: AccountId,
    table: &'static Table,
    row: &MirrorRow,
    seen: i64,
) -> Result<(), StoreError> {
    let assignments: Vec<String> =
        table.values.iter().enumerate().map(|(index, column)| format!("{column} = ${}", index + 1)).collect();
    let next = table.values.len() + 1;
    let sql = format!(
        "UPDATE {} SET {}, raw = ${next}, {} = ${} WHERE account_id = ${} AND ({}) = {}",
        table.name,
        assignments.join(", "),
        table.seen,
        next + 1,
        next + 2,
        table.key.join(", "),
        groups(1, table.key.len(), next + 3),
    );
    let mut statement = sqlx::query(AssertSqlSafe(sql));
    for cell in &row.values {
        statement = bind(statement, cell);
    }
    statement = statement.bind(raw_text(row)).bind(seen).bind(account.0);
    for cell in &row.key {
        statement = bind(statement, cell);
    }
    statement.execute(&mut *connection).await.map_err(store.failed("update the rows of a page"))?;
    Ok(())
}
