//! Publishes the jobs of a run to the queue, and publishes those again that the queue has lost.

use std::collections::VecDeque;
use std::time::Duration;

use async_nats::jetstream::context::PublishError;
use async_nats::jetstream::message::PublishMessage;
use tokio_util::sync::CancellationToken;

use crate::answer::{PATIENCE, until_answered};
use crate::connection::{Connection, has_no_job, subject};
use crate::error::{Error, words};
use crate::final_answer::{final_error, is_there_already};
use crate::message;
use crate::message::job::Handed;

/// Hands out the jobs of one run.
pub(super) struct HandOut {
    connection: Connection,
    run: String,
    ack_wait: Duration,
    /// Jobs that are not published yet.
    left: VecDeque<u32>,
    again: String,
    /// Whether the queue lacked jobs when it was looked at last.
    lacked: bool,
}

impl HandOut {
    pub(super) fn new(connection: &Connection, run: &str, ack_wait: Duration) -> Self {
        let (left, again, lacked) = Default::default();
        Self { connection: connection.clone(), run: run.to_owned(), ack_wait, left, again, lacked }
    }

    /// Publishes jobs to the queue, as [`Self::go_on`] does. The queue takes a job that it has already only once. `again` ends the message
    /// ids: NATS would also drop a job that it has lost, if it were published again under the same id.
    pub(super) async fn publish(
        &mut self,
        jobs: Vec<u32>,
        again: String,
        cancel: &CancellationToken,
    ) -> Result<(), Error> {
        (self.left, self.again) = (jobs.into(), again);
        self.go_on(cancel).await
    }

    /// Publishes the jobs that are left. Stops when the run is called off or NATS is away.
    pub(super) async fn go_on(&mut self, cancel: &CancellationToken) -> Result<(), Error> {
        while let Some(number) = self.left.front().copied() {
            let is_over = || cancel.is_cancelled() || !self.connection.is_there();
            let publish = || async {
                match self.publish_one(number).await {
                    Err(error) if !is_over() && !is_there_already(&error) => {
                        Err(not_published(number, &error))
                    }
                    _ => Ok(()),
                }
            };
            until_answered(PATIENCE, publish).await?;
            if is_over() {
                break;
            }
            self.left.pop_front();
        }
        Ok(())
    }

    async fn publish_one(&self, number: u32) -> Result<(), PublishError> {
        let (run, again) = (&self.run, &self.again);
        let handed = message::write(&Handed { run: run.clone(), number });
        let publish = PublishMessage::build().payload(handed).message_id(format!("{run}.{number}{again}"));
        let stored = self.connection.jetstream.send_publish(format!("{}{number}", subject(run)), publish);
        stored.await?.await.map(drop)
    }

    /// Whether the queue has no message left while jobs are open, now and when it was looked at before: a server that was killed may
    /// have lost messages, or acknowledgements that it had not written.
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
        let lacks = has_no_job(&queue) && !open.is_empty();
        std::mem::replace(&mut self.lacked, lacks) && lacks
    }

    /// Ignores errors: the next look at the queue shows them.
    async fn open_again(&self) {
        if self.connection.make_queue().await.is_ok() {
            let _ = self.connection.ask_for_queue(&self.run, self.ack_wait).await;
        }
    }
}

fn not_published(number: u32, error: &PublishError) -> Error {
    let what = format!("take job {number}");
    final_error(&what, error).unwrap_or_else(|| Error::NoAnswer { what, reason: words(error) })
}
