//! Reads a manifest, and those that it names where it is an index.

use std::sync::{Mutex, PoisonError};

use ::sync::{Cause, Error, Operation, Side, Source};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, StreamExt as _};
use oci::{Descriptor, ErrorKind, Links, ManifestError, RawManifest, TagOrDigest};

use crate::command::look::Look;

/// Indexes inside indexes deeper than this are not followed.
const DEEPEST: usize = 4;
/// So many manifests of an index are asked for side by side; the registry's own limits count as well.
const AT_ONCE: usize = 16;

/// A manifest, and what it names.
pub(super) struct Node {
    pub(super) manifest: RawManifest,
    pub(super) links: Links,
    pub(super) children: Vec<Child>,
}

/// A manifest that an index names.
pub(super) struct Child {
    pub(super) descriptor: Descriptor,
    pub(super) found: Found,
}

/// What became of the wish to read it.
pub(super) enum Found {
    There(Box<Node>),
    Missing,
    Unread,
}

/// Who reads.
pub(super) struct Graph<'a> {
    pub(super) look: &'a Look,
    pub(super) repository: &'a dyn Source,
}

impl Graph<'_> {
    /// The manifest with all below it, and what could not be read of that.
    ///
    /// # Errors
    /// The manifest itself cannot be read.
    pub(super) async fn read(&self, by: &TagOrDigest) -> Result<(Node, Vec<Error>), Error> {
        let problems = Mutex::new(Vec::new());
        let node = self.node(by, 0, &problems).await?;
        Ok((node, problems.into_inner().unwrap_or_else(PoisonError::into_inner)))
    }

    async fn node(
        &self,
        by: &TagOrDigest,
        depth: usize,
        problems: &Mutex<Vec<Error>>,
    ) -> Result<Node, Error> {
        let operation = Operation::ReadManifest(by.clone());
        let place = self.repository.name();
        let manifest = self.look.ask(place, operation.clone(), || self.repository.manifest(by)).await?;
        let links =
            manifest.links().map_err(|source| self.error(operation.clone(), unusable(&manifest, source)))?;
        if depth == DEEPEST && !links.manifests.is_empty() {
            return Err(self.error(operation, Cause::TooDeep { deepest: DEEPEST }));
        }
        let children = links.manifests.iter().cloned().map(|child| self.child(child, depth + 1, problems));
        let children = stream::iter(children.collect::<Vec<_>>()).buffered(AT_ONCE).collect().await;
        Ok(Node { manifest, links, children })
    }

    /// One that is not there is no failure: indexes are copied without some of their manifests.
    fn child<'a>(
        &'a self,
        descriptor: Descriptor,
        depth: usize,
        problems: &'a Mutex<Vec<Error>>,
    ) -> BoxFuture<'a, Child> {
        async move {
            let by = TagOrDigest::Digest(descriptor.digest.clone());
            let found = match self.node(&by, depth, problems).await {
                Ok(node) => Found::There(Box::new(node)),
                Err(error) if error.kind() == Some(ErrorKind::NotFound) => Found::Missing,
                Err(error) => {
                    problems.lock().unwrap_or_else(PoisonError::into_inner).push(error);
                    Found::Unread
                }
            };
            Child { descriptor, found }
        }
        .boxed()
    }

    fn error(&self, operation: Operation, cause: Cause) -> Error {
        Error { side: Side::Source, place: self.repository.name().to_owned(), operation, cause }
    }
}

fn unusable(manifest: &RawManifest, source: ManifestError) -> Cause {
    Cause::Manifest { digest: Box::new(manifest.digest().clone()), source: Box::new(source) }
}
