//! Fuzzes what is shown of foreign texts.

#![no_main]

libfuzzer_sys::fuzz_target!(|input: &str| registry::fuzzing::foreign_text(input));
