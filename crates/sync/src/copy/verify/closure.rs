//! Walks an image's content at a target, level by level, each manifest and blob once.

use std::collections::HashSet;
use std::sync::Arc;

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use oci::{Descriptor, Digest};

use super::findings::Findings;
use super::inspector::Inspector;
use crate::memory::inspected::{Below, BlobBelow, KeptBy, Soundness};
use crate::{Cause, Error, Operation, ProblemKind};

/// How many blobs or manifests of one image are checked in parallel.
const AT_ONCE: usize = 16;
/// Nested indexes deeper than this are treated as an attack.
const DEEPEST: usize = 16;

/// The walk through one image.
pub(super) struct Closure<'a> {
    pub(super) inspector: &'a Inspector<'a>,
    pub(super) findings: Findings,
    /// The visited manifests, in this order.
    pub(super) met: Vec<Digest>,
    /// With the sizes in their descriptors, because each size is right or wrong on its own.
    manifests: HashSet<(Digest, Option<u64>)>,
    blobs: HashSet<(Digest, Option<u64>)>,
}

impl<'a> Closure<'a> {
    pub(super) fn new(inspector: &'a Inspector<'a>) -> Self {
        let (findings, met, manifests, blobs) = Default::default();
        Self { inspector, findings, met, manifests, blobs }
    }

    /// Checks all content below a manifest.
    pub(super) async fn look_below(&mut self, below: Arc<Below>) -> Result<(), Arc<Error>> {
        let mut level = vec![below];
        for _ in 0..DEEPEST {
            self.look_at_blobs(&level).await?;
            let children = level.iter().flat_map(|below| &below.children);
            let children: Vec<_> =
                children.map(|(digest, size)| Descriptor::new(None, digest.clone(), *size)).collect();
            level = self.look_at_manifests(children, ProblemKind::Manifest).await?;
            if level.is_empty() {
                return Ok(());
            }
        }
        let walk = self.inspector.walk;
        let cause = Cause::TooDeep { deepest: DEEPEST };
        Err(Arc::new(walk.copy.target_error(Operation::ReadManifest(walk.copy.reference().clone()), cause)))
    }

    /// Checks manifests that were not visited yet, and returns what they refer to.
    pub(super) async fn look_at_manifests(
        &mut self,
        mut manifests: Vec<Descriptor>,
        kind: ProblemKind,
    ) -> Result<Vec<Arc<Below>>, Arc<Error>> {
        manifests.retain(|manifest| self.manifests.insert((manifest.digest.clone(), manifest.size)));
        let looks: Vec<_> = manifests.iter().map(|manifest| self.inspector.manifest(manifest)).collect();
        let inspections: Vec<_> = stream::iter(looks).buffered(AT_ONCE).try_collect().await?;
        let mut below = Vec::new();
        for (manifest, inspection) in manifests.into_iter().zip(inspections) {
            self.met.push(manifest.digest.clone());
            below.extend(inspection.below);
            if self.findings.note(&manifest.digest, kind, &inspection.found) && kind == ProblemKind::Manifest
            {
                self.findings.manifests.push(manifest);
            }
        }
        Ok(below)
    }

    async fn look_at_blobs(&mut self, level: &[Arc<Below>]) -> Result<(), Arc<Error>> {
        let mut blobs: Vec<&BlobBelow> = level.iter().flat_map(|below| &below.blobs).collect();
        blobs.retain(|blob| self.blobs.insert((blob.digest.clone(), blob.size)));
        let looks: Vec<_> = blobs.iter().map(|blob| self.inspector.blob(blob)).collect();
        let found: Vec<_> = stream::iter(looks).buffered(AT_ONCE).try_collect().await?;
        for (blob, found) in blobs.into_iter().zip(found) {
            let is_elsewhere = matches!(found, Soundness::Missing) && blob.kept == KeptBy::Anybody;
            if !is_elsewhere && self.findings.note(&blob.digest, ProblemKind::Blob, &found) {
                self.findings.blobs.push(Descriptor::new(None, blob.digest.clone(), blob.size));
            }
        }
        Ok(())
    }
}
