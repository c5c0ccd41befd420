//! How long a worker that is to end waits for NATS.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::shared::Shared;

/// How long an answer may take once the worker is to end.
const MOMENT: Duration = Duration::from_secs(3);

impl Shared {
    /// What NATS answers. `None` if the work is to end before that: then an answer is waited for a moment longer, and not at all where
    /// NATS is away.
    pub(super) async fn before_end<T>(
        &self,
        stop: &CancellationToken,
        answer: impl Future<Output = T>,
    ) -> Option<T> {
        let end = async {
            stop.cancelled().await;
            if self.worker.connection.is_there() {
                tokio::time::sleep(MOMENT).await;
            }
        };
        tokio::select! {
            biased;
            answer = answer => Some(answer),
            () = end => None,
        }
    }
}
