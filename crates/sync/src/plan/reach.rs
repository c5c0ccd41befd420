//! Where rules read and write, as far as it is known before any request.

use oci::as_place;

use crate::Work;

/// One repository, or all repositories below a prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    One(String),
    /// All repositories with this prefix.
    Below(String),
}

impl Extent {
    pub(crate) fn overlaps(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::One(one), Self::One(other)) => one == other,
            (Self::One(name), Self::Below(front)) | (Self::Below(front), Self::One(name)) => {
                name.starts_with(front.as_str())
            }
            (Self::Below(one), Self::Below(other)) => {
                one.starts_with(other.as_str()) || other.starts_with(one.as_str())
            }
        }
    }
}

/// Where a rule reads and writes.
#[derive(Clone, Debug)]
pub(crate) struct Reach {
    pub(crate) reads: Extent,
    pub(crate) writes: Vec<Extent>,
}

impl Reach {
    pub(crate) fn of(work: &Work) -> Self {
        match work {
            // Their order was settled when they were made.
            Work::Tasks(_) | Work::Assignments(_) => {
                Self { reads: Extent::One(String::new()), writes: Vec::new() }
            }
            Work::Repository(rule) => Self {
                reads: Extent::One(as_place(rule.source.name()).into_owned()),
                writes: rule
                    .targets
                    .iter()
                    .map(|target| Extent::One(as_place(target.target.name()).into_owned()))
                    .collect(),
            },
            Work::Pattern(rule) => {
                let mut front = vec![rule.listing.name()];
                front.extend(rule.pattern.literal_front());
                let writes =
                    rule.targets.iter().map(|target| Extent::Below(format!("{}/", as_place(&target.front))));
                let reads = Extent::Below(format!("{}/", as_place(&front.join("/"))));
                Self { reads, writes: writes.collect() }
            }
        }
    }

    pub(crate) fn is_pattern(&self) -> bool {
        matches!(self.reads, Extent::Below(_))
    }

    pub(crate) fn writes_to(&self, place: &Extent) -> bool {
        self.writes.iter().any(|written| written.overlaps(place))
    }

    /// Whether a pattern and another rule need to coordinate.
    pub(crate) fn meets(&self, other: &Self) -> bool {
        self.writes_to(&other.reads)
            || other.writes_to(&self.reads)
            || (self.reads.overlaps(&other.reads) && self.shares_a_target(other))
    }

    pub(crate) fn shares_a_target(&self, other: &Self) -> bool {
        self.writes.iter().any(|written| other.writes_to(written))
    }
}
