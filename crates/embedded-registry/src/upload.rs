//! Open upload sessions: the received bytes, and the latest location.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};

use crate::digest::Running;

/// The most bytes that are reserved for an announced length.
const LARGEST_RESERVE: usize = 64 << 20;

/// A session that requests share: it keeps the received bytes even if their request breaks off.
#[derive(Clone)]
pub(crate) struct Session(Arc<Mutex<Upload>>);

struct Upload {
    repository: String,
    bytes: BytesMut,
    hash: Running,
    turn: usize,
    /// Where the newest chunk begins.
    chunk: usize,
    first_chunk_end: Option<usize>,
    /// Whether the newest complete chunk is smaller than any but the last one may be.
    has_small_chunk: bool,
}

impl Session {
    pub(crate) fn new(repository: &str) -> Self {
        Self(Arc::new(Mutex::new(Upload {
            repository: repository.to_owned(),
            bytes: BytesMut::new(),
            hash: Running::default(),
            turn: 0,
            chunk: 0,
            first_chunk_end: None,
            has_small_chunk: false,
        })))
    }

    pub(crate) fn belongs_to(&self, repository: &str) -> bool {
        self.upload().repository == repository
    }

    pub(crate) fn length(&self) -> usize {
        self.upload().bytes.len()
    }

    /// From the first byte of the newest chunk to just after its last one.
    pub(crate) fn last_chunk(&self) -> (usize, usize) {
        let upload = self.upload();
        (upload.chunk, upload.bytes.len())
    }

    pub(crate) fn first_chunk_end(&self) -> usize {
        let upload = self.upload();
        upload.first_chunk_end.unwrap_or(upload.bytes.len())
    }

    /// Whether new bytes show that a small chunk was not the last.
    pub(crate) fn follows_small_chunk(&self) -> bool {
        self.upload().has_small_chunk
    }

    pub(crate) fn begin_chunk(&self, told: Option<usize>) {
        let mut upload = self.upload();
        upload.chunk = upload.bytes.len();
        upload.bytes.reserve(told.unwrap_or_default().min(LARGEST_RESERVE));
    }

    pub(crate) fn append(&self, piece: &[u8]) {
        let mut upload = self.upload();
        upload.hash.update(piece);
        upload.bytes.extend_from_slice(piece);
    }

    /// Closes a chunk, which must have `smallest` bytes unless it is the last one.
    pub(crate) fn end_chunk(&self, smallest: usize) {
        let mut upload = self.upload();
        let end = upload.bytes.len();
        upload.has_small_chunk |= end - upload.chunk < smallest;
        upload.first_chunk_end.get_or_insert(end);
    }

    /// Forgets the bytes of the newest chunk.
    pub(crate) fn lose_chunk(&self) {
        let mut upload = self.upload();
        let end = upload.chunk;
        upload.truncate(end);
    }

    /// Forgets all bytes.
    pub(crate) fn clear(&self) {
        self.upload().truncate(0);
    }

    /// The query of a location. It has characters as registries' signed and encoded states have, so that a client
    /// that decodes and encodes it again is detected.
    pub(crate) fn state(&self) -> String {
        format!("opaque=={}", self.upload().turn)
    }

    /// Invalidates the locations so far, as the specification warns that a registry may do.
    pub(crate) fn next_turn(&self) {
        self.upload().turn += 1;
    }

    /// The sha256 digest of all bytes so far.
    pub(crate) fn digest(&self) -> String {
        self.upload().hash.digest()
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

impl Upload {
    fn truncate(&mut self, length: usize) {
        self.bytes.truncate(length);
        self.hash = Running::default();
        self.hash.update(&self.bytes);
    }
}
