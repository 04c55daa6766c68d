//! The clocks: the venue's, ours, and the order that the two give a market's history.

/// The venue's stamp: microseconds since the Unix epoch, UTC. May be absent, and is not monotonic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExchangeTime(i64);

/// Our clock when a frame arrived: nanoseconds since the Unix epoch, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReceivedTime(i64);

/// A market's own time: the running maximum, in arrival order, of the exchange time or, where that is absent,
/// the received time. Nanoseconds since the Unix epoch, UTC. Never falls inside one recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EffectiveTime(i64);

impl ExchangeTime {
    /// From microseconds since the Unix epoch.
    pub const fn from_micros(micros: i64) -> ExchangeTime {
        ExchangeTime(micros)
    }

    /// Microseconds since the Unix epoch.
    pub const fn micros(self) -> i64 {
        self.0
    }
}

impl ReceivedTime {
    /// From nanoseconds since the Unix epoch.
    pub const fn from_nanos(nanos: i64) -> ReceivedTime {
        ReceivedTime(nanos)
    }

    /// Nanoseconds since the Unix epoch.
    pub const fn nanos(self) -> i64 {
        self.0
    }
}

impl EffectiveTime {
    /// Before every event.
    pub const MIN: EffectiveTime = EffectiveTime(i64::MIN);

    /// From nanoseconds since the Unix epoch.
    pub const fn from_nanos(nanos: i64) -> EffectiveTime {
        EffectiveTime(nanos)
    }

    /// Nanoseconds since the Unix epoch.
    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// This time after one more event: the later of it and that event's own stamp.
    pub fn after(self, ts: Option<ExchangeTime>, recv_ts: ReceivedTime) -> EffectiveTime {
        let stamp = ts.map_or(recv_ts.0, |ts| ts.0.saturating_mul(1_000));
        EffectiveTime(self.0.max(stamp))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn effective_time_is_a_running_maximum() {
        let received = ReceivedTime::from_nanos;
        let exchange = |micros| Some(ExchangeTime::from_micros(micros));
        // A snapshot has no stamp and is dated by its arrival; a delta written before it does not turn time back.
        let time = EffectiveTime::MIN.after(None, received(5_000_000));
        assert_eq!(time.nanos(), 5_000_000);
        let time = time.after(exchange(4_999), received(6_000_000));
        assert_eq!(time.nanos(), 5_000_000);
        let time = time.after(exchange(5_001), received(1));
        assert_eq!(time.nanos(), 5_001_000);
        assert_eq!(time.after(exchange(i64::MAX), received(0)).nanos(), i64::MAX);
        assert_eq!(EffectiveTime::MIN.after(exchange(i64::MIN), received(0)), EffectiveTime::MIN);
    }
}
