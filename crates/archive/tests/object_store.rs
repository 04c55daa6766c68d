//! Store and tables on S3, as far as a stand-in for it can tell: moto's server, where Python has it.

// The helpers below are tests as well; the lint only knows functions marked as such.
#![allow(clippy::unwrap_used)]

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use daybook_archive::store::{ErrorKind, Store};
use daybook_archive::table::{
    AddFile, ColumnType, Commit, FileStats, Operation, Source, StatValue, Table, TableError, TableSchema,
};

struct Server {
    process: Child,
    port: u16,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A server with one empty bucket, or nothing where it cannot be had.
fn server() -> Option<Server> {
    let imported = Command::new("python3").args(["-c", "import moto.server, boto3"]).output();
    if !imported.is_ok_and(|output| output.status.success()) {
        println!("SKIPPED: no python3 with moto's server and boto3");
        return None;
    }
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut command = Command::new("python3");
    command.args(["-m", "moto.server", "-H", "127.0.0.1", "-p", &port.to_string()]);
    let process = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let server = Server { process, port };
    let up = (0..200).any(|_| {
        std::thread::sleep(Duration::from_millis(50));
        TcpStream::connect(("127.0.0.1", port)).is_ok()
    });
    assert!(up, "moto's server did not start");
    let bucket = format!(
        "import boto3; boto3.client('s3', endpoint_url='http://127.0.0.1:{port}', region_name='us-east-1', \
         aws_access_key_id='k', aws_secret_access_key='s').create_bucket(Bucket='bucket')"
    );
    assert!(Command::new("python3").args(["-c", &bucket]).status().unwrap().success());
    Some(server)
}

fn open(server: &Server, root: &str) -> Store {
    let endpoint = format!("http://127.0.0.1:{}", server.port);
    let options = [
        ("AWS_ENDPOINT", endpoint.as_str()),
        ("AWS_ALLOW_HTTP", "true"),
        ("AWS_REGION", "us-east-1"),
        ("AWS_ACCESS_KEY_ID", "k"),
        ("AWS_SECRET_ACCESS_KEY", "s"),
    ];
    Store::open_with(root, options.map(|(name, value)| (name.to_owned(), value.to_owned()))).unwrap()
}

fn write(number: i64) -> Commit {
    let stats =
        FileStats::new(1).column("n", Some(StatValue::Integer(number)), Some(StatValue::Integer(number)), Some(0));
    let file = AddFile {
        path: format!("date=2026-08-11/part-{number:03}.parquet"),
        size: 1,
        partition: vec![("date".into(), Some("2026-08-11".into()))],
        modification_time_ms: 1_786_406_400_000,
        stats,
    };
    Commit::new(Operation::Write).with_file(file).with_txn("log", number)
}

#[test]
fn a_bucket_is_as_good_as_a_directory() {
    let Some(server) = server() else { return };
    let store = open(&server, "s3://bucket/some/archive");

    // Files.
    assert_eq!(store.list("").unwrap(), []);
    store.put_new("a/one", "0123456789".into()).unwrap();
    assert_eq!(store.put_new("a/one", "x".into()).unwrap_err().kind(), ErrorKind::AlreadyExists);
    assert_eq!(store.read_range("a/one", 2..5).unwrap(), "234");
    let missing = store.read("a/two").unwrap_err();
    assert_eq!((missing.kind(), missing.location()), (ErrorKind::NotFound, "s3://bucket/some/archive/a/two"));
    let block: Vec<u8> = (0..1_000_003_u32).map(|n| (n % 251) as u8).collect();
    let mut writer = store.create_writer("big").unwrap();
    (0..20).for_each(|_| writer.write_all(&block).unwrap());
    assert!(!store.exists("big").unwrap());
    assert_eq!(writer.finish().unwrap(), 20 * block.len() as u64);
    let at = 13 * block.len() as u64;
    assert_eq!(store.file("big").unwrap().read_range(at..at + 1_000).unwrap(), block[..1_000]);
    let listed: Vec<_> = store.list("").unwrap().into_iter().map(|info| info.path).collect();
    assert_eq!(listed, ["a/one", "big"]);

    // Tables.
    let schema = TableSchema::new().required("n", ColumnType::Long).required("date", ColumnType::Date);
    let table = Table::create(&store, "deltas", &schema, &["date"]).unwrap().with_checkpoint_interval(3);
    let reader = Table::open(&store, "deltas").unwrap();
    for number in 1..=7 {
        assert!(table.commit(write(number)).unwrap().warnings.is_empty());
    }
    assert!(matches!(reader.commit(write(1)), Err(TableError::Conflict { version: 1, .. })));
    assert_eq!(reader.refresh().unwrap(), table.snapshot());
    let first = reader.snapshot().files[0].path.clone();
    reader.commit(Commit::new(Operation::Delete).without_file(&first)).unwrap();
    assert_eq!(*table.refresh().unwrap(), *reader.snapshot());
    let reopened = Table::open(&store, "deltas").unwrap();
    assert_eq!((reopened.source(), reopened.snapshot()), (Source::FileList, reader.snapshot()));
    assert_eq!(Table::open_from_log(&store, "deltas").unwrap().snapshot(), reader.snapshot());
    assert!(matches!(Table::open(&store, "trades"), Err(TableError::NotFound { .. })));
}
