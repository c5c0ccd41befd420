//! The registry's content: reached by HTTP through the endpoints, and directly by tests that fill and check it.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use crate::digest;
use crate::upload::Session;

/// The content of a registry. Clones share it.
#[derive(Clone, Default)]
pub struct Store(Arc<Mutex<Content>>);

#[derive(Default)]
pub(crate) struct Content {
    pub(crate) repositories: BTreeMap<String, Repository>,
    pub(crate) uploads: HashMap<String, Session>,
}

#[derive(Default)]
pub(crate) struct Repository {
    pub(crate) blobs: BTreeMap<String, Bytes>,
    pub(crate) manifests: BTreeMap<String, StoredManifest>,
    pub(crate) tags: BTreeMap<String, String>,
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

    /// Reads from a repository; `None` if there is no such repository.
    pub(crate) fn ask<T>(&self, repository: &str, question: impl FnOnce(&Repository) -> T) -> Option<T> {
        self.content().repositories.get(repository).map(question)
    }

    /// Creates an empty repository, for registries that create none by a push.
    pub fn create_repository(&self, name: &str) {
        self.content().repository(name);
    }

    /// Stores a blob in a repository; returns its sha256 digest.
    pub fn put_blob(&self, repository: &str, bytes: impl Into<Bytes>) -> String {
        let bytes = bytes.into();
        let digest = digest::sha256(&bytes);
        self.put_blob_as(repository, &digest, bytes);
        digest
    }

    /// Stores a blob under a digest that was checked before.
    pub(crate) fn put_blob_as(&self, repository: &str, digest: &str, bytes: Bytes) {
        self.content().repository(repository).blobs.insert(digest.to_owned(), bytes);
    }

    /// Stores a manifest under a tag or its digest, complete or not; returns its digest.
    pub fn put_manifest(
        &self,
        repository: &str,
        reference: &str,
        media_type: &str,
        bytes: impl Into<Bytes>,
    ) -> String {
        let bytes = bytes.into();
        let digest = digest::like(reference, &bytes);
        let manifest = StoredManifest { media_type: media_type.to_owned(), bytes, digest: digest.clone() };
        let mut content = self.content();
        let repository = content.repository(repository);
        repository.manifests.insert(digest.clone(), manifest);
        if !reference.contains(':') {
            repository.tags.insert(reference.to_owned(), digest.clone());
        }
        digest
    }

    /// Points a tag to a digest, whether that exists or not.
    pub fn tag(&self, repository: &str, tag: &str, digest: &str) {
        self.content().repository(repository).tags.insert(tag.to_owned(), digest.to_owned());
    }

    /// All tags of a repository, sorted.
    pub fn tags(&self, repository: &str) -> Vec<String> {
        self.ask(repository, |found| found.tags.keys().cloned().collect()).unwrap_or_default()
    }

    /// All repositories, sorted.
    pub fn repositories(&self) -> Vec<String> {
        self.content().repositories.keys().cloned().collect()
    }

    /// A manifest by tag or digest.
    pub fn manifest(&self, repository: &str, reference: &str) -> Option<StoredManifest> {
        self.ask(repository, |found| found.manifest(reference).cloned())?
    }

    /// A blob of a repository.
    pub fn blob(&self, repository: &str, digest: &str) -> Option<Bytes> {
        self.ask(repository, |found| found.blobs.get(digest).cloned())?
    }

    /// A blob of any repository.
    pub(crate) fn blob_anywhere(&self, digest: &str) -> Option<Bytes> {
        self.content().repositories.values().find_map(|found| found.blobs.get(digest).cloned())
    }

    /// How many blobs a repository holds.
    pub fn blob_count(&self, repository: &str) -> usize {
        self.ask(repository, |found| found.blobs.len()).unwrap_or_default()
    }

    /// Removes a blob, as a storage fault or a garbage collection would. Returns whether it existed.
    pub fn remove_blob(&self, repository: &str, digest: &str) -> bool {
        let mut content = self.content();
        content.repositories.get_mut(repository).is_some_and(|found| found.blobs.remove(digest).is_some())
    }

    /// Removes a tag, or a manifest by its digest with all its tags. Returns whether it existed.
    pub fn remove_manifest(&self, repository: &str, reference: &str) -> bool {
        let mut content = self.content();
        let Some(repository) = content.repositories.get_mut(repository) else { return false };
        if repository.manifests.remove(reference).is_some() {
            repository.tags.retain(|_, digest| digest != reference);
            return true;
        }
        repository.tags.remove(reference).is_some()
    }

    /// Removes a repository with its content, as a registry's own API does. Returns whether it existed.
    pub fn remove_repository(&self, repository: &str) -> bool {
        self.content().repositories.remove(repository).is_some()
    }

    /// Replaces a blob's bytes under its digest, as a damaged disk would. Returns whether it existed.
    pub fn damage_blob(&self, repository: &str, digest: &str, bytes: impl Into<Bytes>) -> bool {
        let mut content = self.content();
        let blob = content.repositories.get_mut(repository).and_then(|found| found.blobs.get_mut(digest));
        blob.map(|blob| *blob = bytes.into()).is_some()
    }

    /// Replaces a manifest's bytes under its digest. Returns whether it existed.
    pub fn damage_manifest(&self, repository: &str, digest: &str, bytes: impl Into<Bytes>) -> bool {
        let mut content = self.content();
        let found =
            content.repositories.get_mut(repository).and_then(|found| found.manifests.get_mut(digest));
        found.map(|manifest| manifest.bytes = bytes.into()).is_some()
    }

    /// The digests of all blobs of a repository, sorted.
    pub fn blob_digests(&self, repository: &str) -> Vec<String> {
        self.ask(repository, |found| found.blobs.keys().cloned().collect()).unwrap_or_default()
    }

    /// The digests of all manifests of a repository, sorted.
    pub fn manifest_digests(&self, repository: &str) -> Vec<String> {
        self.ask(repository, |found| found.manifests.keys().cloned().collect()).unwrap_or_default()
    }

    /// Upload sessions that were neither closed nor cancelled.
    pub fn open_uploads(&self) -> usize {
        self.content().uploads.len()
    }
}

impl Content {
    fn repository(&mut self, name: &str) -> &mut Repository {
        self.repositories.entry(name.to_owned()).or_default()
    }
}

impl Repository {
    fn manifest(&self, reference: &str) -> Option<&StoredManifest> {
        self.manifests.get(self.tags.get(reference).map_or(reference, String::as_str))
    }
}
