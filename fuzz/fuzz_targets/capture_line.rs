//! See `daybook_fuzz::kalshi::capture_line`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| daybook_fuzz::kalshi::capture_line(data));
