//! Which venue a client talks to: the base URLs of REST and of the WebSocket.

use std::{fmt, str::FromStr};

use url::{Host, Url};

/// Where every REST path of the venue begins.
const REST_ROOT: &str = "/trade-api/v2";
/// The only path that WebSockets are accepted on.
const WS_PATH: &str = "/trade-api/ws/v2";

/// A venue: production, demo, or anything that speaks the same protocol, such as a local exchange.
///
/// Credentials of one environment are unknown to the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Environment {
    rest: Url,
    ws: Url,
}

impl Environment {
    /// The real exchange, with real money.
    pub fn prod() -> Environment {
        Environment::of_hosts("external-api.kalshi.com", "external-api-ws.kalshi.com")
    }

    /// The venue's own test exchange. Its prices and its provisioning differ from production.
    pub fn demo() -> Environment {
        Environment::of_hosts("external-api.demo.kalshi.co", "external-api-ws.demo.kalshi.co")
    }

    /// Any other: the URL that REST paths such as `/markets` are appended to, and the whole URL of the WebSocket.
    ///
    /// # Errors
    /// A REST URL that is not `http` or `https`, a WebSocket URL that is not `ws` or `wss`, and URLs with a query,
    /// a fragment or a password, which could not be what requests are sent to.
    pub fn custom(rest: Url, ws: Url) -> Result<Environment, EnvironmentError> {
        check(&rest, ["http", "https"])?;
        check(&ws, ["ws", "wss"])?;
        Ok(Environment { rest: without_trailing_slash(rest), ws: without_trailing_slash(ws) })
    }

    /// The URL that the paths of REST operations are appended to; without a slash at its end, except of a bare host.
    pub fn rest_url(&self) -> &Url {
        &self.rest
    }

    /// The URL that WebSocket connections are opened to.
    pub fn ws_url(&self) -> &Url {
        &self.ws
    }

    /// The host that REST requests go to, with its port where that is not the usual one.
    pub fn rest_host(&self) -> String {
        let host = self.rest.host_str().unwrap_or_default();
        self.rest.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
    }

    /// Whether REST requests stay on this machine.
    pub(crate) fn is_local(&self) -> bool {
        match self.rest.host() {
            Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        }
    }

    fn of_hosts(rest: &str, ws: &str) -> Environment {
        let url = |text: String| Url::parse(&text).expect("the host names above make a URL");
        Environment { rest: url(format!("https://{rest}{REST_ROOT}")), ws: url(format!("wss://{ws}{WS_PATH}")) }
    }
}

/// `prod`, `demo`, or the base URL of a venue: `http://localhost:7878` or `http://localhost:7878/trade-api/v2`.
/// The WebSocket of a base URL is taken to be on the same host.
impl FromStr for Environment {
    type Err = EnvironmentError;

    fn from_str(text: &str) -> Result<Environment, EnvironmentError> {
        match text.trim() {
            "prod" => return Ok(Environment::prod()),
            "demo" => return Ok(Environment::demo()),
            _ => {}
        }
        let mut rest = Url::parse(text.trim())
            .map_err(|reason| EnvironmentError::NotAnEnvironment { text: without_secrets(text), reason })?;
        if rest.path() == "/" {
            rest.set_path(REST_ROOT);
        }
        check(&rest, ["http", "https"])?;
        let mut ws = rest.clone();
        let scheme = if rest.scheme() == "https" { "wss" } else { "ws" };
        ws.set_scheme(scheme).map_err(|()| EnvironmentError::Unusable { url: rest.to_string(), expected: "http" })?;
        ws.set_path(WS_PATH);
        Environment::custom(rest, ws)
    }
}

/// `prod`, `demo`, or the base URL for REST.
impl fmt::Display for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Environment::prod() {
            f.write_str("prod")
        } else if *self == Environment::demo() {
            f.write_str("demo")
        } else {
            f.write_str(self.rest.as_str())
        }
    }
}

/// Why a text or a URL names no environment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnvironmentError {
    /// Neither a known name nor a URL.
    #[error("`{text}` is no environment ({reason}); use `prod`, `demo` or a base URL such as `http://localhost:7878`")]
    NotAnEnvironment {
        /// What was given, without what may be secret in it: all before an `@`, and all behind a `?` or a `#`.
        text: String,
        /// Why it is no URL.
        reason: url::ParseError,
    },
    /// A URL that requests cannot be sent to.
    #[error(
        "`{url}` cannot be used as the venue's address: it must be {expected}:// with a host, and without user, query or fragment"
    )]
    Unusable {
        /// The URL, without what may be secret in it.
        url: String,
        /// The scheme that is needed.
        expected: &'static str,
    },
}

fn check(url: &Url, schemes: [&'static str; 2]) -> Result<(), EnvironmentError> {
    let usable = schemes.contains(&url.scheme())
        && url.has_host()
        && url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    if usable {
        return Ok(());
    }
    Err(EnvironmentError::Unusable { url: without_secrets(url.as_str()), expected: schemes[1] })
}

/// As much of a text that is no URL for us as may be shown: what may be its user, password, query or fragment is left
/// out.
fn without_secrets(text: &str) -> String {
    let text = text.trim();
    let (scheme, rest) = text.find("://").map_or(("", text), |at| text.split_at(at + 3));
    let until_query = |text: &str| text.split(['?', '#']).next().unwrap_or_default().to_owned();
    let shown = match rest.rsplit_once('@') {
        None => until_query(rest),
        Some((before, after)) if !before.contains(['?', '#']) => format!("…@{}", until_query(after)),
        // It is in a query or in a password, and the rest of either may follow.
        Some(_) => "…".to_owned(),
    };
    format!("{scheme}{shown}")
}

/// The venue answers a path that ends in a slash with a redirect, so none is ever made.
fn without_trailing_slash(mut url: Url) -> Url {
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&path);
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_base_urls_are_environments() {
        let prod: Environment = "prod".parse().unwrap();
        assert_eq!(prod.rest_url().as_str(), "https://external-api.kalshi.com/trade-api/v2");
        assert_eq!(prod.ws_url().as_str(), "wss://external-api-ws.kalshi.com/trade-api/ws/v2");
        let demo: Environment = "demo".parse().unwrap();
        assert_eq!(demo.rest_url().as_str(), "https://external-api.demo.kalshi.co/trade-api/v2");

        for text in ["http://localhost:7878", "http://localhost:7878/", "http://localhost:7878/trade-api/v2/"] {
            let local: Environment = text.parse().unwrap();
            assert_eq!(local.rest_url().as_str(), "http://localhost:7878/trade-api/v2", "{text}");
            assert_eq!(local.ws_url().as_str(), "ws://localhost:7878/trade-api/ws/v2", "{text}");
            assert_eq!(local.rest_host(), "localhost:7878");
            assert_eq!(local.to_string().parse::<Environment>().unwrap(), local);
        }
    }

    #[test]
    fn what_is_on_this_machine_is_local() {
        for local in ["http://localhost:1", "http://127.0.0.1:1", "http://[::1]:1"] {
            assert!(local.parse::<Environment>().unwrap().is_local(), "{local}");
        }
        for remote in ["prod", "demo", "http://localhost.example.com", "http://10.0.0.1"] {
            assert!(!remote.parse::<Environment>().unwrap().is_local(), "{remote}");
        }
    }

    #[test]
    fn what_cannot_be_a_venue_is_refused_without_showing_a_password() {
        for text in ["production", "", "ftp://host/", "https://host/?x=1", "wss://host/"] {
            assert!(text.parse::<Environment>().is_err(), "{text}");
        }
        for text in [
            "https://me:hunter2@host/",
            "https://me:hunter2@host:99999/",
            "https://me:hunter2@ho st/",
            "https://me:hunter2@/",
            "https://me:hun?ter2/@host:99999",
            "https://me:hunter2#@host:99999",
            "https://me@there:hunter2@ho st/",
            "me:hunter2@host",
            "me:hunter2@ho st:x",
            "ftp://me:hunter2@host/?key=hunter2",
            "https://ho st/?key=hunter2",
            "https://ho st/?key=a@hunter2",
            "https://ho st/#hunter2",
        ] {
            let error = text.parse::<Environment>().unwrap_err();
            let shown = format!("{error} {error:?}");
            assert!(!["hunter2", "hun", "ter2"].iter().any(|secret| shown.contains(secret)), "{shown}");
        }
        for (text, told) in [
            ("https://host:99999/a", "`https://host:99999/a`"),
            ("https://me:x@ho st/", "`https://…@ho st/`"),
            ("localhost:7878", "`localhost:7878`"),
            ("ftp://host/path", "`ftp://host/path`"),
        ] {
            let error = text.parse::<Environment>().unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
        }
    }
}
