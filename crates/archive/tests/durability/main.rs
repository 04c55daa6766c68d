//! What the archive promises about crashes, failing disks and damaged files, put to the test.
//!
//! `crash` runs a writer over a simulated disk and a failing store, ends it at random moments and compares what is
//! left with what was acknowledged, with a control archive that never failed, and with the truth about every book.
//! `readers` opens archives beside a writer. `damage` breaks files one byte at a time.
//!
//! `DAYBOOK_CRASHES=5000 cargo test -p daybook-archive --test durability` runs more crashes than the usual 240;
//! `DAYBOOK_SEED=17` begins at another seed. A failure names its seed: `DAYBOOK_SEED=<it> DAYBOOK_CRASHES=1` repeats it.
#![allow(clippy::unwrap_used, missing_docs, unreachable_pub)]

mod crash;
mod damage;
mod failing;
mod known_cases;
mod naive;
mod pruning;
mod readers;
mod rows;
mod venue;

/// A number from the environment.
fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().map_or(default, |value| value.parse().unwrap_or_else(|_| panic!("{name} is no number")))
}
