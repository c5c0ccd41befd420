//! What images in work hold in memory of their own manifests, whose sizes nobody tells before they are read: an image whose
//! manifest has no place is not read yet.
//!
//! Whoever holds some waits for all that its image needs, but never for another image's right to be read: that is asked for
//! where nothing else is held that others wait for.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use oci::RawManifest;

use super::byte_budget::{ByteBudget, HeldBytes};
use super::fair::Rank;
use super::pair::Pair;
use crate::lock::lock;

/// What all of them hold together, in bytes. Usual manifests, of ten kilobytes, never wait.
const BUDGET: u64 = 8 << 20;

/// What the first manifests of a pair are taken to hold, in bytes: nobody has seen one yet.
const UNSEEN: u64 = 256 << 10;

/// For each byte of a manifest another two for what is read out of it: a layer's entry has 150 bytes and takes 300.
const FOR_EACH_BYTE: u64 = 3;

/// The budget, and what manifests have taken lately. Cheap to clone.
#[derive(Clone)]
pub(crate) struct ImageBytes {
    budget: ByteBudget,
    expected: Arc<Mutex<HashMap<Pair, u64>>>,
}

/// The right to have an image's manifest in memory.
pub(crate) struct ImageRead {
    of: ImageBytes,
    pair: Pair,
    held: HeldBytes,
}

impl ImageBytes {
    pub(crate) fn new() -> Self {
        Self { budget: ByteBudget::new(BUDGET), expected: Arc::default() }
    }

    /// The right to read a manifest, where it is to be had at once.
    pub(crate) fn take_now(&self, pair: &Pair, rank: Rank) -> Option<ImageRead> {
        let held = self.budget.take_now(pair, rank, self.expected(pair))?;
        Some(ImageRead { of: self.clone(), pair: pair.clone(), held })
    }

    /// Waits for it. Older images, of lower rank, come first.
    pub(crate) async fn take(&self, pair: &Pair, rank: Rank) -> ImageRead {
        let held = self.budget.take(pair, rank, self.expected(pair)).await;
        ImageRead { of: self.clone(), pair: pair.clone(), held }
    }

    fn expected(&self, pair: &Pair) -> u64 {
        lock(&self.expected).get(pair).copied().unwrap_or(UNSEEN)
    }
}

impl ImageRead {
    /// The manifest was read: it holds what it takes.
    pub(crate) fn came(&mut self, manifest: &RawManifest) {
        self.takes(manifest.bytes().len() as u64 * FOR_EACH_BYTE);
    }

    /// What was read takes so many bytes.
    pub(crate) fn takes(&mut self, bytes: u64) {
        self.held.settle(bytes);
        let mut expected = lock(&self.of.expected);
        let expected = expected.entry(self.pair.clone()).or_insert(UNSEEN);
        *expected = after(*expected, bytes);
    }
}

/// What is expected after one that took so many bytes: a large one is believed at once, small ones after some.
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
