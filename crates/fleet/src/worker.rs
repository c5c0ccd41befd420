//! A worker: takes jobs as it has hands free, and writes what became of them before it lets them go.

mod attempt;
mod equipment;
mod fetch;
mod job_observer;
mod life;
mod part;
mod refusal;
mod search;
mod shared;
mod stopping;

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::beat::Live;
use crate::error::Error;
use crate::limits::share_pauses;
use crate::waiting::until_there;
pub use equipment::{Bind, Tools, Worker};
use shared::Shared;

/// What a worker has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Worked {
    /// Jobs that it has written a result of.
    pub jobs: u64,
}

impl Worker {
    /// Works until it is cancelled, or has been idle for long enough. What is in work has [`sync::Options::drain`] to end; what has not
    /// then goes back.
    ///
    /// # Errors
    /// NATS cannot be asked any more.
    pub async fn work(self, cancel: CancellationToken) -> Result<Worked, Error> {
        let runs = until_there(|| self.connection.runs(), self.idle_exit, &cancel).await;
        let Some(runs) = runs else { return Ok(Worked { jobs: 0 }) };
        let (live, listening) = Live::listen(&self.connection);
        let (connection, limits) = (self.connection.clone(), self.limits.clone());
        let shared = Arc::new(Shared::new(self, runs, live.clone()));
        let beating = tokio::spawn(shared.clone().beat(live));
        let pausing = tokio::spawn(share_pauses(connection, limits));
        let worked = shared.clone().look_for_work(&cancel).await;
        for task in [beating, listening, pausing] {
            task.abort();
        }
        shared.leave().await;
        worked.map(|()| Worked { jobs: shared.jobs_done() })
    }
}
