//! Lists of referrers under tags that come along as the tags that they are, from a source that keeps lists itself, too.
//!
//! Either may have what the other lacks. A target that keeps no lists has nothing but the tag, so that gets both: what
//! stands under it at the source, and behind that what else the source tells. Whoever adds single referrers to the tag
//! meanwhile adds what is in it anyway.

use std::collections::HashSet;
use std::sync::Arc;

use oci::{Descriptor, Digest, ManifestError, MediaType, RawManifest, TagOrDigest, is_referrers_tag};

use super::walk::Walk;
use crate::endpoint::Kept;
use crate::plan::wanted::WantedReferrers;
use crate::rule::referrer_tag::subject;
use crate::{Cause, Error, Operation, ReferrerPolicy};

/// The list, with what it lacks.
struct Completed {
    list: RawManifest,
    /// One of those that were added.
    added: Descriptor,
}

impl Walk {
    /// The list with more in it than stands under its tag at the source, where the copy's target needs that; else the
    /// manifest as it is.
    pub(super) async fn with_what_it_lacks(
        &self,
        manifest: RawManifest,
        wanted: WantedReferrers,
    ) -> Result<RawManifest, Arc<Error>> {
        let subject = subject_of(self.copy.reference());
        // Where kinds are chosen, a list is copied only where a rule names its tag: as it is.
        let takes_all =
            wanted != WantedReferrers::None && !matches!(self.policy().referrers, ReferrerPolicy::ByType(_));
        let Some(subject) = subject.filter(|_| takes_all && is_list(&manifest)) else {
            return Ok(manifest);
        };
        Ok(match self.completed(&manifest, &subject).await? {
            Some(Completed { list, added }) if self.has_tag_alone(&subject, &added).await? => list,
            _ => manifest,
        })
    }

    /// The list with what else the source tells, where that is something.
    async fn completed(&self, list: &RawManifest, subject: &Digest) -> Result<Option<Completed>, Arc<Error>> {
        let ask = async || {
            let asked = self.source.referrers(subject, Kept::ByRegistry).await;
            asked.map_err(|cause| self.source_error(Operation::ListReferrers(subject.clone()), cause))
        };
        let told = self.run.retrying(&self.copy, ask).await?;
        complete(list, &told).map_err(|source| {
            let digest = Box::new(list.digest().clone());
            let cause = Cause::Manifest { digest, source: Box::new(source) };
            Arc::new(self.source_error(Operation::ListReferrers(subject.clone()), cause))
        })
    }

    /// Whether the tag is all that tells of referrers at the copy's target.
    async fn has_tag_alone(&self, subject: &Digest, added: &Descriptor) -> Result<bool, Arc<Error>> {
        let copy = &self.copy;
        let ask = async || {
            let asked = copy.target.lists_referrer(subject, added).await;
            asked.map_err(|cause| copy.target_error(Operation::ListReferrer(subject.clone()), cause))
        };
        Ok(!self.run.retrying(copy, ask).await?)
    }
}

/// What a list is about, by the tag that it gets.
fn subject_of(reference: &TagOrDigest) -> Option<Digest> {
    match reference {
        TagOrDigest::Tag(tag) if is_referrers_tag(tag) => subject(tag),
        _ => None,
    }
}

fn is_list(manifest: &RawManifest) -> bool {
    *manifest.media_type() == MediaType::OCI_INDEX
}

/// The list as it was written, and behind its entries those that it lacks, in the order in which they were told.
fn complete(list: &RawManifest, told: &[Descriptor]) -> Result<Option<Completed>, ManifestError> {
    let mut known: HashSet<_> = list.links()?.manifests.into_iter().map(|entry| entry.digest).collect();
    let mut completed: Option<Completed> = None;
    for referrer in told {
        if !known.insert(referrer.digest.clone()) {
            continue;
        }
        let before = completed.as_ref().map_or(list, |completed| &completed.list);
        completed = Some(Completed { list: before.with_child(referrer)?, added: referrer.clone() });
    }
    Ok(completed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str) -> Descriptor {
        Descriptor::new(Some(MediaType::OCI_MANIFEST), Digest::sha256(name.as_bytes()), Some(1))
    }

    #[test]
    fn e28_a_list_gets_what_it_lacks_behind_what_it_has() {
        let list = RawManifest::index_of(&[entry("b"), entry("a")]);
        let completed = |told: &[&str]| {
            let told: Vec<_> = told.iter().map(|name| entry(name)).collect();
            complete(&list, &told).unwrap().map(|completed| completed.list)
        };
        assert!(completed(&[]).is_none());
        assert!(completed(&["a", "b"]).is_none(), "the bytes stay as they were");
        let expected = RawManifest::index_of(&[entry("b"), entry("a"), entry("d"), entry("c")]);
        assert_eq!(completed(&["a", "d", "c", "d"]).unwrap().bytes(), expected.bytes());
    }
}
