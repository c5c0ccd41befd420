//! Fetches a run's jobs, one at a time, as hands are free.

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::Message;
use async_nats::jetstream::consumer::PullConsumer;
use futures_util::StreamExt as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::refusal::Part;
use super::shared::Shared;
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

impl Shared {
    /// Takes jobs of a run for as long as it goes on and has any.
    pub(super) async fn work_on(self: Arc<Self>, run: &RunEntry, cancel: &CancellationToken) {
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
            if self.part_in(&run.run) == Part::LeavesToOthers {
                break;
            }
            let asked = self.before_end(&stop, self.queue(&run.run, &mut queue)).await;
            let Some(Some((consumer, ack_wait))) = asked else {
                let _ = tokio::time::timeout(LOOK, stop.cancelled()).await;
                continue;
            };
            let Some(pulled) = self.before_end(&stop, pull(consumer)).await else { break };
            match pulled {
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
        let _ = self.before_end(&stop, self.write_spent(&run.run)).await;
        watching.abort();
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
