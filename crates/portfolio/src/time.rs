//! Instants as the store keeps them, microseconds since the Unix epoch, and periods.

use daybook_kalshi::WallClock;
use jiff::Timestamp;

/// From the store. What no calendar reaches becomes its first or last instant.
pub(crate) fn from_micros(micros: i64) -> Timestamp {
    Timestamp::from_microsecond(micros).unwrap_or(if micros < 0 { Timestamp::MIN } else { Timestamp::MAX })
}

/// For the store. Nanoseconds are rounded down.
pub(crate) fn micros(time: Timestamp) -> i64 {
    i64::try_from(time.as_nanosecond().div_euclid(1_000)).expect("a timestamp's microseconds fit 64 bits")
}

/// Now, in microseconds since the Unix epoch.
pub(crate) fn now_micros(clock: &dyn WallClock) -> i64 {
    clock.unix_nanos().div_euclid(1_000)
}

/// A span of time: from `start` on, up to but not including `end`. Without an end it is open there; by default it is
/// all of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Period {
    /// The first instant that belongs to it.
    pub start: Option<Timestamp>,
    /// The first instant that no longer does.
    pub end: Option<Timestamp>,
}

impl Period {
    /// All of time.
    pub const ALL: Period = Period { start: None, end: None };

    /// First microsecond, and first microsecond after it. Nothing that is stored is at the very last microsecond.
    pub(crate) fn bounds(self) -> (i64, i64) {
        (self.start.map_or(i64::MIN, ceiling), self.end.map_or(i64::MAX, ceiling))
    }
}

/// The first whole microsecond at this instant or later.
fn ceiling(time: Timestamp) -> i64 {
    let micros = micros(time);
    if time.as_nanosecond().rem_euclid(1_000) == 0 { micros } else { micros.saturating_add(1) }
}
