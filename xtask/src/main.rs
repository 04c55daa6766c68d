//! Development chores, run as `cargo xtask …`.
//!
//! `generate` writes synthetic captures in the venue's exact frame format, of any size and with faults on demand;
//! `sample` regenerates the small one that ships in `examples/`. Both are deterministic: the same arguments give the
//! same bytes. Large captures want an optimised build: `cargo run --release --package xtask -- generate …`.

mod calendar;
mod catalog;
mod dice;
mod error;
mod flow;
mod frame_text;
mod generate;
mod maker;
mod metadata;
mod network;
mod order;
mod output;
mod plan;
mod recording;
mod sample;
mod truth;
mod world;
mod zipf;

use std::io;
use std::process::ExitCode;

use clap::Parser;

use crate::error::Error;

/// Development chores of this repository.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
enum Chore {
    /// Write a synthetic capture
    Generate(generate::Arguments),
    /// Regenerate the sample capture and its metadata in examples/
    Sample,
}

fn main() -> ExitCode {
    let done = match Chore::parse() {
        Chore::Generate(arguments) => generate::run(&arguments),
        Chore::Sample => sample::write(&sample::directory()),
    };
    match done {
        Ok(summary) => {
            eprintln!("{summary}");
            ExitCode::SUCCESS
        }
        // Whoever reads standard output has seen enough.
        Err(Error::Io { source, .. }) if source.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(if matches!(error, Error::Usage(_)) { 2 } else { 1 })
        }
    }
}
