//! One image to bring to one target, as a plain value: it can go through a channel, a plan file or a queue.

use std::sync::Arc;

use oci::Digest;
use serde::{Deserialize, Serialize};

use crate::plan::expected::Expected;
use crate::plan::wanted::WantedReferrers;
use crate::{Image, Policy, Source, Target};

/// What is to be brought where. Whoever carries it out finds the endpoints with their own config and logins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Task {
    /// The rule that asked for it, counted from 0.
    pub rule: usize,
    /// The names at the source and at the target.
    #[serde(flatten)]
    pub image: Arc<Image>,
    /// What is brought, whatever the name at the source points at by then.
    pub source_digest: Digest,
    /// What the target has to have under the name before: another digest has come from somebody else.
    pub expected: Expected,
    /// What the target is to have under the name afterwards: anything else is not stored. `None` where only the run itself can know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Digest>,
    /// How.
    pub policy: Arc<Policy>,
    /// Which referrers go along.
    pub referrers: WantedReferrers,
}

/// A task with the endpoints that its names stand for.
#[derive(Clone)]
pub struct BoundTask {
    /// What is to be done.
    pub task: Task,
    /// Where it is read.
    pub source: Arc<dyn Source>,
    /// Where it is written.
    pub target: Arc<dyn Target>,
}
