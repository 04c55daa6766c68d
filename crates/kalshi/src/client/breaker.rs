//! A circuit breaker: a venue that keeps failing is left alone for a while, then asked once.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

/// Cool-downs double up to this long while the venue keeps failing.
const LONGEST_COOL_DOWN: Duration = Duration::from_secs(60);

/// Whether calls are let through to a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CircuitState {
    /// They are.
    Closed,
    /// They fail at once, since the host failed so often in a row.
    Open {
        /// When one is let through to see.
        retry_in: Duration,
    },
    /// One is on its way to see; the others fail at once until it comes back.
    HalfOpen,
}

/// Counts failures in a row. Failures are broken or missing connections, timeouts and 5xx; any other answer shows
/// that the host works.
#[derive(Debug)]
pub(super) struct Breaker {
    threshold: u32,
    cool_down: Duration,
    count: Mutex<Count>,
}

#[derive(Debug, Default)]
struct Count {
    failures: u32,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    until: Instant,
    cool_down: Duration,
    probing: bool,
}

impl Breaker {
    pub(super) fn new(threshold: u32, cool_down: Duration) -> Breaker {
        Breaker { threshold: threshold.max(1), cool_down, count: Mutex::default() }
    }

    pub(super) fn state(&self) -> CircuitState {
        match &self.lock().open {
            None => CircuitState::Closed,
            Some(open) if open.probing => CircuitState::HalfOpen,
            Some(open) => CircuitState::Open { retry_in: open.until.saturating_duration_since(Instant::now()) },
        }
    }

    /// Whether a call would be let through now; if not, how long to wait. Zero while another one is on its way to see.
    pub(super) fn check(&self) -> Result<(), Duration> {
        match &self.lock().open {
            Some(open) => open.check(),
            None => Ok(()),
        }
    }

    /// Lets a call through, if it is its turn.
    pub(super) fn admit(&self) -> Result<Admission<'_>, Duration> {
        let mut count = self.lock();
        let probe = match &mut count.open {
            None => false,
            Some(open) => {
                open.check()?;
                open.probing = true;
                true
            }
        };
        Ok(Admission { breaker: self, probe })
    }

    fn lock(&self) -> MutexGuard<'_, Count> {
        // Nothing that is done under the lock panics.
        self.count.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    fn check(&self) -> Result<(), Duration> {
        let retry_in = self.until.saturating_duration_since(Instant::now());
        if self.probing {
            return Err(Duration::ZERO);
        }
        if retry_in.is_zero() { Ok(()) } else { Err(retry_in) }
    }
}

/// A call that was let through. Dropped without a verdict, as when its caller gives up, it leaves the next one to see.
#[derive(Debug)]
pub(super) struct Admission<'a> {
    breaker: &'a Breaker,
    probe: bool,
}

impl Admission<'_> {
    /// The host works. Returns whether calls were held back until now.
    pub(super) fn succeeded(mut self) -> bool {
        self.probe = false;
        let mut count = self.breaker.lock();
        count.failures = 0;
        count.open.take().is_some()
    }

    /// The host failed. Returns whether calls are held back from now on.
    pub(super) fn failed(mut self) -> bool {
        let probe = std::mem::take(&mut self.probe);
        let mut count = self.breaker.lock();
        count.failures = count.failures.saturating_add(1);
        let cool_down = match &count.open {
            Some(open) if probe => (open.cool_down * 2).min(LONGEST_COOL_DOWN.max(self.breaker.cool_down)),
            Some(_) => return false,
            None if count.failures >= self.breaker.threshold => self.breaker.cool_down,
            None => return false,
        };
        count.open = Some(Open { until: Instant::now() + cool_down, cool_down, probing: false });
        true
    }
}

impl Drop for Admission<'_> {
    fn drop(&mut self) {
        if self.probe
            && let Some(open) = &mut self.breaker.lock().open
        {
            open.probing = false;
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn fail(breaker: &Breaker) -> bool {
        breaker.admit().expect("it is let through").failed()
    }

    #[tokio::test(start_paused = true)]
    async fn it_opens_after_so_many_failures_in_a_row() {
        let breaker = Breaker::new(3, SECOND);
        assert!(!fail(&breaker) && !fail(&breaker));
        assert!(!breaker.admit().unwrap().succeeded());
        assert!(!fail(&breaker) && !fail(&breaker));
        assert_eq!(breaker.state(), CircuitState::Closed);
        assert!(fail(&breaker));
        assert_eq!(breaker.state(), CircuitState::Open { retry_in: SECOND });
        assert_eq!(breaker.check(), Err(SECOND));
        assert_eq!(breaker.admit().err(), Some(SECOND));
    }

    #[tokio::test(start_paused = true)]
    async fn one_call_sees_whether_the_host_works_again() {
        let breaker = Breaker::new(1, SECOND);
        assert!(fail(&breaker));
        advance(SECOND).await;
        let probe = breaker.admit().unwrap();
        assert_eq!(breaker.state(), CircuitState::HalfOpen);
        assert_eq!(breaker.admit().err(), Some(Duration::ZERO));
        assert!(probe.failed());
        assert_eq!(breaker.state(), CircuitState::Open { retry_in: 2 * SECOND });
        advance(2 * SECOND).await;
        drop(breaker.admit().unwrap());
        let probe = breaker.admit().expect("a caller that gave up has left the place to another");
        assert!(probe.succeeded());
        assert_eq!(breaker.state(), CircuitState::Closed);
        assert!(fail(&breaker), "the threshold is one");
        assert_eq!(breaker.state(), CircuitState::Open { retry_in: SECOND }, "the cool-down begins anew");
    }

    #[tokio::test(start_paused = true)]
    async fn cool_downs_are_bounded() {
        let breaker = Breaker::new(1, SECOND);
        assert!(fail(&breaker));
        for _ in 0..10 {
            advance(LONGEST_COOL_DOWN).await;
            assert!(fail(&breaker));
        }
        assert_eq!(breaker.state(), CircuitState::Open { retry_in: LONGEST_COOL_DOWN });
    }

    #[tokio::test(start_paused = true)]
    async fn a_late_answer_of_an_earlier_call_counts() {
        let breaker = Breaker::new(1, SECOND);
        let earlier = breaker.admit().unwrap();
        let other = breaker.admit().unwrap();
        assert!(fail(&breaker));
        assert!(!other.failed(), "it is open already");
        assert!(earlier.succeeded());
        assert_eq!(breaker.state(), CircuitState::Closed);
    }
}
