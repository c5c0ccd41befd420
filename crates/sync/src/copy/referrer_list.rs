//! Lists of referrers under tags that come along as the tags that they are, from a source that keeps lists itself, too.
//!
//! Either may have what the other lacks. A target that keeps no lists has nothing but the tag, so that gets both: what
//! stands under it at the source, and behind that what else the source tells. Whoever adds single referrers to the tag
//! meanwhile adds what is in it anyway.

use std::collections::HashSet;
use std::sync::Arc;

use oci::{Descriptor, Digest, ManifestError, MediaType, RawManifest, TagOrDigest, is_referrers_tag};

use super::at_target::Standing;
use super::manifest::{Walk, of_all};
use crate::endpoint::Kept;
use crate::engine::run::Lane;
use crate::plan::discover::WantedReferrers;
use crate::plan::referrer_tags;
use crate::{Cause, Operation};

/// The list, with what it lacks.
struct Completed {
    list: RawManifest,
    /// One of those that were added.
    added: Descriptor,
}

impl Walk {
    /// Splits off the lanes whose targets need a list with more in it than stands under its tag at the source.
    pub(super) async fn split_by_list(
        &self,
        list: &RawManifest,
        wanted: WantedReferrers,
        lanes: Vec<Standing>,
    ) -> (Vec<Standing>, Option<(RawManifest, Vec<Standing>)>) {
        let subject = lanes.iter().find_map(|(lane, _)| subject_of(lane.reference()));
        let Some(subject) = subject.filter(|_| wanted != WantedReferrers::None && is_list(list)) else {
            return (lanes, None);
        };
        let all: Vec<_> = lanes.iter().map(|(lane, _)| lane.clone()).collect();
        let Some(Completed { list, added }) = self.completed(list, &subject, &all).await else {
            return (lanes, None);
        };
        let (mut plain, mut need) = (Vec::new(), Vec::new());
        for (lane, at_target) in lanes {
            let is_same = subject_of(lane.reference()).is_some_and(|other| other == subject);
            let needs = is_same && self.has_tag_alone(&lane, &subject, &added).await;
            if needs { &mut need } else { &mut plain }.push((lane, at_target));
        }
        (plain, Some((list, need)))
    }

    /// The list with what else the source tells, where that is something. If it cannot be told, all `lanes` have failed.
    async fn completed(
        &self,
        list: &RawManifest,
        subject: &Digest,
        lanes: &[Arc<Lane>],
    ) -> Option<Completed> {
        let lane = lanes.first()?;
        let ask = async || {
            let asked = self.source.referrers(subject, Kept::ByRegistry).await;
            asked.map_err(|cause| self.source_error(Operation::ListReferrers(subject.clone()), cause))
        };
        let told = of_all(self.run.retrying(lane, ask).await, lanes)?;
        let completed = complete(list, &told).map_err(|source| {
            let digest = Box::new(list.digest().clone());
            let cause = Cause::Manifest { digest, source: Box::new(source) };
            Arc::new(self.source_error(Operation::ListReferrers(subject.clone()), cause))
        });
        of_all(completed, lanes)?
    }

    /// Whether the tag is all that tells of referrers at a lane's target.
    async fn has_tag_alone(&self, lane: &Lane, subject: &Digest, added: &Descriptor) -> bool {
        let ask = async || {
            let asked = lane.target.lists_referrer(subject, added).await;
            asked.map_err(|cause| lane.target_error(Operation::ListReferrer(subject.clone()), cause))
        };
        match self.run.retrying(lane, ask).await {
            Ok(lists) => !lists,
            Err(error) => {
                lane.fail(error);
                false
            }
        }
    }
}

/// What a list is about, by the tag that it gets.
fn subject_of(reference: &TagOrDigest) -> Option<Digest> {
    match reference {
        TagOrDigest::Tag(tag) if is_referrers_tag(tag) => referrer_tags::subject(tag),
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
