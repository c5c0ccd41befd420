//! Brings what refers to an image: signatures, SBOMs, attestations, and what refers to those.
//!
//! Also for images that were there already: a signature may be younger than its image. Of an index that was there
//! already only the index itself is asked for: its children would take a read of it each time.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use oci::cosign_tags;
use oci::{Descriptor, Digest, TagOrDigest};

use super::manifest::{Walk, of_all};
use crate::discover::WantedReferrers;
use crate::endpoint::Kept;
use crate::run::Lane;
use crate::{Operation, Outcome, SkipReason};

/// Referrers of referrers deeper than this are an attack.
const DEEPEST: usize = 5;

type Ended = Vec<(Arc<Lane>, Outcome)>;

/// Copies the referrers of images that stand at their targets now. Where that fails, the image has failed: its tag
/// stands, and the next run goes on here.
pub(super) async fn copy_referrers(walk: &Walk, wanted: WantedReferrers, ended: Ended) -> Ended {
    let mut by_digest: HashMap<Digest, Vec<Arc<Lane>>> = HashMap::new();
    for (lane, outcome) in &ended {
        if let Some(digest) = standing(outcome) {
            by_digest.entry(digest.clone()).or_default().push(lane.clone());
        }
    }
    for (digest, lanes) in by_digest {
        if wanted == WantedReferrers::Untagged && is_bare(walk, &digest, &ended).await {
            continue;
        }
        let mut roots = walk.met();
        match walk.whole() {
            Some(whole) => walk.count_left(whole, wanted, &lanes).await,
            None => roots.insert(0, digest),
        }
        below(walk, wanted, roots, &lanes).await;
    }
    let mark = |(lane, outcome): (Arc<Lane>, Outcome)| {
        let failed = lane.failure().cloned().filter(|_| standing(&outcome).is_some());
        (lane, failed.map_or(outcome, Outcome::Failed))
    };
    ended.into_iter().map(mark).collect()
}

/// Whether an image was at all its targets before, and the source told with all others that nothing refers to it.
async fn is_bare(walk: &Walk, digest: &Digest, ended: &Ended) -> bool {
    let copied = |outcome: &Outcome| matches!(outcome, Outcome::Copied { digest: new, .. } if new == digest);
    if ended.iter().any(|(_, outcome)| copied(outcome)) {
        // Its children were met, too, and these are in no list.
        return false;
    }
    let digest = walk.whole().unwrap_or(digest);
    walk.source.bulk_tags().await.is_some_and(|known| known.bare.contains(digest))
}

/// The digest of an image that is at its target.
fn standing(outcome: &Outcome) -> Option<&Digest> {
    match outcome {
        Outcome::Copied { digest, .. } | Outcome::Skipped(SkipReason::Unchanged(digest)) => Some(digest),
        _ => None,
    }
}

async fn below(walk: &Walk, wanted: WantedReferrers, roots: Vec<Digest>, lanes: &[Arc<Lane>]) {
    let mut known: HashSet<Digest> = roots.iter().cloned().collect();
    let mut level = roots;
    for _ in 0..DEEPEST {
        let mut next = Vec::new();
        for subject in level {
            let Some(found) = walk.referrers(&subject, wanted, lanes).await else { return };
            for referrer in found {
                // What lists itself among its referrers, by however many steps, is not followed.
                if known.insert(referrer.digest.clone()) {
                    next.push(referrer.digest.clone());
                    walk.bring_referrer(&subject, referrer, lanes).await;
                }
            }
            if wanted == WantedReferrers::All {
                walk.bring_cosign_tags(&subject, lanes).await;
            }
        }
        if next.is_empty() {
            return;
        }
        level = next;
    }
}

impl Walk {
    /// What refers to `subject` at the source; if that cannot be told, it has failed for all `lanes`.
    async fn referrers(
        &self,
        subject: &Digest,
        wanted: WantedReferrers,
        lanes: &[Arc<Lane>],
    ) -> Option<Vec<Descriptor>> {
        let image = &lanes.first()?.image;
        // Where all tags come along, so do those under which clients keep lists, and all that stands in these.
        let kept = if wanted == WantedReferrers::Untagged { Kept::ByRegistry } else { Kept::Anywhere };
        let ask = async || {
            let asked = self.source.referrers(subject, kept).await;
            asked.map_err(|cause| self.source_error(Operation::ListReferrers(subject.clone()), cause))
        };
        of_all(self.run.retrying(image, ask).await, lanes)
    }

    async fn bring_referrer(&self, subject: &Digest, referrer: Descriptor, lanes: &[Arc<Lane>]) {
        let stored = self.clone().ensure_child(referrer.clone(), lanes.to_vec()).await;
        for lane in lanes.iter().filter(|lane| !lane.has_failed()) {
            let list = async || {
                let listed = lane.target.list_referrer(subject, &referrer).await;
                listed.map_err(|cause| lane.target_error(Operation::ListReferrer(subject.clone()), cause))
            };
            match self.run.retrying(&lane.image, list).await {
                Ok(()) if stored.iter().any(|other| Arc::ptr_eq(other, lane)) => lane.amounts.referrer(),
                Ok(()) => {}
                Err(error) => lane.fail(error),
            }
        }
    }

    /// Older signatures stand under tags that are made from their subject's digest.
    async fn bring_cosign_tags(&self, subject: &Digest, lanes: &[Arc<Lane>]) {
        for tag in cosign_tags(subject) {
            let reference = TagOrDigest::Tag(tag);
            let Some(lane) = lanes.first() else { return };
            let ask = async || {
                let asked = self.source.resolve(&reference).await;
                asked.map_err(|cause| self.source_error(Operation::Resolve(reference.clone()), cause))
            };
            let asked = self.run.retrying(&lane.image, ask).await;
            let Some(Some(digest)) = of_all(asked, lanes) else { continue };
            self.bring_tag(&reference, &digest, lanes).await;
        }
    }

    /// Counts what refers to an image of which platforms are left out. It stays behind: the target does not get what it
    /// refers to. The source is asked in place of the question for the new digest, which it does not have.
    async fn count_left(&self, whole: &Digest, wanted: WantedReferrers, lanes: &[Arc<Lane>]) {
        let Some(found) = self.referrers(whole, wanted, lanes).await else { return };
        let mut left = found.len() as u64;
        if wanted == WantedReferrers::All {
            for tag in cosign_tags(whole) {
                // Nothing depends on the answer but the number.
                left += u64::from(matches!(self.source.resolve(&TagOrDigest::Tag(tag)).await, Ok(Some(_))));
            }
        }
        for lane in lanes {
            lane.amounts.referrers_left(left);
        }
    }

    async fn bring_tag(&self, reference: &TagOrDigest, digest: &Digest, lanes: &[Arc<Lane>]) {
        let mut missing = Vec::new();
        for lane in lanes.iter().filter(|lane| !lane.has_failed()) {
            // An error here is no reason to fail: the push will tell.
            if !matches!(lane.target.resolve(reference).await, Ok(Some(there)) if there == *digest) {
                missing.push(lane.clone());
            }
        }
        let by_digest = TagOrDigest::Digest(digest.clone());
        let Some(manifest) = self.read_manifest(&by_digest, &missing).await else { return };
        if self.copy_links(&manifest, &missing).await {
            for lane in missing {
                self.store(&manifest, reference, lane.clone(), None).await;
                if !lane.has_failed() {
                    lane.amounts.referrer();
                }
            }
        }
    }
}
