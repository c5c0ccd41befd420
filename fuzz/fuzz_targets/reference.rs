//! Fuzzes references and digests.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &str| registry::fuzzing::reference(input));
