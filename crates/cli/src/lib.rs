//! The `daybook` command: what it does, as a library, so that tests can call it.

// They panic where nobody reads: see `terminal::tell`.
#![deny(clippy::print_stderr, clippy::print_stdout)]

pub mod commands;
pub mod config;
pub mod import;
pub mod terminal;

/// An import allocates on one thread what another frees, millions of times a second: with the system's allocator it
/// takes nearly twice as long. Here, so that benchmarks measure what the binary runs with.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;
