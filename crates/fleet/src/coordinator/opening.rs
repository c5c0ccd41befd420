//! Plans a run, writes its book and opens it; or finds one that somebody else has opened.

use std::time::UNIX_EPOCH;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use oci::Digest;
use sync::Report;
use tokio_util::sync::CancellationToken;

use super::open_runs;
use super::plan::Plan;
use super::teller::Teller;
use crate::bucket::Bucket;
use crate::bundle::{Bundle, bundles};
use crate::connection::Connection;
use crate::error::Error;
use crate::message::ended::{Explain, RuleFailures};
use crate::message::job::{Job, images_of};
use crate::message::listed::Listed;
use crate::message::release::Release;
use crate::message::run::{RunEntry, stop_key};
use crate::message::runs::Runs;
use crate::message::shortened::write_within;
use crate::message::{self, images_in};

/// Runs that are over are kept so long, for whoever still reads them.
const KEPT: usize = 3;
/// Jobs that are written at once.
const WRITTEN_AT_ONCE: usize = 32;

/// What came of it.
pub(super) enum Opened {
    Begun(RunEntry),
    /// Somebody else has begun the same.
    Joined(RunEntry),
    /// There is nothing to hand out.
    Nothing(Report),
}

/// Who opens a run.
pub(super) struct Opening<'a> {
    pub(super) connection: &'a Connection,
    pub(super) runs: &'a Bucket,
    pub(super) teller: &'a Teller,
    pub(super) explain: &'a Explain,
}

/// The run of this name, if it brings what these rules and flags select.
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
    /// Whether there is a run of this name to join, with these rules and flags.
    ///
    /// # Errors
    /// There is none, or it is of others; or NATS has not answered.
    pub async fn has_run(&self, name: &str, config: &Digest, selection: &Digest) -> Result<(), Error> {
        let runs = self.runs().await.map_err(|error| match error {
            // Where no coordinator has ever been, there is no list either.
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

    /// The run that is to be joined, where there is one.
    async fn joined(&self, plan: &Plan) -> Result<Option<RunEntry>, Error> {
        let open = self.going_on().await?;
        match &plan.run {
            None => Ok(open.ours().find(|entry| entry.is_of(&plan.config, &plan.selection)).cloned()),
            Some(name) => named(&open, name, (&plan.config, &plan.selection)).cloned().map(Some),
        }
    }

    /// The runs that go on. Whoever called one off may have ended before it was over: that one is closed.
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

    /// Plans, and opens a run when all its jobs stand in the book.
    async fn begin(&self, plan: Plan, cancel: &CancellationToken) -> Result<Opened, Error> {
        let (mut report, images) = plan.sync.called(self.teller.id.clone()).survey(cancel.clone()).await;
        let most_images = images_in(self.connection.largest_message());
        let bundles = bundles(images, most_images);
        if bundles.is_empty() || cancel.is_cancelled() {
            for image in bundles.iter().flat_map(|bundle| images_of(&bundle.assignments)) {
                self.teller.end_undone(&mut report, image);
            }
            return Ok(Opened::Nothing(report));
        }
        let run = self.teller.id.as_str().to_owned();
        let jobs = u32::try_from(bundles.len()).unwrap_or(u32::MAX);
        let began = UNIX_EPOCH.elapsed().ok().and_then(|since| u64::try_from(since.as_millis()).ok());
        let (release, config, selection, ack_wait) =
            (Release::ours(), plan.config, plan.selection, plan.ack_wait);
        let entry = RunEntry { release, run, config, selection, jobs, began };
        let failures = RuleFailures::new(&report.failed_rules, most_images, self.explain);
        let failures = write_within(&failures, self.connection.largest_message());
        self.runs.put(&format!("{}.rules", entry.run), failures).await?;
        self.write(&entry, bundles).await?;
        // Whoever reads of the run finds its queue, wherever this coordinator ends.
        self.connection.open_queue(&entry.run, ack_wait).await?;
        let (run, opened) = (entry.run.clone(), self.list(entry).await);
        if !matches!(opened, Ok(Opened::Begun(_))) {
            self.connection.close_queue(&run).await;
        }
        opened
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

    /// Lists a run, unless somebody has listed the same meanwhile.
    async fn list(&self, entry: RunEntry) -> Result<Opened, Error> {
        loop {
            let (mut known, revision) = open_runs::read(self.runs).await?;
            let same = known.ours().find(|other| other.is_of(&entry.config, &entry.selection));
            if let Some(other) = same {
                return Ok(Opened::Joined(other.clone()));
            }
            known.open.push(Listed::Ours(entry.clone()));
            let old = known.closed.len().saturating_sub(KEPT);
            let forgotten: Vec<_> = known.closed.drain(..old).collect();
            if open_runs::set(self.runs, &known, revision).await {
                for run in forgotten {
                    self.connection.forget(&run).await;
                }
                return Ok(Opened::Begun(entry));
            }
        }
    }
}
