//! Imports that are killed at random moments, again and again, until one comes to its end.
//!
//! An import tells nobody how far it has come before it ends, except the archive: with every batch it writes down how
//! many lines of which source are in. That is the acknowledgement tested here. Whatever moment the process is killed
//! at, the archive opens, holds the events of exactly the lines that it says it holds, each once and in order, and
//! never says less than it did before. At the end it is the archive of an import that nobody disturbed.
//!
//! A killed process loses no write that the system had taken, which a power loss does: that is for the simulated disk
//! in the archive's own tests. `DAYBOOK_KILLS=5000 cargo test -p daybook --test binary kill` kills more often than the usual
//! 200 times; `DAYBOOK_SEED=17` chooses other moments and other captures.

use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    process::Stdio,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use arrow::util::display::{ArrayFormatter, FormatOptions};
use daybook_archive::{Archive, Clock, Error, OpenOptions, coverage::Standing, schema::Table};
use daybook_book::Side;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use rand::{Rng, SeedableRng, rngs::SmallRng};
use serde_json::Value;

use crate::naive::{self, Ladder, On, Record};
use crate::shell::Shell;
use crate::wire::{Line, Venue, capture, record};

const TICKERS: [&str; 4] = ["KXA-1", "KXB-1", "KXC-1", "KXOTHER-1"];

/// The captures of an archive, in the order in which they are imported.
struct Captures {
    files: Vec<(String, Vec<Line>)>,
    /// Of each file, how many lines at its start the one before it has too.
    repeated: Vec<usize>,
    truth: Record,
}

impl Captures {
    fn new(seed: u64) -> Captures {
        let mut venue = Venue::new(seed);
        let mut files: Vec<(String, Vec<Line>)> = Vec::new();
        let mut repeated = Vec::new();
        for number in 0..7 {
            let mut lines = Vec::new();
            // As a recorder leaves them that starts a file every so often: with a new connection, going on where the
            // last file ended, or with its last lines once more.
            let again = match files.last() {
                Some((_, last)) if number % 3 == 2 => last[last.len() - 150..].to_vec(),
                _ => Vec::new(),
            };
            repeated.push(again.len());
            lines.extend(again);
            if number % 3 == 0 {
                venue.reconnect();
                lines.push(venue.subscribed(1));
                lines.extend(TICKERS[..3].iter().map(|ticker| venue.snapshot(1, ticker)));
            }
            // One of several batches.
            for _ in 0..if number == 3 { 9_000 } else { 600 } {
                let ticker = TICKERS[venue.random.random_range(0..3)];
                let trades = venue.random.random_bool(0.1);
                lines.push(if trades { venue.trade(2, ticker) } else { venue.delta(1, ticker) });
            }
            files.push((format!("capture-{number}.ndjson"), lines));
        }
        // Somebody else recorded another market all the while.
        let mut other = Venue::new(seed + 1_000_000);
        let lines = other.recording(1, &TICKERS[3..], 1_500);
        files.insert(4, ("capture-other.ndjson".to_owned(), lines));
        repeated.insert(4, 0);
        let fresh = files.iter().zip(&repeated).flat_map(|((_, lines), repeated)| &lines[*repeated..]);
        let truth = record(fresh);
        Captures { files, repeated, truth }
    }

    fn lay_out(&self) -> Shell {
        let shell = Shell::new();
        for (name, lines) in &self.files {
            shell.file(name, &capture(lines));
        }
        shell
    }

    fn arguments(&self) -> Vec<&str> {
        [&["import"][..], &self.files.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>()].concat()
    }

    /// The events of the lines that an archive says it holds, in order: kind, ticker and number.
    fn events(&self, lines: &[u64]) -> Vec<(String, String, String)> {
        let mut events = Vec::new();
        for (((_, all), repeated), held) in self.files.iter().zip(&self.repeated).zip(lines) {
            let held = usize::try_from(*held).unwrap();
            for line in all[..held].iter().skip(*repeated) {
                let frame: Value = serde_json::from_str(&line.frame).unwrap();
                let Some(ticker) = frame["msg"]["market_ticker"].as_str() else { continue };
                let kind = frame["type"].as_str().unwrap().to_owned();
                events.push((kind, ticker.to_owned(), frame["seq"].to_string()));
            }
        }
        events
    }
}

/// Of each capture, how many lines the archive says it holds; `None` if there is no archive yet.
fn acknowledged(captures: &Captures, archive: &Archive) -> Vec<u64> {
    let sources = archive.sources_imported().unwrap();
    let lines = |name: &str| {
        let mut of_name = sources.iter().filter(|source| source.name.ends_with(name));
        let lines = of_name.next().map_or(0, |source| source.lines);
        assert!(of_name.next().is_none(), "{name} is there twice");
        lines
    };
    captures.files.iter().map(|(name, _)| lines(name)).collect()
}

fn open(shell: &Shell) -> Option<Archive> {
    match Archive::open(&shell.archive(), OpenOptions::default()) {
        Ok(archive) => Some(archive),
        Err(Error::NoArchive { .. }) => None,
        Err(error) => panic!("the archive does not open: {error}"),
    }
}

/// The rows of a table, sealed or not, by ordinal. Ordinals must not repeat.
fn rows(archive: &Archive, table: Table, columns: &[&str]) -> BTreeMap<u64, Vec<String>> {
    let whole = archive.tables(&[table]).unwrap().remove(&table).unwrap();
    let sealed = whole.files.iter().map(|file| archive.store().read(&file.path).unwrap());
    let format = FormatOptions::default().with_null("null");
    let mut found = BTreeMap::new();
    for bytes in sealed.chain(whole.unsealed.into_iter().map(|(_, bytes)| bytes)) {
        for batch in ParquetRecordBatchReaderBuilder::try_new(bytes).unwrap().build().unwrap() {
            let batch = batch.unwrap();
            let formatter = |name: &&str| ArrayFormatter::try_new(batch.column_by_name(name).unwrap(), &format);
            let columns: Vec<_> = columns.iter().map(|name| formatter(name).unwrap()).collect();
            let ordinals = formatter(&"ordinal").unwrap();
            for row in 0..batch.num_rows() {
                let ordinal: u64 = ordinals.value(row).to_string().parse().unwrap();
                let values: Vec<String> = columns.iter().map(|column| column.value(row).to_string()).collect();
                // A folded keyframe stands on an event of another row.
                if table == Table::Keyframes && values[0] == "folded" {
                    continue;
                }
                assert!(found.insert(ordinal, values).is_none(), "ordinal {ordinal} is in {} twice", table.name());
            }
        }
    }
    found
}

/// What happened, in order of arrival: kind, ticker and number.
fn events(archive: &Archive) -> Vec<(String, String, String)> {
    let mut events = BTreeMap::new();
    for (table, kind) in
        [(Table::Keyframes, "orderbook_snapshot"), (Table::Deltas, "orderbook_delta"), (Table::Trades, "trade")]
    {
        let first = if table == Table::Keyframes { "kind" } else { "sid" };
        for (ordinal, values) in rows(archive, table, &[first, "ticker", "seq"]) {
            let event = (kind.to_owned(), values[1].clone(), values[2].clone());
            assert!(events.insert(ordinal, event).is_none(), "ordinal {ordinal} is there twice");
        }
    }
    assert!(events.keys().copied().eq(0..events.len() as u64), "an ordinal is missing");
    events.into_values().collect()
}

/// Everything that a table says of the events, by ordinal, which is the same however often an import began anew. The
/// number of the connection is not: an import that goes on in the middle of a capture may begin another.
fn contents(archive: &Archive, table: Table) -> BTreeMap<u64, Vec<String>> {
    let first = if table == Table::Keyframes { Some("kind") } else { None };
    let other = |name: &&str| !matches!(*name, "deltas_since" | "connection");
    let names = table.columns().iter().map(|column| column.name).filter(other);
    let columns: Vec<&str> = first.into_iter().chain(names).collect();
    rows(archive, table, &columns)
}

/// Ends one import after another at random moments until one comes to its end by itself. Returns how many were killed,
/// and how many of them had added something.
fn disturb(shell: &Shell, captures: &Captures, rng: &mut SmallRng, usual: Duration) -> (u64, u64) {
    let (mut kills, mut advanced) = (0, 0);
    let mut known = vec![0; captures.files.len()];
    loop {
        let command = &mut shell.command(&captures.arguments());
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        std::thread::sleep(usual.mul_f64(rng.random_range(0.0..0.5)));
        // It may have come to its end.
        let ended = child.try_wait().unwrap();
        let _ = child.kill();
        let output = child.wait_with_output().unwrap();
        if let Some(status) = ended {
            let told = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!(status.code(), Some(0), "an import behind {kills} kills failed: {told}");
        }
        if let Some(archive) = open(shell) {
            let lines = acknowledged(captures, &archive);
            let fell = lines.iter().zip(&known).any(|(lines, known)| lines < known);
            assert!(!fell, "after {kills} kills the archive says it holds {lines:?} lines, and said {known:?} before");
            assert_eq!(events(&archive), captures.events(&lines), "after {kills} kills, of {lines:?} lines");
            advanced += u64::from(ended.is_none() && lines != known);
            known = lines;
        }
        if ended.is_some() {
            return (kills, advanced);
        }
        kills += 1;
    }
}

fn compare(archive: &Archive, control: &Archive, captures: &Captures) {
    for table in [Table::Deltas, Table::Trades, Table::Keyframes] {
        let (found, expected) = (contents(archive, table), contents(control, table));
        assert_eq!(found.len(), expected.len(), "rows of {}", table.name());
        for (found, expected) in found.iter().zip(&expected) {
            assert_eq!(found, expected, "{}", table.name());
        }
    }
    for ticker in TICKERS {
        let arrivals = &captures.truth.markets[ticker];
        for (on, clock) in [(On::Exchange, Clock::Exchange), (On::Received, Clock::Received)] {
            let times = naive::times(arrivals, on);
            let instants: Vec<i64> = times.iter().step_by(41).flat_map(|at| [*at, at + 1]).collect();
            for (at, expected) in instants.iter().zip(naive::books(arrivals, on, &instants)) {
                let what = format!("{ticker} at {at} on {clock:?}");
                let (answer, other) = (archive.book(ticker, *at, clock).unwrap(), control.book(ticker, *at, clock));
                let other = other.unwrap();
                let standings = (answer.standing, other.standing);
                assert!(standings.0 >= standings.1, "{what} is {standings:?}: more is claimed than in the control");
                if answer.standing != Standing::Gap {
                    assert_eq!((&answer.book, answer.last_ordinal), (&other.book, other.last_ordinal), "{what}");
                    let ladder = |side| -> Ladder {
                        let levels = answer.book.levels(side);
                        levels.map(|(at, held)| (i64::from(at.ten_thousandths()), held.hundredths())).collect()
                    };
                    assert_eq!((ladder(Side::Yes), ladder(Side::No)), (expected.yes, expected.no), "{what}");
                }
            }
        }
    }
}

/// The share of an archive's instants that it calls exact, of all that its control does.
fn exact_of(archive: &Archive, control: &Archive) -> (u64, u64) {
    let exact = |archive: &Archive, ticker, at| archive.book(ticker, at, Clock::Received).unwrap().exact;
    let mut share = (0, 0);
    for ticker in TICKERS {
        let timeline = control.timeline(ticker).unwrap().unwrap();
        let (from, to) = timeline.extent(Clock::Received).unwrap();
        for at in (from..to).step_by(usize::try_from((to - from) / 200).unwrap()) {
            if exact(control, ticker, at) {
                share.0 += u64::from(exact(archive, ticker, at));
                share.1 += 1;
            }
        }
    }
    share
}

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().map_or(default, |value| value.parse().unwrap_or_else(|_| panic!("{name} is no number")))
}

#[derive(Debug, Default)]
struct Tally {
    archives: u64,
    kills: u64,
    /// Kills of an import that had added something.
    advanced: u64,
    /// Instants sampled that are exact here, and in the control.
    exact: (u64, u64),
}

fn run(seed: u64, tally: &Mutex<Tally>) {
    let captures = Captures::new(seed);
    let control = captures.lay_out();
    let began = Instant::now();
    control.run(&captures.arguments()).code(0);
    let usual = began.elapsed();
    let control = open(&control).map(|archive| (archive, control)).unwrap();
    assert_eq!(events(&control.0).len(), captures.truth_events());
    let shell = captures.lay_out();
    let (kills, advanced) = disturb(&shell, &captures, &mut SmallRng::seed_from_u64(seed), usual);
    let verified = shell.run(&["verify", "--deep", "--format", "json"]);
    assert_eq!(verified.code, 0, "{}{}", String::from_utf8_lossy(&verified.stdout), verified.stderr);
    let archive = open(&shell).unwrap();
    compare(&archive, &control.0, &captures);
    let exact = exact_of(&archive, &control.0);
    let mut tally = tally.lock().unwrap();
    tally.archives += 1;
    tally.kills += kills;
    tally.advanced += advanced;
    tally.exact = (tally.exact.0 + exact.0, tally.exact.1 + exact.1);
}

impl Captures {
    fn truth_events(&self) -> usize {
        let all: Vec<u64> = self.files.iter().map(|(_, lines)| lines.len() as u64).collect();
        self.events(&all).len()
    }
}

#[test]
fn an_import_that_is_killed_again_and_again_loses_and_doubles_nothing() {
    let (wanted, first) = (setting("DAYBOOK_KILLS", 200), setting("DAYBOOK_SEED", 0));
    let (next, tally) = (AtomicU64::new(first), Mutex::new(Tally::default()));
    let work = || {
        while tally.lock().unwrap().kills < wanted {
            let seed = next.fetch_add(1, Ordering::SeqCst);
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| run(seed, &tally))) {
                eprintln!("seed {seed} failed; DAYBOOK_SEED={seed} begins with the same captures");
                resume_unwind(panic);
            }
        }
    };
    std::thread::scope(|scope| {
        let workers = std::thread::available_parallelism().map_or(1, |threads| threads.get()).min(4);
        (0..workers).for_each(|_| drop(scope.spawn(work)));
    });
    let tally = tally.into_inner().unwrap();
    println!("{tally:?}");
    assert!(tally.advanced * 10 > tally.kills, "most imports were killed before they had done anything: {tally:?}");
}
