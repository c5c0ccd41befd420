//! The version in a tag: `v1.25.3-rc1-alpine3.19` is numbers, a prerelease and a variant.
//!
//! Tags are not semantic versions: the part after the numbers is the base image far more often than a
//! prerelease. So the numbers decide, known words are prereleases, and everything else is the variant:
//! `[vV] number ("." number)* [glued] [("-"|"_"|"+") rest]`. A word after a dot (`26.1.3.Final`) begins the rest, too.

mod prerelease;
mod variant;

use std::cmp::Ordering;

pub use prerelease::{Prerelease, Stage};
use variant::{is_commit, numbers};

/// The most numbers that a version has.
const MOST_NUMBERS: usize = 8;

/// The numbers of a version: one to eight. When they are compared, missing numbers count as zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Numbers {
    padded: [u64; MOST_NUMBERS],
    count: usize,
}

/// The version in a tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TagVersion<'a> {
    /// `1.25.3`.
    pub numbers: Numbers,
    /// `rc1`; most have none.
    pub prerelease: Option<Prerelease>,
    /// `alpine3.19`; empty if there is none.
    pub variant: &'a str,
}

impl Numbers {
    /// How many there are.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The numbers, padded with zeros, to compare versions of different lengths.
    pub fn padded(&self) -> &[u64; MOST_NUMBERS] {
        &self.padded
    }

    /// The numbers and the rest after them. `None` if there are none or too many, or one is beyond 64 bits.
    fn split(text: &str) -> Option<(Self, &str)> {
        let (mut padded, mut count, mut rest) = ([0; MOST_NUMBERS], 0, text);
        loop {
            let end = rest.bytes().take_while(u8::is_ascii_digit).count();
            *padded.get_mut(count)? = rest[..end].parse().ok()?;
            (count, rest) = (count + 1, &rest[end..]);
            match rest.strip_prefix('.') {
                Some(behind) if behind.starts_with(|next: char| next.is_ascii_digit()) => rest = behind,
                _ => return Some((Self { padded, count }, rest)),
            }
        }
    }
}

impl<'a> TagVersion<'a> {
    /// Parses a tag. `None` if it has no version, like `latest`, `release-1.2` and the commit `0a1b2c3`.
    pub fn parse(tag: &'a str) -> Option<Self> {
        if is_commit(tag) {
            return None;
        }
        let (numbers, behind) = Numbers::split(tag.strip_prefix(['v', 'V']).unwrap_or(tag))?;
        let rest = match behind.strip_prefix('.') {
            Some(word) if !word.starts_with(|next: char| next.is_ascii_alphabetic()) => return None,
            _ => behind.trim_start_matches(variant::SEPARATORS),
        };
        if rest.is_empty() != behind.is_empty() {
            return None;
        }
        let (prerelease, variant) = Prerelease::split(rest);
        Some(Self { numbers, prerelease, variant })
    }

    /// The variant's name with each of its numbers, and each commit in it, as `#`: `alpine3.19` is an `alpine#.#`.
    /// Tags with the same name are builds of the same variant, and their numbers show which is newer.
    pub fn variant_name(&self) -> String {
        variant::name(self.variant)
    }

    /// The words of the variant's name, without its numbers: `alpine` of `alpine3.19`.
    pub fn variant_words(&self) -> String {
        variant::words(self.variant)
    }
}

/// The newer one is greater: by numbers; releases after their prereleases; tags without a variant after those with one;
/// then by the variant's numbers. The variant's text comes last, so that only equal tags compare as equal.
impl Ord for TagVersion<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        let release_last = |version: &Self| (version.prerelease.is_none(), version.prerelease);
        self.numbers
            .cmp(&other.numbers)
            .then_with(|| release_last(self).cmp(&release_last(other)))
            .then_with(|| self.variant.is_empty().cmp(&other.variant.is_empty()))
            .then_with(|| numbers(self.variant).cmp(numbers(other.variant)))
            .then_with(|| self.variant.cmp(other.variant))
    }
}

impl PartialOrd for TagVersion<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests;
