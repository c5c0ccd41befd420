//! Copies an image's referrers: signatures, SBOMs, attestations, and their own referrers.
//!
//! Also for images that the target had already: a signature may be younger than its image.

use std::collections::HashSet;
use std::sync::Arc;

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use oci::{Descriptor, Digest, MediaType, TagOrDigest, referrers_tag};

use super::below::{Below, Subjects, subjects, way};
use super::walk::Walk;
use crate::endpoint::Kept;
use crate::plan::wanted::WantedReferrers;
use crate::{AttestationPolicy, Error, Mode, Operation, Outcome, ReferrerPolicy, SkipReason};

/// Chains of referrers deeper than this are treated as an attack.
const DEEPEST: usize = 5;
/// How many subjects have their referrers listed and copied in parallel.
const SUBJECTS_AT_ONCE: usize = 16;

/// Copies the referrers of an image that the target now has. If that fails, the image fails: its tag stays, and the
/// next run continues here.
pub(super) async fn copy_referrers(walk: &Walk, outcome: Outcome) -> Outcome {
    let wanted = walk.image.planned.wanted.referrers;
    let standing = standing(&outcome).filter(|_| wanted.are_looked_up());
    let Some(digest) = standing.cloned() else { return outcome };
    let is_new = matches!(outcome, Outcome::Copied { .. });
    match bring_wanted(walk, &digest, is_new, wanted).await {
        Ok(()) => outcome,
        Err(error) => Outcome::Failed(error),
    }
}

/// Copies the referrers of an image and of everything below it. Images of this run that are the same manifest share
/// that, and the state notes what lies below the image.
async fn bring_wanted(
    walk: &Walk,
    digest: &Digest,
    is_new: bool,
    wanted: WantedReferrers,
) -> Result<(), Arc<Error>> {
    let Subjects { digests, below } = subjects(walk, digest, is_new, wanted).await?;
    let (run, target) = (&walk.run, &walk.copy.target);
    let brought = bring_all(walk, digests, wanted);
    match below {
        Below::Noted => brought.await?,
        Below::Nothing => {
            brought.await?;
            run.state.note_nothing_below(digest);
        }
        Below::Wanted => {
            let way = way(walk, wanted);
            let key = (target.store().clone(), target.repository().clone(), digest.clone(), way.clone());
            run.brought.get(key, &walk.copy.activity, brought).await?;
            run.state.note_brought_below((target.store(), target.repository()), digest, &way);
        }
    }
    walk.copy.failure().cloned().map_or(Ok(()), Err)
}

async fn bring_all(walk: &Walk, roots: Vec<Digest>, wanted: WantedReferrers) -> Result<(), Arc<Error>> {
    let mut levels = Levels::below(roots);
    while !walk.copy.has_failed()
        && let Some(level) = levels.next(walk, wanted).await?
    {
        walk.bring_level(level, wanted).await;
    }
    walk.copy.failure().cloned().map_or(Ok(()), Err)
}

/// The digest of an image that is at its target.
fn standing(outcome: &Outcome) -> Option<&Digest> {
    match outcome {
        Outcome::Copied { digest, .. } | Outcome::Skipped(SkipReason::Unchanged(digest)) => Some(digest),
        _ => None,
    }
}

/// The referrers of some images, level by level: the referrers of a referrer are known only when it is known itself.
pub(super) struct Levels {
    known: HashSet<Digest>,
    subjects: Vec<Digest>,
    depth: usize,
}

impl Levels {
    /// The levels below these images.
    pub(super) fn below(mut roots: Vec<Digest>) -> Self {
        let mut known = HashSet::new();
        roots.retain(|root| known.insert(root.clone()));
        Self { known, subjects: roots, depth: 0 }
    }

    /// The subjects of the next level, each with its referrers.
    pub(super) async fn next(
        &mut self,
        walk: &Walk,
        wanted: WantedReferrers,
    ) -> Result<Option<Vec<(Digest, Vec<Descriptor>)>>, Arc<Error>> {
        if self.subjects.is_empty() || self.depth == DEEPEST {
            return Ok(None);
        }
        self.depth += 1;
        let mut subjects = std::mem::take(&mut self.subjects);
        // A refused subject is not at the target, so its referrers are not copied.
        subjects.retain(|subject| !walk.is_refused(subject));
        let found = walk.referrers_of(&subjects, wanted).await?;
        let mut level = Vec::new();
        for (subject, mut referrers) in subjects.into_iter().zip(found) {
            // Cycles of referrers are cut here.
            referrers.retain(|referrer| self.known.insert(referrer.digest.clone()));
            let referrers = walk.of_wanted_types(referrers).await?;
            self.subjects.extend(referrers.iter().map(|referrer| referrer.digest.clone()));
            level.push((subject, referrers));
        }
        Ok(Some(level))
    }
}

impl Walk {
    /// Lists the referrers of all subjects in parallel. The first subject is asked for alone: its answer shows how to
    /// ask the source for the others.
    async fn referrers_of(
        &self,
        subjects: &[Digest],
        wanted: WantedReferrers,
    ) -> Result<Vec<Vec<Descriptor>>, Arc<Error>> {
        let Some((first, others)) = subjects.split_first() else { return Ok(Vec::new()) };
        let mut found = vec![self.referrers(first, wanted).await?];
        let others: Vec<_> = others.iter().map(|subject| self.referrers(subject, wanted)).collect();
        let others = stream::iter(others).buffered(SUBJECTS_AT_ONCE).try_collect::<Vec<_>>().await?;
        found.extend(others);
        Ok(found)
    }

    /// Copies the referrers of all subjects in parallel. The referrers of one subject are copied in their order, so
    /// that lists under referrers tags come out the same each time. The first subject goes alone: the target's
    /// answers show how to ask it for the others.
    async fn bring_level(&self, mut level: Vec<(Digest, Vec<Descriptor>)>, wanted: WantedReferrers) {
        if let Some(first) = level.iter().position(|(_, referrers)| !referrers.is_empty()) {
            let (subject, referrers) = level.remove(first);
            self.bring_referrers(&subject, referrers, wanted).await;
        }
        let others: Vec<_> = level
            .iter()
            .map(|(subject, referrers)| self.bring_referrers(subject, referrers.clone(), wanted))
            .collect();
        stream::iter(others).buffer_unordered(SUBJECTS_AT_ONCE).collect::<()>().await;
    }

    async fn bring_referrers(&self, subject: &Digest, referrers: Vec<Descriptor>, wanted: WantedReferrers) {
        for referrer in referrers {
            self.bring_referrer(subject, referrer).await;
        }
        if wanted == WantedReferrers::All {
            self.bring_cosign_tags(subject).await;
        }
    }

    /// The referrers of `subject` at the source.
    async fn referrers(
        &self,
        subject: &Digest,
        wanted: WantedReferrers,
    ) -> Result<Vec<Descriptor>, Arc<Error>> {
        // If all tags are copied, the referrers tags and all manifests in their lists are copied, too.
        let lists_come =
            wanted == WantedReferrers::Untagged && self.policy().referrers == ReferrerPolicy::Copy;
        let no_tag = lists_come || self.source_lacks(&referrers_tag(subject));
        let kept = if no_tag { Kept::ByRegistry } else { Kept::Anywhere };
        let ask = async || {
            let mut read = self.copy.list_read(&self.run).await;
            let asked = self.source.referrers(subject, kept).await;
            if let Ok(listed) = &asked {
                read.takes(listed.iter().map(Descriptor::bytes_held).sum());
            }
            asked.map_err(|cause| self.source_error(Operation::ListReferrers(subject.clone()), cause))
        };
        let asked = self.run.retrying(&self.copy, ask);
        if !matches!(self.run.mode, Mode::Verify(_)) {
            return asked.await;
        }
        // A repaired image is verified twice, and some images have two references.
        let question = (Arc::<str>::from(self.source.name()), subject.clone(), kept);
        let listed = async { asked.await.map(Arc::<[Descriptor]>::from) };
        Ok(self.run.inspected.referrers.get(question, &self.copy.activity, listed).await?.to_vec())
    }

    /// Whether a referrer is left out: it is an attestation that the target refuses, and the rule drops these.
    async fn is_left_behind(&self, referrer: &Descriptor) -> bool {
        let may_be = self.policy().attestations == AttestationPolicy::Drop && referrer.is_attestation();
        if may_be && !self.is_refused(&referrer.digest) {
            self.or_fail(self.bring_attestation(referrer).await);
        }
        let is_left = self.is_refused(&referrer.digest);
        self.copy.amounts.referrers_left(u64::from(is_left));
        is_left
    }

    pub(super) async fn bring_referrer(&self, subject: &Digest, referrer: Descriptor) {
        if self.is_left_behind(&referrer).await {
            return;
        }
        let is_new = self.clone().ensure_child(referrer.clone()).await;
        let copy = &self.copy;
        if copy.has_failed() {
            return;
        }
        let list = async || {
            let listed = copy.target.list_referrer(subject, &referrer).await;
            listed.map_err(|cause| copy.target_error(Operation::ListReferrer(subject.clone()), cause))
        };
        let listed = self.or_fail(self.run.retrying(copy, list).await);
        if listed.is_some() && is_new {
            copy.amounts.referrer();
        }
    }

    /// The referrers whose types the rule wants. The others are counted as left out, and their own referrers are not
    /// listed.
    async fn of_wanted_types(&self, referrers: Vec<Descriptor>) -> Result<Vec<Descriptor>, Arc<Error>> {
        let ReferrerPolicy::ByType(types) = &self.policy().referrers else { return Ok(referrers) };
        let (all, mut wanted) = (referrers.len(), Vec::new());
        for referrer in referrers {
            if types.accepts(&self.artifact_type(&referrer).await?) {
                wanted.push(referrer);
            }
        }
        self.copy.amounts.referrers_left((all - wanted.len()) as u64);
        Ok(wanted)
    }

    /// The artifact type of a referrer. Lists under referrers tags may lack it; then it is read from the manifest.
    async fn artifact_type(&self, referrer: &Descriptor) -> Result<String, Arc<Error>> {
        let told = referrer.artifact_type.as_ref().map(MediaType::as_str);
        if let Some(told) = told.filter(|told| !told.is_empty()) {
            return Ok(told.to_owned());
        }
        let reference = TagOrDigest::Digest(referrer.digest.clone());
        let manifest = self.read_manifest(&reference).await?;
        let read = manifest.artifact_type().map_err(|source| self.unusable(&referrer.digest, source))?;
        Ok(read.map(|artifact_type| artifact_type.as_str().to_owned()).unwrap_or_default())
    }

    /// Counts the referrers of an index whose unwanted platforms are left out. They are not copied, because the
    /// target does not get their subject. Replaces the request for the new digest, which the source does not have.
    pub(super) async fn count_left(&self, whole: &Digest, wanted: WantedReferrers) {
        let Some(found) = self.or_fail(self.referrers(whole, wanted).await) else { return };
        let mut left = found.len() as u64;
        if wanted == WantedReferrers::All {
            left += self.number_there(self.possible_cosign_tags(whole)).await;
        }
        self.copy.amounts.referrers_left(left);
    }

    /// Counts the referrers of children that the target does not get.
    pub(super) async fn count_left_of(&self, absent: &HashSet<Digest>, wanted: WantedReferrers) {
        if !wanted.are_looked_up() {
            return;
        }
        let absent: Vec<_> = absent.iter().cloned().collect();
        // The number is only reported.
        let left = self
            .referrers_of(&absent, wanted)
            .await
            .map(|found| found.iter().map(Vec::len).sum::<usize>())
            .unwrap_or_default();
        self.copy.amounts.referrers_left(left as u64);
    }
}
