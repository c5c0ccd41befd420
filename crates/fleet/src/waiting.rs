//! Waits for what the first coordinator makes: a worker may be there before it.

use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::error::Error;

/// How often is asked.
const LOOK: Duration = Duration::from_secs(1);

/// Asks until it is there; `None` once `idle_exit` is over, or the worker is told to end. NATS may be long silent about what is not
/// there.
pub(crate) async fn until_there<T, F: Future<Output = Result<T, Error>>>(
    ask: impl Fn() -> F,
    idle_exit: Option<Duration>,
    cancel: &CancellationToken,
) -> Option<T> {
    let asked = async {
        loop {
            if let Ok(found) = ask().await {
                return found;
            }
            tokio::time::sleep(LOOK).await;
        }
    };
    let end = idle_exit.and_then(|idle| Instant::now().checked_add(idle));
    let over = async {
        match end {
            Some(end) => tokio::time::sleep_until(end).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        found = asked => Some(found),
        () = over => None,
        () = cancel.cancelled() => None,
    }
}
