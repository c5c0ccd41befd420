//! Reads a manifest and, for an index, its children.

use std::sync::{Mutex, MutexGuard, PoisonError};

use ::sync::endpoint::EndpointError;
use ::sync::{Cause, Error, Operation, Side, Source};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, StreamExt as _};
use oci::{Descriptor, ErrorKind, Links, ManifestError, RawManifest, TagOrDigest};

use crate::command::look::Look;

/// Nested indexes below this depth are not read.
const DEEPEST: usize = 4;
/// The number of an index's manifests that are read at once. The registry's own limits count as well.
const AT_ONCE: usize = 16;

/// The most manifests, and bytes of them, that are read: an index can name any number.
const MOST_MANIFESTS: usize = 1_000;
const MOST_BYTES: usize = 64 << 20;

/// A manifest and its children.
pub(super) struct Node {
    pub(super) manifest: RawManifest,
    pub(super) links: Links,
    pub(super) children: Vec<Child>,
}

/// A child manifest of an index.
pub(super) struct Child {
    pub(super) descriptor: Descriptor,
    pub(super) found: Found,
}

/// The result of reading it.
pub(super) enum Found {
    There(Box<Node>),
    Missing,
    Unread,
}

/// Reads manifests.
pub(super) struct Graph<'a> {
    pub(super) look: &'a Look,
    pub(super) repository: &'a dyn Source,
    left: Mutex<Left>,
}

/// The remaining budget for reading.
struct Left {
    manifests: usize,
    bytes: usize,
    /// The number of manifests that were not read.
    unread: usize,
}

impl Left {
    /// Takes one manifest from the budget, if any is left.
    fn take(&mut self) -> bool {
        let may = self.manifests > 0 && self.bytes > 0;
        if may {
            self.manifests -= 1;
        } else {
            self.unread += 1;
        }
        may
    }
}

impl<'a> Graph<'a> {
    pub(super) fn new(look: &'a Look, repository: &'a dyn Source) -> Self {
        let left = Left { manifests: MOST_MANIFESTS, bytes: MOST_BYTES, unread: 0 };
        Self { look, repository, left: Mutex::new(left) }
    }

    fn left(&self) -> MutexGuard<'_, Left> {
        self.left.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The manifest with everything below it, and the errors of parts that could not be read.
    ///
    /// # Errors
    /// The manifest itself cannot be read.
    pub(super) async fn read(&self, by: &TagOrDigest) -> Result<(Node, Vec<Error>), Error> {
        let problems = Mutex::new(Vec::new());
        let node = self.node(by, 0, &problems).await?;
        let mut problems = problems.into_inner().unwrap_or_else(PoisonError::into_inner);
        problems.extend(self.too_much(by));
        Ok((node, problems))
    }

    /// The error for manifests that were not read.
    fn too_much(&self, by: &TagOrDigest) -> Option<Error> {
        let unread = self.left().unread;
        let text = format!(
            "it names too much to be read: {unread} of its manifests were left out ({MOST_MANIFESTS} manifests or {} MiB of them are read)",
            MOST_BYTES >> 20
        );
        let cause = EndpointError::new(ErrorKind::TooLarge, text);
        (unread > 0).then(|| self.error(Operation::ReadManifest(by.clone()), cause.into()))
    }

    async fn node(
        &self,
        by: &TagOrDigest,
        depth: usize,
        problems: &Mutex<Vec<Error>>,
    ) -> Result<Node, Error> {
        // Depth 0 is the image that was named; the others are parts of it.
        let operation =
            if depth == 0 { Operation::Resolve(by.clone()) } else { Operation::ReadManifest(by.clone()) };
        let place = self.repository.name();
        let manifest = self.look.ask(place, operation.clone(), || self.repository.manifest(by)).await?;
        {
            let mut left = self.left();
            left.bytes = left.bytes.saturating_sub(manifest.bytes().len());
        }
        let links =
            manifest.links().map_err(|source| self.error(operation.clone(), unusable(&manifest, source)))?;
        if depth == DEEPEST && !links.manifests.is_empty() {
            return Err(self.error(operation, Cause::TooDeep { deepest: DEEPEST }));
        }
        let children = links.manifests.iter().cloned().map(|child| self.child(child, depth + 1, problems));
        let children = stream::iter(children.collect::<Vec<_>>()).buffered(AT_ONCE).collect().await;
        Ok(Node { manifest, links, children })
    }

    /// A missing child is no failure: some tools copy indexes without some of their manifests.
    fn child<'b>(
        &'b self,
        descriptor: Descriptor,
        depth: usize,
        problems: &'b Mutex<Vec<Error>>,
    ) -> BoxFuture<'b, Child> {
        async move {
            if !self.left().take() {
                return Child { descriptor, found: Found::Unread };
            }
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
