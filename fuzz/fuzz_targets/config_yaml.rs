//! Fuzzes config files in YAML: whatever is wrong with them has a place that can be shown.

#![no_main]

// The program has no library, so its modules are taken as they are.
#[allow(dead_code)]
#[path = "../../crates/cli/src/config"]
mod config {
    pub mod document;
    pub mod excerpt;
    pub mod yaml;
    pub mod odd_character;
    pub mod syntax_error;
}

libfuzzer_sys::fuzz_target!(|input: &str| {
    if let Err(error) = config::yaml::read(input) {
        let excerpt = config::excerpt::Excerpt::new(input, error.place);
        assert_eq!(excerpt.lines(error.place.line, "").lines().count(), 2);
    }
});
