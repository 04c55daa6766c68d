//! The client for programs that are not asynchronous.
//!
//! ```no_run
//! use daybook_kalshi::{Budget, Call, Method, Operation, blocking};
//!
//! static MARKETS: Operation = Operation {
//!     id: "GetMarkets",
//!     method: Method::Get,
//!     path: "/markets",
//!     signed: false,
//!     budget: Budget::Read,
//! };
//!
//! let client = blocking::Client::new(daybook_kalshi::Client::builder().build()?)?;
//! let markets: serde_json::Value = client.call(Call::new(&MARKETS).query("limit", 5))?;
//! // Whatever the asynchronous client can do, this one can.
//! let learned = client.block_on(client.asynchronous().learn_limits())?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::{io, sync::Arc};

use serde::de::DeserializeOwned;
use tokio::runtime::{Builder, Runtime};

use crate::client::{Call, Error};

/// A [`Client`](crate::Client) whose calls block the thread that makes them.
///
/// Clones share one thread that drives the connections of all; calls may be made from any number of threads at once.
/// Give it a client of its own: connections that were made under another runtime end with that runtime.
#[derive(Clone, Debug)]
pub struct Client {
    client: crate::Client,
    runtime: Arc<Driver>,
}

impl Client {
    /// Starts the thread that drives `client`.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn new(client: crate::Client) -> io::Result<Client> {
        let runtime = Builder::new_multi_thread().worker_threads(1).thread_name("kalshi").enable_all().build()?;
        Ok(Client { client, runtime: Arc::new(Driver(Some(runtime))) })
    }

    /// Makes one call and waits for its answer: see [`Client::call`](crate::Client::call).
    ///
    /// # Errors
    /// As there.
    ///
    /// # Panics
    /// When called from asynchronous code, whose thread it would block.
    pub fn call<T: DeserializeOwned>(&self, call: Call) -> Result<T, Error> {
        self.block_on(self.client.call(call))
    }

    /// Waits for anything asynchronous: a method of [`asynchronous`](Self::asynchronous), or the next item of a stream.
    ///
    /// # Panics
    /// When called from asynchronous code, whose thread it would block.
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.runtime.0.as_ref().expect("the runtime is only taken out when it is dropped").block_on(future)
    }

    /// The client whose methods [`block_on`](Self::block_on) waits for.
    pub fn asynchronous(&self) -> &crate::Client {
        &self.client
    }
}

/// A runtime that may be dropped anywhere, asynchronous code included.
#[derive(Debug)]
struct Driver(Option<Runtime>);

impl Drop for Driver {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
