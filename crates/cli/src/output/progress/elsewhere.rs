//! Bytes that workers of a fleet sent for images in work, and whether any worker can continue.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::output::fleet_standing::FleetStanding;

/// Counts events.
#[derive(Default)]
pub(super) struct Elsewhere {
    /// By worker.
    open: HashMap<Arc<str>, u64>,
    stands_still: bool,
}

impl Elsewhere {
    /// A worker has sent this many more bytes.
    pub(super) fn sent(&mut self, worker: Option<&Arc<str>>, bytes: u64) {
        if let Some(worker) = worker {
            let open = self.open.entry(worker.clone()).or_default();
            *open = open.saturating_add(bytes);
        }
    }

    /// An image has ended for which the worker sent this many bytes.
    pub(super) fn ended(&mut self, worker: Option<&Arc<str>>, bytes: u64) {
        if let Some(open) = worker.and_then(|worker| self.open.get_mut(worker)) {
            *open = open.saturating_sub(bytes);
        }
    }

    /// Forgets the bytes of workers that are gone: another worker gets their jobs, and sends them again.
    pub(super) fn look(&mut self, fleet: &FleetStanding) {
        let alive = || fleet.workers.iter().filter(|worker| !worker.silent);
        let names: HashSet<_> = alive().map(|worker| worker.name.as_str()).collect();
        self.open.retain(|worker, _| names.contains(&**worker));
        let has_work = fleet.jobs_waiting > 0 || alive().any(|worker| !worker.jobs.is_empty());
        let is_over = fleet.jobs_waiting + fleet.jobs_in_work == 0;
        self.stands_still = !is_over && (names.is_empty() || !has_work);
    }

    /// Bytes that need not be sent again, of images in work.
    pub(super) fn open(&self) -> u64 {
        self.open.values().fold(0, |sum, open| sum.saturating_add(*open))
    }

    /// Whether no live worker can continue: the run waits for a worker to join, or for a silent worker's jobs to be released.
    pub(super) fn stands_still(&self) -> bool {
        self.stands_still
    }
}
