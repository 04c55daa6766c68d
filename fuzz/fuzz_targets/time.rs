//! See `daybook_fuzz::time::time`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| daybook_fuzz::time::time(data));
