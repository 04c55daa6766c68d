//! What each fuzz target demands of its input. Run one with `cargo +nightly fuzz run frame`.
//!
//! The demands are plain functions without a fuzzer, so that the crates' own tests drive them too, on stable and with
//! seeded mutations (`crates/*/tests/fuzz_targets.rs`).

#[cfg(feature = "archive")]
pub mod archive;
pub mod kalshi;
#[cfg(feature = "terminal")]
pub mod time;
