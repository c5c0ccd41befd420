//! How fast bytes moved lately.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How far back counts.
const WINDOW: Duration = Duration::from_secs(15);
/// Less time than this tells nothing.
const SHORTEST: Duration = Duration::from_secs(1);

/// Sums of bytes at moments of the last seconds.
#[derive(Default)]
pub(super) struct Speed {
    moved: u64,
    samples: VecDeque<(Instant, u64)>,
}

impl Speed {
    pub(super) fn moved(&mut self, bytes: u64) {
        self.moved += bytes;
    }

    /// Bytes in a second, once they were watched for long enough.
    pub(super) fn per_second(&mut self, now: Instant) -> Option<u64> {
        self.samples.push_back((now, self.moved));
        while self.samples.len() > 2 && now - self.samples[0].0 > WINDOW {
            self.samples.pop_front();
        }
        let (since, before) = *self.samples.front()?;
        let watched = now - since;
        let millis = u64::try_from(watched.as_millis()).unwrap_or(u64::MAX);
        (watched >= SHORTEST).then(|| (self.moved - before).saturating_mul(1000) / millis)
    }
}
