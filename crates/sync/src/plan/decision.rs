//! What has to be done for one image at one target: what `plan` prints and what a run carries out.

use std::sync::Arc;

use oci::{Digest, RepositoryName};
use serde::{Deserialize, Serialize};

use crate::plan::expected::Expected;
use crate::plan::task::Task;
use crate::plan::wanted::WantedReferrers;
use crate::{Image, Policy, ReferrerPolicy};

/// What a run does about one image at one target. Looking is enough to know it; nothing has changed yet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Decision {
    /// The rule that asked for it first, counted from 0.
    pub rule: usize,
    /// Which image, and where it goes.
    #[serde(flatten)]
    pub image: Arc<Image>,
    /// What the source has under its name. `None` where that was not asked for, or is not there.
    pub source_digest: Option<Digest>,
    /// What the target has under its name now. `None` if it has nothing, or does not tell.
    pub target_digest: Option<Digest>,
    /// What the target will have. `None` where only the run itself can know.
    pub result_digest: Option<Digest>,
    /// What is to be done.
    pub action: Action,
    /// What people should know about it.
    pub note: Option<String>,
    /// How it is copied: what all rules together want that asked for this copy.
    pub policy: Arc<Policy>,
    /// Which referrers it brings: what stands under tags that come along anyway has decisions of its own.
    pub referrers: WantedReferrers,
}

/// What is to be done about an image at a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Action {
    /// The target does not have the name.
    Create,
    /// The target has the name with another digest.
    Update,
    /// The target has the image, and lacks only the name.
    Retag,
    /// The target has the image, and lacks some of what refers to it.
    Referrers,
    /// Nothing.
    Unchanged,
    /// The target has the name with another digest, which its rule wants to stay.
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

/// What has to come to a target for one image, as far as the target tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Blobs that the target repository lacks, each once.
    pub blobs: Vec<LoadedBlob>,
    /// How many manifests are stored, those of referrers included.
    pub manifests: usize,
    /// How many signatures, SBOMs and other referrers are brought.
    pub referrers: usize,
    /// Manifests and blobs that a target repository has or is asked for, beside what it lacks. Whether another image has asked
    /// before does not count: which one does differs from run to run.
    pub looks: Vec<Digest>,
}

/// A blob that a target repository lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadedBlob {
    /// Which one.
    pub digest: Digest,
    /// Its bytes; 0 where its manifest does not tell.
    pub size: u64,
    /// A repository of the same store that had it when it was last looked at.
    pub held_by: Option<RepositoryName>,
}

impl Decision {
    /// What is left to do, as a value that can be carried out elsewhere and later: exactly this digest, where the target
    /// still has what it had. `None` if nothing is to be done, or nobody knows with which digest.
    pub fn task(&self) -> Option<Task> {
        let source_digest = self.source_digest.clone().filter(|_| self.action.writes())?;
        let expected = self.target_digest.clone().map_or(Expected::Absent, Expected::Digest);
        Some(self.bringing(source_digest, expected, (self.policy.clone(), self.referrers)))
    }

    /// Looks whether the target still has an image that is unchanged. What has come to refer to it since is left.
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
