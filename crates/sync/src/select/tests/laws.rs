//! Laws that hold for all selections and listings.

use std::collections::BTreeSet;

use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::*;

const TAGS: [&str; 20] = [
    "1",
    "1.0",
    "1.1",
    "v1.1",
    "1.1.0",
    "1.1.1",
    "1.1.2",
    "1.2.0",
    "1.2.0-rc1",
    "1.2.0-rc2",
    "2.0.0",
    "1.1.1-alpine3.18",
    "1.1.1-alpine3.19",
    "1.1.2-alpine3.19",
    "1.1.2-debian-12-r1",
    "latest",
    "stable",
    "main-0a1b2c3",
    "0a1b2c3",
    "sha256-0000000000000000000000000000000000000000000000000000000000000000.sig",
];

fn listing() -> impl Strategy<Value = Vec<ListedTag>> {
    let days = || proptest::option::of(0_u64..12);
    let tags = TAGS.map(|tag| (Just(tag), days(), days())).to_vec();
    let dated = |(tag, date, seen): (&str, Option<u64>, Option<u64>)| ListedTag {
        tag: tag.parse().unwrap(),
        date: date.map(days_ago),
        first_seen: seen.map(days_ago),
    };
    let all = tags.prop_map(move |tags| tags.into_iter().map(dated).collect::<Vec<_>>());
    all.prop_flat_map(|all| subsequence(all, 0..=TAGS.len()).prop_shuffle())
}

fn pattern() -> impl Strategy<Value = Pattern> {
    let texts =
        select(vec!["*", "1*", "1.1*", "v*", "*-*", "/alpine/", "/^[12]/", "/rc/", "latest", "[!0]*", "?"]);
    texts.prop_map(|text| Pattern::new(text, Matched::Tags).unwrap())
}

fn range() -> impl Strategy<Value = VersionRange> {
    select(vec!["*", ">=1.1", "<2", "~1.1", "^1.1.1", "1.1.x || 2", ">=1.2.0-rc2", "1.0 - 1.1"])
        .prop_map(|text| text.parse().unwrap())
}

fn latest() -> impl Strategy<Value = Latest> {
    let by = select(vec![NewestBy::Version, NewestBy::Pushed]);
    let per = select(vec![Group::Variant, Group::Repository]);
    (1_usize..4, by, per, proptest::option::of(1_usize..4)).prop_map(|(count, by, per, parts)| {
        let latest = Latest::new(count).unwrap().by(by).per(per);
        parts.map_or(latest, |parts| latest.parts(parts).unwrap())
    })
}

fn ages() -> impl Strategy<Value = AgeLimits> {
    let days = |days: u64| Duration::from_secs(days * DAY);
    (proptest::option::of(0_u64..6), proptest::option::of(6_u64..12))
        .prop_map(move |(min, max)| AgeLimits::new(min.map(days), max.map(days)).unwrap())
}

fn selection() -> impl Strategy<Value = TagSelection> {
    let lists = proptest::collection::vec(proptest::collection::vec(pattern(), 0..3), 0..3);
    let exclude = proptest::collection::vec(pattern(), 0..2);
    let ranges = proptest::collection::vec(range(), 0..2);
    let variants = proptest::collection::vec(select(vec!["", "alpine", "debian-#-r#"]), 0..3);
    let prereleases = select(vec![Prereleases::LeaveOut, Prereleases::Select]);
    let maybe_ages = prop_oneof![Just(AgeLimits::default()), ages()];
    let pinned = subsequence(vec!["latest", "1.0", "gone", "0a1b2c3", TAGS[19]], 0..3);
    let parts =
        (lists, exclude, ranges, variants, prereleases, maybe_ages, proptest::option::of(latest()), pinned);
    parts.prop_map(|(include, exclude, semver, variants, prereleases, ages, latest, pinned)| TagSelection {
        include,
        exclude,
        semver,
        variants: variants.into_iter().map(|name| name.parse().unwrap()).collect(),
        prereleases,
        ages,
        latest,
        pins: pins(&pinned),
        at_least: 0,
    })
}

fn set(selection: &TagSelection, listed: &[ListedTag]) -> BTreeSet<TagOrDigest> {
    selection.select(listed, now()).chosen.into_iter().collect()
}

fn is_listed_follower(pin: &TagOrDigest, listed: &[ListedTag]) -> bool {
    let is_it = |listed: &ListedTag| *pin == TagOrDigest::Tag(listed.tag.clone());
    listed.iter().any(is_it) && pin.to_string().starts_with("sha256-")
}

/// A narrowed selection adds only tags that were older than a tag that is no longer selected.
fn adds_nothing(
    before: &TagSelection,
    after: &TagSelection,
    listed: &[ListedTag],
) -> Result<(), TestCaseError> {
    let (wide, narrow) = (before.select(listed, now()), after.select(listed, now()));
    for (index, tag) in listed.iter().enumerate() {
        if narrow.reasons[index].is_none() {
            let moved_up = before.latest.is_some() && matches!(wide.reasons[index], Some(Reason::Older(_)));
            prop_assert!(wide.reasons[index].is_none() || moved_up, "{} came", tag.tag);
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn the_order_of_the_listing_does_not_matter(selection in selection(), (listed, shuffled) in listing().prop_flat_map(|listed| (Just(listed.clone()), Just(listed).prop_shuffle()))) {
        prop_assert_eq!(set(&selection, &listed), set(&selection, &shuffled));
        let (one, other) = (selection.select(&listed, now()), selection.select(&shuffled, now()));
        prop_assert_eq!(one.counts, other.counts);
        for (tag, reason) in listed.iter().zip(&one.reasons) {
            prop_assert_eq!(reason, &other.reasons[shuffled.iter().position(|same| same == tag).unwrap()]);
        }
    }

    #[test]
    fn selecting_again_from_what_was_selected_selects_all_of_it(selection in selection(), listed in listing()) {
        let first = selection.select(&listed, now());
        let left = listed.iter().zip(&first.reasons).filter(|(_, reason)| reason.is_none());
        let left: Vec<_> = left.map(|(tag, _)| tag.clone()).collect();
        prop_assert_eq!(selection.select(&left, now()).chosen, first.chosen);
    }

    #[test]
    fn reasons_counts_and_choice_agree(selection in selection(), listed in listing()) {
        let selected = selection.select(&listed, now());
        let chosen: Vec<_> = listed.iter().zip(&selected.reasons).filter(|(_, reason)| reason.is_none())
            .map(|(tag, _)| TagOrDigest::Tag(tag.tag.clone())).collect();
        prop_assert_eq!(&selected.chosen, &chosen);
        let counts = selected.counts;
        // Without conditions, tags that belong to other images are selected, too, but not counted.
        let followers = if selection.narrows() { 0 } else { counts.followers };
        prop_assert_eq!(counts.selected + followers, chosen.len());
        let pinned_followers = listed.len() - counts.listed - counts.followers;
        prop_assert_eq!(pinned_followers, selection.pins.iter().filter(|pin| is_listed_follower(pin, &listed)).count());
        prop_assert_eq!(counts.selected + counts.excluded + counts.too_young + counts.too_old + counts.older, counts.versions + counts.pinned);
        prop_assert!(counts.versions <= counts.included && counts.included <= counts.listed);
        prop_assert!(selected.reasons.iter().flatten().all(|reason| !reason.to_string().is_empty()));
        for pin in &selection.pins {
            let TagOrDigest::Tag(tag) = pin else { continue };
            prop_assert!(chosen.contains(pin) != selected.missing_pins.contains(tag));
        }
    }

    #[test]
    fn a_tag_more_drops_no_pin(selection in selection(), listed in listing()) {
        let Some((_, fewer)) = listed.split_last() else { return Ok(()) };
        let (before, after) = (set(&selection, fewer), set(&selection, &listed));
        for pin in &selection.pins {
            prop_assert!(!before.contains(pin) || after.contains(pin));
        }
    }

    #[test]
    fn excluding_more_and_narrower_ranges_add_nothing(selection in selection(), listed in listing(), more in pattern(), range in range()) {
        let mut excluding = selection.clone();
        excluding.exclude.push(more.clone());
        adds_nothing(&selection, &excluding, &listed)?;
        let mut including = selection.clone();
        including.include.push(vec![more]);
        adds_nothing(&selection, &including, &listed)?;
        // The first range makes the rule one about versions, and a range with a prerelease allows these: both change
        // more than the range.
        let mut ranging = selection.clone();
        ranging.semver.push(range.clone());
        if !range.names_prerelease() {
            adds_nothing(&selection, &ranging, &listed)?;
        }
    }

    #[test]
    fn fewer_of_the_latest_add_nothing_at_all(selection in selection(), latest in latest(), listed in listing()) {
        let wide = TagSelection { latest: Some(latest), ..selection.clone() };
        for count in 1..latest.count.get() {
            let narrow = Latest { count: count.try_into().unwrap(), ..latest };
            let narrow = TagSelection { latest: Some(narrow), ..selection.clone() };
            prop_assert!(set(&narrow, &listed).is_subset(&set(&wide, &listed)));
        }
        let all = TagSelection { latest: None, ..selection };
        prop_assert!(set(&wide, &listed).is_subset(&set(&all, &listed)));
    }

    #[test]
    fn no_group_has_more_than_its_newest_and_none_that_is_older_than_what_is_left(latest in latest(), listed in listing()) {
        let selection = newest(latest);
        let selected = selection.select(&listed, now());
        for (older, reason) in listed.iter().zip(&selected.reasons) {
            let Some(Reason::Older(group)) = reason else { continue };
            prop_assert_eq!(group.kept, latest.count.get());
            let newest = listed.iter().find(|tag| tag.tag == group.newest).unwrap();
            let version = |tag: &ListedTag| oci::TagVersion::parse(tag.tag.as_str()).map(|version| version.numbers);
            match latest.by {
                NewestBy::Pushed => prop_assert!(older.date <= newest.date),
                NewestBy::Version => prop_assert!(version(older) <= version(newest)),
            }
        }
    }
}
