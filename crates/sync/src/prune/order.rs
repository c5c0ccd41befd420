//! In which order things go: what needs something goes before it, and what refers to something after it.

use std::collections::{BTreeSet, HashMap};

use oci::{Digest, TagOrDigest};

use super::candidate::{Candidate, Standing};
use super::contents::Contents;

/// Puts indexes before what they name, images before what refers to them, and otherwise sorts by name.
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
        // What has a subject needs it, and goes after it nevertheless: what has no tag comes in that order already.
        let name = match candidate.name {
            TagOrDigest::Tag(_) => candidate.target(),
            TagOrDigest::Digest(_) => String::new(),
        };
        (follows, if follows { 0 } else { depth }, name.is_empty(), name)
    });
}
