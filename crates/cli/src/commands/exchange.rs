//! `daybook exchange`: a local Kalshi that any client can trade on.

use std::{
    fs,
    io::{self, Write},
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use clap::Args;
use daybook_book::{ExchangeTime, Money};
use daybook_exchange::{
    admin::{self, Opening},
    faults::Plan,
    rest::{self, Exchange},
    venue::{self, Venue},
    world::{self, World},
};
use daybook_kalshi::{SystemClock, WallClock};
use serde_json::json;
use tokio::net::TcpListener;

use super::{Common, Failure, Outcome, print_report};
use crate::terminal::output::Format;

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
    /// Where the venue's protocols are served; port 0 for any that is free
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8790")]
    listen: SocketAddr,
    /// Where the exchange is looked into and steered, without any signature; port 0 for any that is free
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    admin: SocketAddr,
    /// Write addresses and an account's key to this file, and the private key beside it (.pem)
    #[arg(long, value_name = "FILE")]
    credentials: Option<PathBuf>,
    /// Dollars that the account has on every shard
    #[arg(long, value_name = "DOLLARS", default_value = "10000", requires = "credentials")]
    balance: Money,
    /// What everything random comes from: the same seed, the same world
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Markets that trade at any time
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(0..=1_000_000))]
    markets: u32,
    /// Orders, amendments and cancellations a second, over all markets
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(0..=10_000_000))]
    rate: u32,
    /// What goes wrong: rules such as drop=5,error_25=1/2000,http_429=30s:for=2s, or a file of JSON; see docs/exchange.md
    #[arg(long, value_name = "RULES|FILE")]
    faults: Option<String>,
    /// Write every fault to this file as well, a line of JSON each
    #[arg(long, value_name = "FILE")]
    fault_log: Option<PathBuf>,
    /// Without combos (KXMVE…)
    #[arg(long)]
    no_combos: bool,
}

/// The venue's shards, in its own words for them.
const SHARDS: [&str; 4] = ["Event contracts", "Exotics", "Crypto and Commodities", "Tennis, Baseball and Basketball"];
/// How long the world has to end.
const PARTING: Duration = Duration::from_secs(10);

pub fn run(args: &ExchangeArgs, common: &Common) -> Result<Outcome, Failure> {
    common.reports("exchange")?;
    let plan = args.faults.as_deref().map(faults).transpose()?;
    let now = ExchangeTime::from_micros(SystemClock.unix_nanos() / 1_000);
    let mut venue = Venue::new(venue::Settings {
        seed: args.seed,
        shards: SHARDS.map(str::to_owned).to_vec(),
        start: now,
        ..venue::Settings::default()
    });
    let settings = world::Settings { seed: args.seed, markets: args.markets, rate: args.rate, combos: !args.no_combos };
    let world = World::populate(settings, &mut venue, now).map_err(|error| Failure::Failed(error.to_string()))?;
    let exchange = Arc::new(Exchange::new(venue, Arc::new(SystemClock)));

    if let Some(file) = &args.fault_log {
        let opened = exchange.faults().log_to(file);
        opened.map_err(|error| Failure::Failed(format!("cannot write {}: {error}", file.display())))?;
    }
    if let Some(plan) = &plan {
        exchange.faults().set(plan, exchange.now()).map_err(|error| Failure::Usage(format!("--faults: {error}")))?;
    }

    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::Failed(format!("no runtime can be made: {error}")))?;
    let outcome = runtime.block_on(serve(args, common, &exchange, world));
    runtime.shutdown_timeout(PARTING);
    outcome
}

/// The plan of the flag: rules, or the file of this name.
fn faults(text: &str) -> Result<Plan, Failure> {
    let read = match fs::read_to_string(text) {
        Ok(read) => read,
        // Rules have an equals sign, so that a file that is not there is told apart from them.
        Err(error) if text.contains('=') && error.kind() == io::ErrorKind::NotFound => text.to_owned(),
        Err(error) => {
            return Err(Failure::Usage(format!("--faults {text}: neither rules nor a readable file: {error}")));
        }
    };
    Plan::parse(&read).map_err(|error| Failure::Usage(format!("--faults {text}: {error}")))
}

async fn serve(
    args: &ExchangeArgs,
    common: &Common,
    exchange: &Arc<Exchange>,
    world: World,
) -> Result<Outcome, Failure> {
    let (listener, address) = listen(args.listen).await?;
    let (admin_listener, admin_address) = listen(args.admin).await?;
    let up = Up {
        rest_url: format!("http://{address}/trade-api/v2"),
        ws_url: format!("ws://{address}/trade-api/ws/v2"),
        admin_url: format!("http://{admin_address}"),
    };
    if let Some(file) = &args.credentials {
        let opening = Opening { balance: args.balance, ..Opening::default() };
        let handed = admin::open(exchange, opening).map_err(|error| Failure::Failed(error.to_string()))?;
        hand_out(file, &up, &handed)?;
    }
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let until_stopped = |mut stopped: tokio::sync::watch::Receiver<bool>| async move {
        // A sender that is gone has stopped as well.
        let _ = stopped.wait_for(|stopped| *stopped).await;
    };
    let rest = tokio::spawn(rest::serve(listener, exchange.clone(), until_stopped(stopped.clone())));
    let admin = tokio::spawn(admin::serve(admin_listener, exchange.clone(), until_stopped(stopped)));
    let world_stop = Arc::new(AtomicBool::new(false));
    let driver = {
        let (exchange, stop) = (exchange.clone(), world_stop.clone());
        let drive = move || world::drive(&exchange, world, &stop);
        std::thread::Builder::new().name("world".to_owned()).spawn(drive)
    };
    let driver = driver.map_err(|error| Failure::Failed(format!("no thread could be started: {error}")))?;

    tell(common.format, &up, exchange)?;
    let interrupted = interrupted().await;
    world_stop.store(true, Ordering::Relaxed);
    let _ = stop.send(true);
    let served = [rest.await, admin.await];
    let doings = driver.join().map_err(|_| Failure::Failed("the synthetic world panicked".to_owned()))?;
    tracing::info!(?doings, "the exchange ends");
    interrupted.map_err(|error| Failure::Failed(format!("signals cannot be waited for: {error}")))?;
    for result in served {
        let result = result.map_err(|error| Failure::Failed(format!("the server panicked: {error}")))?;
        result.map_err(|error| Failure::Failed(format!("the server ended: {error}")))?;
    }
    Ok(Outcome::Complete)
}

/// Where an exchange is.
struct Up {
    rest_url: String,
    ws_url: String,
    admin_url: String,
}

async fn listen(address: SocketAddr) -> Result<(TcpListener, SocketAddr), Failure> {
    let failed = |error: io::Error| {
        let hint = match error.kind() {
            io::ErrorKind::AddrInUse => "; another program has the port: give another one, or 0 for any that is free",
            _ => "",
        };
        Failure::Failed(format!("cannot listen on {address}: {error}{hint}"))
    };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    Ok((listener, bound))
}

/// The one line that says that it is up.
fn tell(format: Format, up: &Up, exchange: &Exchange) -> Result<(), Failure> {
    let Up { rest_url, ws_url, admin_url } = up;
    let markets = exchange.venue().markets();
    match format {
        Format::Json | Format::Ndjson => {
            print_report(json!({"rest_url": rest_url, "ws_url": ws_url, "admin_url": admin_url, "markets": markets}))
        }
        _ => print_report(format_args!("up: {rest_url}  {ws_url}  admin {admin_url}  {markets} markets")),
    }
}

/// Writes what a client needs, so that whoever waits for the file finds it whole.
fn hand_out(file: &Path, up: &Up, handed: &admin::Handed) -> Result<(), Failure> {
    let key_file = match file.extension() {
        Some(extension) if extension == "pem" => {
            return Err(Failure::Usage(format!(
                "--credentials {}: the private key takes the name that ends in .pem; give another ending",
                file.display()
            )));
        }
        _ => file.with_extension("pem"),
    };
    write_private(&key_file, handed.private_key.as_bytes())?;
    // A client may stand in another folder.
    let key_path = fs::canonicalize(&key_file).unwrap_or_else(|_| key_file.clone());
    let text = serde_json::to_string_pretty(&json!({
        "rest_url": up.rest_url,
        "ws_url": up.ws_url,
        "key_id": &*handed.key_id,
        "private_key_path": key_path.to_string_lossy(),
        "user_id": handed.user_id,
        "admin_url": up.admin_url,
    }));
    let text = text.map_err(|error| Failure::Failed(error.to_string()))?;
    write_private(file, format!("{text}\n").as_bytes())
}

/// Writes a file that only its owner may read, in the place of one of the same name.
fn write_private(file: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let written = tempfile::NamedTempFile::new_in(folder).and_then(|mut whole| {
        whole.write_all(bytes)?;
        whole.persist(file).map_err(|error| error.error)?;
        Ok(())
    });
    written.map_err(|error| Failure::Failed(format!("cannot write {}: {error}", file.display())))
}

/// Waits for the user, or for the system, to end it.
async fn interrupted() -> io::Result<()> {
    #[cfg(unix)]
    {
        let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        tokio::select! {
            interrupt = tokio::signal::ctrl_c() => interrupt,
            _ = terminate.recv() => Ok(()),
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await
}
