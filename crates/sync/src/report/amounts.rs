//! What was moved for one image. The sums of a report are made from these and from nothing else, so they agree.

use std::ops::Add;
use std::sync::Mutex;

use crate::BlobOutcome;
use crate::lock::lock;

/// What was moved for one image, or for many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amounts {
    /// Bytes of blobs that were sent, also in tries that failed and in runs that were stopped.
    pub moved_bytes: u64,
    /// Bytes of blobs that a target took from another repository of its own.
    pub mounted_bytes: u64,
    /// Bytes of blobs that were at the target already.
    pub present_bytes: u64,
    /// Signatures, SBOMs and other referrers that were brought to the target.
    pub referrers: u64,
    /// Those of the whole image that stay behind because platforms are left out: they refer to a digest that the target
    /// does not get.
    pub referrers_left: u64,
}

impl Amounts {
    /// Bytes of blobs that did not have to be sent.
    pub fn saved_bytes(self) -> u64 {
        self.mounted_bytes.saturating_add(self.present_bytes)
    }
}

impl Add for Amounts {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            moved_bytes: self.moved_bytes.saturating_add(other.moved_bytes),
            mounted_bytes: self.mounted_bytes.saturating_add(other.mounted_bytes),
            present_bytes: self.present_bytes.saturating_add(other.present_bytes),
            referrers: self.referrers.saturating_add(other.referrers),
            referrers_left: self.referrers_left.saturating_add(other.referrers_left),
        }
    }
}

/// Amounts that many tasks add to.
#[derive(Default)]
pub(crate) struct Counter(Mutex<Amounts>);

impl Counter {
    pub(crate) fn now(&self) -> Amounts {
        *lock(&self.0)
    }

    pub(crate) fn add(&self, more: Amounts) {
        let mut amounts = lock(&self.0);
        *amounts = *amounts + more;
    }

    pub(crate) fn moved(&self, bytes: u64) {
        self.add(Amounts { moved_bytes: bytes, ..Amounts::default() });
    }

    /// A blob of `size` bytes is at the target. What was sent of it has been counted when it was sent.
    pub(crate) fn blob(&self, size: u64, outcome: BlobOutcome) {
        match outcome {
            BlobOutcome::Mounted => self.add(Amounts { mounted_bytes: size, ..Amounts::default() }),
            BlobOutcome::Present => self.add(Amounts { present_bytes: size, ..Amounts::default() }),
            BlobOutcome::Copied | BlobOutcome::Read | BlobOutcome::LeftOut => {}
        }
    }

    pub(crate) fn referrer(&self) {
        self.add(Amounts { referrers: 1, ..Amounts::default() });
    }

    pub(crate) fn referrers_left(&self, number: u64) {
        self.add(Amounts { referrers_left: number, ..Amounts::default() });
    }
}
