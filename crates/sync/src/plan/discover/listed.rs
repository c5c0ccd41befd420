//! The tags that a source has listed.

use std::collections::HashSet;
use std::sync::Mutex;

use oci::Tag;

use crate::lock::lock;

#[derive(Default)]
pub(super) struct Listed(Mutex<HashSet<Tag>>);

impl Listed {
    pub(super) fn add(&self, tags: &[Tag]) {
        lock(&self.0).extend(tags.iter().cloned());
    }

    /// Takes all of them.
    pub(super) fn take(&self) -> HashSet<Tag> {
        std::mem::take(&mut lock(&self.0))
    }
}
