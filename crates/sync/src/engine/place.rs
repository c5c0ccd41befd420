//! Limits how many blobs are transferred in parallel. Large blobs count against the configured number, more small
//! ones may wait for answers, and all together share a budget of memory, of which each pair has its share.

use crate::endpoint::MOST_IN_MEMORY;
use std::sync::Mutex;

use oci::Descriptor;

use super::byte_budget::{ByteBudget, HeldBytes};
use super::fair::Rank;
use super::pair::Pair;
use super::slot::{Sleeper, Slot, Slots};
use crate::lock::lock;

/// A blob of up to this size is small: it costs round trips, not bandwidth or memory.
const SMALL: u64 = 256 << 10;
/// How many small blobs are allowed for each large one, and at most in total.
const SMALL_FOR_EACH: usize = 16;
const MOST_SMALL: usize = 128;

/// The memory of all bodies together, in bytes, whatever `--proc` says: enough for more than a hundred large blobs to
/// one target each.
const BUDGET: u64 = 256 << 20;
/// The most memory for a large blob to one target, in bytes: some 400 KiB in the HTTP client on each side, and the
/// pieces that wait between them.
const MOST_HELD: u64 = 1 << 20;
/// The least memory for any blob, in bytes: a piece.
const LEAST_HELD: u64 = 64 << 10;

/// Whether a blob is small.
pub(crate) fn is_small(blob: &Descriptor) -> bool {
    blob.size.is_some_and(|size| size <= SMALL)
}

/// One place for each blob in transfer, and its share of the memory. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Places {
    large: Slots<Sleeper>,
    small: Slots<Sleeper>,
    memory: ByteBudget,
}

/// The right to transfer a blob, which ends when it is dropped.
pub(crate) struct Place {
    places: Places,
    wanted: Wanted,
    state: Mutex<State>,
}

/// What the transfer of a blob needs.
struct Wanted {
    pair: Pair,
    rank: Rank,
    is_small: bool,
    bytes: u64,
}

#[derive(Default)]
struct State {
    held: Option<Held>,
    /// How many waits are active during which the place is given back.
    waits: usize,
}

struct Held {
    /// `None` if there was not enough memory when the place was taken again.
    _memory: Option<HeldBytes>,
    _turn: Slot<Sleeper>,
}

impl Places {
    pub(crate) fn new(blobs_at_once: usize) -> Self {
        Self {
            large: Slots::new(blobs_at_once),
            small: Slots::new(small_at_once(blobs_at_once)),
            memory: ByteBudget::new(BUDGET),
        }
    }

    /// Waits for a place for a blob to one target. Older images, which have a lower rank, are served first.
    pub(crate) async fn take(&self, pair: &Pair, rank: Rank, blob: &Descriptor) -> Place {
        let (is_small, bytes) = (is_small(blob), held(blob));
        let wanted = Wanted { pair: pair.clone(), rank, is_small, bytes };
        let held = self.hold(&wanted).await;
        let state = Mutex::new(State { held: Some(held), waits: 0 });
        Place { places: self.clone(), wanted, state }
    }

    /// Takes the turn before the memory, and the memory all at once, so that a task that holds memory waits for
    /// nothing here.
    async fn hold(&self, wanted: &Wanted) -> Held {
        let turns = if wanted.is_small { &self.small } else { &self.large };
        let turn = turns.acquire(&wanted.pair, wanted.rank).await;
        let memory = self.memory.take(&wanted.pair, wanted.rank, wanted.bytes).await;
        Held { _memory: Some(memory), _turn: turn }
    }

    /// Takes a place again without waiting, exceeding the limit if necessary. Uploads that share a read need all
    /// their places together. If one of them waited, it would block the others, and two such reads could wait for
    /// each other.
    fn hold_again(&self, wanted: &Wanted) -> Held {
        let turns = if wanted.is_small { &self.small } else { &self.large };
        let memory = self.memory.take_now(&wanted.pair, wanted.rank, wanted.bytes);
        Held { _memory: memory, _turn: turns.take_now(&wanted.pair) }
    }
}

impl Place {
    /// Waits for something else. Other blobs use the place meanwhile; afterwards it is taken again at once.
    pub(crate) async fn wait<T>(&self, wait: impl Future<Output = T>) -> T {
        let given_back = {
            let mut state = lock(&self.state);
            state.waits += 1;
            state.held.take()
        };
        drop(given_back);
        let waited = wait.await;
        let is_last = {
            let mut state = lock(&self.state);
            state.waits -= 1;
            state.waits == 0
        };
        if is_last {
            let held = self.places.hold_again(&self.wanted);
            lock(&self.state).held = Some(held);
        }
        waited
    }
}

/// How much memory a blob may use during its upload, in bytes. If the size is unknown, a chunk may have to be read
/// completely to learn its length.
fn held(blob: &Descriptor) -> u64 {
    blob.size.map_or(MOST_IN_MEMORY, |size| size.clamp(LEAST_HELD, MOST_HELD))
}

/// With 1, small blobs are not parallel either: the user asked for one at a time.
fn small_at_once(blobs_at_once: usize) -> usize {
    if blobs_at_once == 1 {
        return 1;
    }
    blobs_at_once.saturating_mul(SMALL_FOR_EACH).min(MOST_SMALL).max(blobs_at_once)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use std::time::Duration;

    use oci::Digest;
    use tokio::time::{sleep, timeout};

    use super::*;
    use crate::endpoint::StoreId;

    fn pair() -> Pair {
        Pair::new(&StoreId::new("a"), &StoreId::new("b"))
    }

    fn blob(size: Option<u64>) -> Descriptor {
        Descriptor::new(None, Digest::sha256(b""), size)
    }

    #[test]
    fn small_blobs_wait_in_greater_number() {
        for (large, small) in [(1, 1), (2, 32), (5, 80), (10, 128), (200, 200)] {
            assert_eq!(small_at_once(large), small, "{large}");
        }
    }

    #[test]
    fn a_blob_counts_with_what_it_may_hold() {
        for (size, bytes) in [
            (Some(0), LEAST_HELD),
            (Some(100_000), 100_000),
            (Some(5 << 30), MOST_HELD),
            (None, MOST_IN_MEMORY),
        ] {
            assert_eq!(held(&blob(size)), bytes, "{size:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn bodies_in_flight_never_hold_more_than_the_budget() {
        let places = Places::new(usize::MAX);
        let (now, peak) = (AtomicU64::new(0), AtomicU64::new(0));
        let sizes = [Some(1), Some(200_000), Some(3 << 20), Some(8 << 30), None];
        let moves = (0..5000).map(async |number: usize| {
            let blob = blob(sizes[number % sizes.len()]);
            let bytes = held(&blob);
            let _place = places.take(&pair(), 0, &blob).await;
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
    async fn a_pair_that_holds_all_memory_keeps_no_other_waiting() {
        let (places, full, untold) = (Places::new(100), pair(), blob(None));
        let mut held = Vec::new();
        for rank in 0..BUDGET / MOST_IN_MEMORY {
            held.push(places.take(&full, rank, &untold).await);
        }
        let more = places.take(&full, 100, &untold);
        let other = Pair::new(&StoreId::new("a"), &StoreId::new("other"));
        let well = async {
            for rank in 0..BUDGET / MOST_IN_MEMORY / 2 {
                held.push(places.take(&other, 200 + rank, &untold).await);
            }
        };
        let ((), more) = tokio::join!(well, timeout(Duration::from_secs(1), more));
        assert!(more.is_err(), "there is none left for the first");
    }

    #[tokio::test(start_paused = true)]
    async fn e4_who_waits_for_something_else_holds_neither_place_nor_memory() {
        let places = Places::new(1);
        let (pair, large) = (pair(), blob(Some(5 << 30)));
        let place = places.take(&pair, 0, &large).await;
        place.wait(async { drop(places.take(&pair, 1, &large).await) }).await;
        let taken = places.take(&pair, 1, &large);
        assert!(
            tokio::time::timeout(std::time::Duration::from_secs(1), taken).await.is_err(),
            "it is had again"
        );
        let waiting = place.wait(place.wait(async {}));
        waiting.await;
        assert!(lock(&place.state).held.is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_usual_waits_for_no_memory() {
        let places = Places::new(100);
        let large = (0..100).map(|_| blob(Some(5 << 30)));
        let small = (0..100).map(|_| blob(Some(SMALL)));
        let (pair, mut taken) = (pair(), Vec::new());
        for blob in large.chain(small) {
            let place =
                tokio::time::timeout(std::time::Duration::from_secs(1), places.take(&pair, 0, &blob)).await;
            taken.push(place.expect("it waits"));
        }
    }

    /// Two reads, each shared by uploads to two stores, break and are resumed when both of their uploads have places again.
    #[tokio::test(start_paused = true)]
    async fn shared_reads_that_broke_do_not_wait_for_each_other() {
        let (places, large) = (Places::new(2), blob(Some(5 << 30)));
        let pairs = ["one", "two"].map(|target| Pair::new(&StoreId::new("a"), &StoreId::new(target)));
        let shared = async |begins: u64, breaks_for: u64, rank: u64| {
            sleep(Duration::from_secs(begins)).await;
            let one = places.take(&pairs[0], rank, &large).await;
            let two = places.take(&pairs[1], rank + 1, &large).await;
            let wait = || sleep(Duration::from_secs(breaks_for));
            tokio::join!(one.wait(wait()), two.wait(wait()));
        };
        let single = async |pair: &Pair, rank: u64, takes: u64| {
            sleep(Duration::from_secs(2)).await;
            let _place = places.take(pair, rank, &large).await;
            sleep(Duration::from_secs(takes)).await;
        };
        let all = async {
            tokio::join!(shared(0, 10, 0), shared(1, 4, 2), single(&pairs[0], 4, 6), single(&pairs[1], 5, 9))
        };
        timeout(Duration::from_secs(1000), all).await.expect("they wait for each other");
    }
}
