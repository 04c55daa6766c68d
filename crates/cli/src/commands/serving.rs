//! An exchange on its listeners, from the line that says that it is up to its end: what `exchange` and `replay --serve`
//! have in common.

use std::{
    fs,
    io::{self, Write},
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use clap::{Args, FromArgMatches};
use daybook_book::Money;
use daybook_exchange::{
    admin::{self, Opening},
    faults::Plan,
    rest::{self, Exchange, Tls},
};
use serde_json::json;
use tokio::net::TcpListener;

use super::{Common, Failure, print_report, signal::Interruption};
use crate::terminal::output::Format;

/// The options of all commands that serve an exchange.
const SERVING: &str = "Serving";

/// Where and how an exchange is served.
#[derive(Debug, Args)]
pub struct ServingArgs {
    /// Where the venue's protocols are served; port 0 for any that is free
    #[arg(long, help_heading = SERVING, value_name = "ADDR", default_value = "127.0.0.1:8790")]
    listen: SocketAddr,
    /// Where the exchange is looked into and steered, without any signature; port 0 for any that is free
    #[arg(long, help_heading = SERVING, value_name = "ADDR", default_value = "127.0.0.1:0")]
    admin: SocketAddr,
    /// Speak TLS with this certificate, a file in PEM form; addresses are https and wss then
    #[arg(long, help_heading = SERVING, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// The certificate's private key, in PEM form
    #[arg(long, help_heading = SERVING, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Write addresses and an account's key to this file, and the private key beside it (.pem); without it, accounts are
    /// opened on the admin address
    #[arg(long, help_heading = SERVING, value_name = "FILE")]
    credentials: Option<PathBuf>,
    /// Dollars that the account has on every shard
    #[arg(long, help_heading = SERVING, value_name = "DOLLARS", default_value = "10000", requires = "credentials")]
    balance: Money,
    /// What goes wrong: rules such as drop=5,error_25=1/2000,http_429=30s:for=2s, or a file of JSON; see docs/exchange.md
    #[arg(long, help_heading = SERVING, value_name = "RULES|FILE")]
    faults: Option<String>,
    /// Write every fault to this file as well, a line of JSON each
    #[arg(long, help_heading = SERVING, value_name = "FILE")]
    fault_log: Option<PathBuf>,
}

impl Default for ServingArgs {
    /// What none of the arguments says.
    fn default() -> ServingArgs {
        let none = ServingArgs::augment_args(clap::Command::new("serving")).get_matches_from([""]);
        ServingArgs::from_arg_matches(&none).expect("every argument is optional or has a default")
    }
}

/// How long what runs on an exchange has to end.
const PARTING: Duration = Duration::from_secs(10);

/// What moves an exchange on a thread of its own, until the flag is set.
pub type Driver = Box<dyn FnOnce(&Arc<Exchange>, &AtomicBool) -> Result<(), Failure> + Send>;

impl ServingArgs {
    /// What is to go wrong, read before anything else is done.
    pub fn plan(&self) -> Result<Option<Plan>, Failure> {
        self.faults.as_deref().map(plan).transpose()
    }

    /// Serves an exchange until the user or the system ends it, its driver has ended, or it is `over`.
    pub fn serve(
        &self,
        common: &Common,
        plan: Option<&Plan>,
        exchange: &Arc<Exchange>,
        driver: (&'static str, Driver),
        over: impl Future<Output = ()> + Send,
    ) -> Result<(), Failure> {
        if let Some(file) = &self.fault_log {
            let opened = exchange.faults().log_to(file);
            opened.map_err(|error| Failure::Failed(format!("cannot write {}: {error}", file.display())))?;
        }
        if let Some(plan) = plan {
            exchange
                .faults()
                .set(plan, exchange.now())
                .map_err(|error| Failure::Usage(format!("--faults: {error}")))?;
        }
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Failure::Failed(format!("no runtime can be made: {error}")))?;
        let outcome = runtime.block_on(self.until_over(common, exchange, driver, over));
        runtime.shutdown_timeout(PARTING);
        outcome
    }

    /// The certificate and key of the flags.
    fn tls(&self) -> Result<Option<Tls>, Failure> {
        let (Some(certificate), Some(key)) = (&self.tls_cert, &self.tls_key) else { return Ok(None) };
        let read = |file: &Path| {
            fs::read(file).map_err(|error| Failure::Failed(format!("cannot read {}: {error}", file.display())))
        };
        let tls = Tls::from_pem(&read(certificate)?, &read(key)?);
        tls.map(Some).map_err(|error| {
            Failure::Usage(format!("--tls-cert {} --tls-key {}: {error}", certificate.display(), key.display()))
        })
    }

    async fn until_over(
        &self,
        common: &Common,
        exchange: &Arc<Exchange>,
        (name, driver): (&'static str, Driver),
        over: impl Future<Output = ()> + Send,
    ) -> Result<(), Failure> {
        let tls = self.tls()?;
        // Before it says that it is up: whoever reads that may end it at once.
        let unwaitable = |error: io::Error| Failure::Failed(format!("signals cannot be waited for: {error}"));
        let mut interruption = Interruption::new().map_err(unwaitable)?;
        let (listener, address) = listen(self.listen).await?;
        let (admin_listener, admin_address) = listen(self.admin).await?;
        let secure = if tls.is_some() { "s" } else { "" };
        let up = Up {
            rest_url: format!("http{secure}://{address}/trade-api/v2"),
            ws_url: format!("ws{secure}://{address}/trade-api/ws/v2"),
            admin_url: format!("http://{admin_address}"),
        };
        if let Some(file) = &self.credentials {
            let opening = Opening { balance: self.balance, ..Opening::default() };
            let handed = admin::open(exchange, opening).map_err(|error| Failure::Failed(error.to_string()))?;
            hand_out(file, &up, &handed)?;
        }
        let (stop, stopped) = tokio::sync::watch::channel(false);
        let until_stopped = |mut stopped: tokio::sync::watch::Receiver<bool>| async move {
            // A sender that is gone has stopped as well.
            let _ = stopped.wait_for(|stopped| *stopped).await;
        };
        let (shared, shutdown) = (exchange.clone(), until_stopped(stopped.clone()));
        let rest = match tls {
            Some(tls) => tokio::spawn(rest::serve_tls(listener, tls, shared, shutdown)),
            None => tokio::spawn(rest::serve(listener, shared, shutdown)),
        };
        let admin = tokio::spawn(admin::serve(admin_listener, exchange.clone(), until_stopped(stopped)));
        let driver_stop = Arc::new(AtomicBool::new(false));
        let (ended, has_ended) = tokio::sync::oneshot::channel();
        let thread = {
            let (exchange, stop) = (exchange.clone(), driver_stop.clone());
            let drive = move || {
                let outcome = driver(&exchange, &stop);
                // Nobody may be waiting any more.
                let _ = ended.send(());
                outcome
            };
            std::thread::Builder::new().name(name.to_owned()).spawn(drive)
        };
        let thread = thread.map_err(|error| Failure::Failed(format!("no thread could be started: {error}")))?;

        tell(common.format, &up, exchange)?;
        let interrupted = tokio::select! {
            interrupted = interruption.wait() => interrupted,
            () = over => Ok(()),
            _ = has_ended => Ok(()),
        };
        driver_stop.store(true, Ordering::Relaxed);
        let _ = stop.send(true);
        let served = [rest.await, admin.await];
        joined(thread, name)?;
        interrupted.map_err(unwaitable)?;
        for result in served {
            let result = result.map_err(|error| Failure::Failed(format!("the server panicked: {error}")))?;
            result.map_err(|error| Failure::Failed(format!("the server ended: {error}")))?;
        }
        Ok(())
    }
}

fn joined(thread: JoinHandle<Result<(), Failure>>, name: &str) -> Result<(), Failure> {
    thread.join().map_err(|_| Failure::Failed(format!("the {name} panicked")))?
}

/// The plan of the flag: rules, or the file of this name.
fn plan(text: &str) -> Result<Plan, Failure> {
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
    if key_file.exists() && !is_ours(file, &key_file) {
        return Err(Failure::Usage(format!(
            "--credentials {}: the private key would take the place of {}, which was not written here: move it away, or give \
             another name",
            file.display(),
            key_file.display()
        )));
    }
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

/// Whether the credentials file is one of an exchange, and names this key file as the one beside it: somebody's own key
/// cannot be had again.
fn is_ours(file: &Path, key_file: &Path) -> bool {
    let text = fs::read_to_string(file).unwrap_or_default();
    let handed = serde_json::from_str::<serde_json::Value>(&text).unwrap_or_default();
    let named = handed["private_key_path"].as_str().and_then(|named| fs::canonicalize(named).ok());
    handed["admin_url"].is_string() && named.is_some() && named == fs::canonicalize(key_file).ok()
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
