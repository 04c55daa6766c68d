//! `daybook config`: what is configured, by whom, and whether it can be.

use clap::{Args, Subcommand};
use serde_json::json;

use super::{
    Common, Failure, Outcome, print_report,
    rows::{Cell, Kind, List, Rows, write},
};
use crate::{
    config::{Config, FILE, Inputs, SETTINGS, masked},
    terminal::{output::Format, screen::counted, tell::tell},
};

/// Settings come from defaults, then daybook.toml in the user's configuration folder, then daybook.toml in the working
/// folder, then the environment and .env, then --set, then flags; what comes later wins. Secrets are in no file.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  daybook config show
  daybook config show --profile staging --format json
  daybook config validate
  daybook config validate deploy/daybook.toml")]
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
}

const COLUMNS: &[(&str, Kind)] = &[("setting", Kind::Text), ("value", Kind::Text), ("source", Kind::Text)];

pub(super) fn run(_: &ConfigArgs, common: &Common) -> Result<Outcome, Failure> {
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
    let source = secret.map(|_| "environment: KALSHI_PRIVATE_KEY");
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
    let json = inputs.flags.iter().any(|(name, _, text)| *name == "format" && text.contains("json"));
    let checked = Config::load(&inputs);
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
    for name in &config.unknown_variables {
        tell(format_args!("note: the environment has {name}, which is no setting's variable"));
    }
}
