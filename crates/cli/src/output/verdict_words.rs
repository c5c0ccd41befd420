//! What was found of an image, in a few words.

use sync::{Mended, Standing, Verdict};

/// How it stands, and how much is wrong with it.
pub(super) fn verdict_words(verdict: &Verdict) -> String {
    let standing = match (verdict.standing, &verdict.mended) {
        (Standing::Whole, Mended::All) => return "repaired".to_owned(),
        (Standing::Whole, _) => return "whole".to_owned(),
        (Standing::Missing, _) => return "missing".to_owned(),
        (Standing::Different, _) => return "different".to_owned(),
        (Standing::Kept, _) => return "kept".to_owned(),
        (Standing::Incomplete, _) => "incomplete",
        (Standing::Unreadable, _) => "unreadable",
    };
    let problems = verdict.problems.len();
    let noun = if problems == 1 { "problem" } else { "problems" };
    format!("{standing} ({problems} {noun})")
}
