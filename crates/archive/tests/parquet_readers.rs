//! Files with every kind of column read by PyArrow, DuckDB and Polars, where `python3` has them.
#![allow(missing_docs, clippy::unwrap_used)]

mod model;

use std::path::Path;
use std::process::Command;

use daybook_archive::parquet_file::{ColumnKind, ColumnShape, WriterOptions};
use model::{Cell, column_cells, random_table, write};
use serde_json::{Map, Value as Json, json};

#[test]
fn other_readers_read_the_same() {
    let folder = tempfile::tempdir().unwrap();
    for (number, (row_groups, rows_per_page)) in
        [(&[3000, 700][..], 500), (&[4096], 4096), (&[1], 4096), (&[20_000], 4096)].iter().cycle().take(16).enumerate()
    {
        let table = random_table(number as u64, 12, row_groups);
        let options = WriterOptions { rows_per_page: *rows_per_page, ..WriterOptions::default() };
        std::fs::write(folder.path().join(format!("{number:02}.parquet")), write(&table, options).0).unwrap();
        let mut expected = Map::new();
        for (column, model) in table[0].iter().enumerate() {
            let spec = model.spec;
            let scale = match spec.kind {
                ColumnKind::Decimal { scale, .. } => Some(scale),
                _ => None,
            };
            let cells: Vec<Json> = column_cells(&table, column)
                .into_iter()
                .map(|cell| match cell {
                    Cell::Null => Json::Null,
                    Cell::Boolean(value) => json!(value),
                    Cell::Integer(value) => json!(value),
                    Cell::Text(value) => json!(value),
                    Cell::List(values) => json!(values),
                })
                .collect();
            let filter = spec.shape != ColumnShape::List
                && matches!(spec.kind, ColumnKind::Int16 | ColumnKind::Int32 | ColumnKind::Int64 | ColumnKind::Utf8);
            let spec_text = format!("{:?} {:?} {:?}", spec.kind, spec.shape, spec.encoding);
            let column = json!({ "scale": scale, "filter": filter, "spec": spec_text, "cells": cells });
            expected.insert(spec.name.to_owned(), column);
        }
        let json = serde_json::to_vec(&Json::Object(expected)).unwrap();
        std::fs::write(folder.path().join(format!("{number:02}.json")), json).unwrap();
    }

    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/parquet_readers.py");
    let output = match Command::new("python3").arg(script).arg(folder.path()).output() {
        Ok(output) => output,
        Err(error) => return println!("SKIPPED: python3 cannot be run: {error}"),
    };
    let printed = String::from_utf8_lossy(&output.stdout);
    if output.status.code() == Some(77) {
        return println!("SKIPPED: a reader is not installed for python3: {printed}");
    }
    assert!(output.status.success(), "{printed}{}", String::from_utf8_lossy(&output.stderr));
}
