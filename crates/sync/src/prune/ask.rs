//! Asks an endpoint until it answers.

use std::time::Duration;

use oci::{Digest, TagOrDigest};

use crate::endpoint::{Answer, Source, Target};
use crate::engine::backoff::Backoff;
use crate::{Error, Operation, Side};

/// Asks, and asks again while that may help.
pub(super) async fn ask<'a, T>(
    (side, place): (Side, &str),
    retries: u32,
    operation: Operation,
    question: impl Fn() -> Answer<'a, T>,
) -> Result<T, Error> {
    let mut backoff = Backoff::new(retries);
    loop {
        let cause = match question().await {
            Ok(answer) => return Ok(answer),
            Err(cause) => cause.into(),
        };
        let error = Error { side, place: place.to_owned(), operation: operation.clone(), cause };
        let Some(wait) = backoff.next(&error) else { return Err(error) };
        tokio::time::sleep(wait.max(Duration::from_millis(1))).await;
    }
}

/// What a name points at now. Where things can be deleted, what the registry denies is an error: only what it says is not there
/// is gone.
pub(super) async fn resolve(
    target: &dyn Target,
    retries: u32,
    name: &TagOrDigest,
) -> Result<Option<Digest>, Error> {
    let question = || match target.deletes() {
        Some(deletes) => deletes.resolve(name),
        None => target.resolve(name),
    };
    ask((Side::Target, target.name()), retries, Operation::Resolve(name.clone()), question).await
}

/// What a name points at in a source now.
pub(super) async fn resolve_at_source(
    source: &dyn Source,
    retries: u32,
    name: &TagOrDigest,
) -> Result<Option<Digest>, Error> {
    let operation = Operation::Resolve(name.clone());
    ask((Side::Source, source.name()), retries, operation, || source.resolve(name)).await
}
