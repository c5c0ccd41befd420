//! The coordinator: plans, writes the book, hands out jobs, and reads what became of them. It may die: whoever is started again with
//! the same rules reads the book from its beginning and goes on.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use async_nats::jetstream::kv::{Entry, Operation};
use async_nats::jetstream::message::PublishMessage;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use oci::Digest;
use sync::{Amounts, Event, ImageReport, Observer, Outcome, Report, RuleFailure, RunId, Stamp, Sync};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::beat::{Change, Live};
use crate::book::Book;
use crate::bucket::{Bucket, Watch};
use crate::bundle::bundles;
use crate::connection::{Connection, subject};
use crate::error::Error;
use crate::message::ended::{Explain, RuleFailures};
use crate::message::job::{Handed, Job};
use crate::message::run::{RunEntry, Runs};
use crate::message::{self, LARGEST};

/// How often is looked who is there, and whether the queue has lost anything.
const TICK: Duration = Duration::from_secs(1);
/// How often the state of all is told.
const TOLD: Duration = Duration::from_secs(30);
/// How often is looked whether the queue has what is not done.
const CHECKED: Duration = Duration::from_secs(10);
/// Runs that are over are kept so long, for whoever still reads them.
const KEPT: usize = 3;
/// Jobs that are written at once.
const WRITTEN_AT_ONCE: usize = 32;

/// What is to be done.
pub struct Plan {
    /// Finds out which images the rules select.
    pub sync: Sync,
    /// Of the rules.
    pub config: Digest,
    /// Of what flags select of them.
    pub selection: Digest,
    /// Joins the run of this name, and no other.
    pub run: Option<String>,
    /// A worker that is silent for so long loses its jobs.
    pub ack_wait: Duration,
}

/// Who plans and watches.
pub struct Coordinator {
    /// Where jobs go.
    pub connection: Connection,
    /// What its run is called, if it begins one.
    pub id: RunId,
    /// Is told of all images.
    pub observer: Arc<dyn Observer>,
    /// How long images in work have to end when the run is stopped.
    pub drain: Duration,
    /// Puts errors into words.
    pub explain: Explain,
}

impl Coordinator {
    /// Plans, or joins a run that is open, and waits for its end. When it is cancelled, so is the run.
    ///
    /// # Errors
    /// NATS cannot be asked, or the run that is to be joined is not there.
    pub async fn run(self, plan: Plan, cancel: CancellationToken) -> Result<Report, Error> {
        let began = Instant::now();
        self.connection.prepare(plan.ack_wait).await?;
        let runs = self.connection.runs().await?;
        let ack_wait = plan.ack_wait;
        let (entry, is_joined) = match self.joined(&runs, &plan).await? {
            Some(entry) => (entry, true),
            None => match self.begin(&runs, plan, &cancel).await? {
                Begun::Run(entry) => (entry, false),
                Begun::Joined(entry) => (entry, true),
                Begun::Nothing(report) => return Ok(report),
            },
        };
        self.connection.open_queue(&entry.run, ack_wait).await?;
        let (live, listening) = Live::listen(&self.connection);
        let mut watching = Watching {
            report: Report::empty(self.id.clone()),
            coordinator: &self,
            runs: &runs,
            entry,
            is_joined,
            book: Book::default(),
            ack_wait,
            seen: 0,
            is_handed_out: false,
            first_results: HashMap::new(),
            known: BTreeMap::new(),
            live,
            lacking: false,
        };
        let watched = watching.watch(&cancel).await;
        listening.abort();
        watched?;
        let mut report = watching.report;
        report.took = began.elapsed();
        Ok(report)
    }

    /// The run that is to be joined, where there is one.
    async fn joined(&self, runs: &Bucket, plan: &Plan) -> Result<Option<RunEntry>, Error> {
        let open = open_runs(runs).await?.0.open;
        let is_same = |entry: &RunEntry| entry.config == plan.config && entry.selection == plan.selection;
        match &plan.run {
            None => Ok(open.into_iter().find(is_same)),
            Some(name) => match open.into_iter().find(|entry| entry.run == *name) {
                Some(entry) if is_same(&entry) => Ok(Some(entry)),
                Some(_) => Err(Error::OtherConfig(name.clone())),
                None => Err(Error::NoRun(name.clone())),
            },
        }
    }

    /// Plans, and opens a run when all its jobs stand in the book.
    async fn begin(&self, runs: &Bucket, plan: Plan, cancel: &CancellationToken) -> Result<Begun, Error> {
        let (report, images) = plan.sync.called(self.id.clone()).survey(cancel.clone()).await;
        let run = self.id.as_str().to_owned();
        let bundles = bundles(images);
        if bundles.is_empty() || cancel.is_cancelled() {
            let mut report = report;
            for image in bundles
                .iter()
                .flat_map(|bundle| &bundle.assignments)
                .flat_map(|assignment| assignment.images.iter().map(|image| (assignment.rule, image.clone())))
            {
                self.end(&mut report, not_done(image), None);
            }
            return Ok(Begun::Nothing(report));
        }
        let jobs = u32::try_from(bundles.len()).unwrap_or(u32::MAX);
        let failures = RuleFailures::new(&report.failed_rules, &self.explain);
        runs.put(&format!("{run}.rules"), message::write(&failures)).await?;
        let written = bundles.into_iter().zip(0..).map(|(bundle, number)| {
            let (config, run) = (plan.config.clone(), run.clone());
            let job = Job { run, number, config, bytes: bundle.bytes, assignments: bundle.assignments };
            let text = message::write(&job);
            async move {
                if text.len() > LARGEST {
                    return Err(Error::TooLarge(job.label()));
                }
                runs.put(&format!("{}.job.{number}", job.run), text).await
            }
        });
        stream::iter(written).buffer_unordered(WRITTEN_AT_ONCE).try_collect::<()>().await?;
        let entry = RunEntry { run, config: plan.config, selection: plan.selection, jobs };
        self.open(runs, entry).await
    }

    /// Opens a run, unless somebody has opened the same meanwhile.
    async fn open(&self, runs: &Bucket, entry: RunEntry) -> Result<Begun, Error> {
        loop {
            let (mut known, revision) = open_runs(runs).await?;
            let is_same =
                |other: &&RunEntry| other.config == entry.config && other.selection == entry.selection;
            if let Some(other) = known.open.iter().find(is_same) {
                return Ok(Begun::Joined(other.clone()));
            }
            known.open.push(entry.clone());
            let old = known.closed.len().saturating_sub(KEPT);
            let forgotten: Vec<_> = known.closed.drain(..old).collect();
            if set_runs(runs, &known, revision).await {
                for run in forgotten {
                    self.connection.forget(&run).await;
                }
                return Ok(Begun::Run(entry));
            }
        }
    }

    fn tell(&self, event: &Event, worker: Option<&str>) {
        let stamp = Stamp { run: self.id.clone(), at: SystemTime::now(), worker: worker.map(Into::into) };
        self.observer.event(&stamp, event);
    }

    fn note(&self, text: String) {
        self.tell(&Event::Note { place: "fleet".into(), text }, None);
    }

    fn end(&self, report: &mut Report, ended: ImageReport, worker: Option<&str>) {
        report.totals.add(&ended);
        self.tell(&Event::ImageFinished(Arc::new(ended)), worker);
    }
}

fn not_done((rule, image): (usize, Arc<sync::Image>)) -> ImageReport {
    ImageReport { image, rule, outcome: Outcome::NotDone, amounts: Amounts::default(), took: Duration::ZERO }
}

enum Begun {
    Run(RunEntry),
    /// Somebody else has begun the same.
    Joined(RunEntry),
    /// There is nothing to hand out.
    Nothing(Report),
}

async fn open_runs(runs: &Bucket) -> Result<(Runs, Option<u64>), Error> {
    let Some((text, revision)) = runs.get("runs").await? else { return Ok((Runs::default(), None)) };
    let read = message::read(&text);
    let read =
        read.map_err(|error| Error::Malformed { key: "runs".to_owned(), reason: error.to_string() })?;
    Ok((read, Some(revision)))
}

/// Whether nobody has set them meanwhile.
async fn set_runs(runs: &Bucket, known: &Runs, revision: Option<u64>) -> bool {
    let text = message::write(known);
    match revision {
        Some(revision) => runs.update_now("runs", text, revision).await.is_some(),
        None => runs.create_now("runs", text).await.is_ok(),
    }
}

struct Watching<'a> {
    coordinator: &'a Coordinator,
    runs: &'a Bucket,
    entry: RunEntry,
    is_joined: bool,
    book: Book,
    ack_wait: Duration,
    /// Up to here the book was read.
    seen: u64,
    is_handed_out: bool,
    /// When a job that has not ended got its first result.
    first_results: HashMap<u32, Instant>,
    live: Live,
    known: BTreeMap<String, bool>,
    /// Whether the queue lacked jobs when it was looked at last.
    lacking: bool,
    report: Report,
}

impl Watching<'_> {
    async fn watch(&mut self, cancel: &CancellationToken) -> Result<(), Error> {
        let mut watch = None;
        let (mut told, mut checked) = (Instant::now(), Instant::now());
        let mut tick = tokio::time::interval(TICK);
        let mut over: Option<Instant> = None;
        while !(self.is_handed_out && self.book.ended() == self.entry.jobs as usize) {
            let next = async {
                if watch.is_none() {
                    watch = self.runs.watch(&self.entry.run, self.seen).await.ok();
                }
                next(&mut watch).await
            };
            tokio::select! {
                entry = next => if let Some(entry) = entry { self.read(&entry) } else {
                    watch = None;
                    tokio::time::sleep(TICK).await;
                },
                _ = tick.tick() => self.look_around(&mut told),
                () = cancel.cancelled(), if over.is_none() => {
                    over = Some(Instant::now() + self.coordinator.drain + self.ack_wait.min(Duration::from_secs(10)));
                    self.stop().await?;
                }
            }
            if !self.is_handed_out && self.book.jobs().count() == self.entry.jobs as usize {
                self.hand_out().await?;
            }
            if checked.elapsed() > CHECKED {
                checked = Instant::now();
                if over.is_none() && !self.is_listed().await {
                    // Somebody else has ended or stopped it: what they wrote is read still.
                    over = Some(Instant::now() + 2 * TICK);
                }
                self.look_into_queue().await?;
            }
            if over.is_some_and(|end| Instant::now() > end) {
                break;
            }
        }
        self.end_the_rest();
        self.close().await
    }

    /// Takes in an entry of the book. What makes no sense is none.
    fn read(&mut self, entry: &Entry) {
        self.seen = self.seen.max(entry.revision);
        let is_set = entry.operation == Operation::Put;
        let parts: Vec<_> = entry.key.split('.').skip(1).collect();
        let number = |text: &str| text.parse::<u32>().ok();
        match (&parts[..], is_set) {
            (["rules"], true) if self.is_joined => self.read_rules(&entry.value),
            (["job", job], true) => {
                let read =
                    message::read::<Job>(&entry.value).ok().filter(|read| Some(read.number) == number(job));
                if let Some(job) =
                    read.filter(|job| job.run == self.entry.run && job.number < self.entry.jobs)
                {
                    self.job(job);
                }
            }
            (["begun", job, attempt], _) => {
                let (Some(job), Some(attempt)) = (number(job), number(attempt)) else { return };
                if is_set {
                    self.book.begun(job, attempt, String::from_utf8_lossy(&entry.value).into_owned());
                } else {
                    self.book.given_back(job, attempt);
                }
            }
            (["result", job, attempt], true) => {
                let (Some(job), Some(attempt)) = (number(job), number(attempt)) else { return };
                match message::read(&entry.value) {
                    Ok(result) => {
                        self.book.result(job, attempt, result);
                        self.first_results.entry(job).or_insert_with(Instant::now);
                        self.tell_end(job, true);
                    }
                    Err(error) => {
                        self.coordinator.note(format!("a result of job {job} makes no sense: {error}"));
                    }
                }
            }
            _ => {}
        }
    }

    fn job(&mut self, job: Job) {
        if self.is_joined {
            for image in job.images() {
                self.coordinator.tell(&Event::ImagePlanned(image.clone()), None);
            }
        }
        let number = job.number;
        self.book.job(job);
        self.tell_end(number, true);
    }

    /// The rules that failed when somebody else planned.
    fn read_rules(&mut self, text: &[u8]) {
        let Ok(failures) = message::read::<RuleFailures>(text) else { return };
        for failure in failures.failures().into_iter().map(Arc::<RuleFailure>::new) {
            self.coordinator.tell(&Event::RuleFailed(failure.clone()), None);
            self.report.failed_rules.push(failure);
        }
    }

    /// Tells of a job that has ended.
    fn tell_end(&mut self, number: u32, patient: bool) {
        let Some(ended) = self.book.take_final(number, patient) else { return };
        let total = ended.job.images().count();
        let mut told = vec![false; total];
        for (image, worker) in &ended.images {
            if let Some(report) = image.report(ended.job) {
                told[image.image as usize] = true;
                self.coordinator.end(&mut self.report, report, Some(worker));
            }
        }
        let rules = ended.job.assignments.iter();
        let images = rules
            .flat_map(|assignment| assignment.images.iter().map(|image| (assignment.rule, image.clone())));
        for (image, _) in images.zip(told).filter(|(_, is_told)| !is_told) {
            self.coordinator.end(&mut self.report, not_done(image), None);
        }
        self.first_results.remove(&number);
    }

    /// Puts what has not ended into the queue. What is there already is dropped by its name.
    async fn hand_out(&mut self) -> Result<(), Error> {
        self.is_handed_out = true;
        let (jobs, open) = (self.entry.jobs, self.book.open());
        if self.is_joined {
            self.coordinator.tell(&Event::AllPlanned, None);
            self.coordinator.note(format!(
                "joined run {}, of whose {jobs} jobs {} are not done",
                self.entry.run,
                open.len()
            ));
        } else {
            self.coordinator.note(format!("run {} has {jobs} jobs, which wait for workers", self.entry.run));
        }
        self.publish(&open, "").await
    }

    async fn publish(&self, jobs: &[u32], again: &str) -> Result<(), Error> {
        for number in jobs {
            let run = &self.entry.run;
            let handed = message::write(&Handed { run: run.clone(), number: *number });
            let end = Instant::now() + Duration::from_secs(90);
            loop {
                let publish = PublishMessage::build()
                    .payload(handed.clone())
                    .message_id(format!("{run}.{number}{again}"));
                let sent = self
                    .coordinator
                    .connection
                    .jetstream
                    .send_publish(format!("{}{number}", subject(run)), publish)
                    .await;
                let stored = match sent {
                    Ok(stored) => stored.await.map(drop),
                    Err(error) => Err(error),
                };
                match stored {
                    Ok(()) => break,
                    Err(error) if Instant::now() > end => {
                        let reason = oci::foreign_text::clean(&oci::with_sources(&error)).into_owned();
                        return Err(Error::Refused { what: format!("take job {number}"), reason });
                    }
                    Err(_) => tokio::time::sleep(Duration::from_millis(500)).await,
                }
            }
        }
        Ok(())
    }

    fn look_around(&mut self, told: &mut Instant) {
        for change in self.live.changes(&mut self.known) {
            self.coordinator.note(match change {
                Change::Joined(worker) => format!("worker {worker} is there"),
                Change::Left(worker) => format!("worker {worker} has left"),
                Change::Lost(worker) => {
                    format!(
                        "worker {worker} is silent: others get its jobs after {} s",
                        self.ack_wait.as_secs()
                    )
                }
            });
        }
        let waited: Vec<_> = self
            .first_results
            .iter()
            .filter(|(_, at)| at.elapsed() > 2 * self.ack_wait)
            .map(|(job, _)| *job)
            .collect();
        for job in waited {
            self.tell_end(job, false);
        }
        if told.elapsed() > TOLD {
            *told = Instant::now();
            let (workers, ended, jobs) = (self.live.count(), self.book.ended(), self.entry.jobs);
            let text = format!(
                "{workers} workers, {ended} of {jobs} jobs done, {} bytes sent by them",
                self.live.bytes_moved()
            );
            self.coordinator.note(text);
        }
    }

    /// Hands out again what the queue has lost: a server that was killed may have forgotten, or given for done what was not.
    async fn look_into_queue(&mut self) -> Result<(), Error> {
        if !self.is_handed_out {
            return Ok(());
        }
        let Ok(queue) = self.coordinator.connection.queue(&self.entry.run).await else {
            return self.coordinator.connection.open_queue(&self.entry.run, self.ack_wait).await;
        };
        let info = queue.cached_info();
        let lacks = info.num_pending == 0 && info.num_ack_pending == 0 && !self.book.open().is_empty();
        if lacks && self.lacking {
            let again = format!(".{}", self.seen);
            let open = self.book.open();
            self.coordinator
                .note(format!("the queue has lost {} jobs: they are handed out again", open.len()));
            self.publish(&open, &again).await?;
        }
        self.lacking = lacks;
        Ok(())
    }

    async fn is_listed(&self) -> bool {
        match open_runs(self.runs).await {
            Ok((known, _)) => known.open.iter().any(|entry| entry.run == self.entry.run),
            Err(_) => true,
        }
    }

    async fn stop(&self) -> Result<(), Error> {
        let in_work = self.book.open().len();
        self.coordinator.tell(&Event::Stopping { in_work, waiting: 0, drain: self.coordinator.drain }, None);
        self.runs.put(&format!("{}.stop", self.entry.run), "stop".into()).await
    }

    fn end_the_rest(&mut self) {
        for job in self.book.open() {
            self.tell_end(job, false);
        }
        let open = self.book.open();
        let rest: Vec<_> = self
            .book
            .jobs()
            .filter(|job| open.contains(&job.number))
            .flat_map(|job| {
                let all = job.assignments.iter();
                all.flat_map(|assignment| {
                    assignment.images.iter().map(|image| (assignment.rule, image.clone()))
                })
            })
            .collect();
        for image in rest {
            self.coordinator.end(&mut self.report, not_done(image), None);
        }
    }

    /// Takes the run out of the list: workers look for another one.
    async fn close(&self) -> Result<(), Error> {
        loop {
            let (mut known, revision) = open_runs(self.runs).await?;
            let before = known.open.len();
            known.open.retain(|entry| entry.run != self.entry.run);
            if known.open.len() == before {
                return Ok(());
            }
            known.closed.push(self.entry.run.clone());
            if set_runs(self.runs, &known, revision).await {
                self.coordinator.connection.close_queue(&self.entry.run).await;
                return Ok(());
            }
        }
    }
}

async fn next(watch: &mut Option<Watch>) -> Option<Entry> {
    match watch {
        Some(watch) => watch.next().await,
        None => None,
    }
}
