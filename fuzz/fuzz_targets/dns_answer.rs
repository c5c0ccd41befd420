//! Fuzzes answers of DNS servers.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| resolver::fuzz_answer(bytes));
