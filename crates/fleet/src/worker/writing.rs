//! What a worker writes into a run's book: what became of jobs, and what registries were asked for meanwhile.

use std::time::Duration;

use super::shared::Shared;
use crate::error::Error;
use crate::message;
use crate::message::ended::{Ended, JobResult};
use crate::message::shortened::write_within;
use crate::message::spent::SpentBy;

/// How long it is tried to tell what no result has told.
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
            // What registries were asked for is told by the next message that has room for it.
            result.spent.clear();
            text = write_within(&result, most);
        }
        loop {
            match self.runs.put(key, text.clone()).await {
                // However long NATS is away: what was brought is told when it is back.
                Err(Error::NoAnswer { .. }) if !connection.is_there() => {}
                written => break written?,
            }
        }
        self.job_done(run, result.spent);
        Ok(())
    }

    /// Writes what registries were asked for and no result tells: of jobs that were left to others, or whose results did not arrive.
    /// What does not arrive now is told later.
    pub(super) async fn write_spent(&self, run: &str) {
        let (worker, born, spent) = (self.worker.connection.name.clone(), self.born, self.tell_spent(run));
        if spent.is_empty() {
            return;
        }
        // Workers may write below `result`.
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
