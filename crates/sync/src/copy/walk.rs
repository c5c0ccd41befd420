//! The walk through one image's graph to one target: what is known on the way, and how manifests are read.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, OnceLock};

use bytes::Bytes;
use oci::{Descriptor, Digest, Links, ManifestError, RawManifest, TagOrDigest};

use super::gather::Gathering;
use super::held::Held;
use super::source_image::{Shared, SourceImage};
use crate::endpoint::Source;
use crate::engine::run::{ImageCopy, Run};
use crate::lock::lock;
use crate::{Cause, Error, OnConflict, Operation, Policy};

/// Indexes inside indexes deeper than this are an attack.
const DEEPEST: usize = 16;

/// What the walk through one image's graph to one target needs everywhere.
#[derive(Clone)]
pub(super) struct Walk {
    pub(super) run: Arc<Run>,
    pub(super) copy: Arc<ImageCopy>,
    pub(super) image: Arc<SourceImage>,
    pub(super) source: Arc<dyn Source>,
    shared: Option<Arc<Shared>>,
    depth: usize,
    /// All manifests that were met.
    met: Arc<Mutex<Vec<Digest>>>,
    /// Configs that were read to look at them.
    held: Arc<Mutex<HashMap<Digest, Held>>>,
    /// The digest at the source, where children are taken out of the index.
    whole: Arc<OnceLock<Digest>>,
    /// Attestations that the target refuses, where they are left out.
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
        let (met, held, whole, refused) = Default::default();
        Self { source, run, copy, image, shared, depth: 0, met, held, whole, refused }
    }

    /// The same, below an index.
    pub(super) fn deeper(self) -> Self {
        Self { depth: self.depth + 1, ..self }
    }

    /// Where ways to several targets meet to share the read of a blob; `None` where there is one.
    pub(super) fn gathering(&self) -> Option<&Arc<Gathering>> {
        self.shared.as_ref().map(|shared| &shared.gathering)
    }

    /// Whether what somebody else has stored under the image's name is to stay.
    pub(super) fn keeps_others(&self) -> bool {
        self.image.planned.expected.is_some() || self.policy().on_conflict != OnConflict::Overwrite
    }

    /// How the image is copied.
    pub(super) fn policy(&self) -> &Policy {
        &self.image.planned.wanted.policy
    }

    /// The manifests that were met so far: those below an index, too, whether they had to be copied or not.
    pub(super) fn met(&self) -> Vec<Digest> {
        lock(&self.met).clone()
    }

    /// Notes that the target does not get this attestation.
    pub(super) fn note_refused(&self, attestation: &Digest) {
        lock(&self.refused).insert(attestation.clone());
    }

    pub(super) fn is_refused(&self, attestation: &Digest) -> bool {
        lock(&self.refused).contains(attestation)
    }

    /// Notes that children are taken out of the index with this digest.
    pub(super) fn note_whole(&self, digest: &Digest) {
        let _ = self.whole.set(digest.clone());
    }

    /// The digest at the source, where children are taken out of the index: nothing there refers to what is left.
    pub(super) fn whole(&self) -> Option<&Digest> {
        self.whole.get()
    }

    /// Keeps a blob that was read until it is sent, or the image is done.
    pub(super) fn hold(&self, digest: &Digest, bytes: Bytes) {
        lock(&self.held).insert(digest.clone(), Held::new(bytes));
    }

    pub(super) fn held(&self, digest: &Digest) -> Option<Held> {
        lock(&self.held).remove(digest)
    }

    pub(super) fn meet(&self, digest: &Digest) {
        lock(&self.met).push(digest.clone());
    }

    /// Reads a manifest.
    pub(super) async fn read_manifest(&self, reference: &TagOrDigest) -> Result<RawManifest, Arc<Error>> {
        let error = |cause| self.source_error(Operation::ReadManifest(reference.clone()), cause);
        let read = async || self.source.manifest(reference).await.map_err(&error);
        self.run.retrying(&self.copy, read).await
    }

    pub(super) fn links(&self, manifest: &RawManifest) -> Result<Links, Error> {
        let operation = Operation::ReadManifest(TagOrDigest::Digest(manifest.digest().clone()));
        let error = |cause: Cause| self.source_error(operation.clone(), cause);
        let links = manifest.links().map_err(|source| {
            error(Cause::Manifest { digest: Box::new(manifest.digest().clone()), source: Box::new(source) })
        })?;
        if self.depth >= DEEPEST && !links.manifests.is_empty() {
            return Err(error(Cause::TooDeep { deepest: DEEPEST }));
        }
        Ok(links)
    }

    /// The value, if there is one; else the copy has failed.
    pub(super) fn or_fail<T>(&self, asked: Result<T, Arc<Error>>) -> Option<T> {
        asked.map_err(|error| self.copy.fail(error)).ok()
    }

    /// The failure of an image whose manifest cannot be read.
    pub(super) fn unusable(&self, digest: &Digest, source: ManifestError) -> Arc<Error> {
        let reference = TagOrDigest::Digest(digest.clone());
        let cause = Cause::Manifest { digest: Box::new(digest.clone()), source: Box::new(source) };
        Arc::new(self.source_error(Operation::ReadManifest(reference), cause))
    }

    /// Checks the size of an index's child: clients refuse to pull what has another size than its index says.
    pub(super) fn check_size(&self, child: &Descriptor, manifest: &RawManifest) -> Result<(), Error> {
        let reference = TagOrDigest::Digest(child.digest.clone());
        let checked = child.check_size(manifest.bytes().len() as u64);
        checked.map_err(|wrong| {
            self.source_error(Operation::ReadManifest(reference), Cause::Mismatch(Box::new(wrong)))
        })
    }
}
