//! Names at targets, each for one image.

use std::collections::{HashMap, HashSet};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::plan::planned::Planned;
use crate::plan::rivals::Rivals;
use crate::{Cause, Error, Image, Operation, Side};

/// Names at targets that have their image.
pub(super) struct Names {
    /// With the rule that the image is of.
    taken: HashMap<ByTarget, usize>,
    rivals: Arc<Rivals>,
    /// Those whose image has ended, where rules may want the same names without having met.
    ended: HashSet<ByTarget>,
    /// Images whose names are in work for a rule that did not know of theirs.
    waiting: HashMap<ByTarget, Vec<Planned>>,
}

/// Whether a name at a target is free for an image.
pub(super) enum Name {
    Free,
    SameImage,
    /// Another image is on its way there, of a rule that did not wait for this one's list.
    InWork,
    Taken(Error),
}

impl Names {
    pub(super) fn new(rivals: Arc<Rivals>) -> Self {
        let (taken, ended, waiting) = Default::default();
        Self { taken, rivals, ended, waiting }
    }

    /// Two rules may ask for the same copy; they may not want different images under one name, but where the one learnt of the
    /// other too late.
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

    /// Keeps an image until the one ends that has its name.
    pub(super) fn wait(&mut self, image: &Arc<Image>, planned: Planned) {
        self.waiting.entry(ByTarget(image.clone())).or_default().push(planned);
    }

    /// An image has ended; gives those that waited for it.
    pub(super) fn ended(&mut self, image: &Arc<Image>) -> Vec<Planned> {
        if self.rivals.is_empty() {
            return Vec::new();
        }
        let name = ByTarget(image.clone());
        let waiting = self.waiting.remove(&name).unwrap_or_default();
        self.ended.insert(name);
        waiting
    }

    /// All that wait.
    pub(super) fn take_waiting(&mut self) -> Vec<Planned> {
        std::mem::take(&mut self.waiting).into_values().flatten().collect()
    }
}

/// An image that is found by its name at the target: what a run keeps of an image that has ended, some 230 bytes with its
/// place in the set. The names of repositories are shared by all their tags.
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
