//! Drives the fuzz target of the reader of times on stable, with seeded input. The fuzzer itself goes further.

#[path = "../../../fuzz/src/time.rs"]
#[allow(unreachable_pub, reason = "public in the fuzz crate, which this file is shared with")]
mod time;

use rand::{Rng, SeedableRng, rngs::SmallRng, seq::IndexedRandom};

const TIMES: &[&str] = &[
    "2026-08-11T01:20:00.5Z",
    "2026-08-11t03:20:00+02:00",
    "2026-08-11 01:20:00.123456789",
    "2026-08-11",
    "1786410063.944",
    "1786410063944",
    "1786410063944123456",
    "0",
    "now",
    "now-1h30m",
    "now+2d",
    "now-15µs",
    "1677-09-21T00:12:43.145224192Z",
    "2262-04-11T23:47:16.854775807Z",
];

#[test]
fn any_text_may_be_given_as_a_time() {
    let mut random = SmallRng::seed_from_u64(4);
    TIMES.iter().for_each(|text| time::time(text.as_bytes()));
    for _ in 0..50_000 {
        let mut text = TIMES.choose(&mut random).unwrap().as_bytes().to_vec();
        for _ in 0..random.random_range(1..4) {
            let at = random.random_range(0..=text.len());
            match random.random_range(0..4) {
                0 => text.insert(at, *b"0123456789:-+.TZ nowhmsd".choose(&mut random).unwrap()),
                1 if at < text.len() => drop(text.remove(at)),
                2 => text.truncate(at),
                _ => text.extend_from_slice(&TIMES.choose(&mut random).unwrap().as_bytes()[..1]),
            }
        }
        time::time(&text);
    }
}
