//! Configuration in layers, each stronger than the one before: defaults, the user's `daybook.toml`, the working
//! folder's, the profile's part of both, the environment (and what `.env` adds to it), `--set`, flags. Of every value it is known who gave it.
//!
//! A file holds settings for all, and for one of several profiles under `[profiles.NAME]`. Secrets are in no file.
//! The files are read here and not by a general library, because every message is to name the line.

mod dotenv;
mod file;
pub mod keyring;
mod setting;

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
};

use file::ConfigFile;

pub use setting::{SETTINGS, Setting, masked};

use setting::{SECRETS, nearest, secrets};

/// What the configuration is made from. Nothing else is looked at.
#[derive(Clone, Debug, Default)]
pub struct Inputs {
    /// The files to read if they are there, the weaker first.
    pub files: Vec<PathBuf>,
    /// A file of further environment variables, if it is there.
    pub dotenv: Option<PathBuf>,
    /// The environment.
    pub environment: BTreeMap<String, String>,
    /// Arguments of `--set`.
    pub set: Vec<String>,
    /// Settings that flags gave: name, flag, value.
    pub flags: Vec<(&'static str, &'static str, String)>,
    /// The profile that a flag asked for.
    pub profile: Option<String>,
}

/// The settings, each with who gave it.
#[derive(Clone, Debug)]
pub struct Config {
    values: BTreeMap<&'static str, Value>,
    /// The profile in use.
    pub profile: Option<String>,
    /// The files that were there, the weaker first.
    pub files: Vec<PathBuf>,
    /// Variables that say nothing to it and look as if they were to: each with the one that was probably meant.
    pub unknown_variables: Vec<(String, Option<&'static str>)>,
    secret: Option<(Secret, String)>,
}

/// A value, and who gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value {
    /// As text.
    pub text: String,
    /// In words: a file with its line, a variable, a flag.
    pub source: String,
}

/// The private key itself, which nothing prints.
#[derive(Clone)]
struct Secret(String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("•••")
    }
}

/// Something wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// File and line, variable or flag.
    pub place: String,
    /// What is wrong and what would be right.
    pub what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}

/// The variable with the profile's name.
const PROFILE: &str = "DAYBOOK_PROFILE";
/// The variable with the private key itself.
const PRIVATE_KEY: &str = "KALSHI_PRIVATE_KEY";

impl Inputs {
    /// Of this process: the user's folder, the working folder, the environment.
    pub fn of_process() -> Inputs {
        let environment: BTreeMap<String, String> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let home = |name: &str| environment.get(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let user = home("XDG_CONFIG_HOME").or_else(|| home("HOME").map(|home| home.join(".config")));
        let user = user.or_else(|| home("APPDATA")).map(|folder| folder.join("daybook").join(FILE));
        Inputs {
            files: user.into_iter().chain([PathBuf::from(FILE)]).collect(),
            dotenv: Some(PathBuf::from(".env")),
            environment,
            ..Inputs::default()
        }
    }
}

/// The file's name.
pub const FILE: &str = "daybook.toml";

impl Config {
    /// Puts the layers together.
    ///
    /// # Errors
    /// Everything that is wrong in any of them.
    pub fn load(inputs: &Inputs) -> Result<Config, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut files = Vec::new();
        for path in &inputs.files {
            if let Some(text) = text(path, &mut problems) {
                files.push(file::read(path, &text, &mut problems));
            }
        }
        let variables = variables(inputs, &mut problems);
        let variable = |name: &str| variables.get(name).filter(|(value, _)| !value.is_empty());
        let profile = profile(inputs, variable(PROFILE), &files, &mut problems);
        let mut config = Config {
            values: BTreeMap::new(),
            files: files.iter().map(|file| file.path.clone()).collect(),
            unknown_variables: unknown(&variables),
            secret: variable(PRIVATE_KEY).map(|(text, place)| (Secret(text.clone()), format!("{place}{PRIVATE_KEY}"))),
            profile,
        };
        for setting in SETTINGS {
            if let Some(default) = setting.default {
                config.put(setting, default.to_owned(), "default".to_owned());
            }
        }
        // What a profile says is meant: it is stronger than what any file says in general.
        for file in &files {
            for entry in &file.settings {
                config.put(entry.setting, entry.text.clone(), format!("{}:{}", file.path.display(), entry.line));
            }
        }
        if let Some(name) = config.profile.clone() {
            for file in &files {
                for entry in file.profiles.get(&name).into_iter().flatten() {
                    let place = format!("{}:{} [profiles.{name}]", file.path.display(), entry.line);
                    config.put(entry.setting, entry.text.clone(), place);
                }
            }
        }
        for setting in SETTINGS {
            let given = setting.variables.iter().find_map(|name| variable(name).map(|value| (name, value)));
            if let Some((name, (text, place))) = given {
                config.check(setting, text, &format!("{place}{name}"), &mut problems);
                config.put(setting, text.clone(), format!("{place}{name}"));
            }
        }
        for argument in &inputs.set {
            config.set(argument, &mut problems);
        }
        for (name, flag, text) in &inputs.flags {
            if let Some(setting) = Setting::named(name) {
                config.check(setting, text, flag, &mut problems);
                config.put(setting, text.clone(), (*flag).to_owned());
            }
        }
        if problems.is_empty() { Ok(config) } else { Err(problems) }
    }

    fn put(&mut self, setting: &Setting, text: String, source: String) {
        self.values.insert(setting.name, Value { text, source });
    }

    fn check(&self, setting: &Setting, text: &str, place: &str, problems: &mut Vec<Problem>) {
        if !setting.allows(text) {
            let what = format!("{} is {:?}, and is to be {}", setting.name, masked(text), setting.allowed);
            problems.push(Problem { place: place.to_owned(), what });
        }
    }

    fn set(&mut self, argument: &str, problems: &mut Vec<Problem>) {
        let mut problem = |what: String| problems.push(Problem { place: "--set".to_owned(), what });
        let Some((name, text)) = argument.split_once('=') else {
            return problem(format!("{argument:?} is not of the form NAME=VALUE"));
        };
        let (name, text) = (name.trim(), text.trim());
        if let Some((_, instead)) = SECRETS.iter().find(|(secret, _)| *secret == name) {
            return problem(format!("{name} is a secret, which others would see on the command line: {instead}"));
        }
        let Some(setting) = Setting::named(name) else {
            let meant = nearest(name, SETTINGS.iter().map(|setting| setting.name));
            let meant = meant.map_or(String::new(), |meant| format!("; did you mean {meant}?"));
            return problem(format!("there is no setting {name}{meant}"));
        };
        if !secrets(text).is_empty() {
            let variable = setting.variables.first().copied().unwrap_or_default();
            return problem(format!("{name} holds a password, which others would see: set {variable} instead"));
        }
        self.check(setting, text, "--set", problems);
        self.put(setting, text.to_owned(), "--set".to_owned());
    }

    /// The value of a setting, with who gave it; `None` if nobody did.
    pub fn value(&self, name: &str) -> Option<&Value> {
        self.values.get(name)
    }

    /// The text of a setting.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.value(name).map(|value| value.text.as_str())
    }

    /// The private key itself, where the environment has it.
    pub fn private_key(&self) -> Option<&str> {
        self.secret.as_ref().map(|(Secret(text), _)| text.as_str())
    }

    /// Who gave the private key.
    pub fn private_key_source(&self) -> Option<&str> {
        self.secret.as_ref().map(|(_, source)| source.as_str())
    }
}

/// The environment, and what the file adds to it, each with what to put before its name in messages.
/// A variable's value, and where it stands.
type Variables = BTreeMap<String, (String, String)>;

fn variables(inputs: &Inputs, problems: &mut Vec<Problem>) -> Variables {
    let mut variables = Variables::new();
    if let Some(path) = inputs.dotenv.as_deref().filter(|path| path.is_file()) {
        for variable in dotenv::read(path, problems) {
            let place = format!("{}:{}: ", path.display(), variable.line);
            variables.insert(variable.name, (variable.value, place));
        }
    }
    let given = inputs.environment.iter().filter(|(_, value)| !value.is_empty());
    variables.extend(given.map(|(name, value)| (name.clone(), (value.clone(), "environment: ".to_owned()))));
    variables
}

/// What stands in a file, if it is there and is text. A byte order mark before it is no part of it.
fn text(path: &Path, problems: &mut Vec<Problem>) -> Option<String> {
    let mut problem = |place: String, what: String| problems.push(Problem { place, what });
    let bytes = match std::fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return None,
        Err(error) => {
            problem(path.display().to_string(), format!("cannot be read: {error}"));
            return None;
        }
    };
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        problem(format!("{}:1", path.display()), "is UTF-16: save it as UTF-8".to_owned());
        return None;
    }
    match String::from_utf8(bytes) {
        Ok(text) => match text.strip_prefix('\u{feff}') {
            Some(text) => Some(text.to_owned()),
            None => Some(text),
        },
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            let line = 1 + error.as_bytes()[..at].iter().filter(|byte| **byte == b'\n').count();
            problem(format!("{}:{line}", path.display()), "is no UTF-8: save it as UTF-8".to_owned());
            None
        }
    }
}

/// The profile to use: asked for by flag, by variable, or by the strongest file that names one.
fn profile(
    inputs: &Inputs,
    variable: Option<&(String, String)>,
    files: &[ConfigFile],
    problems: &mut Vec<Problem>,
) -> Option<String> {
    let by_file = || {
        let named = files.iter().rev().find_map(|file| Some((file, file.default_profile.as_ref()?)));
        named.map(|(file, (name, line))| (name.clone(), format!("{}:{line}", file.path.display())))
    };
    let by_flag = inputs.profile.clone().map(|name| (name, "--profile".to_owned()));
    let by_variable = || variable.map(|(name, place)| (name.clone(), format!("{place}{PROFILE}")));
    let (name, place) = by_flag.or_else(by_variable).or_else(by_file)?;
    if files.iter().all(|file| !file.profiles.contains_key(&name)) {
        let mut known: Vec<&str> = files.iter().flat_map(|file| file.profiles.keys().map(String::as_str)).collect();
        known.sort_unstable();
        known.dedup();
        let what = if known.is_empty() {
            format!("there is no profile {name}: no file has any (a table [profiles.{name}] makes one)")
        } else {
            let meant = nearest(&name, known.iter().copied());
            let meant = meant.map_or(String::new(), |meant| format!("; did you mean {meant}?"));
            format!("there is no profile {name}; there are {}{meant}", known.join(", "))
        };
        problems.push(Problem { place, what });
        return None;
    }
    Some(name)
}

/// Variables that look as if they were meant for us, each with the one that was probably meant.
fn unknown(variables: &Variables) -> Vec<(String, Option<&'static str>)> {
    let known: Vec<&'static str> =
        SETTINGS.iter().flat_map(|setting| setting.variables).copied().chain([PROFILE, PRIVATE_KEY]).collect();
    let unknown = variables.keys().filter(|name| !known.contains(&name.as_str()));
    // What they all begin with makes none more alike.
    let meant = unknown.map(|name| {
        let (whose, rest) = name.split_at(name.find('_').map_or(0, |at| at + 1));
        let rests = known.iter().filter_map(|known| known.strip_prefix(whose));
        let near = nearest(rest, rests).map(|near| format!("{whose}{near}"));
        (name.clone(), known.iter().copied().find(|known| near.as_deref() == Some(*known)))
    });
    // Others have variables of the venue's name, too: of those only what is nearly one of ours.
    meant
        .filter(|(name, meant)| name.starts_with("DAYBOOK_") || name.starts_with("KALSHI_") && meant.is_some())
        .collect()
}

#[cfg(test)]
mod tests;
