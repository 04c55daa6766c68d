//! From the configuration to a client of the venue.

use std::time::Duration;

use daybook_kalshi::{Client, Credentials, Environment, Error, RateLimiter};
use tokio::runtime::Runtime;

use crate::{
    commands::{Common, Failure},
    config::Config,
    terminal::tell::tell,
};

/// A client, and what its calls run on.
pub struct Connection {
    /// Signs with the account's key.
    pub client: Client,
    /// Of this thread alone.
    pub runtime: Runtime,
}

/// A client as configured.
///
/// # Errors
/// No key, a key that cannot be used.
pub fn connect(common: &Common) -> Result<Connection, Failure> {
    let config = &common.config;
    let text = |name: &str| config.text(name).unwrap_or_default();
    let environment: Environment =
        text("kalshi.env").parse().map_err(|error| Failure::Usage(format!("kalshi.env: {error}")))?;
    let credentials = credentials(config)?;
    if let Some(exposed) = credentials.exposed_key_file() {
        tell(format_args!("warning: {exposed}"));
    }
    let seconds = text("kalshi.timeout_seconds").parse().unwrap_or(30);
    let mut builder = Client::builder()
        .environment(environment)
        .credentials(credentials)
        .timeout(Duration::from_secs(seconds))
        .seed(rand::random());
    if let Ok(requests) = text("kalshi.requests_per_minute").parse() {
        builder = builder.limiter(RateLimiter::fixed(requests, Duration::from_secs(60)));
    }
    let client = builder.build().map_err(|error| Failure::Failed(format!("no client can be made: {error}")))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::Failed(format!("no runtime can be made: {error}")))?;
    Ok(Connection { client, runtime })
}

fn credentials(config: &Config) -> Result<Credentials, Failure> {
    let key_id = config.text("kalshi.key_id");
    let path = config.value("kalshi.key_path");
    let Some(key_id) = key_id else {
        let missing = if path.is_some() || config.private_key().is_some() {
            "the key has no identifier"
        } else {
            "no API key is configured"
        };
        return Err(Failure::Usage(format!(
            "{missing}: set KALSHI_API_KEY_ID, and KALSHI_PRIVATE_KEY_PATH to the key's file, or kalshi.key_id and kalshi.key_path \
             in daybook.toml"
        )));
    };
    let made = match (config.private_key(), path) {
        // A file names a path for want of anything better; the environment is asked for one or the other.
        (Some(pem), path) => {
            if let Some(path) = path.filter(|path| !path.source.contains(".toml")) {
                return Err(Failure::Usage(format!(
                    "the private key is given twice: by KALSHI_PRIVATE_KEY, and by kalshi.key_path ({}): unset one of them",
                    path.source
                )));
            }
            Credentials::from_pem(key_id, pem)
        }
        (None, Some(path)) => Credentials::from_file(key_id, &path.text),
        (None, None) => {
            return Err(Failure::Usage(format!(
                "there is no private key for the API key {key_id}: set KALSHI_PRIVATE_KEY_PATH to its file, or kalshi.key_path in \
                 daybook.toml"
            )));
        }
    };
    made.map_err(|error| Failure::Usage(format!("the API key {key_id} cannot be used: {}", chain(&error))))
}

/// An error with what is behind it.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        let text = chain(&error);
        if error.is_not_found() { Failure::NotFound(text) } else { Failure::Failed(text) }
    }
}
