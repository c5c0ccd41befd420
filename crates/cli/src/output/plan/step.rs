//! One step of a plan: one image at one target.

use std::sync::Arc;

use oci::Digest;
use serde::{Deserialize, Serialize};
use sync::{Action, Decision, Image, Load, LoadedBlob, Policy, Splittable, Task, WantedReferrers};

/// A step, as in a plan file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Step {
    /// The first rule that asked for it: its place in `rules`, from 0.
    pub(crate) rule: usize,
    #[serde(flatten)]
    pub(crate) image: Arc<Image>,
    pub(crate) source_digest: Option<Digest>,
    pub(crate) target_digest: Option<Digest>,
    pub(crate) result_digest: Option<Digest>,
    pub(crate) action: Action,
    /// Bytes of blobs that this step sends, and no earlier step.
    #[serde(default)]
    pub(crate) bytes: u64,
    /// Bytes of blobs that another repository of the registry has, or gets by an earlier step.
    #[serde(default)]
    pub(crate) bytes_mounted: u64,
    /// The number of signatures, SBOMs and other referrers that it copies.
    #[serde(default)]
    pub(crate) referrers: usize,
    pub(crate) note: Option<String>,
    /// Set if it differs from the rule's policy, because other rules asked for the same copy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) policy: Option<Arc<Policy>>,
    /// The referrers that it copies, if others have their own steps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) referrers_wanted: Option<WantedReferrers>,
    /// The shard that carries it out, counted from 1, if the plan is divided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) shard: Option<usize>,
}

impl Step {
    /// Source repository and image, for the division into shards.
    pub(crate) fn splittable(&self) -> (Arc<str>, Splittable) {
        let digest = self.source_digest.clone();
        let (repository, reference) = (self.image.target.clone(), self.image.source_reference.clone());
        (self.image.source.clone(), Splittable { repository, reference, digest, bytes: self.bytes })
    }

    /// The task for this step; for an unchanged image, the task to check that the target still has it. `None` if the digest is unknown.
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

/// A step as it was found, before the blobs of other steps are known.
#[derive(Serialize, Deserialize)]
pub(super) struct Found {
    #[serde(flatten)]
    pub(super) step: Step,
    pub(super) blobs: Vec<Blob>,
    pub(super) manifests: usize,
    /// Blobs that the target is asked for although it does not lack them.
    pub(super) looks: Vec<Digest>,
}

/// A blob that the target repository lacks, with its size.
#[derive(Serialize, Deserialize)]
pub(super) struct Blob(pub(super) Digest, pub(super) u64, pub(super) Held);

/// Whether another repository of the registry has a blob, by the state file.
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
    /// `policy` is the policy of its rule.
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
