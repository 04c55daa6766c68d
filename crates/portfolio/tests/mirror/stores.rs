//! Empty stores to mirror into, one of each kind that there is, and what is in them.

use std::sync::atomic::{AtomicU32, Ordering};

use daybook_portfolio::Store;
use sqlx::{AnyConnection, AssertSqlSafe, Column, Connection, Row};
use tempfile::TempDir;

/// The server that tests may make databases on.
const POSTGRES: &str = "DAYBOOK_TEST_POSTGRES";

/// A place for a store.
pub struct Place {
    pub url: String,
    /// Gone with it.
    _folder: Option<TempDir>,
}

/// Places of each kind that there is.
pub async fn places(test: &str) -> Vec<Place> {
    let mut places = vec![sqlite()];
    match std::env::var(POSTGRES) {
        Ok(server) => places.push(postgres(&server).await),
        Err(_) => eprintln!("SKIPPED: {test} on PostgreSQL, since {POSTGRES} names no server"),
    }
    places
}

pub fn sqlite() -> Place {
    let folder = tempfile::tempdir().unwrap();
    Place { url: format!("sqlite://{}/an account.db", folder.path().display()), _folder: Some(folder) }
}

/// A new database; the server is a test's, and it stays there.
async fn postgres(server: &str) -> Place {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    sqlx::any::install_default_drivers();
    let mut connection = AnyConnection::connect(server).await.unwrap();
    let number = NUMBER.fetch_add(1, Ordering::SeqCst);
    let name = format!("daybook_{}_{}_{number}", std::process::id(), jiff::Timestamp::now().as_millisecond());
    sqlx::query(AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&mut connection).await.unwrap();
    let mut url = url::Url::parse(server).unwrap();
    url.set_path(&name);
    Place { url: url.to_string(), _folder: None }
}

const TABLES: [&str; 9] = [
    "accounts",
    "balances",
    "balance_shards",
    "positions",
    "event_positions",
    "fills",
    "settlements",
    "orders",
    "revisions",
];

/// Every row of every table but the checkpoints, in words.
pub async fn rows(url: &str) -> Vec<String> {
    table_rows(url, &TABLES).await
}

/// The same of these tables.
pub async fn table_rows(url: &str, tables: &[&str]) -> Vec<String> {
    // Makes sure that the store is there, and the drivers are.
    let store = Store::open(url).await.unwrap();
    let mut connection = connect(&store, url).await;
    let mut dump = Vec::new();
    for table in tables {
        let sql = AssertSqlSafe(format!("SELECT * FROM {table}"));
        let mut lines: Vec<String> = Vec::new();
        for row in sqlx::query(sql).fetch_all(&mut connection).await.unwrap() {
            let cell = |column: usize| match row.try_get::<Option<i64>, _>(column) {
                Ok(value) => format!("{value:?}"),
                Err(_) => format!("{:?}", row.try_get::<Option<String>, _>(column).unwrap()),
            };
            let cells = row.columns().iter().map(|column| format!("{}={}", column.name(), cell(column.ordinal())));
            lines.push(format!("{table}: {}", cells.collect::<Vec<_>>().join(" ")));
        }
        lines.sort();
        dump.extend(lines);
    }
    connection.close().await.unwrap();
    store.close().await;
    dump
}

/// A connection of one's own.
pub async fn connect(store: &Store, url: &str) -> AnyConnection {
    let url = match store.location().file() {
        Some(path) => format!("sqlite:{}", path.display().to_string().replace(' ', "%20")),
        None => url.to_owned(),
    };
    AnyConnection::connect(&url).await.unwrap()
}
