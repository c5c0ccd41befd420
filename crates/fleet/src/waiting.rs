//! Waits for what the first coordinator makes: a worker may be there before it.

use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::connection::Connection;
use crate::error::Error;

/// How often is asked.
const LOOK: Duration = Duration::from_secs(1);

/// Is told what people should know.
pub(crate) type Say<'a> = &'a (dyn Fn(&str) + Send + Sync);

/// Asks until it is there; `None` once `idle_exit` is over, or the worker is told to end. NATS may be long silent about what is not
/// there.
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
                // Whoever comes next makes it.
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

/// Whether people know that a worker waits for an answer of a server that is there.
#[derive(Default)]
pub(crate) struct Silence {
    is_told: bool,
}

impl Silence {
    /// There was an answer: another silence is news.
    pub(crate) fn is_over(&mut self) {
        self.is_told = false;
    }

    /// Tells of this error, unless it was told already, or the server is away: that is told elsewhere.
    pub(crate) fn tell(&mut self, error: &Error, connection: &Connection, say: Say<'_>) {
        if connection.is_there() && !std::mem::replace(&mut self.is_told, true) {
            say(&format!(
                "{error}. This worker waits: look whether nats-server keeps streams (`image-syncer check --fleet URL` tells)"
            ));
        }
    }
}
