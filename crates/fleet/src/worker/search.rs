//! Looks for runs that have work for this worker.

use std::collections::HashSet;
use std::sync::Arc;

use oci::Digest;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::fetch::{Had, LOOK, Turn};
use super::refusal::Part;
use super::shared::Shared;
use super::stopping::RunState;
use crate::connection::has_no_job;
use crate::error::Error;
use crate::message;
use crate::message::release::Release;
use crate::message::run::RunEntry;
use crate::message::runs::Runs;
use crate::waiting::Silence;

impl Shared {
    /// Works on one run after the other, until it is cancelled or has been idle for long enough.
    pub(super) async fn look_for_work(self: Arc<Self>, cancel: &CancellationToken) -> Result<(), Error> {
        let (mut idle_since, mut told, mut last) = (Instant::now(), HashSet::new(), None);
        let mut silence = Silence::default();
        while !cancel.is_cancelled() {
            // While NATS is away, an answer takes long. A worker that must end does not wait for it.
            let run = tokio::select! {
                biased;
                () = cancel.cancelled() => return Ok(()),
                run = self.open_run(&mut told, last.as_deref()) => match run {
                    Err(error @ Error::NoAnswer { .. }) => {
                        silence.tell(&error, &self.worker.connection, &*self.worker.say);
                        None
                    }
                    // The next coordinator creates it.
                    Err(Error::Gone { .. }) => None,
                    run => {
                        silence.is_over();
                        run?
                    }
                },
            };
            if let Some((run, turn)) = run {
                let before = self.jobs_done();
                let had = self.clone().work_on(&run, turn, cancel).await?;
                if had == Had::NoQueue && self.run_state(&run.run).await == RunState::GoesOn {
                    self.say_no_queue(&run.run, &mut told);
                }
                if self.jobs_done() > before || self.may_be_needed(&run.run, cancel).await {
                    idle_since = Instant::now();
                }
                last = Some(run.run);
            }
            if self.worker.idle_exit.is_some_and(|idle| idle_since.elapsed() >= idle) {
                return Ok(());
            }
            tokio::select! {
                () = cancel.cancelled() => {}
                () = tokio::time::sleep(LOOK) => {}
            }
        }
        Ok(())
    }

    /// Whether an idle worker must stay for a run: a worker that holds one of its jobs may die.
    async fn may_be_needed(&self, run: &str, cancel: &CancellationToken) -> bool {
        if self.worker.idle_exit.is_none() {
            return false;
        }
        let queue = self.before_end(cancel, self.worker.connection.queue(run)).await;
        queue.is_some_and(|queue| queue.is_ok_and(|queue| !has_no_job(&queue)))
    }

    fn say_no_queue(&self, run: &str, told: &mut HashSet<String>) {
        // No run has a blank in its name.
        if told.insert(format!("{run} queue")) {
            (self.worker.say)(&format!(
                "run {run} is open, and NATS has no queue of its jobs: this worker turns to other runs until the run's coordinator has made the queue. Look whether that coordinator runs: `sync --fleet` with the same config joins the run, and makes the queue"
            ));
        }
    }

    /// The next run that may have work for this worker, and whether it is the only one. Runs that are left to others are reported once.
    async fn open_run(
        &self,
        told: &mut HashSet<String>,
        last: Option<&str>,
    ) -> Result<Option<(RunEntry, Turn)>, Error> {
        let Some((runs, _)) = self.runs.get_once("runs").await? else { return Ok(None) };
        let runs: Runs = match message::read(&runs) {
            Ok(runs) => runs,
            Err(error) => return Err(Error::Malformed { key: "runs".to_owned(), reason: error.to_string() }),
        };
        self.count_only_for(&runs);
        for (run, why) in left_to_others(&runs, &self.worker.config) {
            if told.insert(run) {
                (self.worker.say)(&why);
            }
        }
        let is_ours = |entry: &RunEntry| {
            entry.config == self.worker.config
                && !self.called_off().contains(&entry.run)
                && self.part_in(&entry.run) != Part::LeavesToOthers
        };
        let is_only = runs.ours().filter(|entry| is_ours(entry)).count() == 1;
        let turn = if is_only { Turn::Only } else { Turn::OneOfSeveral };
        Ok(next_after(last, &runs, is_ours).map(|entry| (entry.clone(), turn)))
    }
}

/// The next of these runs after the one that had its turn last: that one had no more jobs, and may stay open for ever if its coordinator
/// was killed.
fn next_after<'a>(
    last: Option<&str>,
    runs: &'a Runs,
    is_ours: impl Fn(&RunEntry) -> bool,
) -> Option<&'a RunEntry> {
    let place = last.and_then(|last| runs.ours().position(|entry| entry.run == last));
    let behind = place.map_or(0, |place| place + 1);
    runs.ours().skip(behind).chain(runs.ours().take(behind)).find(|entry| is_ours(entry))
}

/// Runs that a worker with this config leaves alone: their names, and the messages that say why.
fn left_to_others(runs: &Runs, config: &Digest) -> Vec<(String, String)> {
    let strangers = runs.ours().filter(|entry| entry.config != *config).map(|entry| {
        let text = format!(
            "run {} was planned with another config ({}) than this worker has ({}): it is left to others",
            entry.run,
            entry.config.short(),
            config.short()
        );
        (entry.run.clone(), text)
    });
    let others = runs.others().map(|other| {
        let text = format!(
            "the coordinator of run {} is {}, this worker is {}: they do not understand each other, and the run is left to others. Run one release everywhere",
            other.run,
            other.release,
            Release::ours()
        );
        (other.run.clone(), text)
    });
    strangers.chain(others).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::run;
    use crate::message::listed::Listed;

    #[test]
    fn runs_have_their_turns_in_the_order_of_the_list() {
        let listed = |name: &&str| Listed::Ours(RunEntry { run: (*name).to_owned(), ..run(b"c") });
        let next = |last: Option<&str>, open: &[&str]| {
            let runs = Runs { open: open.iter().map(listed).collect(), closed: Vec::new() };
            next_after(last, &runs, |entry| !entry.run.starts_with("other")).map(|entry| entry.run.clone())
        };
        let open = ["a", "other-1", "b", "c"];
        for (last, expected) in
            [(None, "a"), (Some("a"), "b"), (Some("b"), "c"), (Some("c"), "a"), (Some("closed"), "a")]
        {
            assert_eq!(next(last, &open).as_deref(), Some(expected), "{last:?}");
        }
        assert_eq!(next(Some("a"), &["a", "other-1"]).as_deref(), Some("a"));
        assert_eq!((next(Some("a"), &["other-1"]), next(None, &[])), (None, None));
    }
}
