//! From one spelling of an instant to another.

use super::{Timestamp, UnixMillis, UnixSeconds};

impl UnixSeconds {
    /// The instant; `None` outside the years -9999 to 9999.
    pub fn timestamp(self) -> Option<Timestamp> {
        Timestamp::from_second(self.0).ok()
    }
}

impl UnixMillis {
    /// The instant; `None` outside the years -9999 to 9999.
    pub fn timestamp(self) -> Option<Timestamp> {
        Timestamp::from_millisecond(self.0).ok()
    }
}

/// Rounded down to the second.
impl From<Timestamp> for UnixSeconds {
    fn from(time: Timestamp) -> UnixSeconds {
        UnixSeconds(i64::try_from(time.as_nanosecond().div_euclid(1_000_000_000)).expect("a timestamp's seconds fit"))
    }
}

/// Rounded down to the millisecond.
impl From<Timestamp> for UnixMillis {
    fn from(time: Timestamp) -> UnixMillis {
        UnixMillis(i64::try_from(time.as_nanosecond().div_euclid(1_000_000)).expect("a timestamp's milliseconds fit"))
    }
}
