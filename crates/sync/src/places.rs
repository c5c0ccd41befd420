//! How many blobs move at once: the large ones count, and of the small ones more may wait for answers.

use registry::Descriptor;
use tokio::sync::Semaphore;

/// A blob of up to so many bytes is small: it costs round trips, not bandwidth or memory.
const SMALL: u64 = 256 << 10;
/// So many small blobs for each large one, and at most so many.
const SMALL_FOR_EACH: usize = 8;
const MOST_SMALL: usize = 64;

/// Whether a blob is small.
pub(crate) fn is_small(blob: &Descriptor) -> bool {
    blob.size.is_some_and(|size| size <= SMALL)
}

/// One place for each blob that moves.
pub(crate) struct Places {
    large: Semaphore,
    small: Semaphore,
}

impl Places {
    pub(crate) fn new(blobs_at_once: usize) -> Self {
        Self { large: Semaphore::new(blobs_at_once), small: Semaphore::new(small_at_once(blobs_at_once)) }
    }

    /// The places where a blob has to find one.
    pub(crate) fn of(&self, blob: &Descriptor) -> &Semaphore {
        if is_small(blob) { &self.small } else { &self.large }
    }
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
    use super::*;

    #[test]
    fn small_blobs_wait_in_greater_number() {
        for (large, small) in [(1, 1), (2, 16), (5, 40), (10, 64), (100, 100)] {
            assert_eq!(small_at_once(large), small, "{large}");
        }
    }
}
