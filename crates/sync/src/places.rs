//! How many blobs move at once: the large ones count, of the small ones more may wait for answers, and all together
//! obey a budget of memory.

use crate::endpoint::MOST_IN_MEMORY;
use oci::Descriptor;
use tokio::sync::{Semaphore, SemaphorePermit};

/// A blob of up to so many bytes is small: it costs round trips, not bandwidth or memory.
const SMALL: u64 = 256 << 10;
/// So many small blobs for each large one, and at most so many.
const SMALL_FOR_EACH: usize = 8;
const MOST_SMALL: usize = 64;

/// What all bodies together may hold, in bytes, whatever `--proc` says: more than a hundred large blobs on their way to one
/// target each.
const BUDGET: u64 = 256 << 20;
/// What a large blob on its way to one target holds at most, in bytes: some 400 KiB in the HTTP client on each side, and
/// the pieces that wait between them.
const MOST_HELD: u64 = 1 << 20;
/// What any blob may hold, in bytes: a piece.
const LEAST_HELD: u64 = 64 << 10;
/// The budget is counted in units of so many bytes, because permits are counted in 32 bits.
const UNIT: u64 = 1 << 10;

/// Whether a blob is small.
pub(crate) fn is_small(blob: &Descriptor) -> bool {
    blob.size.is_some_and(|size| size <= SMALL)
}

/// One place for each blob that moves, and its share of the memory.
pub(crate) struct Places {
    large: Semaphore,
    small: Semaphore,
    memory: Semaphore,
}

/// The right to move a blob. It ends with its drop.
pub(crate) struct Place<'a> {
    _memory: SemaphorePermit<'a>,
    _turn: SemaphorePermit<'a>,
}

impl Places {
    pub(crate) fn new(blobs_at_once: usize) -> Self {
        let small = small_at_once(blobs_at_once);
        Self {
            large: Semaphore::new(blobs_at_once.min(Semaphore::MAX_PERMITS)),
            small: Semaphore::new(small.min(Semaphore::MAX_PERMITS)),
            memory: Semaphore::new(units(BUDGET) as usize),
        }
    }

    /// Waits for a place for a blob on its way into so many uploads.
    ///
    /// Always the turn before the memory, and the memory all at once: whoever has memory waits for nothing here.
    pub(crate) async fn take(&self, blob: &Descriptor, uploads: usize) -> Place<'_> {
        let turns = if is_small(blob) { &self.small } else { &self.large };
        let turn = turns.acquire().await.expect(NEVER_CLOSED);
        let memory = self.memory.acquire_many(units(held(blob, uploads))).await.expect(NEVER_CLOSED);
        Place { _memory: memory, _turn: turn }
    }
}

const NEVER_CLOSED: &str = "nobody closes these semaphores";

/// What a blob on its way into so many uploads may hold, in bytes. An upload that falls behind has a read of its own,
/// and where the size is not known, a chunk may have to be read into memory to learn its length. What is larger than
/// the budget has to get along with that.
fn held(blob: &Descriptor, uploads: usize) -> u64 {
    let each = blob.size.map_or(MOST_IN_MEMORY, |size| size.clamp(LEAST_HELD, MOST_HELD));
    each.saturating_mul(uploads as u64).min(BUDGET)
}

fn units(bytes: u64) -> u32 {
    u32::try_from(bytes.div_ceil(UNIT)).expect("the budget in units fits")
}

/// One at a time is one at a time: who asks for that has a reason.
fn small_at_once(blobs_at_once: usize) -> usize {
    if blobs_at_once == 1 {
        return 1;
    }
    blobs_at_once.saturating_mul(SMALL_FOR_EACH).min(MOST_SMALL).max(blobs_at_once)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use oci::Digest;

    use super::*;

    fn blob(size: Option<u64>) -> Descriptor {
        Descriptor::new(None, Digest::sha256(b""), size)
    }

    #[test]
    fn small_blobs_wait_in_greater_number() {
        for (large, small) in [(1, 1), (2, 16), (5, 40), (10, 64), (100, 100)] {
            assert_eq!(small_at_once(large), small, "{large}");
        }
    }

    #[test]
    fn a_blob_counts_with_what_it_may_hold() {
        for (size, uploads, bytes) in [
            (Some(0), 1, LEAST_HELD),
            (Some(100_000), 1, 100_000),
            (Some(5 << 30), 1, MOST_HELD),
            (Some(5 << 30), 3, 3 * MOST_HELD),
            (None, 1, MOST_IN_MEMORY),
            (None, 1000, BUDGET),
        ] {
            assert_eq!(held(&blob(size), uploads), bytes, "{size:?} {uploads}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn bodies_in_flight_never_hold_more_than_the_budget() {
        let places = Places::new(usize::MAX);
        let (now, peak) = (AtomicU64::new(0), AtomicU64::new(0));
        let sizes = [Some(1), Some(200_000), Some(3 << 20), Some(8 << 30), None];
        let moves = (0..5000).map(async |number: usize| {
            let (blob, uploads) = (blob(sizes[number % sizes.len()]), 1 + number % 3);
            let bytes = held(&blob, uploads);
            let _place = places.take(&blob, uploads).await;
            let held = now.fetch_add(bytes, Ordering::Relaxed) + bytes;
            peak.fetch_max(held, Ordering::Relaxed);
            tokio::time::sleep(std::time::Duration::from_millis(1 + number as u64 % 7)).await;
            now.fetch_sub(bytes, Ordering::Relaxed);
        });
        futures_util::future::join_all(moves).await;
        let peak = peak.load(Ordering::Relaxed);
        assert!(peak <= BUDGET, "{peak}");
        assert!(peak > BUDGET / 2, "so little shows nothing: {peak}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_usual_waits_for_no_memory() {
        let places = Places::new(100);
        let large = (0..100).map(|_| blob(Some(5 << 30)));
        let small = (0..100).map(|_| blob(Some(SMALL)));
        let mut taken = Vec::new();
        for blob in large.chain(small) {
            let place = tokio::time::timeout(std::time::Duration::from_secs(1), places.take(&blob, 1)).await;
            taken.push(place.expect("it waits"));
        }
    }
}
