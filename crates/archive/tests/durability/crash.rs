//! A writer over a simulated disk and a failing store, ended at random moments again and again.

use std::{
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use daybook_archive::{
    Archive, Batch, Clock, Error, OpenOptions, Writer, WriterOptions,
    coverage::Interval,
    history::Version,
    schema::Table,
    store::Store,
    wal::{
        CommitPolicy,
        sim::{CrashModel, Faults, SimDisk},
    },
};
use rand::{Rng, SeedableRng, rngs::SmallRng};
use tempfile::TempDir;

use crate::{
    failing::FailingStore,
    naive::{Naive, ladders},
    rows, setting,
    venue::{Entry, Venue, batch},
};

const WAL: &str = "/wal";
/// Lives of one archive: each but the last ends in a crash.
const LIVES: u64 = 8;

#[derive(Debug, Default)]
struct Tally {
    crashes: u64,
    torn: u64,
    interrupted_sealings: u64,
    failed_openings: u64,
    lost_batches: u64,
    readers: u64,
    events: u64,
}

impl Tally {
    fn add(&mut self, other: &Tally) {
        self.crashes += other.crashes;
        self.torn += other.torn;
        self.interrupted_sealings += other.interrupted_sealings;
        self.failed_openings += other.failed_openings;
        self.lost_batches += other.lost_batches;
        self.readers += other.readers;
        self.events += other.events;
    }
}

#[test]
fn what_was_acknowledged_survives_every_crash() {
    let (wanted, first) = (setting("DAYBOOK_CRASHES", 240), setting("DAYBOOK_SEED", 0));
    let (next, total) = (AtomicU64::new(first), Mutex::new(Tally::default()));
    let work = || {
        while total.lock().unwrap().crashes < wanted {
            let seed = next.fetch_add(1, Ordering::SeqCst);
            let mut tally = Tally::default();
            let run = catch_unwind(AssertUnwindSafe(|| Run::new(seed).live(&mut tally)));
            if let Err(panic) = run {
                eprintln!("seed {seed} failed: DAYBOOK_SEED={seed} DAYBOOK_CRASHES=1 repeats it");
                resume_unwind(panic);
            }
            total.lock().unwrap().add(&tally);
        }
    };
    std::thread::scope(|scope| {
        let threads = std::thread::available_parallelism().map_or(1, |threads| threads.get()).min(wanted as usize);
        (0..threads).for_each(|_| drop(scope.spawn(work)));
    });
    println!("{} archives: {:?}", next.into_inner() - first, total.into_inner().unwrap());
}

/// A batch that is not known to have survived.
struct Pending {
    entries: Vec<Entry>,
    acknowledged: bool,
}

struct Run {
    seed: u64,
    rng: SmallRng,
    venue: Venue,
    disk: SimDisk,
    store: Store,
    /// For an archive in a folder.
    dir: Option<TempDir>,
    /// Batches known to have survived, and what they held.
    settled: u64,
    naive: Naive,
    /// The same batches in an archive that never failed.
    control: Writer,
    pending: Vec<Pending>,
    faults: Arc<FailingStore>,
}

fn options(disk: SimDisk, seed: u128) -> WriterOptions {
    WriterOptions {
        wal_dir: Some(WAL.into()),
        disk: Arc::new(disk),
        commit: CommitPolicy { interval: Duration::MAX, max_bytes: u64::MAX },
        seal_deltas: usize::MAX,
        now: || Duration::from_secs(1_786_600_000),
        seed,
    }
}

impl Run {
    fn new(seed: u64) -> Run {
        let dir = seed.is_multiple_of(4).then(|| tempfile::tempdir().unwrap());
        let root = dir.as_ref().map_or("memory://".to_owned(), |dir| dir.path().join("archive").display().to_string());
        let control = Writer::open_store(Store::open("memory://").unwrap(), options(SimDisk::new(0), 1)).unwrap();
        Run {
            seed,
            rng: SmallRng::seed_from_u64(seed),
            venue: Venue::new(),
            disk: SimDisk::new(seed),
            store: Store::open(&root).unwrap(),
            dir,
            settled: 0,
            naive: Naive::default(),
            control,
            pending: Vec::new(),
            faults: FailingStore::never(),
        }
    }

    fn live(mut self, tally: &mut Tally) {
        for life in 0..LIVES {
            let last = life + 1 == LIVES;
            self.faults = if last { FailingStore::never() } else { self.plan_faults() };
            let mut options = options(self.disk.clone(), self.rng.random());
            options.commit.max_bytes = *[u64::MAX, 4_000, 20_000].get(self.rng.random_range(0..3)).unwrap();
            // Seals by itself, in a thread of its own: such a run is not repeated exactly by its seed.
            if self.seed % 2 == 1 {
                options.seal_deltas = self.rng.random_range(20..300);
            }
            let opened = Writer::open_store(self.store.with_faults(self.faults.clone()), options);
            let writer = match opened {
                Ok(writer) => writer,
                Err(error) => {
                    assert!(!last, "the last opening, without faults, failed: {error}");
                    tally.failed_openings += 1;
                    self.end(tally);
                    continue;
                }
            };
            tally.torn += u64::from(writer.torn_tail().is_some());
            self.settle(writer.archive(), writer.next_ordinal(), tally);
            self.check(writer.archive(), &self.naive, Some(self.control.archive()));
            let closed = self.work(writer, last);
            match closed {
                Ok(archive) => self.check(&archive, &self.naive, Some(self.control.archive())),
                Err(_) => tally.interrupted_sealings += u64::from(self.faults.happened()),
            }
            if !last {
                self.end(tally);
            }
        }
        tally.events += self.naive.len();
    }

    /// What will go wrong in a life.
    fn plan_faults(&mut self) -> Arc<FailingStore> {
        let rng = &mut self.rng;
        let at = rng.random_range(1..150);
        let mut faults = Faults { short_writes: rng.random_bool(0.2), ..Faults::default() };
        match rng.random_range(0..10) {
            0 | 1 => faults.power_loss = Some(at),
            2 => faults.fail_write = Some(at),
            3 => faults.fail_sync = Some(at / 2 + 1),
            4 => faults.space = Some(at * 700),
            _ => {}
        }
        self.disk.set_faults(faults);
        // A sealing writes twenty to forty files, most of them after the first.
        match rng.random_range(0..10) {
            0..3 => FailingStore::writes(at, true, rng.random_bool(0.5)),
            3..5 => FailingStore::done_writes(at),
            5..7 => FailingStore::writes(at, false, rng.random_bool(0.5)),
            7 => FailingStore::reads(at),
            _ => FailingStore::never(),
        }
    }

    /// The end of a process: of power, of the process alone, or of nothing but the writer.
    fn end(&mut self, tally: &mut Tally) {
        tally.crashes += 1;
        match self.rng.random_range(0..10) {
            0..6 => {
                let model = CrashModel { garbage: self.rng.random_bool(0.5), stale: self.rng.random_bool(0.5) };
                self.disk.crash(self.rng.random(), model);
            }
            _ => self.disk.kill(),
        }
        if let Some(archive) = self.reader() {
            tally.readers += 1;
            let survived = survivors(&archive) - self.settled;
            let naive = self.naive_with(survived);
            self.check(&archive, &naive, None);
        }
    }

    /// An archive opened for reading, beside a writer or after a crash, where that is possible.
    fn reader(&self) -> Option<Archive> {
        let dir = self.dir.as_ref()?;
        let wal = tempfile::tempdir().unwrap();
        for (path, bytes) in self.disk.contents() {
            std::fs::write(wal.path().join(path.file_name().unwrap()), bytes).unwrap();
        }
        let options = OpenOptions { wal_dir: Some(wal.path().to_owned()), only: None };
        match Archive::open(dir.path().join("archive").to_str().unwrap(), options) {
            Ok(archive) => Some(archive),
            Err(Error::NoArchive { .. }) => None,
            Err(error) => panic!("a reader cannot open it: {error}"),
        }
    }

    fn naive_with(&self, count: u64) -> Naive {
        let mut naive = self.naive.clone();
        assert!(count <= self.pending.len() as u64, "{count} batches of {} are there", self.pending.len());
        naive.extend(self.pending[..count as usize].iter().flat_map(|pending| &pending.entries));
        naive
    }

    /// After an opening: finds out which batches survived, and decides what becomes of the others.
    fn settle(&mut self, archive: &Archive, next_ordinal: u64, tally: &mut Tally) {
        let faults = self.faults.clone();
        let _pause = faults.pause();
        let survived = survivors(archive);
        assert!(survived >= self.settled, "{survived} of {} settled batches are left", self.settled);
        let count = (survived - self.settled) as usize;
        let acknowledged = self.pending.iter().filter(|pending| pending.acknowledged).count();
        assert!(count >= acknowledged, "{count} of {acknowledged} acknowledged batches survived");
        assert!(count <= self.pending.len(), "{count} of {} batches appended survived", self.pending.len());
        for pending in self.pending.drain(..count) {
            self.naive.extend(&pending.entries);
            self.control.append(batch(&pending.entries, self.settled)).unwrap();
            self.settled += 1;
        }
        assert_eq!(next_ordinal, self.naive.len(), "the next ordinal");
        tally.lost_batches += self.pending.len() as u64;
        if self.rng.random_bool(0.5) {
            // As an import does it: what was lost is heard again.
            for pending in &mut self.pending {
                pending.acknowledged = false;
            }
            let heard = std::mem::take(&mut self.pending);
            self.plan(self.venue.greeting());
            self.pending.extend(heard);
        } else {
            // As a recorder does it.
            self.pending.clear();
            let mut entries = self.venue.greeting();
            entries.extend(self.venue.lost(&mut self.rng));
            self.plan(entries);
        }
    }

    fn plan(&mut self, entries: Vec<Entry>) {
        self.pending.push(Pending { entries, acknowledged: false });
    }

    /// Appends, syncs, seals and compacts until something fails or the time has come.
    fn work(&mut self, mut writer: Writer, last: bool) -> Result<Archive, Error> {
        let mut next = 0;
        for _ in 0..self.rng.random_range(4..30) {
            while next < self.pending.len() {
                self.append(&mut writer, next)?;
                next += 1;
            }
            match self.rng.random_range(0..100) {
                0..70 => {
                    let entries = self.venue.hear(&mut self.rng);
                    self.plan(entries);
                }
                70..74 => {
                    let entries = self.venue.outage(&mut self.rng);
                    self.plan(entries);
                }
                74..86 => {
                    writer.sync()?;
                    self.acknowledge();
                }
                86..94 => {
                    writer.seal()?;
                    self.acknowledge();
                }
                94..97 => {
                    writer.compact(2)?;
                    self.acknowledge();
                }
                97 => self.check(writer.archive(), &self.naive_with(next as u64), None),
                _ => {
                    if let Some(archive) = self.reader() {
                        let naive = self.naive_with(survivors(&archive) - self.settled);
                        self.check(&archive, &naive, None);
                    }
                }
            }
        }
        if !last && self.rng.random_bool(0.8) {
            drop(writer);
            return Err(Error::NoLogDirectory);
        }
        while next < self.pending.len() {
            self.append(&mut writer, next)?;
            next += 1;
        }
        let archive = writer.close()?;
        self.acknowledge();
        for pending in std::mem::take(&mut self.pending) {
            self.naive.extend(&pending.entries);
            self.control.append(batch(&pending.entries, self.settled)).unwrap();
            self.settled += 1;
        }
        Ok(archive)
    }

    fn append(&mut self, writer: &mut Writer, number: usize) -> Result<(), Error> {
        let batch: Batch = batch(&self.pending[number].entries, self.settled + number as u64);
        writer.append(batch)?;
        // All below this ordinal is said to be safe.
        let mut ordinal = self.naive.len();
        for pending in &mut self.pending[..=number] {
            let ordinals = pending.entries.iter().filter(|entry| entry.takes_ordinal()).count() as u64;
            ordinal += ordinals;
            pending.acknowledged |= ordinals > 0 && ordinal <= writer.acknowledged();
        }
        Ok(())
    }

    fn acknowledge(&mut self) {
        for pending in &mut self.pending {
            pending.acknowledged = true;
        }
    }

    /// Compares an archive with what was recorded, with the control, and with the truth.
    fn check(&self, archive: &Archive, naive: &Naive, control: Option<&Archive>) {
        let _pause = self.faults.pause();
        let found = rows::of(archive).unwrap_or_else(|problem| panic!("{problem}"));
        for (at, (ordinal, (table, row))) in (0..).zip(&found) {
            assert!(*ordinal < naive.len(), "ordinal {ordinal} of {} was never appended", table.name());
            assert_eq!(*ordinal, at, "an ordinal is missing");
            assert_eq!(
                (table, row),
                {
                    let (table, row) = naive.row(at);
                    (table, row)
                },
                "ordinal {ordinal}"
            );
        }
        assert_eq!(found.len() as u64, naive.len(), "rows");
        assert_eq!(archive.tickers().unwrap(), naive.tickers(), "markets");
        if let Some(control) = control {
            for ticker in naive.tickers() {
                let (timeline, expected) = (archive.timeline(&ticker).unwrap(), control.timeline(&ticker).unwrap());
                let (timeline, expected) = (timeline.unwrap(), expected.unwrap());
                assert_eq!(timeline.intervals().len(), expected.intervals().len(), "intervals of {ticker}");
                for (found, expected) in timeline.intervals().iter().zip(expected.intervals()) {
                    assert!(same_interval(found, expected), "{ticker}: {found:?} is not {expected:?}");
                }
            }
            for table in [Table::Series, Table::Markets] {
                let versions = |archive: &Archive| archive.versions(table).unwrap().versions().cloned().collect();
                let (found, expected): (Vec<Version>, Vec<Version>) = (versions(archive), versions(control));
                assert_eq!(found, expected, "{}", table.name());
            }
        }
        let mut rng = SmallRng::seed_from_u64(self.rng.clone().random());
        for ticker in naive.tickers() {
            for _ in 0..6 {
                self.check_book(archive, naive, control, &ticker, &mut rng);
            }
        }
        let verified = archive.verify(None, true, &mut ()).unwrap();
        assert_eq!(verified.findings, [], "verification");
    }

    fn check_book(
        &self,
        archive: &Archive,
        naive: &Naive,
        control: Option<&Archive>,
        ticker: &str,
        rng: &mut SmallRng,
    ) {
        let clock = if rng.random_bool(0.5) { Clock::Exchange } else { Clock::Received };
        let at = self.venue.instant(rng);
        let answer = archive.book(ticker, at, clock).unwrap();
        let told = format!("{ticker} at {at} on {clock:?}, {:?}", answer.gap);
        let expected = naive.book(ticker, answer.last_ordinal, at, clock);
        let expected = expected.unwrap_or_else(|problem| panic!("{told}: {problem}"));
        assert_eq!(ladders(&answer.book), expected, "{told}: the book after ordinal {:?}", answer.last_ordinal);
        if answer.exact {
            let truth = self.venue.truth(ticker, at, clock == Clock::Received);
            assert_eq!(Some(&expected), truth, "{told}: called exact, but not what the venue had");
        }
        if let Some(control) = control {
            let other = control.book(ticker, at, clock).unwrap();
            let found = (&answer.book, answer.last_ordinal);
            assert_eq!(found, (&other.book, other.last_ordinal), "{told}: not as in the control");
            // That a market was quiet is forgotten with the process, unless an event or an end of it follows.
            assert!(other.exact || !answer.exact, "{told}: exact, though the control has {:?}", other.gap);
            let followed = naive.is_followed(ticker, answer.last_ordinal);
            assert!(answer.exact || !other.exact || !followed, "{told}: exact in the control");
        }
    }
}

/// Whether an interval is as in the control. How far a quiet market is known to have been quiet is forgotten with the
/// process: an interval may end at its last event, and the one after it begin there.
fn same_interval(found: &Interval, expected: &Interval) -> bool {
    let what = |interval: &Interval| {
        let Interval { connection, sid, standing, first_ordinal, last_ordinal, began, ended, .. } = interval.clone();
        (connection, sid, standing, first_ordinal, last_ordinal, began, ended)
    };
    let times = [
        (found.from_effective, expected.from_effective),
        (found.from_recv, expected.from_recv),
        (found.to_effective, expected.to_effective),
        (found.to_recv, expected.to_recv),
    ];
    what(found) == what(expected) && times.iter().all(|(found, expected)| found <= expected)
}

/// How many batches are there, as the last of them says.
pub fn survivors(archive: &Archive) -> u64 {
    archive.sources_imported().unwrap().first().map_or(0, |source| source.lines + 1)
}
