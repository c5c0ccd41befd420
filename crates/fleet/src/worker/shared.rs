//! What all parts of a worker know.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::UNIX_EPOCH;

use super::equipment::Worker;
use crate::bucket::Bucket;
use crate::message;
use crate::message::run::{Runs, stop_key};
use crate::message::spent::SpentAt;
use crate::spending::Told;

/// A worker at work.
pub(super) struct Shared {
    pub(super) worker: Worker,
    pub(super) runs: Bucket,
    /// Bytes that all jobs have sent.
    pub(super) moved: Arc<AtomicU64>,
    /// Jobs that are worked on: run and number.
    in_hands: Mutex<HashSet<(String, u32)>>,
    /// What tells this process from one of the same name that was there before, as a container is that is started again.
    born: u128,
    attempts: AtomicU64,
    done: AtomicU64,
    told: Mutex<Told>,
}

impl Shared {
    pub(super) fn new(worker: Worker, runs: Bucket) -> Self {
        let born = UNIX_EPOCH.elapsed().unwrap_or_default().as_nanos();
        let (moved, in_hands, attempts, done, told) = Default::default();
        Self { worker, runs, moved, in_hands, born, attempts, done, told }
    }

    pub(super) fn in_hands(&self) -> MutexGuard<'_, HashSet<(String, u32)>> {
        self.in_hands.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Under what an attempt is begun: no other one is, of this or another process.
    pub(super) fn signature(&self) -> String {
        let number = self.attempts.fetch_add(1, Ordering::Relaxed);
        format!("{} {}-{number}", self.worker.connection.name, self.born)
    }

    /// What registries were asked for since this was told last.
    pub(super) fn tell_spent(&self) -> Vec<SpentAt> {
        // Two jobs that end at once tell it once.
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        told.tell(&(self.worker.tools.spending)())
    }

    /// A job has a result.
    pub(super) fn job_done(&self) {
        self.done.fetch_add(1, Ordering::Relaxed);
    }

    /// How many jobs have one.
    pub(super) fn jobs_done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    /// Whether a run goes on: it is listed, and nobody has stopped it.
    pub(super) async fn goes_on(&self, run: &str) -> bool {
        let runs = self.runs.get_now("runs").await.and_then(|runs| message::read::<Runs>(&runs).ok());
        // Nobody answers: what is in work may end.
        let is_listed = runs.is_none_or(|runs| runs.open.iter().any(|entry| entry.run == run));
        is_listed && self.runs.get_now(&stop_key(run)).await.is_none()
    }
}
