//! Where images are read and written. The engine uses these traits, never a URL: a folder or an archive can take the
//! place of a registry.

mod answer;
mod deletion;
mod error;
pub mod listing;
mod store_id;
mod upload;

use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, ready};
use oci::{Descriptor, Digest, HashState, MediaType, RawManifest, RepositoryName, Tag, TagOrDigest};

pub use answer::Answer;
pub use deletion::{Deletes, Deletion, Untags};
pub use error::{EndpointError, Meaning, Scope};
pub use store_id::StoreId;
pub use upload::{BlobBody, MOST_IN_MEMORY, SavedUpload, Upload, UploadWatch};

use crate::endpoint::listing::BulkListing;

/// The digests of all tags of a repository, where the endpoint can get them with a few requests.
pub type BulkTags<'a> = BoxFuture<'a, Option<Arc<BulkListing>>>;

/// A repository to read from.
pub trait Source: Send + Sync {
    /// Registry and repository, as shown to users.
    fn name(&self) -> &str;
    /// The store of the repository.
    fn store(&self) -> &StoreId;
    /// How many answers came from that registry so far, to any caller. Refusals count; answers of a proxy for an
    /// unreachable registry do not.
    fn answers(&self) -> u64;
    /// Finds out where the registry can be reached, ahead of the first request. Errors show with that request.
    fn connect(&self) -> BoxFuture<'_, ()> {
        ready(()).boxed()
    }
    /// The tags of the repository.
    fn tags(&self) -> Box<dyn Tags>;
    /// The digests of all tags; `None` if each tag has to be resolved alone.
    fn bulk_tags(&self) -> BulkTags<'_> {
        ready(None).boxed()
    }
    /// Whether [`bulk_tags`](Self::bulk_tags) has the sizes of the images.
    fn tells_sizes(&self) -> Answer<'_, bool> {
        ready(Ok(false)).boxed()
    }
    /// The listing of [`bulk_tags`](Self::bulk_tags), if it has the sizes of the images. All shards of a run have to
    /// see the same sizes, so a failed request is an error here.
    fn sizes(&self) -> Answer<'_, Option<Arc<BulkListing>>> {
        ready(Ok(None)).boxed()
    }
    /// Reads parts of blobs, if the source supports that.
    fn parts(&self) -> Option<&dyn ReadParts> {
        None
    }
    /// The digest of `reference`; `None` if the source does not have it.
    fn resolve<'a>(&'a self, reference: &'a TagOrDigest) -> Answer<'a, Option<Digest>>;
    /// A manifest, verbatim.
    fn manifest<'a>(&'a self, reference: &'a TagOrDigest) -> Answer<'a, RawManifest>;
    /// Looks up a blob; `None` if the source does not have it, or cannot tell without sending it.
    fn find_blob<'a>(&'a self, digest: &'a Digest) -> Answer<'a, Option<FoundBlob>>;
    /// The bytes of a blob.
    fn blob<'a>(&'a self, blob: &'a Descriptor) -> Answer<'a, Box<dyn BlobRead>>;
    /// The referrers of a manifest, each once.
    fn referrers<'a>(&'a self, subject: &'a Digest, kept: Kept) -> Answer<'a, Vec<Descriptor>>;
    /// The bytes of a blob from a URL in its descriptor.
    fn external_blob<'a>(&'a self, address: &'a str, blob: &'a Descriptor) -> Answer<'a, Box<dyn BlobRead>>;
}

/// A repository that supports reading parts of blobs, so that a resumed copy does not read again what was already sent.
pub trait ReadParts: Send + Sync {
    /// The bytes of a blob from `offset` on. `state` is the hash state at that offset, so the whole blob is still checked.
    fn blob_from<'a>(
        &'a self,
        blob: &'a Descriptor,
        offset: u64,
        state: Option<&'a HashState>,
    ) -> Answer<'a, Box<dyn BlobRead>>;
}

/// A repository to write to.
pub trait Target: Send + Sync {
    /// Registry and repository, as shown to users.
    fn name(&self) -> &str;
    /// The store of the repository: blobs can be mounted from all repositories of the same store.
    fn store(&self) -> &StoreId;
    /// The repository within the store.
    fn repository(&self) -> &RepositoryName;
    /// How many answers came from this registry so far, as for a source.
    fn answers(&self) -> u64;
    /// The tags of the repository.
    fn tags(&self) -> Box<dyn Tags>;
    /// The digests of all tags; `None` if each tag has to be resolved alone.
    fn bulk_tags(&self) -> BulkTags<'_> {
        ready(None).boxed()
    }
    /// The same repository, as a source.
    fn contents(&self) -> Arc<dyn Source>;
    /// Upload sessions that outlive the process that opened them, if the target supports that.
    fn kept_uploads(&self) -> Option<&dyn KeepsUploads> {
        None
    }
    /// Deletion of tags and manifests, if the target supports that.
    fn deletes(&self) -> Option<&dyn Deletes> {
        None
    }
    /// The digest of `reference`; `None` if the target does not have it. If the target does not show that to this
    /// login, an error with [`Meaning::Hidden`].
    fn resolve<'a>(&'a self, reference: &'a TagOrDigest) -> Answer<'a, Option<Digest>>;
    /// The same, with the media type where the target states it at no further cost.
    fn find_manifest<'a>(&'a self, reference: &'a TagOrDigest) -> Answer<'a, Option<FoundManifest>> {
        async move { Ok(self.resolve(reference).await?.map(FoundManifest::of)) }.boxed()
    }
    /// A manifest, verbatim.
    fn manifest<'a>(&'a self, reference: &'a TagOrDigest) -> Answer<'a, RawManifest>;
    /// Whether what this repository is in, such as a project, has yet to be created by [`prepare`](Self::prepare): then
    /// the repository has nothing.
    fn is_to_be_created(&self) -> Answer<'_, bool> {
        ready(Ok(false)).boxed()
    }
    /// Prepares this repository for pushes.
    fn prepare(&self) -> Answer<'_, ()>;
    /// Finds out whether this repository accepts pushes, and leaves nothing behind that the registry does not clean
    /// up: it may open and cancel an upload session. If the repository has to be created first, tries nothing.
    fn try_push(&self) -> Answer<'_, ()>;
    /// Looks up a blob; `None` if the target does not have it.
    fn find_blob<'a>(&'a self, digest: &'a Digest) -> Answer<'a, Option<FoundBlob>>;
    /// Mounts a blob from another repository of this registry, or opens an upload session for it.
    fn mount<'a>(&'a self, digest: &'a Digest, from: &'a RepositoryName) -> Answer<'a, Mount>;
    /// The same, from a repository that the state remembers and that this login may have no access to: a refusal says
    /// nothing about other mounts.
    fn mount_remembered<'a>(&'a self, digest: &'a Digest, from: &'a RepositoryName) -> Answer<'a, Mount>;
    /// Opens an upload session for a blob; a registry that gets the digest may find the blob in another repository.
    fn start_upload<'a>(&'a self, digest: Option<&'a Digest>) -> Answer<'a, Mount>;
    /// Stores a manifest. The target must already have everything that the manifest refers to.
    fn push_manifest<'a>(&'a self, reference: &'a TagOrDigest, manifest: &'a RawManifest) -> Answer<'a, ()>;
    /// Whether the registry lists `referrer`, which it has, as a referrer of `subject` without a referrers tag.
    fn lists_referrer<'a>(&'a self, subject: &'a Digest, referrer: &'a Descriptor) -> Answer<'a, bool>;
    /// Makes sure that clients that list the referrers of `subject` find `referrer`, which the target has.
    fn list_referrer<'a>(&'a self, subject: &'a Digest, referrer: &'a Descriptor) -> Answer<'a, ()>;
}

/// A repository in which another process can resume an upload session.
pub trait KeepsUploads: Send + Sync {
    /// Reopens an upload session that an earlier run began. `None` if the target no longer knows it.
    fn reopen<'a>(&'a self, saved: &'a SavedUpload, size: Option<u64>)
    -> Answer<'a, Option<Box<dyn Upload>>>;
    /// How many bytes the target has of an upload session that an earlier run began; leaves the session unchanged.
    /// `None` if the target does not say.
    fn confirmed<'a>(&'a self, saved: &'a SavedUpload, size: Option<u64>) -> Answer<'a, Option<u64>>;
}

/// Which referrers of a manifest to list, by where they are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kept {
    /// All of them.
    Anywhere,
    /// Only those that the registry lists itself, not the entries of a referrers tag.
    ByRegistry,
}

/// A page of a repository's tags.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TagPage {
    /// Tags that the specification allows.
    pub tags: Vec<Tag>,
    /// Invalid tags, as shown to users.
    pub invalid: Vec<String>,
}

/// Pages of tags.
pub trait Tags: Send {
    /// The next page; `None` after the last. A failed page can be requested again. Only the first page may fail with
    /// [`NotFound`](oci::ErrorKind::NotFound) for a list that does not exist: after a first page, the list has to end
    /// regularly.
    fn next(&mut self) -> Answer<'_, Option<TagPage>>;
}

/// The bytes of a blob, checked against its digest: the last piece is returned only if all bytes are right.
pub trait BlobRead: Send {
    /// The next piece; `None` after the last.
    fn next(&mut self) -> Answer<'_, Option<Bytes>>;
    /// Resumes at the current offset after an error.
    fn resume(&mut self) -> Answer<'_, ()>;
    /// The current hash state. `None` if the read cannot be resumed.
    fn hash_state(&self) -> Option<HashState>;
    /// What is needed to read parts of the blob again, if the source supports that.
    fn history(&self) -> Option<Arc<dyn ReadAgain>>;
}

/// A blob that was read, or is being read, and can be read again from any offset.
pub trait ReadAgain: Send + Sync {
    /// The bytes from `offset` on, still checked against the whole blob's digest.
    fn read_from(&self, offset: u64) -> Answer<'_, Box<dyn BlobRead>>;
}

/// A manifest that a target says it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundManifest {
    /// Its digest.
    pub digest: Digest,
    /// Its media type, if the target states it.
    pub media_type: Option<MediaType>,
}

impl FoundManifest {
    /// A manifest of which only the digest is known.
    pub fn of(digest: Digest) -> Self {
        Self { digest, media_type: None }
    }
}

/// A blob that a target says it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FoundBlob {
    /// The length in bytes, if the target reports it: a storage that lost bytes shows here.
    pub length: Option<u64>,
}

/// The result of a mount request.
pub enum Mount {
    /// The target has the blob now.
    Mounted,
    /// Declined: the bytes have to be sent.
    Upload(Box<dyn Upload>),
}
