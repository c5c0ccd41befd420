//! Two stores between which work is done.

use std::sync::Arc;

use crate::endpoint::StoreId;

/// A source and a target. Slots go round among pairs.
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

/// What an engine does between two stores at a moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PairInWork {
    /// Where images come from.
    pub source: StoreId,
    /// Where they go.
    pub target: StoreId,
    /// How many images are worked on: each holds a slot.
    pub working: usize,
    /// How many have begun and hold no slot, because all that they do is wait: for a store, or for other images.
    pub waiting: usize,
    /// How many have not begun.
    pub queued: usize,
}
