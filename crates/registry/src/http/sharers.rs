//! How many processes share a host's limits.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Clones share the number. It begins with one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sharers(Arc<AtomicUsize>);

impl Sharers {
    pub(crate) fn set(&self, processes: usize) {
        self.0.store(processes, Ordering::Relaxed);
    }

    pub(crate) fn number(&self) -> usize {
        self.0.load(Ordering::Relaxed).max(1)
    }
}
