//! Where a blob's reading stood, with its hash: so that the rest can be read again without the beginning.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use oci::{Digest, HashTrail, Verifier};

use crate::{BlobReader, Error, Repository};

/// The first states are kept so many bytes apart.
const FIRST_STRIDE: u64 = 1 << 20;
/// So many are kept of a blob: what is read again in vain is a small part of it.
const MOST: usize = 64;

/// What is remembered of a blob that is being read or was read. Cheap to clone.
#[derive(Clone)]
pub struct BlobHistory {
    repository: Repository,
    digest: Digest,
    size: Option<u64>,
    trail: Arc<Mutex<HashTrail>>,
}

impl BlobHistory {
    pub(super) fn new(repository: Repository, digest: Digest, size: Option<u64>) -> Self {
        let trail = Arc::new(Mutex::new(HashTrail::of_the_whole(MOST, FIRST_STRIDE)));
        Self { repository, digest, size, trail }
    }

    /// Keeps the state of `verifier` if it is far enough from the last one kept.
    pub(super) fn note(&self, verifier: &Verifier) {
        let mut trail = self.trail();
        if trail.is_due(verifier.size()) {
            trail.note(verifier.state());
        }
    }

    /// Reads the blob again from byte `offset` on. The whole blob's digest is checked all the same.
    pub async fn read_from(&self, offset: u64) -> Result<BlobReader, Error> {
        let state = self.trail().latest_within(offset).cloned();
        self.repository.pull_blob_from(&self.digest, self.size, offset, state.as_ref()).await
    }

    fn trail(&self) -> MutexGuard<'_, HashTrail> {
        self.trail.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
