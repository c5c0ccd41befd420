//! How many bytes of manifests below indexes are held at once: an index of a few kilobytes may name hundreds of manifests of
//! some megabytes each.
//!
//! Whoever holds bytes waits for blobs alone, never for another manifest or for more bytes: no wait goes round in a circle.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use tokio::sync::Notify;

use super::pair::Pair;
use crate::lock::lock;

/// What all pairs together may hold, in bytes; registries take manifests of 4 MiB at least.
const BUDGET: u64 = 16 << 20;
/// What a manifest is taken to have, in bytes, whose size is not told.
const UNTOLD: u64 = 4 << 20;

/// The budget. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct ManifestBytes(Arc<Shared>);

#[derive(Default)]
struct Shared {
    held: Mutex<Held>,
    freed: Notify,
}

/// The right to hold a manifest. It ends with its drop.
pub(crate) struct HeldBytes {
    budget: ManifestBytes,
    pair: Pair,
    bytes: u64,
}

/// Who holds how much: decides, and does nothing.
#[derive(Default)]
struct Held {
    total: u64,
    by_pair: HashMap<Pair, u64>,
}

impl Held {
    /// As with slots, a pair has its share whatever others hold, and can always have one manifest.
    fn take(&mut self, pair: &Pair, bytes: u64) -> bool {
        let held = self.by_pair.get(pair).copied().unwrap_or(0);
        let pairs = self.by_pair.len() as u64 + u64::from(held == 0);
        let fits = held == 0 || self.total + bytes <= BUDGET || held + bytes <= BUDGET / pairs;
        if fits {
            self.total += bytes;
            *self.by_pair.entry(pair.clone()).or_default() += bytes;
        }
        fits
    }

    fn give_back(&mut self, pair: &Pair, bytes: u64) {
        self.total -= bytes;
        if let Some(held) = self.by_pair.get_mut(pair) {
            *held -= bytes;
            if *held == 0 {
                self.by_pair.remove(pair);
            }
        }
    }
}

impl ManifestBytes {
    /// The right to hold a manifest of so many bytes, where it is to be had at once.
    pub(crate) fn take_now(&self, pair: &Pair, size: Option<u64>) -> Option<HeldBytes> {
        // Nothing weighs nothing, so that whoever holds something is known by it.
        let bytes = size.unwrap_or(UNTOLD).clamp(1, BUDGET);
        let taken = lock(&self.0.held).take(pair, bytes);
        taken.then(|| HeldBytes { budget: self.clone(), pair: pair.clone(), bytes })
    }

    /// Waits for the right to hold a manifest of so many bytes.
    pub(crate) async fn take(&self, pair: &Pair, size: Option<u64>) -> HeldBytes {
        loop {
            let freed = self.0.freed.notified();
            tokio::pin!(freed);
            freed.as_mut().enable();
            if let Some(held) = self.take_now(pair, size) {
                return held;
            }
            freed.await;
        }
    }
}

impl Drop for HeldBytes {
    fn drop(&mut self) {
        lock(&self.budget.0.held).give_back(&self.pair, self.bytes);
        self.budget.0.freed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::StoreId;

    const MIB: u64 = 1 << 20;

    fn pair(target: &str) -> Pair {
        Pair::new(&StoreId::new("from"), &StoreId::new(target))
    }

    #[test]
    fn e16_manifests_in_flight_obey_a_budget_of_bytes() {
        let (budget, one) = (ManifestBytes::default(), pair("one"));
        let mut held: Vec<_> = (0..4).map(|_| budget.take_now(&one, Some(4 * MIB)).unwrap()).collect();
        assert!(budget.take_now(&one, Some(1)).is_none());
        held.pop();
        assert!(budget.take_now(&one, Some(5 * MIB)).is_none());
        assert!(budget.take_now(&one, None).is_some(), "4 MiB where nothing is told");
        drop(held);
        assert!(budget.take_now(&one, Some(u64::MAX)).is_some(), "what never fits goes alone");
        let held = lock(&budget.0.held);
        assert!(held.total == 0 && held.by_pair.is_empty());
    }

    #[test]
    fn e16_a_pair_that_holds_all_bytes_keeps_nobody_from_its_share() {
        let (budget, hangs, well) = (ManifestBytes::default(), pair("hangs"), pair("well"));
        let _hangs: Vec<_> = (0..4).map(|_| budget.take_now(&hangs, Some(4 * MIB)).unwrap()).collect();
        let _well: Vec<_> = (0..2).map(|_| budget.take_now(&well, Some(4 * MIB)).unwrap()).collect();
        assert!(budget.take_now(&well, Some(4 * MIB)).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn e16_who_waits_for_bytes_is_woken_when_some_are_given_back() {
        let (budget, one) = (ManifestBytes::default(), pair("one"));
        let held = budget.take(&one, Some(BUDGET)).await;
        let waiting = tokio::spawn({
            let (budget, one) = (budget.clone(), one.clone());
            async move { drop(budget.take(&one, Some(1)).await) }
        });
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        drop(held);
        waiting.await.unwrap();
    }
}
