//! The report behind `docs/benchmarks.md`: what was measured, on what machine, against what.
//!
//! `cargo bench -p daybook --bench report -- [CAPTURE…]`, with captures as plain NDJSON, .gz or .zst. Each is imported
//! into an archive of its own under a temporary folder, and questions are put to it. `TRUTH=FILE`, as the generator
//! writes it, has every answer compared as well. `FILTERED=1` is for captures that hold a selection of their
//! subscriptions' markets. Peers are asked the same questions where there are any: DuckDB if `PYTHON` (`python3`) has
//! the packages duckdb and psycopg, PostgreSQL if `DATABASE_URL` names a server as well.

use std::{
    fs,
    hint::black_box,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use daybook::import::{ImportOptions, Next, Source, Watch, import};
use daybook_archive::{
    Archive, Clock, OpenOptions, Writer, WriterOptions, coverage::Standing, schema::Table, wal::CommitPolicy,
};
use daybook_kalshi::{CaptureLine, Frame, WrapperFields};
use rand::{Rng, SeedableRng, rngs::SmallRng};
use serde_json::json;

struct Quiet;

impl Watch for Quiet {
    fn begin(&self, _: &Source) {}
    fn advance(&self, _: u64, _: u64) {}
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    machine();
    if arguments.is_empty() {
        println!("no captures named: nothing measured");
    }
    for argument in &arguments {
        if let Err(error) = report(Path::new(argument)) {
            println!("{argument}: {error}");
            std::process::exit(1);
        }
    }
}

fn machine() {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model =
        cpu.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or("").trim_matches([' ', ':', '\t']);
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!("machine: {model}, {cores} cores, load average {}", load.split(' ').next().unwrap_or("?"));
}

fn report(capture: &Path) -> Result<(), Box<dyn std::error::Error>> {
    println!("\n## {}", capture.display());
    parse(capture)?;
    let folder = tempfile::tempdir()?;
    let root = folder.path().join("archive");
    let root = root.to_string_lossy().into_owned();
    let began = Instant::now();
    let mut options = WriterOptions::new(1);
    options.commit = CommitPolicy { interval: Duration::from_millis(500), max_bytes: 64 << 20 };
    let mut writer = Writer::open(&root, options)?;
    let source = Source::File(PathBuf::from(capture));
    let filtered = std::env::var_os("FILTERED").is_some();
    let taken = import(&mut writer, &source, &ImportOptions { filtered, ..ImportOptions::new(1) }, &Quiet)?;
    writer.seal()?;
    let sealed = began.elapsed();
    writer.compact(9)?;
    writer.close()?;
    let done = began.elapsed();
    println!(
        "import, durable and sealed   {:>8.3} M frames/s ({} frames in {sealed:.1?}; with compaction {done:.1?})",
        rate(taken.lines, sealed),
        taken.lines,
    );
    println!("peak memory so far           {:>8} MiB", peak_mebibytes());

    let archive = Archive::open(&root, OpenOptions::default())?;
    let catalog = archive.catalog();
    let deltas: u64 = catalog.table(Table::Deltas).files.iter().map(|file| file.rows).sum();
    for table in [Table::Deltas, Table::Keyframes, Table::Trades] {
        let bytes: u64 = catalog.table(table).files.iter().map(|file| file.size).sum();
        println!(
            "bytes per delta, {:<12}{:>8.3} ({} files)",
            table.name(),
            ratio(bytes, deltas),
            catalog.table(table).files.len()
        );
    }

    let began = Instant::now();
    let folded = archive.fold_all()?;
    println!(
        "fold of every delta, cold    {:>8.1} M deltas/s ({} diverged)",
        rate(folded.deltas, began.elapsed()),
        folded.diverged
    );
    let best = (0..5).map(|_| {
        let began = Instant::now();
        black_box(archive.fold_all().map(|folded| folded.deltas).unwrap_or(0));
        began.elapsed()
    });
    println!(
        "fold of every delta, warm    {:>8.1} M deltas/s (best of 5, one core)",
        rate(deltas, best.min().unwrap_or_default())
    );

    books(&archive)?;
    fresh(&archive, &root)?;
    truth(&archive)?;
    peers(&archive, &root, folder.path())?;
    Ok(())
}

/// The same questions to others, by `peers.py`: to DuckDB over the same files, and to PostgreSQL with the same rows.
fn peers(archive: &Archive, root: &str, folder: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".to_owned());
    if !Command::new(&python).args(["-c", "import duckdb"]).stderr(Stdio::null()).status().is_ok_and(|it| it.success())
    {
        println!("peers                        not compared: `{python}` has no package duckdb (PYTHON names another)");
        return Ok(());
    }
    let mut questions = String::new();
    for (ticker, at) in instants(archive, 400)? {
        // Whole microseconds, as they have no finer time; and no gaps, in which every answer may be wrong.
        let micros = at.div_euclid(1_000);
        let answer = archive.book(&ticker, micros * 1_000, Clock::Exchange)?;
        if answer.standing != Standing::Gap {
            let told = daybook::commands::book_json(&answer);
            let question = json!({"ticker": ticker, "at_us": micros, "yes": told["yes"], "no": told["no"]});
            questions.push_str(&format!("{question}\n"));
        }
    }
    let file = folder.join("questions.ndjson");
    fs::write(&file, questions)?;
    let catalog = archive.catalog();
    let paths = |table: Table| -> Vec<String> {
        catalog.table(table).files.iter().map(|file| format!("{root}/{}", file.path)).collect()
    };
    let files = folder.join("files.json");
    fs::write(&files, json!({"deltas": paths(Table::Deltas), "keyframes": paths(Table::Keyframes)}).to_string())?;
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/peers.py");
    let status = Command::new(python).arg(script).arg(files).arg(file).status()?;
    if status.success() { Ok(()) } else { Err("the comparison with peers failed".into()) }
}

/// What parsing costs, without anything else.
fn parse(capture: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let mut lines = Source::File(capture.to_owned()).open()?;
    let mut frames: Vec<Vec<u8>> = Vec::new();
    while let Next::Line(line) = lines.poll_line()? {
        let captured = CaptureLine::parse(line, &WrapperFields::default())?;
        if memchr::memmem::find(&captured.frame, b"\"orderbook_delta\"").is_some() {
            frames.push(captured.frame.into_owned());
        }
        if frames.len() == 200_000 {
            break;
        }
    }
    let best = (0..5).map(|_| {
        let began = Instant::now();
        for frame in &frames {
            let _ = black_box(Frame::parse(black_box(frame)));
        }
        began.elapsed()
    });
    println!(
        "parse a delta frame          {:>8.2} M/s per core (best of 5, {} frames)",
        rate(frames.len() as u64, best.min().unwrap_or_default()),
        frames.len()
    );
    Ok(())
}

fn instants(archive: &Archive, count: usize) -> Result<Vec<(String, i64)>, Box<dyn std::error::Error>> {
    let mut markets = Vec::new();
    for ticker in archive.tickers()? {
        let extent = archive.timeline(&ticker)?.and_then(|timeline| timeline.extent(Clock::Exchange));
        if let Some((from, to)) = extent.filter(|(from, to)| from < to) {
            markets.push((ticker, from, to));
        }
    }
    let mut random = SmallRng::seed_from_u64(7);
    Ok((0..count)
        .map(|_| {
            let (ticker, from, to) = &markets[random.random_range(0..markets.len())];
            (ticker.clone(), random.random_range(*from..*to))
        })
        .collect())
}

fn books(archive: &Archive) -> Result<(), Box<dyn std::error::Error>> {
    let questions = instants(archive, 20_000)?;
    // Once around, so that files are open and what is remembered of them is there.
    for (ticker, at) in &questions {
        black_box(archive.book(ticker, *at, Clock::Exchange)?);
    }
    let mut times = Vec::with_capacity(questions.len());
    let other = instants(archive, 40_000)?;
    for (ticker, at) in &other[20_000..] {
        let began = Instant::now();
        black_box(archive.book(ticker, *at, Clock::Exchange)?);
        times.push(began.elapsed());
    }
    println!("book at an instant, warm     {}", percentiles(&mut times));
    Ok(())
}

fn fresh(archive: &Archive, root: &str) -> Result<(), Box<dyn std::error::Error>> {
    let run = |arguments: &[&str]| -> std::io::Result<Duration> {
        let began = Instant::now();
        let status = Command::new(env!("CARGO_BIN_EXE_daybook"))
            .args(arguments)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()?;
        let took = began.elapsed();
        match status.code() {
            Some(0 | 4) => Ok(took),
            code => Err(std::io::Error::other(format!("exit code {code:?} of {arguments:?}"))),
        }
    };
    let (mut start, mut book) = (Vec::new(), Vec::new());
    for (ticker, at) in instants(archive, 300)? {
        start.push(run(&["--version"])?);
        let at = at.to_string();
        book.push(run(&["book", &ticker, "--at", &at, "--format", "json", "--archive", root])?);
    }
    println!("process start alone          {}", percentiles(&mut start));
    println!("first query, fresh process   {} (start included)", percentiles(&mut book));
    Ok(())
}

fn truth(archive: &Archive) -> Result<(), Box<dyn std::error::Error>> {
    let Ok(path) = std::env::var("TRUTH") else { return Ok(()) };
    let (mut right, mut wrong, mut exact) = (0, 0, 0);
    for line in fs::read_to_string(path)?.lines() {
        let point: serde_json::Value = serde_json::from_str(line)?;
        let (Some(ticker), Some(at)) = (point["ticker"].as_str(), point["at_ns"].as_i64()) else { continue };
        let answer = archive.book(ticker, at, Clock::Exchange)?;
        let told = daybook::commands::book_json(&answer);
        if told["yes"] == point["yes"] && told["no"] == point["no"] {
            right += 1
        } else {
            wrong += 1
        }
        exact += u64::from(answer.exact);
    }
    println!("books compared with truth    {right} right ({exact} claimed exact), {wrong} wrong");
    Ok(())
}

// A report is for people to read: its figures may be rounded, and touch no price or quantity.
#[expect(clippy::float_arithmetic)]
fn rate(count: u64, took: Duration) -> f64 {
    count as f64 / took.as_secs_f64() / 1e6
}

#[expect(clippy::float_arithmetic)]
fn ratio(bytes: u64, count: u64) -> f64 {
    bytes as f64 / count.max(1) as f64
}

fn percentiles(times: &mut [Duration]) -> String {
    times.sort_unstable();
    let at = |percent: usize| {
        times.get((times.len() * percent / 100).min(times.len().saturating_sub(1))).copied().unwrap_or_default()
    };
    format!("p50 {:>9.3?}  p99 {:>9.3?}  max {:>9.3?}  ({} questions)", at(50), at(99), at(100), times.len())
}

fn peak_mebibytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or("");
    line.split_whitespace().next().and_then(|kibibytes| kibibytes.parse::<u64>().ok()).unwrap_or(0) / 1_024
}
