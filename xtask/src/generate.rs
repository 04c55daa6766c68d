//! `cargo xtask generate`: its arguments, and where the files go.

use std::path::{Path, PathBuf};

use crate::calendar::{self, SECOND};
use crate::error::{Error, Result};
use crate::flow;
use crate::frame_text::Wrapper;
use crate::output::{Files, Lines};
use crate::plan::{Faults, Plan};
use crate::recording::Summary;
use crate::truth::Truth;
use crate::world::World;

/// Arguments of `generate`.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Arguments {
    /// Seed of all randomness
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Markets to subscribe
    #[arg(long, default_value_t = 100)]
    markets: usize,
    /// Deltas to record, exactly
    #[arg(long, default_value_t = 100_000)]
    deltas: u64,
    /// When the recording begins
    #[arg(long, value_name = "RFC3339", default_value = "2026-08-12T14:30:00Z", value_parser = calendar::parse)]
    start: i64,
    /// How long it lasts
    #[arg(long, value_name = "SECONDS", default_value_t = 900)]
    #[arg(value_parser = clap::value_parser!(i64).range(1..=31_536_000))]
    duration: i64,
    /// How each frame is wrapped
    #[arg(long, value_enum, default_value_t = Wrapper::RecvMs)]
    wrapper: Wrapper,
    /// Connections over which the markets are spread, each recorded into its own file of the directory --out
    #[arg(long, default_value_t = 1)]
    connections: usize,
    /// What is wrong with the capture; gold15m writes one file per market into the directory --out
    #[arg(long, value_enum, default_value_t = Faults::None)]
    faults: Faults,
    /// Record the trade channel, too
    #[arg(long)]
    trades: bool,
    /// Add the fields `clock` and `sending_ts_ms`, as the venue does since October 2026
    #[arg(long)]
    clock: bool,
    /// File (.ndjson, .ndjson.gz, .ndjson.zst), directory, or - for standard output
    #[arg(long, value_name = "FILE|DIR|-", default_value = "-")]
    out: PathBuf,
    /// Extension of the files made in a directory
    #[arg(long, value_name = "EXT", default_value = "ndjson.gz", value_parser = ["ndjson", "ndjson.gz", "ndjson.zst"])]
    extension: String,
    /// Write the true books at random instants, as NDJSON
    #[arg(long, value_name = "FILE")]
    truth: Option<PathBuf>,
    /// How many true books
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    truth_points: usize,
}

impl Arguments {
    fn plan(&self) -> Plan {
        Plan {
            seed: self.seed,
            markets: self.markets,
            deltas: self.deltas,
            start: self.start,
            duration: self.duration * SECOND,
            wrapper: self.wrapper,
            connections: self.connections,
            faults: self.faults,
            trades: self.trades,
            clock: self.clock,
            truth_points: if self.truth.is_some() { self.truth_points } else { 0 },
        }
    }

    fn files(&self, world: &World) -> Result<Files> {
        let several = self.faults == Faults::Gold15m || self.connections > 1;
        if several && self.out == Path::new("-") {
            return Err(Error::Usage("this capture has several files: name a directory with --out".into()));
        }
        let name = |stem: &str| format!("{stem}.{}", self.extension);
        match self.faults {
            Faults::Gold15m => Files::many(&self.out, world.markets.iter().map(|market| name(&market.ticker))),
            Faults::None if self.connections > 1 => {
                Files::many(&self.out, (0..self.connections).map(|number| name(&format!("connection-{number}"))))
            }
            Faults::None => Files::one(&self.out),
        }
    }
}

/// Writes the capture that the arguments describe, and the truth about it.
pub(crate) fn run(arguments: &Arguments) -> Result<Summary> {
    let plan = arguments.plan();
    plan.check()?;
    let mut world = World::new(plan.seed, plan.markets, plan.connections, plan.start, plan.end());
    let mut files = arguments.files(&world)?;
    let summary = match &arguments.truth {
        None => capture(&plan, &mut world, &mut files, &mut ())?,
        Some(path) => truthful(&plan, &mut world, &mut files, path)?,
    };
    files.finish()?;
    Ok(summary)
}

fn truthful(plan: &Plan, world: &mut World, files: &mut Files, path: &Path) -> Result<Summary> {
    let mut answers = Files::one(path)?;
    let summary = capture(plan, world, files, &mut answers)?;
    answers.finish()?;
    Ok(summary)
}

/// Generates a checked plan's capture into `lines` and its truth, if any is asked for, into `answers`.
pub(crate) fn capture<'a>(
    plan: &'a Plan,
    world: &mut World,
    lines: &'a mut dyn Lines,
    answers: &'a mut dyn Lines,
) -> Result<Summary> {
    let truth = (plan.truth_points > 0).then(|| Truth::new(plan.seed, plan.truth_points, world, answers));
    flow::run(plan, world, lines, truth)
}

#[cfg(test)]
mod tests;
