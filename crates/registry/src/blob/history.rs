//! The hash states of a blob's reading: so that the rest can be read again without the beginning.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use oci::{Digest, HashTrail, Verifier};

use crate::{BlobReader, Error, Repository};

/// The distance of the first states, in bytes.
const FIRST_STRIDE: u64 = 1 << 20;
/// The most states per blob: the bytes that are read again in vain are a small part of the blob.
const MOST: usize = 64;

/// The saved states of a blob that is being read or was read. Cheap to clone.
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

    /// Keeps the state of `verifier` if it is far enough from the last saved one.
    pub(super) fn note(&self, verifier: &Verifier) {
        let mut trail = self.trail();
        if trail.is_due(verifier.size()) {
            trail.note(verifier.state());
        }
    }

    /// Reads the blob again from byte `offset` on. The whole blob's digest is still checked.
    pub async fn read_from(&self, offset: u64) -> Result<BlobReader, Error> {
        let state = self.trail().latest_within(offset).cloned();
        self.repository.pull_blob_from(&self.digest, self.size, offset, state.as_ref()).await
    }

    fn trail(&self) -> MutexGuard<'_, HashTrail> {
        self.trail.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
