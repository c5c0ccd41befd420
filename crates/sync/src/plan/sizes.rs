//! Whether shards can be divided by the sizes of images, and what keeps a shard from knowing its part: all shards have
//! to get the same answers from the sources.

use crate::engine::ask::ask;
use crate::{Cause, Error, Operation, RuleFailure, Side, Work};

/// Whether any source of these rules reports image sizes in its listing. A source that refuses to say it does not:
/// every shard gets this answer.
///
/// # Errors
/// A source did not answer.
pub(crate) async fn tell_sizes(rules: &[Work], retries: u32) -> Result<bool, RuleFailure> {
    for (rule, work) in rules.iter().enumerate() {
        let place = |name| (Side::Source, name);
        let told = match work {
            Work::Repository(rule) => {
                let source = &rule.source;
                ask(place(source.name()), retries, Operation::ReadSizes, || source.tells_sizes()).await
            }
            Work::Pattern(rule) => {
                let listing = &rule.listing;
                ask(place(listing.name()), retries, Operation::ReadSizes, || listing.tells_sizes()).await
            }
            Work::Tasks(_) | Work::Assignments(_) => Ok(false),
        };
        match told {
            Ok(true) => return Ok(true),
            Ok(false) => {}
            Err(error) => {
                let failure = RuleFailure { rule, source: error.place.as_str().into(), error: error.into() };
                if let Some(failure) = undivided(&failure) {
                    return Err(failure);
                }
            }
        }
    }
    Ok(false)
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
