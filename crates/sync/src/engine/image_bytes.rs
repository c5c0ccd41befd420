//! A budget for the root manifests of images, whose sizes are unknown before they are read: an image's manifest is
//! read only after a reservation.
//!
//! A task that holds a reservation waits for all that its image needs, but never for another image's reservation: it
//! requests one only when it holds nothing that others wait for.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use oci::RawManifest;

use super::byte_budget::{ByteBudget, HeldBytes};
use super::fair::Rank;
use super::pair::Pair;
use crate::lock::lock;

/// The budget in bytes. Usual manifests, of ten kilobytes, never wait.
const BUDGET: u64 = 8 << 20;

/// The expected size of the first manifests of a pair, in bytes, before any was read.
const UNSEEN: u64 = 256 << 10;

/// Memory for each byte of a manifest: one for itself, and two for the parsed form. A layer's entry has 150 bytes,
/// and takes 300 when parsed.
const FOR_EACH_BYTE: u64 = 3;

/// The budget, and the recent sizes of manifests for each pair. Cheap to clone.
#[derive(Clone)]
pub(crate) struct ImageBytes {
    budget: ByteBudget,
    expected: Arc<Mutex<HashMap<Pair, u64>>>,
}

/// The reservation for one image's manifest.
pub(crate) struct ImageRead {
    of: ImageBytes,
    pair: Pair,
    held: HeldBytes,
}

impl ImageBytes {
    pub(crate) fn new() -> Self {
        Self { budget: ByteBudget::new(BUDGET), expected: Arc::default() }
    }

    /// Reserves memory for a manifest, if that is possible without waiting.
    pub(crate) fn take_now(&self, pair: &Pair, rank: Rank) -> Option<ImageRead> {
        let held = self.budget.take_now(pair, rank, self.expected(pair))?;
        Some(ImageRead { of: self.clone(), pair: pair.clone(), held })
    }

    /// Waits for a reservation. Older images, which have a lower rank, are served first.
    pub(crate) async fn take(&self, pair: &Pair, rank: Rank) -> ImageRead {
        let held = self.budget.take(pair, rank, self.expected(pair)).await;
        ImageRead { of: self.clone(), pair: pair.clone(), held }
    }

    fn expected(&self, pair: &Pair) -> u64 {
        lock(&self.expected).get(pair).copied().unwrap_or(UNSEEN)
    }
}

impl ImageRead {
    /// Changes the reservation to the size of the manifest that was read.
    pub(crate) fn came(&mut self, manifest: &RawManifest) {
        self.takes(manifest.bytes().len() as u64 * FOR_EACH_BYTE);
    }

    /// Changes the reservation to this many bytes.
    pub(crate) fn takes(&mut self, bytes: u64) {
        self.held.settle(bytes);
        let mut expected = lock(&self.of.expected);
        let expected = expected.entry(self.pair.clone()).or_insert(UNSEEN);
        *expected = after(*expected, bytes);
    }
}

/// The expected size after one of `bytes`: grows at once, and shrinks slowly.
fn after(expected: u64, bytes: u64) -> u64 {
    bytes.max(expected - expected / 4)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use oci::MediaType;

    use super::*;
    use crate::endpoint::StoreId;

    fn manifest(bytes: usize) -> RawManifest {
        let body = format!(r#"{{"layers":[],"x":"{}"}}"#, "x".repeat(bytes));
        RawManifest::from_answer(&MediaType::OCI_MANIFEST, Bytes::from(body), None).unwrap()
    }

    fn all_at_once(of: &ImageBytes, pair: &Pair) -> Vec<ImageRead> {
        std::iter::from_fn(|| of.take_now(pair, 0)).take(1000).collect()
    }

    #[test]
    fn e16_images_wait_before_they_are_read_as_long_as_manifests_are_large() {
        let (of, pair) = (ImageBytes::new(), Pair::new(&StoreId::new("from"), &StoreId::new("to")));
        let mut first = all_at_once(&of, &pair);
        assert_eq!(first.len(), 32, "of which nobody knows how large they are");
        for read in &mut first {
            read.came(&manifest(2000));
        }
        first.extend(all_at_once(&of, &pair));
        assert_eq!(first.len(), 1032, "small ones do not wait");
        drop(first);
        let mut large = all_at_once(&of, &pair);
        for read in &mut large {
            read.came(&manifest(4_000_000));
        }
        assert!(of.take_now(&pair, 0).is_none());
        drop(large);
        assert_eq!(all_at_once(&of, &pair).len(), 1, "one that fills the budget goes alone");
        assert_eq!(after(after(1000, 4000), 0), 3000);
    }
}
