//! The state that all parts of a worker share.

use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::equipment::Worker;
use super::refusal::Refusals;
use crate::beat::Live;
use crate::bucket::Bucket;
use crate::message::beat::{JobInWork, SentFor};
use crate::message::runs::Runs;
use crate::message::spent::SpentAt;
use crate::spending::Told;

/// A worker at work.
pub(super) struct Shared {
    pub(super) worker: Worker,
    pub(super) runs: Bucket,
    /// The live workers.
    pub(super) live: Live,
    /// The number of images in work.
    pub(super) in_work: Arc<AtomicUsize>,
    /// When this process started: this distinguishes it from an earlier one of the same name, as when a container is restarted.
    pub(super) born: u64,
    /// Bytes that jobs have sent, by run.
    moved: Mutex<BTreeMap<String, Arc<AtomicU64>>>,
    /// Jobs in work: run and number.
    jobs_in_work: Mutex<HashSet<(String, u32)>>,
    numbers: AtomicU64,
    done: AtomicU64,
    told: Mutex<Told>,
    refusals: Mutex<Refusals>,
    /// Runs that were called off and are still in the list of open runs: this worker takes no more of their jobs.
    called_off: Mutex<HashSet<String>>,
    /// Whether NATS had no room when this worker wrote last.
    pub(super) is_full: AtomicBool,
    /// How often NATS did not answer when this worker gave a job up.
    pub(super) unanswered: AtomicU64,
}

impl Shared {
    pub(super) fn new(worker: Worker, born: u64, runs: Bucket, live: Live) -> Self {
        let (in_work, moved, jobs_in_work, numbers, done, told, refusals, called_off) = Default::default();
        Self {
            worker,
            runs,
            live,
            in_work,
            born,
            moved,
            jobs_in_work,
            numbers,
            done,
            told,
            refusals,
            called_off,
            is_full: AtomicBool::new(false),
            unanswered: AtomicU64::new(0),
        }
    }

    /// The jobs in work, for a beat.
    pub(super) fn jobs_in_beat(&self) -> Vec<JobInWork> {
        let job = |(run, number): &(String, u32)| JobInWork { run: run.clone(), number: *number };
        self.jobs_in_work().iter().map(job).collect()
    }

    pub(super) fn jobs_in_work(&self) -> MutexGuard<'_, HashSet<(String, u32)>> {
        self.jobs_in_work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The signature of a new attempt. No other attempt has it, of this or another process.
    pub(super) fn signature(&self) -> String {
        format!("{} {}-{}", self.worker.connection.name, self.born, self.next_number())
    }

    /// A number that this process has not used.
    pub(super) fn next_number(&self) -> u64 {
        self.numbers.fetch_add(1, Ordering::Relaxed)
    }

    /// The counter of the bytes that are sent for a run.
    pub(super) fn moved_for(&self, run: &str) -> Arc<AtomicU64> {
        self.moved().entry(run.to_owned()).or_default().clone()
    }

    /// The bytes that were sent for each run.
    pub(super) fn sent(&self) -> Vec<SentFor> {
        let of_run = |(run, moved): (&String, &Arc<AtomicU64>)| {
            let bytes = moved.load(Ordering::Relaxed);
            SentFor { run: run.clone(), bytes }
        };
        self.moved().iter().map(of_run).collect()
    }

    /// Forgets the counts, refusals and stops of runs that are over.
    pub(super) fn count_only_for(&self, runs: &Runs) {
        let open: HashSet<_> = runs.ours().map(|entry| entry.run.as_str()).collect();
        self.moved().retain(|run, _| open.contains(run.as_str()));
        self.told().retain(&open);
        self.refusals().retain(&open);
        self.called_off().retain(|run| open.contains(run.as_str()));
    }

    /// The request counts that a run's next entry must tell.
    pub(super) fn tell_spent(&self, run: &str) -> Vec<SpentAt> {
        let now = (self.worker.tools.spending)();
        self.told().tell(run, &now)
    }

    /// Notes that a job has a result, which tells these counts.
    pub(super) fn job_done(&self, run: &str, spent: Vec<SpentAt>) {
        self.is_told(run, spent);
        self.done.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes that a run's book has these counts.
    pub(super) fn is_told(&self, run: &str, spent: Vec<SpentAt>) {
        self.told().is_written(run, spent);
    }

    /// How many jobs have a result of this worker.
    pub(super) fn jobs_done(&self) -> u64 {
        self.done.load(Ordering::Relaxed)
    }

    fn moved(&self) -> MutexGuard<'_, BTreeMap<String, Arc<AtomicU64>>> {
        self.moved.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs for which this worker's login is refused.
    pub(super) fn refusals(&self) -> MutexGuard<'_, Refusals> {
        self.refusals.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs that were called off and are still in the list of open runs.
    pub(super) fn called_off(&self) -> MutexGuard<'_, HashSet<String>> {
        self.called_off.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
