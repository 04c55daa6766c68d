//! `daybook record` of an exchange that fails in every way, judged by what the exchange knows of itself: wherever the
//! archive claims to be exact, it must be right.
//!
//! `DAYBOOK_SOAK=SECONDS,MARKETS,RATE` makes the same a soak.

use std::{
    collections::HashMap,
    env,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use daybook_archive::{Archive, Clock, OpenOptions};
use daybook_book::{Book, Price, Quantity};
use rand::{Rng, SeedableRng, rngs::SmallRng, seq::SliceRandom};
use serde::Deserialize;
use serde_json::Value;

use crate::{Exchange, own_client::Handed};

/// A book as the exchange knew it at an instant.
#[derive(Deserialize)]
struct Truth {
    ticker: String,
    clock: u64,
    at_us: i64,
    digest: String,
}

/// A change of a book, as the exchange wrote it down.
#[derive(Deserialize)]
struct Change {
    at_us: i64,
    ticker: String,
    side: String,
    price: String,
    change: String,
}

/// Every book of the truth log, change by change.
struct Log {
    books: Vec<(String, Vec<Change>)>,
}

impl Log {
    fn read(path: &Path) -> Log {
        let mut books: HashMap<String, Vec<Change>> = HashMap::new();
        for line in std::fs::read_to_string(path).unwrap().lines() {
            let change: Change = serde_json::from_str(line).unwrap();
            books.entry(change.ticker.clone()).or_default().push(change);
        }
        let mut books: Vec<_> = books.into_iter().collect();
        books.sort_by(|a, b| a.0.cmp(&b.0));
        Log { books }
    }

    /// A book as it was, added up by hand.
    fn book(changes: &[Change], at_us: i64) -> Book {
        let mut sides: HashMap<(&str, Price), i64> = HashMap::new();
        for change in changes.iter().take_while(|change| change.at_us <= at_us) {
            let size: Quantity = change.change.parse().unwrap();
            *sides.entry((&change.side, change.price.parse().unwrap())).or_default() += size.hundredths();
        }
        let levels = |wanted: &'static str| {
            let levels = sides.iter().filter(move |((side, _), _)| *side == wanted);
            levels.map(|((_, price), size)| (*price, Quantity::from_hundredths(*size)))
        };
        Book::from_levels(levels("yes"), levels("no")).unwrap()
    }

    /// Asks the archive for random books at random instants. None that it calls exact may be another one.
    fn judge(&self, archive: &str, (from, to): (i64, i64), questions: usize) -> Verdict {
        let archive = Archive::open(archive, OpenOptions::default()).unwrap();
        let mut random = SmallRng::seed_from_u64(1);
        let mut verdict = Verdict::default();
        for _ in 0..questions {
            let (ticker, changes) = &self.books[random.random_range(0..self.books.len())];
            let at = random.random_range(from..to);
            let Ok(answer) = archive.book(ticker, at * 1_000, Clock::Exchange) else {
                // It was not recorded at all.
                verdict.not_exact += 1;
                continue;
            };
            if answer.exact {
                assert_eq!(answer.book, Log::book(changes, at), "{ticker} at {at} is called exact");
                verdict.exact += 1;
            } else {
                verdict.not_exact += 1;
            }
        }
        verdict
    }
}

/// A recorder of an exchange.
struct Recorder {
    process: Child,
}

impl Recorder {
    fn start(handed: &Handed, archive: &str, flags: &[&str]) -> Recorder {
        let url = handed.text("rest_url").strip_suffix("/trade-api/v2").unwrap();
        let process = Command::new(env!("CARGO_BIN_EXE_daybook"))
            .args(["record", "--archive", archive, "--format", "json"])
            .args(flags)
            .env("KALSHI_ENV", url)
            .env("KALSHI_API_KEY_ID", handed.text("key_id"))
            .env("KALSHI_PRIVATE_KEY_PATH", handed.text("private_key_path"))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        Recorder { process }
    }

    /// Ends it as a user does, and gives its report.
    fn stop(self) -> Value {
        let pid = self.process.id().to_string();
        assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
        let output = self.process.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

/// Every book of one instant.
fn truths(handed: &Handed) -> Vec<Truth> {
    let (status, text) = handed.admin_text("GET", "/books", &Value::Null);
    assert_eq!(status, 200);
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[derive(Debug, Default)]
struct Verdict {
    exact: usize,
    not_exact: usize,
    /// What the answers that are not exact say.
    causes: HashMap<String, usize>,
}

/// Asks the archive for every book of every instant. None that it calls exact may be another one.
fn judge(archive: &str, truths: &[Truth]) -> Verdict {
    let archive = Archive::open(archive, OpenOptions::default()).unwrap();
    let known: std::collections::HashSet<String> = archive.tickers().unwrap().into_iter().collect();
    let mut verdict = Verdict::default();
    for truth in truths.iter().filter(|truth| known.contains(&truth.ticker)) {
        let answer = archive.book(&truth.ticker, truth.at_us * 1_000, Clock::Exchange).unwrap();
        if !answer.exact {
            verdict.not_exact += 1;
            let cause = answer.gap.map_or("none".to_owned(), |gap| gap.cause.as_str().to_owned());
            *verdict.causes.entry(cause).or_default() += 1;
            continue;
        }
        // A change of the same microsecond, made just after the exchange was asked.
        let later = answer.last_ts.is_some_and(|ts| ts.micros() == truth.at_us)
            && answer.last_clock.is_some_and(|clock| clock > truth.clock);
        assert!(
            later || answer.book.digest().to_string() == truth.digest,
            "{} at {}: the exchange had clock {}, the archive {:?} of {:?}, ordinal {:?}: {:?}",
            truth.ticker,
            truth.at_us,
            truth.clock,
            answer.last_clock,
            answer.last_ts,
            answer.last_ordinal,
            answer.book,
        );
        verdict.exact += 1;
    }
    verdict
}

/// How long, how many markets, how many orders a second.
fn dimensions() -> (Duration, String, String) {
    let asked = env::var("DAYBOOK_SOAK").unwrap_or_else(|_| "12,200,1000".to_owned());
    let parts: Vec<&str> = asked.split(',').collect();
    let [seconds, markets, rate] = parts[..] else { panic!("DAYBOOK_SOAK=SECONDS,MARKETS,RATE, not {asked}") };
    (Duration::from_secs(seconds.parse().unwrap()), markets.to_owned(), rate.to_owned())
}

/// The most books of one instant that the archive is asked for.
const REMEMBERED: usize = 400;

/// Waits, and asks the exchange for all its books twice a second. Of a soak's many a few are remembered.
fn witness(handed: &Handed, until: Instant) -> Vec<Truth> {
    let (mut seen, mut random) = (Vec::new(), SmallRng::seed_from_u64(2));
    while Instant::now() < until {
        let mut books = truths(handed);
        books.shuffle(&mut random);
        books.truncate(REMEMBERED);
        seen.extend(books);
        std::thread::sleep(Duration::from_millis(487));
    }
    seen
}

#[test]
fn without_faults_everything_is_exact() {
    let (time, markets, rate) = dimensions();
    let exchange = Exchange::start(&["--markets", &markets, "--rate", &rate, "--seed", "5"]);
    let handed = Handed::of(&exchange);
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("archive").to_str().unwrap().to_owned();
    let recorder = Recorder::start(&handed, &archive, &[]);
    std::thread::sleep(Duration::from_secs(2));
    let seen = witness(&handed, Instant::now() + time);
    // A market is known to have been quiet when something is heard after it.
    std::thread::sleep(Duration::from_secs(3));
    let report = recorder.stop();
    let verdict = judge(&archive, &seen);
    println!("{verdict:?} {report}");
    assert!(verdict.exact > 1_000 && verdict.not_exact == 0, "{verdict:?}");
    assert_eq!((&report["gaps"], &report["audits"]["unequal"]), (&Value::from(0), &Value::from(0)));
    assert!(report["audits"]["equal"].as_u64() > Some(3), "{report}");
    exchange.stop("-INT");
}

#[test]
fn under_every_fault_what_is_called_exact_is_right() {
    let (time, markets, rate) = dimensions();
    // By the time, so that a soak with more frames has no more of them.
    let faults = "seed=9,drop=5s,duplicate=2s,reorder=6s,delay=7s,malformed=8s,gap=9s,error_25=7s,error_10=9s,forget=11s,\
                  reset=8s,close=13s,http_429=1/10,http_500=1/10";
    let folder = tempfile::tempdir().unwrap();
    let truth = folder.path().join("truth.ndjson");
    let log = truth.to_str().unwrap();
    let world = ["--markets", &markets, "--rate", &rate, "--seed", "6"];
    let exchange = Exchange::start(&[&world[..], &["--faults", faults, "--truth-log", log]].concat());
    let handed = Handed::of(&exchange);
    let archive = folder.path().join("archive").to_str().unwrap().to_owned();
    let recorder = Recorder::start(&handed, &archive, &["--list-seconds", "5"]);
    std::thread::sleep(Duration::from_secs(2));
    let seen = witness(&handed, Instant::now() + time);
    let report = recorder.stop();
    let verdict = judge(&archive, &seen);
    println!("{verdict:?} {report}");
    assert!(report["gaps"].as_u64() > Some(0), "nothing failed: {report}");
    assert!(verdict.exact > 1_000, "{verdict:?}");
    exchange.stop("-INT");
    let log = Log::read(&truth);
    for seen in &seen {
        let changes =
            log.books.binary_search_by(|(ticker, _)| ticker.cmp(&seen.ticker)).ok().map(|at| &log.books[at].1);
        let book = changes.map(|changes| Log::book(changes, seen.at_us)).unwrap_or_default();
        // What came within the same microsecond is in the log, and may not be in the answer.
        let tied = changes.is_some_and(|changes| changes.iter().any(|change| change.at_us == seen.at_us));
        assert!(
            tied || book.digest().to_string() == seen.digest,
            "{} at {}: log and books differ",
            seen.ticker,
            seen.at_us
        );
    }
    let span = (seen[0].at_us, seen[seen.len() - 1].at_us);
    let verdict = log.judge(&archive, span, 10_000);
    println!("of 10,000 random books: {verdict:?}");
    assert!(verdict.exact > 3_000, "{verdict:?}");
}

#[test]
fn a_recorder_that_is_killed_leaves_nothing_wrong() {
    let (time, markets, rate) = dimensions();
    let exchange = Exchange::start(&["--markets", &markets, "--rate", &rate, "--seed", "7"]);
    let handed = Handed::of(&exchange);
    let folder = tempfile::tempdir().unwrap();
    let archive = folder.path().join("archive").to_str().unwrap().to_owned();
    let (until, mut seen) = (Instant::now() + time, Vec::new());
    while Instant::now() < until {
        let recorder = Recorder::start(&handed, &archive, &[]);
        seen.extend(witness(&handed, Instant::now() + Duration::from_secs(3)));
        recorder.kill();
    }
    let recorder = Recorder::start(&handed, &archive, &[]);
    seen.extend(witness(&handed, Instant::now() + Duration::from_secs(3)));
    recorder.stop();
    let verdict = judge(&archive, &seen);
    println!("{verdict:?}");
    assert!(verdict.exact > 1_000, "{verdict:?}");
    let verified =
        Command::new(env!("CARGO_BIN_EXE_daybook")).args(["verify", "--deep", "--archive", &archive]).output().unwrap();
    assert!(matches!(verified.status.code(), Some(0 | 4)), "{}", String::from_utf8_lossy(&verified.stderr));
    exchange.stop("-INT");
}
