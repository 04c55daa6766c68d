//! One suite over every kind of store, and what only a local directory promises.

use std::io::{self, Read, Write};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use parquet::file::reader::{ChunkReader, Length};

use super::*;

/// Fails every operation of one kind with one error.
#[derive(Debug)]
pub(crate) struct Fail {
    pub(crate) operation: Operation,
    pub(crate) path_contains: &'static str,
    pub(crate) error: io::ErrorKind,
    /// How many such operations succeed before.
    pub(crate) after: AtomicUsize,
}

impl Fail {
    pub(crate) fn on(operation: Operation, path_contains: &'static str, error: io::ErrorKind) -> Arc<Self> {
        Self::after(operation, path_contains, error, 0)
    }

    pub(crate) fn after(
        operation: Operation,
        path_contains: &'static str,
        error: io::ErrorKind,
        after: usize,
    ) -> Arc<Self> {
        Arc::new(Self { operation, path_contains, error, after: AtomicUsize::new(after) })
    }
}

impl Faults for Fail {
    fn before(&self, operation: Operation, path: &str) -> io::Result<()> {
        let concerned = operation == self.operation && path.contains(self.path_contains);
        let spared = |left: usize| left.checked_sub(1);
        if concerned && self.after.fetch_update(Ordering::SeqCst, Ordering::SeqCst, spared).is_err() {
            return Err(self.error.into());
        }
        Ok(())
    }
}

/// Runs a test on every kind of store.
pub(crate) fn on_every_store(test: impl Fn(&Store)) {
    test(&Store::open("memory://").unwrap());
    test(&Store::open("memory:///some/prefix").unwrap());
    let directory = tempfile::tempdir().unwrap();
    test(&Store::open(directory.path().to_str().unwrap()).unwrap());
    let url = Url::from_directory_path(directory.path().join("not/there yet")).unwrap();
    test(&Store::open(url.as_str()).unwrap());
}

#[test]
fn files_are_written_read_listed_and_deleted() {
    on_every_store(|store| {
        assert!(store.list("").unwrap().is_empty());
        store.put("a/one", Bytes::from_static(b"0123456789")).unwrap();
        store.put("a/b/two", Bytes::from_static(b"x")).unwrap();
        store.put("ab", Bytes::new()).unwrap();
        assert_eq!(store.read_range("a/one", 2..5).unwrap(), "234");
        assert_eq!(store.read_range("a/one", 10..10).unwrap(), "");
        assert_eq!(store.read("a/one").unwrap(), "0123456789");
        assert_eq!((store.size("a/one").unwrap(), store.size("ab").unwrap()), (10, 0));
        let listed = |prefix: &str| -> Vec<(String, u64)> {
            store.list(prefix).unwrap().into_iter().map(|info| (info.path, info.size)).collect()
        };
        assert_eq!(listed("a"), [("a/b/two".into(), 1), ("a/one".into(), 10)]);
        assert_eq!(listed("a/"), listed("a"));
        assert_eq!(listed(""), [("a/b/two".into(), 1), ("a/one".into(), 10), ("ab".into(), 0)]);
        assert_eq!(listed("none"), []);
        assert!(store.exists("a/b/two").unwrap());
        assert!(!store.exists("a/b").unwrap(), "a directory is no file");
        store.make_durable("a/b/two").unwrap();
        store.delete("a/b/two").unwrap();
        assert!(!store.exists("a/b/two").unwrap());
    });
}

#[test]
fn a_replaced_file_is_read_anew() {
    on_every_store(|store| {
        store.put("f", Bytes::from_static(b"old")).unwrap();
        assert_eq!(store.read_range("f", 0..3).unwrap(), "old");
        store.put("f", Bytes::from_static(b"newer")).unwrap();
        assert_eq!(store.read_range("f", 0..5).unwrap(), "newer");
        assert_eq!(store.read("f").unwrap(), "newer");
    });
}

#[test]
fn of_several_creators_exactly_one_succeeds() {
    on_every_store(|store| {
        let created = Mutex::new(Vec::new());
        std::thread::scope(|scope| {
            for writer in 0..8_u8 {
                let created = &created;
                scope.spawn(move || match store.put_new("log/7", Bytes::from(vec![writer; 100])) {
                    Ok(()) => created.lock().unwrap().push(writer),
                    Err(error) => assert_eq!(error.kind(), ErrorKind::AlreadyExists),
                });
            }
        });
        let created = created.into_inner().unwrap();
        assert_eq!(created.len(), 1);
        assert_eq!(store.read("log/7").unwrap(), vec![created[0]; 100]);
        assert_eq!(store.list("").unwrap().len(), 1);
        assert_eq!(store.list_unfinished("").unwrap(), []);
    });
}

#[test]
fn a_streamed_file_appears_when_finished_and_not_before() {
    // Longer than two parts of a multipart upload, and not a multiple of one.
    let block: Vec<u8> = (0..1_000_003_u32).map(|n| (n % 251) as u8).collect();
    on_every_store(|store| {
        let mut writer = store.create_writer("big/file").unwrap();
        for _ in 0..20 {
            writer.write_all(&block).unwrap();
        }
        assert!(!store.exists("big/file").unwrap());
        assert_eq!(store.list("").unwrap(), []);
        let size = 20 * block.len() as u64;
        assert_eq!(writer.finish().unwrap(), size);
        assert_eq!(store.size("big/file").unwrap(), size);
        let at = 13 * block.len() as u64;
        assert_eq!(store.read_range("big/file", at..at + 1_000).unwrap(), block[..1_000]);

        let mut small = store.create_writer("small").unwrap();
        small.append(b"abc").unwrap();
        assert_eq!(small.finish().unwrap(), 3);
        assert_eq!(store.read("small").unwrap(), "abc");

        let mut dropped = store.create_writer("dropped").unwrap();
        dropped.write_all(&vec![0; 20 << 20]).unwrap();
        drop(dropped);
        assert!(!store.exists("dropped").unwrap());
        assert_eq!(store.list_unfinished("").unwrap(), []);
    });
}

#[test]
fn a_stored_file_is_a_source_for_parquet() {
    let contents: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 253) as u8).collect();
    on_every_store(|store| {
        store.put("f", Bytes::from(contents.clone())).unwrap();
        for file in [store.file("f").unwrap(), store.file_with_size("f", contents.len() as u64).unwrap()] {
            assert_eq!(file.len(), contents.len() as u64);
            assert_eq!(file.get_bytes(1_234_567, 100).unwrap(), contents[1_234_567..1_234_667]);
            let mut rest = Vec::new();
            file.get_read(5).unwrap().read_to_end(&mut rest).unwrap();
            assert!(rest == contents[5..]);
            assert!(file.get_bytes(2_999_999, 2).is_err());
        }
    });
}

#[test]
fn errors_say_what_failed_where_and_why() {
    on_every_store(|store| {
        let missing = store.read_range("no/such", 0..1).unwrap_err();
        assert_eq!((missing.operation(), missing.kind()), (Operation::Read, ErrorKind::NotFound));
        assert_eq!(missing.location(), store.location("no/such"));
        assert!(missing.to_string().contains(&store.location("no/such")), "{missing}");
        assert!(store.read("no/such").unwrap_err().is_not_found());
        assert!(store.stat("no/such").unwrap_err().is_not_found());
        assert!(store.file("no/such").unwrap_err().is_not_found());
        store.put("short", Bytes::from_static(b"abc")).unwrap();
        assert_eq!(store.read_range("short", 1..9).unwrap_err().kind(), ErrorKind::Truncated);
        for path in ["", "/a", "a//b", "../a", "a/./b", "a/..", "a%20b", "a*"] {
            assert_eq!(store.read(path).unwrap_err().kind(), ErrorKind::InvalidPath, "{path}");
            assert_eq!(store.put(path, Bytes::new()).unwrap_err().kind(), ErrorKind::InvalidPath, "{path}");
            assert_eq!(store.create_writer(path).unwrap_err().kind(), ErrorKind::InvalidPath, "{path}");
        }
    });
}

#[test]
fn a_full_disk_and_a_read_only_one_are_told_apart_and_leave_nothing_behind() {
    on_every_store(|store| {
        let faults = [
            (io::ErrorKind::StorageFull, ErrorKind::OutOfSpace),
            (io::ErrorKind::QuotaExceeded, ErrorKind::OutOfSpace),
            (io::ErrorKind::ReadOnlyFilesystem, ErrorKind::PermissionDenied),
            (io::ErrorKind::PermissionDenied, ErrorKind::PermissionDenied),
        ];
        for (raised, kind) in faults {
            let failing = store.with_faults(Fail::on(Operation::Write, "t/f", raised));
            let error = failing.put("t/f", Bytes::new()).unwrap_err();
            assert_eq!((error.operation(), error.kind()), (Operation::Write, kind));
            assert_eq!(error.location(), store.location("t/f"));
            assert_eq!(failing.put_new("t/f", Bytes::new()).unwrap_err().kind(), kind);

            // The disk fills up in the middle of a file.
            let failing = store.with_faults(Fail::after(Operation::Write, "t/f", raised, 4));
            let mut writer = failing.create_writer("t/f").unwrap();
            let told = (0..100).find_map(|_| writer.write_all(&[7; 100_000]).err()).unwrap();
            assert!(told.to_string().contains(&store.location("t/f")), "{told}");
            assert_eq!(writer.finish().unwrap_err().kind(), kind);
            assert_eq!(store.list("").unwrap(), []);
            assert_eq!(store.list_unfinished("").unwrap(), []);
        }
    });
}

#[test]
fn a_directory_without_write_permission_is_told() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("locked");
    std::fs::create_dir(&path).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o555)).unwrap();
    if std::fs::write(path.join("probe"), b"").is_ok() {
        println!("SKIPPED: this user may write to directories without write permission");
        return;
    }
    let store = Store::open(path.to_str().unwrap()).unwrap();
    let error = store.put("a/b", Bytes::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied);
    assert!(error.location().ends_with("locked/a/b"), "{error}");
}

#[test]
fn a_file_in_the_place_of_a_directory_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path().to_str().unwrap()).unwrap();
    store.put("a", Bytes::new()).unwrap();
    let error = store.put("a/b", Bytes::new()).unwrap_err();
    assert!(error.to_string().contains("a/b"), "{error}");
    assert!(store.read("a/b").is_err());
}

#[test]
fn what_a_crash_leaves_behind_is_not_listed() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path().to_str().unwrap()).unwrap();
    store.put("t/a", Bytes::from_static(b"1")).unwrap();
    std::fs::write(directory.path().join("t/.b.17-0.tmp"), b"half").unwrap();
    assert_eq!(store.list("").unwrap().len(), 1);
    assert_eq!(store.list_unfinished("").unwrap()[0].path, "t/.b.17-0.tmp");
}

#[test]
fn open_files_stay_readable_and_few() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path().to_str().unwrap()).unwrap();
    for n in 0..400 {
        store.put(&format!("f{n}"), Bytes::from(n.to_string())).unwrap();
        assert_eq!(store.file(&format!("f{n}")).unwrap().size(), n.to_string().len() as u64);
    }
    let handles = std::fs::read_dir("/proc/self/fd").map(Iterator::count).unwrap_or_default();
    assert!(handles < 300, "{handles} files are open");
    let kept = store.file("f7").unwrap();
    store.delete("f7").unwrap();
    assert_eq!(kept.read_range(0..1).unwrap(), "7");
    assert!(store.file("f7").unwrap_err().is_not_found());
}

#[test]
fn calls_from_asynchronous_code_neither_panic_nor_hang() {
    let store = Store::from_object_store(Arc::new(InMemory::new()), &Url::parse("memory:///wrapped").unwrap()).unwrap();
    let use_it = move || {
        store.put("a", Bytes::from_static(b"abc")).unwrap();
        store.read("a").unwrap()
    };
    let other = use_it.clone();
    let current = tokio::runtime::Builder::new_current_thread().build().unwrap();
    assert_eq!(current.block_on(async move { use_it() }), "abc");
    let many = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
    assert_eq!(many.block_on(async move { tokio::task::spawn_blocking(other).await.unwrap() }), "abc");
}

#[test]
fn a_wait_inside_a_wait_loses_no_wake_up() {
    let blocking = Blocking::with_runtime().unwrap();
    for _ in 0..200 {
        let (outer, mut outer_done) = tokio::sync::mpsc::unbounded_channel::<u8>();
        let (inner, mut inner_done) = tokio::sync::mpsc::unbounded_channel::<u8>();
        let nested = blocking.clone();
        std::thread::spawn(move || {
            outer.send(1).unwrap();
            inner.send(2).unwrap();
        });
        let sum = blocking.wait(async {
            let second = nested.wait(inner_done.recv()).unwrap();
            outer_done.recv().await.unwrap() + second
        });
        assert_eq!(sum, 3);
    }
}

#[test]
fn cloud_urls_are_understood_and_foreign_ones_refused() {
    let options = [("AWS_REGION", "eu-central-1"), ("AWS_ACCESS_KEY_ID", "k"), ("AWS_SECRET_ACCESS_KEY", "s")];
    let options = options.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let store = Store::open_with("s3://bucket/archive", options).unwrap();
    assert_eq!(store.location("deltas/a"), "s3://bucket/archive/deltas/a");
    assert!(!store.is_local());
    for root in ["carrier-pigeon://coop/archive", "file://host/elsewhere"] {
        let error = Store::open(root).unwrap_err();
        assert_eq!((error.operation(), error.kind()), (Operation::Open, ErrorKind::InvalidPath), "{root}");
    }
}
