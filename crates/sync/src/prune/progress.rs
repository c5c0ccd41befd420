//! How far a deletion is, for whoever asks meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts along. Clones share the counts.
#[derive(Clone, Debug, Default)]
pub struct PruneProgress(Arc<[AtomicUsize; 2]>);

impl PruneProgress {
    /// How many are gone so far, and how many stay that were to go.
    pub fn now(&self) -> (usize, usize) {
        let [gone, kept] = &*self.0;
        (gone.load(Ordering::Relaxed), kept.load(Ordering::Relaxed))
    }

    pub(super) fn note(&self, is_gone: bool) {
        let [gone, kept] = &*self.0;
        if is_gone { gone } else { kept }.fetch_add(1, Ordering::Relaxed);
    }
}
