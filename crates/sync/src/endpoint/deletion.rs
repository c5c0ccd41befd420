//! Deletion at a target, and why there may be none.

use futures_util::future::BoxFuture;
use oci::{Descriptor, Digest, RepositoryName, Tag, TagOrDigest, WhyKept};

use super::{Answer, EndpointError};

/// A repository in which tags and manifests can be deleted, as far as its registry lets it.
pub trait Deletes: Send + Sync {
    /// Whether a tag goes alone for sure, and its image stays.
    fn untags(&self) -> BoxFuture<'_, bool>;
    /// What `reference` points at; `None` if the registry says that it is not there. What it denies is an error.
    fn resolve<'a>(&'a self, reference: &'a TagOrDigest) -> Answer<'a, Option<Digest>>;
    /// Takes a tag away. Its image should stay, and need not.
    fn delete_tag<'a>(&'a self, tag: &'a Tag) -> Answer<'a, Deletion>;
    /// Deletes a manifest with all tags that point at it, whatever index names it.
    fn delete_manifest<'a>(&'a self, digest: &'a Digest) -> Answer<'a, Deletion>;
    /// What refers to a manifest here and stands under no tag.
    fn referrers<'a>(&'a self, subject: &'a Digest) -> Answer<'a, Vec<Descriptor>>;
}

/// Takes tags away by what a registry offers beside the protocol.
pub trait Untags: Send + Sync {
    /// Whether the registry offers it.
    fn is_offered(&self) -> BoxFuture<'_, bool>;
    /// Takes a tag away, and nothing else. `None` where the registry does not offer it after all.
    fn untag<'a>(&'a self, repository: &'a RepositoryName, tag: &'a Tag) -> Answer<'a, Option<Deletion>>;
}

/// What became of the wish to delete a tag or a manifest.
#[derive(Clone, Debug)]
pub enum Deletion {
    /// The tag is gone, and its image is still there for sure.
    Untagged,
    /// It is gone.
    Done,
    /// It was not there.
    NotThere,
    /// Nothing was deleted: why, and in the registry's own words.
    Kept(WhyKept, EndpointError),
}
