//! Lists of many pages: the archive's rows, too, and none that looks whole and is not.

use serde_json::Value;

use crate::{
    User, account, text,
    venue::{Account, Venue, fill, order, position},
};

fn asked(venue: &Venue) -> Vec<String> {
    let asked = std::mem::take(&mut venue.account.lock().unwrap().asked);
    asked.into_iter().map(|target| target.trim_start_matches("/trade-api/v2").to_owned()).collect()
}

/// Whether the archive of `what` was asked for.
fn archive_was_asked(venue: &Venue, what: &str) -> bool {
    asked(venue).iter().any(|target| target.starts_with(&format!("/historical/{what}?")))
}

/// A row that is older than what the venue has at hand.
fn older(mut row: Value) -> Value {
    row["created_time"] = "2026-07-01T12:00:00.5Z".into();
    row
}

#[test]
fn all_is_what_is_at_hand_and_then_the_archive() {
    let live: Vec<Value> = (0..70).map(|at| fill(at, "KXA-1", "yes", "1.00", "0.5000", "0.5000")).collect();
    let mut archived: Vec<Value> =
        (100..190).map(|at| older(fill(at, "KXA-1", "yes", "1.00", "0.5000", "0.5000"))).collect();
    // One was archived while the list was read.
    archived.insert(30, live[69].clone());
    let mut done = older(order(7, "KXOLD-26JUN01-A", "executed"));
    done["last_update_time"] = "2026-07-01T12:00:00Z".into();
    let venue = Venue::start(Account {
        fills: live,
        archived_fills: archived,
        archived_orders: vec![
            done,
            older(order(8, "KXOLD-26JUN01-A", "canceled")),
            older(order(9, "KXOTHER-26JUN01-A", "executed")),
            // Both at hand and archived.
            order(2, "KXNEW-26DEC01-A", "executed"),
        ],
        archived_positions: vec![position("KXOLD-26JUN01-A", "0.00", "0.000000"), account().positions[0].clone()],
        ..account()
    });
    let user = User::new(&venue);
    let ids = |rows: Vec<Value>, name: &str| -> Vec<String> {
        rows.iter().map(|row| row[name].as_str().unwrap().to_owned()).collect()
    };
    let fills = ids(user.rows(&["account", "fills", "--all"]), "trade_id");
    assert_eq!(fills.len(), 160);
    assert_eq!(fills.iter().collect::<std::collections::HashSet<_>>().len(), 160, "none twice");
    assert!(archive_was_asked(&venue, "fills"));
    // The archive knows no filter by order, status or event.
    assert_eq!(ids(user.rows(&["account", "fills", "--all", "--order", "order-120"]), "trade_id"), ["trade-120"]);
    assert_eq!(ids(user.rows(&["account", "orders", "--all"]), "order_id").len(), 5);
    let filtered = ["account", "orders", "--all", "--status", "executed", "--event", "KXOLD-26JUN01"];
    let filtered = ids(user.rows(&filtered), "order_id");
    assert!(filtered.contains(&"order-7".to_owned()), "{filtered:?}");
    assert!(!filtered.contains(&"order-8".to_owned()) && !filtered.contains(&"order-9".to_owned()), "{filtered:?}");
    assert_eq!(
        ids(user.rows(&["account", "positions", "--status", "all", "--all"]), "ticker"),
        ["KXNEW-26DEC01-A", "KXOLD-26JUN01-A"]
    );
    asked(&venue);
    // Not where nothing of it can be wanted.
    for (args, what) in [
        (&["fills"][..], "fills"),
        (&["fills", "--all", "--start", "2026-08-02"], "fills"),
        (&["orders", "--all", "--status", "resting"], "orders"),
        (&["positions", "--all"], "positions"),
    ] {
        user.says(&[&["account"], args].concat());
        assert!(!archive_was_asked(&venue, what), "{args:?}");
    }
}

/// Whether a program that reads the format takes this for a whole list.
fn looks_whole(format: &str, out: &[u8]) -> bool {
    match format {
        "json" => serde_json::from_slice::<Value>(out).is_ok(),
        "ndjson" => text(out).lines().all(|line| serde_json::from_str::<Value>(line).unwrap().get("error").is_none()),
        "csv" => text(out).matches('"').count().is_multiple_of(2),
        "parquet" => {
            let file = bytes::Bytes::copy_from_slice(out);
            parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(file).is_ok()
        }
        "arrow" => arrow::ipc::reader::StreamReader::try_new(out, None).unwrap().all(|batch| batch.is_ok()),
        other => panic!("{other}"),
    }
}

#[test]
fn a_list_that_breaks_off_does_not_look_whole() {
    let fills: Vec<Value> = (0..250).map(|at| fill(at, "KXA-1", "yes", "1.00", "0.5000", "0.5000")).collect();
    let venue = Venue::start(Account { fills, ..account() });
    let user = User::new(&venue);
    for refused in
        [None, Some("/portfolio/fills?limit=1000&cursor=120"), Some("/historical/fills"), Some("/portfolio/fills")]
    {
        venue.account.lock().unwrap().refused = refused;
        for format in ["json", "ndjson", "csv", "parquet", "arrow"] {
            let output = user.run(&["account", "fills", "--all", "--format", format]);
            let said = text(&output.stderr);
            assert_eq!(output.status.code(), Some(i32::from(refused.is_some())), "{refused:?} {format}: {said}");
            assert_eq!(looks_whole(format, &output.stdout), refused.is_none(), "{refused:?} {format}");
            assert_eq!(said.contains("not this one"), refused.is_some(), "{said}");
        }
    }
    // What came before is there.
    venue.account.lock().unwrap().refused = Some("cursor=120");
    let output = user.run(&["account", "fills", "--all", "--format", "ndjson"]);
    let lines: Vec<Value> = text(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 121);
    assert_eq!(lines[120]["error"]["code"], "incomplete");
    assert!(lines[120]["error"]["message"].as_str().unwrap().contains("not this one"), "{}", lines[120]);
}
