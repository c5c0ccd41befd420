//! A worker's signs of life, from its coming to its leaving.

use std::sync::Arc;
use std::time::Duration;

use super::shared::Shared;
use crate::beat::{EVERY, Live};
use crate::connection::BEATS;
use crate::message;
use crate::message::beat::Beat;
use crate::message::release::Release;

/// Those who come within this time are answered once.
const TOGETHER: Duration = Duration::from_millis(100);

/// So long a farewell may take.
const FAREWELL: Duration = Duration::from_secs(1);

impl Shared {
    /// Tells of life, and takes this worker's part of what all have together. Who comes is answered at once: it has to know how many
    /// there are before it begins.
    pub(super) async fn beat(self: Arc<Self>, live: Live) {
        let mut divided_by = 0;
        loop {
            self.tell_of_life(false).await;
            // Others answer; and many come together.
            tokio::time::sleep(TOGETHER).await;
            let workers = live.count();
            // A worker that does not hear itself hears nobody: that says nothing of how many there are.
            if workers > 0 && workers != divided_by {
                self.worker.limits.divide(workers);
                divided_by = workers;
            }
            tokio::select! {
                () = tokio::time::sleep(EVERY) => {}
                () = live.changed() => {}
            }
        }
    }

    /// Tells that this worker ends.
    pub(super) async fn leave(&self) {
        let told = async {
            self.tell_of_life(true).await;
            let _ = self.worker.connection.client.flush().await;
        };
        // Where NATS is away, nobody hears it.
        let _ = tokio::time::timeout(FAREWELL, told).await;
    }

    /// Tells that this worker lives, or ends.
    pub(super) async fn tell_of_life(&self, leaves: bool) {
        let beat = Beat {
            release: Release::ours(),
            worker: self.worker.connection.name.clone(),
            born: self.born,
            config: self.worker.config.clone(),
            sent: self.sent(),
            refused: self.refusals().told(),
            leaves,
        };
        let _ = self.worker.connection.client.publish(BEATS, message::write(&beat)).await;
    }
}
