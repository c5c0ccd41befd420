//! A pair of stores between which images are copied.

use std::sync::Arc;

use crate::endpoint::StoreId;

/// A source and a target. Slots are distributed among pairs.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Pair(Arc<(StoreId, StoreId)>);

impl Pair {
    pub(crate) fn new(source: &StoreId, target: &StoreId) -> Self {
        Self(Arc::new((source.clone(), target.clone())))
    }

    pub(crate) fn source(&self) -> &StoreId {
        &self.0.0
    }

    pub(crate) fn target(&self) -> &StoreId {
        &self.0.1
    }
}

/// The current work of an engine between two stores.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PairInWork {
    /// The store of the sources.
    pub source: StoreId,
    /// The store of the targets.
    pub target: StoreId,
    /// How many images are worked on: each holds a slot.
    pub working: usize,
    /// How many images have begun and hold no slot, because they only wait: for a store, or for other images.
    pub waiting: usize,
    /// How many images have not begun.
    pub queued: usize,
}
