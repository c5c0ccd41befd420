//! How many tags each stage of a selection left.

use std::fmt;
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

impl Counts {
    /// What each stage did, in the order of the stages.
    fn stages(&self) -> Vec<String> {
        let stages = [
            (self.listed - self.included, "not in `include`"),
            (self.included - self.versions, "not of the wanted versions"),
            (self.excluded, "excluded"),
            (self.too_young, "too young or of unknown age"),
            (self.too_old, "too old"),
            (self.older, "older than the newest"),
            (self.pinned, "pinned"),
        ];
        let told = stages.into_iter().filter(|(count, _)| *count > 0);
        told.map(|(count, what)| format!("{count} {what}")).collect()
    }
}

/// `3 of 13 tags: 5 not in `include`, 6 older than the newest, 1 pinned`.
impl fmt::Display for Counts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.listed == 1 { "" } else { "s" };
        write!(formatter, "{} of {} tag{plural}", self.selected, self.listed)?;
        let stages = self.stages();
        if stages.is_empty() { Ok(()) } else { write!(formatter, ": {}", stages.join(", ")) }
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
        let told = "3 of 13 tags: 1 not in `include`, 2 not of the wanted versions, 1 excluded, 7 older than the newest, 1 pinned";
        assert_eq!(counts.to_string(), told);
    }
}
