//! Instants in UTC as text, and the calendar behind it: integers and bytes only.

/// Seconds of a day.
pub(crate) const DAY_SECONDS: i64 = 86_400;

/// Prints nanoseconds since the Unix epoch as RFC 3339 in UTC, with no fraction or as many digits as are not zero, in
/// groups of three: `2026-08-11T01:20:00Z`, `2026-08-11T01:20:00.500Z`.
pub fn print_utc(nanos: i64) -> String {
    let mut text = Vec::with_capacity(30);
    let (seconds, fraction) = split(nanos);
    write_utc(&mut text, seconds, fraction);
    String::from_utf8(text).expect("digits and punctuation are ASCII")
}

/// Nanoseconds since the Unix epoch as whole seconds, rounded down, and the nanoseconds above them.
pub(crate) const fn split(nanos: i64) -> (i64, u32) {
    (nanos.div_euclid(1_000_000_000), nanos.rem_euclid(1_000_000_000) as u32)
}

/// Appends what [`print_utc`] prints.
pub(crate) fn write_utc(out: &mut Vec<u8>, seconds: i64, nanos: u32) {
    write_date(out, seconds.div_euclid(DAY_SECONDS));
    out.push(b'T');
    write_clock(out, seconds.rem_euclid(DAY_SECONDS), nanos, fraction_groups(nanos));
    out.push(b'Z');
}

/// Appends the date so many days after the epoch: `2026-08-11`. A year outside 0 to 9999 gets a sign and at least six
/// digits, as ISO 8601 has it: RFC 3339 ends there, what a table may hold does not.
pub(crate) fn write_date(out: &mut Vec<u8>, days: i64) {
    let (year, month, day) = civil_from_days(days);
    if (0..=9999).contains(&year) {
        write_two(out, year / 100);
        write_two(out, year % 100);
    } else {
        out.extend_from_slice(format!("{year:+07}").as_bytes());
    }
    out.push(b'-');
    write_two(out, month);
    out.push(b'-');
    write_two(out, day);
}

/// Appends the time of day, `01:20:00.500`, with so many groups of three fractional digits, 0 to 3.
pub(crate) fn write_clock(out: &mut Vec<u8>, second_of_day: i64, nanos: u32, groups: u32) {
    write_two(out, second_of_day / 3_600);
    out.push(b':');
    write_two(out, second_of_day / 60 % 60);
    out.push(b':');
    write_two(out, second_of_day % 60);
    if groups > 0 {
        out.push(b'.');
        for divisor in [1_000_000, 1_000, 1].into_iter().take(groups as usize) {
            let group = i64::from(nanos / divisor % 1_000);
            out.push(b'0' + (group / 100) as u8);
            write_two(out, group % 100);
        }
    }
}

/// How many groups of three fractional digits it takes to print so many nanoseconds exactly.
pub(crate) const fn fraction_groups(nanos: u32) -> u32 {
    match nanos {
        0 => 0,
        _ if nanos.is_multiple_of(1_000_000) => 1,
        _ if nanos.is_multiple_of(1_000) => 2,
        _ => 3,
    }
}

/// Appends two digits; the value is below 100.
fn write_two(out: &mut Vec<u8>, value: i64) {
    out.extend_from_slice(&[b'0' + (value / 10) as u8, b'0' + (value % 10) as u8]);
}

/// Days of a month of the Gregorian calendar.
pub(crate) const fn days_in_month(year: u32, month: u32) -> u32 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since the Unix epoch of a date of the Gregorian calendar. Years are counted from March, so that the leap day
/// ends one; 400 of them always have 146 097 days.
pub(crate) fn days_from_civil(year: u32, month: u32, day: u32) -> i64 {
    let year = i64::from(year) - i64::from(month <= 2);
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((i64::from(month) + 9) % 12) + 2) / 5 + i64::from(day) - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// The inverse: year, month, day.
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn prints_as_many_groups_as_carry_value() {
        let base = 1_786_411_200_000_000_000;
        assert_eq!(print_utc(base), "2026-08-11T01:20:00Z");
        assert_eq!(print_utc(base + 500_000_000), "2026-08-11T01:20:00.500Z");
        assert_eq!(print_utc(base + 123_456_000), "2026-08-11T01:20:00.123456Z");
        assert_eq!(print_utc(base + 1), "2026-08-11T01:20:00.000000001Z");
        assert_eq!(print_utc(0), "1970-01-01T00:00:00Z");
        assert_eq!(print_utc(-1), "1969-12-31T23:59:59.999999999Z");
        assert_eq!(print_utc(i64::MIN), "1677-09-21T00:12:43.145224192Z");
        assert_eq!(print_utc(i64::MAX), "2262-04-11T23:47:16.854775807Z");
    }

    #[test]
    fn years_beyond_four_digits_are_signed() {
        let mut out = Vec::new();
        write_date(&mut out, days_from_civil(9999, 12, 31) + 1);
        out.push(b' ');
        write_date(&mut out, days_from_civil(0, 1, 1) - 1);
        assert_eq!(String::from_utf8(out).unwrap(), "+010000-01-01 -000001-12-31");
    }

    #[test]
    fn every_day_of_eight_centuries_follows_the_one_before() {
        let mut expected = days_from_civil(1600, 1, 1);
        for year in 1600..2400 {
            for month in 1..=12 {
                for day in 1..=days_in_month(year, month) {
                    assert_eq!(days_from_civil(year, month, day), expected);
                    assert_eq!(civil_from_days(expected), (i64::from(year), i64::from(month), i64::from(day)));
                    expected += 1;
                }
            }
        }
    }

    proptest! {
        #[test]
        fn agrees_with_jiff(nanos: i64) {
            let stamp = jiff::Timestamp::from_nanosecond(i128::from(nanos)).unwrap();
            // jiff prints the digits that are not zero; ours are padded to a group of three.
            let digits = [0, 3, 6, 9][fraction_groups(split(nanos).1) as usize];
            prop_assert_eq!(print_utc(nanos), format!("{stamp:.digits$}"));
        }
    }
}
