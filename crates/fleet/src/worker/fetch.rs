//! Fetches a run's jobs, one at a time, while the worker has free slots.

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::Message;
use async_nats::jetstream::consumer::PullConsumer;
use futures_util::StreamExt as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use super::refusal::Part;
use super::shared::Shared;
use crate::connection::has_no_job;
use crate::error::Error;
use crate::holding::Holding;
use crate::message;
use crate::message::job::Handed;
use crate::message::run::RunEntry;

/// How many jobs a worker has at once: while one ends, another begins.
const JOBS_AT_ONCE: usize = 2;
/// How long a pull waits for a job.
const PULL: Duration = Duration::from_secs(2);
/// How often a worker looks for runs, and whether its run goes on.
pub(super) const LOOK: Duration = Duration::from_secs(1);

enum Pulled {
    Message(Box<Message>),
    Nothing,
    Broken,
}

/// Whether a worker waits for jobs of a run whose queue is empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// It waits as long as two pulls take: this is the only run.
    Only,
    /// It does not wait: other runs have their turn. This run's coordinator may have been killed when all jobs were done, so that it
    /// stays open.
    OneOfSeveral,
}

/// What a look at a run's queue came to.
enum Looked {
    Pulled(Pulled, Duration),
    /// NATS has no queue for the run.
    NoQueue,
    /// There is no job to wait for, or the work is to end.
    End,
}

/// What a run had for this worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Had {
    Jobs,
    Nothing,
    /// NATS has no queue for it.
    NoQueue,
}

/// Jobs that this worker holds.
#[derive(Default)]
struct Jobs {
    at_work: JoinSet<Result<(), Error>>,
    /// The first error, which ends the worker.
    ended: Option<Error>,
}

impl Jobs {
    /// Joins the tasks that have ended: one that is not joined keeps its memory.
    fn take_ended(&mut self) {
        while let Some(job) = self.at_work.try_join_next() {
            self.take(job);
        }
    }

    fn is_empty(&mut self) -> bool {
        self.take_ended();
        self.at_work.is_empty()
    }

    /// Waits for all jobs.
    async fn joined(mut self) -> Result<(), Error> {
        while let Some(job) = self.at_work.join_next().await {
            self.take(job);
        }
        self.ended.map_or(Ok(()), Err)
    }

    fn take(&mut self, job: Result<Result<(), Error>, JoinError>) {
        if let Ok(Err(error)) = job {
            self.ended.get_or_insert(error);
        }
    }
}

impl Shared {
    /// Takes jobs of a run as long as it goes on and has any.
    ///
    /// # Errors
    /// NATS refuses what this worker writes.
    pub(super) async fn work_on(
        self: Arc<Self>,
        run: &RunEntry,
        turn: Turn,
        cancel: &CancellationToken,
    ) -> Result<Had, Error> {
        let (stop, mut jobs) = (cancel.child_token(), Jobs::default());
        let watching = tokio::spawn(self.clone().watch(run.run.clone(), stop.clone()));
        let had = self.clone().fetch((run, turn), &stop, &mut jobs).await;
        let ended = jobs.joined().await;
        let _ = self.before_end(&stop, self.write_spent(&run.run)).await;
        watching.abort();
        ended.map(|()| had)
    }

    /// Takes jobs while slots are free.
    async fn fetch(
        self: Arc<Self>,
        (run, mut turn): (&RunEntry, Turn),
        stop: &CancellationToken,
        jobs: &mut Jobs,
    ) -> Had {
        let hands = Arc::new(Semaphore::new(JOBS_AT_ONCE));
        let mut queue: Option<(PullConsumer, Duration)> = None;
        let (mut had, mut empty) = (Had::Nothing, 0);
        while !stop.is_cancelled() && empty < 2 {
            let permit = tokio::select! {
                permit = hands.clone().acquire_owned() => permit,
                () = stop.cancelled() => break,
            };
            let Ok(permit) = permit else { break };
            jobs.take_ended();
            if self.part_in(&run.run) == Part::LeavesToOthers {
                break;
            }
            let (pulled, ack_wait) = match self.look(&run.run, turn, &mut queue, stop).await {
                Looked::Pulled(pulled, ack_wait) => (pulled, ack_wait),
                Looked::NoQueue if had == Had::Nothing => return Had::NoQueue,
                Looked::NoQueue | Looked::End => break,
            };
            match pulled {
                Pulled::Message(message) => {
                    // A run that had a job may have more: now it is waited for.
                    (had, empty, turn) = (Had::Jobs, 0, Turn::Only);
                    let holding = (*message, ack_wait);
                    let held = self.clone().hold(run.clone(), holding, permit, stop.clone());
                    jobs.at_work.spawn(held);
                }
                // Other workers hold the rest, and may give it back, so this one pulls again.
                Pulled::Nothing => empty += usize::from(jobs.is_empty()),
                // The queue is looked up again. If that fails twice, another run's queue may answer.
                Pulled::Broken => {
                    queue = None;
                    empty += usize::from(jobs.is_empty());
                }
            }
        }
        had
    }

    /// Pulls a job from a run's queue.
    async fn look(
        &self,
        run: &str,
        turn: Turn,
        queue: &mut Option<(PullConsumer, Duration)>,
        stop: &CancellationToken,
    ) -> Looked {
        match self.before_end(stop, self.queue(run, queue)).await {
            Some(Ok((consumer, _))) if turn == Turn::OneOfSeveral && has_no_job(consumer) => Looked::End,
            Some(Ok((consumer, ack_wait))) => {
                let pulled = self.before_end(stop, pull(consumer)).await;
                pulled.map_or(Looked::End, |pulled| Looked::Pulled(pulled, ack_wait))
            }
            Some(Err(Error::Gone { .. })) => Looked::NoQueue,
            Some(Err(_)) => {
                let _ = tokio::time::timeout(LOOK, stop.cancelled()).await;
                Looked::Pulled(Pulled::Broken, Duration::ZERO)
            }
            None => Looked::End,
        }
    }

    async fn queue<'a>(
        &self,
        run: &str,
        known: &'a mut Option<(PullConsumer, Duration)>,
    ) -> Result<(&'a PullConsumer, Duration), Error> {
        let (consumer, ack_wait) = match known {
            Some(known) => known,
            unknown => {
                let consumer = self.worker.connection.queue(run).await?;
                let ack_wait = consumer.cached_info().config.ack_wait;
                unknown.insert((consumer, ack_wait))
            }
        };
        Ok((consumer, *ack_wait))
    }

    async fn hold(
        self: Arc<Self>,
        run: RunEntry,
        (message, ack_wait): (Message, Duration),
        _permit: OwnedSemaphorePermit,
        stop: CancellationToken,
    ) -> Result<(), Error> {
        let handed = message::read::<Handed>(&message.payload);
        let holding = Holding::new(message, ack_wait);
        match handed {
            Ok(handed) if handed.run == run.run => {
                // After an absence, the server delivers jobs again that are in work here.
                let Some(_in_work) = InWork::begin(&self, &handed.run, handed.number) else {
                    holding.put_off().await;
                    return Ok(());
                };
                let brought = self.bring(&run, handed.number, holding, stop.clone()).await;
                if brought.is_err() {
                    stop.cancel();
                }
                return brought;
            }
            // It is malformed or not of this run, so it is acknowledged and not delivered again.
            _ => holding.done().await,
        }
        Ok(())
    }
}

/// A job that this worker has in work. Dropped also when the job's task panics: then NATS delivers the job again, and after its last
/// attempt it is given up.
struct InWork {
    shared: Arc<Shared>,
    job: (String, u32),
}

impl InWork {
    /// `None` if the job is in work already.
    fn begin(shared: &Arc<Shared>, run: &str, number: u32) -> Option<Self> {
        let job = (run.to_owned(), number);
        let is_new = shared.jobs_in_work().insert(job.clone());
        is_new.then(|| Self { shared: shared.clone(), job })
    }
}

impl Drop for InWork {
    fn drop(&mut self) {
        self.shared.jobs_in_work().remove(&self.job);
    }
}

/// Pulls one message. Waits longer than the pull lasts: a pull that is left open would take another message unseen.
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
