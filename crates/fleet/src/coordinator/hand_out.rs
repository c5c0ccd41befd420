//! Puts jobs into the queue, and again what the queue has lost.

use std::time::Duration;

use async_nats::jetstream::message::PublishMessage;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::answer::{BETWEEN, PATIENCE};
use crate::connection::{Connection, subject};
use crate::error::Error;
use crate::message;
use crate::message::job::Handed;

/// Hands out the jobs of one run.
pub(super) struct HandOut {
    connection: Connection,
    run: String,
    ack_wait: Duration,
    /// Whether the queue lacked jobs when it was looked at last.
    lacked: bool,
}

impl HandOut {
    pub(super) fn new(connection: &Connection, run: &str, ack_wait: Duration) -> Self {
        Self { connection: connection.clone(), run: run.to_owned(), ack_wait, lacked: false }
    }

    /// Puts jobs into the queue, until the run is called off or the server is away: [`Self::has_lost`] finds the jobs that did not get
    /// there. The server drops a job that the queue has already, by the message's name, to which `again` is added.
    pub(super) async fn publish(
        &self,
        jobs: &[u32],
        again: &str,
        cancel: &CancellationToken,
    ) -> Result<(), Error> {
        for number in jobs {
            let end = Instant::now() + PATIENCE;
            while !cancel.is_cancelled()
                && let Err(error) = self.publish_one(*number, again).await
            {
                if !self.connection.is_there() {
                    return Ok(());
                }
                if Instant::now() > end {
                    let reason = crate::error::words(&error);
                    return Err(Error::Refused { what: format!("take job {number}"), reason });
                }
                tokio::time::sleep(BETWEEN).await;
            }
        }
        Ok(())
    }

    async fn publish_one(
        &self,
        number: u32,
        again: &str,
    ) -> Result<(), async_nats::jetstream::context::PublishError> {
        let run = &self.run;
        let handed = message::write(&Handed { run: run.clone(), number });
        let publish = PublishMessage::build().payload(handed).message_id(format!("{run}.{number}{again}"));
        let stored = self.connection.jetstream.send_publish(format!("{}{number}", subject(run)), publish);
        stored.await?.await.map(drop)
    }

    /// Whether the queue lacks jobs of those that are open, and has lacked them before: a server that was killed may have
    /// forgotten, or given for done what was not.
    pub(super) async fn has_lost(&mut self, open: &[u32]) -> bool {
        let queue = match self.connection.queue(&self.run).await {
            Ok(queue) => queue,
            Err(error) => {
                if matches!(error, Error::Gone { .. }) {
                    self.open_again().await;
                }
                return false;
            }
        };
        let info = queue.cached_info();
        let lacks = info.num_pending == 0 && info.num_ack_pending == 0 && !open.is_empty();
        std::mem::replace(&mut self.lacked, lacks) && lacks
    }

    /// Whether it succeeds shows when the queue is looked at next.
    async fn open_again(&self) {
        if self.connection.make_queue().await.is_ok() {
            let _ = self.connection.ask_for_queue(&self.run, self.ack_wait).await;
        }
    }
}
