//! Fetches a run's jobs, one at a time, as hands are free.

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
use crate::error::Error;
use crate::holding::Holding;
use crate::message;
use crate::message::job::Handed;
use crate::message::run::RunEntry;

/// So many jobs at once: while one ends, another begins.
const JOBS_AT_ONCE: usize = 2;
/// How long a pull waits for a job.
const PULL: Duration = Duration::from_secs(2);
/// How often is looked for runs, and whether they go on.
pub(super) const LOOK: Duration = Duration::from_secs(1);

enum Pulled {
    Message(Box<Message>),
    Nothing,
    Broken,
}

/// What a run had for this worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Had {
    Jobs,
    Nothing,
    /// NATS has no queue of it.
    NoQueue,
}

/// Jobs in this worker's hands.
#[derive(Default)]
struct Jobs {
    at_work: JoinSet<Result<(), Error>>,
    /// What ends the worker, if anything.
    ended: Option<Error>,
}

impl Jobs {
    /// Takes what has ended: a job that is not taken keeps its memory.
    fn take_ended(&mut self) {
        while let Some(job) = self.at_work.try_join_next() {
            self.take(job);
        }
    }

    fn is_empty(&mut self) -> bool {
        self.take_ended();
        self.at_work.is_empty()
    }

    /// Waits for all.
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
    /// Takes jobs of a run for as long as it goes on and has any.
    ///
    /// # Errors
    /// NATS refuses what this worker writes.
    pub(super) async fn work_on(
        self: Arc<Self>,
        run: &RunEntry,
        cancel: &CancellationToken,
    ) -> Result<Had, Error> {
        let (stop, mut jobs) = (cancel.child_token(), Jobs::default());
        let watching = tokio::spawn(self.clone().watch(run.run.clone(), stop.clone()));
        let had = self.clone().fetch(run, &stop, &mut jobs).await;
        let ended = jobs.joined().await;
        let _ = self.before_end(&stop, self.write_spent(&run.run)).await;
        watching.abort();
        ended.map(|()| had)
    }

    /// Takes jobs as hands are free.
    async fn fetch(self: Arc<Self>, run: &RunEntry, stop: &CancellationToken, jobs: &mut Jobs) -> Had {
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
            let Some(asked) = self.before_end(stop, self.queue(&run.run, &mut queue)).await else { break };
            let (pulled, ack_wait) = match asked {
                Ok((consumer, ack_wait)) => {
                    let Some(pulled) = self.before_end(stop, pull(consumer)).await else { break };
                    (pulled, ack_wait)
                }
                Err(Error::Gone { .. }) if had == Had::Nothing => return Had::NoQueue,
                Err(Error::Gone { .. }) => break,
                Err(_) => {
                    let _ = tokio::time::timeout(LOOK, stop.cancelled()).await;
                    (Pulled::Broken, Duration::ZERO)
                }
            };
            match pulled {
                Pulled::Message(message) => {
                    (had, empty) = (Had::Jobs, 0);
                    let holding = (*message, ack_wait);
                    let held = self.clone().hold(run.clone(), holding, permit, stop.clone());
                    jobs.at_work.spawn(held);
                }
                // Others hold the rest, and may give it back: it is looked for again.
                Pulled::Nothing => empty += usize::from(jobs.is_empty()),
                // Another run's queue may answer.
                Pulled::Broken => {
                    queue = None;
                    empty += usize::from(jobs.is_empty());
                }
            }
        }
        had
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
                let job = (handed.run, handed.number);
                // A server that was away hands out again what it had handed out here.
                if self.in_hands().insert(job.clone()) {
                    let brought = self.bring(&run, job.1, holding, stop.clone()).await;
                    self.in_hands().remove(&job);
                    if brought.is_err() {
                        stop.cancel();
                    }
                    return brought;
                }
                holding.put_off(ack_wait / 2).await;
            }
            // Whoever wrote that, it is no job of this run.
            _ => holding.done().await,
        }
        Ok(())
    }
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
