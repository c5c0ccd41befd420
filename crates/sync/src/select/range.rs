//! Ranges of versions: `>=1.20 <2 || 3.x`. They look at numbers, not at variants, and at prereleases only where they name
//! one.

mod bound;
mod error;
mod parse;

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use oci::TagVersion;

use bound::{Alternative, Interval};
pub use error::RangeError;

/// Which versions are meant.
///
/// Versions of one or two numbers are lines: `=1.25` is each `1.25.x`, `>1.25` begins at `1.26`, and `<=1.25` has all of
/// `1.25` in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionRange {
    text: Arc<str>,
    any_of: Arc<[Alternative]>,
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
