//! What stores have refused in this run, so that it is not sent to them again and again.

use std::collections::HashSet;
use std::sync::Mutex;

use crate::endpoint::StoreId;
use crate::lock::lock;

/// Something that a store does not take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Refused {
    /// Indexes without all their manifests.
    SparseIndexes,
    /// Attestations with an image's config, as `BuildKit` made them before 0.32.
    ImageAttestations,
    /// Attestations that are artifacts.
    ArtifactAttestations,
    /// Indexes with attestations among their children.
    IndexesWithAttestations,
}

/// What stores have refused.
#[derive(Default)]
pub(crate) struct Refusals(Mutex<HashSet<(StoreId, Refused)>>);

impl Refusals {
    /// Notes it; says whether that is news.
    pub(crate) fn note(&self, store: &StoreId, refused: Refused) -> bool {
        lock(&self.0).insert((store.clone(), refused))
    }

    pub(crate) fn has(&self, store: &StoreId, refused: Refused) -> bool {
        lock(&self.0).contains(&(store.clone(), refused))
    }
}
