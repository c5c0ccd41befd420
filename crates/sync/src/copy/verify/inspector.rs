//! Checks one manifest or blob at a target, once for all images of the run that share it.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use oci::{Descriptor, Digest, ErrorKind, Links, Mismatch, RawManifest, RepositoryName, TagOrDigest};

use super::super::length::other_length;
use super::super::walk::Walk;
use super::reader::{Again, read};
use crate::endpoint::{FoundBlob, Kept, Scope, Source, StoreId};
use crate::engine::verification::{Against, Depth, Repair, Verification};
use crate::memory::inspected::{Below, BlobBelow, Inspection, KeptBy, Listed, Soundness};
use crate::memory::ledger::Kind;
use crate::{Cause, Error, Operation};

/// Checks content for one image.
pub(super) struct Inspector<'a> {
    pub(super) walk: &'a Walk,
    pub(super) verification: Verification,
    /// The target, as a source to read from.
    contents: Arc<dyn Source>,
    /// The number of this check of the image.
    look: u8,
    /// Whether problems are noted for a repair.
    notes: Notes,
}

/// Whether problems are noted for a repair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Notes {
    Taken,
    None,
}

impl<'a> Inspector<'a> {
    /// For the first check of an image.
    pub(super) fn new(walk: &'a Walk, verification: Verification) -> Self {
        let contents = walk.copy.target.contents();
        let notes = if verification.repair == Repair::Broken { Notes::Taken } else { Notes::None };
        Self { walk, verification, contents, look: 1, notes }
    }

    /// Begins another check, which repeats what was broken.
    pub(super) fn look_again(&mut self, notes: Notes) {
        self.look += 1;
        self.notes = notes;
    }

    /// Whether there is a source to compare with, and to repair from.
    pub(super) fn has_source(&self) -> bool {
        self.verification.against == Against::Source
    }

    /// What the target has under a reference.
    pub(super) async fn under(
        &self,
        name: &TagOrDigest,
    ) -> Result<Result<RawManifest, Soundness>, Arc<Error>> {
        match self.read_manifest(name).await {
            Ok(manifest) => Ok(Ok(manifest)),
            Err(error) => judged(error).map(Err),
        }
    }

    /// Records a manifest that was read under a reference as checked.
    pub(super) async fn take(&self, manifest: &RawManifest, below: &Arc<Below>) {
        let inspection = Inspection {
            found: Soundness::Whole,
            look: self.look,
            below: Some(below.clone()),
            length: Some(manifest.bytes().len() as u64),
        };
        let taken = async {
            self.walk.run.inspected.counts.manifests.fetch_add(1, Ordering::Relaxed);
            Ok::<_, Arc<Error>>(inspection)
        };
        let key = self.key(manifest.digest());
        self.walk.run.inspected.manifests.forget(&key, |before| before.is_outdated(self.look));
        // It cannot fail.
        let _ = self.walk.run.inspected.manifests.get(key, &self.walk.copy.activity, taken).await;
    }

    /// Checks a manifest. If the target's manifest is broken, its links come from the source's.
    pub(super) async fn manifest(&self, manifest: &Descriptor) -> Result<Inspection, Arc<Error>> {
        let (inspected, key) = (&self.walk.run.inspected, self.key(&manifest.digest));
        inspected.manifests.forget(&key, |before| before.is_outdated(self.look));
        // Boxed, so that the futures that wait for it stay small.
        let look = Box::pin(async {
            inspected.counts.manifests.fetch_add(1, Ordering::Relaxed);
            let inspection = self.look_at_manifest(manifest).await?;
            self.note(Kind::Manifest, &manifest.digest, &inspection.found);
            Ok::<_, Arc<Error>>(inspection)
        });
        let inspection = inspected.manifests.get(key, &self.walk.copy.activity, look).await?;
        Ok(self.as_named(manifest, inspection))
    }

    /// The result for a manifest, for one descriptor that names it.
    fn as_named(&self, manifest: &Descriptor, inspection: Inspection) -> Inspection {
        let checked = inspection.length.map_or(Ok(()), |length| manifest.check_size(length));
        match (&inspection.found, checked) {
            (Soundness::Whole, Err(wrong)) => {
                let found = self.misnamed(read_operation(&manifest.digest), wrong);
                Inspection { found, ..inspection }
            }
            _ => inspection,
        }
    }

    fn misnamed(&self, operation: Operation, wrong: Mismatch) -> Soundness {
        let cause = Cause::Mismatch(Box::new(wrong));
        Soundness::Misnamed(Arc::new(self.walk.copy.target_error(operation, cause)))
    }

    /// Checks a blob.
    pub(super) async fn blob(&self, blob: &BlobBelow) -> Result<Soundness, Arc<Error>> {
        let (inspected, (store, repository, digest)) = (&self.walk.run.inspected, self.key(&blob.digest));
        let key = (store, repository, digest, blob.size);
        inspected.blobs.forget(&key, |before| before.is_outdated(self.look));
        let look = Box::pin(async {
            inspected.counts.blobs.fetch_add(1, Ordering::Relaxed);
            let descriptor = Descriptor::new(None, blob.digest.clone(), blob.size);
            let found = match self.verification.depth {
                Depth::Length => self.look_for(&descriptor, Untold::IsRead).await?,
                Depth::Content => self.look_inside(&descriptor).await?,
            };
            if !(matches!(found, Soundness::Missing) && blob.kept == KeptBy::Anybody) {
                self.note(Kind::Blob, &blob.digest, &found);
            }
            Ok::<_, Arc<Error>>(self.inspection(found))
        });
        Ok(inspected.blobs.get(key, &self.walk.copy.activity, look).await?.found)
    }

    /// The referrers that the target lists for a manifest.
    pub(super) async fn listed(&self, subject: &Digest) -> Result<Listed, Arc<Error>> {
        let (inspected, key) = (&self.walk.run.inspected, self.key(subject));
        let is_outdated = |before: &Listed| before.look < self.look;
        inspected.lists.forget(&key, is_outdated);
        let (walk, operation) = (self.walk, || Operation::ListReferrers(subject.clone()));
        let look = Box::pin(async {
            let ask = async || {
                let asked = self.contents.referrers(subject, Kept::Anywhere).await;
                asked.map_err(|cause| walk.copy.target_error(operation(), cause))
            };
            let found = match walk.run.retrying(&walk.copy, ask).await {
                Ok(found) => Ok(found.into_iter().map(|referrer| referrer.digest).collect()),
                Err(error) => Err(judged(error)?),
            };
            Ok(Listed { found, look: self.look })
        });
        inspected.lists.get(key, &self.walk.copy.activity, look).await
    }

    async fn look_at_manifest(&self, manifest: &Descriptor) -> Result<Inspection, Arc<Error>> {
        let _bytes = self.walk.copy.bytes_for(&self.walk.run, manifest).await;
        let reference = TagOrDigest::Digest(manifest.digest.clone());
        let found = match self.read_manifest(&reference).await {
            Ok(read) => return Ok(self.judge(&read)),
            Err(error) => judged(error)?,
        };
        Ok(Inspection { below: self.below_at_source(&reference).await?, ..self.inspection(found) })
    }

    /// The result for a manifest with the right digest.
    fn judge(&self, read: &RawManifest) -> Inspection {
        let links = match read.links() {
            Ok(links) => links,
            Err(source) => {
                let digest = Box::new(read.digest().clone());
                let cause = Cause::Manifest { digest, source: Box::new(source) };
                let error = self.walk.copy.target_error(read_operation(read.digest()), cause);
                return self.inspection(Soundness::Unreadable(Arc::new(error)));
            }
        };
        let (below, length) = (Some(Arc::new(below(&links))), Some(read.bytes().len() as u64));
        Inspection { below, length, ..self.inspection(Soundness::Whole) }
    }

    fn inspection(&self, found: Soundness) -> Inspection {
        Inspection { found, look: self.look, below: None, length: None }
    }

    /// The links that a broken manifest should have. An error of the source does not count as a problem of the target.
    async fn below_at_source(&self, reference: &TagOrDigest) -> Result<Option<Arc<Below>>, Arc<Error>> {
        if !self.has_source() {
            return Ok(None);
        }
        match self.walk.read_manifest(reference).await {
            Err(stopped) if stopped.is_stopped() => Err(stopped),
            Err(_) => Ok(None),
            Ok(read) => Ok(read.links().ok().map(|links| Arc::new(below(&links)))),
        }
    }

    async fn read_manifest(&self, reference: &TagOrDigest) -> Result<RawManifest, Arc<Error>> {
        let walk = self.walk;
        let step = async || {
            let read = self.contents.manifest(reference).await;
            read.map_err(|cause| walk.copy.target_error(Operation::ReadManifest(reference.clone()), cause))
        };
        let read = walk.run.retrying(&walk.copy, step).await?;
        walk.run.inspected.counts.read(read.bytes().len());
        Ok(read)
    }

    /// Asks for a blob and its length. If the answer is no proof, reads the blob: some registries do not support the
    /// request, and proxies report wrong lengths, or none.
    async fn look_for(&self, blob: &Descriptor, untold: Untold) -> Result<Soundness, Arc<Error>> {
        let walk = self.walk;
        let operation = || Operation::FindBlob(blob.digest.clone());
        let step = async || {
            let found = self.contents.find_blob(&blob.digest).await;
            found.map_err(|cause| walk.copy.target_error(operation(), cause))
        };
        match walk.run.retrying(&walk.copy, step).await {
            Ok(Some(found)) if is_proof(blob, found, untold) => Ok(Soundness::Whole),
            Ok(found) => self.read(blob, found.and_then(|found| found.length)).await,
            Err(error) => judged(error),
        }
    }

    /// Reads a blob. If it was already read from another repository of the store, only looks it up here.
    async fn look_inside(&self, blob: &Descriptor) -> Result<Soundness, Arc<Error>> {
        let (inspected, target) = (&self.walk.run.inspected, &self.walk.copy.target);
        let key = (target.store().clone(), blob.digest.clone(), blob.size);
        inspected.contents.forget(&key, |before| before.is_outdated(self.look));
        let mut is_read_here = false;
        let read = Box::pin(async {
            is_read_here = true;
            match self.read(blob, None).await.map_err(Unshared::Stopped)? {
                found @ (Soundness::Whole | Soundness::Wrong(_) | Soundness::Misnamed(_)) => {
                    Ok(self.inspection(found))
                }
                found => Err(Unshared::OfRepository(found)),
            }
        });
        match inspected.contents.get(key, &self.walk.copy.activity, read).await {
            Ok(read) if is_read_here => Ok(read.found),
            Ok(read) => match self.look_for(blob, Untold::IsWell).await? {
                Soundness::Whole => Ok(read.found),
                found => Ok(found),
            },
            Err(Unshared::OfRepository(found)) => Ok(found),
            Err(Unshared::Stopped(error)) => Err(error),
        }
    }

    /// Reads a blob. `told` is the length that the target has reported, if it was asked.
    async fn read(&self, blob: &Descriptor, told: Option<u64>) -> Result<Soundness, Arc<Error>> {
        // If the target reports a wrong length, a second read would not help.
        let again = if told.is_some() { Again::No } else { Again::Yes };
        match Box::pin(read(self.walk, &*self.contents, blob, again)).await {
            Ok(_) => Ok(Soundness::Whole),
            Err(error) if error.kind() == Some(ErrorKind::Mismatch) => {
                let told = match told {
                    Some(told) => Some(told),
                    None => self.told_length(&blob.digest).await,
                };
                self.mismatched(blob, told, error).await
            }
            Err(error) => judged(error),
        }
    }

    async fn told_length(&self, blob: &Digest) -> Option<u64> {
        self.contents.find_blob(blob).await.ok().flatten()?.length
    }

    /// Distinguishes a blob whose bytes do not match its digest from a descriptor with a wrong size.
    async fn mismatched(
        &self,
        blob: &Descriptor,
        told: Option<u64>,
        error: Arc<Error>,
    ) -> Result<Soundness, Arc<Error>> {
        if blob.size.is_none() || told == blob.size {
            return judged(error);
        }
        let as_told = Descriptor::new(None, blob.digest.clone(), told);
        match Box::pin(read(self.walk, &*self.contents, &as_told, Again::No)).await {
            Err(stopped) if stopped.is_stopped() => Err(stopped),
            Err(_) => judged(error),
            Ok(length) => match blob.check_size(length) {
                Ok(()) => Ok(Soundness::Whole),
                Err(wrong) => Ok(self.misnamed(Operation::ReadBlob(blob.digest.clone()), wrong)),
            },
        }
    }

    /// Records for the repair what is broken, and which blobs are present.
    pub(super) fn note(&self, kind: Kind, digest: &Digest, found: &Soundness) {
        if self.notes == Notes::None {
            return;
        }
        let (copy, state) = (&self.walk.copy, &self.walk.run.state);
        let repository = copy.target.repository();
        match found {
            Soundness::Whole | Soundness::Misnamed(_) if kind == Kind::Blob => {
                copy.ledger.note_present(kind, repository, digest);
            }
            // The content below it is checked on its own.
            Soundness::Whole | Soundness::Misnamed(_) => {}
            Soundness::Missing | Soundness::Wrong(_) | Soundness::Unreadable(_) => {
                copy.ledger.note_broken(kind, repository, digest);
                state.forget_holder(&*copy.target, digest, repository);
            }
        }
    }

    fn key(&self, digest: &Digest) -> (StoreId, RepositoryName, Digest) {
        let target = &self.walk.copy.target;
        (target.store().clone(), target.repository().clone(), digest.clone())
    }
}

/// How to treat a blob whose length is not reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Untold {
    /// Read it: only its bytes show that it is intact.
    IsRead,
    /// Accept it: its bytes were read from another repository of the store.
    IsWell,
}

/// Whether the target's answer shows that the blob is intact.
fn is_proof(blob: &Descriptor, found: FoundBlob, untold: Untold) -> bool {
    let is_told = found.length.is_some() || blob.size.is_none() || untold == Untold::IsWell;
    is_told && other_length(blob, found).is_none()
}

/// A result that must not be shared with the store's other repositories.
enum Unshared {
    OfRepository(Soundness),
    Stopped(Arc<Error>),
}

fn read_operation(digest: &Digest) -> Operation {
    Operation::ReadManifest(TagOrDigest::Digest(digest.clone()))
}

/// What a failed read says about the content. Only the end of the run is returned as an error.
fn judged(error: Arc<Error>) -> Result<Soundness, Arc<Error>> {
    if error.is_stopped() {
        return Err(error);
    }
    let is_of_content = error.endpoint().is_some_and(|error| error.scope == Scope::Image);
    Ok(match error.kind() {
        Some(ErrorKind::NotFound) => Soundness::Missing,
        Some(ErrorKind::Mismatch) => Soundness::Wrong(error),
        // The manifest's bytes are not what the digest or media type says.
        Some(ErrorKind::Protocol) if is_of_content => Soundness::Wrong(error),
        _ => Soundness::Unreadable(error),
    })
}

/// The part of the links that is kept during the walk.
pub(super) fn below(links: &Links) -> Below {
    let blob = |blob: &Descriptor| BlobBelow {
        digest: blob.digest.clone(),
        size: blob.size,
        kept: if blob.is_kept_by_registries() { KeptBy::Registry } else { KeptBy::Anybody },
    };
    let children = links.manifests.iter().map(|child| (child.digest.clone(), child.size));
    Below { blobs: links.blobs.iter().map(blob).collect(), children: children.collect() }
}
