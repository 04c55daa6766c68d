//! `daybook exchange`: a local Kalshi that any client can trade on.

use std::{path::PathBuf, sync::Arc};

use clap::Args;
use daybook_book::ExchangeTime;
use daybook_exchange::{
    rest::Exchange,
    truth_log::TruthLog,
    venue::{self, Venue},
    world::{self, World},
};
use daybook_kalshi::{SystemClock, WallClock};

use super::{Common, Failure, Outcome, serving::ServingArgs};

/// A local Kalshi: the venue's REST and WebSocket protocols over a matching engine and a synthetic world.
///
/// It runs until it is interrupted. Nothing is kept: the next one begins anew.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  daybook exchange --credentials local.json
  daybook exchange --markets 20000 --rate 20000 --seed 7
  daybook exchange --credentials local.json --faults seed=7,drop=5,reset=1m --fault-log faults.ndjson
  daybook exchange --rate 0 --balance 1000000 --listen 127.0.0.1:9000 --credentials local.json

A client is pointed at it by its address and the key in the file:
  KALSHI_ENV=http://127.0.0.1:8790 KALSHI_API_KEY_ID=… KALSHI_PRIVATE_KEY_PATH=local.pem daybook account balance")]
pub struct ExchangeArgs {
    #[command(flatten)]
    serving: ServingArgs,
    /// What everything random comes from: the same seed, the same world
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Markets that trade at any time
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(0..=1_000_000))]
    markets: u32,
    /// Orders, amendments and cancellations a second, over all markets
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(0..=10_000_000))]
    rate: u32,
    /// Write every change of every book to this new file, a line of JSON each: what a recorder can be held against
    #[arg(long, value_name = "FILE")]
    truth_log: Option<PathBuf>,
    /// Without combos (KXMVE…)
    #[arg(long)]
    no_combos: bool,
}

/// The venue's shards, in its own words for them.
const SHARDS: [&str; 4] = ["Event contracts", "Exotics", "Crypto and Commodities", "Tennis, Baseball and Basketball"];

pub fn run(args: &ExchangeArgs, common: &Common) -> Result<Outcome, Failure> {
    common.reports("exchange")?;
    let plan = args.serving.plan()?;
    let now = ExchangeTime::from_micros(SystemClock.unix_nanos() / 1_000);
    let mut venue = Venue::new(venue::Settings {
        seed: args.seed,
        shards: SHARDS.map(str::to_owned).to_vec(),
        start: now,
        ..venue::Settings::default()
    });
    let log = args.truth_log.as_deref().map(|file| {
        let log = TruthLog::create(file);
        log.map_err(|error| Failure::Failed(format!("--truth-log {}: cannot be written: {error}", file.display())))
    });
    let log = log.transpose()?;
    if let Some(log) = &log {
        log.follow(&mut venue);
    }
    let settings = world::Settings { seed: args.seed, markets: args.markets, rate: args.rate, combos: !args.no_combos };
    let world = World::populate(settings, &mut venue, now).map_err(|error| Failure::Failed(error.to_string()))?;
    let exchange = Arc::new(Exchange::new(venue, Arc::new(SystemClock)));
    let driver = Box::new(move |exchange: &Arc<Exchange>, stop: &_| {
        let doings = world::drive(exchange, world, stop);
        tracing::info!(?doings, "the world ends");
        Ok(())
    });
    let served =
        args.serving.serve(common, plan.as_ref(), &exchange, ("synthetic world", driver), std::future::pending());
    if let Some(Err(error)) = log.map(|log| log.flush()) {
        return Err(Failure::Failed(format!("the truth log is not whole: {error}")));
    }
    served?;
    Ok(Outcome::Complete)
}
