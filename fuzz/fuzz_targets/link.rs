//! Fuzzes `Link` headers.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &str| registry::fuzzing::link(input));
