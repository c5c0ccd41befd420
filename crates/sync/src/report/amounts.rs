//! How much was transferred for one image. A report's sums are made only from these, so they agree.

use std::ops::Add;
use std::sync::Mutex;

use crate::BlobOutcome;
use crate::lock::lock;

/// How much was transferred for one image, or for many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amounts {
    /// Bytes of blobs that were sent, including failed tries and stopped runs.
    pub moved_bytes: u64,
    /// Bytes of blobs that the target mounted from another of its repositories.
    pub mounted_bytes: u64,
    /// Bytes of blobs that the target had already.
    pub present_bytes: u64,
    /// Signatures, SBOMs and other referrers that were copied.
    pub referrers: u64,
    /// Referrers of the whole image that were left out with its unwanted platforms, because the target does not get
    /// the digest that they refer to.
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

    /// Counts a blob of `size` bytes that the target has. Bytes that were sent are counted while they are sent.
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
