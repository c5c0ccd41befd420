//! Writes a worker's entries into a run's book: job results and request counts.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::shared::Shared;
use crate::error::Error;
use crate::message;
use crate::message::ended::{Ended, JobResult};
use crate::message::shortened::write_within;
use crate::message::spent::SpentBy;

/// How long a worker waits before it writes again to a NATS that has no room.
const FULL: Duration = Duration::from_secs(5);
/// How long a worker tries to write counts that no result tells.
const SPENT: Duration = Duration::from_secs(5);

impl Shared {
    /// Writes a job's result.
    pub(super) async fn write(&self, run: &str, key: &str, ended: Vec<Ended>) -> Result<(), Error> {
        let connection = &self.worker.connection;
        let (worker, born, spent) = (connection.name.clone(), self.born, self.tell_spent(run));
        let most = connection.largest_message();
        let mut result = JobResult { worker, born, ended, spent };
        let mut text = write_within(&result, most);
        if text.len() > most {
            // The next message that has room for the request counts tells them.
            result.spent.clear();
            text = write_within(&result, most);
        }
        loop {
            match self.runs.put(key, text.clone()).await {
                // Retries for as long as NATS is away, so that the result is written when it is back.
                Err(Error::NoAnswer { .. }) if !connection.is_there() => {}
                Err(error @ Error::Refused { .. }) => {
                    self.say_full(&error);
                    tokio::time::sleep(FULL).await;
                }
                written => break written?,
            }
        }
        if self.is_full.swap(false, Ordering::Relaxed) {
            (self.worker.say)("NATS has room again, and takes this worker's results");
        }
        self.job_done(run, result.spent);
        Ok(())
    }

    /// Says once that NATS has no room for what this worker writes.
    pub(super) fn say_full(&self, error: &Error) {
        if !self.is_full.swap(true, Ordering::Relaxed) {
            (self.worker.say)(&format!(
                "{error}. This worker waits until there is room: give nats-server's store more of it, or remove what else it keeps (`nats stream ls`)"
            ));
        }
    }

    /// Writes request counts that no result tells: of jobs that were left to others, or whose results did not arrive. Counts that do not
    /// arrive now are told later.
    pub(super) async fn write_spent(&self, run: &str) {
        let (worker, born, spent) = (self.worker.connection.name.clone(), self.born, self.tell_spent(run));
        if spent.is_empty() {
            return;
        }
        // Below `result`, where the workers' logins may write.
        let key = format!("{run}.result.spent.{worker}.{born}.{}", self.next_number());
        let mut by = SpentBy { worker, born, spent };
        let mut text = message::write(&by);
        while text.len() > self.worker.connection.largest_message() && by.spent.len() > 1 {
            by.spent.truncate(by.spent.len() / 2);
            text = message::write(&by);
        }
        if self.runs.put_within(SPENT, &key, text).await.is_ok() {
            self.is_told(run, by.spent);
        }
    }
}
