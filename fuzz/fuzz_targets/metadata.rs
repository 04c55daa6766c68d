//! See `daybook_fuzz::kalshi::metadata`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| daybook_fuzz::kalshi::metadata(data));
