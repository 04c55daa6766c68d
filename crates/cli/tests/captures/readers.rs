//! Readers that are not ours read every table of an archive, and see what we see.

use std::{fs, path::Path, process::Command};

use arrow::{
    array::{Array, ArrayRef, AsArray},
    datatypes::{DataType, TimestampMicrosecondType},
    util::display::{ArrayFormatter, FormatOptions},
};
use daybook::import::metadata_files;
use daybook_archive::{Archive, schema::Table};
use serde_json::{Map, Value};

use crate::{lab::Lab, real::captures};

/// Frames for the tables that the sample leaves empty, with absent, extreme and odd values.
const ODD: &str = r#"
{"recv_ns":1786410000000000001,"event":{"type":"orderbook_snapshot","sid":9,"seq":1,"sending_ts_ms":1786410000000,"new":{"a":[1]},"msg":{"market_ticker":"KXODD-1","market_id":"","clock":7,"yes_dollars_fp":[["0.0001","0.01"],["1.0000","4611224895937.79"]],"later":null}}}
{"recv_ns":1786410000000000999,"event":{"type":"orderbook_delta","sid":9,"seq":2,"msg":{"market_ticker":"KXODD-1","market_id":"m","clock":8,"price_dollars":"0.0001","delta_fp":"-0.01","side":"yes","subaccount":3,"quote\"d":"\u00fc\u2028\ud83d\ude00"}}}
{"recv_ns":1786410000000001000,"event":{"type":"orderbook_delta","sid":9,"seq":3,"msg":{"market_ticker":"KXODD-1","market_id":"m","price_dollars":"0.0000","delta_fp":"9999999999999999.99","side":"no","ts":"1999-12-31T23:59:59.999999Z"}}}
{"recv_ms":946684800000,"event":{"type":"orderbook_snapshot","sid":1,"seq":1,"msg":{"market_ticker":"KXODD-2","market_id":"m"}}}
{"recv_ms":7258118399999,"event":{"type":"orderbook_delta","sid":1,"seq":2,"msg":{"market_ticker":"KXODD-2","market_id":"m","price_dollars":"0.5000","delta_fp":"1.00","side":"no"}}}
{"recv_ns":1786410000000000002,"event":{"type":"ticker","sid":4,"msg":{"market_ticker":"KXODD-1","market_id":"m","price_dollars":"","yes_bid_dollars":"0.0100","yes_ask_dollars":"0.9900","yes_bid_size_fp":"12.50","volume_fp":"9999999999999999.99","dollar_volume":9007199254740993,"dollar_open_interest":-1,"ts":1786410000,"Clock":5}}}
{"recv_ns":1786410000000000003,"event":{"type":"ticker","sid":4,"msg":{"market_ticker":"KXODD-1","market_id":"m"}}}
{"recv_ns":1786410000000000004,"event":{"type":"trade","sid":5,"seq":1,"msg":{"trade_id":"","market_ticker":"KXODD-1","yes_price_dollars":"0.0000","no_price_dollars":"1.0000","count_fp":"0.01"}}}
{"recv_ns":1786410000000000005,"event":{"type":"trade","sid":5,"seq":2,"msg":{"trade_id":"t","market_ticker":"KXODD-1","yes_price_dollars":"0.3330","no_price_dollars":"0.6670","count_fp":"1.00","taker_side":"no","taker_outcome_side":"no","taker_book_side":"ask","is_block_trade":true,"ts":1786410000,"ts_ms":1786410000001}}}
{"recv_ns":1786410000000000006,"event":{"type":"market_lifecycle_v2","sid":6,"seq":1,"msg":{"market_ticker":"KXODD-1","event_type":"created","open_ts":1,"additional_metadata":{"event_ticker":"KXODD","name":"a \"b\""}}}}
{"recv_ns":1786410000000000007,"event":{"type":"event_lifecycle","sid":6,"seq":2,"msg":{"event_ticker":"KXODD","title":""}}}
{"recv_ns":1786410000000000008,"event":{"type":"not_yet_known","sid":6,"seq":3,"msg":{}}}
no JSON at all, with a tab	and an ümlaut
"#;

const SERIES: &str = r#"{"fetched_at_ms":1786410000123,"response":{"series":{"ticker":"KXODD","title":"Odd","category":"Tests","frequency":"fifteen_min","fee_multiplier":0.5}},"status":200}"#;

/// A cell as text: decimals in full scale, times in microseconds, lists with commas; `None` where it is absent.
fn cells(column: &ArrayRef) -> Vec<Option<String>> {
    let format = FormatOptions::default();
    let plain = |array: &ArrayRef| -> Vec<Option<String>> {
        let text = ArrayFormatter::try_new(array.as_ref(), &format).unwrap();
        (0..array.len()).map(|row| array.is_valid(row).then(|| text.value(row).to_string())).collect()
    };
    match column.data_type() {
        DataType::Timestamp(_, _) => {
            let times = column.as_primitive::<TimestampMicrosecondType>();
            times.iter().map(|time| time.map(|time| time.to_string())).collect()
        }
        DataType::List(_) => {
            let items = |list: ArrayRef| plain(&list).into_iter().map(Option::unwrap).collect::<Vec<_>>().join(",");
            column.as_list::<i32>().iter().map(|list| list.map(items)).collect()
        }
        _ => plain(column),
    }
}

/// Writes every table as we read it: a JSON object of texts per row.
fn write_tables(archive: &Archive, folder: &Path) -> Map<String, Value> {
    let mut counts = Map::new();
    for table in Table::ALL {
        let columns: Vec<&str> = table.columns().iter().map(|column| column.name).collect();
        let mut lines = String::new();
        let mut rows = 0_u64;
        archive
            .scan_table(table, None, &columns, |batch| {
                let record = batch.record();
                let read: Vec<Vec<Option<String>>> =
                    columns.iter().map(|name| cells(record.column_by_name(name).unwrap())).collect();
                for row in 0..record.num_rows() {
                    let cells = columns.iter().zip(&read);
                    let object: Map<String, Value> =
                        cells.map(|(name, cells)| ((*name).to_owned(), cells[row].clone().into())).collect();
                    lines.push_str(&Value::Object(object).to_string());
                    lines.push('\n');
                    rows += 1;
                }
                Ok(())
            })
            .unwrap();
        fs::write(folder.join(format!("{}.ndjson", table.name())), lines).unwrap();
        counts.insert(table.name().to_owned(), rows.into());
    }
    counts
}

#[test]
fn deltalake_duckdb_and_polars_read_every_table() {
    let lab = Lab::new();
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let mut files = vec![examples.join("sample.ndjson.gz"), lab.file("odd.ndjson", ODD.trim_start().as_bytes())];
    let mut documents = metadata_files(examples.join("metadata").to_str().unwrap()).unwrap();
    documents.push(lab.file("series.json", SERIES.as_bytes()));
    if let Some(folder) = captures() {
        for market in ["KXGOLD15M-26AUG102030-30", "KXGOLD15M-26AUG102000-00"] {
            files.extend(crate::real::files(&folder.join("events").join(market)));
        }
        documents.extend(metadata_files(folder.join("metadata").to_str().unwrap()).unwrap());
    }
    let reports = lab.import_all(&files);
    assert_eq!(reports[1].unparsed, 2, "{:?}", reports[1]);
    lab.import_metadata(&documents);

    let folder = lab.path().join("expected");
    fs::create_dir(&folder).unwrap();
    let counts = write_tables(&lab.open(), &folder);
    for (table, rows) in &counts {
        assert_ne!(*rows, 0, "{table} is empty: nothing of it would be compared");
    }
    fs::write(folder.join("counts.json"), Value::Object(counts).to_string()).unwrap();

    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/readers.py");
    let output = match Command::new("python3").arg(script).arg(lab.root()).arg(&folder).output() {
        Ok(output) => output,
        Err(error) => return println!("SKIPPED: python3 cannot be run: {error}"),
    };
    let said = String::from_utf8_lossy(&output.stdout);
    if output.status.code() == Some(77) {
        return println!("SKIPPED: a reader is not installed for python3: {said}");
    }
    println!("{said}");
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
}
