//! Tags as they occur in registries, and laws of the order.

use proptest::prelude::*;

use super::*;

/// `numbers|prerelease|variant name`, or `none`.
fn read(tag: &str) -> String {
    let Some(version) = TagVersion::parse(tag) else { return "none".to_owned() };
    let numbers: Vec<_> =
        version.numbers.padded()[..version.numbers.count()].iter().map(u64::to_string).collect();
    let stage = version.prerelease.map(|prerelease| format!("{:?}", prerelease.stage)).unwrap_or_default();
    format!("{}|{stage}|{}", numbers.join("."), version.variant_name())
}

#[test]
fn numbers_prerelease_and_variant_of_tags_in_the_wild() {
    for (tag, expected) in [
        ("1", "1||"),
        ("v1.25.3", "1.25.3||"),
        ("V2", "2||"),
        ("2024.01.05", "2024.1.5||"),
        ("1.2.3.4.5.6.7.8", "1.2.3.4.5.6.7.8||"),
        ("1.25.4-alpine3.19", "1.25.4||alpine#.#"),
        ("17.1.0-debian-12-r9", "17.1.0||debian-#-r#"),
        ("1.25alpine", "1.25||alpine"),
        ("8u302-jdk", "8||u#-jdk"),
        ("17.0.5_11-jre", "17.0.5||#-jre"),
        ("26.1.3.Final-jdk11", "26.1.3||Final-jdk#"),
        ("1.25-dev", "1.25||dev"),
        ("1.25-edge", "1.25||edge"),
        ("1.0-prebuilt", "1.0||prebuilt"),
        ("20.04-precise", "20.4||precise"),
        ("1.26.0-rc1", "1.26.0|Candidate|"),
        ("1.26.0rc1", "1.26.0|Candidate|"),
        ("1.26.0-RC.2-alpine3.19", "1.26.0|Candidate|alpine#.#"),
        ("1.26.0-rc1alpine", "1.26.0|Candidate|alpine"),
        ("2.0.0-beta.11", "2.0.0|Beta|"),
        ("3.0.0b2", "3.0.0|Beta|"),
        ("3.0.0-M1", "3.0.0|Preview|"),
        ("3.0.0.Beta1", "3.0.0|Beta|"),
        ("3.0.0-SNAPSHOT", "3.0.0|Development|"),
        ("3.0.0-dev.5", "3.0.0|Development|"),
        ("22-ea-12-jdk", "22|Preview|jdk"),
        ("1.2.3-nightly-0a1b2c3", "1.2.3|Development|#"),
        ("2026-11-29", "2026||#-#"),
        ("20261129T101500Z", "20261129||T#Z"),
        ("20240101-0a1b2c3", "20240101||#"),
        ("1.2.3-a1b2c3d", "1.2.3||#"),
        ("1.2.3-14-g0a1b2c3", "1.2.3||#-g#"),
        ("1.2.3-arm64v8", "1.2.3||arm#v#"),
        ("1234567", "1234567||"),
        ("18446744073709551615", "18446744073709551615||"),
    ] {
        assert_eq!(read(tag), expected, "{tag}");
    }
}

#[test]
fn what_names_no_version() {
    for tag in [
        "latest",
        "",
        "v",
        "vv1",
        "v-1",
        "release-1.2",
        "jdk-21.0.5_11",
        "0a1b2c3",
        "1234567890abcdef1234567890abcdef12345678",
        "sha-0a1b2c3",
        "1.25.",
        "1.25-",
        "1..2",
        "1.-2",
        "18446744073709551616",
        "1.99999999999999999999",
        "1.2.3.4.5.6.7.8.9",
    ] {
        assert_eq!(read(tag), "none", "{tag:?}");
    }
}

#[test]
fn words_of_a_variant() {
    let words = |tag: &str| TagVersion::parse(tag).unwrap().variant_words();
    assert_eq!(words("1.0-alpine3.19"), "alpine");
    assert_eq!(words("1.0-debian-12-r5"), "debian-r");
    assert_eq!(words("1.0-windowsservercore-ltsc2022"), "windowsservercore-ltsc");
    assert_eq!(words("1.0-4"), "");
}

#[test]
fn newer_ones_are_greater() {
    let ascending = [
        "1.24.9",
        "1.25",
        "1.25.0",
        "1.25.3-dev1",
        "1.25.3-alpha",
        "1.25.3-alpha2",
        "1.25.3-beta1",
        "1.25.3-M1",
        "1.25.3-rc1",
        "1.25.3-rc2",
        "1.25.3-rc10",
        "1.25.3-alpine3.9",
        "1.25.3-alpine3.19",
        "1.25.3",
        "1.25.4-alpine3.18",
        "1.100",
    ];
    let versions = ascending.map(|tag| (tag, TagVersion::parse(tag).unwrap()));
    for pair in versions.windows(2) {
        assert!(pair[0].1 < pair[1].1, "{} < {}", pair[0].0, pair[1].0);
    }
}

#[test]
fn numbers_of_a_variant_beyond_64_bits_still_have_an_order() {
    let version = |tag| TagVersion::parse(tag).unwrap();
    assert!(version("1-r99999999999999999999") > version("1-r5"));
    assert_eq!(version("1-r99999999999999999999").variant_name(), "r#");
}

proptest! {
    #[test]
    fn no_text_is_too_strange(text in "\\PC{0,60}", tag in "[v0-9a-g.+_-]{0,40}") {
        for text in [text, tag] {
            if let Some(version) = TagVersion::parse(&text) {
                prop_assert!(text.ends_with(version.variant));
                prop_assert!(!version.variant_name().contains(|next: char| next.is_ascii_digit()));
                prop_assert_eq!(version.cmp(&version), Ordering::Equal);
            }
        }
    }

    #[test]
    fn the_order_is_one(tags in proptest::collection::vec("v?[0-3](\\.[0-3]){0,2}(-(rc|b)[0-2])?(-[ab][0-9])?", 3)) {
        let versions: Vec<_> = tags.iter().map(|tag| TagVersion::parse(tag).unwrap()).collect();
        let (a, b, c) = (versions[0], versions[1], versions[2]);
        prop_assert_eq!(a.cmp(&b), b.cmp(&a).reverse());
        prop_assert_eq!(a.cmp(&b) == Ordering::Equal, a == b);
        if a <= b && b <= c {
            prop_assert!(a <= c);
        }
    }
}
