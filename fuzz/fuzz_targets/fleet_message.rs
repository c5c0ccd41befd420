//! What coordinator and workers write to each other: whoever may write to NATS may write anything.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| fleet::fuzzing::message(bytes));
