//! The rate of a line.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Unused bandwidth of this period may be used later: timers fire late.
const CREDIT: Duration = Duration::from_millis(20);

/// Limits the rate in bytes per second.
pub(super) struct Pace {
    bytes_a_second: u64,
    /// When the rate has caught up with all bytes so far.
    paid: Mutex<Option<Instant>>,
}

impl Pace {
    pub(super) fn new(bytes_a_second: u64) -> Self {
        Self { bytes_a_second: bytes_a_second.max(1), paid: Mutex::default() }
    }

    /// Returns when this many more bytes may pass.
    pub(super) async fn pass(&self, bytes: usize) {
        let nanoseconds = u128::from(bytes as u64) * 1_000_000_000 / u128::from(self.bytes_a_second);
        let takes = Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX));
        let until = {
            let mut paid = self.paid.lock().unwrap_or_else(PoisonError::into_inner);
            let now = Instant::now();
            let earliest = paid.map_or(now, |paid| paid.max(now.checked_sub(CREDIT).unwrap_or(now)));
            *paid.insert(earliest + takes)
        };
        tokio::time::sleep_until(until).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn many_connections_share_a_pace() {
        let (pace, begun) = (Pace::new(1_000_000), Instant::now());
        let carry = async |pieces: usize| {
            for _ in 0..pieces {
                pace.pass(10_000).await;
            }
        };
        tokio::join!(carry(100), carry(200));
        let took = begun.elapsed();
        assert!(took >= Duration::from_secs(3) && took < Duration::from_millis(3050), "{took:?}");
    }
}
