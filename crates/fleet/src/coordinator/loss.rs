//! What a run lost with its workers: processes that ended without a farewell, attempts without a result, and bytes that no result accounts
//! for.

use std::collections::{BTreeMap, BTreeSet};

use super::attendance::Attendance;
use super::flow::Flow;
use crate::book::Book;

/// What was lost with the worker of one name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Loss {
    /// How often its process fell silent without a farewell, or was started again without one.
    pub times_silent: u64,
    /// The labels of the jobs that it began, gave no result of, and did not give back.
    pub jobs: BTreeSet<String>,
    /// Bytes that its beats counted and no result did.
    pub without_result: u64,
}

/// Losses by the workers' names.
pub type Losses = BTreeMap<String, Loss>;

/// The losses of a run that is over. `silent`: how often each worker was noticed to be silent.
pub(super) fn losses(
    silent: &BTreeMap<String, u64>,
    book: &Book,
    attendance: &Attendance,
    flow: &Flow,
) -> Losses {
    let mut losses = Losses::new();
    for (worker, times) in silent {
        losses.entry(worker.clone()).or_default().times_silent = *times;
    }
    let mut gone: BTreeMap<&str, BTreeSet<Option<u64>>> = BTreeMap::new();
    for (job, by) in book.left_without_result(|by| attendance.misses(by)) {
        losses.entry(by.worker.clone()).or_default().jobs.insert(job.label());
        if attendance.misses(by) {
            gone.entry(&by.worker).or_default().insert(by.born);
        }
    }
    // A process that died before this coordinator joined the run was never heard, so its silence was not noticed.
    for (worker, processes) in gone {
        if let Some(loss) = losses.get_mut(worker) {
            loss.times_silent = loss.times_silent.max(processes.len() as u64);
        }
    }
    for (worker, bytes) in flow.without_result() {
        losses.entry(worker.to_owned()).or_default().without_result = bytes;
    }
    losses
}
