//! Fuzzes the answers of ACR's API.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| providers::fuzzing::acr_answer(bytes));
