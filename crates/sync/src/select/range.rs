//! Ranges of versions: `>=1.20 <2 || 3.x`. They look at numbers, not at variants, and at prereleases only where they name
//! one.

mod bound;
mod parse;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use oci::TagVersion;
use oci::foreign_text::Cleaned;

use bound::Interval;

/// Conditions that must all hold.
type Alternative = Vec<Interval>;

/// Which versions are meant.
///
/// Versions of one or two numbers are lines: `=1.25` is each `1.25.x`, `>1.25` begins at `1.26`, and `<=1.25` has all of
/// `1.25` in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionRange {
    text: Arc<str>,
    any_of: Arc<[Alternative]>,
}

/// Why a text is no range.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RangeError {
    /// Nothing was written.
    #[error("the range is empty: write one like `>=1.20 <2`, or `*` for all versions")]
    Empty,
    /// There is nothing before or behind a comma or `||`.
    #[error("`{}` has nothing on one side of a `,` or `||`: remove that", Cleaned(text))]
    Gap {
        /// What was written.
        text: String,
    },
    /// An operator stands alone.
    #[error("`{}` has no version behind `{operator}`: write one like `{operator}1.20`", Cleaned(text))]
    NoVersion {
        /// What was written.
        text: String,
        /// `>=` or the like.
        operator: String,
    },
    /// An operator of another language.
    #[error("ranges have no `{}`: write `{ours}`", Cleaned(text))]
    Operator {
        /// What was written.
        text: String,
        /// What to write.
        ours: &'static str,
    },
    /// It says what is not wanted.
    #[error("`{}`: ranges have no `!=`: name the tag in `exclude`", Cleaned(text))]
    Not {
        /// What was written.
        text: String,
    },
    /// It is no version.
    #[error("`{}` is no version: write numbers like `1.25`, `1.25.3` or `1.x`", Cleaned(text))]
    Version {
        /// What was written.
        text: String,
    },
    /// Two versions with a hyphen and no blanks.
    #[error(
        "`{}` is no version: where it is from one to another, write blanks around the hyphen",
        Cleaned(text)
    )]
    Hyphen {
        /// What was written.
        text: String,
    },
    /// It names a variant.
    #[error(
        "`{}` names a variant, and ranges look at numbers only: write `variants: [{}]`",
        Cleaned(text),
        Cleaned(variant)
    )]
    Variant {
        /// What was written.
        text: String,
        /// The part that is one.
        variant: String,
    },
    /// No version can be in it.
    #[error("no version can fit `{}`", Cleaned(text))]
    Never {
        /// What was written.
        text: String,
    },
}

impl VersionRange {
    /// Whether a version is in the range. Its variant does not count; a prerelease stands where its release does, but beside
    /// a prerelease that the range names.
    pub fn contains(&self, version: &TagVersion<'_>) -> bool {
        self.any_of.iter().any(|all_of| all_of.iter().all(|interval| interval.contains(version)))
    }

    /// Whether the range names a prerelease, and so wants such.
    pub fn names_prerelease(&self) -> bool {
        self.any_of.iter().flatten().any(Interval::names_prerelease)
    }

    /// The range as it was written.
    pub(crate) fn text(&self) -> &Arc<str> {
        &self.text
    }
}

impl FromStr for VersionRange {
    type Err = RangeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self { any_of: parse::range(text)?.into(), text: text.trim().into() })
    }
}

impl fmt::Display for VersionRange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests;
