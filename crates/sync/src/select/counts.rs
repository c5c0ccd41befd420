//! How many tags each stage of a selection left.

use std::fmt;
use std::ops::AddAssign;

use serde::{Deserialize, Serialize};

use super::listed_tag::ListedTag;
use super::reason::Reason;
use crate::rule::referrer_tag::belongs_to_another;

/// The numbers of a selection, or their sums over repositories: `selected` = `versions` - `excluded` - `too_young` -
/// `too_old` - `older` + `pinned`. Referrer tags are no candidates, and are counted separately.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Counts {
    /// Tags that the registry lists, without those that belong to other images.
    pub listed: usize,
    /// Tags that belong to other images and are not pinned: they are copied with those.
    pub followers: usize,
    /// Listed tags that match `include`.
    pub included: usize,
    /// Included tags whose versions are wanted; all of them without version conditions.
    pub versions: usize,
    /// How many of them match `exclude`.
    pub excluded: usize,
    /// How many of the rest are too young, or held back because their age is unknown.
    pub too_young: usize,
    /// How many of the rest are too old.
    pub too_old: usize,
    /// How many of the rest are older than the newest.
    pub older: usize,
    /// Pins that no stage left. A stage that removed a pinned tag counts it, too.
    pub pinned: usize,
    /// All selected tags.
    pub selected: usize,
}

impl Counts {
    /// Counts the results of the stages, without pins.
    pub(super) fn of(tags: &[ListedTag], reasons: &[Option<Reason>]) -> Self {
        let is_follower = |tag: &&ListedTag| belongs_to_another(&tag.tag);
        let followers = tags.iter().filter(is_follower).count();
        let listed = tags.len() - followers;
        let mut counts = Self {
            listed,
            followers,
            included: listed,
            versions: listed,
            selected: listed,
            ..Self::default()
        };
        let candidates = tags.iter().zip(reasons).filter(|(tag, _)| !is_follower(tag));
        for reason in candidates.filter_map(|(_, reason)| reason.as_ref()) {
            counts.selected -= 1;
            match reason {
                // It is no candidate.
                Reason::Referrer => {}
                Reason::NotIncluded => {
                    counts.included -= 1;
                    counts.versions -= 1;
                }
                Reason::NoVersion
                | Reason::OtherParts { .. }
                | Reason::OutOfRange(_)
                | Reason::OtherVariant
                | Reason::Prerelease => counts.versions -= 1,
                Reason::ExcludedBy(_) => counts.excluded += 1,
                Reason::TooYoung { .. } | Reason::NoDate => counts.too_young += 1,
                Reason::TooOld { .. } => counts.too_old += 1,
                Reason::Older(_) => counts.older += 1,
            }
        }
        counts
    }
}

impl Counts {
    /// What each stage removed, in the order of the stages.
    fn stages(&self) -> Vec<String> {
        let stages = [
            (self.listed - self.included, "not in `include`"),
            (self.included - self.versions, "not of the wanted versions"),
            (self.excluded, "excluded"),
            (self.too_young, "too young or of unknown age"),
            (self.too_old, "too old"),
            (self.older, "older than the newest"),
        ];
        let told = stages.into_iter().filter(|(count, _)| *count > 0);
        told.map(|(count, what)| format!("{count} {what}")).collect()
    }
}

/// `3 of 13 tags: 5 not in `include`, 6 older than the newest; plus 1 by `pins`; not counted: 2 tags of signatures
/// and the like`.
impl fmt::Display for Counts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.listed == 1 { "" } else { "s" };
        write!(formatter, "{} of {} tag{plural}", self.selected, self.listed)?;
        let stages = self.stages();
        if !stages.is_empty() {
            write!(formatter, ": {}", stages.join(", "))?;
        }
        if self.pinned > 0 {
            write!(formatter, "; plus {} by `pins`", self.pinned)?;
        }
        match self.followers {
            0 => Ok(()),
            1 => formatter.write_str("; not counted: 1 tag of a signature or the like"),
            many => write!(formatter, "; not counted: {many} tags of signatures and the like"),
        }
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.listed += other.listed;
        self.followers += other.followers;
        self.included += other.included;
        self.versions += other.versions;
        self.excluded += other.excluded;
        self.too_young += other.too_young;
        self.too_old += other.too_old;
        self.older += other.older;
        self.pinned += other.pinned;
        self.selected += other.selected;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_told_stage_by_stage() {
        assert_eq!(Counts::default().to_string(), "0 of 0 tags");
        let counts = Counts {
            listed: 13,
            included: 12,
            versions: 10,
            excluded: 1,
            older: 7,
            pinned: 1,
            selected: 3,
            ..Counts::default()
        };
        let told = "3 of 13 tags: 1 not in `include`, 2 not of the wanted versions, 1 excluded, 7 older than the newest; plus 1 by `pins`";
        assert_eq!(counts.to_string(), told);
        let counts = Counts { listed: 1, included: 1, versions: 1, selected: 1, ..Counts::default() };
        let signed = |followers| Counts { followers, ..counts }.to_string();
        assert_eq!(signed(0), "1 of 1 tag");
        assert_eq!(signed(1), "1 of 1 tag; not counted: 1 tag of a signature or the like");
        assert_eq!(signed(2), "1 of 1 tag; not counted: 2 tags of signatures and the like");
    }
}
