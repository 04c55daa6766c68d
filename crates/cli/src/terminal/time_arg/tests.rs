//! Tests of reading times: the forms, the refusals, agreement with jiff, hostile text.

use proptest::prelude::*;

use super::*;
use crate::terminal::utc::print_utc;

const NOW: i64 = 1_786_410_063_944_000_001;

fn read(text: &str) -> String {
    match parse_time(text, NOW) {
        Ok(nanos) => print_utc(nanos),
        Err(error) => error.to_string(),
    }
}

#[test]
fn every_form_is_exact() {
    for (text, expected) in [
        ("2026-08-11T01:20:00.5Z", "2026-08-11T01:20:00.500Z"),
        ("2026-08-11t01:20:00z", "2026-08-11T01:20:00Z"),
        ("2026-08-11T03:20:00.123456789+02:00", "2026-08-11T01:20:00.123456789Z"),
        ("2026-08-10T21:20:00-04:00", "2026-08-11T01:20:00Z"),
        ("2026-08-11T01:20:00-00:00", "2026-08-11T01:20:00Z"),
        ("2026-08-11T01:20Z", "2026-08-11T01:20:00Z"),
        ("2026-08-11 01:20:00.5", "2026-08-11T01:20:00.500Z"),
        ("2026-08-11 01:20", "2026-08-11T01:20:00Z"),
        ("2026-08-11", "2026-08-11T00:00:00Z"),
        ("2024-02-29", "2024-02-29T00:00:00Z"),
        ("1786410063", "2026-08-11T01:01:03Z"),
        ("1786410063.944", "2026-08-11T01:01:03.944Z"),
        // As a double this would end in …499904633.
        ("1786410063.000000001", "2026-08-11T01:01:03.000000001Z"),
        ("1786410063944", "2026-08-11T01:01:03.944Z"),
        ("1786410063944001", "2026-08-11T01:01:03.944001Z"),
        ("1786410063944000001", "2026-08-11T01:01:03.944000001Z"),
        ("1000000000", "2001-09-09T01:46:40Z"),
        ("9223372036854775807", "2262-04-11T23:47:16.854775807Z"),
        ("0", "1970-01-01T00:00:00Z"),
        ("now", "2026-08-11T01:01:03.944000001Z"),
        ("now-15m", "2026-08-11T00:46:03.944000001Z"),
        ("now-1h30m", "2026-08-10T23:31:03.944000001Z"),
        ("now+2d", "2026-08-13T01:01:03.944000001Z"),
        ("now-1w", "2026-08-04T01:01:03.944000001Z"),
        ("now-1s1ns", "2026-08-11T01:01:02.944Z"),
        ("now-944ms0us1ns", "2026-08-11T01:01:03Z"),
        ("now-1µs", "2026-08-11T01:01:03.943999001Z"),
        ("1677-09-21T00:12:43.145224192Z", "1677-09-21T00:12:43.145224192Z"),
    ] {
        assert_eq!(read(text), expected, "{text}");
    }
}

#[test]
fn refusals_say_what_was_expected_and_where() {
    let refused = |text: &str| parse_time(text, NOW).unwrap_err().to_string();
    assert_eq!(
        refused("yesterday"),
        "\"yesterday\" is not a time: expected a time such as 2026-08-11T01:20:00Z, 2026-08-11, 1786410063, now or \
         now-15m at character 1, found 'y'"
    );
    assert_eq!(
        refused("2026-8-11"),
        "\"2026-8-11\" is not a time: expected a digit of the month (two) at character 7, found '-'"
    );
    assert_eq!(refused("2026-13-01"), "\"2026-13-01\" is not a time: month 13 at character 6 is outside 01 to 12");
    assert_eq!(
        refused("2026-02-29"),
        "\"2026-02-29\" is not a time: day 29 at character 9 is outside 01 to 28 in that month"
    );
    assert_eq!(
        refused("2026-12-31T23:59:60Z"),
        "\"2026-12-31T23:59:60Z\" is not a time: second 60 at character 18 is outside 00 to 59 (Unix time has no leap \
         seconds)"
    );
    assert_eq!(
        refused("20260811"),
        "\"20260811\" is ambiguous: a Unix time has 10 digits (seconds), 13 (ms), 16 (µs) or 19 (ns), and this has 8; \
         write a date as 2026-08-11"
    );
    assert_eq!(
        refused("2262-04-12"),
        "\"2262-04-12\" is out of range: times reach from 1677-09-21T00:12:43.145224192Z to \
         2262-04-11T23:47:16.854775807Z"
    );
    for (text, tail) in [
        ("", "at character 1, found the end"),
        (" 2026-08-11", "at character 1, found ' '"),
        ("2026-08-11 ", "expected a digit of the hour (two) at character 12, found the end"),
        ("2026-08-11T01", "expected \":\" after the hour at character 14, found the end"),
        ("2026-08-11T24:00", "hour 24 at character 12 is outside 00 to 23"),
        ("2026-08-11T01:20.5", "expected \"Z\", an offset such as +02:00, or the end at character 17, found '.'"),
        ("2026-08-11T01:20:00.Z", "expected a digit after the point at character 21, found 'Z'"),
        (
            "2026-08-11T01:20:00.1234567890Z",
            "expected at most nine fractional digits (nanoseconds) at character 30, found '0'",
        ),
        ("2026-08-11T01:20:00Z!", "expected nothing after \"Z\" at character 21, found '!'"),
        ("2026-08-11T01:20:00+0200", "expected \":\" after the hours of the offset at character 23, found '0'"),
        ("2026-08-11T01:20:00+24:00", "offset hour 24 at character 21 is outside 00 to 23"),
        ("2026-08-11T01:20:00 Z", "expected \"Z\", an offset such as +02:00, or the end at character 20, found ' '"),
        ("2026-08-11µ", "expected \"T\" or a space after the date, or its end at character 11, found 'µ'"),
        (
            "2026/08/11",
            "expected a date such as 2026-08-11 or a Unix time such as 1786410063 at character 5, found '/'",
        ),
        ("1786410063.", "expected a digit after the point at character 12, found the end"),
        ("1786410063s", "expected the end of the number at character 11, found 's'"),
        ("1786410063944.5", "expected the end: only seconds take a fraction at character 14, found '.'"),
        ("0001786410063", "expected a number without leading zeros at character 1, found '0'"),
        ("-1786410063", "at character 1, found '-'"),
        ("1e9", "expected a date such as 2026-08-11 or a Unix time such as 1786410063 at character 2, found 'e'"),
        ("nowish", "expected \"-\" or \"+\" after \"now\", or the end at character 4, found 'i'"),
        ("now-", "expected a whole number and a unit, such as 15m at character 5, found the end"),
        ("now-15", "expected a unit: ns, us, ms, s, m, h, d or w at character 7, found the end"),
        ("now-1.5h", "expected a unit: ns, us, ms, s, m, h, d or w at character 6, found '.'"),
        ("now-1m1h", "expected a smaller unit than the one before, as in now-1h30m at character 8, found 'h'"),
    ] {
        let message = refused(text);
        assert!(message.ends_with(tail), "{text}: {message}");
    }
    for text in ["2026", "17864100639", "178641006394", "17864100639440000010", "2026.5"] {
        assert!(matches!(parse_time(text, NOW), Err(TimeError::Ambiguous { .. })), "{text}");
    }
    for text in ["9223372036854775808", "9999-12-31", "now+999999999999999999999999999999999999999999w", "now-500000d"]
    {
        assert!(matches!(parse_time(text, NOW), Err(TimeError::OutOfRange { .. })), "{text}");
    }
    assert!(refused(&"9".repeat(10_000)).len() < 400);
}

/// Texts near the ones that are accepted: one of them with bytes replaced, dropped, doubled.
fn mutations() -> impl Strategy<Value = String> {
    let seeds = prop::sample::select(vec![
        "2026-08-11T01:20:00.5Z",
        "2026-08-11T03:20:00.123456789+02:00",
        "2026-02-28 23:59:59",
        "2026-08-11 01:20",
        "1786410063.944",
        "1786410063944000001",
        "now-1h30m",
    ]);
    let edits = prop::collection::vec((0..40_usize, 0..3_u8, "[0-9TtZz:+. nowµ-]"), 0..4);
    (seeds, edits).prop_map(|(seed, edits)| {
        let mut text: Vec<char> = seed.chars().collect();
        for (at, edit, with) in edits {
            let at = at % (text.len() + 1);
            match edit {
                0 if at < text.len() => text.splice(at..=at, with.chars()).for_each(drop),
                1 if at < text.len() => drop(text.remove(at)),
                _ => text.splice(at..at, with.chars()).for_each(drop),
            }
        }
        text.into_iter().collect()
    })
}

proptest! {
    #[test]
    fn what_is_printed_is_read(nanos: i64) {
        prop_assert_eq!(parse_time(&print_utc(nanos), NOW), Ok(nanos));
    }

    #[test]
    fn no_text_panics(text in "\\PC*", now: i64) {
        let _ = parse_time(&text, now);
        let _ = parse_time(&format!("now-{text}"), now);
    }

    #[test]
    fn units_agree(seconds in 1_000_000_000..9_223_372_036_i64, nanos in 0..1_000_000_000_i64) {
        let expected = seconds * 1_000_000_000 + nanos;
        prop_assert_eq!(parse_time(&expected.to_string(), NOW), Ok(expected));
        prop_assert_eq!(parse_time(&format!("{seconds}.{nanos:09}"), NOW), Ok(expected));
        prop_assert_eq!(parse_time(&(expected / 1_000).to_string(), NOW), Ok(expected / 1_000 * 1_000));
        prop_assert_eq!(parse_time(&(expected / 1_000_000).to_string(), NOW), Ok(expected / 1_000_000 * 1_000_000));
    }

    #[test]
    fn offsets_agree_with_jiff(nanos: i64, minutes in -1439..1440_i32) {
        let zone = jiff::tz::Offset::from_seconds(minutes * 60).unwrap();
        let stamp = jiff::Timestamp::from_nanosecond(i128::from(nanos)).unwrap();
        let text = stamp.display_with_offset(zone).to_string();
        prop_assert_eq!(parse_time(&text, NOW), Ok(nanos), "{}", text);
    }

    #[test]
    fn what_is_accepted_means_the_same_to_jiff(text in mutations()) {
        // jiff knows no Unix times and no `now`.
        if let (Ok(nanos), Some(b'-')) = (parse_time(&text, NOW), text.as_bytes().get(4)) {
            let stamp = text.parse::<jiff::Timestamp>().or_else(|_| {
                text.parse::<jiff::civil::DateTime>()?.to_zoned(jiff::tz::TimeZone::UTC).map(|zoned| zoned.timestamp())
            });
            prop_assert_eq!(stamp.unwrap().as_nanosecond(), i128::from(nanos), "{}", text);
        }
    }
}
