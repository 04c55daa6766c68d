//! See `daybook_fuzz::archive::log_damaged`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| daybook_fuzz::archive::log_damaged(data));
