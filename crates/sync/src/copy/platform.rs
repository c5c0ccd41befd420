//! Selects the children of an image whose platforms are wanted.

use std::collections::HashSet;
use std::sync::Arc;

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use oci::{Descriptor, Digest, Links, MediaType, Platform, RawManifest, TagOrDigest};

use super::walk::Walk;
use crate::{Cause, Error, Operation, Side};

/// How many children of an index are inspected in parallel.
const CHILDREN_AT_ONCE: usize = 16;

/// A larger blob is not treated as a config.
const LARGEST_CONFIG: usize = 8 << 20;

/// A larger config is read again when it is sent: waiting images must not fill the memory.
const LARGEST_HELD: usize = 64 << 10;

/// What the filter accepts of an image.
pub(super) enum Selected {
    /// Everything except these children.
    AllBut(HashSet<Digest>),
    /// Nothing.
    Nothing,
}

/// Whether the manifest itself names its platform.
fn is_schema1(manifest: &RawManifest) -> bool {
    [MediaType::DOCKER_SCHEMA1, MediaType::DOCKER_SCHEMA1_SIGNED].contains(manifest.media_type())
}

impl Walk {
    /// Applies the policy's platform filter.
    pub(super) async fn select_platforms(&self, manifest: &RawManifest) -> Result<Selected, Arc<Error>> {
        if !self.policy().platforms.is_active() {
            return Ok(Selected::AllBut(HashSet::new()));
        }
        let links = self.links(manifest)?;
        if links.manifests.is_empty() {
            let platform = self.single_platform(manifest, links.config.as_ref()).await?;
            let is_wanted = self.is_wanted(platform.as_ref());
            return Ok(if is_wanted { Selected::AllBut(HashSet::new()) } else { Selected::Nothing });
        }
        let mut wanted = self.wanted_children(&links).await?;
        // An index may name one manifest for several platforms: it is wanted if any of them is.
        for again in manifest.repeated_entries().unwrap_or_default() {
            if again.platform.is_some() && self.is_wanted(again.platform.as_ref()) {
                let children = links.manifests.iter().zip(&mut wanted);
                for (_, wanted) in children.filter(|(child, _)| child.digest == again.digest) {
                    *wanted = true;
                }
            }
        }
        if !wanted.contains(&true) {
            return Ok(Selected::Nothing);
        }
        let children = links.manifests.into_iter().zip(wanted);
        let unwanted = children.filter(|(_, wanted)| !wanted).map(|(child, _)| child.digest);
        Ok(Selected::AllBut(unwanted.collect()))
    }

    /// For each child of an index, whether it is wanted.
    async fn wanted_children(&self, links: &Links) -> Result<Vec<bool>, Arc<Error>> {
        let asked: Vec<_> = links.manifests.iter().map(|child| self.is_wanted_child(child)).collect();
        stream::iter(asked).buffered(CHILDREN_AT_ONCE).try_collect().await
    }

    async fn is_wanted_child(&self, child: &Descriptor) -> Result<bool, Arc<Error>> {
        match &child.platform {
            Some(platform) => Ok(self.is_wanted(Some(platform))),
            None => Ok(self.is_wanted(self.child_platform(child).await?.as_ref())),
        }
    }

    /// Content without a platform is always wanted.
    fn is_wanted(&self, platform: Option<&Platform>) -> bool {
        platform.is_none_or(|platform| self.policy().platforms.accepts(platform))
    }

    /// The platform of a child whose descriptor does not name it, from its config. A nested index has no platform,
    /// and is kept as it is.
    async fn child_platform(&self, child: &Descriptor) -> Result<Option<Platform>, Arc<Error>> {
        let reference = TagOrDigest::Digest(child.digest.clone());
        let read = async || {
            let manifest = self.source.manifest(&reference).await;
            manifest.map_err(|cause| self.source_error(Operation::ReadManifest(reference.clone()), cause))
        };
        let bytes = self.copy.bytes_for(&self.run, child).await;
        let manifest = self.run.retrying(&self.copy, read).await?;
        self.check_size(child, &manifest)?;
        let links = self.links(&manifest)?;
        if !links.manifests.is_empty() {
            return Ok(None);
        }
        if is_schema1(&manifest) {
            return Ok(Platform::read(manifest.bytes()));
        }
        // Release the bytes before waiting for further ones.
        drop((manifest, bytes));
        self.platform_in(links.config.as_ref()).await
    }

    /// The platform of a single image; artifacts have none, and are never left out.
    async fn single_platform(
        &self,
        manifest: &RawManifest,
        config: Option<&Descriptor>,
    ) -> Result<Option<Platform>, Arc<Error>> {
        if is_schema1(manifest) {
            Ok(Platform::read(manifest.bytes()))
        } else {
            self.platform_in(config).await
        }
    }

    /// The platform that a config names.
    async fn platform_in(&self, config: Option<&Descriptor>) -> Result<Option<Platform>, Arc<Error>> {
        match config.filter(|config| config.is_image_config()) {
            Some(config) => {
                let _bytes = self.copy.bytes_for(&self.run, config).await;
                let bytes = self.run.retrying(&self.copy, || self.read_config(config)).await?;
                let platform = Platform::read(&bytes);
                if self.is_wanted(platform.as_ref()) && bytes.len() <= LARGEST_HELD {
                    self.hold(&config.digest, bytes.into());
                }
                Ok(platform)
            }
            None => Ok(None),
        }
    }

    async fn read_config(&self, config: &Descriptor) -> Result<Vec<u8>, Error> {
        let failed = |cause| self.source_error(Operation::ReadBlob(config.digest.clone()), cause);
        let mut reader = self.source.blob(config).await.map_err(failed)?;
        let mut bytes = Vec::new();
        while let Some(piece) = reader.next().await.map_err(failed)? {
            self.run.engine.pace().pass(piece.len()).await;
            if bytes.len() + piece.len() > LARGEST_CONFIG {
                let size = oci::Mismatch::Size {
                    digest: config.digest.clone(),
                    expected: LARGEST_CONFIG as u64,
                    actual: (bytes.len() + piece.len()) as u64,
                };
                return Err(self.source_error(
                    Operation::ReadBlob(config.digest.clone()),
                    Cause::Mismatch(Box::new(size)),
                ));
            }
            bytes.extend_from_slice(&piece);
        }
        Ok(bytes)
    }

    /// An error of the source.
    pub(super) fn source_error(&self, operation: Operation, cause: impl Into<Cause>) -> Error {
        let place = self.source.name().to_owned();
        Error { side: Side::Source, place, operation, cause: cause.into() }
    }
}
