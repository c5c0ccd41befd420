//! What stores have refused in this run, so that it is not sent to them again and again.

use std::collections::HashSet;
use std::sync::Mutex;

use crate::endpoint::StoreId;
use crate::lock::lock;

/// A kind of content that a store refuses.
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

/// The kinds that stores have refused.
#[derive(Default)]
pub(crate) struct Refusals(Mutex<HashSet<(StoreId, Refused)>>);

impl Refusals {
    /// Notes a refusal; returns whether it is new.
    pub(crate) fn note(&self, store: &StoreId, refused: Refused) -> bool {
        lock(&self.0).insert((store.clone(), refused))
    }

    pub(crate) fn has(&self, store: &StoreId, refused: Refused) -> bool {
        lock(&self.0).contains(&(store.clone(), refused))
    }
}
