//! How a client is set up.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use rand::{SeedableRng, rngs::SmallRng};
use reqwest::Certificate;

use super::{Client, Observer, Shared, breaker::Breaker, observer::Nobody, retry::Pauses};
use crate::{
    credentials::Credentials,
    environment::Environment,
    further_roots::FurtherRoots,
    limit::RateLimiter,
    wall_clock::{SystemClock, VenueClock, WallClock},
};

/// How long making a connection may take; the rest of a call's time is left for trying again.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Sets up a [`Client`].
pub struct ClientBuilder {
    environment: Environment,
    credentials: Option<Credentials>,
    clock: Arc<dyn WallClock>,
    limiter: Option<RateLimiter>,
    pauses: Pauses,
    failures_to_open: u32,
    cool_down: Duration,
    timeout: Duration,
    body_limit: usize,
    observer: Option<Arc<dyn Observer>>,
    seed: Option<u64>,
    further_roots: FurtherRoots,
}

impl Default for ClientBuilder {
    fn default() -> ClientBuilder {
        ClientBuilder {
            environment: Environment::prod(),
            credentials: None,
            clock: Arc::new(SystemClock),
            limiter: None,
            pauses: Pauses::default(),
            failures_to_open: 10,
            cool_down: Duration::from_secs(5),
            timeout: Duration::from_secs(30),
            body_limit: 64 << 20,
            observer: None,
            seed: None,
            further_roots: FurtherRoots::default(),
        }
    }
}

impl ClientBuilder {
    /// Which venue to talk to; production by default. One on this machine is never talked to through a proxy, any
    /// other through the one that the process's environment names.
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

    /// What keeps the calls within the venue's limits; one for the lowest tier by default. Give all clients of an
    /// account the same.
    pub fn limiter(mut self, limiter: RateLimiter) -> ClientBuilder {
        self.limiter = Some(limiter);
        self
    }

    /// The pauses before retries, each a quarter more or less, and with that how often is retried; 1, 2 and 4 s by
    /// default.
    ///
    /// A call that is refused as one too many (429) is made again however often, as soon as there are tokens; not before
    /// the time is over that the venue names (`Retry-After`), and neither is any other call that is paid from the same
    /// bucket. Such a time is taken for an hour at most, and logged as a warning. A call to which
    /// [`timeout`](ClientBuilder::timeout) leaves less time does not wait for it: it fails at once, and
    /// [`Error::retry_after`](crate::Error::retry_after) tells how long the venue wants to be left alone.
    pub fn retry_pauses(mut self, pauses: impl Into<Vec<Duration>>) -> ClientBuilder {
        self.pauses = Pauses(pauses.into());
        self
    }

    /// After how many failures in a row the venue is left alone, and for how long before it is tried again; 10 and 5 s
    /// by default. The pause doubles, up to a minute, while the venue keeps failing.
    pub fn circuit_breaker(mut self, failures: u32, cool_down: Duration) -> ClientBuilder {
        self.failures_to_open = failures;
        self.cool_down = cool_down;
        self
    }

    /// Who is told what happens to calls.
    pub fn observer(mut self, observer: Arc<dyn Observer>) -> ClientBuilder {
        self.observer = Some(observer);
        self
    }

    /// Where correlation ids and jitter come from, to have the same again; from the system by default.
    pub fn seed(mut self, seed: u64) -> ClientBuilder {
        self.seed = Some(seed);
        self
    }

    /// How long a call may take over all its attempts and the pauses between them; 30 s by default. Time spent
    /// waiting for its budget does not count: drop the call's future to give up on that. A silence that the venue asks
    /// for ends it, if it lasts longer.
    pub fn timeout(mut self, timeout: Duration) -> ClientBuilder {
        self.timeout = timeout;
        self
    }

    /// The largest body of an answer that is taken, in bytes; 64 MiB by default.
    pub fn body_limit(mut self, bytes: usize) -> ClientBuilder {
        self.body_limit = bytes;
        self
    }

    /// Certificates that are trusted as roots besides the platform's, as PEM text: for a venue of one's own or a proxy
    /// that has a certificate of its own making. Adds to those given before. The host's name is checked all the same.
    /// A [`Session`](crate::Session) is [given](crate::SessionBuilder::further_root_certificates) its own.
    pub fn further_root_certificates(mut self, pem: impl AsRef<[u8]>) -> ClientBuilder {
        self.further_roots.add(pem.as_ref());
        self
    }

    /// The client.
    ///
    /// # Errors
    /// When TLS cannot be set up on this machine, or with the [further root
    /// certificates](ClientBuilder::further_root_certificates), or the machine has no source of randomness.
    pub fn build(self) -> Result<Client, BuildError> {
        let roots = self.further_roots.certificates().map_err(BuildError::RootCertificate)?;
        let roots: Vec<_> =
            roots.iter().map(|root| Certificate::from_der(root)).collect::<Result<_, _>>().map_err(BuildError::Http)?;
        let mut http = reqwest::Client::builder()
            .tls_certs_merge(roots)
            .user_agent(concat!("daybook-kalshi/", env!("CARGO_PKG_VERSION")))
            // A signature is for one path: a redirected request would be refused, after telling another host of it.
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            // Attempts are counted, paid for and signed one by one.
            .retry(reqwest::retry::never())
            .tcp_nodelay(true)
            .connect_timeout(CONNECT_TIMEOUT.min(self.timeout));
        if self.environment.is_local() {
            http = http.no_proxy();
        }
        let http = http.build().map_err(BuildError::Http)?;
        let seed = match self.seed {
            Some(seed) => seed,
            None => {
                let mut seed = [0; 8];
                aws_lc_rs::rand::fill(&mut seed).map_err(|_| BuildError::NoRandomness)?;
                u64::from_ne_bytes(seed)
            }
        };
        let shared = Shared {
            environment: self.environment,
            credentials: self.credentials,
            http,
            clock: Arc::new(VenueClock::new(self.clock)),
            limiter: self.limiter.unwrap_or_default(),
            breaker: Breaker::new(self.failures_to_open, self.cool_down),
            pauses: self.pauses,
            timeout: self.timeout,
            body_limit: self.body_limit,
            observed: self.observer.is_some(),
            observer: self.observer.unwrap_or_else(|| Arc::new(Nobody)),
            random: Mutex::new(SmallRng::seed_from_u64(seed)),
        };
        Ok(Client { shared: Arc::new(shared) })
    }
}

/// A client could not be built.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The HTTP stack refused.
    #[error("the HTTP client cannot be set up; are the system's root certificates installed?")]
    Http(#[source] reqwest::Error),
    /// What was given as further root certificates is none.
    #[error("the further root certificates cannot be read: {0}; give them as PEM text")]
    RootCertificate(String),
    /// The system gave no random bytes.
    #[error("the system gives no random bytes; set a seed to do without")]
    NoRandomness,
}
