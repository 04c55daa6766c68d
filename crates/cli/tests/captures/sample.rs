//! The sample capture: one connection recorded whole, so every book while it is covered is proven.

use std::{
    fs,
    io::Read,
    path::{Path, PathBuf},
};

use daybook::import::metadata_files;
use daybook_archive::{Archive, schema::Table};
use flate2::read::MultiGzDecoder;
use rand::{Rng, SeedableRng, rngs::SmallRng};

use crate::{
    lab::{Lab, Tally, book_event_counts, clock, ladders, rows, values},
    naive::{On, Record, books, times},
};

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples")
}

/// The complete lines of what can be decompressed.
fn sample(bytes: &[u8]) -> (Record, usize) {
    let mut text = Vec::new();
    // A stream that breaks off is read as far as it goes.
    let _ = MultiGzDecoder::new(bytes).read_to_end(&mut text);
    let whole = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let mut record = Record::default();
    let lines = text[..whole].split_inclusive(|byte| *byte == b'\n').map(|line| record.add_line(line)).count();
    (record, lines)
}

/// Compares random books of every market; while the connection lived they must be exact.
fn compare(archive: &Archive, record: &Record, each: usize, seed: u64) -> Tally {
    let mut random = SmallRng::seed_from_u64(seed);
    let mut tally = Tally::default();
    for on in [On::Exchange, On::Received] {
        let all = record.markets.values().map(|arrivals| times(arrivals, on)[arrivals.len() - 1]);
        let heard = all.max().unwrap();
        for (ticker, arrivals) in &record.markets {
            let times = times(arrivals, on);
            let (first, last) = (times[0], times[times.len() - 1]);
            let mut instants: Vec<i64> = (0..each)
                .map(|at| match at % 4 {
                    0 => times[random.random_range(0..times.len())],
                    1 if at % 8 == 1 => first - random.random_range(1..1_000_000_000),
                    1 => last + random.random_range(0..5_000_000_000),
                    _ => random.random_range(first..heard),
                })
                .collect();
            instants.sort_unstable();
            for (at, expected) in instants.iter().zip(books(arrivals, on, &instants)) {
                let answer = archive.book(ticker, *at, clock(on)).unwrap();
                tally.count(&answer);
                assert_eq!(ladders(&answer), expected, "{ticker} at {at} on {on:?}: {:?}", answer.gap);
                // Whether a market's silence after its last event is believed is the importer's to say.
                if first <= *at && *at < last {
                    assert!(answer.exact, "{ticker} at {at} on {on:?}: {:?}", answer.gap);
                }
                assert!(!answer.exact || first <= *at && *at < heard, "{ticker} at {at} on {on:?} is called exact");
            }
        }
    }
    tally
}

#[test]
fn every_book_of_the_sample_is_exact_while_it_is_covered() {
    let path = examples().join("sample.ndjson.gz");
    let (truth, lines) = sample(&fs::read(&path).unwrap());
    let lab = Lab::new();
    let report = lab.import(&path);
    assert_eq!((report.lines, report.unparsed, report.holes, report.reconnects), (lines as u64, 0, 0, 0));
    let documents = metadata_files(examples().join("metadata").to_str().unwrap()).unwrap();
    lab.import_metadata(&documents);
    let archive = lab.open();
    assert_eq!(book_event_counts(&archive), (truth.snapshot_count(), truth.delta_count()));
    assert_eq!(report.events, truth.snapshot_count() + truth.delta_count() + rows(&archive, Table::Trades));
    let described = values(&archive, Table::Markets, &["ticker"]);
    assert!(truth.markets.keys().all(|ticker| described.iter().any(|row| row[0] == *ticker)), "{described:?}");
    let tally = compare(&archive, &truth, 60, 1);
    println!("{tally:?}");

    let before = lab.state();
    assert!(lab.import(&path).unchanged);
    lab.import_metadata(&documents);
    assert_eq!(lab.state(), before);
    // Under another name it is the same file.
    let copy = lab.path().join("copy.ndjson.gz");
    fs::copy(&path, &copy).unwrap();
    assert!(lab.import(&copy).unchanged);
    assert_eq!(lab.state(), before);
}

#[test]
fn a_sample_that_breaks_off_is_completed_by_the_whole() {
    let path = examples().join("sample.ndjson.gz");
    let bytes = fs::read(&path).unwrap();
    let (truth, _) = sample(&bytes);
    for cut in [bytes.len() / 3, bytes.len() - 5] {
        let lab = Lab::new();
        let broken = lab.path().join("broken.ndjson.gz");
        fs::write(&broken, &bytes[..cut]).unwrap();
        let (part, lines) = sample(&bytes[..cut]);
        let report = lab.import(&broken);
        assert!(report.truncated.is_some());
        assert!((lines as u64..=lines as u64 + 1).contains(&report.lines), "{lines} whole lines: {report:?}");
        assert_eq!(book_event_counts(&lab.open()), (part.snapshot_count(), part.delta_count()));
        compare(&lab.open(), &part, 16, cut as u64);

        let report = lab.import(&path);
        assert_eq!(report.duplicates + report.events + report.control, report.lines, "{report:?}");
        assert_eq!(book_event_counts(&lab.open()), (truth.snapshot_count(), truth.delta_count()));
        println!("cut at {cut}: {:?}", compare(&lab.open(), &truth, 24, cut as u64));
    }
}
