//! Tests of the formats: every type, every escape, and what happens when source or sink break.

use std::{collections::HashMap, io, sync::Arc};

use arrow::{
    array::{
        Array, ArrayRef, AsArray, BinaryArray, BooleanArray, Date32Array, Decimal32Array, Decimal64Array,
        Decimal128Array, DictionaryArray, DurationSecondArray, FixedSizeListArray, Float32Array, Float64Array,
        Int32Array, Int64Array, ListArray, NullArray, RecordBatch, StringArray, StringViewArray, StructArray,
        TimestampMicrosecondArray, TimestampMillisecondArray, TimestampNanosecondArray, TimestampSecondArray,
        UInt64Array,
    },
    datatypes::{DataType, Decimal64Type, Field, Int8Type, Int32Type, Int64Type, Schema},
};
use proptest::prelude::*;

use super::*;

type Batches = Vec<Result<RecordBatch, io::Error>>;

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true))).unwrap()
}

fn print(format: Format, screen: Screen, batches: &[RecordBatch]) -> (String, Summary) {
    let mut out = Vec::new();
    let schema = batches[0].schema();
    let batches: Batches = batches.iter().cloned().map(Ok).collect();
    let summary = write_batches(&mut out, format, screen, &schema, batches).unwrap();
    (String::from_utf8(out).unwrap(), summary)
}

fn text(format: Format, batches: &[RecordBatch]) -> String {
    print(format, Screen::PIPE, batches).0
}

/// One cell per type in a row of NDJSON and of CSV.
fn cell(array: impl Array + 'static) -> (String, String) {
    let batch = batch(vec![("v", Arc::new(array)), ("n", Arc::new(Int32Array::from(vec![1])))]);
    let json = text(Format::Ndjson, std::slice::from_ref(&batch));
    let csv = text(Format::Csv, &[batch]);
    let json = json.strip_prefix("{\"v\":").unwrap().strip_suffix(",\"n\":1}\n").unwrap().to_owned();
    (json, csv.strip_prefix("v,n\r\n").unwrap().strip_suffix(",1\r\n").unwrap().to_owned())
}

fn both(json: &str, csv: &str) -> (String, String) {
    (json.to_owned(), csv.to_owned())
}

#[test]
fn every_type_has_one_text_form() {
    let quoted = |text: &str| both(&format!("\"{text}\""), text);
    let bare = |text: &str| both(text, text);
    let decimal = |value, scale| Decimal64Array::from(vec![value]).with_precision_and_scale(18, scale).unwrap();
    assert_eq!(cell(Decimal32Array::from(vec![4800]).with_precision_and_scale(5, 4).unwrap()), quoted("0.4800"));
    assert_eq!(cell(decimal(1250, 2)), quoted("12.50"));
    assert_eq!(cell(decimal(-5, 2)), quoted("-0.05"));
    assert_eq!(cell(decimal(0, 4)), quoted("0.0000"));
    assert_eq!(cell(decimal(-7, 0)), quoted("-7"));
    assert_eq!(cell(decimal(12, -3)), quoted("12000"));
    let large = Decimal128Array::from(vec![i128::MIN / 10 + 1]).with_precision_and_scale(38, 6).unwrap();
    assert_eq!(cell(large), quoted("-17014118346046923173168730371588.410571"));
    assert_eq!(cell(Int64Array::from(vec![i64::MIN])), bare("-9223372036854775808"));
    assert_eq!(cell(UInt64Array::from(vec![u64::MAX])), bare("18446744073709551615"));
    assert_eq!(cell(BooleanArray::from(vec![true])), bare("true"));
    assert_eq!(cell(Float32Array::from(vec![0.1])), bare("0.1"));
    assert_eq!(cell(Float64Array::from(vec![-1.0])), bare("-1.0"));
    assert_eq!(cell(Float64Array::from(vec![1e300])), bare("1e300"));
    assert_eq!(cell(Float64Array::from(vec![f64::NAN])), both("null", "NaN"));
    assert_eq!(cell(Float64Array::from(vec![f64::NEG_INFINITY])), both("null", "-inf"));
    assert_eq!(cell(NullArray::new(1)), both("null", ""));
    assert_eq!(cell(StringArray::from(vec![None::<&str>])), both("null", ""));
    assert_eq!(
        cell(StringViewArray::from(vec!["a longer text than a view holds"])),
        quoted("a longer text than a view holds")
    );
    assert_eq!(cell(Date32Array::from(vec![20_676])), quoted("2026-08-11"));
    assert_eq!(cell(TimestampSecondArray::from(vec![1_786_411_200])), quoted("2026-08-11T01:20:00Z"));
    assert_eq!(cell(TimestampMillisecondArray::from(vec![-1])), quoted("1969-12-31T23:59:59.999Z"));
    let zoned = TimestampMicrosecondArray::from(vec![1_786_411_200_500_000]).with_timezone("America/New_York");
    assert_eq!(cell(zoned), quoted("2026-08-11T01:20:00.500Z"));
    assert_eq!(cell(TimestampNanosecondArray::from(vec![1])), quoted("1970-01-01T00:00:00.000000001Z"));
    assert_eq!(cell(TimestampSecondArray::from(vec![253_402_300_800])), quoted("+010000-01-01T00:00:00Z"));
    assert_eq!(cell(DurationSecondArray::from(vec![90])), quoted("PT90S"));
    assert_eq!(cell(BinaryArray::from(vec![&[0xca, 0xfe][..]])), quoted("cafe"));
}

#[test]
fn nested_values_are_json() {
    let prices = Decimal64Array::from(vec![4800, 4700, 4600]).with_precision_and_scale(5, 4).unwrap();
    let item = Arc::new(Field::new("item", prices.data_type().clone(), true));
    let offsets = arrow::buffer::OffsetBuffer::from_lengths([2]);
    let list = ListArray::new(item.clone(), offsets, Arc::new(prices.slice(1, 2)), None);
    assert_eq!(cell(list), both("[\"0.4700\",\"0.4600\"]", "\"[\"\"0.4700\"\",\"\"0.4600\"\"]\""));
    let fixed = FixedSizeListArray::new(item, 3, Arc::new(prices), None);
    assert_eq!(cell(fixed).0, "[\"0.4800\",\"0.4700\",\"0.4600\"]");
    let list = ListArray::from_iter_primitive::<Int64Type, _, _>([Some([Some(1), None])]);
    assert_eq!(cell(list), both("[1,null]", "\"[1,null]\""));
    let object = StructArray::from(vec![
        (Arc::new(Field::new("a\"b", DataType::Int32, true)), Arc::new(Int32Array::from(vec![None])) as ArrayRef),
        (Arc::new(Field::new("c", DataType::Utf8, true)), Arc::new(StringArray::from(vec!["x"])) as ArrayRef),
    ]);
    assert_eq!(cell(object).0, "{\"a\\\"b\":null,\"c\":\"x\"}");
}

#[test]
fn dictionaries_print_their_values() {
    let array: DictionaryArray<Int8Type> = [Some("no"), None, Some("yes"), Some("no")].into_iter().collect();
    let prices = Decimal64Array::from(vec![4800, 5200]).with_precision_and_scale(5, 4).unwrap();
    let keys = Int32Array::from(vec![Some(1), Some(0), None, Some(1)]);
    let prices = DictionaryArray::<Int32Type>::new(keys, Arc::new(prices));
    let batch = batch(vec![("side", Arc::new(array)), ("price", Arc::new(prices))]);
    assert_eq!(
        text(Format::Csv, std::slice::from_ref(&batch)),
        "side,price\r\nno,0.5200\r\n,0.4800\r\nyes,\r\nno,0.5200\r\n"
    );
    let sliced = text(Format::Ndjson, &[batch.slice(1, 2)]);
    assert_eq!(sliced, "{\"side\":null,\"price\":\"0.4800\"}\n{\"side\":\"yes\",\"price\":null}\n");
    let empty: DictionaryArray<Int8Type> = [None::<&str>].into_iter().collect();
    assert_eq!(cell(empty), both("null", ""));
}

#[test]
fn texts_are_escaped() {
    let csv = |text: &str| cell(StringArray::from(vec![text])).1;
    assert_eq!(csv(""), "\"\"");
    assert_eq!(csv("a,b"), "\"a,b\"");
    assert_eq!(csv("say \"hi\""), "\"say \"\"hi\"\"\"");
    assert_eq!(csv("\""), "\"\"\"\"");
    assert_eq!(csv("two\r\nlines"), "\"two\r\nlines\"");
    assert_eq!(csv("plain text; ¢"), "plain text; ¢");
    assert_eq!(cell(StringArray::from(vec!["\"\\\n\u{1}é"])).0, "\"\\\"\\\\\\n\\u0001é\"");
    // A row of one empty column is not an empty line.
    let lonely = batch(vec![("v", Arc::new(StringArray::from(vec![None, Some("x")])))]);
    assert_eq!(text(Format::Csv, &[lonely]), "v\r\n\"\"\r\nx\r\n");
}

#[test]
fn json_columns_are_embedded() {
    let metadata = HashMap::from([(JSON_TEXT.to_owned(), "true".to_owned())]);
    let fields = vec![
        Field::new("extra", DataType::Utf8, true).with_metadata(metadata.clone()),
        Field::new("side", DataType::Dictionary(Box::new(DataType::Int8), Box::new(DataType::Utf8)), true)
            .with_metadata(metadata),
    ];
    let values = [Some("{\"a\": [1,\r\n 2.50]}"), Some("{broken"), Some(" 7 "), None, Some("{} {}"), Some("\"\\n\"")];
    let dictionary: DictionaryArray<Int8Type> = values.into_iter().collect();
    let columns: Vec<ArrayRef> = vec![Arc::new(StringArray::from(values.to_vec())), Arc::new(dictionary)];
    let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap();
    let expected = ["{\"a\": [1, 2.50]}", "\"{broken\"", "7", "null", "\"{} {}\"", "\"\\n\""]
        .map(|value| format!("{{\"extra\":{value},\"side\":{value}}}\n"));
    assert_eq!(text(Format::Ndjson, std::slice::from_ref(&batch)), expected.concat());
    assert!(text(Format::Csv, &[batch]).starts_with("extra,side\r\n\"{\"\"a\"\": [1,\r\n 2.50]}\","));
}

fn numbers(range: std::ops::Range<i64>) -> RecordBatch {
    batch(vec![("v", Arc::new(Int64Array::from_iter_values(range)))])
}

#[test]
fn an_output_without_rows_is_well_formed() {
    for batches in [vec![numbers(0..0)], vec![numbers(0..0), numbers(0..0)]] {
        assert_eq!(text(Format::Json, &batches), "[]\n");
        assert_eq!(text(Format::Ndjson, &batches), "");
        assert_eq!(text(Format::Csv, &batches), "v\r\n");
        assert_eq!(text(Format::Table, &batches), "v\n─\n");
    }
    let schema = numbers(0..0).schema();
    for format in [Format::Json, Format::Csv, Format::Table, Format::Parquet, Format::Arrow] {
        let mut out = Vec::new();
        let summary = write_batches(&mut out, format, Screen::PIPE, &schema, Batches::new()).unwrap();
        assert_eq!(summary, Summary { rows: 0, ending: Ending::Complete, hidden: vec![] });
        assert!(!out.is_empty(), "{format}");
    }
}

#[test]
fn batches_join() {
    let batches = [numbers(0..2), numbers(0..0), numbers(2..3)];
    assert_eq!(text(Format::Json, &batches), "[\n{\"v\":0},\n{\"v\":1},\n{\"v\":2}\n]\n");
    assert_eq!(text(Format::Csv, &batches), "v\r\n0\r\n1\r\n2\r\n");
    assert_eq!(text(Format::Table, &batches), "v\n─\n0\n1\n2\n");
    let (_, summary) = print(Format::Ndjson, Screen::PIPE, &batches);
    assert_eq!((summary.rows, summary.ending), (3, Ending::Complete));
}

#[test]
fn binary_formats_come_back() {
    let batches = [numbers(0..200_000), numbers(200_000..200_001)];
    let write = |format| {
        let mut out = Vec::new();
        let rows: Batches = batches.iter().cloned().map(Ok).collect();
        assert_eq!(write_batches(&mut out, format, Screen::PIPE, &batches[0].schema(), rows).unwrap().rows, 200_001);
        out
    };
    let total = |batches: Vec<RecordBatch>| -> (usize, i64) {
        let sum = |batch: &RecordBatch| batch.column(0).as_primitive::<Int64Type>().values().iter().sum::<i64>();
        (batches.iter().map(RecordBatch::num_rows).sum(), batches.iter().map(sum).sum())
    };
    let expected = (200_001, 200_000 * 200_001 / 2);
    let arrow = write(Format::Arrow);
    let reader = arrow::ipc::reader::StreamReader::try_new(&arrow[..], None).unwrap();
    assert_eq!(total(reader.map(Result::unwrap).collect()), expected);
    let file = bytes::Bytes::from(write(Format::Parquet));
    let reader = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    let groups = reader.metadata().row_groups();
    assert_eq!(groups.iter().map(|group| group.num_rows()).collect::<Vec<_>>(), [131_072, 68_929]);
    assert!(matches!(groups[0].column(0).compression(), parquet::basic::Compression::ZSTD(_)));
    assert_eq!(total(reader.build().unwrap().map(Result::unwrap).collect()), expected);
}

#[test]
fn binary_is_not_for_terminals() {
    let screen = Screen { terminal: true, ..Screen::PIPE };
    let source = std::iter::from_fn(|| -> Option<Result<RecordBatch, io::Error>> { panic!("nothing may be read") });
    let error = write_batches(io::sink(), Format::Parquet, screen, &numbers(0..0).schema(), source).unwrap_err();
    assert_eq!(
        error.to_string(),
        "parquet is binary and would garble the terminal: redirect it (> FILE), pipe it on, or choose another --format"
    );
}

#[test]
fn columns_of_one_name_are_refused_where_they_would_be_lost() {
    let column = || -> ArrayRef { Arc::new(Int32Array::from(vec![1])) };
    let schema =
        Arc::new(Schema::new(vec![Field::new("v", DataType::Int32, true), Field::new("v", DataType::Int32, true)]));
    let batch = RecordBatch::try_new(schema.clone(), vec![column(), column()]).unwrap();
    let write = |format| {
        let mut out = Vec::new();
        let batches: Batches = vec![Ok(batch.clone())];
        write_batches(&mut out, format, Screen::PIPE, &schema, batches).map(|_| String::from_utf8(out).unwrap())
    };
    assert_eq!(write(Format::Csv).unwrap(), "v,v\r\n1,1\r\n");
    assert!(
        write(Format::Json).unwrap_err().to_string().starts_with("two columns are called \"v\", which json cannot")
    );
}

/// A sink that takes so many bytes and then fails.
struct Failing(usize, io::ErrorKind);

impl Write for Failing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(self.0);
        self.0 -= taken;
        if taken == 0 && !bytes.is_empty() { Err(self.1.into()) } else { Ok(taken) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_reader_that_goes_away_ends_the_output_quietly() {
    for format in [Format::Table, Format::Json, Format::Ndjson, Format::Csv, Format::Parquet, Format::Arrow] {
        for room in [0, 3, 1_000] {
            let read = std::cell::Cell::new(0);
            let source = (0..10_000).map(|at| {
                read.set(at);
                Ok::<_, io::Error>(numbers(at * 1_000..(at + 1) * 1_000))
            });
            let sink = Failing(room, io::ErrorKind::BrokenPipe);
            let summary = write_batches(sink, format, Screen::PIPE, &numbers(0..0).schema(), source).unwrap();
            assert_eq!(summary.ending, Ending::Closed, "{format}");
            assert!(read.get() < 1_000, "{format} went on reading its source");
        }
    }
}

#[test]
fn a_full_disk_is_an_error() {
    for format in [Format::Table, Format::Json, Format::Csv, Format::Parquet, Format::Arrow] {
        let sink = Failing(2_000, io::ErrorKind::StorageFull);
        let batches: Batches = vec![Ok(numbers(0..100_000)), Ok(numbers(0..100_000))];
        let error = write_batches(sink, format, Screen::PIPE, &numbers(0..0).schema(), batches).unwrap_err();
        assert!(matches!(error, OutputError::Sink { .. }), "{format}: {error:?}");
        assert!(error.to_string().ends_with("no storage space; what was written is incomplete"), "{error}");
    }
}

#[test]
fn a_broken_source_leaves_no_complete_output() {
    for format in [Format::Json, Format::Ndjson, Format::Csv, Format::Parquet, Format::Arrow] {
        let mut out = Vec::new();
        let batches: Batches = vec![Ok(numbers(0..2)), Err(io::Error::other("segment 7 is damaged"))];
        let error = write_batches(&mut out, format, Screen::PIPE, &numbers(0..0).schema(), batches).unwrap_err();
        assert_eq!(error.to_string(), "segment 7 is damaged");
        let complete = match format {
            Format::Json => serde_json::from_slice::<serde_json::Value>(&out).is_ok(),
            Format::Ndjson => {
                let text = String::from_utf8(out).unwrap();
                let rows: Vec<serde_json::Value> =
                    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
                assert_eq!(rows.len(), 3, "{text}");
                rows.iter().all(|row| row["error"]["code"] != "incomplete")
            }
            Format::Csv => {
                let text = String::from_utf8(out).unwrap();
                text.matches('"').count().is_multiple_of(2) || !text.ends_with("\"incomplete: segment 7 is damaged")
            }
            Format::Arrow => {
                let reader = arrow::ipc::reader::StreamReader::try_new(&out[..], None).unwrap();
                let batches: Vec<_> = reader.collect();
                assert_eq!(batches[0].as_ref().unwrap().num_rows(), 2);
                batches.iter().all(Result::is_ok)
            }
            _ => {
                parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(out)).is_ok()
            }
        };
        assert!(!complete, "{format}");
    }
}

#[test]
fn a_batch_that_was_not_announced_is_refused() {
    let other = batch(vec![("v", Arc::new(StringArray::from(vec!["x"])))]);
    for format in [Format::Table, Format::Ndjson, Format::Parquet, Format::Arrow] {
        let batches: Batches = vec![Ok(numbers(0..2)), Ok(other.clone())];
        let error = write_batches(io::sink(), format, Screen::PIPE, &numbers(0..0).schema(), batches).unwrap_err();
        assert!(error.to_string().starts_with(&format!("cannot write the rows after row 2 as {format}: ")), "{error}");
    }
}

/// Snapshots are named after what they show, wherever this module lives.
fn check(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

/// Some deltas, as the archive gives them.
fn deltas(start_micros: i64, rows: i64) -> RecordBatch {
    let stamp = move |at: i64| start_micros + at * 250_123 - at % 3 * 123;
    let ts = TimestampMicrosecondArray::from_iter((0..rows).map(|at| (at % 5 != 3).then(|| stamp(at) / 1_000 * 1_000)));
    let recv = TimestampMicrosecondArray::from_iter_values((0..rows).map(|at| stamp(at) + 15_318));
    let side: DictionaryArray<Int32Type> = (0..rows).map(|at| if at % 2 == 0 { "yes" } else { "no" }).collect();
    let price: Decimal64Array = (0..rows).map(|at| Some(4_800 + at * 37 % 900)).collect();
    let quantity = arrow::array::PrimitiveArray::<Decimal64Type>::from_iter_values(
        (0..rows).map(|at| at * 7_919 % 250_000 - 99_950),
    );
    batch(vec![
        ("ticker", Arc::new(StringArray::from_iter_values((0..rows).map(|_| "KXGOLD15M-26AUG101800-00")))),
        ("ordinal", Arc::new(Int64Array::from_iter_values((0..rows).map(|at| 128_330 + at)))),
        ("recv_ts", Arc::new(recv.with_timezone("UTC"))),
        ("ts", Arc::new(ts.with_timezone("UTC"))),
        ("side", Arc::new(side)),
        ("price", Arc::new(price.with_precision_and_scale(5, 4).unwrap())),
        ("quantity", Arc::new(quantity.with_precision_and_scale(18, 2).unwrap())),
        ("extra", Arc::new(StringArray::from_iter((0..rows).map(|at| (at == 2).then_some("{\"new_field\":true}"))))),
    ])
}

const EVENING: i64 = 1_786_399_080_000_000;

#[test]
fn a_table_for_people() {
    let (text, summary) = print(Format::Table, Screen { width: Some(120), ..Screen::PIPE }, &[deltas(EVENING, 8)]);
    assert!(summary.hidden.is_empty());
    check("table_wide", &text);
}

#[test]
fn a_table_at_80_columns() {
    let screen = Screen { terminal: true, width: Some(80), colour: true, ascii: false };
    let (text, summary) = print(Format::Table, screen, &[deltas(EVENING, 8)]);
    assert_eq!(summary.hidden, ["price", "quantity", "extra"]);
    check("table_80_colour", &text);
}

#[test]
fn a_table_in_a_narrow_ascii_terminal() {
    let screen = Screen { terminal: true, width: Some(46), colour: false, ascii: true };
    let (text, summary) = print(Format::Table, screen, &[deltas(EVENING, 4)]);
    assert_eq!(summary.hidden, ["recv_ts", "ts", "side", "price", "quantity", "extra"]);
    assert!(text.is_ascii());
    check("table_narrow_ascii", &text);
}

#[test]
fn tickers_and_ids_are_never_cut() {
    let long = "KXHIGHLYUNUSUALLYLONGSERIES-26NOV21-THRESHOLD60";
    let table = batch(vec![
        ("created", Arc::new(Int64Array::from(vec![1_790_812_800])) as ArrayRef),
        ("ticker", Arc::new(StringArray::from(vec![long]))),
        ("title", Arc::new(StringArray::from(vec!["a title that nobody needs to read in full to know it"]))),
        ("order_id", Arc::new(StringArray::from(vec!["3f2b7c2e-9d1f-4a83-8f0e-d2f9f1c0a001"]))),
    ]);
    for width in [20, 40, 80, 120, 200] {
        let (text, summary) =
            print(Format::Table, Screen { width: Some(width), ..Screen::PIPE }, std::slice::from_ref(&table));
        assert!(text.contains(long), "{width}: {text}");
        let hidden = summary.hidden.iter().any(|name| name == "order_id");
        assert_eq!(hidden, !text.contains("d2f9f1c0a001"), "{width}: {text}");
        assert_eq!(hidden, width < 120, "{width}: {text}");
    }
}

#[test]
fn a_table_that_crosses_midnight() {
    let midnight = 1_786_406_400_000_000;
    let batches = [deltas(midnight - 1_000_000, 3), deltas(midnight - 250_123, 3)];
    check("table_midnight", &text(Format::Table, &batches));
}

#[test]
fn a_table_of_many_days_with_texts() {
    let titles = ["Gold at 6 PM above 3,400.10?", "\x1b[31mred\nline", "", "金価格 up?"];
    let table = batch(vec![
        ("ticker", Arc::new(StringArray::from(vec!["A", "LONGER-TICKER", "B", "C"]))),
        ("title", Arc::new(StringArray::from(titles.to_vec()))),
        (
            "open_time",
            Arc::new(TimestampSecondArray::from(vec![Some(1_786_399_080), Some(0), None, Some(1_786_499_080)])),
        ),
        ("live", Arc::new(BooleanArray::from(vec![Some(true), Some(false), None, Some(true)]))),
        ("share", Arc::new(Float64Array::from(vec![Some(0.5), Some(12.25), None, Some(100.0)]))),
    ]);
    check("table_days", &text(Format::Table, &[table]));
}

#[test]
fn later_batches_keep_the_columns_and_lose_no_digit() {
    let first = batch(vec![
        ("name", Arc::new(StringArray::from(vec!["abc"]))),
        ("n", Arc::new(Int64Array::from(vec![7]))),
        ("ts", Arc::new(TimestampNanosecondArray::from(vec![0]))),
    ]);
    let second = batch(vec![
        ("name", Arc::new(StringArray::from(vec!["abcdefgh"]))),
        ("n", Arc::new(Int64Array::from(vec![1_234]))),
        ("ts", Arc::new(TimestampNanosecondArray::from(vec![1]))),
    ]);
    let batches = [first, second];
    let narrow = print(Format::Table, Screen { width: Some(40), ..Screen::PIPE }, &batches).0;
    assert_eq!(
        narrow,
        "1970-01-01 UTC\nname  n  ts\n────  ─  ─────────\nabc   7  00:00:00Z\nab…h  1234  00:00:00.000000001Z\n"
    );
    assert!(text(Format::Table, &batches).ends_with("abcdefgh  1234  00:00:00.000000001Z\n"));
}

/// Reads CSV back, the plain way: fields of rows, `None` for nothing at all.
fn read_csv(text: &str) -> Vec<Vec<Option<String>>> {
    let (mut rows, mut row, mut field, mut quoted, mut was_quoted) = (vec![], vec![], String::new(), false, false);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => field.extend(chars.next()),
            '"' => (quoted, was_quoted) = (!quoted, true),
            c if quoted => field.push(c),
            ',' | '\n' => {
                row.push((was_quoted || !field.is_empty()).then(|| std::mem::take(&mut field)));
                was_quoted = false;
                if c == '\n' {
                    rows.push(std::mem::take(&mut row));
                }
            }
            '\r' => {}
            c => field.push(c),
        }
    }
    rows
}

proptest! {
    #[test]
    fn texts_survive_every_format(rows in prop::collection::vec((prop::option::of("(?s).{0,12}"), any::<Option<i64>>()), 0..30)) {
        let (texts, numbers): (Vec<_>, Vec<_>) = rows.iter().cloned().unzip();
        let batch = batch(vec![
            ("t \"x\"", Arc::new(StringArray::from(texts))),
            ("n", Arc::new(Int64Array::from(numbers))),
        ]);
        let json: Vec<serde_json::Value> = serde_json::from_str(&text(Format::Json, std::slice::from_ref(&batch))).unwrap();
        let expected: Vec<_> = rows.iter().map(|(t, n)| serde_json::json!({"t \"x\"": t, "n": n})).collect();
        prop_assert_eq!(&json, &expected);
        let lines = text(Format::Ndjson, std::slice::from_ref(&batch));
        let lines: Vec<serde_json::Value> = lines.split_terminator('\n').map(|line| serde_json::from_str(line).unwrap()).collect();
        prop_assert_eq!(lines, expected);
        let csv = read_csv(&text(Format::Csv, std::slice::from_ref(&batch)));
        let expected: Vec<_> = rows.iter().map(|(t, n)| vec![t.clone(), n.map(|n| n.to_string())]).collect();
        prop_assert_eq!(&csv[1..], &expected);
        // One line per row, whatever the texts, and nothing that steers a terminal.
        let table = text(Format::Table, &[batch]);
        prop_assert_eq!(table.lines().count(), rows.len() + 2);
        prop_assert!(table.chars().all(|c| c == '\n' || !c.is_control()));
    }

    #[test]
    fn decimals_agree_with_arrow(value: i64, scale in -4..18_i8) {
        let array = Decimal128Array::from(vec![i128::from(value)]).with_precision_and_scale(38, scale).unwrap();
        prop_assert_eq!(cell(array.clone()).1, array.value_as_string(0));
    }

    #[test]
    fn a_table_never_exceeds_its_width_unless_one_column_does(width in 30..140_usize, rows in 1..20_i64) {
        let (table, _) = print(Format::Table, Screen { width: Some(width), ..Screen::PIPE }, &[deltas(EVENING, rows)]);
        prop_assert!(table.lines().all(|line| crate::terminal::screen::columns(line) <= width), "{}", table);
    }
}
