//! Brings what refers to an image: signatures, SBOMs, attestations, and what refers to those.
//!
//! Also for images that were there already: a signature may be younger than its image. Of an index that was there
//! already only the index itself is asked for: its children would take a read of it each time.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use oci::{Descriptor, Digest, TagOrDigest, cosign_tags};

use super::manifest::{Walk, of_all};
use crate::endpoint::Kept;
use crate::engine::run::Lane;
use crate::plan::discover::WantedReferrers;
use crate::{Operation, Outcome, SkipReason};

/// Referrers of referrers deeper than this are an attack.
const DEEPEST: usize = 5;
/// So many subjects have their referrers listed, and brought, side by side.
const SUBJECTS_AT_ONCE: usize = 16;

/// Every lane has failed, and knows why.
struct AllFailed;

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

/// Level by level, because what refers to a referrer is known only when that is.
async fn below(walk: &Walk, wanted: WantedReferrers, roots: Vec<Digest>, lanes: &[Arc<Lane>]) {
    let (mut known, mut level) = (HashSet::new(), roots);
    level.retain(|root| known.insert(root.clone()));
    for _ in 0..DEEPEST {
        let Some(found) = walk.referrers_of(&level, wanted, lanes).await else { return };
        let mut below = Vec::new();
        for (subject, mut referrers) in level.into_iter().zip(found) {
            // What lists itself among its referrers, by however many steps, is not followed.
            referrers.retain(|referrer| known.insert(referrer.digest.clone()));
            below.push((subject, referrers));
        }
        level = below.iter().flat_map(|(_, referrers)| referrers).map(|found| found.digest.clone()).collect();
        walk.bring_level(below, wanted, lanes).await;
        if level.is_empty() || lanes.iter().all(|lane| lane.has_failed()) {
            return;
        }
    }
}

impl Walk {
    /// What refers to each subject, side by side. The first is asked for alone: its answer says how the source is to be
    /// asked for the others.
    async fn referrers_of(
        &self,
        subjects: &[Digest],
        wanted: WantedReferrers,
        lanes: &[Arc<Lane>],
    ) -> Option<Vec<Vec<Descriptor>>> {
        let Some((first, others)) = subjects.split_first() else { return Some(Vec::new()) };
        let mut found = vec![self.referrers(first, wanted, lanes).await?];
        let ask = async |subject| self.referrers(subject, wanted, lanes).await.ok_or(AllFailed);
        let others: Vec<_> = others.iter().map(ask).collect();
        let others = stream::iter(others).buffered(SUBJECTS_AT_ONCE).try_collect::<Vec<_>>().await;
        found.extend(others.ok()?);
        Some(found)
    }

    /// Brings what refers to each subject, side by side; what refers to one and the same in its order, so that lists that
    /// are kept under tags are the same each time. The first is brought alone: the targets' answers say how they are
    /// to be asked about the others.
    async fn bring_level(
        &self,
        mut level: Vec<(Digest, Vec<Descriptor>)>,
        wanted: WantedReferrers,
        lanes: &[Arc<Lane>],
    ) {
        if let Some(first) = level.iter().position(|(_, referrers)| !referrers.is_empty()) {
            let (subject, referrers) = level.remove(first);
            self.bring_referrers(&subject, referrers, wanted, lanes).await;
        }
        let others: Vec<_> = level
            .iter()
            .map(|(subject, referrers)| self.bring_referrers(subject, referrers.clone(), wanted, lanes))
            .collect();
        stream::iter(others).buffer_unordered(SUBJECTS_AT_ONCE).collect::<()>().await;
    }

    async fn bring_referrers(
        &self,
        subject: &Digest,
        referrers: Vec<Descriptor>,
        wanted: WantedReferrers,
        lanes: &[Arc<Lane>],
    ) {
        for referrer in referrers {
            self.bring_referrer(subject, referrer, lanes).await;
        }
        if wanted == WantedReferrers::All {
            self.bring_cosign_tags(subject, lanes).await;
        }
    }

    /// What refers to `subject` at the source; if that cannot be told, it has failed for all `lanes`.
    async fn referrers(
        &self,
        subject: &Digest,
        wanted: WantedReferrers,
        lanes: &[Arc<Lane>],
    ) -> Option<Vec<Descriptor>> {
        let lane = lanes.first()?;
        // Where all tags come along, so do those under which clients keep lists, and all that stands in these.
        let kept = if wanted == WantedReferrers::Untagged { Kept::ByRegistry } else { Kept::Anywhere };
        let ask = async || {
            let asked = self.source.referrers(subject, kept).await;
            asked.map_err(|cause| self.source_error(Operation::ListReferrers(subject.clone()), cause))
        };
        of_all(self.run.retrying(lane, ask).await, lanes)
    }

    async fn bring_referrer(&self, subject: &Digest, referrer: Descriptor, lanes: &[Arc<Lane>]) {
        let stored = self.clone().ensure_child(referrer.clone(), lanes.to_vec()).await;
        for lane in lanes.iter().filter(|lane| !lane.has_failed()) {
            let list = async || {
                let listed = lane.target.list_referrer(subject, &referrer).await;
                listed.map_err(|cause| lane.target_error(Operation::ListReferrer(subject.clone()), cause))
            };
            match self.run.retrying(lane, list).await {
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
            let asked = self.run.retrying(lane, ask).await;
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
