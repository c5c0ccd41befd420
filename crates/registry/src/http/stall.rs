//! Time-outs by progress: a transfer has no limit while bytes move.

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// The longest wait for an answer, or for its next piece.
pub(crate) const FIRST_BYTE_TIMEOUT: Duration = Duration::from_secs(30);
/// How often progress is checked.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// How long a registry may be silent before a request counts as hung. Waits in our own queues never count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// For the beginning of an answer, and for each further piece of it.
    pub answer: Duration,
    /// For a registry to take bytes that are ready for it.
    pub upload: Duration,
    /// For the answer to an upload whose last byte was sent: some registries move the blob between
    /// storage systems before they answer (<https://github.com/regclient/regclient/issues/540>).
    pub commit: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        let commit = Duration::from_secs(300);
        Self { answer: FIRST_BYTE_TIMEOUT, upload: FIRST_BYTE_TIMEOUT, commit }
    }
}

/// Shared between an upload's body and its watchdog: when the last piece was sent, and which side must act next.
#[derive(Clone, Default)]
pub(crate) struct Progress(Arc<Counters>);

#[derive(Default)]
struct Counters {
    /// The time of the last event, with one of the marks below.
    state: AtomicU64,
    /// Bytes that were sent.
    taken: AtomicU64,
}

/// Marks that the body is complete; times stay far below it.
const COMPLETE: u64 = 1 << 63;
/// Marks that the other side waits for us: the source has no bytes ready.
const WAITING: u64 = 1 << 62;
/// Stands for a body that will never be complete.
const BROKEN_OFF: u64 = u64::MAX;

impl Progress {
    /// The request begins.
    pub(crate) fn begin(&self) {
        self.0.state.store(now(), Ordering::Relaxed);
    }

    /// A piece was sent.
    pub(crate) fn moved(&self, bytes: u64) {
        self.0.taken.fetch_add(bytes, Ordering::Relaxed);
        self.begin();
    }

    /// The connection wants a piece, and the source has none.
    pub(crate) fn wait(&self) {
        self.0.state.store(now() | WAITING, Ordering::Relaxed);
    }

    /// The last piece was sent.
    pub(crate) fn complete(&self) {
        self.0.state.store(now() | COMPLETE, Ordering::Relaxed);
    }

    /// There will be no more pieces, though some are missing.
    pub(crate) fn break_off(&self) {
        self.0.state.store(BROKEN_OFF, Ordering::Relaxed);
    }

    pub(crate) fn is_complete(&self) -> bool {
        let state = self.0.state.load(Ordering::Relaxed);
        state != BROKEN_OFF && state & COMPLETE != 0
    }

    /// Bytes that were sent, whether the other side kept them or not.
    pub(crate) fn taken(&self) -> u64 {
        self.0.taken.load(Ordering::Relaxed)
    }

    fn is_stalled(&self, patience: Patience) -> bool {
        let state = self.0.state.load(Ordering::Relaxed);
        if state & COMPLETE == 0 && state & WAITING != 0 {
            return false;
        }
        let limit = if state & COMPLETE == 0 { patience.upload } else { patience.commit };
        let since = now().saturating_sub(state & !(COMPLETE | WAITING));
        since > u64::try_from(limit.as_millis()).unwrap_or(u64::MAX)
    }
}

fn now() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    u64::try_from(START.get_or_init(Instant::now).elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// Runs `work` while `progress` shows movement; `None` when it stalls.
pub(crate) async fn while_moving<T>(
    progress: &Progress,
    patience: Patience,
    work: impl Future<Output = T>,
) -> Option<T> {
    let mut work = pin!(work);
    let look_every = LOOK_EVERY.min(patience.upload);
    loop {
        tokio::select! {
            result = &mut work => return Some(result),
            () = tokio::time::sleep(look_every) => {
                if progress.is_stalled(patience) {
                    return None;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c25_who_waits_for_us_is_not_stalled_and_a_commit_may_take_longer() {
        let nothing = Patience { answer: Duration::ZERO, upload: Duration::ZERO, commit: Duration::ZERO };
        let progress = Progress::default();
        let later = || std::thread::sleep(Duration::from_millis(3));
        progress.moved(7);
        later();
        assert!(progress.is_stalled(nothing) && !progress.is_stalled(Patience::default()));
        progress.wait();
        later();
        assert!(!progress.is_stalled(nothing), "the source is slow, not the target");
        progress.complete();
        later();
        assert!(progress.is_stalled(nothing) && progress.is_complete());
        let slow_commit = Patience { commit: Duration::from_secs(300), ..nothing };
        assert!(!progress.is_stalled(slow_commit));
        progress.break_off();
        assert!(!progress.is_complete());
        assert_eq!(progress.taken(), 7);
    }
}
