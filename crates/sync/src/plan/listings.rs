//! What a run that only lists has found, for whoever decides about deletion.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use oci::TagOrDigest;

use crate::Image;
use crate::endpoint::Target;
use crate::plan::extra::Extra;

/// What rules select, and what their targets have beside it.
#[derive(Default)]
pub(crate) struct Listings {
    /// The names that rules bring to repositories, whichever rule it is.
    selected: HashMap<Arc<str>, HashSet<TagOrDigest>>,
    /// What rules about whole repositories found at their targets.
    pub(crate) at_targets: Vec<AtTarget>,
}

/// What one rule found at one of its targets.
pub(crate) struct AtTarget {
    pub(crate) rule: usize,
    /// Registry and repository of the source.
    pub(crate) source: Arc<str>,
    pub(crate) target: Arc<dyn Target>,
    pub(crate) tags: SourceTags,
    pub(crate) extra: Extra,
}

/// Whether the source has listed any tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SourceTags {
    Some,
    None,
}

impl Listings {
    /// A rule brings this.
    pub(crate) fn select(&mut self, image: &Image) {
        let names = self.selected.entry(image.target.clone()).or_default();
        names.insert(image.target_reference.clone());
    }

    /// What rules bring to a repository.
    pub(crate) fn selected(&self, target: &str) -> Option<&HashSet<TagOrDigest>> {
        self.selected.get(target)
    }
}
