//! One image to copy to one target, as a plain value: it can be sent through a channel, a plan file or a queue.

use std::sync::Arc;

use oci::Digest;
use serde::{Deserialize, Serialize};

use crate::plan::expected::Expected;
use crate::plan::wanted::WantedReferrers;
use crate::{Image, Policy, Source, Target};

/// What to copy where. The process that carries it out finds the endpoints with its own config and logins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Task {
    /// The rule that selected it, counted from 0.
    pub rule: usize,
    /// The references at the source and at the target.
    #[serde(flatten)]
    pub image: Arc<Image>,
    /// The digest to copy, even if the tag at the source points at another one then.
    pub source_digest: Digest,
    /// What the target must have under the reference before: another digest comes from another client.
    pub expected: Expected,
    /// The digest that the target must get; nothing else is stored. `None` if only the run itself can determine it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Digest>,
    /// How it is copied.
    pub policy: Arc<Policy>,
    /// Which referrers are copied with it.
    pub referrers: WantedReferrers,
}

/// A task with its endpoints.
#[derive(Clone)]
pub struct BoundTask {
    /// What to do.
    pub task: Task,
    /// The source.
    pub source: Arc<dyn Source>,
    /// The target.
    pub target: Arc<dyn Target>,
}
