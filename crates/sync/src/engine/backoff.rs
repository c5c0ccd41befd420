//! How often and how long a failed step waits before it is tried again. The only place that decides it.

use std::time::Duration;

use oci::ErrorKind;

use crate::Error;

/// The first wait is at most this long.
const FIRST: Duration = Duration::from_millis(500);
/// No wait of our own choice is longer.
const LONGEST: Duration = Duration::from_secs(30);
/// So often in a row a registry may say that there were too many requests.
const MOST_RATE_LIMITS: u32 = 20;

/// Counts the tries of one step since something last moved.
#[derive(Clone, Debug)]
pub struct Backoff {
    retries: u32,
    tries_left: u32,
    rate_limits_left: u32,
    ceiling: Duration,
}

impl Backoff {
    /// Allows `retries` tries after the first one.
    pub fn new(retries: u32) -> Self {
        Self { retries, tries_left: retries, rate_limits_left: MOST_RATE_LIMITS, ceiling: FIRST }
    }

    /// How long to wait before the next try; `None` if there is to be none.
    ///
    /// Full jitter, so that many tasks that failed together do not come back together. What the registry
    /// asks for is waited in full, and being told to wait is no failure: it has a bound of its own.
    pub fn next(&mut self, error: &Error) -> Option<Duration> {
        if error.is_retryable() { self.again(error) } else { None }
    }

    /// The same, where whoever failed knows that there may be another try whatever the error says by itself.
    pub(crate) fn again(&mut self, error: &Error) -> Option<Duration> {
        let is_rate_limit = error.kind() == Some(ErrorKind::RateLimited) && self.retries > 0;
        let left = if is_rate_limit { &mut self.rate_limits_left } else { &mut self.tries_left };
        *left = left.checked_sub(1)?;
        let own = self.ceiling.mul_f64(fastrand::f64());
        self.ceiling = (self.ceiling * 2).min(LONGEST);
        let asked = error.retry_after();
        Some(asked.map_or(own, |asked| asked + own))
    }

    /// Something moved: what failed before no longer counts.
    pub(crate) fn progressed(&mut self) {
        if self.ceiling != FIRST {
            *self = Self::new(self.retries);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::fixtures::{broken, refused};

    #[test]
    fn c68_tries_are_counted_since_something_moved() {
        let mut backoff = Backoff::new(2);
        assert!(backoff.next(&broken()).is_some() && backoff.next(&broken()).is_some());
        assert_eq!(backoff.next(&broken()), None);
        backoff.progressed();
        assert!(backoff.next(&broken()).is_some());
        assert_eq!(Backoff::new(2).next(&refused(404, None)), None, "a no stays a no");
        let mut backoff = Backoff::new(1);
        let tries = [(); 2].map(|()| backoff.again(&refused(404, None)).is_some());
        assert_eq!(tries, [true, false], "e17: unless who was told so knows another way");
        assert_eq!(Backoff::new(0).next(&broken()), None);
    }

    #[test]
    fn c66_being_told_to_wait_has_a_bound_of_its_own() {
        let mut backoff = Backoff::new(1);
        for _ in 0..MOST_RATE_LIMITS {
            assert!(backoff.next(&refused(429, Some(7))).unwrap() >= Duration::from_secs(7));
        }
        assert!(backoff.next(&broken()).is_some(), "the tries are all there");
        assert_eq!(backoff.next(&refused(429, None)), None);
        assert_eq!(Backoff::new(0).next(&refused(429, None)), None, "`--retries 0` is none at all");
    }
}
