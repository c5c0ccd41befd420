//! What a rule chooses of a list, as long as other rules may still add to that.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::SystemTime;

use oci::{Tag, TagOrDigest};

use crate::select::{ListedTag, Selected, TagSelection, TooFew};

/// A selection, with the list that it is about.
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

    /// Which tags are in and which are out, and why.
    pub(crate) fn selected(&self) -> Selected {
        self.selection.select(&self.listed, self.now)
    }

    /// The images: a pinned one that is not listed is looked for like any that is named, and fails like that.
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

    /// Whether a tag that is not listed could be chosen, or count among the newest.
    pub(crate) fn may_have(&self, tag: &Tag) -> bool {
        self.selection.selects_by_name(tag)
    }

    /// Adds tags that come to the source in this run: they are the youngest then.
    pub(crate) fn add(&mut self, tags: impl Iterator<Item = Tag>) {
        let added = tags.map(|tag| ListedTag { tag, date: Some(self.now), first_seen: None });
        self.listed.extend(added);
    }

    /// Takes tags away that do not come after all.
    pub(crate) fn remove(&mut self, tags: &HashSet<Tag>) {
        self.listed.retain(|listed| !tags.contains(&listed.tag));
    }
}
