//! The demands on the reader of times: it never panics, and what it reads is printed as a time that reads the same.

use daybook::terminal::{time_arg::parse_time, utc::print_utc};

/// A time as people give it.
pub fn time(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    for now in [0, 1_786_410_063_000_000_000, i64::MIN, i64::MAX] {
        match parse_time(text, now) {
            Ok(nanos) => assert_eq!(parse_time(&print_utc(nanos), now), Ok(nanos), "{text:?}"),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
}
