//! How often a failed step is retried, and how long it waits before. The only place that decides it.

use std::time::Duration;

use oci::{ErrorKind, Recovery};

use crate::Error;

/// The first wait is at most this long.
const FIRST: Duration = Duration::from_millis(500);
/// The longest wait, unless the registry asks for more.
const LONGEST: Duration = Duration::from_secs(30);
/// How many rate-limit answers in a row a step accepts.
const MOST_RATE_LIMITS: u32 = 20;

/// Counts the tries of one step since its last progress.
#[derive(Clone, Debug)]
pub struct Backoff {
    retries: u32,
    tries_left: u32,
    rate_limits_left: u32,
    ceiling: Duration,
}

impl Backoff {
    /// Allows `retries` retries after the first try.
    pub fn new(retries: u32) -> Self {
        Self { retries, tries_left: retries, rate_limits_left: MOST_RATE_LIMITS, ceiling: FIRST }
    }

    /// How long to wait before the next try; `None` if there is none.
    ///
    /// Full jitter, so that many tasks that failed together do not retry together. The wait that the registry asks
    /// for is kept in full. Rate-limit answers do not use up retries: they have their own limit.
    pub fn next(&mut self, error: &Error) -> Option<Duration> {
        if error.is_retryable() { self.again(error) } else { None }
    }

    /// The same, if the caller knows that a retry makes sense although the error itself is not retryable.
    pub(crate) fn again(&mut self, error: &Error) -> Option<Duration> {
        self.count(error.kind(), error.retry_after())
    }

    fn count(&mut self, kind: Option<ErrorKind>, asked: Option<Duration>) -> Option<Duration> {
        let is_rate_limit = kind == Some(ErrorKind::RateLimited) && self.retries > 0;
        let left = if is_rate_limit { &mut self.rate_limits_left } else { &mut self.tries_left };
        *left = left.checked_sub(1)?;
        let own = self.ceiling.mul_f64(fastrand::f64());
        self.ceiling = (self.ceiling * 2).min(LONGEST);
        Some(asked.map_or(own, |asked| asked + own))
    }

    /// The same for requests outside a run, which are retried only if the registry asked to wait.
    pub fn told_to_wait(&mut self, kind: ErrorKind, asked: Option<Duration>) -> Option<Duration> {
        let is_told = kind == ErrorKind::RateLimited || asked.is_some();
        if is_told { self.count(Some(kind), asked) } else { None }
    }

    /// The same for a read that is resumed: reading the rest does not fix wrong bytes.
    pub(crate) fn reading_on(&mut self, error: &Error) -> Option<Duration> {
        if error.kind() == Some(ErrorKind::Mismatch) { None } else { self.next(error) }
    }

    /// The same for an interrupted upload; the target says how it can be resumed.
    pub(crate) fn recovering(&mut self, recovery: Recovery, error: &Error) -> Option<Duration> {
        match recovery {
            Recovery::Never => None,
            Recovery::AtOnce => Some(Duration::ZERO),
            Recovery::Later => self.again(error),
        }
    }

    /// No more tries: another task has used them up.
    pub(crate) fn spend(&mut self) {
        *self = Self::new(0);
    }

    /// There was progress: earlier failures no longer count.
    pub(crate) fn progressed(&mut self) {
        if self.ceiling != FIRST {
            *self = Self::new(self.retries);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::fixtures::{broken, refused, wrong_bytes};

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

    #[test]
    fn who_only_looks_asks_again_where_he_was_told_to_wait() {
        let wait = Duration::from_secs(7);
        for (kind, asked, times) in [
            (ErrorKind::RateLimited, Some(wait), 3),
            (ErrorKind::RateLimited, None, 3),
            (ErrorKind::Unavailable, Some(wait), 2),
            (ErrorKind::Unavailable, None, 0),
            (ErrorKind::Network, None, 0),
        ] {
            let mut tries = Backoff::new(2);
            let waits: Vec<_> = (0..3).filter_map(|_| tries.told_to_wait(kind, asked)).collect();
            assert_eq!(waits.len(), times, "{kind:?} {asked:?}");
            assert!(waits.iter().all(|wait| *wait >= asked.unwrap_or_default()), "{waits:?}");
        }
    }

    /// Each function of the policy that is asked, with its answers.
    #[test]
    fn one_policy_decides_about_every_failed_step() {
        type Asked = fn(&mut Backoff, &Error) -> Option<Duration>;
        type Row = (&'static str, fn() -> Error, [usize; 6], [usize; 6]);
        let questions: [(&str, Asked); 6] = [
            ("next", Backoff::next),
            ("again", Backoff::again),
            ("reading on", Backoff::reading_on),
            ("never", |tries, error| tries.recovering(Recovery::Never, error)),
            ("at once", |tries, error| tries.recovering(Recovery::AtOnce, error)),
            ("later", |tries, error| tries.recovering(Recovery::Later, error)),
        ];
        // How many of three tries in a row are allowed with `--retries 0` and with `--retries 2`, for each function.
        let rows: [Row; 6] = [
            ("a broken connection", broken, [0, 0, 0, 0, 3, 0], [2, 2, 2, 0, 3, 2]),
            ("503", || refused(503, None), [0, 0, 0, 0, 3, 0], [2, 2, 2, 0, 3, 2]),
            ("404", || refused(404, None), [0, 0, 0, 0, 3, 0], [0, 2, 0, 0, 3, 2]),
            ("429", || refused(429, Some(3)), [0, 0, 0, 0, 3, 0], [3, 3, 3, 0, 3, 3]),
            ("wrong bytes", wrong_bytes, [0, 0, 0, 0, 3, 0], [2, 2, 0, 0, 3, 2]),
            ("a run that stops", || broken().stopped(), [0, 0, 0, 0, 3, 0], [0, 2, 0, 0, 3, 2]),
        ];
        for (name, error, without, with_two) in rows {
            for (retries, expected) in [(0, without), (2, with_two)] {
                for ((question, asked), expected) in questions.iter().zip(expected) {
                    let mut tries = Backoff::new(retries);
                    let given = (0..3).filter(|_| asked(&mut tries, &error()).is_some()).count();
                    assert_eq!(given, expected, "{name}: {question}, {retries} retries");
                }
            }
        }
        let mut spent = Backoff::new(5);
        spent.spend();
        assert_eq!((spent.next(&broken()), spent.next(&refused(429, None))), (None, None));
    }
}
