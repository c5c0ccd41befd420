//! A worker's beats, from its first to its farewell.

use std::sync::Arc;
use std::time::Duration;

use super::shared::Shared;
use crate::beat::{EVERY, Live};
use crate::connection::BEATS;
use crate::message;
use crate::message::beat::Beat;
use crate::message::release::Release;

/// Workers that join within this time are answered by one beat.
const TOGETHER: Duration = Duration::from_millis(100);

/// How long the farewell may take.
const FAREWELL: Duration = Duration::from_secs(1);

impl Shared {
    /// Publishes beats, and divides the shared limits by the live workers. A worker that joins is answered at once: it must know how many
    /// there are before it begins.
    pub(super) async fn beat(self: Arc<Self>, live: Live) {
        let mut divided_by = None;
        loop {
            self.tell_of_life(false).await;
            // Other workers answer, and many join at the same time.
            tokio::time::sleep(TOGETHER).await;
            let workers = live.workers(&self.worker.config);
            // A worker that does not hear its own beat hears no other either, and cannot count them.
            if workers.of_config > 0 && divided_by != Some(workers) {
                self.worker.limits.divide(workers);
                divided_by = Some(workers);
            }
            tokio::select! {
                () = tokio::time::sleep(EVERY) => {}
                () = live.changed() => {}
            }
        }
    }

    /// Publishes the farewell.
    pub(super) async fn leave(&self) {
        let told = async {
            self.tell_of_life(true).await;
            let _ = self.worker.connection.client.flush().await;
        };
        // While NATS is away no one hears it.
        let _ = tokio::time::timeout(FAREWELL, told).await;
    }

    /// Publishes one beat, which is the farewell if the worker leaves.
    pub(super) async fn tell_of_life(&self, leaves: bool) {
        let beat = Beat {
            release: Release::ours(),
            worker: self.worker.connection.name.clone(),
            born: self.born,
            config: self.worker.config.clone(),
            sent: self.sent(),
            jobs: self.jobs_in_beat(),
            refused: self.refusals().told(),
            leaves,
        };
        let _ = self.worker.connection.client.publish(BEATS, message::write(&beat)).await;
    }
}
