//! Narrows all rules of a run: removes tags from what they select, and never adds any.

use std::num::NonZeroUsize;

use oci::{Tag, TagOrDigest};

use super::latest::Latest;
use super::pattern::Pattern;
use super::range::VersionRange;
use super::tag_selection::{Prereleases, TagSelection};

/// Conditions on tags in addition to those of the rules. Empty fields have no effect.
#[derive(Clone, Debug, Default)]
pub struct Narrowing {
    /// At least one of these patterns must match.
    pub include: Vec<Pattern>,
    /// None of these patterns may match.
    pub exclude: Vec<Pattern>,
    /// The version must be in this range.
    pub semver: Option<VersionRange>,
    /// How many of the newest are selected, instead of the rule's number.
    pub latest: Option<NonZeroUsize>,
}

impl Narrowing {
    /// Whether there are no conditions.
    pub fn is_none(&self) -> bool {
        self.include.is_empty() && self.exclude.is_empty() && self.semver.is_none() && self.latest.is_none()
    }

    /// Whether a named image is kept, apart from `latest`: no pattern matches a digest.
    pub fn leaves(&self, image: &TagOrDigest) -> bool {
        match image {
            TagOrDigest::Tag(tag) => self.leaves_tag(tag),
            TagOrDigest::Digest(_) => self.include.is_empty() && self.semver.is_none(),
        }
    }

    /// A rule's selection with these conditions. They also apply to its pins. The newest are counted in the rule's
    /// own groups.
    #[must_use]
    pub fn of(&self, rule: &TagSelection) -> TagSelection {
        let mut narrow = rule.clone();
        narrow.pins.retain(|pin| self.leaves(pin));
        if !self.include.is_empty() {
            narrow.include.push(self.include.clone());
        }
        narrow.exclude.extend(self.exclude.iter().cloned());
        narrow.semver.extend(self.semver.clone());
        if let Some(count) = self.latest {
            narrow.latest = Some(match rule.latest {
                Some(latest) => latest.with_count(count),
                None => Latest::newest(count),
            });
        }
        if rule.is_about_versions() && !rule.selects_prereleases() {
            narrow.prereleases = Prereleases::Never;
        }
        narrow
    }

    /// The positions of the named images that are kept. Digests and tags without a version do not count for the newest.
    pub fn places(&self, images: &[TagOrDigest]) -> Vec<usize> {
        let selection = self.of(&TagSelection::default());
        let tags = images
            .iter()
            .filter_map(|image| if let TagOrDigest::Tag(tag) = image { Some(tag) } else { None });
        let selected = selection.chosen_by_name(tags);
        let is_left = |image: &TagOrDigest| match image {
            TagOrDigest::Tag(tag) => selected.contains(tag),
            TagOrDigest::Digest(_) => self.leaves(image) && self.latest.is_none(),
        };
        (0..images.len()).filter(|place| is_left(&images[*place])).collect()
    }

    fn leaves_tag(&self, tag: &Tag) -> bool {
        let without_newest = Self { latest: None, ..self.clone() };
        without_newest.of(&TagSelection::default()).selects_by_name(tag)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::select::{Latest, Matched, NewestBy};

    fn tag(text: &str) -> TagOrDigest {
        TagOrDigest::Tag(text.parse().unwrap())
    }

    fn patterns(texts: &[&str]) -> Vec<Pattern> {
        texts.iter().map(|text| Pattern::new(text, Matched::Tags).unwrap()).collect()
    }

    fn chosen(selection: &TagSelection, tags: &str) -> String {
        let tags: Vec<Tag> = tags.split_whitespace().map(|tag| tag.parse().unwrap()).collect();
        let chosen = selection.chosen_by_name(tags.iter());
        tags.iter().filter(|tag| chosen.contains(tag)).map(Tag::as_str).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn flags_take_from_what_a_rule_selects_and_add_nothing() {
        let rule = TagSelection {
            include: vec![patterns(&["v*"])],
            pins: vec![tag("stable"), tag("edge")],
            ..TagSelection::default()
        };
        let by = Narrowing {
            include: patterns(&["*1", "stable"]),
            exclude: patterns(&["v3*"]),
            ..Narrowing::default()
        };
        assert_eq!(
            chosen(&by.of(&rule), "v1 v2 v31 w1 stable edge"),
            "v1 stable",
            "`edge` fits no --include"
        );
        let without = TagSelection { semver: vec![">=1".parse().unwrap()], ..TagSelection::default() };
        let with_prerelease =
            Narrowing { semver: Some(">=1.5-rc1".parse().unwrap()), ..Narrowing::default() };
        assert_eq!(chosen(&without, "1.4 1.5-rc2 1.6"), "1.4 1.6");
        assert_eq!(
            chosen(&with_prerelease.of(&without), "1.4 1.5-rc2 1.6"),
            "1.6",
            "the rule has no prereleases"
        );
        assert_eq!(chosen(&with_prerelease.of(&TagSelection::default()), "1.4 1.5-rc2 1.6"), "1.5-rc2 1.6");
    }

    #[test]
    fn the_newest_are_counted_anew_in_the_rules_own_groups() {
        let by = Narrowing { latest: NonZeroUsize::new(2), ..Narrowing::default() };
        assert_eq!(chosen(&by.of(&TagSelection::default()), "1.0 1.1 1.2 latest"), "1.1 1.2");
        let five = Latest::new(5).unwrap().by(NewestBy::Pushed).parts(3).unwrap();
        let rule = TagSelection { latest: Some(five), pins: vec![tag("old")], ..TagSelection::default() };
        let narrow = by.of(&rule);
        assert_eq!(narrow.latest, Some(Latest::new(2).unwrap().by(NewestBy::Pushed).parts(3).unwrap()));
        assert_eq!(narrow.pins, [tag("old")]);
    }

    #[test]
    fn images_that_are_written_down_are_narrowed_in_their_places() {
        let digest = TagOrDigest::Digest(oci::Digest::sha256(b"x"));
        let images = [tag("1.0"), digest, tag("1.1"), tag("rc"), tag("1.0")];
        let places = |by: Narrowing| by.places(&images);
        assert_eq!(places(Narrowing { exclude: patterns(&["rc"]), ..Narrowing::default() }), [0, 1, 2, 4]);
        assert_eq!(places(Narrowing { include: patterns(&["1.*"]), ..Narrowing::default() }), [0, 2, 4]);
        assert_eq!(places(Narrowing { latest: NonZeroUsize::new(1), ..Narrowing::default() }), [2]);
    }
}
