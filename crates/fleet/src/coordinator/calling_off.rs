//! Calls a run off: no more jobs are handed out, and the coordinator waits for jobs in work.

use std::time::Duration;

use sync::Event;

use super::ending::{Ending, Wait};
use super::watching::Watching;
use crate::counted::counted;
use crate::error::Error;
use crate::grace::WRITING;
use crate::message::job::images_of;
use crate::message::run::stop_key;

/// How long the coordinator tries to tell workers.
const TELLING: Duration = Duration::from_secs(5);

impl Watching<'_> {
    /// Tells workers to stop, empties the queue, and sets the time that jobs in work have.
    pub(super) async fn call_off(&mut self) -> Result<(), Error> {
        let most = self.drain + self.ack_wait.min(WRITING);
        let in_work = self.progress.images_awaited();
        self.teller.tell(&Event::Stopping { in_work, waiting: 0, drain: self.drain }, None);
        self.tell_workers().await?;
        self.connection.empty_queue(&self.entry.run).await;
        self.progress.end(Ending::within(most));
        Ok(())
    }

    /// Writes into the book that the run is called off. Fails while NATS is away.
    async fn tell_workers(&self) -> Result<(), Error> {
        let not_told = |reason| Error::NotCalledOff { run: self.entry.run.clone(), reason };
        if !self.connection.is_there() {
            return Err(not_told("NATS is away".to_owned()));
        }
        let by = self.connection.name.clone().into();
        let told = self.runs.put_within(TELLING, &stop_key(&self.entry.run), by).await;
        told.map_err(|error| match error {
            // Workers cannot go on with a run that is lost.
            Error::Gone { reason, .. } => Error::RunLost { run: self.entry.run.clone(), reason },
            error => not_told(error.to_string()),
        })
    }

    /// The book says that a coordinator has called the run off.
    pub(super) fn called_off(&mut self, by: Option<&str>) {
        let (run, by) = (&self.entry.run, by.unwrap_or("somebody"));
        // This coordinator reads its own entry, too.
        if by != self.connection.name() {
            self.progress.called_off_by = Some(by.to_owned());
        }
        if self.progress.ending.is_some() {
            return;
        }
        self.teller.note(format!("run {run} was called off by {by}: nothing more is handed out"));
        self.progress.end(Ending::within(self.drain + self.ack_wait.min(WRITING)));
    }

    /// Whether the coordinator waits for no worker any longer. Names the workers that it waits for, once.
    pub(super) fn is_over(&mut self) -> bool {
        let is_quiet = self.progress.is_all_planned && self.progress.awaited().is_empty();
        let Some((ending, before)) = self.progress.ending else { return false };
        let wait = ending.wait(is_quiet, self.progress.is_caught_up);
        self.progress.ending = Some((ending, wait));
        if wait == Wait::ForWork && before != wait {
            self.tell_who_is_waited_for(ending);
        }
        wait == Wait::Over
    }

    fn tell_who_is_waited_for(&self, ending: Ending) {
        let at_work = self.progress.awaited();
        let jobs = at_work.values().map(Vec::len).sum();
        let workers: Vec<_> = at_work.into_keys().collect();
        if !workers.is_empty() {
            let (jobs, names, seconds) = (counted(jobs, "job"), workers.join(", "), ending.left().as_secs());
            self.teller.note(format!("waiting for {jobs} in work at {names}: {seconds} s at most"));
        }
    }

    /// Ends all open jobs: images without a result are not done.
    pub(super) fn end_the_rest(&mut self) {
        for job in self.progress.book.open() {
            self.tell_end(job, false);
        }
        let open = self.progress.book.open();
        let rest = self.progress.book.jobs().filter(|job| open.contains(&job.number));
        for image in rest.flat_map(|job| images_of(&job.assignments)) {
            self.teller.end_undone(&mut self.progress.report, image);
        }
    }
}
