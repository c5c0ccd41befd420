//! The tags that a rule selects from a list, to which other rules may still add tags.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::SystemTime;

use oci::{Tag, TagOrDigest};

use crate::select::{ListedTag, Selected, TagSelection, TooFew};

/// A selection with the list that it applies to.
#[derive(Clone, Debug)]
pub(crate) struct Choice {
    selection: Arc<TagSelection>,
    listed: Vec<ListedTag>,
    now: SystemTime,
}

impl Choice {
    pub(crate) fn new(selection: Arc<TagSelection>, listed: Vec<ListedTag>, now: SystemTime) -> Self {
        Self { selection, listed, now }
    }

    /// Which tags are selected and which are not, and why.
    pub(crate) fn selected(&self) -> Selected {
        self.selection.select(&self.listed, self.now)
    }

    /// The selected images. A pinned tag that is not listed is included, and fails like any named tag that does not exist.
    pub(crate) fn images(selected: &Selected) -> Vec<TagOrDigest> {
        let missing = selected.missing_pins.iter().cloned().map(TagOrDigest::Tag);
        selected.chosen.iter().cloned().chain(missing).collect()
    }

    pub(crate) fn listed(&self) -> &[ListedTag] {
        &self.listed
    }

    pub(crate) fn shortfall(&self, selected: &Selected) -> Option<TooFew> {
        self.selection.shortfall(&selected.counts)
    }

    /// Whether a tag that is not listed could be selected, or count among the newest.
    pub(crate) fn may_have(&self, tag: &Tag) -> bool {
        self.selection.selects_by_name(tag)
    }

    /// Adds tags that other rules of this run write to the source: these are the newest.
    pub(crate) fn add(&mut self, tags: impl Iterator<Item = Tag>) {
        let added = tags.map(|tag| ListedTag { tag, date: Some(self.now), first_seen: None });
        self.listed.extend(added);
    }

    /// Removes tags that are not written after all.
    pub(crate) fn remove(&mut self, tags: &HashSet<Tag>) {
        self.listed.retain(|listed| !tags.contains(&listed.tag));
    }
}
