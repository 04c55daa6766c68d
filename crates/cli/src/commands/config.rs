//! `daybook config`: what is configured, by whom, and whether it can be.

use clap::{Args, Subcommand};
use daybook_kalshi::Credentials;
use serde_json::json;

use super::{
    Common, Failure, Outcome, print_report,
    rows::{Cell, Kind, List, Rows, write},
};
use crate::{
    config::{
        Config, FILE, Inputs, SETTINGS,
        keyring::{self, KeyringError},
        masked,
    },
    terminal::{output::Format, screen::counted, tell::tell},
};

/// Settings come from defaults, then daybook.toml in the user's configuration folder, then daybook.toml in the working
/// folder, then the environment and .env, then --set, then flags; what comes later wins. Secrets are in no file.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  daybook config show
  daybook config show --profile staging --format json
  daybook config validate
  daybook config validate deploy/daybook.toml
  daybook config store-key 3f2b… key.pem     with the feature keyring")]
pub struct ConfigArgs {
    #[command(subcommand)]
    command: ConfigCommand,
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Every setting with its value and who gave it; secrets masked
    Show,
    /// Check the files, the environment and the flags, or one file
    Validate {
        /// This file alone instead
        file: Option<std::path::PathBuf>,
    },
    /// Keep the private key of an API key in the system's keyring
    StoreKey {
        /// The API key's identifier
        key_id: String,
        /// The PEM file with its private part, which may be deleted afterwards
        file: std::path::PathBuf,
    },
    /// Forget a private key that the system's keyring has
    ForgetKey {
        /// The API key's identifier
        key_id: String,
    },
}

const COLUMNS: &[(&str, Kind)] = &[("setting", Kind::Text), ("value", Kind::Text), ("source", Kind::Text)];

pub(super) fn run(args: &ConfigArgs, common: &Common) -> Result<Outcome, Failure> {
    match &args.command {
        ConfigCommand::StoreKey { key_id, file } => store_key(key_id, file),
        ConfigCommand::ForgetKey { key_id } => {
            if !keyring::forget(key_id).map_err(failed)? {
                return Err(Failure::NotFound(format!("the keyring has no key {key_id}")));
            }
            tell(format_args!("the key {key_id} is forgotten"));
            Ok(Outcome::Complete)
        }
        ConfigCommand::Show | ConfigCommand::Validate { .. } => show(common),
    }
}

fn failed(error: KeyringError) -> Failure {
    Failure::Failed(error.to_string())
}

fn store_key(key_id: &str, file: &std::path::Path) -> Result<Outcome, Failure> {
    // A key that cannot sign is not worth keeping.
    Credentials::from_file(key_id, file)
        .map_err(|error| Failure::Usage(format!("{} cannot be used: {error}", file.display())))?;
    let pem = std::fs::read_to_string(file);
    let pem = pem.map_err(|error| Failure::Failed(format!("{} cannot be read: {error}", file.display())))?;
    keyring::store(key_id, &pem).map_err(failed)?;
    tell(format_args!("the key {key_id} is kept; `kalshi.key_id = \"{key_id}\"` uses it"));
    Ok(Outcome::Complete)
}

fn show(common: &Common) -> Result<Outcome, Failure> {
    let config = &common.config;
    let mut list = List::new(COLUMNS);
    let mut batches = Vec::new();
    for setting in SETTINGS {
        let value = config.value(setting.name);
        let text = value.map(|value| masked(&value.text));
        batches.extend(list.push(&[
            setting.name.into(),
            text.as_deref().into(),
            Cell::from(value.map(|value| value.source.as_str())),
        ]));
    }
    let secret = config.private_key().map(|_| "•••");
    let source = config.private_key_source();
    batches.extend(list.push(&["kalshi.private_key".into(), secret.into(), source.into()]));
    batches.push(list.finish());
    if common.format == Format::Table {
        let profile = config.profile.as_deref().map_or("none".to_owned(), str::to_owned);
        let files: Vec<String> = config.files.iter().map(|file| file.display().to_string()).collect();
        let files = if files.is_empty() { "none".to_owned() } else { files.join(", ") };
        tell(format_args!("profile: {profile}; files read: {files}"));
    }
    notice(config);
    write(common.format, Rows::of(list.schema(), batches))?;
    Ok(Outcome::Complete)
}

/// Checks instead of running, where that is asked for.
pub(super) fn validate(args: &ConfigArgs, inputs: &Inputs) -> Option<Result<Outcome, Failure>> {
    let ConfigCommand::Validate { file } = &args.command else { return None };
    let mut inputs = inputs.clone();
    if let Some(file) = file {
        if !file.is_file() {
            return Some(Err(Failure::NotFound(format!("there is no file {}", file.display()))));
        }
        inputs =
            Inputs { files: vec![file.clone()], profile: inputs.profile, flags: inputs.flags, ..Inputs::default() };
    }
    let checked = Config::load(&inputs);
    let asked = inputs.flags.iter().find(|(name, ..)| *name == "format").map(|(_, _, text)| text.as_str());
    let configured = checked.as_ref().ok().and_then(|config| config.text("format"));
    let json = asked.or(configured).is_some_and(|format| format.contains("json"));
    if json {
        let problems = checked.as_ref().err().map_or(&[][..], Vec::as_slice);
        let problems: Vec<_> =
            problems.iter().map(|problem| json!({ "place": problem.place, "problem": problem.what })).collect();
        if let Err(failure) = print_report(json!({ "valid": problems.is_empty(), "problems": problems })) {
            return Some(Err(failure));
        }
    }
    Some(checked.map_err(Failure::from).map(|config| {
        notice(&config);
        if !json {
            let files = counted(config.files.len() as u64, "file");
            tell(format_args!("{files} read, and nothing is wrong (a file is called {FILE})"));
        }
        Outcome::Complete
    }))
}

fn notice(config: &Config) {
    for (name, meant) in &config.unknown_variables {
        let meant = meant.map_or(String::new(), |meant| format!("; did you mean {meant}?"));
        tell(format_args!("note: the environment, or .env, has {name}, which is no setting's variable{meant}"));
    }
}
