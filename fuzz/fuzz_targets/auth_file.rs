//! Fuzzes login files of docker and containers.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| registry::fuzzing::auth_file(input));
