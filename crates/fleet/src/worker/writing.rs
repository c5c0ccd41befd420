//! Writes a worker's entries into a run's book: job results and request counts.

use std::time::Duration;

use super::shared::Shared;
use crate::error::Error;
use crate::message;
use crate::message::ended::{Ended, JobResult};
use crate::message::shortened::write_within;
use crate::message::spent::SpentBy;

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
                written => break written?,
            }
        }
        self.job_done(run, result.spent);
        Ok(())
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
