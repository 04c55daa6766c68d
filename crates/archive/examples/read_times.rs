//! Prints what reading an archive costs: opening it, first and warm books at instants, a folding of every delta.
//!
//! `read_times ROOT [TRUTH]`, with the truth as the generator of captures writes it: every answer is then compared.

use std::time::{Duration, Instant};

use daybook_archive::{Archive, Clock, OpenOptions, schema::Table};
use daybook_book::Side;
use rand::{Rng, SeedableRng, rngs::SmallRng};

fn percentiles(mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    let at =
        |percent: usize| times.get((times.len() * percent / 100).min(times.len() - 1)).copied().unwrap_or_default();
    format!("p50 {:>9.1?}  p99 {:>9.1?}  max {:>9.1?}", at(50), at(99), at(100))
}

type AnyError = Box<dyn std::error::Error>;

fn instants(archive: &Archive, seed: u64, count: usize) -> Result<Vec<(String, i64)>, AnyError> {
    let mut markets = Vec::new();
    for ticker in archive.tickers()? {
        let extent = archive.timeline(&ticker)?.and_then(|timeline| timeline.extent(Clock::Exchange));
        if let Some((from, to)) = extent.filter(|(from, to)| from < to) {
            markets.push((ticker, from, to));
        }
    }
    let mut random = SmallRng::seed_from_u64(seed);
    let question = |_| {
        let (ticker, from, to) = &markets[random.random_range(0..markets.len())];
        (ticker.clone(), random.random_range(*from..*to))
    };
    Ok((0..count).map(question).collect())
}

fn ask(archive: &Archive, questions: &[(String, i64)]) -> Result<String, AnyError> {
    let (mut times, mut folded) = (Vec::with_capacity(questions.len()), 0);
    for (ticker, at) in questions {
        let began = Instant::now();
        let answer = archive.book(ticker, *at, Clock::Exchange)?;
        times.push(began.elapsed());
        folded += answer.deltas_applied;
    }
    Ok(format!("{}  ({} deltas folded each)", percentiles(times), folded / questions.len().max(1) as u64))
}

fn main() -> Result<(), AnyError> {
    let mut arguments = std::env::args().skip(1);
    let root = arguments.next().unwrap_or_else(|| "./data".to_owned());
    let only = std::env::var("ONLY").unwrap_or_default();
    let began = Instant::now();
    let archive = Archive::open(&root, OpenOptions::default())?;
    println!("open               {:.1?}", began.elapsed());
    let catalog = archive.catalog();
    let deltas: u64 = catalog.table(Table::Deltas).files.iter().map(|file| file.rows).sum();
    for table in [Table::Deltas, Table::Keyframes, Table::Coverage] {
        let files = &catalog.table(table).files;
        let (rows, bytes) = files.iter().fold((0, 0), |(rows, bytes), file| (rows + file.rows, bytes + file.size));
        let thousandths = bytes * 1_000 / deltas.max(1);
        println!(
            "{:<10}{:>4} files {rows:>9} rows {bytes:>11} bytes, {thousandths:>5}/1000 per delta",
            table.name(),
            files.len()
        );
    }
    if only.is_empty() || only == "books" {
        println!("books, first       {}", ask(&archive, &instants(&archive, 7, 20_000)?)?);
        println!("books, warm        {}", ask(&archive, &instants(&archive, 8, 20_000)?)?);
        println!("books, warm        {}", ask(&archive, &instants(&archive, 9, 20_000)?)?);
    }
    if only.is_empty() || only == "fold" {
        for _ in 0..3 {
            let began = Instant::now();
            let folded = archive.fold_all()?;
            let micros = began.elapsed().as_micros().max(1);
            println!(
                "fold of everything {:>5} k deltas/s, {} diverged",
                u128::from(folded.deltas) * 1_000 / micros,
                folded.diverged
            );
        }
    }
    if only == "same" {
        let (mut same, mut other) = (0, 0);
        for (ticker, streams) in archive.fold_all()?.books {
            let answer = archive.book(&ticker, i64::MAX, Clock::Exchange)?;
            let found =
                streams.iter().any(|stream| stream.book == answer.book && stream.last_ordinal == answer.last_ordinal);
            if found { same += 1 } else { other += 1 }
        }
        println!("folded alone       {same} as folded with all others, {other} not");
    }
    if let Some(truth) = arguments.next() {
        let (mut right, mut wrong, mut exact) = (0, 0, 0);
        for line in std::fs::read_to_string(truth)?.lines() {
            let point: serde_json::Value = serde_json::from_str(line)?;
            let (Some(ticker), Some(at)) = (point["ticker"].as_str(), point["at_ns"].as_i64()) else { continue };
            let answer = archive.book(ticker, at, Clock::Exchange)?;
            let ladder = |side: Side| -> Vec<[String; 2]> {
                answer.book.levels(side).map(|(price, size)| [price.to_string(), size.to_string()]).collect()
            };
            let same =
                |told: Vec<[String; 2]>, word: &str| serde_json::to_value(told).is_ok_and(|told| told == point[word]);
            if same(ladder(Side::Yes), "yes") && same(ladder(Side::No), "no") {
                right += 1
            } else {
                wrong += 1
            }
            exact += u64::from(answer.exact);
        }
        println!("compared with truth {right} right ({exact} claimed exact), {wrong} wrong");
    }
    Ok(())
}
