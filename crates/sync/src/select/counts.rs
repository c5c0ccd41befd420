//! How many tags each stage of a selection left.

use std::ops::AddAssign;

use super::reason::Reason;

/// The numbers of a selection, or their sums over repositories:
/// `selected` = `versions` - `excluded` - `too_young` - `too_old` - `older` + `pinned`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Tags that the registry lists.
    pub listed: usize,
    /// Those of them that `include` names, without what belongs to other images.
    pub included: usize,
    /// Those of them whose versions are wanted, where versions matter.
    pub versions: usize,
    /// How many of them `exclude` names.
    pub excluded: usize,
    /// How many of the rest are too young, or held back because nothing tells their age.
    pub too_young: usize,
    /// How many of the rest are too old.
    pub too_old: usize,
    /// How many of the rest are older than the newest.
    pub older: usize,
    /// Pins that come although no stage left them.
    pub pinned: usize,
    /// All that come.
    pub selected: usize,
}

impl Counts {
    /// Counts what stages without pins left of a listing.
    pub(super) fn of(reasons: &[Option<Reason>]) -> Self {
        let listed = reasons.len();
        let mut counts =
            Self { listed, included: listed, versions: listed, selected: listed, ..Self::default() };
        for reason in reasons.iter().flatten() {
            counts.selected -= 1;
            match reason {
                Reason::Referrer | Reason::NotIncluded => {
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

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.listed += other.listed;
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
