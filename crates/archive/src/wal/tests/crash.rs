//! Thousands of simulated crashes: the promises of the module's front page against a model.

use super::*;
use crate::wal::sim::{CrashModel, Faults};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

/// Enough for some 8000 crashes. `WAL_CRASH_SEEDS=from..to` runs others, such as one that failed.
const SEEDS: std::ops::Range<u64> = 0..2500;

/// What the log was asked to hold.
#[derive(Debug, Default)]
struct Model {
    /// Everything appended since the beginning that may still exist, acknowledged or not.
    batches: Vec<Batch>,
    acknowledged: u64,
    /// Records below may have been removed.
    truncated: u64,
    /// All batches have this length and one record: what is cut and what replaces it then have the same places.
    uniform: Option<usize>,
}

impl Model {
    fn check(&self, found: &[Batch], report: &RecoveryReport) {
        let RecoveryReport { oldest_ordinal, next_ordinal, .. } = *report;
        assert!(next_ordinal >= self.acknowledged, "acknowledged {} but {report:?}", self.acknowledged);
        assert!(oldest_ordinal <= self.truncated, "truncated below {} but {report:?}", self.truncated);
        let start = self.batches.partition_point(|batch| batch.first_ordinal < oldest_ordinal);
        let expected = &self.batches[start..start + found.len()];
        assert!(found == expected, "other batches than those appended: {report:?}");
        let end = found.last().map_or(oldest_ordinal, Batch::end_ordinal);
        assert_eq!(end, next_ordinal);
    }

    fn accept(&mut self, report: &RecoveryReport) {
        self.batches.retain(|batch| batch.end_ordinal() <= report.next_ordinal);
        self.acknowledged = report.next_ordinal;
    }
}

fn some_faults(rng: &mut SmallRng) -> Faults {
    let mut faults = Faults { short_writes: rng.random_ratio(1, 4), ..Faults::default() };
    match rng.random_range(0..8) {
        0 => faults.fail_write = Some(rng.random_range(1..40)),
        1 => faults.fail_sync = Some(rng.random_range(1..30)),
        2 => faults.space = Some(rng.random_range(0..60_000)),
        _ => faults.power_loss = Some(rng.random_range(1..100)),
    }
    faults
}

fn some_payload(rng: &mut SmallRng, disk: &SimDisk, uniform: Option<usize>) -> Vec<u8> {
    if let Some(len) = uniform {
        return (0..len).map(|_| rng.random()).collect();
    }
    let len = match rng.random_range(0..10) {
        0 => rng.random_range(0..12_000),
        1 => 0,
        _ => rng.random_range(0..900),
    };
    match rng.random_range(0..10) {
        0 => vec![0; len],
        // The worst payload there is: the log itself, with frames that are valid elsewhere.
        1 => disk.contents().into_values().next_back().unwrap_or_default(),
        _ => (0..len).map(|_| rng.random()).collect(),
    }
}

/// One life of a writer: recovers, checks, works until something fails or it has had enough.
fn live(rng: &mut SmallRng, disk: &SimDisk, model: &mut Model, options: &WalOptions) -> Result<(), WalError> {
    let (found, mut wal, report) = recover(disk, options)?;
    model.check(&found, &report);
    model.accept(&report);
    if rng.random_ratio(1, 4) {
        let (again, second) = read(disk, options)?;
        assert!(again == found && second.torn_tail.is_none(), "a second recovery found something else");
    }
    let worked = work(rng, disk, model, &mut wal);
    assert!(wal.acknowledged() >= model.acknowledged, "the acknowledged position fell");
    model.acknowledged = wal.acknowledged();
    worked?;
    if rng.random_ratio(1, 4) { wal.close() } else { Ok(()) }
}

fn work(rng: &mut SmallRng, disk: &SimDisk, model: &mut Model, wal: &mut Wal) -> Result<(), WalError> {
    for _ in 0..rng.random_range(0..80) {
        match rng.random_range(0..20) {
            0 => wal.rotate()?,
            1 => {
                let span = model.acknowledged.saturating_sub(wal.oldest_ordinal());
                let below = wal.oldest_ordinal() + rng.random_range(0..=span);
                let below = if rng.random_ratio(1, 8) { wal.next_ordinal() } else { below };
                model.truncated = model.truncated.max(below);
                wal.truncate_before(below)?;
            }
            2..8 => model.acknowledged = wal.sync()?,
            _ => {
                let payload = some_payload(rng, disk, model.uniform);
                let records = if model.uniform.is_some() { 1 } else { rng.random_range(1..50) };
                let first_ordinal = wal.next_ordinal();
                // Before the call, since a batch whose append fails may survive nevertheless.
                model.batches.push(Batch { first_ordinal, records, payload: payload.clone() });
                assert_eq!(wal.append(&payload, records)?, first_ordinal);
            }
        }
        assert!(wal.acknowledged() >= model.acknowledged);
        assert!(wal.next_ordinal() >= wal.acknowledged());
    }
    Ok(())
}

fn run(seed: u64) -> (u32, u32) {
    let mut rng = SmallRng::seed_from_u64(seed);
    let uniform = rng.random_ratio(1, 3).then(|| [30, 464, 1500][rng.random_range(0..3)]);
    let (disk, mut model) = (SimDisk::new(seed), Model { uniform, ..Model::default() });
    let crash = CrashModel { garbage: rng.random(), stale: rng.random() };
    let (mut crashes, mut during_recovery) = (0, 0);
    for _ in 0..rng.random_range(2..6) {
        let early = rng.random_ratio(1, 3);
        disk.set_faults(match early {
            // Recovery itself takes a dozen changing operations.
            true => Faults { power_loss: Some(rng.random_range(1..14)), ..Faults::default() },
            false => some_faults(&mut rng),
        });
        let options = WalOptions { floor: model.acknowledged, salt_seed: rng.random(), ..options() };
        let before = model.acknowledged;
        if let Err(error) = live(&mut rng, &disk, &mut model, &options) {
            let expected = matches!(error, WalError::Io { .. } | WalError::Poisoned { .. });
            assert!(expected, "a healthy log is refused: {error}");
            during_recovery += u32::from(early && before == model.acknowledged);
        }
        // Now and then only the process ends, not the power.
        if rng.random_ratio(3, 4) {
            disk.crash(rng.random(), crash);
            crashes += 1;
        } else {
            disk.kill();
        }
    }
    disk.set_faults(Faults::default());
    let options = WalOptions { floor: model.acknowledged, ..options() };
    let (found, _, report) = recover(&disk, &options).unwrap();
    model.check(&found, &report);
    (crashes, during_recovery)
}

#[test]
fn every_crash_leaves_what_was_acknowledged_and_a_prefix_of_the_rest() {
    let seeds = std::env::var("WAL_CRASH_SEEDS").ok().map_or(SEEDS, |range| {
        let (from, to) = range.split_once("..").unwrap();
        from.parse().unwrap()..to.parse().unwrap()
    });
    let all = seeds == SEEDS;
    let (mut crashes, mut during_recovery) = (0, 0);
    for seed in seeds {
        let result = std::panic::catch_unwind(|| run(seed));
        let Ok(counts) = result else { panic!("seed {seed} fails; WAL_CRASH_SEEDS={seed}..{} repeats it", seed + 1) };
        crashes += counts.0;
        during_recovery += counts.1;
    }
    println!("{crashes} crashes, {during_recovery} of them during or right after recovery");
    assert!(!all || (crashes > 5000 && during_recovery > 500), "the workload has become too tame");
}
