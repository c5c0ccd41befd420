//! One step of a plan: what becomes of one image at one target.

use std::sync::Arc;

use oci::Digest;
use serde::{Deserialize, Serialize};
use sync::{Action, Decision, Image, Load, LoadedBlob, Policy, Splittable, Task, WantedReferrers};

/// A step as a plan file has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Step {
    /// The rule that asked for it first: its place in `rules`, from 0.
    pub(crate) rule: usize,
    #[serde(flatten)]
    pub(crate) image: Arc<Image>,
    pub(crate) source_digest: Option<Digest>,
    pub(crate) target_digest: Option<Digest>,
    pub(crate) result_digest: Option<Digest>,
    pub(crate) action: Action,
    /// Blobs that are sent, and that no earlier step sends.
    #[serde(default)]
    pub(crate) bytes: u64,
    /// Blobs that another repository of the registry has, or gets by an earlier step.
    #[serde(default)]
    pub(crate) bytes_mounted: u64,
    /// How many signatures, SBOMs and other referrers come along.
    #[serde(default)]
    pub(crate) referrers: usize,
    pub(crate) note: Option<String>,
    /// Where it is not that of its rule: other rules asked for the same copy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) policy: Option<Arc<Policy>>,
    /// Which referrers it brings, where others have steps of their own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) referrers_wanted: Option<WantedReferrers>,
    /// Which shard carries it out, counted from 1, where the plan is divided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) shard: Option<usize>,
}

impl Step {
    /// As it is divided among shards: where it reads, and what it is.
    pub(crate) fn splittable(&self) -> (Arc<str>, Splittable) {
        let digest = self.source_digest.clone();
        let (repository, reference) = (self.image.target.clone(), self.image.source_reference.clone());
        (self.image.source.clone(), Splittable { repository, reference, digest, bytes: self.bytes })
    }

    /// What is left to do, or to look at: that the target still has what it had. `None` where nobody knows with which digest.
    pub(crate) fn task(self, policy: Arc<Policy>) -> Option<Task> {
        let Self { rule, image, source_digest, target_digest, result_digest, action, note, .. } = self;
        let referrers = self.referrers_wanted.unwrap_or_else(|| WantedReferrers::of(&policy));
        let decision = Decision {
            rule,
            image,
            source_digest,
            target_digest,
            result_digest,
            action,
            note,
            policy,
            referrers,
        };
        if action == Action::Unchanged { decision.recheck() } else { decision.task() }
    }
}

/// A step as it was found, before it is known what other steps bring.
#[derive(Serialize, Deserialize)]
pub(super) struct Found {
    #[serde(flatten)]
    pub(super) step: Step,
    pub(super) blobs: Vec<Blob>,
    pub(super) manifests: usize,
    /// What the target is asked for beside what it lacks.
    pub(super) looks: Vec<Digest>,
}

/// A blob that the target repository lacks, with its bytes.
#[derive(Serialize, Deserialize)]
pub(super) struct Blob(pub(super) Digest, pub(super) u64, pub(super) Held);

/// Whether another repository of the registry has a blob, as far as the state knows.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Held {
    Nowhere,
    Elsewhere,
}

impl Blob {
    fn new(blob: &LoadedBlob) -> Self {
        let held = if blob.held_by.is_some() { Held::Elsewhere } else { Held::Nowhere };
        Self(blob.digest.clone(), blob.size, held)
    }
}

impl Found {
    /// `policy` is that of its rule.
    pub(super) fn new(decision: &Decision, load: Option<&Load>, policy: Option<&Arc<Policy>>) -> Self {
        let Decision { rule, image, source_digest, target_digest, result_digest, action, note, .. } =
            decision.clone();
        let usual = WantedReferrers::of(&decision.policy);
        let referrers_wanted = (decision.referrers != usual).then_some(decision.referrers);
        let own = (policy != Some(&decision.policy)).then(|| decision.policy.clone());
        let blobs = load.into_iter().flat_map(|load| &load.blobs);
        let (referrers, manifests) = load.map_or((0, 0), |load| (load.referrers, load.manifests));
        let looks = load.map_or_else(Vec::new, |load| load.looks.clone());
        let (bytes, bytes_mounted) = (0, 0);
        Self {
            step: Step {
                rule,
                image,
                source_digest,
                target_digest,
                result_digest,
                action,
                bytes,
                bytes_mounted,
                referrers,
                note,
                policy: own,
                referrers_wanted,
                shard: None,
            },
            blobs: blobs.map(Blob::new).collect(),
            manifests,
            looks,
        }
    }
}
