//! The only retry loop. [`Backoff`](super::backoff::Backoff) decides whether to retry, and after how long.

use std::borrow::Borrow;
use std::time::Duration;

use super::backoff::Backoff;
use crate::Error;
use crate::endpoint::{Answer, EndpointError};

/// A step that may be retried.
pub(crate) trait Step: Send {
    /// Its result.
    type Done: Send;
    /// Its error.
    type Failure: Borrow<Error> + Send;

    /// Tries it once.
    fn attempt(&mut self) -> impl Future<Output = Result<Self::Done, Self::Failure>> + Send;

    /// How long to wait before the next try; `None` if there is none.
    fn next(&mut self, failure: &Error) -> Option<Duration>;

    /// Waits that long; returns an error if the step has to be given up.
    fn pause(
        &mut self,
        failure: Self::Failure,
        wait: Duration,
    ) -> impl Future<Output = Result<(), Self::Failure>> + Send;
}

/// Tries a step until it succeeds or must not be retried.
pub(crate) async fn retry<S: Step>(step: &mut S) -> Result<S::Done, S::Failure> {
    loop {
        match step.attempt().await {
            Ok(done) => return Ok(done),
            Err(failure) => wait_after(step, failure).await?,
        }
    }
}

/// The same, if the first try has failed already.
pub(crate) async fn retry_after<S: Step>(step: &mut S, failure: S::Failure) -> Result<S::Done, S::Failure> {
    wait_after(step, failure).await?;
    retry(step).await
}

async fn wait_after<S: Step>(step: &mut S, failure: S::Failure) -> Result<(), S::Failure> {
    match step.next(failure.borrow()) {
        Some(wait) => step.pause(failure, wait).await,
        None => Err(failure),
    }
}

/// A step with one budget for all its tries.
pub(crate) struct Counted<'a, A, P> {
    pub(crate) tries: &'a mut Backoff,
    pub(crate) attempt: A,
    pub(crate) pause: P,
}

impl<T, F, A, Attempt, P, Pause> Step for Counted<'_, A, P>
where
    T: Send,
    F: Borrow<Error> + Send,
    A: FnMut() -> Attempt + Send,
    Attempt: Future<Output = Result<T, F>> + Send,
    P: FnMut(F, Duration) -> Pause + Send,
    Pause: Future<Output = Result<(), F>> + Send,
{
    type Done = T;
    type Failure = F;

    async fn attempt(&mut self) -> Result<T, F> {
        (self.attempt)().await
    }

    fn next(&mut self, failure: &Error) -> Option<Duration> {
        self.tries.next(failure)
    }

    async fn pause(&mut self, failure: F, wait: Duration) -> Result<(), F> {
        (self.pause)(failure, wait).await
    }
}

/// The same for an object that is asked for one answer after the other.
pub(crate) struct Asked<'a, S: ?Sized, T, E, P> {
    pub(crate) tries: &'a mut Backoff,
    pub(crate) from: &'a mut S,
    pub(crate) ask: for<'b> fn(&'b mut S) -> Answer<'b, T>,
    /// Makes the error that is reported for a failure.
    pub(crate) error: E,
    pub(crate) pause: P,
}

impl<S, T, F, E, P, Pause> Step for Asked<'_, S, T, E, P>
where
    S: Send + ?Sized,
    T: Send,
    F: Borrow<Error> + Send,
    E: FnMut(EndpointError) -> F + Send,
    P: FnMut(F, Duration) -> Pause + Send,
    Pause: Future<Output = Result<(), F>> + Send,
{
    type Done = T;
    type Failure = F;

    async fn attempt(&mut self) -> Result<T, F> {
        (self.ask)(self.from).await.map_err(&mut self.error)
    }

    fn next(&mut self, failure: &Error) -> Option<Duration> {
        self.tries.next(failure)
    }

    async fn pause(&mut self, failure: F, wait: Duration) -> Result<(), F> {
        (self.pause)(failure, wait).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::fixtures::{broken, refused};

    /// Fails as configured, and records the failures.
    struct Told {
        tries: Backoff,
        failures: Vec<Error>,
        may_wait: bool,
        diary: String,
    }

    impl Step for Told {
        type Done = ();
        type Failure = Error;

        async fn attempt(&mut self) -> Result<(), Error> {
            self.diary.push('t');
            self.failures.pop().map_or(Ok(()), Err)
        }

        fn next(&mut self, failure: &Error) -> Option<Duration> {
            self.tries.next(failure)
        }

        async fn pause(&mut self, failure: Error, _: Duration) -> Result<(), Error> {
            self.diary.push('w');
            if self.may_wait { Ok(()) } else { Err(failure) }
        }
    }

    #[tokio::test]
    async fn a_step_is_tried_until_it_succeeds_or_there_is_no_hope() {
        let all_fail = || vec![broken(), broken(), broken(), broken()];
        for (failures, may_wait, has_failed, diary) in [
            (vec![], true, false, "t"),
            (vec![broken()], true, false, "twt"),
            (vec![broken(), broken()], true, false, "twtwt"),
            (all_fail(), true, true, "twtwt"),
            (vec![refused(404, None)], true, true, "t"),
            (vec![refused(404, None), broken()], true, true, "twt"),
            (vec![broken()], false, true, "tw"),
        ] {
            let mut told = Told { tries: Backoff::new(2), failures, may_wait, diary: String::new() };
            let failed = retry(&mut told).await.is_err();
            assert_eq!((failed, &*told.diary), (has_failed, diary));
        }
        let mut told =
            Told { tries: Backoff::new(2), failures: all_fail(), may_wait: true, diary: String::new() };
        assert!(retry_after(&mut told, broken()).await.is_err());
        assert_eq!(told.diary, "wtwt", "the first try has failed already");
    }
}
