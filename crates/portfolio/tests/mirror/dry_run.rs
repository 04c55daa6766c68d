//! A dry run tells what a sync would do, and does nothing.

use std::sync::Arc;

use daybook_portfolio::{Store, StoreError, SyncOptions, SyncReport, sync};

use crate::{
    stores::{places, sqlite, table_rows},
    venue::{FillRow, Kept, StoppedClock, Venue, account, options, positions},
};

const EVERY_TABLE: [&str; 11] = [
    "accounts",
    "balances",
    "balance_shards",
    "positions",
    "event_positions",
    "fills",
    "settlements",
    "orders",
    "revisions",
    "sync_checkpoints",
    "unusable_rows",
];

fn dry(options: &SyncOptions) -> SyncOptions {
    SyncOptions { dry_run: true, ..options.clone() }
}

fn same_but_for_the_name(dry: SyncReport, wet: SyncReport) {
    assert!(dry.dry_run && !wet.dry_run);
    assert_eq!(SyncReport { dry_run: false, ..dry }, wet);
}

#[tokio::test]
async fn it_tells_the_same_and_writes_nothing() {
    for place in places("it_tells_the_same_and_writes_nothing").await {
        let (venue, clock) = (Venue::new(account()), Arc::new(StoppedClock::default()));
        let options = options(&clock, 2);
        let store = Store::open(&place.url).await.unwrap();
        // An account that the store has never seen.
        let empty = table_rows(&place.url, &EVERY_TABLE).await;
        let told = sync(&venue, &store, &dry(&options), &()).await.unwrap();
        assert_eq!(table_rows(&place.url, &EVERY_TABLE).await, empty);
        assert!(empty.is_empty() && told.total().new > 0);
        same_but_for_the_name(told, sync(&venue, &store, &options, &()).await.unwrap());

        // New rows, changed positions and changed fills.
        venue.change(|rows| {
            let new = FillRow { id: "n", ticker: "KX-A", side: "no", count: 1, yes_price: 1, fee: 1, at: 9000 };
            rows.fills.push(Kept { subaccount: 3, archived: false, row: new.row() });
            // On the first page and on the last one.
            rows.fills.insert(0, Kept { subaccount: 3, archived: false, row: new.row() });
            // The same row twice in one listing.
            rows.fills.push(rows.fills[7].clone());
            rows.fills[7].row.fee_cost = "0.25".parse().unwrap();
            let kept = rows.positions.last_mut().unwrap();
            kept.row = positions("KXEVENT-3", &[("KXEVENT-3-A", "7.00")], 100);
            rows.balance_cents = 99;
        });
        clock.set(500);
        let before = table_rows(&place.url, &EVERY_TABLE).await;
        let told = sync(&venue, &store, &dry(&options), &()).await.unwrap();
        assert_eq!(table_rows(&place.url, &EVERY_TABLE).await, before);
        assert_eq!((told.total().new, told.total().changed, told.total().revised), (3, 1, 1));
        same_but_for_the_name(told, sync(&venue, &store, &options, &()).await.unwrap());

        // Where a sync was interrupted.
        venue.change(|rows| rows.balance_cents = 98);
        venue.fail_after(9);
        sync(&venue, &store, &SyncOptions { full: true, ..options.clone() }, &()).await.unwrap_err();
        let before = table_rows(&place.url, &EVERY_TABLE).await;
        let told = sync(&venue, &store, &dry(&options), &()).await.unwrap();
        assert_eq!(table_rows(&place.url, &EVERY_TABLE).await, before);
        assert!(told.streams.iter().any(|stream| stream.resumed));
        same_but_for_the_name(told, sync(&venue, &store, &options, &()).await.unwrap());
        store.close().await;
    }
}

#[tokio::test]
async fn a_store_opened_to_read_stays_as_it_is_byte_by_byte() {
    let place = sqlite();
    let (venue, clock) = (Venue::new(account()), Arc::new(StoppedClock::default()));
    let error = Store::open_read_only(&place.url).await.unwrap_err();
    assert!(matches!(&error, StoreError::Missing { .. }), "{error}");
    let store = Store::open(&place.url).await.unwrap();
    let path = store.location().file().unwrap().to_owned();
    sync(&venue, &store, &options(&clock, 2), &()).await.unwrap();
    store.close().await;
    venue.change(|rows| rows.balance_cents = 1);
    let before = std::fs::read(&path).unwrap();

    let store = Store::open_read_only(&place.url).await.unwrap();
    let told = sync(&venue, &store, &dry(&options(&clock, 2)), &()).await.unwrap();
    assert_eq!(told.total().new, 2);
    let error = sync(&venue, &store, &options(&clock, 2), &()).await.unwrap_err().to_string();
    assert!(error.contains("readonly") && error.contains("an account.db"), "{error}");
    store.close().await;
    assert!(std::fs::read(&path).unwrap() == before);
}

/// Names and contents of what is in a folder.
fn contents(folder: &std::path::Path) -> Vec<(String, Vec<u8>)> {
    let mut contents: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.file_name().into_string().unwrap(), std::fs::read(entry.path()).unwrap()))
        .collect();
    contents.sort();
    contents
}

#[tokio::test]
async fn nothing_is_written_beside_a_store_that_is_looked_at() {
    let place = sqlite();
    let (venue, clock) = (Venue::new(account()), Arc::new(StoppedClock::default()));
    let store = Store::open(&place.url).await.unwrap();
    let path = store.location().file().unwrap().to_owned();
    let folder = path.parent().unwrap();
    sync(&venue, &store, &options(&clock, 2), &()).await.unwrap();
    let all = table_rows(&place.url, &EVERY_TABLE).await;
    // A sync is under way: its last pages are in the log beside the file.
    venue.change(|rows| rows.balance_cents = 7);
    sync(&venue, &store, &options(&clock, 2), &()).await.unwrap();
    assert!(contents(folder).iter().any(|(name, log)| name.ends_with("-wal") && !log.is_empty()));
    let looked = Store::open_read_only(&place.url).await.unwrap();
    let account = looked.account(&daybook_portfolio::AccountSource::identity(&venue).unwrap()).await.unwrap().unwrap();
    assert_eq!(looked.balances(account, None, Default::default()).await.unwrap().len(), 4, "the log's rows, too");
    looked.close().await;
    store.close().await;
    assert!(table_rows(&place.url, &EVERY_TABLE).await.len() > all.len());

    let permissions = std::fs::metadata(folder).unwrap().permissions();
    let mut locked = permissions.clone();
    locked.set_readonly(true);
    std::fs::set_permissions(folder, locked).unwrap();
    let before = contents(folder);
    assert_eq!(before.len(), 1, "a closed store is one file");
    let looked = Store::open_read_only(&place.url).await.unwrap();
    assert!(sync(&venue, &looked, &dry(&options(&clock, 2)), &()).await.unwrap().is_unchanged());
    assert!(contents(folder) == before, "while it is open");
    looked.close().await;
    assert!(contents(folder) == before);
    std::fs::set_permissions(folder, permissions).unwrap();
}

#[tokio::test]
async fn a_file_without_anything_in_it_is_no_store_yet() {
    let place = sqlite();
    std::fs::write(place.url.strip_prefix("sqlite://").unwrap(), "").unwrap();
    let error = Store::open_read_only(&place.url).await.unwrap_err();
    assert!(matches!(&error, StoreError::Missing { .. }), "{error}");
}

#[tokio::test]
async fn without_a_store_it_compares_with_an_empty_one() {
    let (venue, clock) = (Venue::new(account()), Arc::new(StoppedClock::default()));
    let store = Store::in_memory().await.unwrap();
    let told = sync(&venue, &store, &dry(&options(&clock, 2)), &()).await.unwrap();
    same_but_for_the_name(told, sync(&venue, &store, &options(&clock, 2), &()).await.unwrap());
}
