//! From the configuration to a client of the venue.

use std::time::Duration;

use daybook_kalshi::{Client, Credentials, Environment, Error, RateLimiter};
use daybook_portfolio::AccountIdentity;
use tokio::runtime::Runtime;

use crate::{
    commands::{Common, Failure},
    config::{Config, keyring},
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
    let environment = environment(config)?;
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
    Ok(Connection { client, runtime: runtime()? })
}

/// What asynchronous calls run on: this thread.
pub fn runtime() -> Result<Runtime, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| Failure::Failed(format!("no runtime can be made: {error}")))
}

/// Who the account is, as far as the configuration tells: enough to look into its mirror, where no key is needed.
pub fn configured_identity(common: &Common) -> Result<AccountIdentity, Failure> {
    let environment = environment(&common.config)?;
    let key_id = common.config.text("kalshi.key_id").ok_or_else(|| {
        Failure::Usage("which account? set KALSHI_API_KEY_ID, or kalshi.key_id in daybook.toml".to_owned())
    })?;
    Ok(AccountIdentity::new(&environment, key_id))
}

/// The venue that is configured.
pub fn environment(config: &Config) -> Result<Environment, Failure> {
    let text = config.text("kalshi.env").unwrap_or_default();
    text.parse().map_err(|error| Failure::Usage(format!("kalshi.env: {error}")))
}

/// The key that is configured.
///
/// # Errors
/// There is none, or it cannot be used.
pub fn credentials(config: &Config) -> Result<Credentials, Failure> {
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
            let (kept, why) = match keyring::private_key(key_id) {
                Ok(kept) => (kept, String::new()),
                Err(error) => (None, format!(" ({error})")),
            };
            let Some(pem) = kept else {
                return Err(Failure::Usage(format!(
                    "there is no private key for the API key {key_id}: set KALSHI_PRIVATE_KEY_PATH to its file, or \
                     kalshi.key_path in daybook.toml{why}"
                )));
            };
            Credentials::from_pem(key_id, &pem)
        }
    };
    made.map_err(|error| Failure::Usage(format!("the API key {key_id} cannot be used: {}", chain(&error))))
}

/// An error with what is behind it.
pub fn chain(error: &dyn std::error::Error) -> String {
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

/// What to do about an error of the venue's, as far as that can be told.
pub fn advice(error: &Error) -> &'static str {
    let says = |word: &str| {
        let answer = error.venue().into_iter();
        let mut texts = answer.flat_map(|answer| [&answer.code, &answer.message, &answer.details]).flatten();
        texts.any(|text| text.to_lowercase().contains(word))
    };
    if error.has_code("header_timestamp_expired") {
        ": is this machine's clock right?"
    } else if error.is_unauthenticated() {
        ": is it the key's private part, and the venue (--env prod or demo) that gave the key?"
    } else if error.is_forbidden() && (says("sub-account") || says("subaccount")) {
        ": the API key is for one subaccount alone: name that one with --subaccount N"
    } else if error.is_not_found() && !is_of_something(error) {
        ": is kalshi.env (KALSHI_ENV, --env) a Kalshi venue? It is prod, demo, or a base URL such as https://HOST, below which \
         /trade-api/v2 is looked for, or https://HOST/PATH"
    } else {
        ""
    }
}

/// Whether it is a market, an event or the like that the venue does not know, and not the address that was asked.
fn is_of_something(error: &Error) -> bool {
    let code = error.venue().and_then(|answer| answer.code.as_deref()).unwrap_or_default();
    code.ends_with("_not_found")
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        let text = chain(&error) + advice(&error);
        if error.is_not_found() && is_of_something(&error) { Failure::NotFound(text) } else { Failure::Failed(text) }
    }
}
