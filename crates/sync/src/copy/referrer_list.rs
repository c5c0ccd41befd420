//! Referrers tags that are copied as tags, from a source that also has a referrers API.
//!
//! The tag's list and the API may each have entries that the other lacks. A target without the API has only the tag,
//! so its list gets both: the entries of the source's tag, then the API's other entries. A client that adds single
//! referrers to the target's tag meanwhile adds entries that the list has anyway.

use std::collections::HashSet;
use std::sync::Arc;

use oci::{Descriptor, Digest, ManifestError, MediaType, RawManifest, TagOrDigest, is_referrers_tag};

use super::walk::Walk;
use crate::endpoint::Kept;
use crate::plan::wanted::WantedReferrers;
use crate::rule::referrer_tag::subject;
use crate::{Cause, Error, Operation, ReferrerPolicy};

impl Walk {
    /// The list with the entries that it lacks at the source, if the copy's target needs that; else the manifest as it is.
    pub(super) async fn with_what_it_lacks(
        &self,
        manifest: RawManifest,
        wanted: WantedReferrers,
    ) -> Result<RawManifest, Arc<Error>> {
        let subject = subject_of(self.copy.reference());
        // If the rule selects artifact types, a list is copied only if the rule names its tag, and unchanged.
        let takes_all =
            wanted != WantedReferrers::None && !matches!(self.policy().referrers, ReferrerPolicy::ByType(_));
        let Some(subject) = subject.filter(|_| takes_all && is_list(&manifest)) else {
            return Ok(manifest);
        };
        let unusable = |source| {
            let digest = Box::new(manifest.digest().clone());
            let cause = Cause::Manifest { digest, source: Box::new(source) };
            Arc::new(self.source_error(Operation::ListReferrers(subject.clone()), cause))
        };
        let missing = missing(&manifest, self.told(&subject).await?).map_err(unusable)?;
        match missing.first() {
            Some(first) if self.has_tag_alone(&subject, first).await? => {
                manifest.with_more(&missing).map_err(unusable)
            }
            _ => Ok(manifest),
        }
    }

    /// The entries of the API.
    async fn told(&self, subject: &Digest) -> Result<Vec<Descriptor>, Arc<Error>> {
        let ask = async || {
            let asked = self.source.referrers(subject, Kept::ByRegistry).await;
            asked.map_err(|cause| self.source_error(Operation::ListReferrers(subject.clone()), cause))
        };
        self.run.retrying(&self.copy, ask).await
    }

    /// Whether the target has referrers tags only.
    async fn has_tag_alone(&self, subject: &Digest, added: &Descriptor) -> Result<bool, Arc<Error>> {
        let copy = &self.copy;
        let ask = async || {
            let asked = copy.target.lists_referrer(subject, added).await;
            asked.map_err(|cause| copy.target_error(Operation::ListReferrer(subject.clone()), cause))
        };
        Ok(!self.run.retrying(copy, ask).await?)
    }
}

/// The subject of a list, from its tag.
fn subject_of(reference: &TagOrDigest) -> Option<Digest> {
    match reference {
        TagOrDigest::Tag(tag) if is_referrers_tag(tag) => subject(tag),
        _ => None,
    }
}

fn is_list(manifest: &RawManifest) -> bool {
    *manifest.media_type() == MediaType::OCI_INDEX
}

/// The entries that the list lacks, each once, in the order of the API's answer.
fn missing(list: &RawManifest, mut told: Vec<Descriptor>) -> Result<Vec<Descriptor>, ManifestError> {
    let mut known: HashSet<_> = list.links()?.manifests.into_iter().map(|entry| entry.digest).collect();
    told.retain(|referrer| known.insert(referrer.digest.clone()));
    Ok(told)
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
            list.with_more(&missing(&list, told).unwrap()).unwrap()
        };
        assert_eq!(completed(&[]).bytes(), list.bytes());
        assert_eq!(completed(&["a", "b"]).bytes(), list.bytes(), "the bytes stay as they were");
        let expected = RawManifest::index_of(&[entry("b"), entry("a"), entry("d"), entry("c")]);
        assert_eq!(completed(&["a", "d", "c", "d"]).bytes(), expected.bytes());
    }
}
