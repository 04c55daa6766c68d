//! Hooks for metrics: what happens to calls, told as it happens.

use std::time::Duration;

use super::{CircuitState, Operation};
use crate::limit::BucketLevel;

/// Told what happens to calls. Every method does nothing unless it is implemented; they are called on the task that
/// makes the call, and must be quick.
#[allow(unused_variables, reason = "the names of parameters that nobody uses are their documentation")]
pub trait Observer: Send + Sync {
    /// A call has waited for its budget so long; zero if it did not.
    fn waited(&self, operation: &'static Operation, waited: Duration) {}

    /// A bucket that a call has just been paid from is as full as this.
    fn bucket_level(&self, level: &BucketLevel) {}

    /// A request is sent: the attempt with this number, from 1.
    fn sent(&self, operation: &'static Operation, attempt: u32) {}

    /// A request has been answered, or, without a status, has failed; so long after it was sent.
    fn answered(&self, operation: &'static Operation, attempt: u32, status: Option<u16>, took: Duration) {}

    /// An attempt failed, and another one will be made after a pause, and after waiting for the budget.
    fn retried(&self, operation: &'static Operation, attempt: u32, pause: Duration) {}

    /// Calls to this host are held back from now on, or let through again.
    fn circuit(&self, host: &str, state: CircuitState) {}
}

/// Observes nothing.
pub(super) struct Nobody;

impl Observer for Nobody {}
