//! How far a run is, for whoever asks meanwhile.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::book::Book;

/// Shows how far a run is. Clones show the same.
#[derive(Clone, Default)]
pub struct Board(Arc<Mutex<Shown>>);

#[derive(Default)]
struct Shown {
    standing: Option<Standing>,
    times: u64,
}

/// How far a run is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Jobs that nobody has begun.
    pub waiting: usize,
    /// Jobs that workers are at.
    pub in_work: usize,
    /// Jobs that have ended.
    pub done: usize,
    /// Workers that are there, and those that have begun on jobs, by name.
    pub workers: Vec<AtWork>,
}

/// What a worker does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AtWork {
    /// Its name.
    pub worker: String,
    /// Whether it gives signs of life.
    pub is_there: bool,
    /// Its jobs, as people call them.
    pub jobs: Vec<String>,
}

impl Board {
    /// How far the run is; `None` before it is open.
    pub fn standing(&self) -> Option<Standing> {
        self.lock().standing.clone()
    }

    /// How often it was shown. While a coordinator does something else, what it has shown grows old.
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

/// How far a run with this book is, of which these workers give signs of life.
pub(super) fn standing<'a>(book: &Book, there: impl Iterator<Item = &'a str>) -> Standing {
    let [waiting, in_work, done] = book.counts();
    let at_work = book.at_work();
    let there: BTreeSet<_> = there.collect();
    let names: BTreeSet<_> = there.iter().chain(at_work.keys()).copied().collect();
    let worker = |name: &str| AtWork {
        worker: name.to_owned(),
        is_there: there.contains(name),
        jobs: at_work.get(name).into_iter().flatten().map(|job| job.label()).collect(),
    };
    let workers = names.into_iter().map(worker).collect();
    Standing { waiting, in_work, done, workers }
}
