//! Deletion at a target, and the reasons why the target may not support it.

use futures_util::future::BoxFuture;
use oci::{Descriptor, Digest, RepositoryName, Tag, TagOrDigest, WhyKept};

use super::{Answer, EndpointError};

/// A repository in which tags and manifests can be deleted, as far as its registry allows it.
pub trait Deletes: Send + Sync {
    /// Whether the registry is sure to delete only the tag, and to keep the image.
    fn untags(&self) -> BoxFuture<'_, bool>;
    /// The digest of `reference`; `None` if the registry says that it does not exist. A denied request is an error.
    fn resolve<'a>(&'a self, reference: &'a TagOrDigest) -> Answer<'a, Option<Digest>>;
    /// Deletes a tag. The image should stay, but that is not guaranteed.
    fn delete_tag<'a>(&'a self, tag: &'a Tag) -> Answer<'a, Deletion>;
    /// Deletes a manifest with all tags that point at it, even if an index refers to it.
    fn delete_manifest<'a>(&'a self, digest: &'a Digest) -> Answer<'a, Deletion>;
    /// The referrers of a manifest that have no tag.
    fn referrers<'a>(&'a self, subject: &'a Digest) -> Answer<'a, Vec<Descriptor>>;
}

/// Deletes tags with a registry's own API, outside the distribution protocol.
pub trait Untags: Send + Sync {
    /// Whether the registry offers the API.
    fn is_offered(&self) -> BoxFuture<'_, bool>;
    /// Deletes a tag, and nothing else. `None` if the registry does not offer the API after all.
    fn untag<'a>(&'a self, repository: &'a RepositoryName, tag: &'a Tag) -> Answer<'a, Option<Deletion>>;
}

/// The result of the deletion of a tag or a manifest.
#[derive(Clone, Debug)]
pub enum Deletion {
    /// The tag is deleted, and the registry is sure to have kept its image.
    Untagged,
    /// It is deleted.
    Done,
    /// It did not exist.
    NotThere,
    /// Nothing was deleted: the reason, and the registry's error.
    Kept(WhyKept, EndpointError),
}
