//! Fuzzes `Content-Range` and `Range` headers.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &str| registry::fuzzing::content_range(input));
