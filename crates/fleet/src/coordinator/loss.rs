//! What a run lost with its workers: processes that ended without a farewell, and bytes that no result accounts for.

use std::collections::{BTreeMap, BTreeSet};

use super::attendance::Attendance;
use super::flow::Flow;
use crate::book::Book;
use crate::message::job::Job;

/// What was lost with the worker of one name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Loss {
    /// How often its process fell silent without a farewell, or was started again without one.
    pub times: u64,
    /// The labels of the jobs that it had in work then.
    pub jobs: BTreeSet<String>,
    /// Bytes that its beats counted and no result did.
    pub without_result: u64,
}

/// Losses by the workers' names.
pub type Losses = BTreeMap<String, Loss>;

/// A process of this worker is gone, as the attendance knows already.
pub(super) fn note_loss(losses: &mut Losses, worker: &str, book: &Book, attendance: &Attendance) {
    let jobs = book.at_work_of(|by| by.worker == worker && attendance.misses(by));
    let loss = losses.entry(worker.to_owned()).or_default();
    loss.times += 1;
    loss.jobs.extend(jobs.into_values().flatten().map(Job::label));
}

/// Adds the bytes without a result: in a run that came to its end, only those of workers that were lost. The counts of others differ from
/// their results where two of them had the same job.
pub(super) fn with_bytes(mut losses: Losses, flow: &Flow, is_whole: bool) -> Losses {
    for (worker, bytes) in flow.without_result() {
        if !is_whole || losses.contains_key(worker) {
            losses.entry(worker.to_owned()).or_default().without_result = bytes;
        }
    }
    losses
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_of_a_run_that_came_to_its_end_are_missing_where_a_worker_was_lost() {
        let mut flow = Flow::default();
        for (worker, bytes) in [("w1", 5), ("w2", 7), ("w3", 0)] {
            flow.sign(worker, bytes);
        }
        let lost = || Losses::from([("w1".to_owned(), Loss { times: 1, ..Loss::default() })]);
        let bytes = |is_whole| {
            let losses = with_bytes(lost(), &flow, is_whole);
            losses.into_iter().map(|(worker, loss)| (worker, loss.without_result)).collect::<Vec<_>>()
        };
        assert_eq!(bytes(true), [("w1".to_owned(), 5)]);
        assert_eq!(bytes(false), [("w1".to_owned(), 5), ("w2".to_owned(), 7)]);
    }
}
