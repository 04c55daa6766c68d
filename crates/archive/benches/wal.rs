//! What the log costs, against the bare file system: `cargo bench -p … --bench wal`.
//!
//! Batches of 64 KiB of noise; MB are 10^6 bytes. Files are made in `WAL_BENCH_DIR`, or in the temporary directory,
//! which should be on the disk in question. Recovery reads files that were just written, from the page cache.

use daybook_archive::wal::{CommitPolicy, RealDisk, Wal, WalOptions};
use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

const PAYLOAD_BYTES: usize = 64 << 10;
const BATCHES: usize = 8 << 10;
/// A sync each time is far slower: fewer batches.
const SYNCED_BATCHES: usize = 512;
const ROUNDS: usize = 3;

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Outcome {
    let home = match std::env::var_os("WAL_BENCH_DIR") {
        Some(dir) => tempfile::tempdir_in(dir)?,
        None => tempfile::tempdir()?,
    };
    let payload: Vec<u8> =
        (0..PAYLOAD_BYTES as u64).map(|at| (at.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8).collect();
    println!("batches of {PAYLOAD_BYTES} bytes, best of {ROUNDS} rounds, in {}", home.path().display());
    let dir = home.path().join("wal");
    let raw = home.path().join("raw");

    report("raw file: write, no sync", BATCHES, || write_raw(&raw, &payload, BATCHES, usize::MAX))?;
    report("log: append, no sync until the end of each 1 GiB file", BATCHES, || {
        let mut wal = fresh(&dir, 1 << 30)?;
        let start = Instant::now();
        for _ in 0..BATCHES {
            wal.append(&payload, 1)?;
        }
        Ok(start.elapsed())
    })?;
    report("raw file: write, one fdatasync per 8 MiB", BATCHES, || write_raw(&raw, &payload, BATCHES, 128))?;
    report("log: append, group commit every 20 ms or 8 MiB", BATCHES, || {
        let mut wal = fresh(&dir, 64 << 20)?;
        let (policy, start, mut oldest) = (CommitPolicy::default(), Instant::now(), None);
        for _ in 0..BATCHES {
            let now = start.elapsed();
            wal.append(&payload, 1)?;
            oldest = oldest.or(Some(now));
            if policy.due(now, wal.pending_bytes(), oldest) {
                wal.sync()?;
                oldest = None;
            }
        }
        wal.sync()?;
        Ok(start.elapsed())
    })?;
    // The log of the last round: half a gigabyte in files of 64 MiB.
    report("raw files: read", BATCHES, || read_raw(&dir))?;
    report("log: recovery of the same files", BATCHES, || {
        let start = Instant::now();
        let mut recovery = Wal::recover(&dir, Arc::new(RealDisk), options(64 << 20))?;
        let bytes = recovery.try_fold(0, |bytes, batch| batch.map(|batch| bytes + batch.payload.len()))?;
        let (_, report) = recovery.finish()?;
        let elapsed = start.elapsed();
        assert_eq!((bytes, report.batches), (BATCHES * PAYLOAD_BYTES, BATCHES as u64));
        Ok(elapsed)
    })?;
    report("raw file: write and fdatasync each", SYNCED_BATCHES, || write_raw(&raw, &payload, SYNCED_BATCHES, 1))?;
    report("log: append and sync each", SYNCED_BATCHES, || {
        let mut wal = fresh(&dir, 64 << 20)?;
        let start = Instant::now();
        for _ in 0..SYNCED_BATCHES {
            wal.append(&payload, 1)?;
            wal.sync()?;
        }
        Ok(start.elapsed())
    })
}

fn options(file_bytes: u64) -> WalOptions {
    WalOptions { file_bytes, ..WalOptions::new(1, 2, SystemTime::UNIX_EPOCH) }
}

fn fresh(dir: &Path, file_bytes: u64) -> Outcome<Wal> {
    if dir.exists() {
        std::fs::remove_dir_all(dir)?;
    }
    Ok(Wal::recover(dir, Arc::new(RealDisk), options(file_bytes))?.finish()?.0)
}

fn write_raw(path: &Path, payload: &[u8], count: usize, sync_every: usize) -> Outcome<Duration> {
    let mut file = File::create(path)?;
    let start = Instant::now();
    for nth in 1..=count {
        file.write_all(payload)?;
        if nth % sync_every == 0 {
            file.sync_data()?;
        }
    }
    Ok(start.elapsed())
}

fn read_raw(dir: &Path) -> Outcome<Duration> {
    let mut buffer = vec![0; 256 << 10];
    let start = Instant::now();
    for entry in std::fs::read_dir(dir)? {
        let mut file = File::open(entry?.path())?;
        while file.read(&mut buffer)? > 0 {}
    }
    Ok(start.elapsed())
}

fn report(what: &str, batches: usize, mut run: impl FnMut() -> Outcome<Duration>) -> Outcome {
    let mut best = Duration::MAX;
    for _ in 0..ROUNDS {
        best = best.min(run()?);
    }
    let megabytes_per_second = (batches * PAYLOAD_BYTES) as u128 / best.as_micros().max(1);
    println!("{what:<55} {megabytes_per_second:>6} MB/s  {:>8} µs a batch", best.as_micros() / batches as u128);
    Ok(())
}
