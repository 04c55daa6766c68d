//! An archive in a folder of its own, and questions to it in the yardstick's terms.

use std::{
    collections::BTreeMap,
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use arrow::util::display::{ArrayFormatter, FormatOptions};
use daybook::import::{ImportOptions, Source, SourceReport, Watch, import, import_metadata};
use daybook_archive::{
    Archive, BookAnswer, Clock, OpenOptions, Writer, WriterOptions,
    coverage::{Interval, Standing},
    schema::Table,
};
use daybook_book::Side;
use flate2::{Compression, write::GzEncoder};
use tempfile::TempDir;

use crate::naive::{Ladder, Ladders, On, Record, books, times};

struct Unwatched;

impl Watch for Unwatched {
    fn begin(&self, _: &Source) {}
    fn advance(&self, _: u64, _: u64) {}
}

/// A folder with an archive, and room for captures beside it.
pub struct Lab {
    dir: TempDir,
}

/// Everything of an archive that a second import of the same files must leave alone.
#[derive(Debug, PartialEq, Eq)]
pub struct State {
    files: BTreeMap<&'static str, Vec<(String, u64, u64)>>,
    coverage: BTreeMap<String, Vec<Interval>>,
}

impl Lab {
    pub fn new() -> Lab {
        Lab { dir: tempfile::tempdir().unwrap() }
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    pub fn root(&self) -> String {
        self.path().join("archive").to_str().unwrap().to_owned()
    }

    /// Writes a capture, compressed as its name says.
    pub fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path().join(name);
        let bytes = if name.ends_with(".gz") {
            gzip(bytes)
        } else if name.ends_with(".zst") {
            zstd::encode_all(bytes, 3).unwrap()
        } else {
            bytes.to_vec()
        };
        fs::write(&path, bytes).unwrap();
        path
    }

    pub fn import(&self, path: &Path) -> SourceReport {
        self.import_with(&[path], &options()).remove(0)
    }

    pub fn import_all<P: AsRef<Path>>(&self, paths: &[P]) -> Vec<SourceReport> {
        self.import_with(paths, &options())
    }

    pub fn import_with<P: AsRef<Path>>(&self, paths: &[P], options: &ImportOptions) -> Vec<SourceReport> {
        let mut writer = self.writer();
        let sources = paths.iter().map(|path| Source::File(path.as_ref().to_owned()));
        let reports = sources.map(|source| import(&mut writer, &source, options, &Unwatched).unwrap()).collect();
        writer.close().unwrap();
        reports
    }

    pub fn import_metadata(&self, files: &[PathBuf]) -> (usize, usize) {
        let mut writer = self.writer();
        let counts = import_metadata(&mut writer, files).unwrap();
        writer.close().unwrap();
        counts
    }

    fn writer(&self) -> Writer {
        Writer::open(&self.root(), WriterOptions::new(7)).unwrap()
    }

    pub fn open(&self) -> Archive {
        Archive::open(&self.root(), OpenOptions::default()).unwrap()
    }

    /// Runs the binary on this archive.
    pub fn daybook(&self, args: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_daybook"))
            .args(args)
            .args(["--archive", &self.root()])
            .current_dir(self.path())
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    pub fn state(&self) -> State {
        let archive = self.open();
        let catalog = archive.catalog();
        let files = |table: Table| {
            let files = catalog.table(table).files.clone();
            files.into_iter().map(|file| (file.path, file.size, file.rows)).collect()
        };
        let coverage = |ticker: String| {
            let intervals = archive.timeline(&ticker).unwrap().unwrap().intervals().to_vec();
            (ticker, intervals)
        };
        State {
            files: Table::ALL.into_iter().map(|table| (table.name(), files(table))).collect(),
            coverage: archive.tickers().unwrap().into_iter().map(coverage).collect(),
        }
    }
}

/// Import options with a fixed time.
pub fn options() -> ImportOptions {
    ImportOptions::new(1_800_000_000_000_000_000)
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

pub fn clock(on: On) -> Clock {
    match on {
        On::Exchange => Clock::Exchange,
        On::Received => Clock::Received,
    }
}

/// An answer's book in the yardstick's terms.
pub fn ladders(answer: &BookAnswer) -> Ladders {
    let side = |side| -> Ladder {
        let levels = answer.book.levels(side);
        levels.map(|(price, size)| (i64::from(price.ten_thousandths()), size.hundredths())).collect()
    };
    Ladders { yes: side(Side::Yes), no: side(Side::No) }
}

/// Rows of a table, all of it sealed.
pub fn rows(archive: &Archive, table: Table) -> u64 {
    archive.catalog().table(table).files.iter().map(|file| file.rows).sum()
}

/// The sealed values of some columns, as text, row by row; an absent value is `null`.
pub fn values(archive: &Archive, table: Table, columns: &[&str]) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    let format = FormatOptions::default().with_null("null");
    archive
        .scan_table(table, None, columns, |batch| {
            let record = batch.record();
            let texts: Vec<ArrayFormatter> = columns
                .iter()
                .map(|name| ArrayFormatter::try_new(record.column_by_name(name).unwrap(), &format).unwrap())
                .collect();
            for row in 0..record.num_rows() {
                found.push(texts.iter().map(|text| text.value(row).to_string()).collect());
            }
            Ok(())
        })
        .unwrap();
    found
}

/// How often the venue itself stated the whole book, and the sealed deltas.
pub fn book_event_counts(archive: &Archive) -> (u64, u64) {
    let kinds = values(archive, Table::Keyframes, &["kind"]);
    let snapshots = kinds.iter().filter(|kind| kind[0] == "snapshot").count() as u64;
    (snapshots, rows(archive, Table::Deltas))
}

/// The lines kept in `unparsed`, in order of arrival.
pub fn unparsed_lines(archive: &Archive) -> Vec<String> {
    let mut rows = values(archive, Table::Unparsed, &["ordinal", "raw"]);
    rows.sort_by_key(|row| row[0].parse::<u64>().unwrap());
    rows.into_iter().map(|mut row| row.remove(1)).collect()
}

/// Instants worth asking about: before and after everything, on each of the times, beside them, and between them.
pub fn instants(record: &Record, ticker: &str, on: On) -> Vec<i64> {
    let times = times(&record.markets[ticker], on);
    let mut instants = vec![times[0] - 5_000_000_000, times[times.len() - 1] + 5_000_000_000];
    for pair in times.windows(2) {
        instants.push(pair[0] + (pair[1] - pair[0]) / 2);
    }
    for time in times {
        instants.extend([time - 1, time, time + 1]);
    }
    instants.sort_unstable();
    instants.dedup();
    instants
}

/// How many answers there were of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub exact: u64,
    pub unproven: u64,
    pub gaps: u64,
}

impl Tally {
    pub fn count(&mut self, answer: &BookAnswer) {
        assert_eq!(answer.exact, answer.standing == Standing::Exact);
        assert_eq!(answer.exact, answer.gap.is_none(), "an answer that is not exact says why");
        match answer.standing {
            Standing::Exact => self.exact += 1,
            Standing::Unproven => self.unproven += 1,
            Standing::Gap => self.gaps += 1,
        }
    }
}

/// Questions about one market on one clock, at most.
const QUESTIONS: usize = 60;

/// Every book of the archive is the one that `arrived` folds to, and every exact one is also that of `truth`: what the
/// venue sent, whether it arrived or not. `what` names the case in messages.
pub fn check(archive: &Archive, arrived: &Record, truth: &Record, what: &str) -> Tally {
    compare(archive, arrived, truth, what, true)
}

/// The same, where books inside gaps may be any: those of a stream whose beginning is in another file.
pub fn check_claims(archive: &Archive, arrived: &Record, truth: &Record, what: &str) -> Tally {
    compare(archive, arrived, truth, what, false)
}

fn compare(archive: &Archive, arrived: &Record, truth: &Record, what: &str, gaps: bool) -> Tally {
    let mut tally = Tally::default();
    for (ticker, arrivals) in &arrived.markets {
        for on in [On::Exchange, On::Received] {
            let mut asked = instants(truth, ticker, on);
            asked.extend(instants(arrived, ticker, on));
            asked.sort_unstable();
            // First and last among them, and an even choice between.
            let (last, step) = (asked.len() - 1, asked.len().div_ceil(QUESTIONS));
            let asked: Vec<i64> = (0..last).step_by(step).chain([last]).map(|at| asked[at]).collect();
            let (arrived, sent) = (books(arrivals, on, &asked), books(&truth.markets[ticker], on, &asked));
            for ((at, arrived), sent) in asked.into_iter().zip(arrived).zip(sent) {
                let answer = archive.book(ticker, at, clock(on)).unwrap();
                tally.count(&answer);
                let book = ladders(&answer);
                let context = || format!("{what}: {ticker} at {at} on {on:?}: {:?} {:?}", answer.standing, answer.gap);
                // An event of the very stamp at which an unproven recording ended may be in another one.
                let ended =
                    answer.standing == Standing::Unproven && answer.gap.as_ref().is_some_and(|gap| gap.to == Some(at));
                if gaps || (answer.standing != Standing::Gap && !ended) {
                    assert_eq!(book, arrived, "{}", context());
                }
                assert!(!answer.exact || book == sent, "exact, but not the venue's {sent:?}: {book:?}: {}", context());
            }
        }
    }
    tally
}
