//! How much of the archive is read: files, pages and bytes that a query does not need stay untouched.

use std::{fs, path::PathBuf};

use daybook_sql::{Error, ErrorKind, Limits};

use crate::recording::{Recording, error, number, text};

/// The number after `name=` in the metrics of an executed plan, which has at most two decimals and perhaps a `K`.
fn metric(plan: &str, name: &str) -> u64 {
    let from = plan.find(&format!("{name}=")).unwrap_or_else(|| panic!("no {name} in {plan}")) + name.len() + 1;
    let text: String = plan[from..].chars().take_while(|c| !",]}".contains(*c)).collect();
    let (number, unit) = text.split_once(' ').unwrap_or((&text, ""));
    let (whole, hundredths) = number.split_once('.').unwrap_or((number, "0"));
    let (whole, hundredths): (u64, u64) = (whole.parse().unwrap(), hundredths.parse().unwrap());
    match unit {
        "" => whole,
        "K" => whole * 1_000 + hundredths * 10,
        unit => panic!("{name} in {unit}"),
    }
}

fn many_markets() -> Recording {
    let mut recording = Recording::new();
    // One day, and times that do not compress.
    recording.step = 61_234_567;
    let tickers: Vec<String> = (0..60).map(|number| format!("KXMANY-{number:03}")).collect();
    let tickers: Vec<&str> = tickers.iter().map(String::as_str).collect();
    recording.record(&tickers, 600);
    recording.seal();
    recording
}

#[test]
fn a_ticker_reads_few_bytes() {
    let recording = many_markets();
    let engine = recording.engine();
    let all = text(&engine, "EXPLAIN ANALYZE SELECT ordinal, recv_ts, price FROM deltas WHERE ordinal >= 0");
    let one = text(&engine, "EXPLAIN ANALYZE SELECT ordinal, recv_ts, price FROM deltas WHERE ticker = 'KXMANY-017'");
    let (all, few) = (metric(&all, "bytes_scanned"), metric(&one, "bytes_scanned"));
    assert!(few * 2 < all, "one market of 60 read {few} bytes, all read {all}: {one}");
    assert!(one.contains("page_index_pages_pruned"), "{one}");
}

#[test]
fn days_and_tickers_leave_out_files() {
    let mut recording = Recording::new();
    recording.record(&["KXA-1", "KXB-2"], 150);
    recording.seal();
    recording.record(&["KXY-8", "KXZ-9"], 150);
    recording.seal();
    recording.record(&["KXM-5"], 1);
    let engine = recording.engine();
    let files = |filter: &str| {
        let plan = text(&engine, &format!("EXPLAIN SELECT ordinal FROM deltas WHERE {filter}"));
        plan.lines().find(|line| line.contains("DataSourceExec")).map_or(0, |line| line.matches(".parquet").count())
    };
    let all = files("ordinal >= 0");
    assert!(all >= 5, "{all} files");
    assert_eq!(files("ticker = 'KXA-1'"), 3, "two days and what is not sealed");
    assert_eq!(files("ticker IN ('KXA-1', 'KXA-2')"), 3);
    let long: Vec<String> = (100..200).map(|number| format!("'KXA-{number}'")).collect();
    assert_eq!(files(&format!("ticker IN ({})", long.join(", "))), 3);
    assert_eq!(files("ticker LIKE 'KXZ%'"), all - 2);
    assert_eq!(files("date = '2026-08-11'"), 1);
    assert_eq!(files("date = '2026-08-11' AND ticker = 'KXZ-9'"), 0);
    assert_eq!(files("date < '2026-01-01'"), 0);
    assert_eq!(files("ticker = 'KXA-1' OR date = '2026-08-11'"), 3);
}

#[test]
fn a_filter_on_a_view_reaches_its_table() {
    let mut recording = Recording::new();
    recording.record(&["KXA-1"], 3);
    recording.seal();
    let engine = recording.engine();
    for (view, filter) in [
        ("current_coverage", "ticker = 'KXNONE'"),
        ("gaps", "ticker = 'KXNONE'"),
        ("snapshots", "ticker = 'KXNONE'"),
        ("snapshots", "date = '2025-01-01'"),
    ] {
        let plan = text(&engine, &format!("EXPLAIN SELECT * FROM {view} WHERE {filter}"));
        assert!(plan.contains("EmptyExec") && !plan.contains(".parquet"), "{view}: {plan}");
    }
}

#[test]
fn counting_reads_no_rows() {
    let recording = many_markets();
    let plan = text(&recording.engine(), "EXPLAIN SELECT count(*) FROM deltas");
    assert!(plan.contains("PlaceholderRowExec") && !plan.contains("DataSourceExec"), "{plan}");
}

fn files_of(recording: &Recording, table: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for day in fs::read_dir(recording.folder.path().join(table)).unwrap() {
        let day = day.unwrap().path();
        if day.file_name().unwrap().to_str().unwrap().starts_with("date=") {
            files.extend(fs::read_dir(day).unwrap().map(|file| file.unwrap().path()));
        }
    }
    files.retain(|file| file.extension().is_some_and(|extension| extension == "parquet"));
    files.sort();
    files
}

#[test]
fn a_flipped_bit_is_an_error_and_never_a_row() {
    let recording = many_markets();
    let file = files_of(&recording, "deltas").remove(0);
    let whole = fs::read(&file).unwrap();
    // In pages, and in what says where they are.
    for at in [whole.len() / 7, whole.len() / 3, whole.len() - 400, whole.len() - 9, whole.len() - 1] {
        let mut flipped = whole.clone();
        flipped[at] ^= 4;
        fs::write(&file, &flipped).unwrap();
        // A fresh archive: this process has the file open.
        let archive = daybook_archive::Archive::open(recording.folder.path().to_str().unwrap(), Default::default());
        let engine = daybook_sql::SqlEngine::new(archive.unwrap(), Limits::default()).unwrap();
        let error = error(&engine, "SELECT * FROM deltas");
        assert_eq!(error.kind(), ErrorKind::Archive, "{error}");
        let told = error.to_string();
        assert!(told.contains("checksum") && told.contains(file.file_name().unwrap().to_str().unwrap()), "{told}");
    }
    fs::write(&file, &whole).unwrap();
}

#[test]
fn a_missing_file_is_named() {
    let recording = many_markets();
    let file = files_of(&recording, "trades").remove(0);
    fs::remove_file(&file).unwrap();
    let archive = daybook_archive::Archive::open(recording.folder.path().to_str().unwrap(), Default::default());
    let engine = daybook_sql::SqlEngine::new(archive.unwrap(), Limits::default()).unwrap();
    let error = error(&engine, "SELECT max(count) FROM trades");
    assert!(matches!(error, Error::Read(_)), "{error:?}");
    assert!(error.to_string().contains(file.file_name().unwrap().to_str().unwrap()), "{error}");
    // The other tables are not concerned.
    assert!(number(&engine, "SELECT count(*) FROM deltas WHERE ordinal >= 0") > 0);
}

#[test]
fn nothing_but_the_archive_can_be_read() {
    let recording = many_markets();
    let engine = recording.engine();
    let file = files_of(&recording, "trades").remove(0);
    let path = file.to_str().unwrap();
    for sql in [
        format!("SELECT * FROM '{path}'"),
        format!("SELECT * FROM \"{path}\""),
        format!("SELECT * FROM 'file://{path}'"),
        format!("SELECT * FROM read_parquet('{path}')"),
        format!("SELECT * FROM parquet_metadata('{path}')"),
        "SELECT * FROM 's3://bucket/file.parquet'".to_owned(),
        "SELECT * FROM information_schema.nothing".to_owned(),
        "SELECT * FROM other.deltas".to_owned(),
        "SELECT * FROM other.archive.deltas".to_owned(),
    ] {
        let error = error(&engine, &sql);
        assert_eq!(error.kind(), ErrorKind::Query, "{sql}: {error}");
    }
}
