//! Fuzzes what is kept of uploads from run to run.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| sync::state::fuzz_record(input));
