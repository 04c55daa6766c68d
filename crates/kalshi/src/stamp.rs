//! Reads RFC 3339 stamps exactly, with whatever offset and up to nine decimal places.

/// An instant as a stamp states it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// Whole seconds since the Unix epoch, UTC; years 0000 to 9999, so that microseconds always fit an `i64`.
    seconds: i64,
    /// The rest, below one second.
    nanos: u32,
    /// How many decimal places the stamp gives.
    places: u32,
}

impl Stamp {
    /// Reads `2026-03-04T05:06:07.891234Z` and its like: `T`, `t` or a space, 0 to 9 decimal places, `Z`, `z` or a
    /// numeric offset. `None` for anything else, an impossible date and a leap second included.
    #[inline]
    pub(crate) fn parse(text: &[u8]) -> Option<Stamp> {
        let (&date_time, rest) = text.split_first_chunk::<19>()?;
        let [_, _, _, _, b'-', _, _, b'-', _, _, b'T' | b't' | b' ', _, _, b':', _, _, b':', _, _] = date_time else {
            return None;
        };
        let year = pair(&date_time, 0)? * 100 + pair(&date_time, 2)?;
        let (month, day) = (pair(&date_time, 5)?, pair(&date_time, 8)?);
        let (hour, minute, second) = (pair(&date_time, 11)?, pair(&date_time, 14)?, pair(&date_time, 17)?);
        if !(1..=12).contains(&month) || day < 1 || day > days_in_month(year, month) {
            return None;
        }
        if hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        let (nanos, places, offset) = fraction(rest)?;
        let seconds = days_since_epoch(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second;
        Some(Stamp { seconds: seconds - offset_seconds(offset)?, nanos, places })
    }

    /// Microseconds since the Unix epoch, rounded down.
    pub(crate) fn micros(self) -> i64 {
        self.seconds * 1_000_000 + i64::from(self.nanos / 1_000)
    }

    /// Nanoseconds since the Unix epoch; `None` before 1678 and after 2262.
    pub(crate) fn nanos(self) -> Option<i64> {
        i64::try_from(i128::from(self.seconds) * 1_000_000_000 + i128::from(self.nanos)).ok()
    }

    /// Whether the stamp says more than its microseconds do.
    pub(crate) fn is_finer_than_micros(self) -> bool {
        !self.nanos.is_multiple_of(1_000)
    }

    /// Whether the stamp is `micros` cut to the stamp's own number of decimal places.
    pub(crate) fn is_cut_from(self, micros: i64) -> bool {
        let grain = 10i64.pow(6u32.saturating_sub(self.places));
        !self.is_finer_than_micros() && self.micros() == micros - micros.rem_euclid(grain)
    }
}

/// The two digits at `at`.
#[inline]
fn pair(text: &[u8; 19], at: usize) -> Option<i64> {
    let (tens, units) = (text[at].wrapping_sub(b'0'), text[at + 1].wrapping_sub(b'0'));
    (tens <= 9 && units <= 9).then(|| i64::from(tens * 10 + units))
}

/// Nanoseconds, decimal places, and what follows the decimal places.
#[inline]
fn fraction(rest: &[u8]) -> Option<(u32, u32, &[u8])> {
    let Some((b'.', digits)) = rest.split_first() else { return Some((0, 0, rest)) };
    let (mut nanos, mut places) = (0u32, 0usize);
    while let Some(digit) = digits.get(places).map(|byte| byte.wrapping_sub(b'0')).filter(|&digit| digit <= 9) {
        if places == 9 {
            return None;
        }
        nanos = nanos * 10 + u32::from(digit);
        places += 1;
    }
    (places > 0).then(|| (nanos * 10u32.pow(9 - places as u32), places as u32, &digits[places..]))
}

/// Seconds that the offset is ahead of UTC.
#[inline]
fn offset_seconds(offset: &[u8]) -> Option<i64> {
    let &[sign, h1, h2, b':', m1, m2] = offset else { return matches!(offset, [b'Z' | b'z']).then_some(0) };
    if ![h1, h2, m1, m2].iter().all(u8::is_ascii_digit) {
        return None;
    }
    let hours = i64::from(h1 - b'0') * 10 + i64::from(h2 - b'0');
    let minutes = i64::from(m1 - b'0') * 10 + i64::from(m2 - b'0');
    if hours > 23 || minutes > 59 {
        return None;
    }
    match sign {
        b'+' => Some(hours * 3_600 + minutes * 60),
        b'-' => Some(-(hours * 3_600 + minutes * 60)),
        _ => None,
    }
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 in the proleptic Gregorian calendar. The year is taken to begin in March, so that the leap
/// day is its last, and is shifted by one cycle of 400 years, so that nothing is negative.
#[inline]
fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    let shifted = if month > 2 { year + 400 } else { year + 399 };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = shifted * 365 + shifted / 4 - shifted / 100 + shifted / 400 + day_of_year;
    days - 719_468 - 146_097
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_offsets_and_every_number_of_places() {
        let micros = |text: &str| Stamp::parse(text.as_bytes()).map(Stamp::micros);
        assert_eq!(micros("2026-03-04T05:06:07.891234Z"), Some(1_772_600_767_891_234));
        assert_eq!(micros("2026-03-04T07:06:07.891234+02:00"), Some(1_772_600_767_891_234));
        assert_eq!(micros("2026-03-03t23:36:07.4-05:30"), Some(1_772_600_767_400_000));
        assert_eq!(micros("1970-01-01 00:00:00z"), Some(0));
        assert_eq!(micros("1969-12-31T23:59:59.999999999Z"), Some(-1));
        assert_eq!(micros("0001-01-01T00:00:00Z"), Some(-62_135_596_800_000_000));
        assert!(Stamp::parse(b"2026-03-04T05:06:07.0000001Z").unwrap().is_finer_than_micros());
        assert_eq!(Stamp::parse(b"2263-01-01T00:00:00Z").unwrap().nanos(), None);
    }

    #[test]
    fn refuses_what_is_no_stamp() {
        for text in [
            "",
            "2026-08-11",
            "2026-03-04T05:06:07",
            "2026-03-04T05:06:07.Z",
            "2026-03-04T05:06:07.1234567890Z",
            "2026-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-00-01T00:00:00Z",
            "2026-08-00T00:00:00Z",
            "2026-08-11T24:00:00Z",
            "2016-12-31T23:59:60Z",
            "2026-03-04T05:06:07+0200",
            "2026-03-04T05:06:07+24:00",
            "2026-03-04T05:06:07ZZ",
            "2026-03-04T05:06:07.5é",
            "+026-08-11T00:30:42Z",
        ] {
            assert_eq!(Stamp::parse(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn a_coarser_stamp_is_cut_from_a_finer_instant() {
        let cut = |text: &str, micros| Stamp::parse(text.as_bytes()).unwrap().is_cut_from(micros);
        assert!(cut("1970-01-01T00:00:01Z", 1_999_999));
        assert!(cut("1970-01-01T00:00:01.9Z", 1_999_999));
        assert!(!cut("1970-01-01T00:00:02Z", 1_999_999));
        assert!(!cut("1970-01-01T00:00:01.999000001Z", 1_999_000));
    }

    proptest! {
        #[test]
        fn agrees_with_jiff(
            seconds in -62_167_219_200i64..253_402_207_200, nanos in 0i32..1_000_000_000, places in 0usize..=9
        ) {
            let grain = 10i32.pow(9 - places as u32);
            let instant = jiff::Timestamp::new(seconds, 0).unwrap()
                .checked_add(jiff::SignedDuration::new(0, nanos / grain * grain)).unwrap();
            let text = format!("{instant:.places$}");
            let stamp = Stamp::parse(text.as_bytes()).unwrap();
            prop_assert_eq!(stamp.micros(), instant.as_nanosecond().div_euclid(1_000) as i64);
            prop_assert_eq!(stamp.nanos(), i64::try_from(instant.as_nanosecond()).ok());
        }

        #[test]
        fn agrees_with_jiff_on_which_dates_exist(
            year in 0i16..=9999, month in 0i8..=13, day in 0i8..=32, hour in 0i8..=25, offset in 0i8..=25
        ) {
            let text = format!("{year:04}-{month:02}-{day:02}T{hour:02}:00:00-{offset:02}:30");
            let theirs = text.parse::<jiff::Timestamp>().ok();
            match (Stamp::parse(text.as_bytes()), theirs) {
                (Some(stamp), Some(theirs)) => prop_assert_eq!(stamp.micros(), theirs.as_microsecond()),
                // The last day of 9999 is beyond jiff's range, and offsets of 24 and 25 hours are within it.
                (Some(_), None) => prop_assert_eq!(year, 9999),
                (None, Some(_)) => prop_assert!(offset > 23),
                (None, None) => {}
            }
        }
    }
}
