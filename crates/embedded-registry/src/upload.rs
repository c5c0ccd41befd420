//! Open upload sessions: what came so far, and which of the locations handed out is the newest.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};

use crate::digest::Running;

/// A session that requests share: it keeps what came even if the request that brought it breaks off.
#[derive(Clone)]
pub(crate) struct Session(Arc<Mutex<Upload>>);

struct Upload {
    repository: String,
    bytes: BytesMut,
    hash: Running,
    turn: usize,
}

impl Session {
    pub(crate) fn new(repository: &str) -> Self {
        Self(Arc::new(Mutex::new(Upload {
            repository: repository.to_owned(),
            bytes: BytesMut::new(),
            hash: Running::default(),
            turn: 0,
        })))
    }

    pub(crate) fn belongs_to(&self, repository: &str) -> bool {
        self.upload().repository == repository
    }

    pub(crate) fn length(&self) -> usize {
        self.upload().bytes.len()
    }

    pub(crate) fn append(&self, piece: &[u8]) {
        let mut upload = self.upload();
        upload.hash.update(piece);
        upload.bytes.extend_from_slice(piece);
    }

    /// What a location carries in its query. It looks like what registries sign and encode, so that a client
    /// that decodes and encodes it again is found out.
    pub(crate) fn state(&self) -> String {
        format!("opaque=={}", self.upload().turn)
    }

    /// Makes the locations handed out so far outdated, as the specification warns that they may be.
    pub(crate) fn next_turn(&self) {
        self.upload().turn += 1;
    }

    /// All bytes, if they have this digest. The session is empty afterwards.
    pub(crate) fn finish(&self, digest: &str) -> Option<Bytes> {
        let mut upload = self.upload();
        let bytes = std::mem::take(&mut upload.bytes).freeze();
        upload.hash.matches(digest, &bytes).then_some(bytes)
    }

    fn upload(&self) -> MutexGuard<'_, Upload> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
