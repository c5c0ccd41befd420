//! The large bodies under way from each host, and how well reading them in several ranges worked there.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use url::Url;

use super::origin::host_and_port;

/// The bytes of one range: at 20 MB/s, the round trip of requesting the next one is a small part of its time.
pub(crate) const SEGMENT: u64 = 2 << 20;
/// The most ranges of all blobs that may be in memory before they are hashed: 32 MiB.
const MOST_AHEAD: usize = 16;
/// How long no more ranges are tried after they brought no gain.
const IN_VAIN: Duration = Duration::from_secs(60);
/// After this many ranges that broke or were wrong, the host is read in one stream.
const MOST_BROKEN: u32 = 3;

/// The state of all hosts. Cheap to clone; clones share it.
#[derive(Clone)]
pub(crate) struct LargeReads {
    hosts: Arc<Mutex<HashMap<String, Arc<Host>>>>,
    ahead: Arc<Semaphore>,
}

#[derive(Default)]
struct Host {
    at_once: AtomicUsize,
    bytes: AtomicU64,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    /// How many ranges at once brought a gain; 0 if none.
    width: usize,
    /// Whether a read is trying more of them now.
    is_tried: bool,
    in_vain: Option<Instant>,
    broken: u32,
}

/// The host that a large body comes from.
#[derive(Clone)]
pub(crate) struct ReadHost {
    host: Arc<Host>,
    ahead: Arc<Semaphore>,
}

/// A large body under way from a host, until it is dropped.
pub(crate) struct UnderWay(Arc<Host>);

/// The right to try more ranges at a host, until it is dropped.
pub(crate) struct Tries(Arc<Host>);

/// The memory of one range, until it is dropped.
pub(crate) struct AheadMemory {
    _permit: OwnedSemaphorePermit,
}

impl Default for LargeReads {
    fn default() -> Self {
        Self { hosts: Arc::default(), ahead: Arc::new(Semaphore::new(MOST_AHEAD)) }
    }
}

impl LargeReads {
    /// The host of `url`.
    pub(crate) fn host(&self, url: &Url) -> ReadHost {
        let host = lock(&self.hosts).entry(host_and_port(url)).or_default().clone();
        ReadHost { host, ahead: self.ahead.clone() }
    }
}

impl ReadHost {
    /// Notes that one more large body comes from here.
    pub(crate) fn begin(&self) -> UnderWay {
        self.host.at_once.fetch_add(1, Ordering::Relaxed);
        UnderWay(self.host.clone())
    }

    /// Notes received bytes of large bodies.
    pub(crate) fn came(&self, bytes: usize) {
        self.host.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// The bytes of large bodies that came from here so far, and the number of those under way.
    pub(crate) fn seen(&self) -> (u64, usize) {
        (self.host.bytes.load(Ordering::Relaxed), self.host.at_once.load(Ordering::Relaxed))
    }

    /// How many ranges at once brought a gain here; 0 if none.
    pub(crate) fn known_width(&self) -> usize {
        lock(&self.host.known).width
    }

    /// How many ranges at once a read may try here now, of at most `most`: after more brought no gain a while ago, only as many as
    /// helped; none while another read tries.
    pub(crate) fn may_try(&self, most: usize) -> usize {
        let known = lock(&self.host.known);
        let was_in_vain = known.in_vain.is_some_and(|when| when.elapsed() < IN_VAIN);
        match () {
            () if known.is_tried || known.broken >= MOST_BROKEN => 0,
            () if was_in_vain => known.width,
            () => most,
        }
    }

    /// Begins to try more ranges. `None` if another read is trying.
    pub(crate) fn try_more(&self) -> Option<Tries> {
        let was_tried = std::mem::replace(&mut lock(&self.host.known).is_tried, true);
        (!was_tried).then(|| Tries(self.host.clone()))
    }

    /// Notes that this many ranges at once brought a gain.
    pub(crate) fn note_helped(&self, width: usize) {
        let mut known = lock(&self.host.known);
        known.width = known.width.max(width);
    }

    /// Notes that more ranges at once brought no gain; `width` ranges had helped before.
    pub(crate) fn note_in_vain(&self, width: usize) {
        let mut known = lock(&self.host.known);
        known.width = width;
        known.in_vain = Some(Instant::now());
    }

    /// Notes that a range broke off, or was not the requested one.
    pub(crate) fn note_broken(&self) {
        lock(&self.host.known).broken += 1;
    }

    /// Notes that the host gives no ranges, or wrong ones.
    pub(crate) fn note_without_ranges(&self) {
        lock(&self.host.known).broken = MOST_BROKEN;
    }

    /// Memory for one more range, if there is some.
    pub(crate) fn memory(&self) -> Option<AheadMemory> {
        self.ahead.clone().try_acquire_owned().ok().map(|permit| AheadMemory { _permit: permit })
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.at_once.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Drop for Tries {
    fn drop(&mut self) {
        lock(&self.0.known).is_tried = false;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(reads: &LargeReads, url: &str) -> ReadHost {
        reads.host(&url.parse().unwrap())
    }

    #[test]
    fn all_reads_of_a_host_count_together_and_end_with_their_drop() {
        let reads = LargeReads::default();
        let (one, same, other) = (
            host(&reads, "https://s.io/a"),
            host(&reads, "https://s.io:443/b"),
            host(&reads, "https://t.io/"),
        );
        let under_way = [one.begin(), same.begin()];
        one.came(7);
        assert_eq!((same.seen(), other.seen()), ((7, 2), (0, 0)));
        drop(under_way);
        assert_eq!(one.seen(), (7, 0));
    }

    #[test]
    fn one_read_tries_at_a_time_and_nobody_where_it_was_in_vain_or_broke() {
        let reads = LargeReads::default();
        let one = host(&reads, "https://s.io/");
        let tries = one.try_more().unwrap();
        assert_eq!((one.try_more().is_none(), one.may_try(8)), (true, 0));
        drop(tries);
        one.note_helped(4);
        one.note_helped(2);
        assert_eq!((one.known_width(), one.may_try(8)), (4, 8));
        one.note_in_vain(2);
        assert_eq!((one.known_width(), one.may_try(8)), (2, 2));

        let two = host(&reads, "https://t.io/");
        for _ in 0..MOST_BROKEN {
            assert_eq!(two.may_try(8), 8);
            two.note_broken();
        }
        assert_eq!(two.may_try(8), 0);
    }

    #[test]
    fn all_ranges_together_have_a_bounded_memory() {
        let reads = LargeReads::default();
        let hosts = [host(&reads, "https://s.io/"), host(&reads, "https://t.io/")];
        let held: Vec<_> = (0..100).map_while(|number| hosts[number % 2].memory()).collect();
        assert_eq!(held.len() as u64 * SEGMENT, 32 << 20);
        drop(held);
        assert!(hosts[0].memory().is_some());
    }
}
