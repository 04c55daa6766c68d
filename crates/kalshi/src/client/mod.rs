//! The REST client: signs, sends and decodes calls.

mod builder;
mod call;
mod error;
mod operation;
mod send;
mod venue_answer;

use std::{fmt, sync::Arc, time::Duration};

use serde::de::DeserializeOwned;

pub use builder::{BuildError, ClientBuilder};
pub(crate) use call::Shard;
pub use call::{Call, CallError, Priority, RetrySafety};
pub use error::{CorrelationId, Error, ErrorKind};
pub use operation::{Budget, Method, Operation};
pub use venue_answer::VenueAnswer;

use crate::{credentials::Credentials, environment::Environment, wall_clock::VenueClock};

/// The venue's code for a `client_order_id` that it has seen.
const ORDER_ALREADY_EXISTS: &str = "order_already_exists";

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
    timeout: Duration,
    body_limit: usize,
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
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("environment", &self.shared.environment)
            .field("credentials", &self.shared.credentials)
            .finish_non_exhaustive()
    }
}
