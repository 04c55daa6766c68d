//! Random tables read back by the `arrow` reader: whole, and by row selection, which relies on the page index; the
//! page index and the statistics against recomputation.
#![allow(missing_docs, clippy::unwrap_used)]

mod model;

use arrow::array::RecordBatch;
use bytes::Bytes;
use daybook_archive::parquet_file::{
    ColumnData, ColumnEncoding, ColumnKind, ColumnShape, ColumnSpec, DeltaLayout, FileWriter, Value,
};
use daybook_archive::parquet_file::{WriteError, WriterOptions};
use model::{Cell, Column, column_cells, random_table, read_cells, write};
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder, RowSelection, RowSelector};
use parquet::basic::{BoundaryOrder, Encoding};
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData};
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use parquet::file::statistics::Statistics;
use proptest::prelude::*;

fn read(file: &[u8], index: PageIndexPolicy, selection: Option<RowSelection>) -> (Vec<RecordBatch>, ParquetMetaData) {
    let options = ArrowReaderOptions::new().with_page_index_policy(index);
    let builder = ParquetRecordBatchReaderBuilder::try_new_with_options(Bytes::copy_from_slice(file), options).unwrap();
    let metadata = builder.metadata().as_ref().clone();
    let builder = builder.with_batch_size(777);
    let builder = match selection {
        Some(selection) => builder.with_row_selection(selection),
        None => builder,
    };
    (builder.build().unwrap().map(Result::unwrap).collect(), metadata)
}

/// The values that count for statistics: not nulls, and the elements of lists.
fn values(cells: &[Cell]) -> Vec<Cell> {
    let values = cells.iter().flat_map(|cell| match cell {
        Cell::Null => vec![],
        Cell::List(values) => values.iter().map(|value| Cell::Integer(*value)).collect(),
        other => vec![other.clone()],
    });
    values.collect()
}

fn bounds(cells: &[Cell]) -> Option<(Cell, Cell)> {
    let order = |left: &Cell, right: &Cell| match (left, right) {
        (Cell::Integer(left), Cell::Integer(right)) => left.cmp(right),
        (Cell::Boolean(left), Cell::Boolean(right)) => left.cmp(right),
        (Cell::Text(left), Cell::Text(right)) => left.cmp(right),
        other => panic!("{other:?} are not compared"),
    };
    let values = values(cells);
    let least = values.iter().min_by(|left, right| order(left, right))?.clone();
    Some((least, values.iter().max_by(|left, right| order(left, right))?.clone()))
}

fn nulls(cells: &[Cell]) -> u64 {
    cells.iter().filter(|cell| matches!(cell, Cell::Null) || **cell == Cell::List(vec![])).count() as u64
}

/// What the page index says of page `page`.
fn page_bounds(index: &ColumnIndexMetaData, page: usize) -> Option<(Cell, Cell)> {
    match index {
        ColumnIndexMetaData::BOOLEAN(index) => {
            Some((Cell::Boolean(*index.min_value(page)?), Cell::Boolean(*index.max_value(page)?)))
        }
        ColumnIndexMetaData::INT32(index) => {
            Some((Cell::Integer(i64::from(*index.min_value(page)?)), Cell::Integer(i64::from(*index.max_value(page)?))))
        }
        ColumnIndexMetaData::INT64(index) => {
            Some((Cell::Integer(*index.min_value(page)?), Cell::Integer(*index.max_value(page)?)))
        }
        ColumnIndexMetaData::BYTE_ARRAY(index) => {
            let text = |bytes: &[u8]| Cell::Text(String::from_utf8(bytes.to_vec()).unwrap());
            Some((text(index.min_value(page)?), text(index.max_value(page)?)))
        }
        other => panic!("{other:?} is not expected"),
    }
}

fn statistics_bounds(statistics: &Statistics) -> Option<(Cell, Cell)> {
    match statistics {
        Statistics::Boolean(of) => Some((Cell::Boolean(*of.min_opt()?), Cell::Boolean(*of.max_opt()?))),
        Statistics::Int32(of) => {
            Some((Cell::Integer(i64::from(*of.min_opt()?)), Cell::Integer(i64::from(*of.max_opt()?))))
        }
        Statistics::Int64(of) => Some((Cell::Integer(*of.min_opt()?), Cell::Integer(*of.max_opt()?))),
        Statistics::ByteArray(of) => {
            let text = |bytes: &[u8]| Cell::Text(String::from_utf8(bytes.to_vec()).unwrap());
            Some((text(of.min_opt()?.data()), text(of.max_opt()?.data())))
        }
        other => panic!("{other:?} is not expected"),
    }
}

/// Bounds in the file equal the true ones; those of long strings enclose them and say that they are not exact.
fn check_bounds(stored: Option<(Cell, Cell)>, actual: Option<(Cell, Cell)>, exact: Option<(bool, bool)>) {
    match (&stored, &actual) {
        (Some((Cell::Text(low), Cell::Text(high))), Some((Cell::Text(least), Cell::Text(greatest)))) => {
            assert!(low <= least && greatest <= high, "{stored:?} does not enclose {actual:?}");
            assert!(low == least || least.len() > 200, "a short string is not rounded: {stored:?} {actual:?}");
            assert!(high == greatest || greatest.len() > 200, "a short string is not rounded: {stored:?} {actual:?}");
            assert!(low.len() <= 200);
            if let Some(exact) = exact {
                assert_eq!(exact, (low == least, high == greatest));
            }
        }
        _ => {
            assert_eq!(stored, actual);
            assert!(exact.is_none_or(|exact| exact == (true, true) || actual.is_none()));
        }
    }
}

/// Checks statistics, column index and offset index of every chunk against the cells.
fn check_metadata(table: &[Vec<Column>], metadata: &ParquetMetaData, rows_per_page: usize) {
    let (column_index, offset_index) = (metadata.column_index().unwrap(), metadata.offset_index().unwrap());
    for (group, columns) in table.iter().enumerate() {
        let row_group = metadata.row_group(group);
        assert_eq!(row_group.num_rows() as usize, columns[0].cells.len());
        for (number, column) in columns.iter().enumerate() {
            let chunk = row_group.column(number);
            let statistics = chunk.statistics().unwrap();
            assert_eq!(statistics.null_count_opt(), Some(nulls(&column.cells)));
            check_bounds(
                statistics_bounds(statistics),
                bounds(&column.cells),
                Some((statistics.min_is_exact(), statistics.max_is_exact())),
            );
            let pages = offset_index[group][number].page_locations();
            let starts: Vec<i64> = pages.iter().map(|page| page.first_row_index).collect();
            let expected: Vec<i64> = (0..column.cells.len()).step_by(rows_per_page).map(|row| row as i64).collect();
            assert_eq!(starts, expected);
            let (first, length) = chunk.byte_range();
            let mut end = chunk.data_page_offset();
            for page in pages {
                assert_eq!(page.offset, end);
                end += i64::from(page.compressed_page_size);
            }
            assert_eq!(end as u64, first + length);

            let index = &column_index[group][number];
            for (page, cells) in column.cells.chunks(rows_per_page).enumerate() {
                assert_eq!(index.null_count(page), Some(nulls(cells) as i64));
                check_bounds(page_bounds(index, page), bounds(cells), None);
                assert_eq!(index.is_null_page(page), bounds(cells).is_none());
            }
            check_boundary_order(index, pages.len());
        }
    }
}

fn check_boundary_order(index: &ColumnIndexMetaData, pages: usize) {
    let key = |cell: &Cell| match cell {
        Cell::Integer(value) => (*value, String::new()),
        Cell::Boolean(value) => (i64::from(*value), String::new()),
        Cell::Text(value) => (0, value.clone()),
        other => panic!("{other:?} is no bound"),
    };
    let pages: Vec<_> = (0..pages)
        .filter_map(|page| page_bounds(index, page))
        .map(|(least, greatest)| (key(&least), key(&greatest)))
        .collect();
    let ascending = pages.is_sorted_by_key(|page| page.0.clone()) && pages.is_sorted_by_key(|page| page.1.clone());
    let descending = pages.iter().rev().is_sorted_by_key(|page| page.0.clone())
        && pages.iter().rev().is_sorted_by_key(|page| page.1.clone());
    let expected = match (ascending, descending) {
        (true, _) => BoundaryOrder::ASCENDING,
        (false, true) => BoundaryOrder::DESCENDING,
        _ => BoundaryOrder::UNORDERED,
    };
    assert_eq!(index.get_boundary_order(), Some(expected));
}

fn check(table: &[Vec<Column>], rows_per_page: usize, picks: &[usize]) {
    let options = WriterOptions { rows_per_page, zstd_level: 1, ..WriterOptions::default() };
    let (file, summary) = write(table, options);
    assert_eq!(summary.bytes, file.len() as u64);
    let rows = column_cells(table, 0).len();
    assert_eq!(summary.rows, rows as u64);

    let (batches, _) = read(&file, PageIndexPolicy::Skip, None);
    for number in 0..table[0].len() {
        let cells = column_cells(table, number);
        assert_eq!(read_cells(&batches, number), cells, "column {number}: {:?}", table[0][number].spec);
        let column = &summary.columns[number];
        let cell = |value: &Value| match value {
            Value::Boolean(value) => Cell::Boolean(*value),
            Value::I32(value) => Cell::Integer(i64::from(*value)),
            Value::I64(value) => Cell::Integer(*value),
            Value::Str(value) => Cell::Text(value.clone()),
        };
        assert_eq!(column.min.as_ref().map(cell).zip(column.max.as_ref().map(cell)), bounds(&cells));
        assert_eq!(column.null_count, cells.iter().filter(|cell| **cell == Cell::Null).count() as u64);
    }

    // Take and leave rows by turns, in stretches of the picked lengths, with and without the page index.
    let (mut selectors, mut selected, mut at) = (Vec::new(), Vec::new(), 0);
    for (turn, length) in picks.iter().cycle().enumerate() {
        let length = (*length).min(rows - at);
        selectors.push(if turn % 2 == 0 { RowSelector::skip(length) } else { RowSelector::select(length) });
        if turn % 2 == 1 {
            selected.extend(at..at + length);
        }
        at += length;
        if at == rows {
            break;
        }
    }
    for policy in [PageIndexPolicy::Required, PageIndexPolicy::Skip] {
        let (batches, metadata) = read(&file, policy, Some(selectors.clone().into()));
        for number in 0..table[0].len() {
            let cells = column_cells(table, number);
            let expected: Vec<Cell> = selected.iter().map(|row| cells[*row].clone()).collect();
            assert_eq!(read_cells(&batches, number), expected, "{policy:?}: {:?}", table[0][number].spec);
        }
        if policy == PageIndexPolicy::Required {
            check_metadata(table, &metadata, rows_per_page);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn random_tables_read_back(
        seed in any::<u64>(),
        columns in 1..=8usize,
        rows_per_page in prop_oneof![1..4usize, 50..400usize, Just(128), Just(1024)],
        pages in 1..12usize,
        beyond in prop_oneof![Just(0usize), 0..50usize],
        second in prop::option::of(1..300usize),
        picks in prop::collection::vec(1..500usize, 1..6),
    ) {
        let row_groups: Vec<usize> = [Some(pages * rows_per_page + beyond), second].into_iter().flatten().collect();
        check(&random_table(seed, columns, &row_groups), rows_per_page, &picks);
    }
}

#[test]
fn single_rows_and_exact_pages() {
    for seed in 0..40 {
        check(&random_table(seed, 12, &[1]), 4096, &[1]);
        check(&random_table(seed, 12, &[1, 1, 2]), 1, &[1]);
        check(&random_table(seed, 4, &[256, 512]), 256, &[100, 1, 255]);
    }
}

fn column(spec: ColumnSpec, cells: impl IntoIterator<Item = Cell>) -> Column {
    Column { spec, form: model::Form::Values, cells: cells.into_iter().collect() }
}

fn data_encodings(file: &[u8], number: usize) -> Vec<Encoding> {
    let (_, metadata) = read(file, PageIndexPolicy::Skip, None);
    metadata.row_group(0).column(number).encodings().filter(|encoding| *encoding != Encoding::RLE).collect()
}

#[test]
fn large_dictionaries_widen_and_then_give_way() {
    let dictionary = ColumnEncoding::Dictionary;
    let i32s = ColumnSpec::required("i32s", ColumnKind::Int32, dictionary);
    let i64s = ColumnSpec::required("i64s", ColumnKind::Int64, dictionary);
    let texts = ColumnSpec::required("texts", ColumnKind::Utf8, dictionary);
    let rows = 150_000_i64;
    let scattered = |row: i64| Cell::Integer(i64::from((row as i32).wrapping_mul(0x9E37_79B1_u32 as i32)));
    let table = [vec![
        // 150 000 distinct INT32 fit the limit with 24-bit indices; as many INT64, or strings, do not.
        column(i32s, (0..rows).map(scattered)),
        column(i64s, (0..rows).map(scattered)),
        Column {
            form: model::Form::Packed,
            ..column(texts, (0..rows).map(|row| Cell::Text(format!("{:04}", row % 9000))))
        },
    ]];
    // Each distinct string of the model is searched for one by one, so the strings that do not fit are few and long.
    let long = [vec![column(texts, (0..60).map(|row| Cell::Text(format!("{row}{}", "x".repeat(30_000)))))]];
    check(&table, 4096, &[10_000, 3, 50_000]);
    check(&long, 16, &[20, 20]);
    let options = WriterOptions::default;
    let (file, _) = write(&table, options());
    assert_eq!(data_encodings(&file, 0), [Encoding::PLAIN, Encoding::RLE_DICTIONARY]);
    assert_eq!(data_encodings(&file, 1), [Encoding::DELTA_BINARY_PACKED]);
    assert_eq!(data_encodings(&file, 2), [Encoding::PLAIN, Encoding::RLE_DICTIONARY]);
    assert_eq!(data_encodings(&write(&long, options()).0, 0), [Encoding::DELTA_LENGTH_BYTE_ARRAY]);
}

#[test]
fn the_footer_names_writer_order_and_pairs() {
    let spec = ColumnSpec::required("ticker", ColumnKind::Utf8, ColumnEncoding::Dictionary);
    let options = WriterOptions {
        key_values: vec![("daybook.table".to_owned(), "deltas".to_owned())],
        sorted_by: vec!["ticker"],
        ..WriterOptions::default()
    };
    let mut writer = FileWriter::new(Vec::new(), &[spec], options).unwrap();
    writer.write_row_group(&[ColumnData::Strings(&[], None)]).unwrap();
    writer.write_row_group(&[ColumnData::Strings(&["A", "B"], None)]).unwrap();
    assert!(writer.bytes_written() > 4);
    let (file, summary) = writer.close().unwrap();
    assert_eq!(summary.row_groups.len(), 1, "no rows make no row group");
    let (_, metadata) = read(&file, PageIndexPolicy::Skip, None);
    let footer = metadata.file_metadata();
    assert!(footer.created_by().unwrap().starts_with("daybook version "));
    assert_eq!(footer.key_value_metadata().unwrap()[0].value.as_deref(), Some("deltas"));
    let sorting = &metadata.row_group(0).sorting_columns().unwrap()[0];
    assert_eq!((sorting.column_idx, sorting.descending, sorting.nulls_first), (0, false, false));
}

#[test]
fn what_does_not_fit_is_refused() {
    let dictionary = ColumnEncoding::Dictionary;
    let cents = ColumnKind::Decimal { precision: 5, scale: 4 };
    let refused = |spec: ColumnSpec, data: ColumnData<'_>, says: &str| {
        let mut writer = FileWriter::new(Vec::new(), &[spec], WriterOptions::default()).unwrap();
        let error = writer.write_row_group(&[data]).unwrap_err().to_string();
        assert!(error.contains(says) && error.contains("`x`"), "{error}");
    };
    let required = |kind| ColumnSpec::required("x", kind, dictionary);
    refused(required(cents), ColumnData::I32(&[99_999, 100_000], None), "100000 is outside");
    refused(required(cents), ColumnData::Constant { value: Value::I32(-100_000), rows: 1 }, "-100000 is outside");
    refused(required(ColumnKind::Int16), ColumnData::I32(&[-40_000], None), "-40000 is outside");
    refused(required(ColumnKind::Int64), ColumnData::I32(&[1], None), "of this form");
    refused(required(ColumnKind::Int64), ColumnData::AllNull { rows: 1 }, "nulls are given");
    refused(required(ColumnKind::Int32), ColumnData::I32(&[1], Some(&[true])), "validity is given");
    let nullable = ColumnSpec { shape: ColumnShape::Nullable, ..required(ColumnKind::Int32) };
    refused(nullable, ColumnData::I32(&[1], Some(&[true, false])), "2 validity flags");
    let (offsets, data) = (&[0, 1, 3][..], "éa");
    refused(required(ColumnKind::Utf8), ColumnData::PackedStrings { offsets, data, validity: None }, "row 0");
    let categories = ColumnData::Categories { indices: &[0, 1], values: &["a"], validity: None };
    refused(required(ColumnKind::Utf8), categories, "string 1");
    let list = ColumnSpec::list("x", cents, dictionary);
    refused(list, ColumnData::I32(&[1], None), "of this form");
    refused(list, ColumnData::I32Lists { offsets: &[0, 2, 1], values: &[1, 2] }, "row 1");
    refused(list, ColumnData::I32Lists { offsets: &[0, 3], values: &[1, 2] }, "element 3");

    let invalid = |spec: ColumnSpec| match FileWriter::new(Vec::new(), &[spec], WriterOptions::default()) {
        Err(WriteError::Schema { .. }) => {}
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("{spec:?} is accepted"),
    };
    invalid(ColumnSpec::list("x", ColumnKind::Utf8, dictionary));
    invalid(required(ColumnKind::Boolean));
    invalid(required(ColumnKind::Decimal { precision: 19, scale: 2 }));
    invalid(required(ColumnKind::Decimal { precision: 4, scale: 5 }));
    invalid(ColumnSpec::required("x", ColumnKind::Int32, ColumnEncoding::DeltaLength));
    invalid(ColumnSpec::required("x", ColumnKind::Utf8, ColumnEncoding::Delta(DeltaLayout::TIGHT)));
    for (block, miniblock) in [(100, 50), (128, 48), (0, 0), (128, 0), (128, 256)] {
        let layout = DeltaLayout { block, miniblock, aligned: false };
        invalid(ColumnSpec::required("x", ColumnKind::Int32, ColumnEncoding::Delta(layout)));
    }
    invalid(required(ColumnKind::Int32).with_zstd_level(23));
    let twice = [required(cents), required(cents)];
    assert!(FileWriter::new(Vec::new(), &twice, WriterOptions::default()).is_err());
    let mut writer = FileWriter::new(Vec::new(), &twice[..1], WriterOptions::default()).unwrap();
    assert!(writer.write_row_group(&[]).is_err());
    let one = || ColumnData::I32(&[1], None);
    assert!(writer.write_row_group(&[one(), one()]).is_err());
}
