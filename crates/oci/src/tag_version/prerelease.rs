//! Prereleases: a known word directly after a tag's numbers.

use super::variant::{SEPARATORS, is_separator};

/// The most numbers of a prerelease that are compared.
const MOST_NUMBERS: usize = 4;

/// `rc1`, `beta.11`, `SNAPSHOT`: the later one is greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Prerelease {
    /// How near the release is.
    pub stage: Stage,
    numbers: [u64; MOST_NUMBERS],
}

/// How near a prerelease is to its release.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stage {
    /// Built from work in progress: `nightly`, `snapshot`, `canary`, `dev1`.
    Development,
    /// `alpha`, `a1`.
    Alpha,
    /// `beta`, `b1`.
    Beta,
    /// For previewing: `milestone`, `m1`, `preview`, `pre`, `ea`.
    Preview,
    /// `rc`.
    Candidate,
}

/// Words that are prereleases by themselves. They must be whole words: `prebuilt` and `precise` are not.
const WORDS: [(&str, Stage); 10] = [
    ("nightly", Stage::Development),
    ("snapshot", Stage::Development),
    ("canary", Stage::Development),
    ("alpha", Stage::Alpha),
    ("beta", Stage::Beta),
    ("milestone", Stage::Preview),
    ("preview", Stage::Preview),
    ("pre", Stage::Preview),
    ("ea", Stage::Preview),
    ("rc", Stage::Candidate),
];

/// Words that need a number: `-dev` alone is a variant of Chainguard's images, with tools in it.
const NUMBERED_WORDS: [(&str, Stage); 4] =
    [("dev", Stage::Development), ("a", Stage::Alpha), ("b", Stage::Beta), ("m", Stage::Preview)];

impl Prerelease {
    /// The prerelease at the beginning of `rest`, and the variant after it.
    pub(super) fn split(rest: &str) -> (Option<Self>, &str) {
        let end = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
        let (word, behind) = rest.split_at(end);
        let stage_in = |words: &[(&str, Stage)]| {
            words.iter().find(|(known, _)| known.eq_ignore_ascii_case(word)).map(|(_, stage)| *stage)
        };
        let numbered = || stage_in(&NUMBERED_WORDS).filter(|_| begins_with_number(behind));
        let Some(stage) = stage_in(&WORDS).or_else(numbered) else { return (None, rest) };
        let (numbers, behind) = split_numbers(behind);
        (Some(Self { stage, numbers }), behind.trim_start_matches(SEPARATORS))
    }
}

/// Whether a number stands here, or after a dot, that is not part of a longer word: the commit `a1b2c3d` is not an alpha.
fn begins_with_number(text: &str) -> bool {
    let text = text.strip_prefix('.').unwrap_or(text);
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    digits > 0 && ends_word(&text[digits..])
}

fn ends_word(behind: &str) -> bool {
    behind.bytes().next().is_none_or(is_separator)
}

/// All following numbers belong to the prerelease: `rc.1.2`, `snapshot-20261129`. The first one may be glued on both
/// sides (`rc1alpine`); each other number must be a word of its own, which the commit in `nightly-0a1b2c3` is not.
fn split_numbers(text: &str) -> ([u64; MOST_NUMBERS], &str) {
    let (mut numbers, mut rest) = ([0; MOST_NUMBERS], text);
    for index in 0.. {
        let separated = rest.strip_prefix(SEPARATORS);
        let candidate = separated.unwrap_or(rest);
        let digits = candidate.bytes().take_while(u8::is_ascii_digit).count();
        let (number, behind) = candidate.split_at(digits);
        if digits == 0 || (separated.is_some() && !ends_word(behind)) {
            break;
        }
        if let Some(place) = numbers.get_mut(index) {
            *place = number.parse().unwrap_or(u64::MAX);
        }
        rest = behind;
    }
    (numbers, rest)
}
