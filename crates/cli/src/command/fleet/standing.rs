//! Converts a fleet run's progress for status requests.

use ::fleet::{AtWork, Standing};

use crate::output::{FleetStanding, FleetWorker};

/// The progress in the form that people and programs are shown.
pub(super) fn standing(standing: Standing) -> FleetStanding {
    let Standing { waiting, in_work, done, workers } = standing;
    let worker = |AtWork { worker, is_there, jobs }| FleetWorker { name: worker, silent: !is_there, jobs };
    FleetStanding {
        jobs_waiting: waiting,
        jobs_in_work: in_work,
        jobs_done: done,
        workers: workers.into_iter().map(worker).collect(),
    }
}
