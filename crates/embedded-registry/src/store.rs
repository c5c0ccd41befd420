//! What the registry holds: reached by HTTP through the endpoints, and directly by those who seed and judge.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};
use sha2::{Digest as _, Sha256, Sha512};

/// The content of a registry. Clones share it.
#[derive(Clone, Default)]
pub struct Store(Arc<Mutex<Content>>);

#[derive(Default)]
pub(crate) struct Content {
    pub(crate) repositories: BTreeMap<String, Repository>,
    pub(crate) uploads: HashMap<String, Upload>,
}

#[derive(Default)]
pub(crate) struct Repository {
    pub(crate) blobs: BTreeMap<String, Bytes>,
    pub(crate) manifests: BTreeMap<String, StoredManifest>,
    pub(crate) tags: BTreeMap<String, String>,
}

/// An open upload session.
pub(crate) struct Upload {
    pub(crate) repository: String,
    pub(crate) bytes: BytesMut,
}

/// A manifest as it was pushed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredManifest {
    /// The `Content-Type` that it was pushed with.
    pub media_type: String,
    /// The bytes, verbatim.
    pub bytes: Bytes,
    /// Its digest.
    pub digest: String,
}

impl Store {
    pub(crate) fn content(&self) -> MutexGuard<'_, Content> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a blob into a repository; gives its digest.
    pub fn put_blob(&self, repository: &str, bytes: impl Into<Bytes>) -> String {
        let bytes = bytes.into();
        let digest = digest_like("sha256:", &bytes);
        self.content().repository(repository).blobs.insert(digest.clone(), bytes);
        digest
    }

    /// Puts a manifest under a tag or its digest, complete or not; gives its digest.
    pub fn put_manifest(
        &self,
        repository: &str,
        reference: &str,
        media_type: &str,
        bytes: impl Into<Bytes>,
    ) -> String {
        let bytes = bytes.into();
        let digest = digest_like(reference, &bytes);
        let manifest = StoredManifest { media_type: media_type.to_owned(), bytes, digest: digest.clone() };
        let mut content = self.content();
        let repository = content.repository(repository);
        repository.manifests.insert(digest.clone(), manifest);
        if !reference.contains(':') {
            repository.tags.insert(reference.to_owned(), digest.clone());
        }
        digest
    }

    /// All tags of a repository, sorted.
    pub fn tags(&self, repository: &str) -> Vec<String> {
        let content = self.content();
        content
            .repositories
            .get(repository)
            .map(|found| found.tags.keys().cloned().collect())
            .unwrap_or_default()
    }

    /// All repositories, sorted.
    pub fn repositories(&self) -> Vec<String> {
        self.content().repositories.keys().cloned().collect()
    }

    /// A manifest by tag or digest.
    pub fn manifest(&self, repository: &str, reference: &str) -> Option<StoredManifest> {
        self.content().repositories.get(repository)?.manifest(reference).cloned()
    }

    /// A blob of a repository.
    pub fn blob(&self, repository: &str, digest: &str) -> Option<Bytes> {
        self.content().repositories.get(repository)?.blobs.get(digest).cloned()
    }

    /// Removes a blob, as a storage fault or a garbage collection would.
    pub fn remove_blob(&self, repository: &str, digest: &str) {
        self.content().repository(repository).blobs.remove(digest);
    }

    /// Upload sessions that were neither closed nor cancelled.
    pub fn open_uploads(&self) -> usize {
        self.content().uploads.len()
    }
}

impl Content {
    pub(crate) fn repository(&mut self, name: &str) -> &mut Repository {
        self.repositories.entry(name.to_owned()).or_default()
    }
}

impl Repository {
    pub(crate) fn manifest(&self, reference: &str) -> Option<&StoredManifest> {
        self.manifests.get(self.tags.get(reference).map_or(reference, String::as_str))
    }
}

/// The digest of `bytes`, with sha512 where `like` is such a digest.
pub(crate) fn digest_like(like: &str, bytes: &[u8]) -> String {
    if like.starts_with("sha512:") {
        format!("sha512:{}", hex::encode(Sha512::digest(bytes)))
    } else {
        format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
    }
}
