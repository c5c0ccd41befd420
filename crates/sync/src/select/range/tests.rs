//! What ranges contain, and the errors for invalid texts.

use proptest::prelude::*;

use super::*;

fn contains(range: &str, tag: &str) -> bool {
    let range: VersionRange = range.parse().unwrap_or_else(|error| panic!("{range}: {error}"));
    range.contains(&TagVersion::parse(tag).unwrap())
}

#[test]
fn what_ranges_contain_and_do_not() {
    for (range, inside, outside) in [
        (">=1.25.0", "1.25 1.25.0 v1.25.1 2 1.25.0-alpine", "1.24.9 1"),
        (">=1.25", "1.25 1.25.0", "1.24.99"),
        (">= 1", "1 1.0.0 2", "0.9"),
        (">1.25", "1.26 1.26.0", "1.25 1.25.9"),
        (">1.25.3", "1.25.4 1.25.3.1", "1.25.3 1.25"),
        ("<1.26", "1.25.9", "1.26 1.26.0-rc1"),
        ("<=1.25", "1.25 1.25.9 1", "1.26"),
        ("<=1.25.3", "1.25.3 1.25.3-alpine", "1.25.3.1 1.25.4"),
        ("=1.25.3", "1.25.3 1.25.3-alpine v1.25.3.0", "1.25 1.25.4 1.25.3.1"),
        ("1.25", "1.25 1.25.7", "1.26 1"),
        ("= v1.25", "1.25.1", "1.24"),
        ("1.25.x", "1.25 1.25.7", "1.26"),
        ("1.x", "1 1.99.3", "2 0.9"),
        ("1.X.x", "1.3", "2"),
        ("2024.1.3.x", "2024.1.3.5", "2024.1.4"),
        ("*", "0 1 99.1", ""),
        ("vX", "0 1 99.1", ""),
        ("^1.2.3", "1.2.3 1.9", "1.2.2 2.0.0"),
        ("^0.2.3", "0.2.3 0.2.9", "0.3 0.2.2"),
        ("^0.0.3", "0.0.3", "0.0.4"),
        ("^0", "0.9", "1"),
        ("^0.0", "0.0.9", "0.1"),
        ("^1.x", "1.9", "2"),
        ("~1.2.3", "1.2.3 1.2.9", "1.3 1.2.2"),
        ("~1.2", "1.2.0 1.2.9", "1.3"),
        ("~1", "1.0 1.9", "2"),
        ("~1.2.3.4", "1.2.3.4 1.2.9", "1.3 1.2.3.3"),
        ("^18446744073709551615", "18446744073709551615", "1"),
        ("1.2 - 1.4", "1.2 1.3 1.4.9", "1.1.9 1.5"),
        ("1.2.3 - 1.4.5", "1.2.3 1.4.5", "1.4.6"),
        (">=1.20 <2", "1.20 1.99", "2 1.19"),
        (">=1.20,<2", "1.20 1.99", "2 1.19"),
        (">= 1.20 , < 2", "1.20 1.99", "2 1.19"),
        ("<1 || >=2, <3 || 5.x", "0.9 2.5 5.1", "1 3 4 6"),
        ("1.x||3.x", "1.1 3.1", "2.1"),
        (">=1.26.0-rc2", "1.26.0-rc2 1.26.0-rc3 1.26.0 1.27.0-beta1", "1.26.0-rc1 1.26.0-beta1 1.25"),
        ("<1.26.0-rc2", "1.26.0-rc1 1.25", "1.26.0-rc2 1.26.0"),
        ("=1.26.0-rc1", "1.26.0-rc1 1.26.0rc1 1.26.0-rc1-alpine", "1.26.0-rc2 1.26.0"),
    ] {
        for tag in inside.split_whitespace() {
            assert!(contains(range, tag), "{tag} is in {range}");
        }
        for tag in outside.split_whitespace() {
            assert!(!contains(range, tag), "{tag} is not in {range}");
        }
    }
}

#[test]
fn ranges_that_name_a_prerelease_are_known() {
    let names = |range: &str| range.parse::<VersionRange>().unwrap().names_prerelease();
    assert!(names(">=1.26.0-rc1") && names("<1 || ~2.0.0-beta.1") && names("1.0.0 - 2.0.0-rc1"));
    assert!(!names(">=1.26.0 <2") && !names("*"));
}

#[test]
fn what_is_no_range_is_told_with_what_to_write() {
    let error = |text: &str| text.parse::<VersionRange>().unwrap_err().to_string();
    for (text, expected) in [
        ("", "the range is empty: write one like `>=1.20 <2`, or `*` for all versions"),
        (" ", "the range is empty: write one like `>=1.20 <2`, or `*` for all versions"),
        ("1 ||", "`1 ||` has nothing on one side of a `,` or `||`: remove that"),
        (">=1,,<2", "`>=1,,<2` has nothing on one side of a `,` or `||`: remove that"),
        (">=", "`>=` has no version behind `>=`: write one like `>=1.20`"),
        ("<2 >=", "`<2 >=` has no version behind `>=`: write one like `>=1.20`"),
        ("==1.2", "ranges have no `==`: write `=`"),
        ("=>1.2", "ranges have no `=>`: write `>=`"),
        ("~>1.2", "ranges have no `~>`: write `~`"),
        ("!=1.2", "`!=1.2`: ranges have no `!=`: name the tag in `exclude`"),
        ("latest", "`latest` is no version: write numbers like `1.25`, `1.25.3` or `1.x`"),
        ("1.x.3", "`1.x.3` is no version: write numbers like `1.25`, `1.25.3` or `1.x`"),
        (">=1.20<2", "`1.20<2` is no version: write numbers like `1.25`, `1.25.3` or `1.x`"),
        ("1.20-rc1.x", "`1.20-rc1.x` is no version: write numbers like `1.25`, `1.25.3` or `1.x`"),
        (
            "99999999999999999999",
            "`99999999999999999999` is no version: write numbers like `1.25`, `1.25.3` or `1.x`",
        ),
        (
            "1.0-2.0",
            "`1.0-2.0` is no version: where it is from one to another, write blanks around the hyphen",
        ),
        (
            "1.25-alpine",
            "`1.25-alpine` names a variant, and ranges look at numbers only: write `variants: [alpine]`",
        ),
        (">*", "no version can fit `>*`"),
        ("<x", "no version can fit `<x`"),
        ("<0.0", "no version can fit `<0.0`"),
        (">2 <1", "no version can fit `>2 <1`"),
        ("1.x || >2, <2.0.0", "no version can fit `>2, <2.0.0`"),
        ("2 - 1", "no version can fit `2 - 1`"),
        ("=1.2.3 =1.2.4", "no version can fit `=1.2.3 =1.2.4`"),
    ] {
        assert_eq!(error(text), expected, "{text}");
    }
}

/// `<0` is an error, since nothing is below it.
fn below(range: &str, tag: &str) -> bool {
    format!("<{range}")
        .parse::<VersionRange>()
        .is_ok_and(|range| range.contains(&TagVersion::parse(tag).unwrap()))
}

proptest! {
    #[test]
    fn no_text_is_too_strange(text in "\\PC{0,40}", near in "[0-9.xv*<>=~^|, -]{0,30}", tag in "[0-9.]{1,9}") {
        for text in [text, near] {
            match text.parse::<VersionRange>() {
                Ok(range) => _ = TagVersion::parse(&tag).map(|version| range.contains(&version)),
                Err(error) => prop_assert!(!error.to_string().is_empty()),
            }
        }
    }

    #[test]
    fn operators_agree_with_each_other(range in "[0-3](\\.[0-3]){0,3}", tag in "[0-3](\\.[0-3]){0,3}") {
        let fits = |operator: &str| contains(&format!("{operator}{range}"), &tag);
        prop_assert_eq!(fits("="), fits(">=") && fits("<="));
        prop_assert_eq!(fits(">="), fits("=") || fits(">"));
        prop_assert_eq!(fits("<="), fits("=") || below(&range, &tag));
        prop_assert!(fits(">=") || !(fits("~") || fits("^")));
        for range in [format!("={tag}"), format!("{tag} - {tag}")] {
            prop_assert!(contains(&range, &tag), "{}", range);
        }
    }
}
