//! Answers of an API that many images wait for. A question is asked once at a time; whoever waited gets the same answer,
//! or the same failure. A refusal that a retry does not change is kept for a while: thousands of images do not each ask
//! again.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::BoxFuture;
use registry::{Failure, Fresh, Kept, LoginSearch};
use sync::endpoint::EndpointError;
use tokio::time::Instant;

use super::trouble;

/// The answer to one question.
pub(super) struct SharedAnswer<T>(Fresh<T, Failed>);

/// The answers to one question about each of many names.
pub(super) struct SharedAnswers<T>(Mutex<HashMap<String, Arc<SharedAnswer<T>>>>);

#[derive(Clone, Debug)]
struct Failed(EndpointError);

impl Failure for Failed {
    fn is_lasting(&self) -> bool {
        !self.0.is_retryable
    }
}

/// Whether an answer stays as it is.
pub(super) enum Answered<T> {
    /// It does.
    ForGood(T),
    /// Others may change it at any time: only callers that waited for it share it.
    ForNow(T),
}

/// A question on its way. Boxed: questions inside questions, each handed through several futures by value, would need
/// more than the stack.
pub(super) type Ask<'a, T> = BoxFuture<'a, Result<Answered<T>, EndpointError>>;

impl<T> Default for SharedAnswer<T> {
    fn default() -> Self {
        Self(Fresh::default())
    }
}

impl<T> Default for SharedAnswers<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Clone> SharedAnswer<T> {
    /// The answer; `login` is what its failure names.
    pub(super) async fn get(&self, login: Option<&LoginSearch>, ask: Ask<'_, T>) -> Result<T, EndpointError> {
        let kept = async {
            match ask.await {
                Ok(Answered::ForGood(answer)) => Ok(Kept::always(answer)),
                Ok(Answered::ForNow(answer)) => Ok(Kept::until(answer, Some(Instant::now()))),
                // The login is added before the error is shared.
                Err(error) => Err(Failed(trouble::asked_with(error, login))),
            }
        };
        self.0.get(kept).await.map_err(|Failed(error)| error)
    }
}

impl<T: Clone> SharedAnswers<T> {
    /// The answer about `name`, while questions about other names go on.
    pub(super) async fn get(
        &self,
        name: &str,
        login: Option<&LoginSearch>,
        ask: Ask<'_, T>,
    ) -> Result<T, EndpointError> {
        let answer = {
            let mut answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            answers.entry(name.to_owned()).or_default().clone()
        };
        answer.get(login, ask).await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use futures_util::FutureExt as _;
    use futures_util::future::{join, join_all};
    use oci::ErrorKind;

    use super::*;

    /// Counts what is asked; each answer takes 30 seconds.
    #[derive(Default)]
    struct Api {
        answers: SharedAnswers<()>,
        asked: AtomicUsize,
    }

    impl Api {
        async fn make(&self, name: &str, is_retryable: bool) -> Result<(), EndpointError> {
            let ask = async {
                self.asked.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(Duration::from_secs(30)).await;
                Err(EndpointError { is_retryable, ..EndpointError::new(ErrorKind::Denied, "no") })
            };
            self.answers.get(name, None, ask.boxed()).await
        }

        async fn all_fail(&self, name: &str, is_retryable: bool) {
            let all = (0..1000).map(|_| self.make(name, is_retryable));
            assert!(join_all(all).await.iter().all(Result::is_err));
        }

        fn asked(&self) -> usize {
            self.asked.swap(0, Ordering::Relaxed)
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_shares_a_failure_and_a_refusal_is_kept() {
        for (is_retryable, asked_again) in [(false, 0), (true, 1)] {
            let (api, began) = (Api::default(), Instant::now());
            api.all_fail("team", is_retryable).await;
            assert_eq!((api.asked(), began.elapsed()), (1, Duration::from_secs(30)));
            api.all_fail("team", is_retryable).await;
            assert_eq!(api.asked(), asked_again);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_waits_for_another_name() {
        let (api, began) = (Api::default(), Instant::now());
        join(api.all_fail("team", true), api.all_fail("other", true)).await;
        assert_eq!((api.asked(), began.elapsed()), (2, Duration::from_secs(30)));
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_is_kept_as_long_as_it_stays() {
        let (answer, asked) = (SharedAnswer::default(), AtomicUsize::new(0));
        for (is_there, times) in [(false, 1), (false, 2), (true, 3), (true, 3)] {
            let ask = async {
                asked.fetch_add(1, Ordering::Relaxed);
                Ok(if is_there { Answered::ForGood(true) } else { Answered::ForNow(false) })
            };
            assert_eq!(answer.get(None, ask.boxed()).await.unwrap(), is_there);
            assert_eq!(asked.load(Ordering::Relaxed), times);
        }
    }
}
