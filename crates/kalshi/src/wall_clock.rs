//! The wall clock that requests are stamped with, and its correction to the venue's.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// The only source of wall-clock time in the client. Waiting is measured by `tokio::time` instead.
pub trait WallClock: Send + Sync {
    /// Now, in nanoseconds since the Unix epoch.
    fn unix_nanos(&self) -> i64;
}

/// The clock of the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl WallClock for SystemClock {
    fn unix_nanos(&self) -> i64 {
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since_epoch.as_nanos()).unwrap_or(i64::MAX)
    }
}

/// A wall clock corrected by what the venue's answers said the time was.
///
/// The venue refuses requests whose stamp is more than some seconds off. Whoever is refused for that measures the
/// difference from the answer and lets everybody who shares this clock stamp with the venue's time from then on.
pub struct VenueClock {
    local: Arc<dyn WallClock>,
    offset_nanos: AtomicI64,
}

impl VenueClock {
    /// `local` as it is, until a correction is known.
    pub fn new(local: Arc<dyn WallClock>) -> VenueClock {
        VenueClock { local, offset_nanos: AtomicI64::new(0) }
    }

    /// How far the venue's clock is ahead of ours, in nanoseconds; 0 until it was measured.
    pub fn offset_nanos(&self) -> i64 {
        self.offset_nanos.load(Ordering::Relaxed)
    }

    /// Now by the venue's clock, in milliseconds since the Unix epoch: what requests are stamped with.
    pub fn unix_millis(&self) -> i64 {
        self.unix_nanos() / 1_000_000
    }

    /// Learns from a `Date` header (RFC 9110) that has just come in answer to a request sent `took` ago. Returns the
    /// venue's lead over our clock in nanoseconds, or `None` for a date that cannot be read.
    ///
    /// The header counts whole seconds and was written somewhere between sending and receiving: the middle of both
    /// is off by half a second and half a round trip at most. Learning the same thing twice changes nothing.
    pub fn learn_from_date(&self, date: &str, took: Duration) -> Option<i64> {
        let date = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(date).ok()?;
        let venue = i64::try_from(date.as_nanosecond()).ok()?.checked_add(500_000_000)?;
        let half_way = i64::try_from(took.as_nanos() / 2).ok()?;
        let offset = venue.checked_sub(self.local.unix_nanos())?.checked_add(half_way)?;
        self.offset_nanos.store(offset, Ordering::Relaxed);
        Some(offset)
    }
}

impl WallClock for VenueClock {
    fn unix_nanos(&self) -> i64 {
        self.local.unix_nanos().saturating_add(self.offset_nanos())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-21 17:00:00.250 UTC.
    const NOW: i64 = 1_795_280_400_250_000_000;

    struct Stopped;

    impl WallClock for Stopped {
        fn unix_nanos(&self) -> i64 {
            NOW
        }
    }

    #[test]
    fn a_clock_is_corrected_by_a_date_and_learns_nothing_from_it_twice() {
        let clock = VenueClock::new(Arc::new(Stopped));
        assert_eq!((clock.unix_millis(), clock.offset_nanos()), (NOW / 1_000_000, 0));
        // The venue is two minutes ahead. Its date was written half of 100 ms ago, in the middle of a second.
        let offset = 120_000_000_000 + 250_000_000 + 50_000_000;
        for _ in 0..2 {
            let learned = clock.learn_from_date("Sat, 21 Nov 2026 17:02:00 GMT", Duration::from_millis(100));
            assert_eq!(learned, Some(offset));
            assert_eq!(clock.unix_nanos(), NOW + offset);
        }
        assert_eq!(clock.learn_from_date("yesterday", Duration::ZERO), None);
        assert_eq!(clock.offset_nanos(), offset);
    }

    #[test]
    fn the_systems_clock_is_this_centurys() {
        assert!(SystemClock.unix_nanos() > 1_700_000_000_000_000_000);
    }
}
