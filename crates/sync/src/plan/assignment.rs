//! Images that rules select, as plain values for other processes.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::plan::shard::Splittable;
use crate::plan::wanted::Wanted;
use crate::{Image, Source, Target};

/// An image to copy to its targets: its references, and how it is copied. The process that copies it finds the
/// endpoints with its own config and logins, and decides what to do from what it finds there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Assignment {
    /// The rule that selected it, counted from 0.
    pub rule: usize,
    /// The references at the source and at each target; the source is the same in all.
    pub images: Vec<Arc<Image>>,
    /// How it is copied.
    pub wanted: Wanted,
}

/// An assignment with its endpoints.
#[derive(Clone)]
pub struct BoundAssignment {
    /// What to copy.
    pub assignment: Assignment,
    /// The source.
    pub source: Arc<dyn Source>,
    /// The targets, in the order of the images.
    pub targets: Vec<Arc<dyn Target>>,
}

/// An image that rules select, with what is known of it from listings.
#[derive(Clone, Debug)]
pub struct Surveyed {
    /// The image.
    pub assignment: Assignment,
    /// The repository that it belongs to: one process should copy all images of a repository, one after the other.
    pub place: Splittable,
}
