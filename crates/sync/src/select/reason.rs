//! Why a tag or a repository is not selected, with texts for users. A listing may have millions of reasons, so shared
//! parts are stored once.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use oci::Tag;

use super::age::Age;
use super::pattern::Pattern;

/// Why a tag or repository is left out.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// It belongs to another image, as signatures and referrers lists do, and is copied with that.
    Referrer,
    /// It matches no pattern of `include`.
    NotIncluded,
    /// It has no version, and the rule needs one.
    NoVersion,
    /// Its version has another number of numbers than `latest` requires.
    OtherParts {
        /// The required number.
        parts: usize,
    },
    /// Its version is not in the range.
    OutOfRange(Arc<str>),
    /// Its version has none of the wanted variants.
    OtherVariant,
    /// Its version is a prerelease.
    Prerelease,
    /// It matches a pattern of `exclude`.
    ExcludedBy(Pattern),
    /// It is younger than `minAge`.
    TooYoung {
        /// Its age.
        age: Duration,
    },
    /// Its age is unknown, so it is held back.
    NoDate,
    /// It is older than `maxAge`.
    TooOld {
        /// Its age.
        age: Duration,
    },
    /// It is older than the newest ones of its group.
    Older(Arc<NewestTags>),
}

/// The newest tags of a group, as far as the reasons of older tags need them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewestTags {
    /// The group.
    pub group: GroupName,
    /// How many of its tags are selected.
    pub kept: usize,
    /// The newest of them.
    pub newest: Tag,
}

/// The name of a group.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum GroupName {
    /// All tags of the repository.
    Repository,
    /// Versions with the same number of numbers and the same variant name.
    Versions {
        /// The number of numbers.
        parts: usize,
        /// The variant's name, with `#` for its numbers; empty for none.
        variant: Box<str>,
    },
    /// All tags without a version.
    NoVersion,
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Referrer => formatter.write_str(
                "it belongs to an image, as signatures and lists of referrers do, and follows that image",
            ),
            Self::NotIncluded => formatter.write_str("no pattern of `include` fits it"),
            Self::NoVersion => formatter.write_str("it names no version, and the rule is about versions"),
            Self::OtherParts { parts: 1 } => {
                formatter.write_str("its version has more numbers than the 1 of `parts`")
            }
            Self::OtherParts { parts } => {
                write!(formatter, "its version has not the {parts} numbers of `parts`")
            }
            Self::OutOfRange(range) => write!(formatter, "its version is not in the range `{range}`"),
            Self::OtherVariant => formatter.write_str("its variant is none of `variants`"),
            Self::Prerelease => formatter.write_str("it is a prerelease; `prereleases: true` selects such"),
            Self::ExcludedBy(pattern) => write!(formatter, "`{pattern}` in `exclude` fits it"),
            Self::TooYoung { age } => {
                write!(formatter, "it is {} old, which is less than `minAge`", Age(*age))
            }
            Self::NoDate => formatter.write_str("nothing tells how old it is, so that it is held back"),
            Self::TooOld { age } => write!(formatter, "it is {} old, which is more than `maxAge`", Age(*age)),
            Self::Older(newest) => newest.fmt(formatter),
        }
    }
}

impl fmt::Display for NewestTags {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (group, newest) = (&self.group, &self.newest);
        match self.kept {
            1 => write!(formatter, "it is older than `{newest}`, the newest {group}"),
            kept => {
                write!(formatter, "it is older than the {kept} newest {group}, which begin with `{newest}`")
            }
        }
    }
}

impl fmt::Display for GroupName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Repository => formatter.write_str("of the repository"),
            Self::NoVersion => formatter.write_str("of the tags that name no version"),
            Self::Versions { parts, variant } => {
                let plural = if *parts == 1 { "" } else { "s" };
                write!(formatter, "of the versions with {parts} number{plural} and ")?;
                match &**variant {
                    "" => formatter.write_str("no variant"),
                    variant => write!(formatter, "variant `{variant}`"),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::select::pattern::Matched;

    #[test]
    fn reasons_are_told_in_plain_words() {
        let older = |group, kept| {
            Reason::Older(Arc::new(NewestTags { group, kept, newest: "1.25.4".parse().unwrap() })).to_string()
        };
        let versions = |parts, variant: &str| GroupName::Versions { parts, variant: variant.into() };
        assert_eq!(
            older(versions(3, "alpine#.#"), 2),
            "it is older than the 2 newest of the versions with 3 numbers and variant `alpine#.#`, which begin with \
             `1.25.4`"
        );
        assert_eq!(
            older(versions(1, ""), 1),
            "it is older than `1.25.4`, the newest of the versions with 1 number and no variant"
        );
        assert_eq!(
            older(GroupName::Repository, 1),
            "it is older than `1.25.4`, the newest of the repository"
        );
        let age = Duration::from_secs(3 * 86_400);
        assert_eq!(Reason::TooYoung { age }.to_string(), "it is 3d old, which is less than `minAge`");
        let excluded = Reason::ExcludedBy(Pattern::new("*-rc*", Matched::Tags).unwrap());
        assert_eq!(excluded.to_string(), "`*-rc*` in `exclude` fits it");
        assert_eq!(Reason::OutOfRange("<2".into()).to_string(), "its version is not in the range `<2`");
    }

    #[test]
    fn a_reason_takes_little_memory() {
        assert!(size_of::<Option<Reason>>() <= 24);
    }
}
