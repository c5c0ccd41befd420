//! Each stage by itself, and their order.

use oci::Digest;

use super::*;

#[test]
fn without_a_wish_everything_is_selected_what_refers_to_images_too() {
    let signature = format!("sha256-{}.sig", Digest::sha256(b"image").hex());
    let tags = format!("latest 1.0-rc1 {signature} 0a1b2c3");
    let all = TagSelection::default();
    assert!(all.is_all());
    assert_eq!(chosen(&all, &tags), tags);
    let pinned = TagSelection { pins: pins(&["latest"]), at_least: 1, ..TagSelection::default() };
    assert!(!pinned.is_all());
    assert_eq!(chosen(&pinned, &tags), tags, "pins and `atLeast` leave nothing out");
    let counts = pinned.select(&listed(&tags), now()).counts;
    assert_eq!(
        (counts.listed, counts.selected, counts.followers),
        (3, 3, 1),
        "for `atLeast`, signatures are none"
    );
    assert!(TagSelection { include: vec![vec![]], ..TagSelection::default() }.is_all());
    assert!(TagSelection { prereleases: Prereleases::Select, ..TagSelection::default() }.is_all());
}

#[test]
fn each_inner_list_of_include_must_fit_and_exclude_beats_it() {
    let selection = TagSelection {
        include: vec![patterns("v1* v2*"), patterns("/alpine/")],
        exclude: patterns("*-rc* v2.0-alpine"),
        ..TagSelection::default()
    };
    let tags = "v1.0 v1.0-alpine v1.1-rc1-alpine v2.0-alpine v2.1-alpine v3-alpine";
    assert_eq!(chosen(&selection, tags), "v1.0-alpine v2.1-alpine");
    let listing = listed(tags);
    let selected = selection.select(&listing, now());
    assert_eq!(reason(&selected, &listing, "v1.0"), Some(Reason::NotIncluded));
    let excluded = Reason::ExcludedBy(selection.exclude[1].clone());
    assert_eq!(reason(&selected, &listing, "v2.0-alpine"), Some(excluded));
    let counts =
        Counts { listed: 6, included: 4, versions: 4, excluded: 2, selected: 2, ..Counts::default() };
    assert_eq!(selected.counts, counts);
}

#[test]
fn tags_that_are_no_versions_come_where_versions_do_not_matter() {
    let selection = TagSelection { exclude: patterns("v1"), ..TagSelection::default() };
    assert_eq!(chosen(&selection, "v1 latest 1.0-rc1 0a1b2c3"), "latest 1.0-rc1 0a1b2c3");
}

#[test]
fn prereleases_are_left_out_unless_they_are_wanted_or_named() {
    let tags = "1.25 1.26.0-rc1 1.26.0";
    let mut selection = ranged(">=1.25");
    assert_eq!(chosen(&selection, tags), "1.25 1.26.0");
    selection.prereleases = Prereleases::Select;
    assert_eq!(chosen(&selection, tags), tags);
    assert_eq!(chosen(&ranged(">=1.26.0-rc1"), tags), "1.26.0-rc1 1.26.0");
    let selection = TagSelection { variants: vec!["".parse().unwrap()], ..TagSelection::default() };
    assert_eq!(chosen(&selection, tags), "1.25 1.26.0");
}

#[test]
fn ranges_narrow_each_other_and_variants_are_groups_names() {
    let mut selection = ranged(">=1");
    selection.semver.push("<2".parse().unwrap());
    selection.variants = ["", "alpine"].map(|name| name.parse().unwrap()).to_vec();
    let tags = "0.9 1.0 1.0-alpine 1.0-alpine3.19 1.0-debian 2.0 latest";
    assert_eq!(chosen(&selection, tags), "1.0 1.0-alpine 1.0-alpine3.19");
    let listing = listed(tags);
    let selected = selection.select(&listing, now());
    assert_eq!(reason(&selected, &listing, "0.9"), Some(Reason::OutOfRange(">=1".into())));
    assert_eq!(reason(&selected, &listing, "2.0"), Some(Reason::OutOfRange("<2".into())));
    assert_eq!(reason(&selected, &listing, "1.0-debian"), Some(Reason::OtherVariant));
}

#[test]
fn what_refers_to_images_is_never_selected_by_itself_nor_counts_but_may_be_pinned() {
    let hex = Digest::sha256(b"image").hex();
    let of_others: Vec<_> = ["", ".sig", ".att", ".sbom"].map(|end| format!("sha256-{hex}{end}")).to_vec();
    let sha512 = format!("sha512-{hex}");
    let tags = format!("1.0 {} {sha512}", of_others.join(" "));
    for selection in [
        TagSelection { include: vec![patterns("* /sha/")], ..TagSelection::default() },
        newest(Latest::new(9).unwrap()),
        newest(Latest::new(9).unwrap().by(NewestBy::Version).per(Group::Repository)),
    ] {
        assert_eq!(chosen(&selection, &tags), "1.0");
        let listing = listed(&tags);
        let selected = selection.select(&listing, now());
        assert_eq!(reason(&selected, &listing, &sha512), Some(Reason::Referrer));
        let Counts { listed, followers, included, selected, .. } = selected.counts;
        assert_eq!((listed, followers, included, selected), (1, 5, 1, 1));
        let pinned = TagSelection { pins: pins(&[&of_others[1]]), ..selection };
        assert_eq!(chosen(&pinned, &tags), format!("1.0 {}", of_others[1]));
        let Counts { listed, followers, pinned, selected, .. } = pinned.select(&listing, now()).counts;
        assert_eq!((listed, followers, pinned, selected), (1, 4, 1, 2));
    }
}

fn dated(tag: &str, days: Option<u64>, seen: Option<u64>) -> ListedTag {
    ListedTag { tag: tag.parse().unwrap(), date: days.map(days_ago), first_seen: seen.map(days_ago) }
}

fn aged(min: Option<u64>, max: Option<u64>) -> TagSelection {
    let days = |days: u64| Duration::from_secs(days * DAY);
    let ages = AgeLimits::new(min.map(days), max.map(days)).unwrap();
    TagSelection { ages, ..TagSelection::default() }
}

#[test]
fn ages_are_by_the_registrys_date_or_by_what_was_first_seen_for_the_least_age() {
    let listing = [
        dated("old", Some(30), Some(1)),
        dated("seen", None, Some(8)),
        dated("limit", Some(7), None),
        dated("young", Some(6), Some(30)),
        dated("seen-young", None, Some(2)),
        dated("undated", None, None),
        ListedTag { date: Some(now() + Duration::from_secs(60)), ..dated("ahead", None, None) },
    ];
    let selected = aged(Some(7), None).select(&listing, now());
    assert_eq!(texts(&selected.chosen), "old seen limit");
    let age = Duration::from_secs(6 * DAY);
    assert_eq!(reason(&selected, &listing, "young"), Some(Reason::TooYoung { age }));
    assert_eq!(reason(&selected, &listing, "ahead"), Some(Reason::TooYoung { age: Duration::ZERO }));
    assert_eq!(reason(&selected, &listing, "undated"), Some(Reason::NoDate));
    assert_eq!((selected.counts.too_young, selected.counts.selected), (4, 3));

    let selected = aged(None, Some(7)).select(&listing, now());
    assert_eq!(texts(&selected.chosen), "limit young ahead", "first seen tells nothing of too old");
    assert_eq!(reason(&selected, &listing, "old"), Some(Reason::TooOld { age: age * 5 }));
    assert_eq!(reason(&selected, &listing, "seen"), Some(Reason::NoDate));
    assert_eq!((selected.counts.too_young, selected.counts.too_old), (3, 1));
}

#[test]
fn which_dates_are_needed() {
    assert_eq!(TagSelection::default().needs_dates(), Dates::None);
    assert_eq!(newest(Latest::new(1).unwrap()).needs_dates(), Dates::None);
    assert_eq!(aged(Some(7), None).needs_dates(), Dates::ForAges);
    assert_eq!(aged(Some(7), Some(9)).needs_dates(), Dates::Required);
    assert_eq!(newest(Latest::new(1).unwrap().by(NewestBy::Pushed)).needs_dates(), Dates::Required);
    assert_eq!(aged(Some(0), None).needs_dates(), Dates::None);
}

#[test]
fn what_is_excluded_or_too_young_takes_no_place_among_the_latest() {
    let listing: Vec<_> = ["1.0.1", "1.0.2", "1.0.3", "1.0.4"].map(|tag| dated(tag, Some(30), None)).to_vec();
    let young = [dated("1.0.5", Some(1), None)];
    let mut selection = aged(Some(7), None);
    selection.latest = Some(Latest::new(2).unwrap());
    selection.exclude = patterns("1.0.4");
    let selected = selection.select(&[&listing[..], &young].concat(), now());
    assert_eq!(texts(&selected.chosen), "1.0.2 1.0.3");
}

#[test]
fn the_latest_by_push_need_no_versions() {
    let latest = Latest::new(2).unwrap().by(NewestBy::Pushed);
    let listing = [
        dated("main-1", Some(9), None),
        dated("main-2", Some(2), None),
        dated("latest", Some(1), None),
        dated("1.0.0", Some(20), None),
        dated("1.1.0-rc1", Some(3), None),
        dated("1.0.1", Some(10), None),
        dated("undated", None, Some(1)),
    ];
    let selected = newest(latest).select(&listing, now());
    assert_eq!(texts(&selected.chosen), "main-2 latest 1.1.0-rc1 1.0.1");
    assert_eq!(reason(&selected, &listing, "undated"), Some(Reason::NoDate));
    let Some(Reason::Older(group)) = reason(&selected, &listing, "main-1") else { panic!() };
    assert_eq!((group.group.clone(), group.newest.as_str()), (GroupName::NoVersion, "latest"));
    let selected = newest(latest.per(Group::Repository)).select(&listing, now());
    assert_eq!(texts(&selected.chosen), "main-2 latest");
    let selected = newest(latest.parts(3).unwrap()).select(&listing, now());
    assert_eq!(texts(&selected.chosen), "1.1.0-rc1 1.0.1", "with `parts` they must be versions");
}

#[test]
fn the_latest_of_all_variants_and_of_versions_with_so_many_numbers() {
    let tags = "1 1.25 1.25.4 1.25.4-alpine 1.25.3 1.25.10 2024.01.05";
    let latest = Latest::new(2).unwrap();
    assert_eq!(chosen(&newest(latest.per(Group::Repository)), tags), "1.25.10 2024.01.05");
    let selection = newest(latest.parts(2).unwrap());
    assert_eq!(chosen(&selection, tags), "1.25");
    let listing = listed(tags);
    let selected = selection.select(&listing, now());
    assert_eq!(reason(&selected, &listing, "1.25.4"), Some(Reason::OtherParts { parts: 2 }));
    assert_eq!(chosen(&newest(Latest::new(1).unwrap().per(Group::Repository)), "1.0-alpine3.19 1.0"), "1.0");
}

#[test]
fn builds_dates_and_commits_are_in_one_line() {
    let latest = newest(Latest::new(1).unwrap());
    assert_eq!(
        chosen(&latest, "17.1.0-debian-12-r8 17.1.0-debian-12-r9 17.1.0-debian-11-r99"),
        "17.1.0-debian-12-r9"
    );
    assert_eq!(chosen(&latest, "2026-11-28 2026-11-29 2025-12-31"), "2026-11-29");
    assert_eq!(chosen(&latest, "1.2.3-1-g0a1b2c3 1.2.4-9-g4d5e6f7 1.2.4-10-g8a9b0c1"), "1.2.4-10-g8a9b0c1");
    assert_eq!(
        chosen(&latest, "1.0.9 1.0.10 1.0.99999999999999999999"),
        "1.0.10",
        "what overflows is no version"
    );
}

#[test]
fn pins_come_in_any_case_and_missing_ones_are_named() {
    let digest = Digest::sha256(b"image").to_string();
    let selection = TagSelection {
        exclude: patterns("*"),
        pins: pins(&["stable", &digest, "gone", "stable", "gone", &digest]),
        ..TagSelection::default()
    };
    let selected = selection.select(&listed("1.0 stable"), now());
    assert_eq!(texts(&selected.chosen), format!("stable {digest}"));
    assert_eq!(selected.missing_pins, ["gone".parse().unwrap()]);
    let counts = Counts {
        listed: 2,
        included: 2,
        versions: 2,
        excluded: 2,
        pinned: 2,
        selected: 2,
        ..Counts::default()
    };
    assert_eq!(selected.counts, counts);
    let among_all =
        TagSelection { exclude: patterns("1.0"), pins: pins(&["stable"]), ..TagSelection::default() };
    assert_eq!(among_all.select(&listed("1.0 stable"), now()).counts.pinned, 0, "it came anyway");
}

#[test]
fn fewer_than_there_must_be_are_told() {
    let selection = TagSelection { include: vec![patterns("v*")], at_least: 2, ..TagSelection::default() };
    let shortfall = |tags: &str| selection.shortfall(&selection.select(&listed(tags), now()).counts);
    assert_eq!(shortfall("v1 v2"), None);
    let error = shortfall("v1 x y").unwrap().to_string();
    assert_eq!(error, "1 of 3 listed tags are selected, and `atLeast` asks for 2");
    let mut sum = selection.select(&listed("v1 x"), now()).counts;
    sum += selection.select(&listed("v2"), now()).counts;
    assert_eq!((sum.listed, sum.included, sum.selected), (3, 2, 2));
    assert_eq!(selection.shortfall(&sum), None, "counts are summed over repositories");
}
