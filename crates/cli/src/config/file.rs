//! `daybook.toml`: settings with the lines that they stand on, in general and by profile.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{
    Problem,
    setting::{SECRETS, SETTINGS, Setting, masked, nearest, secrets},
};

/// What a file says.
#[derive(Debug, Default)]
pub struct ConfigFile {
    /// Where it is.
    pub path: PathBuf,
    /// The profile to take if none is asked for, and its line.
    pub default_profile: Option<(String, usize)>,
    /// What holds for every profile.
    pub settings: Vec<Entry>,
    /// What holds for one.
    pub profiles: BTreeMap<String, Vec<Entry>>,
}

/// One setting in a file.
#[derive(Debug)]
pub struct Entry {
    /// Which.
    pub setting: &'static Setting,
    /// Its value as text.
    pub text: String,
    /// The line it stands on, from 1.
    pub line: usize,
}

struct Reading<'a> {
    text: &'a str,
    /// With their lines.
    problems: Vec<(usize, String)>,
}

/// Reads a file, noting everything that is wrong with it.
pub fn read(path: &Path, text: &str, problems: &mut Vec<Problem>) -> ConfigFile {
    let mut reading = Reading { text, problems: Vec::new() };
    let file = reading.file(path);
    reading.problems.sort();
    let place = |line| format!("{}:{line}", path.display());
    problems.extend(reading.problems.into_iter().map(|(line, what)| Problem { place: place(line), what }));
    file
}

impl Reading<'_> {
    fn file(&mut self, path: &Path) -> ConfigFile {
        let mut file = ConfigFile { path: path.to_owned(), ..ConfigFile::default() };
        let reading = self;
        let table = match DeTable::parse(reading.text) {
            Ok(table) => table.into_inner(),
            Err(error) => {
                let at = error.span().map_or(0, |span| span.start);
                reading.problem(at, format!("is no TOML: {}", error.message()));
                return file;
            }
        };
        for (key, value) in &table {
            match (&**key.get_ref(), value.get_ref()) {
                ("default_profile", DeValue::String(name)) => {
                    file.default_profile = Some((name.to_string(), reading.line(value.span().start)));
                }
                ("default_profile", _) => {
                    reading.problem(value.span().start, "default_profile is to be a name".to_owned())
                }
                ("profiles", DeValue::Table(profiles)) => {
                    for (name, value) in profiles {
                        let entries = file.profiles.entry(name.get_ref().to_string()).or_default();
                        match value.get_ref() {
                            DeValue::Table(table) => reading.table(table, "", entries),
                            _ => reading.problem(
                                value.span().start,
                                format!("profiles.{} is to be a table of settings", name.get_ref()),
                            ),
                        }
                    }
                }
                ("profiles", _) => {
                    reading.problem(value.span().start, "profiles is to be a table of profiles".to_owned())
                }
                _ => reading.entry("", key.get_ref(), key.span().start, value, &mut file.settings),
            }
        }
        file
    }

    fn line(&self, at: usize) -> usize {
        1 + self.text.as_bytes()[..at.min(self.text.len())].iter().filter(|byte| **byte == b'\n').count()
    }

    fn problem(&mut self, at: usize, what: String) {
        self.problems.push((self.line(at), what));
    }

    fn table(&mut self, table: &DeTable<'_>, prefix: &str, entries: &mut Vec<Entry>) {
        for (key, value) in table {
            self.entry(prefix, key.get_ref(), key.span().start, value, entries);
        }
    }

    fn entry(&mut self, prefix: &str, key: &str, at: usize, value: &Spanned<DeValue<'_>>, entries: &mut Vec<Entry>) {
        let name = if prefix.is_empty() { key.to_owned() } else { format!("{prefix}.{key}") };
        if let Some((_, instead)) = SECRETS.iter().find(|(secret, _)| *secret == name) {
            return self.problem(at, format!("{name} is a secret, which no file may hold: {instead}"));
        }
        let text = match value.get_ref() {
            DeValue::Table(table) if SETTINGS.iter().any(|setting| setting.name.starts_with(&format!("{name}."))) => {
                return self.table(table, &name, entries);
            }
            DeValue::String(text) => text.to_string(),
            DeValue::Integer(number) => number.to_string(),
            other => {
                let expected = Setting::named(&name).map_or("", |setting| setting.allowed);
                let kind = other.type_str();
                return self.problem(
                    at,
                    match expected {
                        "" => {
                            let table = matches!(other, DeValue::Table(_));
                            let what = if table { "table of settings" } else { "setting" };
                            format!("there is no {what} {name}{}", meant(prefix, &name, table))
                        }
                        allowed => format!("{name} is of type {kind}, and is to be {allowed}"),
                    },
                );
            }
        };
        let Some(setting) = Setting::named(&name) else {
            return self.problem(at, format!("there is no setting {name}{}", meant(prefix, &name, false)));
        };
        if !secrets(&text).is_empty() {
            let variable = setting.variables.first().copied().unwrap_or_default();
            return self.problem(at, format!("{name} holds a password, which no file may: set {variable} instead"));
        }
        if !setting.allows(&text) {
            return self.problem(at, format!("{name} is {:?}, and is to be {}", masked(&text), setting.allowed));
        }
        entries.push(Entry { setting, text, line: self.line(at) });
    }
}

/// A question whether something else was meant that may stand there, if there is anything near.
fn meant(prefix: &str, name: &str, table: bool) -> String {
    let tables = SETTINGS.iter().filter_map(|setting| setting.name.split_once('.')).map(|(table, _)| table);
    // At the top of a file there are two more keys than settings.
    let top = prefix.is_empty();
    let near = if table {
        nearest(name, tables.chain(top.then_some("profiles")))
    } else {
        nearest(name, SETTINGS.iter().map(|setting| setting.name).chain(top.then_some("default_profile")))
    };
    near.map_or(String::new(), |meant| format!("; did you mean {meant}?"))
}
