//! Others can read the tables: `deltalake`, DuckDB and Polars see the rows, the version and the positions that we do.

// The helpers below are tests as well; the lint only knows functions marked as such.
#![allow(clippy::unwrap_used)]

use std::io;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Decimal128Array, Int16Array, Int32Array, Int64Array, ListBuilder, RecordBatch, StringArray,
    StringBuilder, TimestampMicrosecondArray,
};
use daybook_archive::store::Store;
use daybook_archive::table::{AddFile, ColumnType, Commit, FileStats, Operation, StatValue, Table, TableSchema};
use parquet::arrow::ArrowWriter;

const READERS: &str = r#"
import datetime, json, sys
import deltalake, duckdb, polars

root = sys.argv[1]
table = deltalake.DeltaTable(root)
order = [("ordinal", "ascending")]
rows = table.to_pyarrow_table().sort_by(order).to_pylist()

def micros(ts):
    epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
    return ts if ts is None or isinstance(ts, int) else (ts - epoch) // datetime.timedelta(microseconds=1)

def key(rows):
    return sorted(
        (r["ordinal"], r["ticker"], str(r["date"]), r["price"], micros(r["ts"]), r["sid"], r["depth"], r["yes"],
         r["tags"] if r["tags"] is None else tuple(r["tags"]))
        for r in rows)

# DuckDB's own delta reader is an extension that must be there already; the files are what it would read.
connection = duckdb.connect()
try:
    connection.execute("LOAD delta")
    relation = connection.execute(f"SELECT * REPLACE (epoch_us(ts) AS ts) FROM delta_scan('{root}')")
    via = "delta_scan"
except Exception:
    uris = ", ".join("'" + uri.removeprefix("file://") + "'" for uri in table.file_uris())
    relation = connection.execute(
        f"SELECT * REPLACE (epoch_us(ts) AS ts) FROM read_parquet([{uris}], hive_partitioning = true)")
    via = "read_parquet of the table's files"
columns = [column[0] for column in relation.description]
by_duckdb = [dict(zip(columns, row)) for row in relation.fetchall()]

by_polars = polars.scan_delta(root).collect().to_dicts()
assert key(rows) == key(by_duckdb), "DuckDB sees other rows"
assert key(rows) == key(by_polars), "Polars sees other rows"

# Skipping by statistics must find the row that carries the bound.
for row in rows:
    some = polars.scan_delta(root).filter(
        (polars.col("price") == row["price"]) & (polars.col("ts") == row["ts"])
        & (polars.col("ticker") == row["ticker"])
    ).collect()
    assert some.height == 1, f"Polars skips the row {row}"
    found = table.to_pyarrow_dataset().to_table(
        filter=(__import__("pyarrow").compute.field("ts") == row["ts"])).num_rows
    assert found >= 1, f"deltalake skips the row {row}"

adds = table.get_add_actions(flatten=True)
print(json.dumps({
    "version": table.version(),
    "positions": {app: table.transaction_version(app) for app in ("log", "compaction", "nobody")},
    "rows": [[r["ordinal"], r["ticker"], str(r["date"]), str(r["price"])] for r in rows],
    "protocol": [table.protocol().min_reader_version, table.protocol().min_writer_version],
    "duckdb": via,
}))
"#;

/// Another writer: appends two rows, then rewrites files to delete one of ours.
const WRITER: &str = r#"
import sys
import deltalake

root = sys.argv[1]
rows = deltalake.DeltaTable(root).to_pyarrow_table().sort_by([("ordinal", "ascending")])
deltalake.write_deltalake(root, rows.slice(0, 2), mode="append")
deltalake.DeltaTable(root).delete("ordinal = 100")
table = deltalake.DeltaTable(root)
print("{" + f'"version": {table.version()}, "rows": {table.to_pyarrow_table().num_rows}' + "}")
"#;

fn schema() -> TableSchema {
    TableSchema::new()
        .required("ticker", ColumnType::String)
        .required("ordinal", ColumnType::Long)
        .nullable("ts", ColumnType::Timestamp)
        .required("price", ColumnType::Decimal { precision: 10, scale: 4 })
        .required("sid", ColumnType::Integer)
        .required("depth", ColumnType::Short)
        .required("yes", ColumnType::Boolean)
        .nullable("tags", ColumnType::Array { element: Box::new(ColumnType::String), contains_null: true })
        .required("date", ColumnType::Date)
}

/// Three rows whose instants are not whole milliseconds.
fn batch(first: i64) -> RecordBatch {
    let ordinals = [first, first + 1, first + 2];
    let mut tags = ListBuilder::new(StringBuilder::new());
    tags.values().append_value("a");
    tags.append(true);
    tags.append(true);
    tags.append(false);
    let schema = schema().file_schema(&["date"]).unwrap();
    // The list's element field is named by the schema.
    let tags = tags.finish();
    let tags = arrow::compute::cast(&tags, schema.field_with_name("tags").unwrap().data_type()).unwrap();
    let micros = ordinals.map(|ordinal| 1_786_406_400_000_000 + ordinal * 1_001);
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter_values(ordinals.map(|ordinal| format!("KX-{ordinal:03}")))),
        Arc::new(Int64Array::from_iter_values(ordinals)),
        Arc::new(TimestampMicrosecondArray::from_iter_values(micros).with_timezone("UTC")),
        Arc::new(
            Decimal128Array::from_iter_values(ordinals.map(|ordinal| i128::from(ordinal) * 12_345))
                .with_precision_and_scale(10, 4)
                .unwrap(),
        ),
        Arc::new(Int32Array::from_iter_values([1, 2, 3])),
        Arc::new(Int16Array::from_iter_values([1, 2, 3])),
        Arc::new(BooleanArray::from(vec![true, false, true])),
        tags,
    ];
    RecordBatch::try_new(schema, columns).unwrap()
}

fn write_file(store: &Store, table: &Table, first: i64, day: u32) -> AddFile {
    let date = format!("2026-08-{day:02}");
    let path = format!("date={date}/part-{first:05}.parquet");
    let batch = batch(first);
    let file = store.create_writer(&table.store_path(&path)).unwrap();
    let mut writer = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    let size = writer.into_inner().unwrap().finish().unwrap();

    let decimal = |ordinal: i64| {
        let units = ordinal * 12_345;
        Some(StatValue::Number(format!("{}.{:04}", units / 10_000, units % 10_000).into()))
    };
    let micros = |ordinal: i64| 1_786_406_400_000_000 + ordinal * 1_001;
    let text = |ordinal: i64| Some(StatValue::Text(format!("KX-{ordinal:03}").into()));
    let last = first + 2;
    let stats = FileStats::new(3)
        .column("ticker", text(first), text(last), Some(0))
        .column("ordinal", Some(StatValue::Integer(first)), Some(StatValue::Integer(last)), Some(0))
        .column("ts", StatValue::not_after(micros(first)), StatValue::not_before(micros(last)), Some(0))
        .column("price", decimal(first), decimal(last), Some(0))
        .column("tags", None, None, Some(1));
    let partition = vec![("date".into(), Some(date))];
    AddFile { path, size, partition, modification_time_ms: 1_786_406_400_000 + first, stats }
}

#[test]
fn python_sees_what_we_see() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path().to_str().unwrap()).unwrap();
    let table = Table::create_with_interval(&store, "deltas", &schema(), &["date"], 4).unwrap();
    let mut written = Vec::new();
    for number in 0..7_i64 {
        let file = write_file(&store, &table, number * 10, 11 + u32::try_from(number % 3).unwrap());
        written.push(file.path.clone());
        let committed = table.commit(Commit::new(Operation::Write).with_file(file).with_txn("log", number)).unwrap();
        assert!(committed.warnings.is_empty(), "{:?}", committed.warnings);
    }
    let merged = write_file(&store, &table, 100, 11);
    let compact =
        Commit::new(Operation::Optimize).without_file(&written[0]).without_file(&written[3]).with_file(merged);
    table.commit(compact.with_txn("compaction", 1)).unwrap();
    table.commit(Commit::new(Operation::Delete).without_file(&written[4])).unwrap();
    assert_eq!(table.snapshot().version, 9);
    assert!(store.exists("deltas/_delta_log/00000000000000000008.checkpoint.parquet").unwrap());

    let root = directory.path().join("deltas");
    if !python_has_readers() {
        return;
    }
    let seen = ask_python(READERS, &root);
    let expected: Vec<serde_json::Value> = [1, 2, 5, 6, 10]
        .into_iter()
        .flat_map(|file| (0..3).map(move |row| file * 10 + row))
        .map(|ordinal| {
            let day = if ordinal >= 100 { 11 } else { 11 + ordinal / 10 % 3 };
            let units = ordinal * 12_345;
            let price = format!("{}.{:04}", units / 10_000, units % 10_000);
            serde_json::json!([ordinal, format!("KX-{ordinal:03}"), format!("2026-08-{day}"), price])
        })
        .collect();
    println!("DuckDB through {}; protocol {}", seen["duckdb"], seen["protocol"]);
    assert_eq!(seen["version"], 9);
    assert_eq!(seen["positions"], serde_json::json!({"log": 6, "compaction": 1, "nobody": null}));
    assert_eq!(seen["rows"], serde_json::Value::from(expected));
    assert_eq!(Table::open_from_log(&store, "deltas").unwrap().snapshot(), table.snapshot());
}

#[test]
fn we_see_what_python_writes() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path().to_str().unwrap()).unwrap();
    let table = Table::create(&store, "deltas", &schema(), &["date"]).unwrap();
    for (number, day) in [(0, 11), (100, 12)] {
        let file = write_file(&store, &table, number, day);
        table.commit(Commit::new(Operation::Write).with_file(file).with_txn("log", number)).unwrap();
    }
    if !python_has_readers() {
        return;
    }
    let seen = ask_python(WRITER, &directory.path().join("deltas"));
    let snapshot = table.refresh().unwrap();
    assert_eq!((seen["version"].as_u64(), seen["rows"].as_u64()), (Some(4), Some(7)));
    assert_eq!((snapshot.version, snapshot.num_records()), (4, 7));
    assert_eq!(*snapshot, *Table::open_from_log(&store, "deltas").unwrap().snapshot());
    for file in &snapshot.files {
        assert_eq!(table.file(file).unwrap().size(), file.size, "{}", file.path);
    }
    let removed = snapshot.files[0].path.clone();
    let added = write_file(&store, &table, 200, 13);
    table.commit(Commit::new(Operation::Optimize).with_file(added).without_file(&removed)).unwrap();
    table.checkpoint().unwrap();
    assert_eq!(*table.snapshot(), *Table::open_from_log(&store, "deltas").unwrap().snapshot());
}

fn python_has_readers() -> bool {
    match Command::new("python3").args(["-c", "import deltalake, duckdb, polars, pyarrow"]).output() {
        Ok(output) if output.status.success() => true,
        Ok(_) => {
            println!("SKIPPED: python3 has no deltalake, duckdb, polars or pyarrow");
            false
        }
        Err(error) => {
            assert_eq!(error.kind(), io::ErrorKind::NotFound, "{error}");
            println!("SKIPPED: there is no python3");
            false
        }
    }
}

/// What a script reports of a table, as JSON on its last line.
fn ask_python(script: &str, table: &Path) -> serde_json::Value {
    // Threads of these libraries may abort the interpreter's orderly exit; all is said and done by then.
    let script = format!("{script}\nimport os, sys\nsys.stdout.flush()\nos._exit(0)\n");
    let output = Command::new("python3").args(["-c", &script]).arg(table).output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{err}");
    serde_json::from_str(out.lines().last().unwrap()).unwrap()
}
