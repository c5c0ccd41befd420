//! Fuzzes the answers of Harbor's API.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| providers::fuzzing::harbor_answer(bytes));
