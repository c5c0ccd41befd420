//! How many of the newest tags are wanted, and how they are compared.

use std::num::NonZeroUsize;

/// The newest tags of each group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Latest {
    /// How many of each group.
    pub(crate) count: NonZeroUsize,
    /// How tags are compared.
    pub(crate) by: NewestBy,
    /// How tags are grouped.
    pub(crate) per: Group,
    /// If set, only versions with this many numbers count.
    pub(crate) parts: Option<usize>,
}

/// How tags are compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NewestBy {
    /// By version; tags without a version are left out.
    #[default]
    Version,
    /// By the date at which the registry received them.
    Pushed,
}

/// Which tags are grouped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Group {
    /// Versions with the same number of numbers and the same variant name: `1.25.4-alpine3.19` and
    /// `1.25.3-alpine3.18`. All tags without a version are one group.
    #[default]
    Variant,
    /// All tags of the repository.
    Repository,
}

/// Why a number of newest tags is invalid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LatestError {
    /// No tag is wanted.
    #[error("`latest: 0` selects nothing: write how many tags to keep, or leave `latest` out for all")]
    Zero,
    /// Versions cannot have that many numbers.
    #[error("`parts: {parts}` fits no version: versions have one to eight numbers")]
    Parts {
        /// The number.
        parts: usize,
    },
}

impl Latest {
    /// The `count` newest of each group of versions.
    pub fn new(count: usize) -> Result<Self, LatestError> {
        NonZeroUsize::new(count).map(Self::newest).ok_or(LatestError::Zero)
    }

    /// The newest versions of each group.
    pub(super) fn newest(count: NonZeroUsize) -> Self {
        Self { count, by: NewestBy::default(), per: Group::default(), parts: None }
    }

    /// The same groups with another count.
    pub(super) fn with_count(self, count: NonZeroUsize) -> Self {
        Self { count, ..self }
    }

    /// The same with another comparison.
    #[must_use]
    pub fn by(self, by: NewestBy) -> Self {
        Self { by, ..self }
    }

    /// The same with other groups.
    #[must_use]
    pub fn per(self, per: Group) -> Self {
        Self { per, ..self }
    }

    /// The same, but only versions with this many numbers.
    pub fn parts(self, parts: usize) -> Result<Self, LatestError> {
        if (1..=8).contains(&parts) {
            Ok(Self { parts: Some(parts), ..self })
        } else {
            Err(LatestError::Parts { parts })
        }
    }

    /// Whether tags without a version are left out.
    pub(crate) fn needs_versions(&self) -> bool {
        self.by == NewestBy::Version || self.parts.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_selects_nothing_is_refused() {
        assert_eq!(Latest::new(0), Err(LatestError::Zero));
        assert_eq!(
            LatestError::Zero.to_string(),
            "`latest: 0` selects nothing: write how many tags to keep, or leave `latest` out for all"
        );
        for parts in [0, 9] {
            let error = Latest::new(1).unwrap().parts(parts).unwrap_err();
            assert_eq!(error, LatestError::Parts { parts });
            assert!(error.to_string().contains("one to eight numbers"));
        }
        assert!(Latest::new(1).unwrap().parts(3).unwrap().by(NewestBy::Pushed).needs_versions());
    }
}
