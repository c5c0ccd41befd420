//! The timeouts of a check: a registry that does not answer in time is a problem. If a registry asks the client to wait, the check waits
//! and asks again.

use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use futures_util::future::LocalBoxFuture;
use oci::ErrorKind;
use registry::Registry;
use sync::Backoff;
use sync::endpoint::EndpointError;

use crate::diagnostic::{registry_words, why};
use crate::output::{Paint, again_because, say};

/// The timeout of a single question.
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// The longest total wait for one question, pauses included.
const MOST_PATIENCE: Duration = Duration::from_secs(60);
/// The number of retries when a registry fails and names a delay.
const RETRIES: u32 = 3;
/// The error text for a timeout.
pub(super) const NO_ANSWER: &str = "no answer within 10 seconds";

/// The answer; `None` after the timeout.
pub(super) fn within<'a, T: 'a>(question: impl Future<Output = T> + 'a) -> LocalBoxFuture<'a, Option<T>> {
    tokio::time::timeout(LONGEST_WAIT, question).map(Result::ok).boxed_local()
}

/// Like `within`, but pauses that the registry, or a server that it redirects to, asked for do not count.
pub(super) fn answer<'a, T: 'a>(
    registry: &'a Registry,
    question: impl Future<Output = T> + 'a,
) -> LocalBoxFuture<'a, Option<T>> {
    let answer = async move {
        let (begun, mut limit) = (Instant::now(), LONGEST_WAIT);
        let mut question = std::pin::pin!(question);
        loop {
            if let Ok(answer) = tokio::time::timeout(limit, &mut question).await {
                return Some(answer);
            }
            let left = registry.pauses().into_iter().map(|pause| pause.left).max();
            limit = left.filter(|left| begun.elapsed() + *left <= MOST_PATIENCE)? + LONGEST_WAIT;
        }
    };
    answer.boxed_local()
}

/// Like `answer`, but retries when the registry asks the client to come back later.
pub(super) fn asked<'a, T: 'a, E: Refusal + 'a>(
    registry: &'a Registry,
    place: &'a str,
    mut question: impl AsyncFnMut() -> Result<T, E> + 'a,
) -> LocalBoxFuture<'a, Option<Result<T, E>>> {
    let asked = async move {
        let (begun, mut tries) = (Instant::now(), Backoff::new(RETRIES));
        loop {
            let error = match answer(registry, question()).await? {
                Ok(answer) => return Some(Ok(answer)),
                Err(error) => error,
            };
            let wait = tries.told_to_wait(error.kind(), error.asks_for());
            let Some(wait) = wait.filter(|wait| begun.elapsed() + *wait <= MOST_PATIENCE) else {
                return Some(Err(error));
            };
            say(&again_because(place, &error.words(), wait, Paint::for_stderr()));
            tokio::time::sleep(wait).await;
        }
    };
    asked.boxed_local()
}

/// An error of a registry that may ask for a delay.
pub(super) trait Refusal {
    fn kind(&self) -> ErrorKind;
    /// The delay that the registry asks for.
    fn asks_for(&self) -> Option<Duration>;
    fn words(&self) -> String;
}

impl Refusal for registry::Error {
    fn kind(&self) -> ErrorKind {
        self.kind()
    }

    fn asks_for(&self) -> Option<Duration> {
        self.retry_after()
    }

    fn words(&self) -> String {
        registry_words(self)
    }
}

impl Refusal for EndpointError {
    fn kind(&self) -> ErrorKind {
        self.kind
    }

    fn asks_for(&self) -> Option<Duration> {
        self.wait
    }

    fn words(&self) -> String {
        why(&self.clone().into())
    }
}
