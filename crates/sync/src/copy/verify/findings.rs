//! What was found wrong with an image, with what is needed to mend it.

use std::sync::Arc;

use oci::{Descriptor, Digest, TagOrDigest};

use crate::memory::inspected::Soundness;
use crate::{Error, Problem, ProblemKind, ProblemState, Standing};

/// What is wrong with an image below its name.
#[derive(Default)]
pub(super) struct Findings {
    pub(super) problems: Vec<Problem>,
    pub(super) blobs: Vec<Descriptor>,
    /// Below the root, those further down later.
    pub(super) manifests: Vec<Descriptor>,
    /// What refers to the image, or to something of it, with its subject: it is broken, or nothing leads to it.
    pub(super) referrers: Vec<(Digest, Descriptor)>,
    /// Lists under tags that are no lists any more, by their subjects, with what should stand in them.
    pub(super) lists: Vec<(Digest, Vec<Descriptor>)>,
    /// Names made of a subject's digest, with what they should point at.
    pub(super) tags: Vec<(TagOrDigest, Digest)>,
}

impl Findings {
    /// Notes what is wrong with something, if anything is. Says whether it has to be brought.
    pub(super) fn note(&mut self, digest: &Digest, kind: ProblemKind, found: &Soundness) -> bool {
        let Some((state, why)) = problem(found) else { return false };
        self.problems.push(Problem { digest: Some(digest.clone()), kind, state, why, instead: None });
        !matches!(found, Soundness::Misnamed(_))
    }

    /// How an image stands whose name is right.
    pub(super) fn standing(&self) -> Standing {
        let is_unread = |problem: &Problem| problem.state == ProblemState::Unreadable;
        match &self.problems[..] {
            [] => Standing::Whole,
            problems if problems.iter().all(is_unread) => Standing::Unreadable,
            _ => Standing::Incomplete,
        }
    }
}

/// What is wrong with something, and why.
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
