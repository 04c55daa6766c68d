//! What can be configured: every setting with its name, its environment variables, its default and what it may be.

use std::{fmt, ops::Range};

/// A setting. In `daybook.toml` the name's part before the dot is a table.
pub struct Setting {
    /// Its name, as `--set` and the file have it.
    pub name: &'static str,
    /// Environment variables that give it, the strongest first.
    pub variables: &'static [&'static str],
    /// What it is where nothing says otherwise.
    pub default: Option<&'static str>,
    /// What it means.
    pub about: &'static str,
    /// What it may be, for messages.
    pub allowed: &'static str,
    check: fn(&str) -> bool,
}

impl fmt::Debug for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// All settings, in the order in which they are shown.
pub const SETTINGS: &[Setting] = &[
    Setting {
        name: "archive",
        variables: &["DAYBOOK_ARCHIVE"],
        default: Some("./data"),
        about: "where the archive is",
        allowed: "a folder, or a URL that begins with s3://, gs://, az:// or memory://",
        check: is_place,
    },
    Setting {
        name: "wal",
        variables: &["DAYBOOK_WAL"],
        default: None,
        about: "where the write-ahead log is; beside a local archive without it",
        allowed: "a folder of this machine",
        check: is_folder,
    },
    Setting {
        name: "format",
        variables: &["DAYBOOK_FORMAT"],
        default: Some("table"),
        about: "how results are printed",
        allowed: "table, json, ndjson, csv, parquet or arrow",
        check: |text| ["table", "json", "ndjson", "csv", "parquet", "arrow"].contains(&text),
    },
    Setting {
        name: "log",
        variables: &["DAYBOOK_LOG"],
        default: Some("off"),
        about: "what is told on stderr of the work",
        allowed: "off, error, warn, info, debug or trace",
        check: |text| ["off", "error", "warn", "info", "debug", "trace"].contains(&text),
    },
    Setting {
        name: "kalshi.env",
        variables: &["DAYBOOK_KALSHI_ENV", "KALSHI_ENV"],
        default: Some("prod"),
        about: "the venue that is asked",
        allowed: "prod, demo, or the base URL of a venue, as http://127.0.0.1:8080",
        check: |text| text.parse::<daybook_kalshi::Environment>().is_ok(),
    },
    Setting {
        name: "kalshi.key_id",
        variables: &["DAYBOOK_KALSHI_KEY_ID", "KALSHI_API_KEY_ID"],
        default: None,
        about: "the API key's identifier",
        allowed: "the identifier that the venue gave the key, as 3f2b…",
        check: is_word,
    },
    Setting {
        name: "kalshi.key_path",
        variables: &["DAYBOOK_KALSHI_KEY_PATH", "KALSHI_PRIVATE_KEY_PATH"],
        default: None,
        about: "the file with the API key's private part",
        allowed: "the path of a PEM file (the key itself belongs in KALSHI_PRIVATE_KEY)",
        check: |text| !text.trim().is_empty() && !text.contains("PRIVATE KEY"),
    },
    Setting {
        name: "kalshi.timeout_seconds",
        variables: &["DAYBOOK_KALSHI_TIMEOUT_SECONDS"],
        default: Some("30"),
        about: "how long one request may take, retries included",
        allowed: "1 to 300",
        check: |text| text.parse::<u32>().is_ok_and(|seconds| (1..=300).contains(&seconds)),
    },
    Setting {
        name: "kalshi.requests_per_minute",
        variables: &["DAYBOOK_KALSHI_REQUESTS_PER_MINUTE"],
        default: None,
        about: "a plain limit instead of the venue's own buckets",
        allowed: "1 to 60000",
        check: |text| text.parse::<u32>().is_ok_and(|requests| (1..=60_000).contains(&requests)),
    },
    Setting {
        name: "account.store",
        variables: &["DAYBOOK_ACCOUNT_STORE"],
        default: Some("account.sqlite"),
        about: "where `daybook account sync` keeps what it mirrors",
        allowed: "a file, or a URL that begins with sqlite:// or postgres://",
        check: |text| {
            is_place(text) && (!text.contains("://") || text.parse::<daybook_portfolio::StoreLocation>().is_ok())
        },
    },
];

/// Names of what is secret: environment variables and the keyring have them, files never.
pub const SECRETS: &[(&str, &str)] = &[
    ("kalshi.private_key", "set KALSHI_PRIVATE_KEY in the environment, or kalshi.key_path to the file that holds it"),
    ("kalshi.secret", "set KALSHI_PRIVATE_KEY in the environment, or kalshi.key_path to the file that holds it"),
    ("kalshi.key", "set KALSHI_PRIVATE_KEY in the environment, or kalshi.key_path to the file that holds it"),
];

impl Setting {
    /// The setting of this name.
    pub fn named(name: &str) -> Option<&'static Setting> {
        SETTINGS.iter().find(|setting| setting.name == name)
    }

    /// Whether the value is one that it may have.
    pub fn allows(&self, text: &str) -> bool {
        (self.check)(text)
    }
}

/// The name that was probably meant.
pub fn nearest<'n>(name: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let last = |name: &str| name.rsplit('.').next().unwrap_or(name).to_owned();
    let distance = |known: &str| {
        if last(name).len() > 3 && last(known).starts_with(&last(name)) {
            return 1;
        }
        let whole = strsim::damerau_levenshtein(name, known);
        // Of a name without its table the table is what is missing.
        whole.min(strsim::damerau_levenshtein(&last(name), &last(known)) + 1)
    };
    let (distance, known) = names.into_iter().map(|known| (distance(known), known)).min()?;
    (distance <= 1 + name.len() / 4 && distance < name.len()).then_some(known)
}

fn is_place(text: &str) -> bool {
    !text.trim().is_empty()
}

fn is_folder(text: &str) -> bool {
    !text.trim().is_empty() && !text.contains("://")
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && !text.contains(char::is_whitespace)
}

/// The text of a value as people may see it: what may be a secret is left out.
pub fn masked(text: &str) -> String {
    if text.contains("PRIVATE KEY") {
        return "•••".to_owned();
    }
    let mut shown = String::new();
    let mut at = 0;
    for secret in secrets(text) {
        shown += &text[at..secret.start];
        shown += "•••";
        at = secret.end;
    }
    shown + &text[at..]
}

/// Where a text holds what looks like a secret: a URL's password, and parameters of such names.
pub fn secrets(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let Some(host) = text.find("://").map(|at| at + 3) else { return found };
    let query = text[host..].find('?').map_or(text.len(), |at| host + at);
    // A password may hold what would end it in a URL that is written as it should be.
    if let Some(at) = text[host..query].rfind('@').map(|at| host + at)
        && let Some(colon) = text[host..at].find(':').map(|colon| host + colon)
    {
        found.push(colon + 1..at);
    }
    let mut start = query + 1;
    for pair in text.get(query + 1..).unwrap_or("").split(['&', '#']) {
        if let Some((name, value)) = pair.split_once('=')
            && ["pass", "secret", "token", "key", "credential"].iter().any(|word| name.to_lowercase().contains(word))
        {
            let end = start + pair.len();
            found.push(end - value.len()..end);
        }
        start += pair.len() + 1;
    }
    found
}
