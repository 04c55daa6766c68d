//! The real captures, whole: every book on both clocks, what may be called exact, the reconnect, and imports that are
//! repeated or broken off.

use std::{
    fs,
    io::Read,
    path::{Path, PathBuf},
    time::Instant,
};

use daybook::import::{Source, expand, metadata_files};
use daybook_archive::{
    Archive,
    coverage::{Interval, Standing},
    entry::Cause,
    schema::Table,
};
use flate2::read::MultiGzDecoder;
use rand::{Rng, SeedableRng, rngs::SmallRng};

use crate::{
    lab::{Lab, Tally, book_event_counts, clock, ladders, rows, values},
    naive::{Arrival, On, Record, What, books, times},
};

const QUESTIONS: usize = 6_000;

/// The folder of the real captures; `None`, said aloud, where it is absent.
pub fn captures() -> Option<PathBuf> {
    let default = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/captures");
    let folder = std::env::var_os("DAYBOOK_CAPTURES").map_or(default, PathBuf::from).join("kxgold15m");
    if folder.join("events").is_dir() {
        return Some(folder);
    }
    println!("SKIPPED: no captures at {}; DAYBOOK_CAPTURES names their folder", folder.display());
    None
}

pub fn files(folder: &Path) -> Vec<PathBuf> {
    let sources = expand(&[folder.to_str().unwrap().to_owned()]).unwrap();
    let path = |source| match source {
        Source::File(path) => path,
        Source::Stdin => panic!("a folder holds files"),
    };
    sources.into_iter().map(path).collect()
}

/// What can be decompressed, complete lines only, and whether it ends in the middle of one.
fn readable(bytes: &[u8]) -> (Vec<Vec<u8>>, bool) {
    let mut text = Vec::new();
    // A stream that breaks off is read as far as it goes.
    let _ = MultiGzDecoder::new(bytes).read_to_end(&mut text);
    let mut lines: Vec<Vec<u8>> = text.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    let torn = lines.pop().is_some_and(|last| !last.is_empty());
    (lines, torn)
}

fn record(lines: &[Vec<u8>]) -> Record {
    let mut record = Record::default();
    for line in lines {
        record.add_line(line);
    }
    record
}

/// Whether the capture's own numbers show that nothing of its subscription is missing, from the market's last snapshot
/// before the instant up to an event after the instant.
fn proven(arrivals: &[Arrival], on: On, at: i64) -> bool {
    let times = times(arrivals, on);
    let seen = times.partition_point(|time| *time <= at);
    let snapshot = arrivals[..seen].iter().rposition(|arrival| matches!(arrival.what, What::Snapshot(_)));
    let Some(snapshot) = snapshot else { return false };
    for next in snapshot + 1..arrivals.len() {
        let (before, after) = (&arrivals[next - 1], &arrivals[next]);
        let follows = before.seq.is_some_and(|seq| after.seq == Some(seq + 1)) && before.sid == after.sid;
        if !follows {
            return false;
        }
        if times[next] > at {
            return true;
        }
    }
    false
}

/// Seeded instants of one market: a quarter on the times of events, some before the first and after the last.
fn random_instants(arrivals: &[Arrival], on: On, count: usize, random: &mut SmallRng) -> Vec<i64> {
    let times = times(arrivals, on);
    let (first, last) = (times[0], times[times.len() - 1]);
    let mut instants: Vec<i64> = (0..count)
        .map(|question| match question % 20 {
            0..5 => times[random.random_range(0..times.len())],
            5 => first - random.random_range(1..10_000_000_000),
            6 => last + random.random_range(1..10_000_000_000),
            7 => times[random.random_range(0..times.len())] - 1,
            _ => random.random_range(first..=last),
        })
        .collect();
    instants.sort_unstable();
    instants
}

fn compare(archive: &Archive, record: &Record, questions: usize, seed: u64) -> (u64, Tally) {
    let mut random = SmallRng::seed_from_u64(seed);
    let mut tally = Tally::default();
    let mut compared = 0;
    let each = questions.div_ceil(record.markets.len());
    for (ticker, arrivals) in &record.markets {
        for on in [On::Exchange, On::Received] {
            let instants = random_instants(arrivals, on, each, &mut random);
            for (at, expected) in instants.iter().zip(books(arrivals, on, &instants)) {
                let answer = archive.book(ticker, *at, clock(on)).unwrap();
                tally.count(&answer);
                assert_eq!(ladders(&answer), expected, "{ticker} at {at} on {on:?}: {:?}", answer.gap);
                assert!(!answer.exact || proven(arrivals, on, *at), "{ticker} at {at} on {on:?} is called exact");
                compared += 1;
            }
        }
    }
    (compared, tally)
}

/// Where the numbers of the book's subscription fall: the frame after each break.
fn restarts(arrivals: &[Arrival]) -> Vec<usize> {
    (1..arrivals.len()).filter(|at| arrivals[*at].seq < arrivals[*at - 1].seq).collect()
}

fn check_reconnects(archive: &Archive, record: &Record) {
    let mut found = 0;
    for (ticker, arrivals) in &record.markets {
        let timeline = archive.timeline(ticker).unwrap().unwrap();
        let gaps: Vec<&Interval> =
            timeline.intervals().iter().filter(|interval| interval.began == Cause::Reconnect).collect();
        let restarts = restarts(arrivals);
        assert_eq!(gaps.len(), restarts.len(), "{ticker}: {gaps:?}");
        for (gap, restart) in gaps.into_iter().zip(restarts) {
            assert_eq!(gap.standing, Standing::Gap);
            for on in [On::Exchange, On::Received] {
                let times = times(arrivals, on);
                let (lost, anew) = (times[restart - 1], times[restart]);
                assert_eq!(gap.bounds(clock(on)), (lost, anew), "{ticker} on {on:?}");
                for at in [lost + 1, lost + (anew - lost) / 2, anew - 1] {
                    let answer = archive.book(ticker, at, clock(on)).unwrap();
                    assert_eq!(answer.standing, Standing::Gap);
                    let gap = answer.gap.unwrap();
                    assert_eq!((gap.cause, gap.from, gap.to), (Cause::Reconnect, Some(lost), Some(anew)));
                }
                assert_ne!(archive.book(ticker, anew, clock(on)).unwrap().standing, Standing::Gap);
            }
            found += 1;
        }
    }
    assert_eq!(found, 1, "KXGOLD15M-26AUG102030-30 was recorded over two connections, every other market over one");
    assert_eq!(restarts(&record.markets["KXGOLD15M-26AUG102030-30"]).len(), 1);
}

#[test]
fn real_captures_give_every_book_back() {
    let Some(folder) = captures() else { return };
    let began = Instant::now();
    let step = |what: &str| println!("{:>7.1?}  {what}", began.elapsed());
    let paths = files(&folder.join("events"));
    let mut lines = 0;
    let mut whole = Record::default();
    for path in &paths {
        let (held, torn) = readable(&fs::read(path).unwrap());
        assert!(!torn);
        lines += held.len();
        held.iter().for_each(|line| whole.add_line(line));
    }
    let (snapshots, deltas) = (whole.snapshot_count(), whole.delta_count());
    step(&format!("read {lines} lines of {} markets: {deltas} deltas, {snapshots} snapshots", whole.markets.len()));

    let lab = Lab::new();
    let reports = lab.import_all(&paths);
    let documents = metadata_files(folder.join("metadata").to_str().unwrap()).unwrap();
    let (files, _) = lab.import_metadata(&documents);
    assert_eq!(files, documents.len());
    assert_eq!(reports.iter().map(|report| report.lines).sum::<u64>(), lines as u64);
    assert_eq!(reports.iter().map(|report| report.unparsed + report.duplicates).sum::<u64>(), 0);
    assert_eq!(reports.iter().map(|report| report.reconnects).sum::<u64>(), 1);
    step("imported");

    let archive = lab.open();
    assert_eq!(book_event_counts(&archive), (snapshots, deltas));
    assert_eq!(rows(&archive, Table::Trades), lines as u64 - snapshots - deltas);
    assert_eq!(archive.tickers().unwrap(), whole.markets.keys().cloned().collect::<Vec<_>>());
    assert_eq!(rows(&archive, Table::Markets), whole.markets.len() as u64);
    for results in values(&archive, Table::Settlements, &["ticker", "result"]) {
        assert!(whole.markets.contains_key(&results[0]) && ["yes", "no"].contains(&results[1].as_str()));
    }
    let (compared, tally) = compare(&archive, &whole, QUESTIONS, 1);
    step(&format!("compared {compared} books: {tally:?}"));
    check_reconnects(&archive, &whole);
    step("found the reconnect");

    let before = lab.state();
    let again = lab.import_all(&paths);
    assert!(again.iter().all(|report| report.unchanged && report.events == 0), "{again:?}");
    lab.import_metadata(&documents);
    assert_eq!(lab.state(), before);
    step("imported again: nothing changed");
}

#[test]
fn real_captures_that_break_off_are_completed_by_the_whole() {
    let Some(folder) = captures() else { return };
    // The market with the reconnect, so that cuts fall before it, near it and after it.
    let path = files(&folder.join("events/KXGOLD15M-26AUG102030-30")).remove(0);
    let bytes = fs::read(&path).unwrap();
    let (lines, _) = readable(&bytes);
    let whole = record(&lines);
    for cut in [7, 3_000, bytes.len() / 8, bytes.len() / 2, bytes.len() - 9] {
        let lab = Lab::new();
        let broken = lab.path().join("broken.ndjson.gz");
        fs::write(&broken, &bytes[..cut]).unwrap();
        let (held, torn) = readable(&bytes[..cut]);
        let part = record(&held);

        let output = lab.daybook(&["import", "broken.ndjson.gz"]);
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(4), "cut at {cut}: {told}");
        assert!(told.contains("broken.ndjson.gz breaks off"), "{told}");
        let archive = lab.open();
        assert_eq!(book_event_counts(&archive), (part.snapshot_count(), part.delta_count()), "cut at {cut}");
        let unparsed = rows(&archive, Table::Unparsed);
        assert!(unparsed <= u64::from(torn), "cut at {cut}: {unparsed} unparsed");
        if !part.markets.is_empty() {
            compare(&archive, &part, 200, cut as u64);
        }

        let output = lab.daybook(&["import", path.to_str().unwrap()]);
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(0), "cut at {cut}: {told}");
        let archive = lab.open();
        assert_eq!(book_event_counts(&archive), (whole.snapshot_count(), whole.delta_count()), "cut at {cut}");
        let trades = lines.len() as u64 - whole.snapshot_count() - whole.delta_count();
        assert_eq!(rows(&archive, Table::Trades), trades, "cut at {cut}");
        let (compared, tally) = compare(&archive, &whole, 400, cut as u64);
        println!("cut at {cut}: {} lines, then the rest; {compared} books compared: {tally:?}", held.len());
    }
}
