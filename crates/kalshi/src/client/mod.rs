//! The REST client: signs, sends and decodes calls.

mod breaker;
mod builder;
mod call;
mod error;
mod exchange;
mod learn;
mod observer;
mod operation;
mod retry;
mod send;
mod venue_answer;

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use rand::{Rng, rngs::SmallRng};
use serde::de::DeserializeOwned;

pub use breaker::CircuitState;
pub use builder::{BuildError, ClientBuilder};
pub(crate) use call::Shard;
pub use call::{Call, CallError, Priority, RetrySafety};
pub use error::{CorrelationId, Error, ErrorKind, FailedPage};
pub use learn::LearnedLimits;
pub use observer::Observer;
pub use operation::{Budget, Method, Operation};
pub use venue_answer::VenueAnswer;

use crate::{credentials::Credentials, environment::Environment, limit::RateLimiter, wall_clock::VenueClock};
use breaker::Breaker;
use retry::Pauses;

/// A client of the venue's REST API. Clones are cheap and share everything: connections, budgets, the clock.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
}

struct Shared {
    environment: Environment,
    credentials: Option<Credentials>,
    http: reqwest::Client,
    clock: Arc<VenueClock>,
    limiter: RateLimiter,
    breaker: Breaker,
    pauses: Pauses,
    timeout: Duration,
    body_limit: usize,
    observer: Arc<dyn Observer>,
    /// Whether there is anybody to observe.
    observed: bool,
    random: Mutex<SmallRng>,
}

impl Client {
    /// Begins to build a client; production without credentials if nothing else is said.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }

    /// Makes one call and decodes the answer. An answer without body is decoded from `null`.
    ///
    /// # Errors
    /// See [`ErrorKind`].
    pub async fn call<T: DeserializeOwned>(&self, call: Call) -> Result<T, Error> {
        let answer = self.send(&call).await?;
        answer.decode()
    }

    /// The venue that is talked to.
    pub fn environment(&self) -> &Environment {
        &self.shared.environment
    }

    /// Who calls, if the client was built with credentials.
    pub fn credentials(&self) -> Option<&Credentials> {
        self.shared.credentials.as_ref()
    }

    /// The clock that requests are stamped with, as corrected by the venue's answers.
    pub fn clock(&self) -> &Arc<VenueClock> {
        &self.shared.clock
    }

    /// What keeps the calls within the venue's limits. Share it with other clients of the same account.
    pub fn limiter(&self) -> &RateLimiter {
        &self.shared.limiter
    }

    /// Whether calls are let through to the venue, or held back since it keeps failing.
    pub fn circuit(&self) -> CircuitState {
        self.shared.breaker.state()
    }

    fn new_correlation_id(&self) -> CorrelationId {
        CorrelationId(self.with_random(|random| random.random()))
    }

    /// Between 75 and 125, so that those who failed together do not come back together.
    fn jitter_percent(&self) -> u32 {
        self.with_random(|random| random.random_range(75..=125))
    }

    fn with_random<T>(&self, draw: impl FnOnce(&mut SmallRng) -> T) -> T {
        draw(&mut self.shared.random.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("environment", &self.shared.environment)
            .field("credentials", &self.shared.credentials)
            .finish_non_exhaustive()
    }
}
