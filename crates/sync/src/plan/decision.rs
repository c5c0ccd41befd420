//! What has to be done for one image at one target: `plan` prints it, and a run carries it out.

use std::sync::Arc;

use oci::{Digest, RepositoryName};
use serde::{Deserialize, Serialize};

use crate::plan::expected::Expected;
use crate::plan::task::Task;
use crate::plan::wanted::WantedReferrers;
use crate::{Image, Policy, ReferrerPolicy};

/// The decision about one image at one target. Making it changes nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Decision {
    /// The first rule that selected it, counted from 0.
    pub rule: usize,
    /// The image with its source and target.
    #[serde(flatten)]
    pub image: Arc<Image>,
    /// The digest at the source. `None` if it was not looked up, or does not exist.
    pub source_digest: Option<Digest>,
    /// The present digest at the target. `None` if there is none, or the target does not tell.
    pub target_digest: Option<Digest>,
    /// The digest that the target will have. `None` if only the run itself can determine it.
    pub result_digest: Option<Digest>,
    /// What to do.
    pub action: Action,
    /// A note for users.
    pub note: Option<String>,
    /// The policy: what all rules want that selected this copy.
    pub policy: Arc<Policy>,
    /// Which referrers are copied with it. Referrer tags that are copied anyway have their own decisions.
    pub referrers: WantedReferrers,
}

/// What to do about an image at a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Action {
    /// The target does not have the reference.
    Create,
    /// The target has the reference with another digest.
    Update,
    /// The target has the image, and lacks only the reference.
    Retag,
    /// The target has the image, and lacks some referrers.
    Referrers,
    /// Nothing.
    Unchanged,
    /// The target has the reference with another digest, which the rule keeps.
    Conflict,
    /// The source does not have an image that a rule names.
    Missing,
}

impl Action {
    /// Whether something is written to the target.
    pub fn writes(self) -> bool {
        matches!(self, Self::Create | Self::Update | Self::Retag | Self::Referrers)
    }
}

/// What has to be transferred to a target for one image, as far as the target tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Blobs that the target repository lacks, each once.
    pub blobs: Vec<LoadedBlob>,
    /// How many manifests are stored, those of referrers included.
    pub manifests: usize,
    /// How many signatures, SBOMs and other referrers are copied.
    pub referrers: usize,
    /// Manifests and blobs that a target repository has or is asked for, besides those that it lacks. Includes
    /// lookups that another image has already made: which image makes them differs from run to run.
    pub looks: Vec<Digest>,
}

/// A blob that a target repository lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadedBlob {
    /// Its digest.
    pub digest: Digest,
    /// Its size in bytes; 0 if its manifest does not tell.
    pub size: u64,
    /// A repository of the same store that had it when it was last looked up.
    pub held_by: Option<RepositoryName>,
}

impl Decision {
    /// What is left to do, as a value that can be carried out elsewhere and later: copy exactly this digest, if the
    /// target is unchanged. `None` if there is nothing to do, or if the digest is unknown.
    pub fn task(&self) -> Option<Task> {
        let source_digest = self.source_digest.clone().filter(|_| self.action.writes())?;
        let expected = self.target_digest.clone().map_or(Expected::Absent, Expected::Digest);
        Some(self.bringing(source_digest, expected, (self.policy.clone(), self.referrers)))
    }

    /// A task that checks whether the target still has an unchanged image. Ignores later referrers.
    pub fn recheck(&self) -> Option<Task> {
        let expected = Expected::Digest(self.target_digest.clone()?);
        let policy = Policy { referrers: ReferrerPolicy::Leave, ..(*self.policy).clone() };
        Some(self.bringing(self.source_digest.clone()?, expected, (policy.into(), WantedReferrers::None)))
    }

    fn bringing(
        &self,
        source_digest: Digest,
        expected: Expected,
        (policy, referrers): (Arc<Policy>, WantedReferrers),
    ) -> Task {
        let (image, result) = (self.image.clone(), self.result_digest.clone());
        Task { rule: self.rule, image, source_digest, expected, result, policy, referrers }
    }
}
