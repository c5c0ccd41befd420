//! What all parts of a worker know.

use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::equipment::Worker;
use super::refusal::Refusals;
use crate::beat::Live;
use crate::bucket::Bucket;
use crate::message::beat::SentFor;
use crate::message::runs::Runs;
use crate::message::spent::SpentAt;
use crate::spending::Told;

/// A worker at work.
pub(super) struct Shared {
    pub(super) worker: Worker,
    pub(super) runs: Bucket,
    /// Who else works.
    pub(super) live: Live,
    /// Images that are worked on.
    pub(super) in_work: Arc<AtomicUsize>,
    /// What tells this process from one of the same name that was there before, as a container is that is started again.
    pub(super) born: u64,
    /// Bytes that jobs have sent, by their runs.
    moved: Mutex<BTreeMap<String, Arc<AtomicU64>>>,
    /// Jobs that are worked on: run and number.
    in_hands: Mutex<HashSet<(String, u32)>>,
    numbers: AtomicU64,
    done: AtomicU64,
    told: Mutex<Told>,
    refusals: Mutex<Refusals>,
    /// Runs that were called off and are open still: nothing of them is handed out any more.
    called_off: Mutex<HashSet<String>>,
}

impl Shared {
    pub(super) fn new(worker: Worker, born: u64, runs: Bucket, live: Live) -> Self {
        let (in_work, moved, in_hands, numbers, done, told, refusals, called_off) = Default::default();
        Self { worker, runs, live, in_work, born, moved, in_hands, numbers, done, told, refusals, called_off }
    }

    pub(super) fn in_hands(&self) -> MutexGuard<'_, HashSet<(String, u32)>> {
        self.in_hands.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Under what an attempt is begun: no other one is, of this or another process.
    pub(super) fn signature(&self) -> String {
        format!("{} {}-{}", self.worker.connection.name, self.born, self.next_number())
    }

    /// One that this process has not had.
    pub(super) fn next_number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }

    /// Counts bytes that are sent for a run.
    pub(super) fn moved_for(&self, run: &str) -> Arc<AtomicU64> {
        self.moved().entry(run.to_owned()).or_default().clone()
    }

    /// What was sent for each run.
    pub(super) fn sent(&self) -> Vec<SentFor> {
        let of_run = |(run, moved): (&String, &Arc<AtomicU64>)| {
            let bytes = moved.load(Ordering::Relaxed);
            SentFor { run: run.clone(), bytes }
        };
        self.moved().iter().map(of_run).collect()
    }

    /// Forgets what was counted for runs that are over.
    pub(super) fn count_only_for(&self, runs: &Runs) {
        let open: HashSet<_> = runs.ours().map(|entry| entry.run.as_str()).collect();
        self.moved().retain(|run, _| open.contains(run.as_str()));
        self.told().retain(&open);
        self.refusals().retain(&open);
        self.called_off().retain(|run| open.contains(run.as_str()));
    }

    /// What a result is to say that registries were asked for.
    pub(super) fn tell_spent(&self, run: &str) -> Vec<SpentAt> {
        let now = (self.worker.tools.spending)();
        self.told().tell(run, &now)
    }

    /// A job has a result, which tells of this.
    pub(super) fn job_done(&self, run: &str, spent: Vec<SpentAt>) {
        self.is_told(run, spent);
        self.done.fetch_add(1, Ordering::Relaxed);
    }

    /// A run's book has it.
    pub(super) fn is_told(&self, run: &str, spent: Vec<SpentAt>) {
        self.told().is_written(run, spent);
    }

    /// How many jobs have one.
    pub(super) fn jobs_done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    fn moved(&self) -> MutexGuard<'_, BTreeMap<String, Arc<AtomicU64>>> {
        self.moved.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs of which this worker's login is refused.
    pub(super) fn refusals(&self) -> MutexGuard<'_, Refusals> {
        self.refusals.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs that were called off, of those that are open still.
    pub(super) fn called_off(&self) -> MutexGuard<'_, HashSet<String>> {
        self.called_off.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
