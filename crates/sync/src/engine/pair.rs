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
}
