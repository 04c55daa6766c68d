//! Drives the fuzz targets of the log on stable, with seeded input. The fuzzer itself goes further.

#[path = "../../../fuzz/src/archive.rs"]
#[allow(unreachable_pub, reason = "public in the fuzz crate, which this file is shared with")]
mod archive;

use daybook_archive::{
    BatchBuilder,
    entry::{Cause, Notice, Unparsed},
};
use rand::{Rng, RngCore, SeedableRng, rngs::SmallRng};

#[test]
fn damage_to_a_log_is_told_or_harmless() {
    let mut random = SmallRng::seed_from_u64(1);
    for _ in 0..400 {
        let mut edits = vec![0; 4 * random.random_range(1..=4)];
        random.fill_bytes(&mut edits);
        archive::log_damaged(&edits);
    }
}

#[test]
fn any_file_may_stand_in_the_place_of_a_log() {
    let mut random = SmallRng::seed_from_u64(2);
    archive::log_replaced(b"");
    for _ in 0..200 {
        let mut bytes = vec![0; random.random_range(0..12_000)];
        random.fill_bytes(&mut bytes);
        if random.random_bool(0.5) {
            let head = bytes.len().min(8);
            bytes[..head].copy_from_slice(&b"DAYBKWAL"[..head]);
        }
        archive::log_replaced(&bytes);
    }
}

#[test]
fn the_bytes_of_a_batch_may_be_any() {
    let mut builder = BatchBuilder::default();
    builder.push_notice(&Notice::End { connection: 3, cause: Cause::EndOfCapture });
    builder.push_unparsed(&Unparsed {
        recv_ts: None,
        connection: 1,
        reason: "no object".into(),
        origin: "a.ndjson:1".into(),
        raw: "\u{fffd}garbage".into(),
    });
    let sound = builder.finish();
    archive::batch(sound.bytes());
    let mut random = SmallRng::seed_from_u64(3);
    for _ in 0..20_000 {
        let mut bytes = sound.bytes().to_vec();
        for _ in 0..random.random_range(1..6) {
            let at = random.random_range(0..bytes.len());
            match random.random_range(0..3) {
                0 => bytes[at] = random.random(),
                1 => drop(bytes.splice(at..at, [0; 4])),
                _ => bytes.truncate(at.max(1)),
            }
        }
        archive::batch(&bytes);
    }
}
