//! Fuzzes manifests, and edits of them.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| registry::fuzzing::manifest(input));
