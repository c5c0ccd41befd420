//! What a verification has checked, so that images that share content cost no request twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use oci::{Descriptor, Digest, RepositoryName};

use super::looked::Answers;
use crate::endpoint::{Kept, StoreId};
use crate::{Error, LookedAt};

/// What was checked. Empty in runs that do not verify.
#[derive(Default)]
pub(crate) struct Inspected {
    pub(crate) manifests: Answers<(StoreId, RepositoryName, Digest), Inspection>,
    /// Blobs with the sizes in their descriptors, because a wrong size in one image says nothing about another image.
    pub(crate) blobs: Answers<(StoreId, RepositoryName, Digest, Option<u64>), Inspection>,
    /// Blobs that were read: a store keeps one copy for all its repositories.
    pub(crate) contents: Answers<(StoreId, Digest, Option<u64>), Inspection>,
    /// The referrers that a target lists for a manifest.
    pub(crate) lists: Answers<(StoreId, RepositoryName, Digest), Listed>,
    /// The referrers that sources list.
    pub(crate) referrers: Answers<(Arc<str>, Digest, Kept), Arc<[Descriptor]>>,
    pub(crate) counts: Counts,
}

/// How much was checked, each manifest and blob once.
#[derive(Default)]
pub(crate) struct Counts {
    pub(crate) manifests: AtomicU64,
    pub(crate) blobs: AtomicU64,
    pub(crate) bytes_read: AtomicU64,
}

impl Counts {
    pub(crate) fn read(&self, bytes: usize) {
        self.bytes_read.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn now(&self) -> LookedAt {
        let [manifests, blobs, bytes_read] =
            [&self.manifests, &self.blobs, &self.bytes_read].map(|count| count.load(Ordering::Relaxed));
        LookedAt { manifests, blobs, bytes_read }
    }
}

/// The result for a manifest or blob.
#[derive(Clone, Debug)]
pub(crate) struct Inspection {
    pub(crate) found: Soundness,
    /// The number of the check: broken content is checked again after its repair.
    pub(crate) look: u8,
    /// The links of a manifest, if known.
    pub(crate) below: Option<Arc<Below>>,
    /// The length of a manifest that was read, in bytes.
    pub(crate) length: Option<u64>,
}

/// The state of content at a target.
#[derive(Clone, Debug)]
pub(crate) enum Soundness {
    Whole,
    Missing,
    /// The bytes or the length are wrong.
    Wrong(Arc<Error>),
    /// The bytes are right, but a descriptor has a wrong size: clients refuse to pull that, and no copy repairs it.
    Misnamed(Arc<Error>),
    /// The target does not return it.
    Unreadable(Arc<Error>),
}

/// The links of a manifest, in few bytes.
#[derive(Debug, Default)]
pub(crate) struct Below {
    pub(crate) blobs: Box<[BlobBelow]>,
    /// Manifests, with the sizes in their descriptors, if any.
    pub(crate) children: Box<[(Digest, Option<u64>)]>,
}

/// A blob that a manifest refers to.
#[derive(Debug)]
pub(crate) struct BlobBelow {
    pub(crate) digest: Digest,
    pub(crate) size: Option<u64>,
    pub(crate) kept: KeptBy,
}

/// Whether registries must keep a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeptBy {
    Registry,
    /// A layer that may be available only from other addresses.
    Anybody,
}

/// The referrers that a target lists, or the problem of its list.
#[derive(Clone, Debug)]
pub(crate) struct Listed {
    pub(crate) found: Result<Arc<[Digest]>, Soundness>,
    pub(crate) look: u8,
}

impl Inspection {
    /// Whether another check is needed, after a possible repair of broken content.
    pub(crate) fn is_outdated(&self, look: u8) -> bool {
        self.look < look && !matches!(self.found, Soundness::Whole)
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::Mutex;

    use super::*;

    /// An entry of a table that is at least half full, the allocation that it points at, and what the manifest says
    /// about the blob.
    #[test]
    fn law_what_is_kept_of_a_blob_is_less_than_600_bytes() {
        let entry = size_of::<(StoreId, RepositoryName, Digest, Option<u64>)>()
            + size_of::<Arc<Mutex<Option<Inspection>>>>();
        let cell = size_of::<Mutex<Option<Inspection>>>() + 2 * size_of::<usize>() + 16;
        let bytes = 16 * entry / 7 + cell + size_of::<BlobBelow>();
        assert!(bytes < 600, "{bytes} bytes");
    }
}
