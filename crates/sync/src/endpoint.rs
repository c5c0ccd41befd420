//! Where images are read and written. The engine sees these traits, never a URL: a folder or an archive can
//! stand in for a registry.

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
use oci::{Descriptor, Digest, HashState, RawManifest, RepositoryName, Tag, TagOrDigest};

pub use answer::Answer;
pub use deletion::{Deletes, Deletion, Untags};
pub use error::{EndpointError, Meaning, Scope};
pub use store_id::StoreId;
pub use upload::{BlobBody, MOST_IN_MEMORY, SavedUpload, Upload, UploadWatch};

use crate::endpoint::listing::BulkListing;

/// What all tags of a repository point at, where that can be had at the price of a few requests.
pub type BulkTags<'a> = BoxFuture<'a, Option<Arc<BulkListing>>>;

/// A repository to read from.
pub trait Source: Send + Sync {
    /// Registry and repository, for people.
    fn name(&self) -> &str;
    /// Which store that is.
    fn store(&self) -> &StoreId;
    /// How many answers came from that registry so far, whoever asked: refusals count, what a proxy may say of one that is not there does
    /// not.
    fn answers(&self) -> u64;
    /// Finds out, ahead of the first question, where it answers. What is wrong shows with that question.
    fn connect(&self) -> BoxFuture<'_, ()> {
        ready(()).boxed()
    }
    /// The tags here.
    fn tags(&self) -> Box<dyn Tags>;
    /// What all tags here point at; `None` where each has to be asked for.
    fn bulk_tags(&self) -> BulkTags<'_> {
        ready(None).boxed()
    }
    /// Whether these have the bytes of what tags point at.
    fn tells_sizes(&self) -> BoxFuture<'_, bool> {
        ready(false).boxed()
    }
    /// The reading of parts of blobs, where it offers that.
    fn parts(&self) -> Option<&dyn ReadParts> {
        None
    }
    /// What `reference` points at; `None` if it is not there.
    fn resolve<'a>(&'a self, reference: &'a TagOrDigest) -> Answer<'a, Option<Digest>>;
    /// A manifest, verbatim.
    fn manifest<'a>(&'a self, reference: &'a TagOrDigest) -> Answer<'a, RawManifest>;
    /// Looks for a blob; `None` if it is not here, or the store does not tell without giving it.
    fn find_blob<'a>(&'a self, digest: &'a Digest) -> Answer<'a, Option<FoundBlob>>;
    /// The bytes of a blob.
    fn blob<'a>(&'a self, blob: &'a Descriptor) -> Answer<'a, Box<dyn BlobRead>>;
    /// What refers to a manifest here, each once.
    fn referrers<'a>(&'a self, subject: &'a Digest, kept: Kept) -> Answer<'a, Vec<Descriptor>>;
    /// The bytes of a blob from an address that its manifest names.
    fn external_blob<'a>(&'a self, address: &'a str, blob: &'a Descriptor) -> Answer<'a, Box<dyn BlobRead>>;
}

/// A repository that gives parts of blobs: what an earlier run has sent need not be read again.
pub trait ReadParts: Send + Sync {
    /// The bytes of a blob from `offset` on, checked as a whole; `state` is where the hashing of it stood before.
    fn blob_from<'a>(
        &'a self,
        blob: &'a Descriptor,
        offset: u64,
        state: Option<&'a HashState>,
    ) -> Answer<'a, Box<dyn BlobRead>>;
}

/// A repository to write to.
pub trait Target: Send + Sync {
    /// Registry and repository, for people.
    fn name(&self) -> &str;
    /// Whose blobs can be mounted here: repositories of the same store.
    fn store(&self) -> &StoreId;
    /// Which repository there.
    fn repository(&self) -> &RepositoryName;
    /// How many answers came from this registry so far, as for a source.
    fn answers(&self) -> u64;
    /// The tags here.
    fn tags(&self) -> Box<dyn Tags>;
    /// What all tags here point at; `None` where each has to be asked for.
    fn bulk_tags(&self) -> BulkTags<'_> {
        ready(None).boxed()
    }
    /// The same repository, to read from.
    fn contents(&self) -> Arc<dyn Source>;
    /// Uploads that outlive the process that opened them, where it keeps such.
    fn kept_uploads(&self) -> Option<&dyn KeepsUploads> {
        None
    }
    /// Deletion of tags and manifests, where there is such.
    fn deletes(&self) -> Option<&dyn Deletes> {
        None
    }
    /// What `reference` points at; `None` if it is not there.
    fn resolve<'a>(&'a self, reference: &'a TagOrDigest) -> Answer<'a, Option<Digest>>;
    /// A manifest, verbatim.
    fn manifest<'a>(&'a self, reference: &'a TagOrDigest) -> Answer<'a, RawManifest>;
    /// Sees to it that this repository can be pushed to.
    fn prepare(&self) -> Answer<'_, ()>;
    /// Finds out whether this repository may be pushed to, and leaves nothing behind that the registry does not clean up: an
    /// upload may be opened and cancelled. Where something has to be made first, nothing is tried.
    fn try_push(&self) -> Answer<'_, ()>;
    /// Looks for a blob; `None` if it is not here.
    fn find_blob<'a>(&'a self, digest: &'a Digest) -> Answer<'a, Option<FoundBlob>>;
    /// Links a blob from another repository of this registry, or opens an upload for it.
    fn mount<'a>(&'a self, digest: &'a Digest, from: &'a RepositoryName) -> Answer<'a, Mount>;
    /// The same, from a repository that is only remembered to have the blob and may not be this login's: what the registry
    /// says to it says nothing of other mounts.
    fn mount_remembered<'a>(&'a self, digest: &'a Digest, from: &'a RepositoryName) -> Answer<'a, Mount>;
    /// Opens an upload for a blob; a registry that is told its digest may find that it has the blob elsewhere.
    fn start_upload<'a>(&'a self, digest: Option<&'a Digest>) -> Answer<'a, Mount>;
    /// Stores a manifest. All that it refers to has to be here before.
    fn push_manifest<'a>(&'a self, reference: &'a TagOrDigest, manifest: &'a RawManifest) -> Answer<'a, ()>;
    /// Whether who asks for the referrers of `subject` is told of `referrer`, which is here, without any list under a tag.
    fn lists_referrer<'a>(&'a self, subject: &'a Digest, referrer: &'a Descriptor) -> Answer<'a, bool>;
    /// Sees to it that who asks for the referrers of `subject` finds `referrer`, which is here.
    fn list_referrer<'a>(&'a self, subject: &'a Digest, referrer: &'a Descriptor) -> Answer<'a, ()>;
}

/// A repository in which an upload can be gone on with by another process.
pub trait KeepsUploads: Send + Sync {
    /// Goes on with an upload that an earlier run began. `None` where it is not known any more.
    fn reopen<'a>(&'a self, saved: &'a SavedUpload, size: Option<u64>)
    -> Answer<'a, Option<Box<dyn Upload>>>;
    /// How much is here of an upload that an earlier run began, and that stays as it is. `None` where nobody says so.
    fn confirmed<'a>(&'a self, saved: &'a SavedUpload, size: Option<u64>) -> Answer<'a, Option<u64>>;
}

/// Which referrers of a manifest are asked for, by where they are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kept {
    /// All of them.
    Anywhere,
    /// Those that do not stand under a tag that is listed like any other.
    ByRegistry,
}

/// A page of a repository's tags.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TagPage {
    /// Tags that the specification allows.
    pub tags: Vec<Tag>,
    /// What else was listed, for people.
    pub invalid: Vec<String>,
}

/// Pages of tags.
pub trait Tags: Send {
    /// The next page; `None` after the last. A failed page can be asked for again. That there is nothing to list, an error of the
    /// kind [`NotFound`](oci::ErrorKind::NotFound), is known of the first page alone: once there was one, the list has to end.
    fn next(&mut self) -> Answer<'_, Option<TagPage>>;
}

/// The bytes of a blob, checked against its digest: the last piece comes only if all are right.
pub trait BlobRead: Send {
    /// The next piece; `None` after the last.
    fn next(&mut self) -> Answer<'_, Option<Bytes>>;
    /// Goes on where it stood, after an error.
    fn resume(&mut self) -> Answer<'_, ()>;
    /// Where the hashing stands. `None` where nothing is left to go on with.
    fn hash_state(&self) -> Option<HashState>;
    /// What is needed to read parts of the blob again, where that can be done.
    fn history(&self) -> Option<Arc<dyn ReadAgain>>;
}

/// A blob that was read, or is being read, and can be read again in part.
pub trait ReadAgain: Send + Sync {
    /// The bytes from `offset` on, still checked against the whole blob's digest.
    fn read_from(&self, offset: u64) -> Answer<'_, Box<dyn BlobRead>>;
}

/// A blob that a target says it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FoundBlob {
    /// Its bytes, where the target tells how many there are: storage that lost some says so.
    pub length: Option<u64>,
}

/// What became of the wish to mount a blob.
pub enum Mount {
    /// It is there now.
    Mounted,
    /// Declined: its bytes have to be sent.
    Upload(Box<dyn Upload>),
}
