//! When to sync: a pure decision over the caller's clock.

use std::time::Duration;

/// How long appended batches may wait for the disk, and how many bytes of them.
///
/// All times are read from one monotonic clock of the caller's choice, as the time since its beginning: the real
/// one in production, a simulated one in tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommitPolicy {
    /// The longest that a batch waits before a sync is due.
    pub interval: Duration,
    /// As soon as this many bytes wait, a sync is due.
    pub max_bytes: u64,
}

impl Default for CommitPolicy {
    fn default() -> CommitPolicy {
        CommitPolicy { interval: Duration::from_millis(20), max_bytes: 8 << 20 }
    }
}

impl CommitPolicy {
    /// Whether to sync now. `oldest_pending` is when the oldest unsynced batch was appended.
    pub fn due(&self, now: Duration, pending_bytes: u64, oldest_pending: Option<Duration>) -> bool {
        self.due_in(now, pending_bytes, oldest_pending) == Some(Duration::ZERO)
    }

    /// How long until a sync is due if nothing more is appended: what to set a timer to. `None`: nothing waits.
    pub fn due_in(&self, now: Duration, pending_bytes: u64, oldest_pending: Option<Duration>) -> Option<Duration> {
        let waited = now.saturating_sub(oldest_pending?);
        if pending_bytes >= self.max_bytes {
            return Some(Duration::ZERO);
        }
        Some(self.interval.saturating_sub(waited))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const POLICY: CommitPolicy = CommitPolicy { interval: Duration::from_millis(20), max_bytes: 1000 };

    #[test]
    fn due_by_age_or_by_bytes() {
        let ms = Duration::from_millis;
        assert!(!POLICY.due(ms(500), 0, None), "nothing waits");
        assert!(!POLICY.due(ms(119), 999, Some(ms(100))));
        assert!(POLICY.due(ms(120), 1, Some(ms(100))), "old enough");
        assert!(POLICY.due(ms(100), 1000, Some(ms(100))), "large enough");
        assert!(!POLICY.due(ms(90), 1, Some(ms(100))), "a clock that steps back only postpones");
    }

    proptest! {
        #[test]
        fn the_timer_and_the_decision_agree(
            now in 0u64..1_000_000, bytes in 0u64..2000, oldest in prop::option::of(0u64..1_000_000)
        ) {
            let (now, oldest) = (Duration::from_micros(now), oldest.map(Duration::from_micros));
            match POLICY.due_in(now, bytes, oldest) {
                None => prop_assert!(oldest.is_none()),
                Some(wait) => {
                    prop_assert!(POLICY.due(now + wait, bytes, oldest) || oldest > Some(now));
                    let early = wait.saturating_sub(Duration::from_micros(1));
                    prop_assert_eq!(POLICY.due(now + early, bytes, oldest), wait.is_zero());
                }
            }
        }
    }
}
