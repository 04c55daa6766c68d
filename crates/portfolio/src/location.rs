//! Where a store is: a SQLite file or a PostgreSQL database, told without its password.

use std::{
    fmt,
    path::{Path, PathBuf},
    str::FromStr,
};

use url::Url;

/// Where a mirrored account is kept.
///
/// Text forms: `sqlite://PATH` (relative or absolute; the path is taken as it stands, nothing is decoded),
/// `sqlite::memory:` (gone when it is closed), `postgres://USER@HOST/DATABASE` with PostgreSQL's usual parameters.
/// Printed, a password is `***`.
#[derive(Clone, PartialEq, Eq)]
pub enum StoreLocation {
    /// A SQLite file.
    File(PathBuf),
    /// SQLite in memory.
    Memory,
    /// A PostgreSQL database.
    Postgres(PostgresUrl),
}

/// The address of a PostgreSQL database. Printed, a password is `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct PostgresUrl(Box<Url>);

/// A text that names no store.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LocationError {
    /// The scheme is neither SQLite's nor PostgreSQL's. The text is not shown: it may hold a password.
    #[error("the store's URL is neither `sqlite://PATH` nor `postgres://USER@HOST/DATABASE`")]
    Scheme,
    /// `sqlite://` without a path.
    #[error("`sqlite://` names no file; write `sqlite://PATH`, such as `sqlite://portfolio.db`")]
    NoPath,
    /// A SQLite URL with parameters, which are not supported.
    #[error("`{0}` has parameters after `?`; a SQLite store takes none")]
    Parameters(String),
    /// A PostgreSQL URL that cannot be read. The text is not shown: it may hold a password.
    #[error("the store's `postgres://` URL cannot be read ({0}); write `postgres://USER@HOST/DATABASE`")]
    Postgres(url::ParseError),
}

impl StoreLocation {
    /// The file, if the store is one.
    pub fn file(&self) -> Option<&Path> {
        match self {
            StoreLocation::File(path) => Some(path),
            StoreLocation::Memory | StoreLocation::Postgres(_) => None,
        }
    }

    /// The URL that the database driver is given. It holds the password.
    pub(crate) fn driver_url(&self, mode: &str) -> Result<Url, url::ParseError> {
        match self {
            StoreLocation::File(path) => {
                let path = std::path::absolute(path).unwrap_or_else(|_| path.clone());
                let mut url = Url::parse("sqlite:/")?;
                // The driver decodes what is encoded here.
                url.set_path(&path.to_string_lossy().replace('%', "%25"));
                url.set_query(Some(&format!("mode={mode}")));
                Ok(url)
            }
            StoreLocation::Memory => Url::parse("sqlite::memory:"),
            StoreLocation::Postgres(PostgresUrl(url)) => Ok((**url).clone()),
        }
    }

    /// `text`, which the database driver wrote, without the password.
    pub(crate) fn redact(&self, text: &str) -> String {
        let StoreLocation::Postgres(PostgresUrl(url)) = self else { return text.to_owned() };
        secrets(url).into_iter().fold(text.to_owned(), |text, secret| text.replace(&secret, "***"))
    }
}

/// The password, in the user part or as a parameter, as it was written and as it is meant.
fn secrets(url: &Url) -> Vec<String> {
    let decoded = url.query_pairs().filter(|(name, _)| name == "password").map(|(_, value)| value.into_owned());
    let written = url.query().unwrap_or_default().split('&').filter_map(|pair| pair.strip_prefix("password="));
    let mut secrets: Vec<String> = decoded.chain(written.map(str::to_owned)).collect();
    if let Some(password) = url.password() {
        secrets.push(password.to_owned());
        // Decodes as a query value is decoded, which is how the driver reads it; `+` is not special in a password.
        let encoded = format!("p={}", password.replace('+', "%2B"));
        secrets.extend(url::form_urlencoded::parse(encoded.as_bytes()).map(|(_, value)| value.into_owned()));
    }
    secrets.retain(|secret| !secret.is_empty());
    secrets
}

impl FromStr for StoreLocation {
    type Err = LocationError;

    fn from_str(text: &str) -> Result<StoreLocation, LocationError> {
        if text == "sqlite::memory:" {
            return Ok(StoreLocation::Memory);
        }
        if let Some(path) = text.strip_prefix("sqlite://").or_else(|| text.strip_prefix("sqlite:")) {
            return match path {
                "" => Err(LocationError::NoPath),
                _ if path.contains('?') => Err(LocationError::Parameters(text.to_owned())),
                _ => Ok(StoreLocation::File(path.into())),
            };
        }
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            let url = Url::parse(text).map_err(LocationError::Postgres)?;
            return Ok(StoreLocation::Postgres(PostgresUrl(Box::new(url))));
        }
        Err(LocationError::Scheme)
    }
}

impl From<PathBuf> for StoreLocation {
    fn from(path: PathBuf) -> StoreLocation {
        StoreLocation::File(path)
    }
}

impl fmt::Display for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = (*self.0).clone();
        if shown.password().is_some() && shown.set_password(Some("***")).is_err() {
            return f.write_str("postgres://***");
        }
        if shown.query_pairs().any(|(name, _)| name == "password") {
            let pairs: Vec<(String, String)> = shown
                .query_pairs()
                .map(|(name, value)| {
                    let value = if name == "password" { "***".into() } else { value.into_owned() };
                    (name.into_owned(), value)
                })
                .collect();
            shown.query_pairs_mut().clear().extend_pairs(pairs);
        }
        f.write_str(shown.as_str())
    }
}

impl fmt::Debug for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for StoreLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreLocation::File(path) => write!(f, "sqlite://{}", path.display()),
            StoreLocation::Memory => f.write_str("sqlite::memory:"),
            StoreLocation::Postgres(url) => fmt::Display::fmt(url, f),
        }
    }
}

impl fmt::Debug for StoreLocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_of_both_kinds() {
        let location = |text: &str| text.parse::<StoreLocation>().unwrap();
        assert_eq!(location("sqlite://a b/c%20.db").file(), Some(Path::new("a b/c%20.db")));
        assert_eq!(location("sqlite:///var/x.db").file(), Some(Path::new("/var/x.db")));
        assert_eq!(location("sqlite::memory:"), StoreLocation::Memory);
        assert_eq!(location("postgres://me@host/db").to_string(), "postgres://me@host/db");
        for text in ["", "sqlite://", "mysql://host/db", "portfolio.db", "sqlite://a?mode=ro", "postgres://host:x/"] {
            assert!(text.parse::<StoreLocation>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_password_is_never_shown() {
        for text in ["postgres://me:hunt%24er2@host/db", "postgres://host/db?user=me&password=hunt%24er2"] {
            let location: StoreLocation = text.parse().unwrap();
            for shown in [location.to_string(), format!("{location:?}"), location.redact("no hunt$er2, no hunt%24er2")]
            {
                assert!(!shown.contains("er2"), "{shown}");
                assert!(shown.contains("***") || shown.contains("%2A"), "{shown}");
            }
        }
        let error = "postgres://me:hunter2@host:port/db".parse::<StoreLocation>().unwrap_err();
        assert!(!error.to_string().contains("hunter2"));
    }
}
