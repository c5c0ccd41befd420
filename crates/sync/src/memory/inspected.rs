//! What a run that verifies has looked at, so that images that share content cost no question twice.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use oci::{Descriptor, Digest, RepositoryName};

use super::looked::Answers;
use crate::endpoint::{Kept, StoreId};
use crate::{Error, LookedAt};

/// What was looked at. Empty in runs that do not verify.
#[derive(Default)]
pub(crate) struct Inspected {
    pub(crate) manifests: Answers<(StoreId, RepositoryName, Digest), Inspection>,
    /// Blobs, with the sizes by which they are named: what one image says wrongly of a blob is no news of it to another.
    pub(crate) blobs: Answers<(StoreId, RepositoryName, Digest, Option<u64>), Inspection>,
    /// Blobs that were read: a store keeps one copy for all its repositories.
    pub(crate) contents: Answers<(StoreId, Digest, Option<u64>), Inspection>,
    /// What a target lists as referring to a manifest.
    pub(crate) lists: Answers<(StoreId, RepositoryName, Digest), Listed>,
    /// What sources list so.
    pub(crate) referrers: Answers<(Arc<str>, Digest, Kept), Arc<[Descriptor]>>,
    pub(crate) counts: Counts,
}

/// How often something was looked at, each manifest and blob once.
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

/// What was found of a manifest or blob.
#[derive(Clone, Debug)]
pub(crate) struct Inspection {
    pub(crate) found: Soundness,
    /// Which look at it that was: what is broken is looked at again once it was brought.
    pub(crate) look: u8,
    /// What a manifest refers to, where that is known.
    pub(crate) below: Option<Arc<Below>>,
    /// How many bytes a manifest that was read has.
    pub(crate) length: Option<u64>,
}

/// How something stands at a target.
#[derive(Clone, Debug)]
pub(crate) enum Soundness {
    Whole,
    Missing,
    /// It has other bytes, or more or fewer of them.
    Wrong(Arc<Error>),
    /// It is whole, and what names it says another size: whoever pulls that refuses it, and nothing can be brought that helps.
    Misnamed(Arc<Error>),
    /// The target does not give it.
    Unreadable(Arc<Error>),
}

/// What a manifest refers to, in few bytes.
#[derive(Debug, Default)]
pub(crate) struct Below {
    pub(crate) blobs: Box<[BlobBelow]>,
    /// Manifests, with their sizes where these are told.
    pub(crate) children: Box<[(Digest, Option<u64>)]>,
}

/// A blob that a manifest names.
#[derive(Debug)]
pub(crate) struct BlobBelow {
    pub(crate) digest: Digest,
    pub(crate) size: Option<u64>,
    pub(crate) kept: KeptBy,
}

/// Who has to keep a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeptBy {
    Registry,
    /// A layer that may only be had elsewhere.
    Anybody,
}

/// What a target lists, or how its list stands.
#[derive(Clone, Debug)]
pub(crate) struct Listed {
    pub(crate) found: Result<Arc<[Digest]>, Soundness>,
    pub(crate) look: u8,
}

impl Inspection {
    /// Whether another look is due, once what was broken may have been mended.
    pub(crate) fn is_outdated(&self, look: u8) -> bool {
        self.look < look && !matches!(self.found, Soundness::Whole)
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::Mutex;

    use super::*;

    /// An entry of a table that is half full at the least, what it points at with the allocator's share, and what the manifest
    /// tells of the blob.
    #[test]
    fn law_what_is_kept_of_a_blob_is_less_than_600_bytes() {
        let entry = size_of::<(StoreId, RepositoryName, Digest, Option<u64>)>()
            + size_of::<Arc<Mutex<Option<Inspection>>>>();
        let cell = size_of::<Mutex<Option<Inspection>>>() + 2 * size_of::<usize>() + 16;
        let bytes = 16 * entry / 7 + cell + size_of::<BlobBelow>();
        assert!(bytes < 600, "{bytes} bytes");
    }
}
