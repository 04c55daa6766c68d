//! What queries answer over sealed rows, unsealed rows and both.

use daybook_sql::arrow::datatypes::DataType;
use insta::assert_snapshot;
use proptest::prelude::*;

use crate::recording::{Recording, batches, number, table, text};

fn contracts(hundredths: i64) -> String {
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}

fn check_counts(recording: &Recording) {
    let engine = recording.engine();
    let (deltas, trades) = (recording.deltas.len() as i64, recording.trades.len() as i64);
    assert_eq!(number(&engine, "SELECT count(*) FROM deltas"), deltas);
    assert_eq!(number(&engine, "SELECT count(DISTINCT ordinal) FROM deltas"), deltas);
    assert_eq!(number(&engine, "SELECT count(ordinal) FROM deltas WHERE ordinal >= 0"), deltas);
    assert_eq!(number(&engine, "SELECT count(*) FROM trades"), trades);
    assert_eq!(number(&engine, "SELECT count(DISTINCT trade_id) FROM trades"), trades);
    // The sum of no rows is null in SQL; a recording may have none.
    let quantities: i64 = recording.deltas.iter().map(|(_, size)| size).sum();
    let sum = "SELECT CAST(coalesce(sum(quantity), 0) AS VARCHAR) FROM deltas";
    assert_eq!(text(&engine, sum), contracts(quantities));
    let of_one: i64 = recording.trades.iter().filter(|(ticker, _)| ticker == "KXB-2").map(|(_, count)| count).sum();
    let sum = "SELECT CAST(coalesce(sum(count), 0) AS VARCHAR) FROM trades WHERE ticker = 'KXB-2'";
    assert_eq!(text(&engine, sum), contracts(of_one));
}

#[test]
fn no_rows_at_all() {
    check_counts(&Recording::new());
}

#[test]
fn unsealed_rows_alone() {
    let mut recording = Recording::new();
    recording.record(&["KXA-1", "KXB-2", "KXC-3"], 200);
    check_counts(&recording);
}

#[test]
fn sealed_rows_alone() {
    let mut recording = Recording::new();
    recording.record(&["KXA-1", "KXB-2", "KXC-3"], 200);
    recording.seal();
    check_counts(&recording);
}

#[test]
fn sealed_and_unsealed_rows_together() {
    let mut recording = Recording::new();
    recording.record(&["KXA-1", "KXB-2"], 100);
    recording.seal();
    recording.record(&["KXB-2", "KXC-3"], 150);
    check_counts(&recording);
    recording.seal();
    check_counts(&recording);
    recording.record(&["KXB-2"], 1);
    check_counts(&recording);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, failure_persistence: None, ..ProptestConfig::default() })]

    /// However recording and sealing alternate, every row is there once.
    #[test]
    fn rows_are_neither_missed_nor_seen_twice(
        steps in prop::collection::vec((1_usize..4, 0_usize..40, any::<bool>()), 1..6),
    ) {
        let mut recording = Recording::new();
        for (markets, rounds, seal) in steps {
            recording.record(&["KXB-2", "KXA-1", "KXC-3"][..markets], rounds);
            if seal {
                recording.seal();
            }
        }
        check_counts(&recording);
    }
}

#[test]
fn an_engine_sees_what_is_appended_after_it_was_made() {
    let mut recording = Recording::new();
    let engine = recording.engine();
    assert_eq!(number(&engine, "SELECT count(*) FROM deltas"), 0);
    recording.record(&["KXA-1"], 5);
    assert_eq!(number(&engine, "SELECT count(*) FROM deltas"), 5);
    recording.seal();
    assert_eq!(number(&engine, "SELECT count(*) FROM deltas"), 5);
}

#[test]
fn every_table_and_view_can_be_read_when_empty_and_when_not() {
    let mut recording = Recording::new();
    let names =
        text(&recording.engine(), "SELECT table_name FROM information_schema.tables WHERE table_schema = 'archive'");
    assert_eq!(names.lines().count(), 16);
    for filled in [false, true] {
        if filled {
            recording.record(&["KXA-1"], 5);
            recording.describe("KXA-1", "active");
            recording.seal();
            recording.record(&["KXA-1"], 5);
        }
        let engine = recording.engine();
        for name in names.lines() {
            let rows: usize =
                batches(&engine, &format!("SELECT * FROM {name}")).iter().map(|rows| rows.num_rows()).sum();
            assert_eq!(rows as i64, number(&engine, &format!("SELECT count(*) FROM {name}")), "{name}");
        }
    }
}

#[test]
fn columns_are_as_documented() {
    let mut recording = Recording::new();
    recording.record(&["KXA-1"], 2);
    let engine = recording.engine();
    let batch = &batches(&engine, "SELECT * FROM deltas")[0];
    let schema = batch.schema();
    let kind = |name: &str| schema.field_with_name(name).unwrap().data_type().clone();
    assert_eq!(kind("ticker"), DataType::Utf8);
    assert_eq!(kind("price"), DataType::Decimal128(5, 4));
    assert_eq!(kind("quantity"), DataType::Decimal128(18, 2));
    assert_eq!(kind("date"), DataType::Date32);
    assert_snapshot!(table(&engine, "DESCRIBE deltas"));
    assert_snapshot!(table(&engine, "SHOW TABLES"));
    assert_snapshot!(table(&engine, "SELECT * FROM deltas ORDER BY ordinal"));
    assert_snapshot!(table(
        &engine,
        "SELECT yes_prices, yes_quantities, no_prices, kind FROM keyframes ORDER BY ordinal"
    ));
}

#[test]
fn numbers_with_a_point_are_decimals() {
    let mut recording = Recording::new();
    recording.record(&["KXA-1"], 50);
    recording.seal();
    let engine = recording.engine();
    // Prices go from 0.40 to 0.449 in steps of 0.001: 0.403 and 0.443 are hit exactly, which floats would miss.
    assert_eq!(number(&engine, "SELECT count(*) FROM deltas WHERE price = 0.403"), 1);
    assert_eq!(number(&engine, "SELECT count(*) FROM deltas WHERE price >= 0.403 AND price < 0.443"), 40);
    assert_eq!(number(&engine, "SELECT count(*) FROM deltas WHERE price * quantity = 0.403 * 0.28"), 1);
    assert_eq!(text(&engine, "SELECT arrow_typeof(sum(quantity * price)) FROM deltas"), "Decimal128(34, 6)");
    assert_eq!(text(&engine, "SELECT arrow_typeof(0.1)"), "Decimal128(1, 1)");
}

#[test]
fn times_compare_as_utc() {
    let mut recording = Recording::new();
    recording.record(&["KXA-1"], 150);
    recording.seal();
    let engine = recording.engine();
    // Noon and six rounds an hour: 71 rounds are before midnight, the 72nd is on it.
    assert_eq!(number(&engine, "SELECT count(*) FROM deltas WHERE date = '2026-08-11'"), 71);
    assert_eq!(number(&engine, "SELECT count(*) FROM deltas WHERE date > DATE '2026-08-11'"), 79);
    assert_eq!(number(&engine, "SELECT count(*) FROM deltas WHERE recv_ts < '2026-08-12'"), 71);
    assert_eq!(number(&engine, "SELECT count(*) FROM deltas WHERE recv_ts < TIMESTAMP '2026-08-12T00:00:00Z'"), 71);
    assert_eq!(number(&engine, "SELECT count(*) FROM deltas WHERE ts < '2026-08-12T00:00:00Z'"), 72);
    assert_eq!(number(&engine, "SELECT count(*) FROM deltas WHERE date_trunc('day', recv_ts) = '2026-08-12'"), 79);
}

#[test]
fn coverage_shows_the_latest_state_of_each_interval_once() {
    let mut recording = Recording::new();
    recording.record(&["KXA-1", "KXB-2"], 10);
    recording.seal();
    recording.record(&["KXA-1"], 10);
    recording.seal();
    recording.lose();
    recording.record(&["KXB-2"], 3);
    let engine = recording.engine();
    let raw = number(&engine, "SELECT count(*) FROM coverage WHERE ticker = 'KXB-2'");
    let current = number(&engine, "SELECT count(*) FROM current_coverage WHERE ticker = 'KXB-2'");
    assert!(raw > current, "{raw} rows of {current} intervals: nothing to choose from");
    let keys = "SELECT count(*) FROM (SELECT DISTINCT ticker, connection, first_ordinal, standing FROM coverage)";
    assert_eq!(number(&engine, keys), number(&engine, "SELECT count(*) FROM current_coverage"));
    assert_snapshot!(table(
        &engine,
        "SELECT ticker, standing, from_recv_ts, to_recv_ts, first_ordinal, last_ordinal, began, ended \
         FROM current_coverage ORDER BY ticker, first_ordinal, standing"
    ));
    assert_snapshot!(table(&engine, "SELECT ticker, cause, from_ts, to_ts, ended FROM gaps ORDER BY ticker, from_ts"));
}

#[test]
fn current_markets_are_the_valid_versions() {
    let mut recording = Recording::new();
    recording.describe("KXA-1", "active");
    recording.describe("KXB-2", "active");
    recording.seal();
    recording.describe("KXA-1", "closed");
    for _ in 0..2 {
        let engine = recording.engine();
        assert_eq!(number(&engine, "SELECT count(*) FROM markets"), 3);
        assert_snapshot!(
            "current_markets",
            table(&engine, "SELECT ticker, status FROM current_markets ORDER BY ticker")
        );
        recording.seal();
    }
}

#[test]
fn snapshots_are_the_venues_own() {
    let mut recording = Recording::new();
    recording.record(&["KXA-1", "KXB-2"], 10);
    let engine = recording.engine();
    assert_eq!(number(&engine, "SELECT count(*) FROM snapshots"), 2);
    assert_eq!(number(&engine, "SELECT count(*) FROM keyframes WHERE kind = 'snapshot'"), 2);
}

#[test]
fn joins_windows_and_subqueries() {
    let mut recording = Recording::new();
    recording.record(&["KXA-1", "KXB-2", "KXC-3"], 30);
    recording.seal();
    recording.record(&["KXA-1"], 6);
    let engine = recording.engine();
    assert_snapshot!(table(
        &engine,
        "WITH busiest AS (SELECT ticker, count(*) AS deltas FROM deltas GROUP BY ticker) \
         SELECT busiest.ticker, deltas, trades, rank() OVER (ORDER BY deltas DESC, busiest.ticker) AS place \
         FROM busiest JOIN (SELECT ticker, count(*) AS trades FROM trades GROUP BY ticker) AS traded \
         ON busiest.ticker = traded.ticker WHERE EXISTS (SELECT 1 FROM snapshots WHERE ticker = busiest.ticker) \
         ORDER BY place"
    ));
    assert_eq!(
        text(&engine, "SELECT CAST(yes_prices[1] + no_prices[1] AS VARCHAR) FROM keyframes WHERE ticker = 'KXB-2'"),
        "0.9900"
    );
    assert_eq!(
        number(&engine, "SELECT count(*) FROM deltas WHERE left(ticker, 3) = 'KXA' AND regexp_like(side, '^y')"),
        18
    );
    assert_eq!(number(&engine, "SELECT count(*) FROM (VALUES (1), (2)) AS two(x)"), 2);
    assert_eq!(number(&engine, "SELECT max(value) FROM generate_series(1, 10)"), 10);
    assert_eq!(
        number(&engine, "SELECT count(*) FROM daybook.archive.deltas"),
        number(&engine, "SELECT count(*) FROM Deltas")
    );
}

#[test]
fn explanations() {
    let mut recording = Recording::new();
    recording.record(&["KXA-1", "KXB-2"], 30);
    let engine = recording.engine();
    for explain in ["EXPLAIN", "EXPLAIN VERBOSE", "EXPLAIN FORMAT TREE", "EXPLAIN ANALYZE"] {
        let query = "SELECT a.ticker, count(*) FROM deltas a JOIN trades b ON a.ticker = b.ticker GROUP BY a.ticker";
        let plan = text(&engine, &format!("{explain} {query}"));
        assert!(plan.contains("HashJoin") && !plan.contains("Watched"), "{explain}: {plan}");
    }
    assert_eq!(batches(&engine, "SHOW COLUMNS FROM deltas")[0].num_rows(), 16);
}

#[test]
fn an_archive_opened_by_another_reader() {
    let mut recording = Recording::new();
    recording.record(&["KXA-1"], 10);
    recording.seal();
    recording.record(&["KXA-1"], 4);
    recording.writer.sync().unwrap();
    let root = recording.folder.path().to_str().unwrap();
    let archive = daybook_archive::Archive::open(root, Default::default()).unwrap();
    let engine = recording.engine().with_archive(archive.clone());
    assert_eq!(number(&engine, "SELECT count(*) FROM deltas"), 14);
    recording.record(&["KXA-1"], 2);
    recording.writer.sync().unwrap();
    assert_eq!(number(&engine, "SELECT count(*) FROM deltas"), 14);
    let engine = engine.with_archive(archive.refreshed().unwrap());
    assert_eq!(number(&engine, "SELECT count(*) FROM deltas"), 16);
}
