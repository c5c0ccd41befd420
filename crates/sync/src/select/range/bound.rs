//! A version as written in a range, possibly incomplete, and the interval between two of them.

use std::cmp::Ordering;
use std::ops::Bound;

use oci::{Prerelease, TagVersion};

/// Numbers, padded with zeros.
type Padded = [u64; 8];

/// Versions with fewer numbers than this are lines: `1.25` is each `1.25.x`, `1.25.3` is just that version.
const WHOLE: usize = 3;

/// `1`, `1.25`, `1.25.x`, `1.26.0-rc1`, `*`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) edge: Edge,
    /// How many numbers it has.
    count: usize,
    /// Whether it means all versions that begin with these numbers.
    is_line: bool,
}

/// An end of an interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Edge {
    numbers: Padded,
    /// If the edge has none, only numbers are compared: `<1.26.0` excludes `1.26.0-rc1`, too.
    pub(super) prerelease: Option<Prerelease>,
}

/// Conditions that must all hold.
pub(super) type Alternative = Vec<Interval>;

/// Versions between two edges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Interval {
    pub(super) from: Bound<Edge>,
    pub(super) to: Bound<Edge>,
}

impl Written {
    /// All versions.
    pub(super) const ANY: Self =
        Self { edge: Edge { numbers: [0; 8], prerelease: None }, count: 0, is_line: true };

    /// A version without a variant. `has_wildcard`: it is followed by an `x`.
    pub(super) fn new(version: &TagVersion<'_>, has_wildcard: bool) -> Self {
        let (numbers, count) = (*version.numbers.padded(), version.numbers.count());
        let is_line = has_wildcard || (count < WHOLE && version.prerelease.is_none());
        Self { edge: Edge { numbers, prerelease: version.prerelease }, count, is_line }
    }

    /// The end of the line: before the next number at `place`. Unbounded if there is none.
    fn before_next(&self, place: Option<usize>) -> Bound<Edge> {
        let Some(place) = place else { return Bound::Unbounded };
        let mut numbers = [0; 8];
        numbers[..=place].copy_from_slice(&self.edge.numbers[..=place]);
        match numbers[place].checked_add(1) {
            Some(next) => {
                numbers[place] = next;
                Bound::Excluded(Edge { numbers, prerelease: None })
            }
            None => Bound::Unbounded,
        }
    }

    /// The position of the last written number.
    fn last(&self) -> Option<usize> {
        self.count.checked_sub(1)
    }

    /// `= 1.25`: the line, or just that version.
    pub(super) fn exactly(&self) -> Interval {
        Interval { from: Bound::Included(self.edge), to: self.at_most().to }
    }

    /// `>= 1.25`.
    pub(super) fn at_least(&self) -> Interval {
        Interval { from: Bound::Included(self.edge), to: Bound::Unbounded }
    }

    /// `<= 1.25`: to the end of the line.
    pub(super) fn at_most(&self) -> Interval {
        let to = if self.is_line { self.before_next(self.last()) } else { Bound::Included(self.edge) };
        Interval { from: Bound::Unbounded, to }
    }

    /// `> 1.25`: after the end of the line. `None` if there is nothing above.
    pub(super) fn above(&self) -> Option<Interval> {
        let from = match self.at_most().to {
            Bound::Included(edge) => Bound::Excluded(edge),
            Bound::Excluded(edge) => Bound::Included(edge),
            Bound::Unbounded => return None,
        };
        Some(Interval { from, to: Bound::Unbounded })
    }

    /// `< 1.25`. `None` if there is nothing below.
    pub(super) fn below(&self) -> Option<Interval> {
        let is_lowest = self.edge == Self::ANY.edge;
        (!is_lowest).then_some(Interval { from: Bound::Unbounded, to: Bound::Excluded(self.edge) })
    }

    /// `^1.25`: the first nonzero number stays the same.
    pub(super) fn compatible(&self) -> Interval {
        let first = self.edge.numbers[..self.count].iter().position(|number| *number > 0);
        Interval { from: Bound::Included(self.edge), to: self.before_next(first.or(self.last())) }
    }

    /// `~1.25`: the first two numbers, or the only one, stay the same.
    pub(super) fn close(&self) -> Interval {
        Interval {
            from: Bound::Included(self.edge),
            to: self.before_next(self.last().map(|last| last.min(1))),
        }
    }
}

impl Edge {
    fn compare(&self, version: &TagVersion<'_>) -> Ordering {
        version.numbers.padded().cmp(&self.numbers).then_with(|| {
            match (version.prerelease, self.prerelease) {
                (_, None) => Ordering::Equal,
                (None, Some(_)) => Ordering::Greater,
                (Some(prerelease), Some(edge)) => prerelease.cmp(&edge),
            }
        })
    }
}

impl Interval {
    pub(super) fn contains(&self, version: &TagVersion<'_>) -> bool {
        let is_above = match &self.from {
            Bound::Included(edge) => edge.compare(version).is_ge(),
            Bound::Excluded(edge) => edge.compare(version).is_gt(),
            Bound::Unbounded => true,
        };
        let is_below = match &self.to {
            Bound::Included(edge) => edge.compare(version).is_le(),
            Bound::Excluded(edge) => edge.compare(version).is_lt(),
            Bound::Unbounded => true,
        };
        is_above && is_below
    }

    /// Whether no version can be above the start of this interval and below the end of the other. If the edges have
    /// the same numbers and one has a prerelease, assumes that there may be one.
    pub(super) fn begins_behind(&self, other: &Self) -> bool {
        use Bound::{Excluded, Included, Unbounded};
        let (from, to) = match (&self.from, &other.to) {
            (Unbounded, _) | (_, Unbounded) => return false,
            (Included(from) | Excluded(from), Included(to) | Excluded(to)) => (from, to),
        };
        let touch_is_in = matches!((&self.from, &other.to), (Included(_), Included(_)))
            || from.prerelease.is_some()
            || to.prerelease.is_some();
        from.numbers > to.numbers || (from.numbers == to.numbers && !touch_is_in)
    }

    /// Whether an edge has a prerelease.
    pub(super) fn names_prerelease(&self) -> bool {
        let names = |bound: &Bound<Edge>| match bound {
            Bound::Included(edge) | Bound::Excluded(edge) => edge.prerelease.is_some(),
            Bound::Unbounded => false,
        };
        names(&self.from) || names(&self.to)
    }
}
