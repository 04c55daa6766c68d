//! See `daybook_fuzz::archive::log_replaced`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| daybook_fuzz::archive::log_replaced(data));
