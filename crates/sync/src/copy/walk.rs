//! The walk through one image's graph for one target: its shared state, and how it reads manifests.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};

use bytes::Bytes;
use oci::{Descriptor, Digest, Links, ManifestError, RawManifest, TagOrDigest};

use super::gather::Gathering;
use super::held::Held;
use super::source_image::{Shared, SourceImage};
use super::visited::Visited;
use crate::endpoint::Source;
use crate::engine::run::{ImageCopy, Run};
use crate::lock::lock;
use crate::{Cause, Error, OnConflict, Operation, Policy};

/// Nested indexes deeper than this are treated as an attack.
const DEEPEST: usize = 16;

/// The shared state of the walk through one image's graph for one target.
#[derive(Clone)]
pub(super) struct Walk {
    pub(super) run: Arc<Run>,
    pub(super) copy: Arc<ImageCopy>,
    pub(super) image: Arc<SourceImage>,
    pub(super) source: Arc<dyn Source>,
    shared: Option<Arc<Shared>>,
    depth: usize,
    visited: Arc<Mutex<Visited>>,
    /// Configs that were read for inspection.
    held: Arc<Mutex<HashMap<Digest, Held>>>,
    /// The digest at the source, if children are removed from the index.
    whole: Arc<OnceLock<Digest>>,
    /// Attestations that the target refuses, if the rule drops these.
    refused: Arc<Mutex<HashSet<Digest>>>,
}

impl Walk {
    pub(super) fn new(
        run: Arc<Run>,
        copy: Arc<ImageCopy>,
        image: Arc<SourceImage>,
        shared: Option<Arc<Shared>>,
    ) -> Self {
        let source =
            shared.as_ref().map_or_else(|| image.planned.source.clone(), |shared| shared.source.clone());
        let (visited, held, whole, refused) = Default::default();
        Self { source, run, copy, image, shared, depth: 0, visited, held, whole, refused }
    }

    /// The same walk, one index deeper.
    pub(super) fn deeper(self) -> Self {
        Self { depth: self.depth + 1, ..self }
    }

    /// Where the copies to several targets share the read of a blob; `None` if there is one target.
    pub(super) fn gathering(&self) -> Option<&Arc<Gathering>> {
        self.shared.as_ref().map(|shared| &shared.gathering)
    }

    /// Whether an image that another client stored under the reference must stay.
    pub(super) fn keeps_others(&self) -> bool {
        self.image.planned.expected.is_some() || self.policy().on_conflict != OnConflict::Overwrite
    }

    /// The policy for this image.
    pub(super) fn policy(&self) -> &Policy {
        &self.image.planned.wanted.policy
    }

    /// What was visited below the image, whether it had to be copied or not.
    pub(super) fn visited(&self) -> MutexGuard<'_, Visited> {
        lock(&self.visited)
    }

    /// Records that the target does not get this attestation.
    pub(super) fn note_refused(&self, attestation: &Digest) {
        lock(&self.refused).insert(attestation.clone());
    }

    pub(super) fn is_refused(&self, attestation: &Digest) -> bool {
        lock(&self.refused).contains(attestation)
    }

    /// Records that children are removed from the index with this digest.
    pub(super) fn note_whole(&self, digest: &Digest) {
        let _ = self.whole.set(digest.clone());
    }

    /// The digest at the source, if children are removed from the index: no referrer at the source has the new index
    /// as its subject.
    pub(super) fn whole(&self) -> Option<&Digest> {
        self.whole.get()
    }

    /// Keeps a blob that was read, until it is sent or the image is done.
    pub(super) fn hold(&self, digest: &Digest, bytes: Bytes) {
        lock(&self.held).insert(digest.clone(), Held::new(bytes));
    }

    pub(super) fn held(&self, digest: &Digest) -> Option<Held> {
        lock(&self.held).remove(digest)
    }

    /// The digest of a reference at the source.
    pub(super) async fn resolve(&self, reference: &TagOrDigest) -> Result<Option<Digest>, Arc<Error>> {
        let ask = async || {
            let asked = self.source.resolve(reference).await;
            asked.map_err(|cause| self.source_error(Operation::Resolve(reference.clone()), cause))
        };
        self.run.retrying(&self.copy, ask).await
    }

    /// Reads a manifest.
    pub(super) async fn read_manifest(&self, reference: &TagOrDigest) -> Result<RawManifest, Arc<Error>> {
        let error = |cause| self.source_error(Operation::ReadManifest(reference.clone()), cause);
        let read = async || self.source.manifest(reference).await.map_err(&error);
        self.run.retrying(&self.copy, read).await
    }

    /// Reads a manifest of the target, without retries.
    pub(super) async fn manifest_at_target(&self, reference: &TagOrDigest) -> Result<RawManifest, Error> {
        let read = self.copy.target.manifest(reference).await;
        read.map_err(|cause| self.copy.target_error(Operation::ReadManifest(reference.clone()), cause))
    }

    pub(super) fn links(&self, manifest: &RawManifest) -> Result<Links, Arc<Error>> {
        let links = manifest.links().map_err(|source| self.unusable(manifest.digest(), source))?;
        self.check_depth(manifest.digest(), links.manifests.len())?;
        Ok(links)
    }

    /// Fails if a manifest with this many children lies too deep for an index.
    pub(super) fn check_depth(&self, digest: &Digest, children: usize) -> Result<(), Error> {
        if self.depth < DEEPEST || children == 0 {
            return Ok(());
        }
        let operation = Operation::ReadManifest(TagOrDigest::Digest(digest.clone()));
        Err(self.source_error(operation, Cause::TooDeep { deepest: DEEPEST }))
    }

    /// The value, if there is one; else fails the copy.
    pub(super) fn or_fail<T>(&self, asked: Result<T, Arc<Error>>) -> Option<T> {
        asked.map_err(|error| self.copy.fail(error)).ok()
    }

    /// The error of an image whose manifest cannot be parsed.
    pub(super) fn unusable(&self, digest: &Digest, source: ManifestError) -> Arc<Error> {
        let reference = TagOrDigest::Digest(digest.clone());
        let cause = Cause::Manifest { digest: Box::new(digest.clone()), source: Box::new(source) };
        Arc::new(self.source_error(Operation::ReadManifest(reference), cause))
    }

    /// Checks the size of an index's child: clients refuse to pull a manifest whose size differs from its descriptor.
    pub(super) fn check_size(&self, child: &Descriptor, manifest: &RawManifest) -> Result<(), Error> {
        let reference = TagOrDigest::Digest(child.digest.clone());
        let checked = child.check_size(manifest.bytes().len() as u64);
        checked.map_err(|wrong| {
            self.source_error(Operation::ReadManifest(reference), Cause::Mismatch(Box::new(wrong)))
        })
    }
}
