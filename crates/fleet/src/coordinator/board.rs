//! A run's progress, for SIGUSR1 and the screen.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::attendance::Attendance;
use crate::book::Book;
use crate::message::Signer;

/// Shows a run's progress. Clones show the same.
#[derive(Clone, Default)]
pub struct Board(Arc<Mutex<Shown>>);

#[derive(Default)]
struct Shown {
    standing: Option<Standing>,
    times: u64,
}

/// A run's progress.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Jobs that no worker has in work: not begun, or given back.
    pub waiting: usize,
    /// Jobs that workers have in work.
    pub in_work: usize,
    /// Jobs whose images all were brought, or failed.
    pub done: usize,
    /// Live workers, and silent ones that have begun jobs, by name.
    pub workers: Vec<AtWork>,
}

/// A worker and its jobs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AtWork {
    /// Its name.
    pub worker: String,
    /// Whether it sends beats.
    pub is_there: bool,
    /// Its jobs' labels.
    pub jobs: Vec<String>,
}

impl Board {
    /// The run's progress; `None` before the run is open.
    pub fn standing(&self) -> Option<Standing> {
        self.lock().standing.clone()
    }

    /// How often it was updated. The coordinator does not update it while it plans or publishes jobs.
    pub fn times_shown(&self) -> u64 {
        self.lock().times
    }

    pub(super) fn show(&self, standing: Standing) {
        let mut shown = self.lock();
        *shown = Shown { standing: Some(standing), times: shown.times + 1 };
    }

    fn lock(&self) -> MutexGuard<'_, Shown> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The progress of a run with this book. A job in work at a process whose name another process has now counts as waiting.
pub(super) fn standing(book: &Book, attendance: &Attendance) -> Standing {
    let may_work = |by: &Signer| !attendance.is_replaced(by);
    let [waiting, in_work, done] = book.counts_of(may_work);
    let at_work = book.at_work_of(may_work);
    let there: BTreeSet<_> = attendance.workers().collect();
    let names: BTreeSet<_> = there.iter().chain(at_work.keys()).copied().collect();
    let worker = |name: &str| AtWork {
        worker: name.to_owned(),
        is_there: there.contains(name),
        jobs: at_work.get(name).into_iter().flatten().map(|job| job.label()).collect(),
    };
    let workers = names.into_iter().map(worker).collect();
    Standing { waiting, in_work, done, workers }
}
