//! Where a blob's reading stood, with its hash: so that the rest can be read again without the beginning.

use std::sync::{Arc, Mutex, PoisonError};

use crate::{BlobReader, Digest, Error, Repository, Verifier};

/// The first checkpoints are so many bytes apart.
const FIRST_STRIDE: u64 = 1 << 20;
/// With more than so many, every second one goes.
const MOST: usize = 64;

/// What is remembered of a blob that is being read or was read. Cheap to clone.
#[derive(Clone)]
pub struct BlobHistory {
    repository: Repository,
    digest: Digest,
    size: Option<u64>,
    checkpoints: Arc<Mutex<Checkpoints>>,
}

struct Checkpoints {
    /// By rising position.
    verifiers: Vec<Verifier>,
    stride: u64,
}

impl BlobHistory {
    pub(super) fn new(repository: Repository, digest: Digest, size: Option<u64>) -> Self {
        let checkpoints = Checkpoints { verifiers: Vec::new(), stride: FIRST_STRIDE };
        Self { repository, digest, size, checkpoints: Arc::new(Mutex::new(checkpoints)) }
    }

    /// Keeps the state of `verifier` if it is far enough from the last one kept.
    pub(super) fn note(&self, verifier: &Verifier) {
        self.checkpoints.lock().unwrap_or_else(PoisonError::into_inner).note(verifier);
    }

    /// Reads the blob again from byte `offset` on. The whole blob's digest is checked all the same.
    pub async fn read_from(&self, offset: u64) -> Result<BlobReader, Error> {
        let known = self.checkpoints.lock().unwrap_or_else(PoisonError::into_inner).before(offset);
        let verifier = known.unwrap_or_else(|| Verifier::new(self.digest.clone(), self.size));
        BlobReader::open(&self.repository, self.digest.clone(), self.size, verifier, offset).await
    }
}

impl Checkpoints {
    fn note(&mut self, verifier: &Verifier) {
        let last = self.verifiers.last().map_or(0, Verifier::size);
        if verifier.size() < last + self.stride {
            return;
        }
        self.verifiers.push(verifier.clone());
        if self.verifiers.len() > MOST {
            let mut index = 0;
            self.verifiers.retain(|_| {
                index += 1;
                index % 2 == 0
            });
            self.stride *= 2;
        }
    }

    fn before(&self, offset: u64) -> Option<Verifier> {
        self.verifiers.iter().rev().find(|verifier| verifier.size() <= offset).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checkpoints_stay_few_and_evenly_spread() {
        let mut checkpoints = Checkpoints { verifiers: Vec::new(), stride: FIRST_STRIDE };
        let mut verifier = Verifier::new(Digest::sha256(b""), None);
        let piece = vec![0; 1 << 20];
        for _ in 0..300 {
            verifier.update(&piece).unwrap();
            checkpoints.note(&verifier);
        }
        assert!(checkpoints.verifiers.len() <= MOST, "{}", checkpoints.verifiers.len());
        let found = checkpoints.before(200 << 20).unwrap().size();
        assert!(found <= 200 << 20 && found > 190 << 20, "{found}");
        assert!(checkpoints.before(1000).is_none());
    }
}
