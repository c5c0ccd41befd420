//! Whether shards can be divided by the sizes of images, and what keeps a shard from knowing its part: all shards have
//! to get the same answers from the sources.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::ready;

use crate::endpoint::Answer;
use crate::engine::backoff::Backoff;
use crate::engine::retry::{Counted, retry};
use crate::{Cause, Error, Operation, RuleFailure, Side, Work};

/// Whether any source of these rules reports image sizes in its listing. A source that refuses to say it does not:
/// every shard gets this answer.
///
/// # Errors
/// A source did not answer.
pub(crate) async fn tell_sizes(rules: &[Work], retries: u32) -> Result<bool, RuleFailure> {
    for (rule, work) in rules.iter().enumerate() {
        match tells_sizes(work, retries).await {
            Ok(true) => return Ok(true),
            Ok(false) => {}
            Err(error) => {
                let failure = RuleFailure { rule, source: source(work).into(), error };
                if let Some(failure) = undivided(&failure) {
                    return Err(failure);
                }
            }
        }
    }
    Ok(false)
}

async fn tells_sizes(work: &Work, retries: u32) -> Result<bool, Arc<Error>> {
    let attempt = || async move {
        ask(work).await.map_err(|cause| {
            let (place, operation) = (source(work).to_owned(), Operation::ReadSizes);
            Arc::new(Error { side: Side::Source, place, operation, cause: cause.into() })
        })
    };
    let pause = |_: Arc<Error>, wait: Duration| async move {
        tokio::time::sleep(wait).await;
        Ok::<_, Arc<Error>>(())
    };
    retry(&mut Counted { tries: &mut Backoff::new(retries), attempt, pause }).await
}

fn ask(work: &Work) -> Answer<'_, bool> {
    match work {
        Work::Repository(rule) => rule.source.tells_sizes(),
        Work::Pattern(rule) => rule.listing.tells_sizes(),
        Work::Tasks(_) | Work::Assignments(_) => ready(Ok(false)).boxed(),
    }
}

fn source(work: &Work) -> &str {
    match work {
        Work::Repository(rule) => rule.source.name(),
        Work::Pattern(rule) => rule.listing.name(),
        Work::Tasks(_) => "tasks",
        Work::Assignments(_) => "assignments",
    }
}

/// The failure of a shard that does not know its part because of `failure`. `None` if every shard has the same
/// failure: a refusal, or a repository that does not exist.
pub(crate) fn undivided(failure: &RuleFailure) -> Option<RuleFailure> {
    let RuleFailure { rule, source, error } = failure;
    let is_passing = error.is_retryable() || matches!(error.cause, Cause::NoAnswer(_));
    is_passing.then(|| {
        let (place, operation) = (error.place.clone(), error.operation.clone());
        let error = Error { side: error.side, place, operation, cause: Cause::Undivided(error.clone()) };
        RuleFailure { rule: *rule, source: source.clone(), error: error.into() }
    })
}
