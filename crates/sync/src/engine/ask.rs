//! Requests with retries, outside of a run.

use std::time::Duration;

use crate::endpoint::{Answer, EndpointError};
use crate::engine::backoff::Backoff;
use crate::engine::retry::{Counted, retry};
use crate::{Error, Operation, Side};

/// Sends a request, and retries it while that may help.
pub(crate) async fn ask<'a, T: Send>(
    (side, place): (Side, &str),
    retries: u32,
    operation: Operation,
    mut question: impl FnMut() -> Answer<'a, T> + Send,
) -> Result<T, Error> {
    let error = |cause: EndpointError| {
        let (place, operation) = (place.to_owned(), operation.clone());
        Error { side, place, operation, cause: cause.into() }
    };
    let error = &error;
    let attempt = || {
        let asked = question();
        async move { asked.await.map_err(error) }
    };
    retry(&mut Counted { tries: &mut Backoff::new(retries), attempt, pause }).await
}

/// Waits between two tries.
pub(crate) async fn pause(_: Error, wait: Duration) -> Result<(), Error> {
    tokio::time::sleep(wait.max(Duration::from_millis(1))).await;
    Ok(())
}
