//! Watches a run to its end: reads its book, reports its results, and sees to it that the queue has the open jobs.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_nats::jetstream::kv::{Entry, Operation};
use sync::{Event, RuleFailure};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::attendance::{Change, Strange};
use super::board::{Board, standing};
use super::book_entry::{self, BookEntry};
use super::ending::{Ending, QUIET};
use super::open_runs;
use super::progress::Progress;
use super::reading::Reading;
use super::teller::Teller;
use crate::beat::{EVERY, Live};
use crate::bucket::Bucket;
use crate::connection::Connection;
use crate::counted::counted;
use crate::error::Error;
use crate::listing::Listing;
use crate::message::ended::RuleFailures;
use crate::message::job::{Job, images_of};
use crate::message::run::RunEntry;

/// How often the coordinator looks at the workers' beats, and at waits that are over.
const TICK: Duration = Duration::from_secs(1);
// A wait is over at the next tick, so a tick is short compared with the shortest wait.
const _: () = assert!(2 * TICK.as_millis() <= QUIET.as_millis());
/// How often the coordinator reports the progress.
const TOLD: Duration = Duration::from_secs(30);
/// How often the coordinator checks that the run is listed, and that the queue has the open jobs.
const CHECKED: Duration = Duration::from_secs(10);
/// How long the coordinator tries to remove a run that is over from the list. Less long if the run was called off: then a person waits for
/// it.
const CLOSED: Duration = Duration::from_secs(60);
const CLOSED_AT_ONCE: Duration = Duration::from_secs(5);

/// A run that is watched.
pub(super) struct Watching<'a> {
    pub(super) connection: &'a Connection,
    pub(super) runs: &'a Bucket,
    pub(super) teller: &'a Teller,
    pub(super) entry: RunEntry,
    /// Whether another coordinator has planned it.
    pub(super) is_joined: bool,
    pub(super) ack_wait: Duration,
    /// How long images in work have to end when the run is called off.
    pub(super) drain: Duration,
    /// Calls the run off when it is cancelled.
    pub(super) cancel: &'a CancellationToken,
    pub(super) live: Live,
    pub(super) board: &'a Board,
    pub(super) progress: Progress,
}

impl Watching<'_> {
    /// Watches the run to its end; returns its progress.
    pub(super) async fn watch(mut self) -> Progress {
        let watched = self.until_over().await;
        self.end_the_rest();
        match watched {
            Ok(()) => self.close().await,
            Err(error) => self.progress.broken_off = Some(error),
        }
        self.progress
    }

    async fn until_over(&mut self) -> Result<(), Error> {
        let mut book = Reading::begin(self.runs, &self.entry.run);
        let mut tick = tokio::time::interval(TICK);
        let cancel = self.cancel;
        while !self.is_done() {
            tokio::select! {
                biased;
                // First of all, so that no job is handed out after it.
                () = cancel.cancelled(), if self.progress.ending.is_none() => self.call_off().await?,
                _ = tick.tick() => self.look_around(),
                entry = book.next() => self.read(&entry),
            }
            if self.has_read_all_jobs() {
                self.all_planned().await?;
            }
            if self.progress.checked.elapsed() > CHECKED {
                self.check().await?;
            }
            if self.is_over() {
                break;
            }
        }
        Ok(())
    }

    /// Removes the run from the list. All its results are known by now.
    async fn close(&self) {
        let (run, is_cancelled) = (&self.entry.run, self.cancel.is_cancelled());
        let patience = if is_cancelled { CLOSED_AT_ONCE } else { CLOSED };
        let closed = open_runs::close(self.connection, self.runs, run);
        if !matches!(tokio::time::timeout(patience, closed).await, Ok(Ok(()))) {
            self.teller.note(format!(
                "run {run} is over, and NATS could not be told: who starts `sync` next joins it and ends at once. Start it once more then"
            ));
        }
    }

    /// Whether all jobs were read for the first time. In a run that was joined, the results until now must be read, too.
    fn has_read_all_jobs(&self) -> bool {
        let Progress { book, is_all_planned, is_caught_up, .. } = &self.progress;
        let is_up_to_now = !self.is_joined || *is_caught_up;
        !is_all_planned && is_up_to_now && book.jobs().count() == self.entry.jobs as usize
    }

    fn is_done(&self) -> bool {
        self.progress.is_all_planned && self.progress.book.ended() == self.entry.jobs as usize
    }

    /// Takes in an entry of the book.
    fn read(&mut self, entry: &Entry) {
        self.progress.seen = self.progress.seen.max(entry.revision);
        self.progress.is_caught_up = entry.delta == 0;
        let value = (entry.operation == Operation::Put).then_some(&entry.value[..]);
        match book_entry::read(&self.entry, &entry.key, value) {
            Some(BookEntry::Rules(failures)) if self.is_joined => self.tell_rules(failures),
            Some(BookEntry::Job(job)) => self.job(job),
            Some(BookEntry::Begun { job, attempt, by }) => {
                self.progress.book.begun(job, attempt, by);
                // Its worker's next beat has the job.
                if let Some(at) = self.progress.last_entries.get_mut(&job) {
                    *at = self.connection.uptime.now();
                }
            }
            Some(BookEntry::Spent(by)) => self.progress.book.spent_by(by),
            Some(BookEntry::CalledOff(by)) => self.called_off(by.as_deref()),
            Some(BookEntry::GivenBack { job, attempt }) => self.progress.book.given_back(job, attempt),
            Some(BookEntry::Result { job, attempt, result }) => {
                self.progress.book.result(job, attempt, result);
                let now = self.connection.uptime.now();
                self.progress.last_entries.insert(job, now);
                self.tell_end(job, true);
            }
            Some(BookEntry::Nonsense { job, why }) => {
                self.teller.note(format!("a result of job {job} makes no sense: {why}"));
            }
            Some(BookEntry::Rules(_)) | None => {}
        }
    }

    fn job(&mut self, job: Job) {
        if self.is_joined {
            for image in job.images() {
                self.teller.tell(&Event::ImagePlanned(image.clone()), None);
            }
        }
        let number = job.number;
        self.progress.book.job(job);
        self.tell_end(number, true);
    }

    /// Reports the rules that failed when another coordinator planned.
    fn tell_rules(&mut self, failures: RuleFailures) {
        let left_out = failures.left_out();
        if left_out > 0 {
            let rules = counted(left_out, "more rule");
            let run = &self.entry.run;
            self.teller
                .note(format!("{rules} failed: the coordinator that planned run {run} has told of them"));
        }
        for failure in failures.failures().into_iter().map(Arc::<RuleFailure>::new) {
            self.teller.tell(&Event::RuleFailed(failure.clone()), None);
            self.progress.report.failed_rules.push(failure);
        }
    }

    /// Reports a job, if it has ended.
    pub(super) fn tell_end(&mut self, number: u32, patient: bool) {
        let Progress { book, report, flow, kept, is_all_planned, .. } = &mut self.progress;
        let Some(ended) = book.take_final(number, patient) else { return };
        // When results from before this coordinator's start ended is unknown: they count for the whole time since the run began.
        let now = SystemTime::now();
        let before = self.entry.began(now).filter(|_| self.is_joined && !*is_all_planned);
        let before = before.and_then(|began| now.duration_since(began).ok());
        let mut told = vec![false; ended.job.images().count()];
        for (image, worker) in &ended.images {
            if let Some(of_image) = image.report(ended.job) {
                told[image.image as usize] = true;
                let during = before.unwrap_or(of_image.took.min(EVERY));
                self.teller.sent(worker, flow.result(worker, of_image.amounts.moved_bytes), during);
                kept.add(image.kept());
                self.teller.end(report, of_image, Some(worker));
            }
        }
        let images = images_of(&ended.job.assignments);
        for (image, _) in images.zip(told).filter(|(_, is_told)| !is_told) {
            self.teller.end_undone(report, image);
        }
        self.progress.last_entries.remove(&number);
    }

    /// All jobs were read. Publishes the open ones to the queue, unless the run was called off meanwhile.
    async fn all_planned(&mut self) -> Result<(), Error> {
        self.progress.is_all_planned = true;
        let (run, open) = (&self.entry.run, self.progress.book.open());
        let jobs = counted(self.entry.jobs as usize, "job");
        if self.is_joined {
            self.teller.tell(&Event::AllPlanned, None);
            self.progress.flow.begin_here();
            self.teller.note(format!("joined run {run}: {} of {jobs} left to do", open.len()));
        }
        if self.progress.ending.is_some() {
            return Ok(());
        }
        self.progress.hand_out.publish(open, String::new(), self.cancel).await?;
        if !self.is_joined {
            self.teller.note(format!("run {run} has {jobs} for workers to take"));
        }
        Ok(())
    }

    /// Reports workers that come and go, ends jobs whose wait is over, and reports the progress. Waits are measured by the clock that
    /// stands still while NATS is away: then workers can neither send beats nor write results.
    fn look_around(&mut self) {
        let now = self.connection.uptime.now();
        let changes = self.progress.attendance.look(&self.live.signs(), &self.entry, now);
        for change in changes {
            self.tell_change(change);
        }
        let patience = 2 * self.ack_wait;
        let is_over = |(job, at): &(&u32, &Instant)| {
            now.saturating_duration_since(**at) > patience
                && !self.live.has_in_work(&self.entry.run, **job, self.connection.name())
        };
        let waited: Vec<_> = self.progress.last_entries.iter().filter(is_over).map(|(job, _)| *job).collect();
        for job in waited {
            self.tell_end(job, false);
        }
        let Progress { book, attendance, .. } = &self.progress;
        self.board.show(standing(book, attendance));
        if self.progress.told.elapsed() > TOLD {
            self.progress.told = Instant::now();
            let workers = counted(self.progress.attendance.workers().count(), "worker");
            let jobs = counted(self.entry.jobs as usize, "job");
            let [.., done] = self.progress.book.counts_of(|_| true);
            self.teller.note(format!("{workers}, {done} of {jobs} done"));
        }
    }

    fn tell_change(&mut self, change: Change) {
        if let Change::Lost(worker) | Change::StartedAgain(worker) = &change {
            *self.progress.silent.entry(worker.clone()).or_default() += 1;
        }
        self.teller.note(match change {
            Change::Sent { worker, bytes, during } => {
                return self.teller.sent(&worker, self.progress.flow.sign(&worker, bytes), during);
            }
            Change::Joined(worker) => format!("worker {worker} is there"),
            Change::Left(worker) => format!("worker {worker} has left"),
            // The run ends, so its jobs are not handed out again.
            Change::Lost(worker) if self.progress.ending.is_some() => {
                format!("worker {worker} is silent: nobody waits for its jobs")
            }
            Change::StartedAgain(worker) if self.progress.ending.is_some() => {
                format!("worker {worker} was started again: nobody waits for the jobs that it had")
            }
            Change::Lost(worker) => {
                format!("worker {worker} is silent: others get its jobs after {} s", self.ack_wait.as_secs())
            }
            Change::StartedAgain(worker) => format!(
                "worker {worker} was started again: the jobs that it had are handed out again after {} s",
                self.ack_wait.as_secs()
            ),
            Change::Refused { worker, why } => format!(
                "the login of worker {worker} is refused ({why}): it leaves this run's jobs to others. Mend its login, and start it again"
            ),
            Change::Stranger { worker, why: Strange::Release(theirs) } => format!(
                "worker {worker} is {theirs}, this coordinator is {}: they do not understand each other, and it takes none of this run's jobs. Run one release everywhere",
                self.entry.release
            ),
            Change::Stranger { worker, why: Strange::Config(config) } => format!(
                "worker {worker} has another config ({}) than this run ({}), and takes none of its jobs: to let it help, start it with this run's config",
                config.short(),
                self.entry.config.short()
            ),
        });
    }

    /// Checks that the run is listed, and that the queue has the open jobs.
    async fn check(&mut self) -> Result<(), Error> {
        self.progress.checked = Instant::now();
        if self.progress.ending.is_some() || !self.connection.is_there() {
            return Ok(());
        }
        match Listing::of(&self.entry.run, self.runs).await {
            Listing::Open if self.progress.is_all_planned => self.hand_out_again().await,
            Listing::Open | Listing::Unknown => Ok(()),
            Listing::Closed => {
                // Another coordinator has ended it. What was written until then is still read.
                self.progress.end(Ending::elsewhere());
                Ok(())
            }
            Listing::Lost(reason) => Err(Error::RunLost { run: self.entry.run.clone(), reason }),
        }
    }

    /// Publishes the jobs that were left when NATS went away, and those that NATS has lost.
    async fn hand_out_again(&mut self) -> Result<(), Error> {
        self.progress.hand_out.go_on(self.cancel).await?;
        let open = self.progress.book.open();
        if self.progress.hand_out.has_lost(&open).await {
            let lost = counted(open.len(), "job");
            self.teller.note(format!("NATS has lost {lost}, which this coordinator hands out again"));
            // A message that NATS keeps and never delivers again would stand in the way of its job's next one.
            self.connection.empty_queue(&self.entry.run).await;
            let again = format!(".{}", self.progress.seen);
            self.progress.hand_out.publish(open, again, self.cancel).await?;
        }
        Ok(())
    }
}
