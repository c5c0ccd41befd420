//! How many of the newest tags are wanted, and newest by what.

use std::num::NonZeroUsize;

/// The newest tags of each group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Latest {
    /// How many of each group.
    pub(crate) count: NonZeroUsize,
    /// What tells which is newer.
    pub(crate) by: NewestBy,
    /// What a group is.
    pub(crate) per: Group,
    /// How many numbers a version must have to count at all.
    pub(crate) parts: Option<usize>,
}

/// What tells which of two tags is newer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NewestBy {
    /// The version that they name; tags that name none are left out.
    #[default]
    Version,
    /// The date at which the registry got them.
    Pushed,
}

/// Which tags are counted together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Group {
    /// Versions with as many numbers and a variant of one name: `1.25.4-alpine3.19` and `1.25.3-alpine3.18`. All that
    /// are no versions are one group.
    #[default]
    Variant,
    /// All of the repository.
    Repository,
}

/// Why something does not say how many tags are wanted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LatestError {
    /// No tag is wanted.
    #[error("`latest: 0` selects nothing: write how many tags to keep, or leave `latest` out for all")]
    Zero,
    /// Versions do not have that many numbers.
    #[error("`parts: {parts}` fits no version: versions have one to eight numbers")]
    Parts {
        /// What was written.
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

    /// As many others of the same groups.
    pub(super) fn with_count(self, count: NonZeroUsize) -> Self {
        Self { count, ..self }
    }

    /// The same, newest by something else.
    #[must_use]
    pub fn by(self, by: NewestBy) -> Self {
        Self { by, ..self }
    }

    /// The same with other groups.
    #[must_use]
    pub fn per(self, per: Group) -> Self {
        Self { per, ..self }
    }

    /// The same of versions with so many numbers alone.
    pub fn parts(self, parts: usize) -> Result<Self, LatestError> {
        if (1..=8).contains(&parts) {
            Ok(Self { parts: Some(parts), ..self })
        } else {
            Err(LatestError::Parts { parts })
        }
    }

    /// Whether tags that name no version are left out.
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
