//! The progress of a deletion.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts deletions. Clones share the counts.
#[derive(Clone, Debug, Default)]
pub struct PruneProgress(Arc<[AtomicUsize; 2]>);

impl PruneProgress {
    /// How many are deleted so far, and how many could not be deleted.
    pub fn now(&self) -> (usize, usize) {
        let [gone, kept] = &*self.0;
        (gone.load(Ordering::Relaxed), kept.load(Ordering::Relaxed))
    }

    pub(super) fn note(&self, is_gone: bool) {
        let [gone, kept] = &*self.0;
        if is_gone { gone } else { kept }.fetch_add(1, Ordering::Relaxed);
    }
}
