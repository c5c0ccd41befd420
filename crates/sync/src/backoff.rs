//! How often and how long a failed step waits before it is tried again. The only place that decides it.

use std::time::Duration;

use crate::Error;

/// The first wait is at most this long.
const FIRST: Duration = Duration::from_millis(500);
/// No wait of our own choice is longer.
const LONGEST: Duration = Duration::from_secs(30);

/// Counts the tries of one step.
#[derive(Clone, Debug)]
pub(crate) struct Backoff {
    tries_left: u32,
    ceiling: Duration,
}

impl Backoff {
    /// Allows `retries` tries after the first one.
    pub(crate) fn new(retries: u32) -> Self {
        Self { tries_left: retries, ceiling: FIRST }
    }

    /// How long to wait before the next try; `None` if there is to be none.
    ///
    /// Full jitter, so that many tasks that failed together do not come back together. What the registry
    /// asks for is waited in full.
    pub(crate) fn next(&mut self, error: &Error) -> Option<Duration> {
        if !error.is_retryable() || self.tries_left == 0 {
            return None;
        }
        self.tries_left -= 1;
        let own = self.ceiling.mul_f64(fastrand::f64());
        self.ceiling = (self.ceiling * 2).min(LONGEST);
        let asked = match &error.cause {
            crate::Cause::Registry(error) => error.retry_after(),
            _ => None,
        };
        Some(asked.map_or(own, |asked| asked + own))
    }
}
