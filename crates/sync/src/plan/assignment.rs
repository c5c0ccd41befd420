//! Images that rules select, as plain values: for whoever brings them elsewhere.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::plan::shard::Splittable;
use crate::plan::wanted::Wanted;
use crate::{Image, Source, Target};

/// An image to be brought to its targets: names, and how it is copied. Whoever brings it finds the endpoints with their own
/// config and logins, and decides what is to be done when they look.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Assignment {
    /// The rule that asked for it, counted from 0.
    pub rule: usize,
    /// The names at the source and at each target: the source is the same in all.
    pub images: Vec<Arc<Image>>,
    /// How it is copied.
    pub wanted: Wanted,
}

/// An assignment with the endpoints that its names stand for.
#[derive(Clone)]
pub struct BoundAssignment {
    /// What is to be brought.
    pub assignment: Assignment,
    /// Where it is read.
    pub source: Arc<dyn Source>,
    /// Where it is written, in the order of the images.
    pub targets: Vec<Arc<dyn Target>>,
}

/// An image that rules select, with what is known of it without looking at it.
#[derive(Clone, Debug)]
pub struct Surveyed {
    /// The image.
    pub assignment: Assignment,
    /// What it is kept together with: images of one repository here should be brought by one process, one after the other.
    pub place: Splittable,
}
