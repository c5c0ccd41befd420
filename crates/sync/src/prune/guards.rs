//! Limits how much is deleted, and how soon.

use std::fmt;
use std::time::Duration;

/// The limits of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guards {
    /// The most that one run deletes in each target repository.
    pub max_delete: MaxDelete,
    /// How long a tag must have been missing at the source, as seen by runs with a state.
    pub grace: Duration,
}

/// The most that one run deletes in a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MaxDelete {
    /// A number of tags.
    Tags(u32),
    /// A percentage of its tags: at least 1 tag, but none for 0.
    Percent(u8),
}

impl Default for Guards {
    fn default() -> Self {
        Self { max_delete: MaxDelete::Percent(10), grace: Duration::from_secs(7 * 86_400) }
    }
}

impl Guards {
    /// What both limits allow.
    pub(super) fn strictest(self, other: Self, tags: usize) -> Self {
        let is_stricter = other.max_delete.of(tags) < self.max_delete.of(tags);
        let max_delete = if is_stricter { other.max_delete } else { self.max_delete };
        Self { max_delete, grace: self.grace.max(other.grace) }
    }
}

impl MaxDelete {
    /// How many of `tags` tags may be deleted.
    pub fn of(self, tags: usize) -> usize {
        match self {
            Self::Tags(most) => usize::try_from(most).unwrap_or(usize::MAX),
            Self::Percent(0) => 0,
            Self::Percent(percent) => (tags.saturating_mul(usize::from(percent)) / 100).max(1),
        }
    }
}

impl fmt::Display for MaxDelete {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tags(most) => most.fmt(formatter),
            Self::Percent(percent) => write!(formatter, "{percent}%"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_at_least_one_and_a_number_is_what_it_says() {
        for (most, tags, expected) in [
            (MaxDelete::Percent(10), 5, 1),
            (MaxDelete::Percent(10), 19, 1),
            (MaxDelete::Percent(10), 20, 2),
            (MaxDelete::Percent(0), 100, 0),
            (MaxDelete::Percent(100), 7, 7),
            (MaxDelete::Tags(0), 100, 0),
            (MaxDelete::Tags(3), 100, 3),
        ] {
            assert_eq!(most.of(tags), expected, "{most} of {tags}");
        }
    }

    #[test]
    fn of_two_rules_the_stricter_one_counts() {
        let guards = |max_delete, days| Guards { max_delete, grace: Duration::from_secs(days) };
        let (one, other) = (guards(MaxDelete::Tags(5), 1), guards(MaxDelete::Percent(10), 2));
        assert_eq!(one.strictest(other, 100), guards(MaxDelete::Tags(5), 2));
        assert_eq!(other.strictest(one, 20), guards(MaxDelete::Percent(10), 2));
    }
}
