//! Waits for buckets that the first coordinator creates: a worker may start before it.

use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::connection::Connection;
use crate::error::Error;

/// The wait between two questions.
const LOOK: Duration = Duration::from_secs(1);

/// Shows a message to people.
pub(crate) type Say<'a> = &'a (dyn Fn(&str) + Send + Sync);

/// Asks until it exists; `None` once `idle_exit` is over, or the worker must end. NATS may take long to answer about what does not exist.
pub(crate) async fn until_there<T, F: Future<Output = Result<T, Error>>>(
    ask: impl Fn() -> F,
    connection: &Connection,
    (idle_exit, cancel): (Option<Duration>, &CancellationToken),
    say: Say<'_>,
) -> Option<T> {
    let asked = async {
        let mut silence = Silence::default();
        loop {
            match ask().await {
                Ok(found) => return found,
                // The next coordinator creates it.
                Err(Error::Gone { .. }) => silence.is_over(),
                Err(error) => silence.tell(&error, connection, say),
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

/// Whether people were told that the server is there and does not answer.
#[derive(Default)]
pub(crate) struct Silence {
    is_told: bool,
}

impl Silence {
    /// NATS has answered, so another silence is reported again.
    pub(crate) fn is_over(&mut self) {
        self.is_told = false;
    }

    /// Reports this error, unless it was reported already, or the server is away: that is reported elsewhere.
    pub(crate) fn tell(&mut self, error: &Error, connection: &Connection, say: Say<'_>) {
        if connection.is_there() && !std::mem::replace(&mut self.is_told, true) {
            say(&format!(
                "{error}. This worker waits: look whether nats-server keeps streams (`image-syncer check --fleet URL` tells)"
            ));
        }
    }
}
