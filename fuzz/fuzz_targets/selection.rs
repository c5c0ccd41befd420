//! Fuzzes what rules say of tags: the first line is what is written, the second a tag.

#![no_main]

use oci::TagVersion;
use sync::select::{Matched, Pattern, VariantName, VersionRange, parse_age};

libfuzzer_sys::fuzz_target!(|input: &str| {
    let (written, tag) = input.split_once('\n').unwrap_or((input, input));
    let version = TagVersion::parse(tag);
    if let Some(version) = &version {
        assert!(tag.ends_with(version.variant));
        assert!(version.variant_name().parse::<VariantName>().is_ok() || !tag.is_ascii() || tag.contains(odd));
    }
    let _ = parse_age(written);
    let _ = written.parse::<VariantName>();
    let _ = Pattern::new(written, Matched::Repositories);
    if let (Ok(range), Some(version)) = (written.parse::<VersionRange>(), version) {
        range.contains(&version);
    }
    if let (Ok(pattern), Ok(tag)) = (Pattern::new(written, Matched::Tags), tag.parse()) {
        pattern.fits_tag(&tag);
    }
});

/// What no tag has.
fn odd(character: char) -> bool {
    !character.is_ascii_alphanumeric() && !matches!(character, '.' | '_' | '-')
}
