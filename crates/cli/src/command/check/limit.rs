//! How long a check waits: whoever does not answer in that time has a problem.

use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::LocalBoxFuture;

/// For each single question.
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// What is told where the time is over.
pub(super) const NO_ANSWER: &str = "no answer within 10 seconds";

/// The answer; `None` where the time is over.
pub(super) fn within<'a, T: 'a>(question: impl Future<Output = T> + 'a) -> LocalBoxFuture<'a, Option<T>> {
    tokio::time::timeout(LONGEST_WAIT, question).map(Result::ok).boxed_local()
}
