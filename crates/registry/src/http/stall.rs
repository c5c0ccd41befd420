//! Time-outs by progress: a transfer may take as long as it moves.

use std::future::Future;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

/// How long an answer, or its next piece, may let us wait.
pub(crate) const FIRST_BYTE_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a registry may take to commit an upload whose last byte it has: some move the blob
/// between storage systems before they answer.
const COMMIT_TIMEOUT: Duration = Duration::from_secs(300);
/// How long an upload may take none of the bytes that are ready for it.
const UPLOAD_STALL: Duration = Duration::from_secs(60);
/// How often progress is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Shared between an upload's body and its watch: when the last piece was taken, and whether it was the last.
#[derive(Clone, Default)]
pub(crate) struct Progress(Arc<AtomicU64>);

/// Marks that the body is complete; times stay far below it.
const COMPLETE: u64 = 1 << 63;
/// Stands for a body that will never be complete.
const BROKEN_OFF: u64 = u64::MAX;

impl Progress {
    /// A piece was taken.
    pub(crate) fn moved(&self) {
        self.0.store(now(), Ordering::Relaxed);
    }

    /// The last piece was taken.
    pub(crate) fn complete(&self) {
        self.0.store(now() | COMPLETE, Ordering::Relaxed);
    }

    /// There will be no more pieces, and some are missing.
    pub(crate) fn break_off(&self) {
        self.0.store(BROKEN_OFF, Ordering::Relaxed);
    }

    pub(crate) fn is_broken_off(&self) -> bool {
        self.0.load(Ordering::Relaxed) == BROKEN_OFF
    }

    fn is_stalled(&self) -> bool {
        let state = self.0.load(Ordering::Relaxed);
        let limit = if state & COMPLETE == 0 { UPLOAD_STALL } else { COMMIT_TIMEOUT };
        now().saturating_sub(state & !COMPLETE) > u64::try_from(limit.as_millis()).unwrap_or(u64::MAX)
    }
}

fn now() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    u64::try_from(START.get_or_init(Instant::now).elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// Runs `work` for as long as `progress` says that something moves; `None` when it stalls.
pub(crate) async fn while_moving<T>(progress: &Progress, work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    loop {
        tokio::select! {
            result = &mut work => return Some(result),
            () = tokio::time::sleep(LOOK_EVERY) => {
                if progress.is_stalled() {
                    return None;
                }
            }
        }
    }
}
