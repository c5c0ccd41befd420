//! Fuzzes what was signed of schema 1 manifests.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| registry::fuzzing::schema1_payload(input));
