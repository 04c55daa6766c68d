//! How a client is set up.

use std::{sync::Arc, time::Duration};

use super::{Client, Shared};
use crate::{
    credentials::Credentials,
    environment::Environment,
    wall_clock::{SystemClock, VenueClock, WallClock},
};

/// Sets up a [`Client`].
pub struct ClientBuilder {
    environment: Environment,
    credentials: Option<Credentials>,
    clock: Arc<dyn WallClock>,
    timeout: Duration,
    body_limit: usize,
}

impl Default for ClientBuilder {
    fn default() -> ClientBuilder {
        ClientBuilder {
            environment: Environment::prod(),
            credentials: None,
            clock: Arc::new(SystemClock),
            timeout: Duration::from_secs(30),
            body_limit: 64 << 20,
        }
    }
}

impl ClientBuilder {
    /// Which venue to talk to; production by default.
    pub fn environment(mut self, environment: Environment) -> ClientBuilder {
        self.environment = environment;
        self
    }

    /// Who calls. Without it, only what is public can be called.
    pub fn credentials(mut self, credentials: impl Into<Option<Credentials>>) -> ClientBuilder {
        self.credentials = credentials.into();
        self
    }

    /// The wall clock that requests are stamped with; the operating system's by default.
    pub fn clock(mut self, clock: Arc<dyn WallClock>) -> ClientBuilder {
        self.clock = clock;
        self
    }

    /// How long a call may take over all its attempts and the pauses between them; 30 s by default. Time spent
    /// waiting for its budget does not count: drop the call's future to give up on that.
    pub fn timeout(mut self, timeout: Duration) -> ClientBuilder {
        self.timeout = timeout;
        self
    }

    /// The largest body of an answer that is taken, in bytes; 64 MiB by default.
    pub fn body_limit(mut self, bytes: usize) -> ClientBuilder {
        self.body_limit = bytes;
        self
    }

    /// The client.
    ///
    /// # Errors
    /// When TLS cannot be set up on this machine.
    pub fn build(self) -> Result<Client, BuildError> {
        let http = reqwest::Client::builder()
            .user_agent(concat!("daybook-kalshi/", env!("CARGO_PKG_VERSION")))
            // A signature is for one path: a redirected request would be refused, after telling another host of it.
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            // Attempts are counted, paid for and signed one by one.
            .retry(reqwest::retry::never())
            .tcp_nodelay(true)
            .build()
            .map_err(BuildError)?;
        let shared = Shared {
            environment: self.environment,
            credentials: self.credentials,
            http,
            clock: Arc::new(VenueClock::new(self.clock)),
            timeout: self.timeout,
            body_limit: self.body_limit,
        };
        Ok(Client { shared: Arc::new(shared) })
    }
}

/// A client could not be built.
#[derive(Debug, thiserror::Error)]
#[error("the HTTP client cannot be set up; are the system's root certificates installed?")]
pub struct BuildError(#[source] reqwest::Error);
