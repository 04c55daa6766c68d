use std::thread;

use rand::{Rng, SeedableRng, rngs::SmallRng};

use super::*;
use crate::{catalog::FileEntry, reader::Reader, schema::ColumnType, segment_writer::SegmentWriter};

/// What a random file is like.
#[derive(Clone, Copy, Debug)]
struct Kind {
    rows: usize,
    markets: usize,
    /// Distinct values of a column, about: many leave no dictionary.
    distinct: i64,
    /// Of a hundred values that may be absent, so many are.
    absent: u32,
}

const KINDS: [Kind; 4] = [
    Kind { rows: 1, markets: 1, distinct: 1, absent: 0 },
    Kind { rows: 700, markets: 300, distinct: 9, absent: 30 },
    Kind { rows: 20_000, markets: 7, distinct: 400, absent: 1 },
    Kind { rows: 30_000, markets: 2_000, distinct: i64::MAX, absent: 99 },
];

/// A file of random rows; and the ticker of each row.
fn write(store: &Store, table: Table, kind: Kind, seed: u64) -> (FileEntry, Vec<Option<String>>) {
    let mut random = SmallRng::seed_from_u64(seed);
    let optional = table.columns().iter().any(|column| column.name == "ticker" && column.nullable);
    let mut tickers: Vec<Option<String>> = (0..kind.rows)
        .map(|_| {
            (!optional || !random.random_ratio(kind.absent, 100))
                .then(|| format!("KX-{:05}", 2 * random.random_range(0..kind.markets)))
        })
        .collect();
    tickers.sort_unstable();
    let mut writer = SegmentWriter::new(table);
    for (number, ticker) in tickers.iter().enumerate() {
        let mut row = writer.row(20_000).unwrap();
        for column in table.columns() {
            let absent = column.nullable && random.random_ratio(kind.absent, 100);
            let value = random.random_range(-kind.distinct / 2..=kind.distinct / 2);
            row = match column.kind {
                _ if column.name == "ticker" => row.optional_text(ticker.as_deref()),
                _ if column.name == "ordinal" => row.i64(number as i64 * 3),
                ColumnType::Int16 => row.i32(value.rem_euclid(1_000) as i32),
                ColumnType::Price => row.optional_i32((!absent).then_some(value.rem_euclid(10_001) as i32)),
                ColumnType::Int32 => row.optional_i32((!absent).then_some(value as i32)),
                ColumnType::Quantity => {
                    row.optional_i64((!absent).then_some(value.rem_euclid(999_999_999_999_999_999)))
                }
                ColumnType::Int64 | ColumnType::Timestamp => row.optional_i64((!absent).then_some(value)),
                ColumnType::Boolean => row.optional_bool((!absent).then_some(value % 2 == 0)),
                ColumnType::Text => row.optional_text((!absent).then(|| format!("text {value}")).as_deref()),
                ColumnType::PriceList => {
                    let levels = random.random_range(0..5);
                    row.ladder((0..levels).map(|level| (level * 100, value.rem_euclid(1_000_000) + 1)))
                }
                ColumnType::QuantityList => row,
            };
        }
        row.end();
    }
    let last = kind.rows as u64 * 3;
    let written = writer.finish(store, 0, last, 0).unwrap().remove(0);
    let entry = FileEntry {
        path: format!("{}/{}", table.name(), written.add.path),
        size: written.add.size,
        rows: kind.rows as u64,
        date: None,
        first_ordinal: 0,
        last_ordinal: last,
        tickers: None,
        recv: None,
        log_path: written.add.path,
    };
    (entry, tickers)
}

const TABLES: [Table; 7] = [
    Table::Deltas,
    Table::Keyframes,
    Table::Trades,
    Table::Tickers,
    Table::Lifecycle,
    Table::Unparsed,
    Table::Coverage,
];

#[test]
fn pages_are_what_the_general_reader_reads() {
    for (seed, kind) in KINDS.into_iter().enumerate() {
        for table in TABLES {
            let store = Store::open("memory://").unwrap();
            let (file, _) = write(&store, table, kind, seed as u64);
            let segment = Segment::open(&store, table, &file.path, file.size).unwrap();
            assert_eq!(segment.rows(), kind.rows);
            let names: Vec<&str> = table.columns().iter().map(|column| column.name).collect();
            let mut rows = 0;
            for page in 0..segment.pages() {
                let range = segment.page_rows(page).unwrap();
                assert_eq!(range.start, rows);
                rows = range.end;
                assert_eq!(segment.page_of(range.start).unwrap(), page);
                assert_eq!(segment.page_of(range.end - 1).unwrap(), page);
                // One column after another: what our decoder leaves to the general one must be a truth value.
                for (name, column) in names.iter().zip(table.columns()) {
                    let own = segment.own_page(&[*name], page).unwrap();
                    let scan = segment.scan(&[*name], range.clone(), range.len()).unwrap();
                    let general = segment.gather(scan.map(Result::unwrap).collect(), range.len()).unwrap();
                    match own {
                        Some(own) => {
                            let same = own.record.column(0).to_data() == general.record.column(0).to_data();
                            assert!(
                                same && own.record.schema() == general.record.schema(),
                                "{table:?} {name} {kind:?}"
                            );
                        }
                        None => assert_eq!(column.kind, ColumnType::Boolean, "{table:?} {name} {kind:?}"),
                    }
                }
            }
            assert_eq!(rows, kind.rows);
            // Rows across pages, and all columns together.
            let across = kind.rows / 3..kind.rows - kind.rows / 4;
            let read = segment.read(&names, across.clone()).unwrap();
            let scan = segment.scan(&names, across.clone(), across.len().max(1)).unwrap();
            let general = segment.gather(scan.map(Result::unwrap).collect(), across.len()).unwrap();
            for (own, general) in read.record.columns().iter().zip(general.record.columns()) {
                assert!(own.to_data() == general.to_data(), "{table:?} {kind:?}");
            }
        }
    }
}

#[test]
fn a_market_is_found_in_any_file_and_from_any_thread() {
    for (seed, kind) in KINDS.into_iter().enumerate() {
        for table in [Table::Deltas, Table::Keyframes, Table::Lifecycle, Table::Coverage] {
            let store = Store::open("memory://").unwrap();
            let (file, tickers) = write(&store, table, kind, seed as u64);
            let reader = Reader::new(store);
            thread::scope(|scope| {
                for thread in 0..4 {
                    let (reader, file, tickers) = (&reader, &file, &tickers);
                    scope.spawn(move || {
                        let segment = reader.segment(table, file).unwrap();
                        // Every other ticker is in no file.
                        for number in (0..2 * kind.markets + 2).map(|number| number * 7 + thread) {
                            let ticker = format!("KX-{:05}", number % (2 * kind.markets + 2));
                            let start = tickers.partition_point(|held| held.as_deref() < Some(&ticker));
                            let end = tickers.partition_point(|held| held.as_deref() <= Some(&ticker));
                            let found = reader.rows_of(&segment, &ticker).unwrap();
                            assert!(found == (start..end) || found.is_empty() && start == end, "{table:?} {kind:?}");
                            if table == Table::Deltas && !found.is_empty() {
                                let page = segment.page_of(found.start).unwrap();
                                let at = found.start - segment.page_rows(page).unwrap().start;
                                let batch = reader.page(&segment, page).unwrap();
                                assert_eq!(batch.i64s("ordinal").unwrap().value(at), found.start as i64 * 3);
                                let rest = segment.skip_to_ordinal(found.clone(), found.end as u64 * 3 - 3).unwrap();
                                assert!(found.start <= rest.start && rest.start < found.end && rest.end == found.end);
                            }
                        }
                    });
                }
            });
        }
    }
}

#[test]
fn a_flipped_bit_is_an_error_or_changes_nothing() {
    let kind = Kind { rows: 300, markets: 20, distinct: 50, absent: 20 };
    for table in [Table::Deltas, Table::Keyframes] {
        let store = Store::open("memory://").unwrap();
        let (file, _) = write(&store, table, kind, 1);
        let good = store.read(&file.path).unwrap();
        let names: Vec<&str> = table.columns().iter().map(|column| column.name).collect();
        let whole = |bytes: Vec<u8>| -> Result<Vec<RecordBatch>, Error> {
            let store = Store::open("memory://").unwrap();
            store.put(&file.path, bytes.into()).unwrap();
            let segment = Segment::open(&store, table, &file.path, file.size)?;
            (0..segment.pages()).map(|page| Ok(segment.page(&names, page)?.record)).collect()
        };
        let expected = whole(good.to_vec()).unwrap();
        let mut noticed = 0;
        for at in (0..good.len()).step_by(11) {
            let mut bad = good.to_vec();
            bad[at] ^= 1 << (at % 8);
            match whole(bad) {
                Ok(read) => assert!(read == expected, "byte {at} of {table:?}"),
                Err(_) => noticed += 1,
            }
        }
        assert!(noticed > good.len() / 11 * 9 / 10, "{noticed} of {} noticed", good.len() / 11);
    }
}
