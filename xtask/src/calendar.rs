//! Times at the edges: reading `--start`, the venue's dates in tickers and titles, RFC 3339 text.
//!
//! Inside the generator a time is nanoseconds since 1970 (`i64`). The venue names its markets by Eastern time;
//! daylight time is used all year round, which needs no time zone database.

use jiff::tz::{Offset, TimeZone};
use jiff::{Timestamp, Zoned};

/// Nanoseconds in a microsecond.
pub(crate) const MICROSECOND: i64 = 1_000;
/// Nanoseconds in a millisecond.
pub(crate) const MILLISECOND: i64 = 1_000_000;
/// Nanoseconds in a second.
pub(crate) const SECOND: i64 = 1_000_000_000;
/// Nanoseconds in a quarter of an hour.
pub(crate) const QUARTER_HOUR: i64 = 900 * SECOND;
/// Nanoseconds in a day.
pub(crate) const DAY: i64 = 86_400 * SECOND;

const EASTERN: i64 = -4 * 3_600 * SECOND;

/// Reads an RFC 3339 time between the years 2000 and 2200.
pub(crate) fn parse(text: &str) -> Result<i64, String> {
    let time: Timestamp = text.parse().map_err(|error: jiff::Error| error.to_string())?;
    match i64::try_from(time.as_nanosecond()) {
        Ok(ns) if (30 * 365 * DAY..230 * 365 * DAY).contains(&ns) => Ok(ns),
        _ => Err("a time between the years 2000 and 2199 is needed".into()),
    }
}

/// RFC 3339 in UTC, truncated to the microsecond, without trailing zeros.
pub(crate) fn rfc3339(ns: i64) -> String {
    timestamp(ns - ns.rem_euclid(MICROSECOND)).to_string()
}

/// The given `strftime` format in Eastern time.
pub(crate) fn eastern(ns: i64, format: &str) -> String {
    let zoned: Zoned = timestamp(ns).to_zoned(TimeZone::fixed(Offset::constant(-4)));
    zoned.strftime(format).to_string()
}

/// The same in capitals, as tickers want it.
pub(crate) fn eastern_ticker(ns: i64, format: &str) -> String {
    eastern(ns, format).to_uppercase()
}

/// The Eastern midnight at or before `ns`.
pub(crate) fn eastern_midnight(ns: i64) -> i64 {
    ns - (ns + EASTERN).rem_euclid(DAY)
}

fn timestamp(ns: i64) -> Timestamp {
    Timestamp::from_nanosecond(i128::from(ns)).expect("64 bits of nanoseconds lie inside the calendar")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes_rfc3339() {
        let ns = parse("2026-08-12T14:30:05.250010Z").unwrap();
        assert_eq!(ns, 1_786_545_005_250_010_000);
        assert_eq!(rfc3339(ns + 999), "2026-08-12T14:30:05.25001Z");
        assert_eq!(rfc3339(parse("2026-08-12T10:30:00-04:00").unwrap()), "2026-08-12T14:30:00Z");
        assert!(parse("1999-01-01T00:00:00Z").is_err());
        assert!(parse("noon").is_err());
    }

    #[test]
    fn dates_are_eastern() {
        let ns = parse("2026-08-12T03:45:00Z").unwrap();
        assert_eq!(eastern_ticker(ns, "%y%b%d%H%M"), "26AUG112345");
        assert_eq!(rfc3339(eastern_midnight(ns)), "2026-08-11T04:00:00Z");
    }
}
