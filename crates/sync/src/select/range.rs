//! Ranges of versions: `>=1.20 <2 || 3.x`. They compare numbers, ignore variants, and consider prereleases only if
//! they name one.

mod bound;
mod error;
mod parse;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use oci::TagVersion;

use bound::{Alternative, Interval};
pub use error::RangeError;

/// A range of versions.
///
/// Versions of one or two numbers are lines: `=1.25` is each `1.25.x`, `>1.25` begins at `1.26`, and `<=1.25`
/// includes all of `1.25`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionRange {
    text: Arc<str>,
    any_of: Arc<[Alternative]>,
}

impl VersionRange {
    /// Whether a version is in the range. Ignores its variant. A prerelease counts as its release, unless the range
    /// names a prerelease with the same numbers.
    pub fn contains(&self, version: &TagVersion<'_>) -> bool {
        self.any_of.iter().any(|all_of| all_of.iter().all(|interval| interval.contains(version)))
    }

    /// Whether the range names a prerelease, which means that prereleases are wanted.
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
