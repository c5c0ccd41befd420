//! How long a check waits: whoever does not answer in that time has a problem. Whoever asks to be left alone for a while is left
//! alone, and asked again.

use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use futures_util::future::LocalBoxFuture;
use oci::ErrorKind;
use registry::Registry;
use sync::Backoff;
use sync::endpoint::EndpointError;

use crate::diagnostic::{registry_words, why};
use crate::output::{Paint, again_because, say};

/// For each single question.
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// A registry may hold one question up for so long, on the whole.
const MOST_PATIENCE: Duration = Duration::from_secs(60);
/// So often a question is asked again where a registry has trouble and says how long.
const RETRIES: u32 = 3;
/// What is told where the time is over.
pub(super) const NO_ANSWER: &str = "no answer within 10 seconds";

/// The answer; `None` where the time is over.
pub(super) fn within<'a, T: 'a>(question: impl Future<Output = T> + 'a) -> LocalBoxFuture<'a, Option<T>> {
    tokio::time::timeout(LONGEST_WAIT, question).map(Result::ok).boxed_local()
}

/// The same of a registry: what it, or a server that it sends us to, wants to be left alone does not count.
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

/// The same of a question that is asked again where its registry says that it is to be asked later.
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

/// What a registry said instead of an answer.
pub(super) trait Refusal {
    fn kind(&self) -> ErrorKind;
    /// How long it asks to wait.
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
