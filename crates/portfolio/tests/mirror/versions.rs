//! The schema is brought up to date where that can be done, and left alone where it cannot.

use std::sync::Arc;

use daybook_portfolio::{Store, StoreError, SyncOptions, sync};

use crate::{
    stores::{connect, places, rows, sqlite},
    venue::{StoppedClock, Venue, account, options},
};

#[tokio::test]
async fn an_empty_database_and_one_that_is_up_to_date() {
    for place in places("an_empty_database").await {
        let (venue, clock) = (Venue::new(account()), Arc::new(StoppedClock::default()));
        let store = Store::open(&place.url).await.unwrap();
        sync(&venue, &store, &options(&clock, 2), &()).await.unwrap();
        store.close().await;
        let before = rows(&place.url).await;
        assert!(!before.is_empty());
        // Opened again, also by two at once.
        let (one, other) = tokio::join!(Store::open(&place.url), Store::open(&place.url));
        one.unwrap().close().await;
        other.unwrap().close().await;
        Store::open_read_only(&place.url).await.unwrap().close().await;
        assert_eq!(rows(&place.url).await, before);
    }
}

#[tokio::test]
async fn a_database_that_others_use_too() {
    for place in places("a_database_that_others_use_too").await {
        let store = Store::open(&sqlite().url).await.unwrap();
        drop(store);
        let foreign = match place.url.strip_prefix("sqlite://") {
            Some(path) => {
                std::fs::write(path, "").unwrap();
                format!("sqlite:{}", path.replace(' ', "%20"))
            }
            None => place.url.clone(),
        };
        let mut connection = <sqlx::AnyConnection as sqlx::Connection>::connect(&foreign).await.unwrap();
        sqlx::query("CREATE TABLE theirs (name TEXT)").execute(&mut connection).await.unwrap();
        sqlx::query("INSERT INTO theirs VALUES ('kept')").execute(&mut connection).await.unwrap();
        let error = Store::open_read_only(&place.url).await.unwrap_err();
        assert!(matches!(&error, StoreError::Missing { .. }) && error.to_string().contains("run a sync"), "{error}");
        Store::open(&place.url).await.unwrap().close().await;
        let row = sqlx::query("SELECT name FROM theirs").fetch_one(&mut connection).await.unwrap();
        assert_eq!(sqlx::Row::get::<String, _>(&row, 0), "kept");
    }
}

#[tokio::test]
async fn a_newer_and_an_edited_schema_are_refused() {
    for place in places("a_newer_and_an_edited_schema").await {
        let store = Store::open(&place.url).await.unwrap();
        let mut connection = connect(&store, &place.url).await;
        let truth = if store.location().file().is_some() { "1" } else { "TRUE" };
        store.close().await;
        let newer = format!(
            "INSERT INTO _sqlx_migrations (version, description, installed_on, success, checksum, execution_time)
                SELECT 99, 'later', installed_on, {truth}, checksum, 0 FROM _sqlx_migrations WHERE version = 1"
        );
        sqlx::query(sqlx::AssertSqlSafe(newer)).execute(&mut connection).await.unwrap();
        for error in [Store::open(&place.url).await.unwrap_err(), Store::open_read_only(&place.url).await.unwrap_err()]
        {
            assert!(
                matches!(&error, StoreError::Schema { .. }) && error.to_string().contains("newer version"),
                "{error}"
            );
        }
        let edited = "DELETE FROM _sqlx_migrations WHERE version = 99";
        sqlx::query(edited).execute(&mut connection).await.unwrap();
        let other = if truth == "1" { "X'00'" } else { "'\\x00'" };
        let edited = format!("UPDATE _sqlx_migrations SET checksum = {other}");
        sqlx::query(sqlx::AssertSqlSafe(edited)).execute(&mut connection).await.unwrap();
        let error = Store::open(&place.url).await.unwrap_err();
        assert!(error.to_string().contains("restore it from a backup"), "{error}");
    }
}

#[tokio::test]
async fn what_is_no_store_is_said_without_its_password() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.txt");
    std::fs::write(&path, "this is no database, and it is longer than a header of one would be: 0123456789".repeat(20))
        .unwrap();
    let before = std::fs::read(&path).unwrap();
    let error = Store::open(&format!("sqlite://{}", path.display())).await.unwrap_err().to_string();
    assert!(error.contains("notes.txt") && error.contains("is a SQLite database"), "{error}");
    assert_eq!(std::fs::read(&path).unwrap(), before);

    let folder = format!("sqlite://{}", folder.path().display());
    let error = Store::open(&folder).await.unwrap_err().to_string();
    assert!(error.contains(&folder), "{error}");

    // Nothing listens there.
    let error = Store::open("postgres://me:hunter2@127.0.0.1:1/db").await.unwrap_err().to_string();
    assert!(
        !error.contains("hunter2") && error.contains("127.0.0.1:1/db") && error.contains("server is running"),
        "{error}"
    );

    let error = Store::open("portfolio.db").await.unwrap_err().to_string();
    assert!(error.contains("sqlite://PATH"), "{error}");
}

#[cfg(unix)]
#[tokio::test]
async fn a_new_file_is_its_owners_only() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a/b/account.db");
    Store::open(&format!("sqlite://{}", path.display())).await.unwrap().close().await;
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn an_older_schema_is_looked_into_as_it_is_and_brought_up_to_date_by_a_sync() {
    for place in places("an_older_schema").await {
        let (venue, clock) = (Venue::new(account()), Arc::new(StoppedClock::default()));
        let store = Store::open(&place.url).await.unwrap();
        sync(&venue, &store, &options(&clock, 2), &()).await.unwrap();
        let mut connection = connect(&store, &place.url).await;
        for undo in [
            "DROP TABLE unusable_rows",
            "ALTER TABLE sync_checkpoints DROP COLUMN held_us",
            "ALTER TABLE positions DROP COLUMN archived",
            "ALTER TABLE event_positions DROP COLUMN archived",
            "DELETE FROM _sqlx_migrations WHERE version = 2",
        ] {
            sqlx::query(undo).execute(&mut connection).await.unwrap();
        }
        sqlx::Connection::close(connection).await.unwrap();
        store.close().await;
        if let Some(path) = place.url.strip_prefix("sqlite://") {
            let before = std::fs::read(path).unwrap();
            let looked = Store::open_read_only(&place.url).await.unwrap();
            let dry = SyncOptions { dry_run: true, ..options(&clock, 2) };
            assert!(sync(&venue, &looked, &dry, &()).await.unwrap().is_unchanged());
            looked.close().await;
            assert!(std::fs::read(path).unwrap() == before);
        } else {
            let error = Store::open_read_only(&place.url).await.unwrap_err();
            assert!(matches!(&error, StoreError::Schema { .. }) && error.to_string().contains("run a sync"), "{error}");
        }
        let store = Store::open(&place.url).await.unwrap();
        assert!(sync(&venue, &store, &options(&clock, 2), &()).await.unwrap().is_unchanged());
        store.close().await;
    }
}
