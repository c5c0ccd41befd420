//! How long a worker that must end waits for NATS.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::shared::Shared;
use crate::grace::WRITING;

/// How long the answer to a question may take once the worker must end.
const MOMENT: Duration = Duration::from_secs(3);

impl Shared {
    /// The answer of NATS. After `stop` it may take a moment longer, and no time at all if NATS is away; then `None`.
    pub(super) async fn before_end<T>(
        &self,
        stop: &CancellationToken,
        answer: impl Future<Output = T>,
    ) -> Option<T> {
        self.before_end_and(MOMENT, stop, answer).await
    }

    /// The same for writing results: a coordinator that has called the run off waits for them as long.
    pub(super) async fn before_writing_ends<T>(
        &self,
        stop: &CancellationToken,
        written: impl Future<Output = T>,
    ) -> Option<T> {
        self.before_end_and(WRITING, stop, written).await
    }

    async fn before_end_and<T>(
        &self,
        longer: Duration,
        stop: &CancellationToken,
        answer: impl Future<Output = T>,
    ) -> Option<T> {
        let end = async {
            stop.cancelled().await;
            if self.worker.connection.is_there() {
                tokio::time::sleep(longer).await;
            }
        };
        tokio::select! {
            biased;
            answer = answer => Some(answer),
            () = end => None,
        }
    }
}
