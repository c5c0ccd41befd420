//! The order of deletions: content that needs other content goes before it, and referrers go after their subjects.

use std::collections::{BTreeSet, HashMap};

use oci::{Digest, TagOrDigest};

use super::candidate::{Candidate, Standing};
use super::contents::Contents;

/// Sorts indexes before their children, subjects before their referrers, and otherwise by name.
pub(super) fn put_in_order(candidates: &mut [Candidate], contents: &Contents) {
    let distinct: BTreeSet<Digest> = candidates.iter().map(|candidate| candidate.digest.clone()).collect();
    let mut needed_by_others: HashMap<&Digest, usize> = HashMap::new();
    for root in &distinct {
        let needed = contents.needed_by([((), root)].into_iter());
        for digest in needed.into_keys().filter(|digest| *digest != root) {
            *needed_by_others.entry(digest).or_default() += 1;
        }
    }
    candidates.sort_by_cached_key(|candidate| {
        let follows = matches!(candidate.standing, Standing::Follows { .. });
        let depth = needed_by_others.get(&candidate.digest).copied().unwrap_or_default();
        // A referrer needs its subject, but is deleted after it: untagged referrers already have the right order.
        let name = match candidate.name {
            TagOrDigest::Tag(_) => candidate.target(),
            TagOrDigest::Digest(_) => String::new(),
        };
        (follows, if follows { 0 } else { depth }, name.is_empty(), name)
    });
}
