//! Tables from their creation through crashes, conflicts and stale caches, on every kind of store.

use std::io;

use super::*;
use crate::store::Operation as StoreOperation;
use crate::store::tests::{Fail, on_every_store};
use crate::store::{ErrorKind, Faults};

fn schema() -> TableSchema {
    TableSchema::new()
        .required("ticker", ColumnType::String)
        .required("ordinal", ColumnType::Long)
        .nullable("ts", ColumnType::Timestamp)
        .nullable("price", ColumnType::Decimal { precision: 10, scale: 4 })
        .required("date", ColumnType::Date)
}

fn create(store: &Store) -> Table {
    Table::create(store, "deltas", &schema(), &["date"]).unwrap()
}

fn file(number: u32) -> AddFile {
    let day = 1 + number % 28;
    let text = |text: &str| Some(StatValue::Text(text.into()));
    let micros = 1_786_406_400_000_001 + i64::from(number);
    AddFile {
        path: format!("date=2026-08-{day:02}/part-{number:05}.parquet"),
        size: 1_000 + u64::from(number),
        partition: vec![("date".into(), Some(format!("2026-08-{day:02}")))],
        modification_time_ms: 1_786_406_400_000 + i64::from(number),
        stats: FileStats::new(10)
            .column("ticker", text("KXA"), text("KXZ"), Some(0))
            .column("ordinal", Some(StatValue::Integer(number.into())), Some(StatValue::Integer(i64::MAX)), Some(0))
            .column("ts", StatValue::not_after(micros), StatValue::not_before(micros), Some(1))
            .column(
                "price",
                Some(StatValue::Number("0.4800".into())),
                Some(StatValue::Number("12345.6789".into())),
                None,
            ),
    }
}

fn write(number: u32) -> Commit {
    Commit::new(Operation::Write).with_file(file(number)).with_txn("log", i64::from(number))
}

/// The current snapshot must be the one that the library finds in the log.
fn assert_like_the_log(store: &Store, table: &Table) {
    let replayed = Table::open_from_log(store, table.name()).unwrap();
    assert_eq!(replayed.source(), Source::Log);
    assert_eq!(*replayed.snapshot(), *table.snapshot());
}

#[test]
fn commits_add_and_remove_files_and_record_positions() {
    on_every_store(|store| {
        let table = create(store);
        assert_eq!((table.snapshot().version, table.snapshot().files.len()), (0, 0));
        assert_eq!(table.latest_txn("log"), None);
        for number in 1..=5 {
            let committed = table.commit(write(number)).unwrap();
            assert_eq!(committed.version, u64::from(number));
            assert!(committed.warnings.is_empty(), "{:?}", committed.warnings);
        }
        let compact = Commit::new(Operation::Optimize)
            .without_file(&file(1).path)
            .without_file(&file(3).path)
            .with_file(file(100))
            .with_txn("compaction", -7)
            .with_txn("log", 9);
        assert_eq!(table.commit(compact).unwrap().version, 6);
        let snapshot = table.snapshot();
        let paths: Vec<_> = snapshot.files.iter().map(|file| file.path.clone()).collect();
        assert_eq!(paths, [2, 4, 5, 100].map(|number| file(number).path));
        assert_eq!((table.latest_txn("log"), table.latest_txn("compaction")), (Some(9), Some(-7)));
        let second = snapshot.file(&file(2).path).unwrap();
        assert_eq!(second.partition_value("date"), Some("2026-08-03"));
        assert_eq!(second.stats.min("ordinal").unwrap().as_integer(), Some(2));
        assert_eq!(second.stats.max("price"), Some(&StatValue::Number("12345.6789".into())));
        assert!(second.stats.max("ts").unwrap().as_micros() >= Some(1_786_406_400_000_003));
        assert_eq!(snapshot.num_records(), 40);
        assert_like_the_log(store, &table);
        let reopened = Table::open(store, "deltas").unwrap();
        assert_eq!(reopened.source(), Source::FileList);
        assert_eq!(*reopened.snapshot(), *snapshot);
        assert_eq!(reopened.definition().unwrap(), (schema(), vec!["date".to_owned()]));
        assert_eq!(reopened.commit(write(6)).unwrap().version, 7);
        assert_like_the_log(store, &reopened);
    });
}

#[test]
fn checkpoints_keep_everything() {
    on_every_store(|store| {
        let table = create(store).with_checkpoint_interval(3);
        for number in 1..=10 {
            let mut commit = write(number).with_txn(&format!("app{number}"), 1);
            if number % 4 == 0 {
                commit = commit.without_file(&file(number - 1).path);
            }
            assert!(table.commit(commit).unwrap().warnings.is_empty());
        }
        let checkpoints = store.list("deltas/_delta_log").unwrap();
        let checkpoints: Vec<_> = checkpoints
            .iter()
            .filter(|info| info.path.ends_with(".checkpoint.parquet"))
            .map(|info| &info.path)
            .collect();
        assert_eq!(checkpoints.len(), 3, "{checkpoints:?}");
        // Without the commits up to the last checkpoint, all must come out of it.
        for version in 0..9 {
            store.delete(&table.store_path(&log::commit_path(version))).unwrap();
        }
        assert_like_the_log(store, &table);
        assert_eq!(table.snapshot().files.len(), 8);
        table.checkpoint().unwrap();
        assert_like_the_log(store, &table);
    });
}

#[test]
fn of_two_writers_one_learns_that_it_was_late() {
    on_every_store(|store| {
        let first = create(store);
        let second = Table::open(store, "deltas").unwrap();
        first.commit(write(1)).unwrap();
        let late = second.commit(write(2)).unwrap_err();
        assert!(matches!(late, TableError::Conflict { version: 1, .. }), "{late}");
        assert!(late.to_string().contains("deltas"));
        assert_eq!(second.snapshot().version, 0);
        assert_eq!(second.refresh().unwrap().version, 1);
        assert_eq!(second.commit(write(2)).unwrap().version, 2);
        assert_like_the_log(store, &second);
    });
}

#[test]
fn many_writers_lose_nothing() {
    on_every_store(|store| {
        create(store);
        std::thread::scope(|scope| {
            for writer in 0..4 {
                scope.spawn(move || {
                    let table = Table::open(store, "deltas").unwrap().with_checkpoint_interval(4);
                    for number in 0..4 {
                        while let Err(error) = table.commit(write(writer * 4 + number)) {
                            assert!(matches!(error, TableError::Conflict { .. }), "{error}");
                            table.refresh().unwrap();
                        }
                    }
                });
            }
        });
        let table = Table::open(store, "deltas").unwrap();
        assert_eq!((table.snapshot().version, table.snapshot().files.len()), (16, 16));
        assert_like_the_log(store, &table);
    });
}

#[test]
fn a_reader_follows_commit_by_commit() {
    on_every_store(|store| {
        let writer = create(store);
        let reader = Table::open(store, "deltas").unwrap();
        assert_eq!(reader.refresh().unwrap().version, 0);
        writer.commit(write(1)).unwrap();
        writer.commit(write(2).without_file(&file(1).path)).unwrap();
        assert_eq!(reader.snapshot().version, 0);
        // Listing is what a replay begins with; following needs none.
        let no_listing = store.with_faults(Fail::on(StoreOperation::List, "", io::ErrorKind::Other));
        let follower = Table { store: no_listing, ..Table::open(store, "deltas").unwrap() };
        follower.set(reader.snapshot());
        assert_eq!(*follower.refresh().unwrap(), *writer.snapshot());
        assert_eq!(*reader.refresh().unwrap(), *writer.snapshot());
    });
}

#[test]
fn a_stale_or_damaged_or_missing_file_list_is_noticed() {
    on_every_store(|store| {
        let table = create(store);
        table.commit(write(1)).unwrap();
        let old = store.read("_daybook/deltas.files").unwrap();
        table.commit(write(2)).unwrap();
        table.commit(write(3).without_file(&file(2).path)).unwrap();
        let open = || Table::open(store, "deltas").unwrap();

        // Old: the commits since then are read.
        store.put("_daybook/deltas.files", old.clone()).unwrap();
        assert_eq!((open().source(), open().snapshot()), (Source::FileList, table.snapshot()));
        // Damaged: it is ignored.
        let mut damaged = old.to_vec();
        let last = damaged.len() - 30;
        damaged[last] ^= 1;
        store.put("_daybook/deltas.files", damaged.into()).unwrap();
        assert_eq!((open().source(), open().snapshot()), (Source::Log, table.snapshot()));
        // Missing.
        store.delete("_daybook/deltas.files").unwrap();
        assert_eq!((open().source(), open().snapshot()), (Source::Log, table.snapshot()));
        open().save_file_list().unwrap();
        assert_eq!((open().source(), open().snapshot()), (Source::FileList, table.snapshot()));
    });
}

#[test]
fn a_file_list_is_not_believed_when_the_log_was_cleaned_up_past_it() {
    on_every_store(|store| {
        let table = create(store).with_checkpoint_interval(4);
        table.commit(write(1)).unwrap();
        let old = store.read("_daybook/deltas.files").unwrap();
        (2..=6).for_each(|number| drop(table.commit(write(number)).unwrap()));
        store.put("_daybook/deltas.files", old).unwrap();
        // Commit 2 is not there, and yet version 1 is not the newest.
        for version in 0..4 {
            store.delete(&table.store_path(&log::commit_path(version))).unwrap();
        }
        let opened = Table::open(store, "deltas").unwrap();
        assert_eq!((opened.source(), opened.snapshot()), (Source::Log, table.snapshot()));
    });
}

#[test]
fn a_file_list_of_a_table_that_was_made_anew_is_not_believed() {
    on_every_store(|store| {
        let table = create(store);
        table.commit(write(1)).unwrap();
        let old = store.read("_daybook/deltas.files").unwrap();
        store.list("deltas").unwrap().iter().for_each(|info| store.delete(&info.path).unwrap());
        std::thread::sleep(std::time::Duration::from_millis(20));
        let anew = create(store);
        anew.commit(write(2)).unwrap();
        store.put("_daybook/deltas.files", old).unwrap();
        let opened = Table::open(store, "deltas").unwrap();
        assert_eq!((opened.source(), opened.snapshot()), (Source::Log, anew.snapshot()));
        assert_eq!(*table.refresh().unwrap(), *anew.snapshot());
    });
}

#[test]
fn what_is_not_there_or_there_already_is_told() {
    on_every_store(|store| {
        let missing = Table::open(store, "deltas").unwrap_err();
        assert!(matches!(missing, TableError::NotFound { .. }), "{missing}");
        assert!(missing.to_string().contains(&store.location("deltas")));
        create(store);
        let twice = Table::create(store, "deltas", &schema(), &["date"]).unwrap_err();
        assert!(matches!(twice, TableError::AlreadyExists { .. }), "{twice}");
        for (name, partition) in [("Deltas", "date"), ("_x", "date"), ("a/b", "date"), ("", "date"), ("x", "day")] {
            let refused = Table::create(store, name, &schema(), &[partition]).unwrap_err();
            assert!(matches!(refused, TableError::InvalidDefinition { .. }), "{name}: {refused}");
        }
        assert!(!store.exists("x/_delta_log/00000000000000000000.json").unwrap());
    });
}

#[test]
fn a_commit_that_contradicts_the_table_is_refused() {
    on_every_store(|store| {
        let table = create(store);
        table.commit(write(1)).unwrap();
        let add = |change: &dyn Fn(&mut AddFile)| {
            let mut file = file(2);
            change(&mut file);
            Commit::new(Operation::Write).with_file(file)
        };
        let unknown = FileStats::new(1).column("colour", None, None, Some(0));
        let refused = [
            (Commit::new(Operation::Delete).without_file("no/such"), "no/such"),
            (Commit::new(Operation::Delete).without_file(&file(1).path).without_file(&file(1).path), "twice"),
            (write(1), "live already"),
            (write(2).with_file(file(2)), "added twice"),
            (add(&|file| file.path = "../evil".into()), "../evil"),
            (add(&|file| file.path = "_delta_log/x".into()), "_delta_log/x"),
            (add(&|file| file.path = "a b".into()), "a b"),
            (add(&|file| file.partition.clear()), "date"),
            (add(&|file| file.partition.push(("side".into(), None))), "date"),
            (add(&|file| file.stats = unknown.clone()), "colour"),
        ];
        for (commit, told) in refused {
            let error = table.commit(commit).unwrap_err();
            assert!(matches!(error, TableError::InvalidCommit { .. }) && error.to_string().contains(told), "{error}");
        }
        assert_eq!(table.snapshot().version, 1);
        assert_eq!(table.commit(write(2)).unwrap().version, 2);
    });
}

#[test]
fn a_commit_that_fails_names_the_file_and_can_be_repeated() {
    on_every_store(|store| {
        let table = create(store);
        table.commit(write(1)).unwrap();
        let kinds = [
            (io::ErrorKind::StorageFull, ErrorKind::OutOfSpace),
            (io::ErrorKind::ReadOnlyFilesystem, ErrorKind::PermissionDenied),
        ];
        for (raised, kind) in kinds {
            let failing = store.with_faults(Fail::on(StoreOperation::Write, "_delta_log", raised));
            let failing = Table::open(&failing, "deltas").unwrap();
            let TableError::Store(error) = failing.commit(write(2)).unwrap_err() else { panic!("not the store's") };
            assert_eq!(error.kind(), kind);
            assert_eq!(error.location(), store.location("deltas/_delta_log/00000000000000000002.json"));
            let TableError::Store(error) = Table::create(&failing.store, "trades", &schema(), &["date"]).unwrap_err()
            else {
                panic!("not the store's")
            };
            assert_eq!(error.kind(), kind);
        }
        assert_eq!(Table::open(store, "deltas").unwrap().snapshot().version, 1);
        assert_eq!(table.commit(write(2)).unwrap().version, 2);
        Table::create(store, "trades", &schema(), &["date"]).unwrap();
    });
}

#[test]
fn a_cache_or_checkpoint_that_cannot_be_written_does_not_undo_the_commit() {
    on_every_store(|store| {
        create(store);
        let failing = store.with_faults(Arc::new(Several(vec![
            Fail::on(StoreOperation::Write, "_daybook/", io::ErrorKind::StorageFull),
            Fail::on(StoreOperation::Write, ".checkpoint.parquet", io::ErrorKind::StorageFull),
        ])));
        let table = Table::open(&failing, "deltas").unwrap().with_checkpoint_interval(1);
        let committed = table.commit(write(1)).unwrap();
        assert_eq!((committed.version, committed.warnings.len()), (1, 2), "{:?}", committed.warnings);
        for warning in committed.warnings {
            let TableError::Store(error) = warning else { panic!("{warning}") };
            assert_eq!(error.kind(), ErrorKind::OutOfSpace);
        }
        assert_eq!(table.snapshot(), Table::open(store, "deltas").unwrap().snapshot());
        // A checkpoint of which only the pointer is missing does no harm either.
        let failing =
            store.with_faults(Fail::on(StoreOperation::Write, "_last_checkpoint", io::ErrorKind::StorageFull));
        let table = Table::open(&failing, "deltas").unwrap().with_checkpoint_interval(1);
        assert_eq!(table.commit(write(2)).unwrap().warnings.len(), 1);
        assert_like_the_log(store, &table);
        assert_eq!(table.commit(write(3)).unwrap().version, 3);
    });
}

#[derive(Debug)]
struct Several(Vec<Arc<Fail>>);

impl Faults for Several {
    fn before(&self, operation: StoreOperation, path: &str) -> io::Result<()> {
        self.0.iter().try_for_each(|fault| fault.before(operation, path))
    }
}

#[test]
fn an_unreadable_log_is_an_error_and_not_an_empty_table() {
    on_every_store(|store| {
        let table = create(store);
        table.commit(write(1)).unwrap();
        for operation in [StoreOperation::Read, StoreOperation::List] {
            let failing = store.with_faults(Fail::on(operation, "_delta_log", io::ErrorKind::PermissionDenied));
            let TableError::Store(error) = Table::open_from_log(&failing, "deltas").unwrap_err() else {
                panic!("not the store's error")
            };
            assert_eq!(error.kind(), ErrorKind::PermissionDenied);
        }
        let failing = store.with_faults(Fail::on(StoreOperation::Read, "_delta_log", io::ErrorKind::Other));
        assert!(matches!(Table::open(&failing, "deltas"), Err(TableError::Store(_))));
        store.put(&table.store_path(&log::commit_path(2)), "{\"add\":{\"pa".into()).unwrap();
        assert!(table.refresh().is_err());
        assert_eq!(table.snapshot().version, 1);
    });
}

#[test]
fn a_missing_data_file_is_named_when_it_is_read() {
    on_every_store(|store| {
        let table = create(store);
        table.commit(write(1)).unwrap();
        let live = Arc::clone(&table.snapshot().files[0]);
        let read = table.file(&live).and_then(|file| file.read_range(0..4));
        let error = read.unwrap_err();
        assert!(error.is_not_found());
        assert!(error.to_string().contains("part-00001.parquet"), "{error}");
    });
}

#[test]
fn only_what_nobody_needs_is_expired() {
    on_every_store(|store| {
        let table = create(store).with_checkpoint_interval(2);
        let put = |path: &str| store.put(&table.store_path(path), "x".into()).unwrap();
        for number in 1..=3 {
            put(&file(number).path);
            table.commit(write(number)).unwrap();
        }
        put("date=2026-08-11/never-committed.parquet");
        put("_change_data/of-another-writer");
        table.commit(Commit::new(Operation::Optimize).without_file(&file(1).path)).unwrap();
        let long_after = i64::MAX;
        let expired: Vec<_> =
            table.expired_files(long_after).unwrap().into_iter().map(|file| file.store_path).collect();
        assert_eq!(
            expired,
            [table.store_path(&file(1).path), table.store_path("date=2026-08-11/never-committed.parquet")]
        );
        assert_eq!(table.expired_files(0).unwrap(), []);
        expired.iter().for_each(|path| store.delete(path).unwrap());
        assert_eq!(table.expired_files(long_after).unwrap(), []);
        assert_like_the_log(store, &table);
    });
}

#[test]
fn a_file_removed_just_now_stays_for_those_who_still_read_it() {
    on_every_store(|store| {
        let table = create(store);
        store.put(&table.store_path(&file(1).path), "x".into()).unwrap();
        table.commit(write(1)).unwrap();
        std::thread::sleep(std::time::Duration::from_millis(30));
        let written_before = store.stat(&table.store_path(&file(1).path)).unwrap().modified_ns / 1_000_000 + 15;
        table.commit(Commit::new(Operation::Delete).without_file(&file(1).path)).unwrap();
        assert_eq!(table.expired_files(written_before).unwrap(), [], "removed after that instant");
        assert_eq!(table.expired_files(i64::MAX).unwrap().len(), 1);
    });
}

#[test]
fn a_crash_between_data_and_commit_leaves_the_table_as_it_was() {
    on_every_store(|store| {
        // The data file was written, the commit was not; and a first attempt to create the table left its directory.
        let failing = store.with_faults(Fail::on(StoreOperation::Write, "_delta_log", io::ErrorKind::Other));
        assert!(Table::create(&failing, "deltas", &schema(), &["date"]).is_err());
        let table = create(store);
        store.put(&table.store_path(&file(1).path), "x".into()).unwrap();
        let failing = Table::open(&failing, "deltas").unwrap();
        assert!(failing.commit(write(1)).is_err());
        drop((failing, table));
        let reopened = Table::open(store, "deltas").unwrap();
        assert_eq!((reopened.snapshot().version, reopened.latest_txn("log")), (0, None));
        reopened.commit(write(1)).unwrap();
        assert_eq!(Table::open(store, "deltas").unwrap().latest_txn("log"), Some(1));
    });
}

#[test]
fn a_table_works_from_inside_asynchronous_code() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
    runtime.block_on(async {
        let worked = tokio::task::spawn_blocking(|| {
            on_every_store(|store| {
                let table = create(store).with_checkpoint_interval(1);
                assert!(table.commit(write(1)).unwrap().warnings.is_empty());
                assert_like_the_log(store, &table);
            });
        });
        worked.await.unwrap();
    });
}
