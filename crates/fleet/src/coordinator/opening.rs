//! Plans a run, writes its book and opens it, or finds a run that another coordinator has opened.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use oci::Digest;
use sync::Report;
use tokio_util::sync::CancellationToken;

use super::open_runs;
use super::plan::Plan;
use super::teller::Teller;
use crate::answer::{PATIENCE, until_answered};
use crate::bucket::Bucket;
use crate::bundle::{Bundle, bundles};
use crate::connection::{Connection, has_no_job};
use crate::error::Error;
use crate::message::ended::{Explain, RuleFailures};
use crate::message::job::{Job, images_of};
use crate::message::listed::Listed;
use crate::message::release::Release;
use crate::message::run::{RunEntry, stop_key};
use crate::message::runs::{MOST_RUNS, Runs};
use crate::message::shortened::write_within;
use crate::message::{self, images_in};

/// How long a run's coordinator takes at most from its plan to its first job in the queue.
const YOUNG: Duration = Duration::from_secs(3600);
/// How many jobs are written at the same time.
const WRITTEN_AT_ONCE: usize = 32;

/// The run that was opened.
pub(super) enum Opened {
    /// This coordinator has planned it. The report has what planning came to: rules that failed, and images that are left out.
    Begun(RunEntry, Report),
    /// Another coordinator has begun a run of the same rules and flags.
    Joined(RunEntry),
    /// There is no job to hand out.
    Nothing(Report),
    /// The run was planned and could not be opened. The report has its images, which are not done.
    Failed(Report, Error),
}

/// Opens a run for a coordinator.
pub(super) struct Opening<'a> {
    pub(super) connection: &'a Connection,
    pub(super) runs: &'a Bucket,
    pub(super) teller: &'a Teller,
    pub(super) explain: &'a Explain,
    /// How long a worker may be silent before others get its jobs.
    pub(super) ack_wait: Duration,
}

/// The open run of this name, if it has these rules and flags.
fn named<'a>(
    open: &'a Runs,
    name: &str,
    (config, selection): (&Digest, &Digest),
) -> Result<&'a RunEntry, Error> {
    match open.ours().find(|entry| entry.run == name) {
        Some(entry) if entry.is_of(config, selection) => Ok(entry),
        Some(_) => Err(Error::OtherConfig(name.to_owned())),
        None => Err(open.others().find(|other| other.run == name).map_or_else(
            || Error::NoRun(name.to_owned()),
            |other| Error::OtherRelease {
                run: name.to_owned(),
                theirs: other.release.to_string(),
                ours: Release::ours().to_string(),
            },
        )),
    }
}

impl Connection {
    /// Checks that there is an open run of this name with these rules and flags.
    ///
    /// # Errors
    /// There is none, it has other rules or flags, it is of another release, or NATS does not answer.
    pub async fn has_run(&self, name: &str, config: &Digest, selection: &Digest) -> Result<(), Error> {
        let runs = self.runs().await.map_err(|error| match error {
            // No coordinator has created the bucket yet, so there is no run.
            Error::Gone { .. } => Error::NoRun(name.to_owned()),
            error => error,
        })?;
        let (open, _) = open_runs::read(&runs).await?;
        named(&open, name, (config, selection)).map(drop)
    }
}

impl Opening<'_> {
    pub(super) async fn open(&self, plan: Plan, cancel: &CancellationToken) -> Result<Opened, Error> {
        match self.joined(&plan).await? {
            Some(entry) => Ok(Opened::Joined(entry)),
            None => self.begin(plan, cancel).await,
        }
    }

    /// The open run to join, if there is one.
    async fn joined(&self, plan: &Plan) -> Result<Option<RunEntry>, Error> {
        let open = self.going_on().await?;
        match &plan.run {
            None => Ok(open.ours().find(|entry| entry.is_of(&plan.config, &plan.selection)).cloned()),
            Some(name) => named(&open, name, (&plan.config, &plan.selection)).cloned().map(Some),
        }
    }

    /// The open runs. Closes those that were called off: the coordinator that did so may have died before it could close them.
    async fn going_on(&self) -> Result<Runs, Error> {
        let (mut runs, _) = open_runs::read(self.runs).await?;
        let mut stopped = Vec::new();
        for run in runs.ours().map(|entry| &entry.run) {
            if self.runs.get(&stop_key(run)).await?.is_some() {
                open_runs::close(self.connection, self.runs, run).await?;
                stopped.push(run.clone());
            }
        }
        runs.open.retain(|listed| !stopped.iter().any(|run| run == listed.run()));
        Ok(runs)
    }

    /// Plans a run, and opens it once all its jobs are in the book.
    async fn begin(&self, plan: Plan, cancel: &CancellationToken) -> Result<Opened, Error> {
        let (mut report, images) = plan.sync.called(self.teller.id.clone()).survey(cancel.clone()).await;
        let most_images = images_in(self.connection.largest_message());
        let bundles = bundles(images, most_images);
        if bundles.is_empty() || cancel.is_cancelled() {
            self.end_undone(&mut report, &bundles);
            return Ok(Opened::Nothing(report));
        }
        let run = self.teller.id.as_str().to_owned();
        let jobs = u32::try_from(bundles.len()).unwrap_or(u32::MAX);
        let began = UNIX_EPOCH.elapsed().ok().and_then(|since| u64::try_from(since.as_millis()).ok());
        let (release, config, selection) = (Release::ours(), plan.config, plan.selection);
        let entry = RunEntry { release, run, config, selection, jobs, began };
        let failures = RuleFailures::new(&report.failed_rules, most_images, self.explain);
        let failures = write_within(&failures, self.connection.largest_message());
        Ok(match self.publish(&entry, failures, &bundles).await {
            Ok(None) => Opened::Begun(entry, report),
            Ok(Some(other)) => Opened::Joined(other),
            Err(error) => {
                self.end_undone(&mut report, &bundles);
                Opened::Failed(report, error)
            }
        })
    }

    fn end_undone(&self, report: &mut Report, bundles: &[Bundle]) {
        for image in bundles.iter().flat_map(|bundle| images_of(&bundle.assignments)) {
            self.teller.end_undone(report, image);
        }
    }

    /// Writes a run's book and lists the run. If it cannot be listed, nothing of it is left; returns the other run if another coordinator
    /// has listed one of the same rules and flags.
    async fn publish(
        &self,
        entry: &RunEntry,
        failures: Bytes,
        bundles: &[Bundle],
    ) -> Result<Option<RunEntry>, Error> {
        let written = async {
            self.runs.put(&format!("{}.rules", entry.run), failures).await?;
            self.write(entry, bundles.to_vec()).await?;
            // Before the run is listed, so that workers find its queue even if this coordinator dies in between.
            self.connection.open_queue(&entry.run, self.ack_wait).await
        };
        let (listed, may_be_listed) = match written.await {
            Ok(()) => {
                let listed = self.list(entry).await;
                // Without an answer the run may be listed, and its book in use.
                let may_be = matches!(listed, Ok(None) | Err(Error::NoAnswer { .. }));
                (listed, may_be)
            }
            Err(error) => (Err(error), false),
        };
        if !matches!(listed, Ok(None)) {
            self.connection.close_queue(&entry.run).await;
        }
        if !may_be_listed {
            self.connection.forget(std::slice::from_ref(&entry.run)).await;
        }
        listed
    }

    /// Writes the jobs into the book.
    async fn write(&self, entry: &RunEntry, bundles: Vec<Bundle>) -> Result<(), Error> {
        let largest = self.connection.largest_message();
        let written = bundles.into_iter().zip(0..).map(|(bundle, number)| {
            let (config, run) = (entry.config.clone(), entry.run.clone());
            let job = Job { run, number, config, bytes: bundle.bytes, assignments: bundle.assignments };
            let text = message::write(&job);
            async move {
                if text.len() > largest || job.images().count() > images_in(largest) {
                    return Err(Error::TooLarge(job.label()));
                }
                self.runs.put(&format!("{}.job.{number}", job.run), text).await
            }
        });
        stream::iter(written).buffer_unordered(WRITTEN_AT_ONCE).try_collect::<()>().await
    }

    /// Lists a run as open; returns the other run if another coordinator has listed one of the same rules and flags meanwhile.
    async fn list(&self, entry: &RunEntry) -> Result<Option<RunEntry>, Error> {
        loop {
            let (mut known, revision) = open_runs::read(self.runs).await?;
            if let Some(same) = known.ours().find(|other| other.is_of(&entry.config, &entry.selection)) {
                // An earlier try may have listed it, whose answer was lost.
                return Ok((same.run != entry.run).then(|| same.clone()));
            }
            let dead = self.make_room(&mut known).await?;
            known.open.push(Listed::Ours(entry.clone()));
            let old = open_runs::take_old(&mut known);
            if open_runs::set(self.runs, &known, revision).await? {
                self.tell_others(&known, entry);
                if let Some(run) = dead {
                    self.connection.close_queue(&run).await;
                }
                self.connection.forget(&old).await;
                return Ok(None);
            }
        }
    }

    /// Reports other open runs that take the time of the same workers.
    fn tell_others(&self, known: &Runs, entry: &RunEntry) {
        let is_other = |other: &&RunEntry| other.config == entry.config && other.run != entry.run;
        for other in known.ours().filter(is_other) {
            self.teller.note(format!(
                "run {} has the same config and is open, too: workers take its jobs and this run's by turns, and may finish theirs there first",
                other.run
            ));
        }
    }

    /// Closes the oldest dead run of a list that is full; returns its name.
    async fn make_room(&self, known: &mut Runs) -> Result<Option<String>, Error> {
        if known.open.len() < MOST_RUNS {
            return Ok(None);
        }
        let Some(place) = self.first_dead(&known.open).await? else {
            let oldest = known.open[0].run().to_owned();
            return Err(Error::TooManyRuns { number: known.open.len(), oldest });
        };
        let dead = known.open.remove(place).run().to_owned();
        known.closed.push(dead.clone());
        Ok(Some(dead))
    }

    /// The first run that has no job left: its coordinator was killed, and no other one has joined it.
    async fn first_dead(&self, open: &[Listed]) -> Result<Option<usize>, Error> {
        for (place, listed) in open.iter().enumerate().filter(|(_, listed)| !is_young(listed)) {
            match until_answered(PATIENCE, || self.connection.queue(listed.run())).await {
                Ok(queue) if !has_no_job(&queue) => {}
                Ok(_) | Err(Error::Gone { .. }) => return Ok(Some(place)),
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }
}

/// Whether the run's coordinator may still have to publish its jobs.
fn is_young(listed: &Listed) -> bool {
    let Listed::Ours(entry) = listed else { return false };
    let began = entry.began(SystemTime::now());
    began.and_then(|began| began.elapsed().ok()).is_some_and(|age| age < YOUNG)
}
