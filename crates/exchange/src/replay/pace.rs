//! How fast time goes on in a replay.

use std::{fmt, str::FromStr};

/// How fast a replay is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Speed {
    /// So many thousandths as fast as it was.
    PerMille(u64),
    /// As fast as clients read.
    Max,
}

/// What is no speed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no speed: expected max, or a multiple of real time such as 1, 10 or 0.5")]
pub struct SpeedError(String);

impl Speed {
    /// As fast as it was.
    pub const REAL: Speed = Speed::PerMille(1_000);

    /// How much real time, in nanoseconds, so much recorded time lasts; nothing at full speed.
    pub fn lasts(self, recorded: u64) -> u64 {
        match self {
            Speed::Max => 0,
            Speed::PerMille(per_mille) => {
                u64::try_from(u128::from(recorded) * 1_000 / u128::from(per_mille)).unwrap_or(u64::MAX)
            }
        }
    }
}

impl FromStr for Speed {
    type Err = SpeedError;

    fn from_str(text: &str) -> Result<Speed, SpeedError> {
        if text == "max" {
            return Ok(Speed::Max);
        }
        let wrong = || SpeedError(text.to_owned());
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
        if fraction.len() > 3 || whole.is_empty() || !is_number(whole) || !is_number(fraction) {
            return Err(wrong());
        }
        let per_mille = format!("{whole}{fraction:0<3}").parse::<u64>().map_err(|_| wrong())?;
        if per_mille == 0 { Err(wrong()) } else { Ok(Speed::PerMille(per_mille)) }
    }
}

impl fmt::Display for Speed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Speed::Max => f.write_str("max"),
            Speed::PerMille(per_mille) => {
                let text = format!("{}.{:03}", per_mille / 1_000, per_mille % 1_000);
                f.write_str(text.trim_end_matches('0').trim_end_matches('.'))
            }
        }
    }
}

/// Where real time and a replay's time were together last.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// Nanoseconds.
    wall: i64,
    /// Microseconds.
    time: i64,
}

impl Pace {
    /// They are together now.
    pub(super) fn new(wall: i64, time: i64) -> Pace {
        Pace { wall, time }
    }

    /// How far a replay's time, in microseconds, is to have come.
    pub(super) fn time(self, wall: i64, speed: Speed) -> i64 {
        match speed {
            Speed::Max => i64::MAX,
            Speed::PerMille(per_mille) => {
                let passed = i128::from(wall.saturating_sub(self.wall).max(0)) * i128::from(per_mille) / 1_000_000;
                self.time.saturating_add(i64::try_from(passed).unwrap_or(i64::MAX))
            }
        }
    }

    /// How long it takes, in nanoseconds, until a replay's time has come so far.
    pub(super) fn until(self, time: i64, wall: i64, speed: Speed) -> u64 {
        let recorded = u64::try_from(time.saturating_sub(self.time)).unwrap_or(0).saturating_mul(1_000);
        let passed = u64::try_from(wall.saturating_sub(self.wall)).unwrap_or(0);
        speed.lasts(recorded).saturating_sub(passed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speeds_are_exact_multiples() {
        for (text, speed) in [
            ("max", Speed::Max),
            ("1", Speed::REAL),
            ("0.5", Speed::PerMille(500)),
            ("2.25", Speed::PerMille(2_250)),
            ("100", Speed::PerMille(100_000)),
        ] {
            assert_eq!(text.parse(), Ok(speed));
            assert_eq!(speed.to_string(), text);
        }
        for wrong in ["0", "0.000", "-1", "+1", "fast", "1.2345", "", ".", "1e3", "1.+2"] {
            assert!(wrong.parse::<Speed>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn time_goes_on_at_its_speed() {
        let pace = Pace::new(5_000_000_000, 1_000_000);
        let half = Speed::PerMille(500);
        assert_eq!(pace.time(7_000_000_000, half), 2_000_000);
        assert_eq!(pace.until(2_000_000, 5_000_000_000, half), 2_000_000_000);
        assert_eq!(pace.until(2_000_000, 6_500_000_000, half), 500_000_000);
        assert_eq!(pace.time(4_000_000_000, half), 1_000_000, "a wall clock that was set back");
        assert_eq!((pace.time(0, Speed::Max), pace.until(i64::MAX, 0, Speed::Max)), (i64::MAX, 0));
    }
}
