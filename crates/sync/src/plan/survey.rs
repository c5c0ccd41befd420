//! Records which images rules select, so that they can be divided.

use std::sync::Mutex;

use oci::TagOrDigest;

use crate::RuleFailure;
use crate::endpoint::listing::BulkListing;
use crate::lock::lock;
use crate::plan::assignment::{Assignment, Surveyed};
use crate::plan::shard::Splittable;
use crate::plan::shard::share::Key;

/// What becomes of the images of a survey.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// They are divided, and a run of this process or of another copies its part.
    Divide,
    /// Others copy all of them, and only the survey sees what it does not select.
    HandOut,
}

/// The images that rules select, in the order in which they come, and what could not be learned of them.
pub(crate) struct Survey {
    pub(crate) purpose: Purpose,
    images: Mutex<Vec<Surveyed>>,
    unread: Mutex<Vec<RuleFailure>>,
}

/// What a survey has found.
#[derive(Default)]
pub(crate) struct Found {
    pub(crate) images: Vec<Surveyed>,
    /// The rules whose sources did not give the sizes of their images.
    pub(crate) unread: Vec<RuleFailure>,
}

impl Survey {
    pub(crate) fn new(purpose: Purpose) -> Self {
        Self { purpose, images: Mutex::default(), unread: Mutex::default() }
    }

    /// Records an image with its reference at the source, whose sizes are known as far as it tells them.
    pub(crate) fn take_down(
        &self,
        (reference, key): (&TagOrDigest, Key),
        assignment: Assignment,
        known: Option<&BulkListing>,
    ) {
        let (digest, bytes) = match (reference, known) {
            (TagOrDigest::Tag(tag), Some(known)) => {
                (known.digests.get(tag).cloned(), known.bytes.get(tag).copied().unwrap_or_default())
            }
            _ => (None, 0),
        };
        let Key { repository, reference } = key;
        let place = Splittable { repository, reference, digest, bytes };
        lock(&self.images).push(Surveyed { assignment, place });
    }

    /// Records that a rule's source did not give the sizes of its images.
    pub(crate) fn lacks(&self, failure: RuleFailure) {
        lock(&self.unread).push(failure);
    }

    /// Takes all that was recorded.
    pub(crate) fn all(&self) -> Found {
        let images = std::mem::take(&mut *lock(&self.images));
        Found { images, unread: std::mem::take(&mut *lock(&self.unread)) }
    }
}
