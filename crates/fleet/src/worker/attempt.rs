//! An attempt at a job: the worker enters it into the book, carries it out, and writes its result.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use sync::{Assignment, BoundAssignment, RunId, Sync, Work};
use tokio_util::sync::CancellationToken;

use super::job_observer::JobObserver;
use super::refusal::{Part, Refusal};
use super::shared::Shared;
use super::stopping::RunState;
use crate::book::MOST_ATTEMPTS;
use crate::error::Error;
use crate::holding::Holding;
use crate::message::ended::{Ended, JobResult};
use crate::message::job::Job;
use crate::message::run::RunEntry;
use crate::message::{self, signer};

/// How often NATS may leave a worker without an answer when it gives jobs up.
const MOST_UNANSWERED: u64 = 3;

enum Attempt {
    /// There is a result, or nothing to do.
    Over,
    /// The worker leaves before the job is done, or leaves the job to others.
    Left,
    /// The job is left for a while: another worker has it in work, or NATS did not take that it is given up.
    PutOff,
    /// NATS did not take that the job is given up, however often it was asked.
    Hopeless(Error),
}

/// What to do with a job.
enum Begun {
    /// This worker has begun this attempt.
    Attempt(Job, u32),
    /// All attempts at it were used, by these workers.
    GivenUp(Job, Vec<String>),
    /// All attempts at it were used, and another worker has it in work.
    Elsewhere,
    /// It is done, or makes no sense.
    Nothing,
}

impl Shared {
    /// Brings a job's images, and acknowledges the job or gives it back.
    ///
    /// # Errors
    /// NATS takes no message as large as this worker's: the queue would hand it the job again and again, in vain.
    pub(super) async fn bring(
        &self,
        run: &RunEntry,
        number: u32,
        holding: Holding,
        stop: CancellationToken,
    ) -> Result<(), Error> {
        let attempt = self.attempt(run, number, stop.clone()).await;
        if let Err(error @ Error::Refused { .. }) = &attempt {
            self.say_full(error);
        }
        let ended = match attempt {
            Ok(Attempt::Over) => {
                holding.done().await;
                return Ok(());
            }
            Ok(Attempt::Left) => Ok(()),
            Ok(Attempt::PutOff) | Err(Error::Refused { .. }) => {
                holding.put_off().await;
                return Ok(());
            }
            Ok(Attempt::Hopeless(error)) | Err(error @ Error::MessageTooLarge { .. }) => Err(error),
            Err(error) => {
                self.say_given_back(run, number, &error);
                Ok(())
            }
        };
        // Before the job is given back: the next worker may end it, and with it the run.
        let _ = self.before_end(&stop, self.write_spent(&run.run)).await;
        holding.give_back().await;
        ended
    }

    /// Says that the job goes back because NATS does not answer. A run that is gone and a server that is away are reported elsewhere.
    fn say_given_back(&self, run: &RunEntry, number: u32, error: &Error) {
        if matches!(error, Error::NoAnswer { .. }) && self.worker.connection.is_there() {
            (self.worker.say)(&format!("run {}: this worker gives job {number} back: {error}", run.run));
        }
    }

    async fn attempt(&self, run: &RunEntry, number: u32, stop: CancellationToken) -> Result<Attempt, Error> {
        if self.part_in(&run.run) == Part::LeavesToOthers {
            return Ok(Attempt::Left);
        }
        let Some(begun) = self.before_end(&stop, self.begin(run, number)).await else {
            return Ok(Attempt::Left);
        };
        match begun? {
            Begun::Nothing => Ok(Attempt::Over),
            Begun::Elsewhere => Ok(Attempt::PutOff),
            Begun::GivenUp(job, before) => {
                let result = key(run, "result", number, MOST_ATTEMPTS + 1);
                let written = self.write(&run.run, &result, given_up(&job, &before));
                match self.before_writing_ends(&stop, written).await {
                    None => Ok(Attempt::Left),
                    Some(Ok(())) => Ok(Attempt::Over),
                    // Not at once again: no attempt is left that would take time. And not for ever: a login that may not write
                    // results gets no answer either.
                    Some(Err(error @ Error::NoAnswer { .. })) => {
                        if self.unanswered.fetch_add(1, Ordering::Relaxed) + 1 >= MOST_UNANSWERED {
                            return Ok(Attempt::Hopeless(error));
                        }
                        self.say_given_back(run, number, &error);
                        Ok(Attempt::PutOff)
                    }
                    Some(Err(error)) => Err(error),
                }
            }
            Begun::Attempt(job, attempt) => {
                let how = self.carry_out(run, &job, stop.clone()).await;
                let ended = self.end(run, (&job, attempt), how, &stop);
                self.before_writing_ends(&stop, ended).await.unwrap_or(Ok(Attempt::Left))
            }
        }
    }

    /// Looks a job up in the book, and begins the next attempt at it.
    async fn begin(&self, run: &RunEntry, number: u32) -> Result<Begun, Error> {
        let Some(job) = self.job(run, number).await? else { return Ok(Begun::Nothing) };
        let mut before = Vec::new();
        for attempt in 1..=MOST_ATTEMPTS {
            let (begun, result) = (key(run, "begun", number, attempt), key(run, "result", number, attempt));
            if self.runs.create(&begun, self.signature().into()).await?.is_some() {
                return Ok(Begun::Attempt(job, attempt));
            }
            if self.is_good(&job, &result).await? {
                return Ok(Begun::Nothing);
            }
            let who = self.runs.get(&begun).await?.and_then(|(who, _)| signer(&who));
            before.push(who.map_or_else(|| "somebody".to_owned(), |who| who.worker));
        }
        let is_elsewhere = self.live.has_in_work(&run.run, number, &self.worker.connection.name);
        Ok(if is_elsewhere { Begun::Elsewhere } else { Begun::GivenUp(job, before) })
    }

    /// Writes an attempt's result, or deletes the attempt so that another worker can begin it anew.
    async fn end(
        &self,
        run: &RunEntry,
        (job, attempt): (&Job, u32),
        (ended, refusal): (Vec<Ended>, Option<Refusal>),
        stop: &CancellationToken,
    ) -> Result<Attempt, Error> {
        // An attempt that was stopped before it began has no results at all, so it is not whole.
        let is_good = is_whole(job, &ended);
        let is_left = !is_good
            && (self.is_left_to_others(run, refusal).await
                || stop.is_cancelled() && self.run_state(&run.run).await == RunState::GoesOn);
        if is_left {
            self.runs.delete(&key(run, "begun", job.number, attempt)).await?;
            return Ok(Attempt::Left);
        }
        self.write(&run.run, &key(run, "result", job.number, attempt), ended).await?;
        Ok(Attempt::Over)
    }

    /// Whether the job is left to others, which may have a login that this worker lacks.
    async fn is_left_to_others(&self, run: &RunEntry, refusal: Option<Refusal>) -> bool {
        let Some(refusal) = refusal else { return false };
        self.refused(&run.run, &refusal).await == Part::LeavesToOthers
    }

    /// Whether an attempt has brought all images of a job.
    async fn is_good(&self, job: &Job, result: &str) -> Result<bool, Error> {
        let Some((result, _)) = self.runs.get(result).await? else { return Ok(false) };
        let result = message::read::<JobResult>(&result).ok();
        Ok(result.is_some_and(|result| is_whole(job, &result.ended)))
    }

    /// The job of this number, if the book has one that makes sense.
    async fn job(&self, run: &RunEntry, number: u32) -> Result<Option<Job>, Error> {
        let Some((text, _)) = self.runs.get(&format!("{}.job.{number}", run.run)).await? else {
            return Ok(None);
        };
        let job = message::read::<Job>(&text).ok();
        Ok(job.filter(|job| job.run == run.run && job.number == number && job.config == self.worker.config))
    }

    /// Copies the job's images. Returns their results, and a registry's refusal of this worker's login, if there is one.
    async fn carry_out(
        &self,
        run: &RunEntry,
        job: &Job,
        stop: CancellationToken,
    ) -> (Vec<Ended>, Option<Refusal>) {
        let tools = &self.worker.tools;
        let (bound, refused) = sorted_out(job, (tools.bind)(&job.assignments));
        let told = (tools.explain.clone(), tools.observer.clone());
        let counted = (self.moved_for(&run.run), self.in_work.clone());
        let taken = Arc::new(JobObserver::new(job, told, counted));
        let sync = Sync::new([Work::Assignments(bound)], tools.options.clone(), taken.clone())
            .called(RunId::new(run.run.as_str()))
            .remembering(tools.state.clone())
            .on(&tools.engine);
        sync.run(stop).await;
        let refusal = taken.refusal();
        let mut ended = taken.ended();
        ended.extend(refused);
        (ended, refusal)
    }
}

/// The assignments that a rule brings, and the failures of the images that no rule brings.
fn sorted_out(job: &Job, found: Vec<Result<BoundAssignment, String>>) -> (Vec<BoundAssignment>, Vec<Ended>) {
    let (mut bound, mut refused, mut first) = (Vec::new(), Vec::new(), 0);
    for (assignment, found) in job.assignments.iter().zip(found) {
        let images = first..first + u32::try_from(assignment.images.len()).unwrap_or_default();
        first = images.end;
        match found {
            Ok(assignment) => bound.push(assignment),
            Err(why) => refused.extend(images.map(|image| no_rule_brings(image, assignment, &why))),
        }
    }
    (bound, refused)
}

fn no_rule_brings(image: u32, assignment: &Assignment, why: &str) -> Ended {
    let place = assignment.images.first().map(|image| image.target.to_string()).unwrap_or_default();
    let next = "only a coordinator with the same config may write jobs: look who else may write to NATS";
    Ended::failed(image, &place, why, next)
}

/// The failures of the images of a job that was given up after all attempts, by these workers.
fn given_up(job: &Job, before: &[String]) -> Vec<Ended> {
    let why =
        format!("{} began on {} and vanished, or failed; nobody tries again", before.join(", "), job.label());
    let next = "look at the logs of these workers: memory that ran out is the usual reason (exit status 137)";
    let target = job.images().next().map(|image| image.target.to_string()).unwrap_or_default();
    let number = u32::try_from(job.images().count()).unwrap_or_default();
    (0..number).map(|image| Ended::failed(image, &target, &why, next)).collect()
}

/// Whether all images of a job have ended well.
fn is_whole(job: &Job, ended: &[Ended]) -> bool {
    ended.len() == job.images().count() && ended.iter().all(Ended::is_good)
}

fn key(run: &RunEntry, what: &str, number: u32, attempt: u32) -> String {
    format!("{}.{what}.{number}.{attempt}", run.run)
}
