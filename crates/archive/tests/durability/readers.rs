//! Archives opened for reading beside a writer that appends, seals and compacts: each sees one moment, whole.

use std::{
    path::Path,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use daybook_archive::{Archive, Clock, OpenOptions, Writer, WriterOptions, wal::CommitPolicy};
use rand::{Rng, SeedableRng, rngs::SmallRng};

use crate::{
    crash::survivors,
    naive::{Naive, ladders},
    rows, setting,
    venue::{Entry, Venue, batch},
};

struct Shared {
    venue: Mutex<Venue>,
    /// What was appended, batch by batch.
    batches: Mutex<Vec<Vec<Entry>>>,
    done: AtomicBool,
    opened: AtomicU64,
}

#[test]
fn a_reader_beside_a_writer_sees_one_moment() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().to_str().unwrap().to_owned();
    let shared = Shared {
        venue: Mutex::new(Venue::new()),
        batches: Mutex::default(),
        done: AtomicBool::new(false),
        opened: AtomicU64::new(0),
    };
    let options = WriterOptions {
        commit: CommitPolicy { interval: Duration::from_millis(2), max_bytes: 4_000 },
        seal_deltas: 150,
        ..WriterOptions::new(7)
    };
    let writer = Writer::open(&root, options).unwrap();
    std::thread::scope(|scope| {
        let readers = [1, 2].map(|seed| {
            scope.spawn({
                let (shared, root) = (&shared, &root);
                move || read(shared, Path::new(root), seed)
            })
        });
        let inside = scope.spawn({
            let (shared, archive) = (&shared, writer.archive().clone());
            move || ask(shared, &archive)
        });
        let written = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| write(&shared, writer)));
        shared.done.store(true, Ordering::SeqCst);
        for reader in readers.into_iter().chain([inside]) {
            reader.join().unwrap();
        }
        written.unwrap();
    });
    let batches = shared.batches.lock().unwrap().len();
    println!("{} openings beside a writer of {batches} batches", shared.opened.load(Ordering::SeqCst));
}

fn write(shared: &Shared, mut writer: Writer) {
    let mut rng = SmallRng::seed_from_u64(3);
    let mut next = 0;
    let mut append = |writer: &mut Writer, entries: Vec<Entry>| {
        let batch = batch(&entries, next);
        // Before it is there, so that no reader knows more than this test.
        shared.batches.lock().unwrap().push(entries);
        writer.append(batch).unwrap();
        next += 1;
    };
    append(&mut writer, shared.venue.lock().unwrap().greeting());
    for _ in 0..setting("DAYBOOK_READER_BATCHES", 250) {
        let entries = {
            let mut venue = shared.venue.lock().unwrap();
            if rng.random_bool(0.05) { venue.outage(&mut rng) } else { venue.hear(&mut rng) }
        };
        append(&mut writer, entries);
        match rng.random_range(0..100) {
            0..3 => {
                writer.compact(2).unwrap();
            }
            3..6 => writer.seal().unwrap(),
            _ => {}
        }
    }
    writer.close().unwrap();
}

/// Opens the archive again and again, as another process would.
fn read(shared: &Shared, root: &Path, seed: u64) {
    let mut rng = SmallRng::seed_from_u64(seed);
    let (mut naive, mut known) = (Naive::default(), 0);
    while !shared.done.load(Ordering::SeqCst) {
        let archive = Archive::open(root.to_str().unwrap(), OpenOptions::default());
        let archive = archive.unwrap_or_else(|error| panic!("a reader cannot open the archive: {error}"));
        shared.opened.fetch_add(1, Ordering::SeqCst);
        let count = survivors(&archive) as usize;
        assert!(count >= known, "{count} batches after {known}");
        naive.extend(shared.batches.lock().unwrap()[known..count].iter().flatten());
        known = count;
        let found = rows::of(&archive).unwrap_or_else(|problem| panic!("{problem}"));
        assert!(found.keys().copied().eq(0..naive.len()), "{} rows of {}", found.len(), naive.len());
        for (ordinal, row) in &found {
            assert_eq!(row, naive.row(*ordinal), "ordinal {ordinal}");
        }
        assert_eq!(archive.tickers().unwrap(), naive.tickers());
        for ticker in naive.tickers() {
            for _ in 0..3 {
                let clock = if rng.random_bool(0.5) { Clock::Exchange } else { Clock::Received };
                let at = shared.venue.lock().unwrap().instant(&mut rng);
                let answer = archive.book(&ticker, at, clock).unwrap();
                let expected = naive.book(&ticker, answer.last_ordinal, at, clock);
                let expected = expected.unwrap_or_else(|problem| panic!("{ticker} at {at} on {clock:?}: {problem}"));
                assert_eq!(ladders(&answer.book), expected, "{ticker} at {at} on {clock:?}");
                if answer.exact {
                    let venue = shared.venue.lock().unwrap();
                    let truth = venue.truth(&ticker, at, clock == Clock::Received);
                    assert_eq!(truth, Some(&expected), "{ticker} at {at} on {clock:?} is called exact");
                }
            }
        }
    }
}

/// Asks the writer's own archive, from another thread.
fn ask(shared: &Shared, archive: &Archive) {
    let mut rng = SmallRng::seed_from_u64(9);
    while !shared.done.load(Ordering::SeqCst) {
        for ticker in archive.tickers().unwrap() {
            let clock = if rng.random_bool(0.5) { Clock::Exchange } else { Clock::Received };
            let at = shared.venue.lock().unwrap().instant(&mut rng);
            let answer = archive.book(&ticker, at, clock).unwrap();
            if answer.exact {
                let venue = shared.venue.lock().unwrap();
                let truth = venue.truth(&ticker, at, clock == Clock::Received);
                assert_eq!(Some(&ladders(&answer.book)), truth, "{ticker} at {at} on {clock:?} is called exact");
            }
        }
    }
}
