//! Ensures that each reference at a target gets only one image.

use std::collections::{HashMap, HashSet};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::plan::planned::Planned;
use crate::plan::rivals::Rivals;
use crate::{Cause, Error, Image, Operation, Side};

/// The references at targets that are assigned to an image.
pub(super) struct Names {
    /// With the rule of the image.
    taken: HashMap<ByTarget, usize>,
    rivals: Arc<Rivals>,
    /// References whose image has ended, if rules may want the same reference without knowing of each other.
    ended: HashSet<ByTarget>,
    /// Images whose reference is in use by a rule that did not know of theirs.
    waiting: HashMap<ByTarget, Vec<Planned>>,
}

/// Whether a reference at a target is free for an image.
pub(super) enum Name {
    Free,
    SameImage,
    /// Another image is being copied there, from a rule that did not wait for this rule's listing.
    InWork,
    Taken(Error),
}

impl Names {
    pub(super) fn new(rivals: Arc<Rivals>) -> Self {
        let (taken, ended, waiting) = Default::default();
        Self { taken, rivals, ended, waiting }
    }

    /// Assigns a reference to an image. Two rules may want the same copy. They must not want different images under
    /// one reference, unless one of them learned of the other too late.
    pub(super) fn take(&mut self, image: &Arc<Image>, rule: usize) -> Name {
        let name = ByTarget(image.clone());
        let Some((ByTarget(taken), by)) = self.taken.get_key_value(&name) else {
            self.taken.insert(name, rule);
            return Name::Free;
        };
        if taken == image {
            return Name::SameImage;
        }
        if !self.rivals.are(rule, *by) {
            return Name::Taken(Error {
                side: Side::Target,
                place: image.target.to_string(),
                operation: Operation::Pair,
                cause: Cause::TargetTaken { by: taken.source_name() },
            });
        }
        if !self.ended.remove(&name) {
            return Name::InWork;
        }
        self.taken.remove(&name);
        self.taken.insert(name, rule);
        Name::Free
    }

    /// Keeps an image until the image that has its reference ends.
    pub(super) fn wait(&mut self, image: &Arc<Image>, planned: Planned) {
        self.waiting.entry(ByTarget(image.clone())).or_default().push(planned);
    }

    /// An image has ended; returns the images that waited for it.
    pub(super) fn ended(&mut self, image: &Arc<Image>) -> Vec<Planned> {
        if self.rivals.is_empty() {
            return Vec::new();
        }
        let name = ByTarget(image.clone());
        let waiting = self.waiting.remove(&name).unwrap_or_default();
        self.ended.insert(name);
        waiting
    }

    /// All waiting images.
    pub(super) fn take_waiting(&mut self) -> Vec<Planned> {
        std::mem::take(&mut self.waiting).into_values().flatten().collect()
    }
}

/// An image, compared by its reference at the target. A run keeps this for each ended image: some 230 bytes with its
/// entry in the set. All tags of a repository share its name.
struct ByTarget(Arc<Image>);

impl PartialEq for ByTarget {
    fn eq(&self, other: &Self) -> bool {
        self.0.target == other.0.target && self.0.target_reference == other.0.target_reference
    }
}

impl Eq for ByTarget {}

impl Hash for ByTarget {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.target.hash(state);
        self.0.target_reference.hash(state);
    }
}
