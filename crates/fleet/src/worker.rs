//! A worker: takes jobs as it has hands free, and writes what became of them before it lets them go.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use async_nats::jetstream::Message;
use async_nats::jetstream::consumer::PullConsumer;
use futures_util::StreamExt as _;
use oci::Digest;
use sync::{Assignment, BoundAssignment, Engine, Observer, Options, RunId, State, Sync, Work};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::beat::{EVERY, Live};
use crate::book::MOST_ATTEMPTS;
use crate::bucket::Bucket;
use crate::connection::{BEATS, Connection};
use crate::error::Error;
use crate::holding::{Holding, JobObserver};
use crate::limits::{SharedLimits, share_pauses};
use crate::message::ended::{Ended, Explain, JobResult};
use crate::message::job::{Handed, Job};
use crate::message::run::{Beat, RunEntry, Runs, stop_key};
use crate::message::{self, is_name};
use crate::waiting::until_there;

/// Finds the endpoints of a job's assignments with this worker's own config and logins, or says why one is none of its rules'.
pub type Bind = Arc<dyn Fn(&[Assignment]) -> Vec<Result<BoundAssignment, String>> + Send + std::marker::Sync>;

/// So many jobs at once: while one ends, another begins.
const JOBS_AT_ONCE: usize = 2;
/// How long a pull waits for a job.
const PULL: Duration = Duration::from_secs(2);
/// Those who come within this time are answered once.
const TOGETHER: Duration = Duration::from_millis(100);
/// How often is looked for runs, and whether they go on.
const LOOK: Duration = Duration::from_secs(1);

/// What a worker works with.
pub struct Worker {
    /// Where jobs come from.
    pub connection: Connection,
    /// Of its rules: runs of other configs are none of its business.
    pub config: Digest,
    /// All jobs share it.
    pub engine: Engine,
    /// What holds for all workers together.
    pub limits: Arc<dyn SharedLimits>,
    /// How images are copied.
    pub options: Options,
    /// Hints for later.
    pub state: State,
    /// Finds endpoints.
    pub bind: Bind,
    /// Puts errors into words.
    pub explain: Explain,
    /// Is told of all that happens here.
    pub observer: Arc<dyn Observer>,
    /// Ends after so long without work.
    pub idle_exit: Option<Duration>,
    /// Is told what people should know.
    pub say: Arc<dyn Fn(&str) + Send + std::marker::Sync>,
}

/// What a worker has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Worked {
    /// Jobs that it has written a result of.
    pub jobs: u64,
}

struct Shared {
    worker: Worker,
    runs: Bucket,
    moved: Arc<AtomicU64>,
    /// Jobs that are worked on: run and number.
    in_hands: Mutex<HashSet<(String, u32)>>,
    /// What tells this process from one of the same name that was there before, as a container is that is started again.
    born: u128,
    attempts: AtomicU64,
    done: AtomicU64,
}

impl Worker {
    /// Works until it is cancelled, or has been idle for long enough. What is in work has [`Options::drain`] to end; what has not
    /// then goes back.
    ///
    /// # Errors
    /// NATS cannot be asked any more.
    pub async fn work(self, cancel: CancellationToken) -> Result<Worked, Error> {
        let runs = until_there(|| self.connection.runs(), self.idle_exit, &cancel).await;
        let Some(runs) = runs else { return Ok(Worked { jobs: 0 }) };
        let (live, listening) = Live::listen(&self.connection);
        let shared = Arc::new(Shared {
            worker: self,
            runs,
            moved: Arc::default(),
            in_hands: Mutex::default(),
            born: UNIX_EPOCH.elapsed().unwrap_or_default().as_nanos(),
            attempts: AtomicU64::new(0),
            done: AtomicU64::new(0),
        });
        let beating = tokio::spawn(shared.clone().beat(live));
        let pausing =
            tokio::spawn(share_pauses(shared.worker.connection.clone(), shared.worker.limits.clone()));
        let worked = shared.clone().look_for_work(&cancel).await;
        for task in [beating, listening, pausing] {
            task.abort();
        }
        shared.tell_of_life(true).await;
        let _ = shared.worker.connection.client.flush().await;
        worked.map(|()| Worked { jobs: shared.done.load(Ordering::Relaxed) })
    }
}

impl Shared {
    /// Tells of life, and takes this worker's part of what all have together. Who comes is answered at once: it has to know how many
    /// there are before it begins.
    async fn beat(self: Arc<Self>, live: Live) {
        let mut divided_by = 0;
        loop {
            self.tell_of_life(false).await;
            // Others answer; and many come together.
            tokio::time::sleep(TOGETHER).await;
            let workers = live.count().max(1);
            if workers != divided_by {
                self.worker.limits.divide(workers);
                divided_by = workers;
            }
            tokio::select! {
                () = tokio::time::sleep(EVERY) => {}
                () = live.changed() => {}
            }
        }
    }

    async fn tell_of_life(&self, leaves: bool) {
        let beat = Beat {
            worker: self.worker.connection.name.clone(),
            jobs: u32::try_from(self.in_hands().len()).unwrap_or(u32::MAX),
            bytes_moved: self.moved.load(Ordering::Relaxed),
            leaves,
        };
        let _ = self.worker.connection.client.publish(BEATS, message::write(&beat)).await;
    }

    async fn look_for_work(self: Arc<Self>, cancel: &CancellationToken) -> Result<(), Error> {
        let (mut idle_since, mut told) = (Instant::now(), HashSet::new());
        while !cancel.is_cancelled() {
            if let Some(run) = self.open_run(&mut told).await? {
                let before = self.done.load(Ordering::Relaxed);
                self.clone().work_on(&run, cancel).await?;
                if self.done.load(Ordering::Relaxed) > before {
                    idle_since = Instant::now();
                }
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

    /// A run that has work for this worker. Of others it is said once that they are there.
    async fn open_run(&self, told: &mut HashSet<String>) -> Result<Option<RunEntry>, Error> {
        let Some((runs, _)) = self.runs.get("runs").await? else { return Ok(None) };
        let runs: Runs = match message::read(&runs) {
            Ok(runs) => runs,
            Err(error) => return Err(Error::Malformed { key: "runs".to_owned(), reason: error.to_string() }),
        };
        let (ours, others): (Vec<_>, Vec<_>) =
            runs.open.into_iter().partition(|entry| entry.config == self.worker.config);
        for other in others.into_iter().filter(|other| told.insert(other.run.clone())) {
            let text = format!(
                "run {} was planned with another config than this worker has: it is left to others",
                other.run
            );
            (self.worker.say)(&text);
        }
        Ok(ours.into_iter().next())
    }

    /// Whether a run goes on: it is listed, and nobody has stopped it.
    async fn goes_on(&self, run: &str) -> bool {
        let runs = self.runs.get_now("runs").await.and_then(|runs| message::read::<Runs>(&runs).ok());
        // Nobody answers: what is in work may end.
        let is_listed = runs.is_none_or(|runs| runs.open.iter().any(|entry| entry.run == run));
        is_listed && self.runs.get_now(&stop_key(run)).await.is_none()
    }

    async fn work_on(self: Arc<Self>, run: &RunEntry, cancel: &CancellationToken) -> Result<(), Error> {
        let hands = Arc::new(Semaphore::new(JOBS_AT_ONCE));
        let (stop, mut jobs) = (cancel.child_token(), JoinSet::new());
        let watching = tokio::spawn(self.clone().watch(run.run.clone(), stop.clone()));
        let mut queue: Option<(PullConsumer, Duration)> = None;
        let mut empty = 0;
        while !stop.is_cancelled() && empty < 2 {
            let permit = tokio::select! {
                permit = hands.clone().acquire_owned() => permit,
                () = stop.cancelled() => break,
            };
            let Ok(permit) = permit else { break };
            let Some((consumer, ack_wait)) = self.queue(&run.run, &mut queue).await else {
                tokio::time::sleep(LOOK).await;
                continue;
            };
            match pull(consumer).await {
                Pulled::Message(message) => {
                    empty = 0;
                    let holding = (*message, ack_wait);
                    jobs.spawn(self.clone().hold(run.clone(), holding, permit, stop.clone()));
                }
                // Others hold the rest, and may give it back: it is looked for again.
                Pulled::Nothing => empty += usize::from(jobs.is_empty()),
                Pulled::Broken => queue = None,
            }
            while jobs.try_join_next().is_some() {}
        }
        while jobs.join_next().await.is_some() {}
        watching.abort();
        Ok(())
    }

    /// Ends work on a run that is over or stopped.
    async fn watch(self: Arc<Self>, run: String, stop: CancellationToken) {
        while self.goes_on(&run).await {
            tokio::time::sleep(LOOK).await;
        }
        stop.cancel();
    }

    async fn queue<'a>(
        &self,
        run: &str,
        known: &'a mut Option<(PullConsumer, Duration)>,
    ) -> Option<(&'a PullConsumer, Duration)> {
        if known.is_none() {
            let consumer = self.worker.connection.queue(run).await.ok()?;
            let ack_wait = consumer.cached_info().config.ack_wait;
            *known = Some((consumer, ack_wait));
        }
        known.as_ref().map(|(consumer, ack_wait)| (consumer, *ack_wait))
    }

    async fn hold(
        self: Arc<Self>,
        run: RunEntry,
        (message, ack_wait): (Message, Duration),
        _permit: OwnedSemaphorePermit,
        stop: CancellationToken,
    ) {
        let handed = message::read::<Handed>(&message.payload);
        let holding = Holding::new(message, ack_wait);
        match handed {
            Ok(handed) if handed.run == run.run => {
                let job = (handed.run, handed.number);
                // A server that was away hands out again what it had handed out here.
                if self.in_hands().insert(job.clone()) {
                    self.bring(&run, job.1, holding, stop).await;
                    self.in_hands().remove(&job);
                } else {
                    holding.put_off(ack_wait / 2).await;
                }
            }
            // Whoever wrote that, it is no job of this run.
            _ => holding.done().await,
        }
    }

    fn in_hands(&self) -> MutexGuard<'_, HashSet<(String, u32)>> {
        self.in_hands.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn bring(&self, run: &RunEntry, number: u32, holding: Holding, stop: CancellationToken) {
        match self.attempt(run, number, stop).await {
            Ok(Attempt::Over) => holding.done().await,
            Ok(Attempt::Left) | Err(_) => holding.give_back().await,
        }
    }

    async fn attempt(&self, run: &RunEntry, number: u32, stop: CancellationToken) -> Result<Attempt, Error> {
        let Some(job) = self.job(run, number).await? else { return Ok(Attempt::Over) };
        let mut before = Vec::new();
        for attempt in 1..=MOST_ATTEMPTS {
            let (begun, result) = (key(run, "begun", number, attempt), key(run, "result", number, attempt));
            if self.runs.create(&begun, self.signature().into()).await?.is_none() {
                if self.is_good(&job, &result).await? {
                    return Ok(Attempt::Over);
                }
                let who = self.runs.get(&begun).await?.and_then(|(who, _)| signer(&who));
                before.push(who.unwrap_or_else(|| "somebody".to_owned()));
                continue;
            }
            let ended = self.carry_out(run, &job, stop.clone()).await;
            // Who is stopped before it begins tells of no image at all.
            let is_good = is_whole(&job, &ended);
            if stop.is_cancelled() && !is_good && self.goes_on(&run.run).await {
                self.runs.delete(&begun).await?;
                return Ok(Attempt::Left);
            }
            self.write(&result, ended).await?;
            return Ok(Attempt::Over);
        }
        let why = format!(
            "{} began on {} and vanished, or failed; nobody tries again",
            before.join(", "),
            job.label()
        );
        let next =
            "look at the logs of these workers: memory that ran out is the usual reason (exit status 137)";
        let target = job.images().next().map(|image| image.target.to_string()).unwrap_or_default();
        let number_of_images = u32::try_from(job.images().count()).unwrap_or_default();
        let failed = (0..number_of_images).map(|image| Ended::failed(image, &target, &why, next)).collect();
        self.write(&key(run, "result", number, MOST_ATTEMPTS + 1), failed).await?;
        Ok(Attempt::Over)
    }

    /// Under what an attempt is begun: no other one is, of this or another process.
    fn signature(&self) -> String {
        let number = self.attempts.fetch_add(1, Ordering::Relaxed);
        format!("{} {}-{number}", self.worker.connection.name, self.born)
    }

    /// Whether an attempt has brought all.
    async fn is_good(&self, job: &Job, result: &str) -> Result<bool, Error> {
        let Some((result, _)) = self.runs.get(result).await? else { return Ok(false) };
        let result = message::read::<JobResult>(&result).ok();
        Ok(result.is_some_and(|result| is_whole(job, &result.ended)))
    }

    async fn write(&self, key: &str, ended: Vec<Ended>) -> Result<(), Error> {
        let result = JobResult { worker: self.worker.connection.name.clone(), ended };
        self.runs.put(key, message::write(&result)).await?;
        self.done.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// The job of this number, if the book has one that makes sense.
    async fn job(&self, run: &RunEntry, number: u32) -> Result<Option<Job>, Error> {
        let Some((text, _)) = self.runs.get(&format!("{}.job.{number}", run.run)).await? else {
            return Ok(None);
        };
        let job = message::read::<Job>(&text).ok();
        Ok(job.filter(|job| job.run == run.run && job.number == number && job.config == self.worker.config))
    }

    async fn carry_out(&self, run: &RunEntry, job: &Job, stop: CancellationToken) -> Vec<Ended> {
        let (mut bound, mut refused, mut first) = (Vec::new(), Vec::new(), 0);
        for (assignment, found) in job.assignments.iter().zip((self.worker.bind)(&job.assignments)) {
            let images = first..first + u32::try_from(assignment.images.len()).unwrap_or_default();
            first = images.end;
            match found {
                Ok(assignment) => bound.push(assignment),
                Err(why) => {
                    let place =
                        assignment.images.first().map(|image| image.target.to_string()).unwrap_or_default();
                    let next = "only a coordinator with the same config may write jobs: look who else may write to NATS";
                    refused.extend(images.map(|image| Ended::failed(image, &place, &why, next)));
                }
            }
        }
        let taken = Arc::new(JobObserver::new(job, self.worker.explain.clone(), self.moved.clone()));
        let watching: Vec<Arc<dyn Observer>> = vec![taken.clone(), self.worker.observer.clone()];
        let sync = Sync::new([Work::Assignments(bound)], self.worker.options.clone(), Arc::new(watching))
            .called(RunId::new(run.run.as_str()))
            .remembering(self.worker.state.clone())
            .on(&self.worker.engine);
        sync.run(stop).await;
        let mut ended = taken.ended();
        ended.extend(refused);
        ended
    }
}

/// The name of the worker that began under this.
fn signer(signature: &[u8]) -> Option<String> {
    let signature = std::str::from_utf8(signature).ok()?;
    signature.split(' ').next().filter(|name| is_name(name)).map(str::to_owned)
}

/// Whether all images of a job have ended well.
fn is_whole(job: &Job, ended: &[Ended]) -> bool {
    ended.len() == job.images().count() && ended.iter().all(Ended::is_good)
}

enum Attempt {
    /// There is a result, or nothing to be done.
    Over,
    /// The worker leaves before it is done.
    Left,
}

fn key(run: &RunEntry, what: &str, number: u32, attempt: u32) -> String {
    format!("{}.{what}.{number}.{attempt}", run.run)
}

enum Pulled {
    Message(Box<Message>),
    Nothing,
    Broken,
}

/// One message, and no pull left waiting that would take another one unseen.
async fn pull(consumer: &PullConsumer) -> Pulled {
    let fetched = tokio::time::timeout(PULL * 3, async {
        let mut messages = consumer.fetch().max_messages(1).expires(PULL).messages().await.ok()?;
        Some(match messages.next().await {
            Some(Ok(message)) => Pulled::Message(Box::new(message)),
            Some(Err(_)) => Pulled::Broken,
            None => Pulled::Nothing,
        })
    });
    if let Ok(Some(pulled)) = fetched.await {
        pulled
    } else {
        tokio::time::sleep(Duration::from_millis(300)).await;
        Pulled::Broken
    }
}
