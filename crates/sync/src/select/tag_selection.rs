//! Which tags of a repository a rule selects.

use std::collections::HashSet;
use std::time::SystemTime;

use oci::{Tag, TagOrDigest, TagVersion};

use super::age::AgeLimits;
use super::counts::Counts;
use super::latest::{Latest, NewestBy};
use super::listed_tag::ListedTag;
use super::pattern::Pattern;
use super::range::VersionRange;
use super::reason::Reason;
use super::variant_name::VariantName;
use crate::rule::referrer_tag::belongs_to_another;

/// Conditions on tags. Empty fields have no effect, so the default selects every tag.
#[derive(Clone, Debug, Default)]
pub struct TagSelection {
    /// Lists of patterns: at least one pattern of each list must match. An empty list has no effect.
    pub include: Vec<Vec<Pattern>>,
    /// None of these patterns may match.
    pub exclude: Vec<Pattern>,
    /// The version must be in all of these ranges.
    pub semver: Vec<VersionRange>,
    /// The version must have one of these variants.
    pub variants: Vec<VariantName>,
    /// Whether prereleases are selected, if versions matter.
    pub prereleases: Prereleases,
    /// The minimum and the maximum age.
    pub ages: AgeLimits,
    /// How many of the newest are selected.
    pub latest: Option<Latest>,
    /// What is selected in any case.
    pub pins: Vec<TagOrDigest>,
    /// The rule fails if fewer are selected.
    pub at_least: usize,
}

/// What happens to prereleases, if versions matter: with ranges, variants and the latest by version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Prereleases {
    /// They are left out, unless a range names one.
    #[default]
    LeaveOut,
    /// They are selected like other versions.
    Select,
    /// They are left out, even if a range names one.
    Never,
}

/// Which dates a selection needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dates {
    /// None.
    None,
    /// The registry's dates, or when each tag's image was first seen.
    ForAges,
    /// The registry's dates: no other date tells which tag is newer, or too old.
    Required,
}

/// The result of a selection from a listing.
#[derive(Clone, Debug)]
pub struct Selected {
    /// The images: tags in the order of the listing, followed by pinned digests.
    pub chosen: Vec<TagOrDigest>,
    /// For each tag of the listing, why it is left out; `None` if it is selected.
    pub reasons: Vec<Option<Reason>>,
    /// How many tags each stage left.
    pub counts: Counts,
    /// Pinned tags that are not in the listing.
    pub missing_pins: Vec<Tag>,
}

/// Fewer tags are selected than the rule requires.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}, and `atLeast` asks for {at_least}", selected_of(*selected, *listed))]
pub struct TooFew {
    /// How many are selected.
    pub selected: usize,
    /// How many are listed.
    pub listed: usize,
    /// How many are required.
    pub at_least: usize,
}

fn selected_of(selected: usize, listed: usize) -> String {
    match listed {
        0 => "no tags are there to be selected".to_owned(),
        listed => format!("{selected} of {listed} listed tags are selected"),
    }
}

impl TagSelection {
    /// Whether every tag is selected, whatever the listing, so that no decision is needed.
    pub fn is_all(&self) -> bool {
        !self.narrows() && self.pins.is_empty() && self.at_least == 0
    }

    /// Which dates [`TagSelection::select`] needs.
    pub fn needs_dates(&self) -> Dates {
        if self.ages.max().is_some() || self.latest.is_some_and(|latest| latest.by == NewestBy::Pushed) {
            Dates::Required
        } else if self.ages.min().is_some() {
            Dates::ForAges
        } else {
            Dates::None
        }
    }

    /// Selects from a listing.
    pub fn select(&self, listed: &[ListedTag], now: SystemTime) -> Selected {
        let mut reasons: Vec<_> = listed.iter().map(|tag| self.reason_against(tag, now)).collect();
        if let Some(latest) = &self.latest {
            super::newest::leave_out_older(latest, listed, &mut reasons);
        }
        let counts = Counts::of(listed, &reasons);
        let mut selected = Selected { chosen: Vec::new(), reasons, counts, missing_pins: Vec::new() };
        let pinned_digests = self.pin(listed, &mut selected);
        let chosen = listed.iter().zip(&selected.reasons).filter(|(_, reason)| reason.is_none());
        selected.chosen = chosen.map(|(listed, _)| TagOrDigest::Tag(listed.tag.clone())).collect();
        selected.chosen.extend(pinned_digests);
        selected
    }

    /// Whether a tag is selected by its name, assuming that it has the right age and is among the newest.
    pub fn selects_by_name(&self, tag: &Tag) -> bool {
        self.reason_by_name(tag).is_none()
    }

    /// Why a tag is left out by its name; pins never are.
    pub fn reason_by_name(&self, tag: &Tag) -> Option<Reason> {
        let is_pinned = self.pins.iter().any(|pin| matches!(pin, TagOrDigest::Tag(pin) if pin == tag));
        if is_pinned { None } else { self.name_reason(tag) }
    }

    /// The tags that are selected by their names, including the limit on the newest.
    pub(super) fn chosen_by_name<'a>(&self, tags: impl Iterator<Item = &'a Tag>) -> HashSet<Tag> {
        let mut seen = HashSet::new();
        let tags = tags.filter(|tag| seen.insert(*tag));
        let listed: Vec<_> =
            tags.map(|tag| ListedTag { tag: tag.clone(), date: None, first_seen: None }).collect();
        let ages = AgeLimits::default();
        let selected = Self { ages, ..self.clone() }.select(&listed, SystemTime::UNIX_EPOCH);
        let tag = |image| if let TagOrDigest::Tag(tag) = image { Some(tag) } else { None };
        selected.chosen.into_iter().filter_map(tag).collect()
    }

    /// The shortfall, if fewer tags are selected than required.
    pub fn shortfall(&self, counts: &Counts) -> Option<TooFew> {
        let too_few = TooFew { selected: counts.selected, listed: counts.listed, at_least: self.at_least };
        (counts.selected < self.at_least).then_some(too_few)
    }

    /// Whether any tag of a listing can be left out.
    pub(crate) fn narrows(&self) -> bool {
        self.include.iter().any(|any_of| !any_of.is_empty())
            || !self.exclude.is_empty()
            || self.is_about_versions()
            || self.ages != AgeLimits::default()
            || self.latest.is_some()
    }

    pub(super) fn is_about_versions(&self) -> bool {
        !self.semver.is_empty()
            || !self.variants.is_empty()
            || self.latest.is_some_and(|latest| latest.needs_versions())
    }

    /// Why a tag is left out, independent of the rest of the listing.
    fn reason_against(&self, listed: &ListedTag, now: SystemTime) -> Option<Reason> {
        self.name_reason(&listed.tag).or_else(|| self.age_reason(listed, now))
    }

    /// Why a tag is left out by its name, whatever its age.
    fn name_reason(&self, tag: &Tag) -> Option<Reason> {
        if self.narrows() && belongs_to_another(tag) {
            return Some(Reason::Referrer);
        }
        let fits = |any_of: &Vec<Pattern>| any_of.is_empty() || any_of.iter().any(|one| one.fits_tag(tag));
        if !self.include.iter().all(fits) {
            return Some(Reason::NotIncluded);
        }
        let excluded = || self.exclude.iter().find(|one| one.fits_tag(tag)).cloned().map(Reason::ExcludedBy);
        self.version_reason(tag).or_else(excluded)
    }

    fn version_reason(&self, tag: &Tag) -> Option<Reason> {
        if !self.is_about_versions() {
            return None;
        }
        let Some(version) = TagVersion::parse(tag.as_str()) else { return Some(Reason::NoVersion) };
        let parts = self.latest.and_then(|latest| latest.parts);
        if let Some(parts) = parts.filter(|parts| *parts != version.numbers.count()) {
            return Some(Reason::OtherParts { parts });
        }
        if let Some(range) = self.semver.iter().find(|range| !range.contains(&version)) {
            return Some(Reason::OutOfRange(range.text().clone()));
        }
        if !self.variants.is_empty() && !self.variants.iter().any(|variant| variant.fits(&version)) {
            return Some(Reason::OtherVariant);
        }
        let is_left_out = version.prerelease.is_some() && !self.selects_prereleases();
        is_left_out.then_some(Reason::Prerelease)
    }

    /// With only `parts` and the latest by date, versions matter, but prereleases do not.
    pub(super) fn selects_prereleases(&self) -> bool {
        let matters = !self.semver.is_empty()
            || !self.variants.is_empty()
            || self.latest.is_some_and(|latest| latest.by == NewestBy::Version);
        match self.prereleases {
            _ if !matters => true,
            Prereleases::Select => true,
            Prereleases::LeaveOut => self.semver.iter().any(VersionRange::names_prerelease),
            Prereleases::Never => false,
        }
    }

    fn age_reason(&self, listed: &ListedTag, now: SystemTime) -> Option<Reason> {
        // A date in the future comes from a clock that is ahead.
        let age_of = |date: SystemTime| now.duration_since(date).unwrap_or_default();
        let told = listed.date.map(age_of);
        if told.is_none() && self.needs_dates() == Dates::Required {
            return Some(Reason::NoDate);
        }
        if let Some(min) = self.ages.min() {
            match told.or(listed.first_seen.map(age_of)) {
                None => return Some(Reason::NoDate),
                Some(age) if age < min => return Some(Reason::TooYoung { age }),
                Some(_) => {}
            }
        }
        let age = told.filter(|age| self.ages.max().is_some_and(|max| *age > max))?;
        Some(Reason::TooOld { age })
    }

    /// Adds the pins. Returns the pinned digests, which are not in any listing.
    fn pin(&self, listed: &[ListedTag], selected: &mut Selected) -> Vec<TagOrDigest> {
        let (mut missing, mut digests) = (HashSet::new(), Vec::new());
        for pin in &self.pins {
            match pin {
                TagOrDigest::Tag(tag) => _ = missing.insert(tag),
                TagOrDigest::Digest(_) if !digests.contains(pin) => digests.push(pin.clone()),
                TagOrDigest::Digest(_) => {}
            }
        }
        selected.counts.pinned += digests.len();
        for (listed, reason) in listed.iter().zip(&mut selected.reasons) {
            if !missing.remove(&listed.tag) {
                continue;
            }
            let is_follower = belongs_to_another(&listed.tag);
            selected.counts.followers -= usize::from(is_follower);
            if reason.take().is_some() || is_follower {
                selected.counts.pinned += 1;
            }
        }
        selected.counts.selected += selected.counts.pinned;
        // In the order in which they are written.
        let pins =
            self.pins.iter().filter_map(|pin| if let TagOrDigest::Tag(tag) = pin { Some(tag) } else { None });
        selected.missing_pins = pins.filter(|tag| missing.remove(tag)).cloned().collect();
        digests
    }
}
