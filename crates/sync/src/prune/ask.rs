//! Asks a target until it answers.

use std::time::Duration;

use oci::{Digest, TagOrDigest};

use crate::endpoint::{Answer, Target};
use crate::engine::backoff::Backoff;
use crate::{Error, Operation, Side};

/// Asks, and asks again while that may help.
pub(super) async fn ask<'a, T>(
    target: &dyn Target,
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
        let error = Error {
            side: Side::Target,
            place: target.name().to_owned(),
            operation: operation.clone(),
            cause,
        };
        let Some(wait) = backoff.next(&error) else { return Err(error) };
        tokio::time::sleep(wait.max(Duration::from_millis(1))).await;
    }
}

/// What a name points at now.
pub(super) async fn resolve(
    target: &dyn Target,
    retries: u32,
    name: &TagOrDigest,
) -> Result<Option<Digest>, Error> {
    ask(target, retries, Operation::Resolve(name.clone()), || target.resolve(name)).await
}
