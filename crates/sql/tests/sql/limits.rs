//! What happens at the limits.

use std::{sync::mpsc, time::Duration};

use daybook_sql::{Error, ErrorKind, Limits, arrow::record_batch::RecordBatch};
use insta::assert_snapshot;

use crate::recording::{Recording, error, number};

fn recording() -> Recording {
    let mut recording = Recording::new();
    recording.record(&["KXA-1", "KXB-2"], 300);
    recording.seal();
    recording.record(&["KXA-1", "KXB-2"], 100);
    recording
}

fn limits() -> Limits {
    Limits { max_parallelism: 2, ..Limits::default() }
}

#[test]
fn rows_up_to_the_limit_come_and_then_the_error() {
    let recording = recording();
    let engine = recording.engine_within(Limits { max_rows: Some(500), ..limits() });
    let mut rows = 0;
    let mut errors = Vec::new();
    for batch in engine.query("SELECT ordinal FROM deltas").unwrap() {
        match batch {
            Ok(batch) => rows += batch.num_rows(),
            Err(error) => errors.push(error),
        }
    }
    assert_eq!(rows, 500);
    assert!(matches!(errors.as_slice(), [Error::RowLimit { max_rows: 500 }]), "{errors:?}");
    assert_eq!(errors[0].kind(), ErrorKind::Limit);
    assert_snapshot!("row_limit", errors[0].to_string());
    let just: Vec<RecordBatch> =
        engine.query("SELECT ordinal FROM deltas LIMIT 500").unwrap().collect::<Result<_, _>>().unwrap();
    assert_eq!(just.iter().map(RecordBatch::num_rows).sum::<usize>(), 500);
    assert_eq!(number(&engine, "SELECT count(*) FROM deltas"), 800);
}

const ENDLESS: &str = "SELECT count(*) FROM generate_series(1, 1000000000000)";
const POURING: &str = "SELECT value FROM generate_series(1, 1000000000000)";

#[test]
fn time_ends_a_query_that_computes_and_one_that_pours() {
    let recording = recording();
    let limits = Limits { timeout: Some(Duration::from_millis(200)), ..limits() };
    let engine = recording.engine_within(limits);
    let slow = "SELECT count(*) FROM deltas a, deltas b, deltas c, deltas d WHERE a.ordinal + b.ordinal < c.ordinal * d.ordinal";
    let recursive = "WITH RECURSIVE t(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM t) SELECT count(*) FROM t";
    // Rows that no other joins: nothing ever comes out of the innermost loop.
    let barren =
        "SELECT count(*) FROM generate_series(1, 20000) a(x), generate_series(1, 100000000) b(y) WHERE x * y < 0";
    for sql in [ENDLESS, POURING, slow, recursive, barren] {
        let error = error(&engine, sql);
        assert!(matches!(error, Error::Timeout { .. }), "{sql}: {error:?}");
        assert_snapshot!("time_limit", error.to_string());
    }
    // The engine goes on, once the operators have noticed.
    let count = || engine.query("SELECT count(*) FROM deltas").and_then(Iterator::collect::<Result<Vec<_>, _>>);
    while let Err(error) = count() {
        assert!(matches!(error, Error::Timeout { .. }), "{error:?}");
    }
}

#[test]
fn one_thread_is_enough_to_tell_the_time() {
    let recording = recording();
    let timeout = Some(Duration::from_millis(100));
    let engine = recording.engine_within(Limits { timeout, max_parallelism: 1, ..limits() });
    for sql in [ENDLESS, POURING] {
        assert!(matches!(error(&engine, sql), Error::Timeout { .. }));
    }
}

#[test]
fn memory_is_bounded_and_sorts_spill() {
    let recording = recording();
    let engine = recording.engine_within(Limits { memory_bytes: 8 << 20, ..limits() });
    let error = error(&engine, "SELECT array_agg(value) FROM generate_series(1, 100000000)");
    assert!(matches!(error, Error::MemoryLimit { .. }), "{error:?}");
    assert_snapshot!("memory_limit", error.to_string());
    // More than the memory holds, and sorted all the same.
    let sorted = "SELECT count(*) FROM (SELECT value, row_number() OVER (ORDER BY 7919 * value % 1000003) AS place \
        FROM generate_series(1, 1000000)) WHERE place > 0";
    assert_eq!(number(&engine, sorted), 1_000_000);
    assert_eq!(number(&engine, "SELECT count(*) FROM deltas"), 800);
}

#[test]
fn temporary_files_are_bounded() {
    let recording = recording();
    let engine = recording.engine_within(Limits { memory_bytes: 8 << 20, spill_bytes: 1 << 20, ..limits() });
    let sorted = "SELECT count(*) FROM (SELECT value, row_number() OVER (ORDER BY 7919 * value % 1000003) AS place \
        FROM generate_series(1, 1000000)) WHERE place > 0";
    let error = error(&engine, sorted);
    assert!(matches!(error, Error::SpillLimit { .. }), "{error:?}");
    assert_snapshot!("spill_limit", error.to_string());
}

#[test]
fn an_abandoned_query_leaves_the_engine_free() {
    let recording = recording();
    let engine = recording.engine_within(Limits { max_parallelism: 1, ..limits() });
    for _ in 0..20 {
        let mut rows = engine.query(POURING).unwrap();
        assert!(rows.next().unwrap().unwrap().num_rows() > 0);
        drop(rows);
        let idle = engine.query(ENDLESS).unwrap();
        drop(idle);
        let joining = engine.query("SELECT count(*) FROM deltas a, deltas b, deltas c, deltas d").unwrap();
        drop(joining);
    }
    assert_eq!(number(&engine, "SELECT count(*) FROM deltas"), 800);
}

#[test]
fn queries_run_side_by_side_and_outlive_their_engine() {
    let recording = recording();
    let engine = recording.engine();
    let (out, answers) = mpsc::channel();
    for _ in 0..8 {
        let (engine, out) = (engine.clone(), out.clone());
        std::thread::spawn(move || out.send(number(&engine, "SELECT count(DISTINCT ordinal) FROM deltas")).unwrap());
    }
    let rows = engine.query("SELECT * FROM deltas").unwrap();
    drop((engine, out));
    assert_eq!(answers.into_iter().collect::<Vec<_>>(), [800; 8]);
    assert_eq!(rows.map(|batch| batch.unwrap().num_rows()).sum::<usize>(), 800);
}

#[test]
fn asynchronous_code_reads_and_drops_engines() {
    use futures::StreamExt;
    let recording = recording();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
    let rows = runtime.block_on(async {
        let engine = recording.engine_within(Limits { timeout: Some(Duration::from_secs(600)), ..limits() });
        let stream = engine.query_async("SELECT ordinal FROM deltas").await.unwrap();
        let rows = stream.map(|batch| batch.unwrap().num_rows()).fold(0, |sum, rows| async move { sum + rows }).await;
        assert!(engine.query_async("SELECT nothing FROM deltas").await.is_err());
        rows
    });
    assert_eq!(rows, 800);
}
