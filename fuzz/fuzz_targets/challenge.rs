//! Fuzzes `WWW-Authenticate` headers.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &str| registry::fuzzing::challenge(input));
