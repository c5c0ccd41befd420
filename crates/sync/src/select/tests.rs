//! The two golden tables, each stage by itself, and laws of selections.

mod laws;
mod stages;

use std::time::{Duration, SystemTime};

use oci::{Tag, TagOrDigest};

use super::*;

const DAY: u64 = 86_400;

fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_000 * DAY)
}

fn days_ago(days: u64) -> SystemTime {
    now() - Duration::from_secs(days * DAY)
}

fn listed(tags: &str) -> Vec<ListedTag> {
    let listed = |tag: &str| ListedTag { tag: tag.parse().unwrap(), date: None, first_seen: None };
    tags.split_whitespace().map(listed).collect()
}

fn patterns(texts: &str) -> Vec<Pattern> {
    texts.split_whitespace().map(|text| Pattern::new(text, Matched::Tags).unwrap()).collect()
}

fn ranged(range: &str) -> TagSelection {
    TagSelection { semver: vec![range.parse().unwrap()], ..TagSelection::default() }
}

fn newest(latest: Latest) -> TagSelection {
    TagSelection { latest: Some(latest), ..TagSelection::default() }
}

fn pins(texts: &[&str]) -> Vec<TagOrDigest> {
    let pin = |text: &&str| match text.parse() {
        Ok(digest) => TagOrDigest::Digest(digest),
        Err(_) => TagOrDigest::Tag(text.parse().unwrap()),
    };
    texts.iter().map(pin).collect()
}

fn texts(chosen: &[TagOrDigest]) -> String {
    chosen.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

fn chosen(selection: &TagSelection, tags: &str) -> String {
    texts(&selection.select(&listed(tags), now()).chosen)
}

/// Why a tag is left out.
fn reason(selected: &Selected, listed: &[ListedTag], tag: &str) -> Option<Reason> {
    let tag: Tag = tag.parse().unwrap();
    selected.reasons[listed.iter().position(|listed| listed.tag == tag).unwrap()].clone()
}

/// `endpoints-and-verbs.md`, B2: what each tool understands by `>=1.25.0 <1.26.0`. This one compares the numbers.
#[test]
fn b2_one_range_means_what_its_numbers_say() {
    let range = ranged(">=1.25.0 <1.26.0");
    for (tags, is_in) in [
        ("1.25.0 1.25.3", true),
        ("1.25", true),
        ("v1.25.1", true),
        ("1.25.0-alpine", true),
        ("1.25.3-alpine", true),
        ("1.26.0-rc1 1.26.0-alpine", false),
    ] {
        assert_eq!(chosen(&range, tags), if is_in { tags } else { "" }, "{tags}");
    }
    let comma = ranged(">=1.25.0, <1.26.0");
    assert_eq!(chosen(&comma, "1.25 1.26.0-rc1 1.25.3-alpine"), "1.25 1.25.3-alpine");
}

/// `endpoints-and-verbs.md`, B3: the newest two of each group.
#[test]
fn b3_the_newest_two_of_each_group() {
    let tags = "1 1.25 1.24 1.25.1 1.25.2 1.25.3 1.25.4 1.25.4-alpine3.19 1.25.3-alpine3.18 1.25.3-alpine3.19 \
                1.26.0-rc1 latest 0a1b2c3";
    let mut selection = newest(Latest::new(2).unwrap());
    let expected = "1 1.25 1.24 1.25.3 1.25.4 1.25.4-alpine3.19 1.25.3-alpine3.19";
    assert_eq!(chosen(&selection, tags), expected);

    let listing = listed(tags);
    let selected = selection.select(&listing, now());
    assert_eq!(reason(&selected, &listing, "1.26.0-rc1"), Some(Reason::Prerelease));
    assert_eq!(reason(&selected, &listing, "latest"), Some(Reason::NoVersion));
    assert_eq!(reason(&selected, &listing, "0a1b2c3"), Some(Reason::NoVersion));
    let Some(Reason::Older(group)) = reason(&selected, &listing, "1.25.3-alpine3.18") else { panic!() };
    assert_eq!(group.group, GroupName::Versions { parts: 3, variant: "alpine#.#".into() });
    assert_eq!((group.kept, group.newest.as_str()), (2, "1.25.4-alpine3.19"));
    let counts =
        Counts { listed: 13, included: 13, versions: 10, older: 3, selected: 7, ..Counts::default() };
    assert_eq!(selected.counts, counts);

    selection.pins = pins(&["latest"]);
    assert_eq!(chosen(&selection, tags), format!("{expected} latest"));
    let counts = selection.select(&listing, now()).counts;
    assert_eq!((counts.pinned, counts.selected), (1, 8));
}
