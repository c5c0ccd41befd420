//! The problems that were found in an image, with what is needed to repair them.

use std::sync::Arc;

use oci::{Descriptor, Digest, TagOrDigest};

use crate::memory::inspected::Soundness;
use crate::{Error, Problem, ProblemKind, ProblemState, Standing};

/// The problems of an image below its reference.
#[derive(Default)]
pub(super) struct Findings {
    pub(super) problems: Vec<Problem>,
    pub(super) blobs: Vec<Descriptor>,
    /// Broken manifests, those nearer to the root first.
    pub(super) manifests: Vec<Descriptor>,
    /// Referrers of the image or of its content, with their subjects: broken, or not listed at the target.
    pub(super) referrers: Vec<(Digest, Descriptor)>,
    /// Subjects whose list of referrers is damaged at the target, with the entries that it should have.
    pub(super) lists: Vec<(Digest, Vec<Descriptor>)>,
    /// Tags made from a subject's digest, with the digests that they should point at.
    pub(super) tags: Vec<(TagOrDigest, Digest)>,
}

impl Findings {
    /// Records the problem of a part, if it has one. Returns whether the part has to be copied.
    pub(super) fn note(&mut self, digest: &Digest, kind: ProblemKind, found: &Soundness) -> bool {
        let Some((state, why)) = problem(found) else { return false };
        self.problems.push(Problem { digest: Some(digest.clone()), kind, state, why, instead: None });
        !matches!(found, Soundness::Misnamed(_))
    }

    /// The result for an image whose reference is right.
    pub(super) fn standing(&self) -> Standing {
        let is_unread = |problem: &Problem| problem.state == ProblemState::Unreadable;
        match &self.problems[..] {
            [] => Standing::Whole,
            problems if problems.iter().all(is_unread) => Standing::Unreadable,
            _ => Standing::Incomplete,
        }
    }
}

/// The problem of a part, and its reason.
pub(super) fn problem(found: &Soundness) -> Option<(ProblemState, Option<Arc<Error>>)> {
    match found {
        Soundness::Whole => None,
        Soundness::Missing => Some((ProblemState::Missing, None)),
        Soundness::Wrong(why) | Soundness::Misnamed(why) => Some((ProblemState::Wrong, Some(why.clone()))),
        Soundness::Unreadable(why) => Some((ProblemState::Unreadable, Some(why.clone()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::fixtures::broken;

    #[test]
    fn what_is_known_to_be_wrong_weighs_more_than_what_cannot_be_read() {
        let (digest, mut findings) = (Digest::sha256(b"x"), Findings::default());
        assert!(!findings.note(&digest, ProblemKind::Blob, &Soundness::Whole));
        assert_eq!(findings.standing(), Standing::Whole);
        findings.note(&digest, ProblemKind::Blob, &Soundness::Unreadable(Arc::new(broken())));
        assert_eq!(findings.standing(), Standing::Unreadable);
        findings.note(&digest, ProblemKind::Blob, &Soundness::Missing);
        assert_eq!(findings.standing(), Standing::Incomplete);
    }
}
