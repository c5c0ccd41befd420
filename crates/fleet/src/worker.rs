//! A worker: takes jobs while it has free slots, and writes a job's result before it acknowledges the job.

mod attempt;
mod equipment;
mod fetch;
mod job_observer;
mod life;
mod part;
mod patience;
mod refusal;
mod search;
mod shared;
mod stopping;
mod writing;

use std::sync::Arc;
use std::time::UNIX_EPOCH;

use tokio_util::sync::CancellationToken;

use crate::beat::Live;
use crate::error::Error;
use crate::limits::share_pauses;
use crate::namesake::Namesake;
use crate::waiting::until_there;
pub use equipment::{Bind, Tools, Worker};
use shared::Shared;

/// The work that a worker has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Worked {
    /// The jobs whose results it has written.
    pub jobs: u64,
}

impl Worker {
    /// Works until it is cancelled, or has been idle for long enough. Once cancelled, images in work have [`sync::Options::drain`] to end;
    /// jobs that are not done by then go back to the queue.
    ///
    /// # Errors
    /// NATS refuses the worker's requests, the list of runs cannot be read, or another worker has the name.
    pub async fn work(self, cancel: CancellationToken) -> Result<Worked, Error> {
        let born = u64::try_from(UNIX_EPOCH.elapsed().unwrap_or_default().as_nanos()).unwrap_or_default();
        let namesake = Arc::new(Namesake::of(self.connection.name(), born));
        let (live, listening) = Live::listen_as(namesake.clone(), &self.connection).await;
        let worked = match namesake.ask(&self.connection).await {
            Ok(()) => self.work_as(born, live, &namesake, &cancel).await,
            Err(taken) => Err(taken),
        };
        listening.abort();
        worked
    }

    async fn work_as(
        self,
        born: u64,
        live: Live,
        namesake: &Namesake,
        cancel: &CancellationToken,
    ) -> Result<Worked, Error> {
        let (asked, until) = (&self.connection, (self.idle_exit, cancel));
        let runs = until_there(|| asked.runs(), asked, until, &*self.say).await;
        let Some(runs) = runs else { return Ok(Worked { jobs: 0 }) };
        let (connection, limits) = (self.connection.clone(), self.limits.clone());
        let shared = Arc::new(Shared::new(self, born, runs, live.clone()));
        let beating = tokio::spawn(shared.clone().beat(live));
        let pausing = tokio::spawn(share_pauses(connection, limits));
        let worked = shared.clone().work_until_taken(namesake, cancel).await;
        for task in [beating, pausing] {
            task.abort();
        }
        // The other worker goes on under this name: a farewell would count as its own.
        if !matches!(worked, Err(Error::NameTaken(_))) {
            shared.leave().await;
        }
        worked.map(|()| Worked { jobs: shared.jobs_done() })
    }
}

impl Shared {
    /// Works until the worker is cancelled or idle, or a process is heard that had its name before.
    async fn work_until_taken(
        self: Arc<Self>,
        namesake: &Namesake,
        cancel: &CancellationToken,
    ) -> Result<(), Error> {
        let cancel = cancel.child_token();
        let mut working = std::pin::pin!(self.look_for_work(&cancel));
        tokio::select! {
            worked = &mut working => worked,
            taken = namesake.earlier() => {
                cancel.cancel();
                let _ = working.await;
                Err(taken)
            }
        }
    }
}
