//! See `daybook_fuzz::archive::batch`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| daybook_fuzz::archive::batch(data));
