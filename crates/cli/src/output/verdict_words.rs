//! The finding for an image, in a few words.

use super::counted;
use sync::{Mended, Standing, Verdict};

/// The verdict, and the number of its problems.
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
    let problems = counted(verdict.problems.len() as u64, "problem", "problems");
    format!("{standing} ({problems})")
}
