//! A call from its first attempt to its last: paid for, sent, answered, and tried again where that is safe.

use std::time::Duration;

use bytes::Bytes;
use serde::de::DeserializeOwned;
use tokio::time::Instant;
use tracing::Instrument;

use super::{
    Call, CircuitState, Client, CorrelationId, Error, ErrorKind, Operation, RetrySafety, VenueAnswer,
    exchange::Response,
    retry::{Verdict, verdict},
};
use crate::limit::NotAdmitted;

/// A good answer of the venue.
pub(super) struct Answer {
    operation: &'static Operation,
    path: String,
    attempt: u32,
    correlation_id: CorrelationId,
    status: u16,
    body: Bytes,
}

impl Answer {
    /// The body as the operation's type; `null` when there is none.
    pub(super) fn decode<T: DeserializeOwned>(self) -> Result<T, Error> {
        let body: &[u8] = if self.body.is_empty() { b"null" } else { &self.body };
        serde_json::from_slice(body).map_err(|reason| {
            // The reason may quote a value, and there is one operation whose answer is a secret.
            let secret = body.windows(11).any(|window| window == b"PRIVATE KEY");
            let reason = if secret { "(not shown: it holds a private key)".to_owned() } else { reason.to_string() };
            let kind = ErrorKind::Decode { status: self.status, reason };
            Error::new(self.operation, &self.path, self.attempt, self.correlation_id, kind).with_body(self.body.clone())
        })
    }
}

/// A call on its way.
struct Journey<'a> {
    client: &'a Client,
    call: &'a Call,
    path: String,
    correlation_id: CorrelationId,
    /// The attempts made.
    attempt: u32,
    /// How often it was tried again after failures, and after being told that it asks too often.
    failures: usize,
    refusals: usize,
    clock_was_set: bool,
    /// Whether an attempt failed in such a way that the venue may have executed it.
    maybe_executed: bool,
    /// What it has used up of the time that it is allowed: requests and pauses, but not waiting for tokens.
    spent: Duration,
}

impl Client {
    /// Makes a call, whatever it takes, and returns the venue's good answer.
    pub(super) async fn send(&self, call: &Call) -> Result<Answer, Error> {
        let correlation_id = self.new_correlation_id();
        let operation = call.operation;
        let span = tracing::info_span!("kalshi_call", operation = operation.id, correlation_id = %correlation_id);
        let path = call
            .rendered_path()
            .map_err(|error| Error::new(operation, operation.path, 0, correlation_id, ErrorKind::Call(error)))?;
        let journey = Journey {
            client: self,
            call,
            path,
            correlation_id,
            attempt: 0,
            failures: 0,
            refusals: 0,
            clock_was_set: false,
            maybe_executed: false,
            spent: Duration::ZERO,
        };
        journey.run().instrument(span).await
    }
}

impl Journey<'_> {
    async fn run(mut self) -> Result<Answer, Error> {
        let ticket = self.client.limiter().ticket();
        let mut last: Option<Error> = None;
        loop {
            let (error, pause) = match self.attempt(ticket).await {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(failure)) => {
                    let pause = self.pause_after(&failure);
                    (failure.error, pause)
                }
                Err(kind) => match last.take() {
                    None => return Err(self.error(kind)),
                    // What happened at the attempt before says more than that this one was held back.
                    Some(error) => (error, self.pause_while_held_back(&kind)),
                },
            };
            let Some(pause) = pause else {
                return Err(self.given_up(error));
            };
            tracing::warn!(
                operation = self.call.operation.id,
                correlation_id = %self.correlation_id,
                attempt = self.attempt,
                status = error.status(),
                pause_ms = millis(pause),
                reason = %error.kind(),
                "an attempt failed and is made again"
            );
            self.client.shared.observer.retried(self.call.operation, self.attempt, pause);
            self.maybe_executed |= error.may_have_executed();
            last = Some(error);
            tokio::time::sleep(pause).await;
        }
    }

    /// The error that the caller is told.
    fn given_up(&self, error: Error) -> Error {
        let deduplicated = self.call.retry == RetrySafety::Deduplicated && self.maybe_executed;
        let error = error.after_retries(deduplicated);
        tracing::debug!(
            operation = self.call.operation.id,
            correlation_id = %self.correlation_id,
            attempt = self.attempt,
            status = error.status(),
            error = %error,
            "a call failed"
        );
        error
    }

    /// One attempt: an answer, or how it failed. An error outside says why nothing was sent.
    async fn attempt(&mut self, ticket: u64) -> Result<Result<Answer, Failure>, ErrorKind> {
        let (client, call) = (self.client, self.call);
        let (shared, operation) = (&client.shared, call.operation);
        if operation.signed && shared.credentials.is_none() {
            return Err(ErrorKind::NoCredentials);
        }
        let held_back = |retry_in| ErrorKind::CircuitOpen { retry_in };
        // Who is going to be held back need not wait and pay for it.
        shared.breaker.check().map_err(held_back)?;
        let patience = shared.timeout.saturating_sub(self.spent);
        let permit = client.limiter().admit_at(call, ticket, patience).await.map_err(|error| match error {
            NotAdmitted::TooCostly(error) => ErrorKind::TooCostly(error),
            NotAdmitted::Silenced(error) => ErrorKind::Silenced(error),
        })?;
        shared.observer.waited(operation, permit.waited());
        if shared.observed {
            permit.levels().iter().for_each(|level| shared.observer.bucket_level(level));
        }
        let admission = shared.breaker.admit().map_err(held_back)?;

        self.attempt += 1;
        shared.observer.sent(operation, self.attempt);
        let begun = Instant::now();
        let allowed = shared.timeout;
        let exchange = client.exchange(call, &self.path, &permit);
        let result = match tokio::time::timeout(allowed.saturating_sub(self.spent), exchange).await {
            Ok(result) => result,
            Err(_) => Err(ErrorKind::Timeout { allowed }),
        };
        let took = begun.elapsed();
        self.spent += took;
        let status = result.as_ref().ok().map(|response| response.status);
        shared.observer.answered(operation, self.attempt, status, took);
        tracing::debug!(
            operation = operation.id,
            correlation_id = %self.correlation_id,
            attempt = self.attempt,
            status,
            took_ms = millis(took),
            "a request came back"
        );

        let good = result.as_ref().is_ok_and(|response| self.is_good(response));
        let circuit_changed = match &result {
            Ok(response) if response.status >= 500 && !good => admission.failed(),
            Ok(_) | Err(ErrorKind::BodyTooLarge { .. }) => admission.succeeded(),
            Err(ErrorKind::Connect(_) | ErrorKind::Connection(_) | ErrorKind::Timeout { .. }) => admission.failed(),
            // It was our own failure, and says nothing about the host.
            Err(_) => false,
        };
        if circuit_changed {
            self.tell_circuit();
        }
        Ok(match result {
            Ok(Response { status, body, .. }) if good => Ok(Answer {
                operation,
                path: self.path.clone(),
                attempt: self.attempt,
                correlation_id: self.correlation_id,
                status,
                body,
            }),
            Ok(response) => {
                let answer = VenueAnswer::parse(response.status, &response.body);
                let error = self.error(ErrorKind::Venue(answer)).with_body(response.body);
                let error = error.with_retry_after(response.retry_after);
                Err(Failure { error, took, date: response.date })
            }
            Err(kind) => Err(Failure { error: self.error(kind), took, date: None }),
        })
    }

    /// Whether an answer is what was asked for. Statuses that a call accepts beside the usual ones come with bodies
    /// of both kinds.
    fn is_good(&self, response: &Response) -> bool {
        match response.status {
            200..300 => true,
            status if self.call.accepted.contains(&status) => {
                let is_object = matches!(serde_json::from_slice(&response.body), Ok(serde_json::Value::Object(_)));
                is_object && !VenueAnswer::parse(status, &response.body).says_something()
            }
            _ => false,
        }
    }

    /// The pause before the next attempt, if there is one.
    fn pause_after(&mut self, failure: &Failure) -> Option<Duration> {
        let shared = &self.client.shared;
        let jitter = self.client.jitter_percent();
        let pause = match verdict(failure.error.kind(), self.call.retry) {
            Verdict::GiveUp => return None,
            Verdict::Pause => {
                self.failures += 1;
                shared.pauses.before(self.failures - 1, jitter)?
            }
            Verdict::AskedTooOften => {
                self.refusals += 1;
                failure
                    .error
                    .retry_after()
                    .unwrap_or_default()
                    .max(shared.pauses.after_refusal(self.refusals - 1, jitter))
            }
            Verdict::SetClock => {
                if std::mem::replace(&mut self.clock_was_set, true) {
                    return None;
                }
                if let Some(date) = &failure.date
                    && let Some(offset) = shared.clock.learn_from_date(date, failure.took)
                {
                    tracing::warn!(offset_ms = offset / 1_000_000, "stamping with the venue's clock from now on");
                }
                Duration::ZERO
            }
        };
        self.within_the_time_allowed(pause)
    }

    /// The pause before the next attempt when this one was held back since the venue keeps failing.
    fn pause_while_held_back(&mut self, kind: &ErrorKind) -> Option<Duration> {
        let ErrorKind::CircuitOpen { retry_in } = kind else { return None };
        let pause = self.client.shared.pauses.before(self.failures, self.client.jitter_percent())?;
        self.failures += 1;
        self.within_the_time_allowed(pause.max(*retry_in))
    }

    /// The pause, unless the call's time would be over after it.
    fn within_the_time_allowed(&mut self, pause: Duration) -> Option<Duration> {
        let spent = self.spent.saturating_add(pause);
        if spent >= self.client.shared.timeout {
            return None;
        }
        self.spent = spent;
        Some(pause)
    }

    fn tell_circuit(&self) {
        let shared = &self.client.shared;
        let (host, state) = (shared.environment.rest_host(), shared.breaker.state());
        match state {
            CircuitState::Closed => tracing::info!(%host, "the venue works again"),
            CircuitState::Open { retry_in } => {
                tracing::warn!(%host, retry_in_ms = millis(retry_in), "the venue keeps failing; calls are held back");
            }
            CircuitState::HalfOpen => {}
        }
        shared.observer.circuit(&host, state);
    }

    fn error(&self, kind: ErrorKind) -> Error {
        Error::new(self.call.operation, &self.path, self.attempt, self.correlation_id, kind)
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// A failed attempt, and what decides about the next.
struct Failure {
    error: Error,
    took: Duration,
    date: Option<String>,
}
