//! Whether the registries that an image needs answer: an image to a dead one ends before anything is asked.

use std::sync::Arc;

use futures_util::future::join_all;

use super::image::{Ended, Job};
use crate::attempt::{Attempt, Needed, Refused};
use crate::endpoint::StoreId;
use crate::run::Run;
use crate::{Error, Operation, Outcome, Side};

/// An image's attempts: one at each registry, however many lanes go there.
pub(super) struct Reach {
    source: StoreId,
    attempts: Vec<Attempt>,
}

impl Reach {
    /// Begins where the registries let it; lanes that need one which does not are marked so.
    pub(super) async fn begin(run: &Run, job: &Job) -> Self {
        let source = job.source.store().clone();
        let mut attempts = Vec::new();
        match run.breakers.begin(Needed::by_source(&job.source), &run.deadline).await {
            Ok(attempt) => attempts.push(attempt),
            Err(refused) => {
                refuse_all(job, refused);
                return Self { source, attempts };
            }
        }
        let mut needed: Vec<Needed> = Vec::new();
        for lane in &job.lanes {
            let host = lane.target.store();
            if *host != source && needed.iter().all(|known| known.host != *host) {
                needed.push(Needed::by_target(&lane.target));
            }
        }
        let begun = join_all(needed.into_iter().map(|needed| begin_at_target(run, job, needed))).await;
        attempts.extend(begun.into_iter().flatten());
        Self { source, attempts }
    }

    /// Tells the registries' breakers how the image ended.
    pub(super) fn end(self, ended: &Ended) {
        for attempt in self.attempts {
            let failed = ended.iter().find_map(|(lane, outcome)| match outcome {
                Outcome::Failed(error) => {
                    let failed_at = match error.side {
                        Side::Source => &self.source,
                        Side::Target => lane.target.store(),
                    };
                    Some(error).filter(|_| failed_at == attempt.host())
                }
                _ => None,
            });
            attempt.end(failed);
        }
    }
}

fn refuse_all(job: &Job, refused: Refused) {
    let (side, place) = (Side::Source, job.source.name().to_owned());
    let (operation, cause) = (Operation::Resolve(job.reference.clone()), refused.into());
    let error = Arc::new(Error { side, place, operation, cause });
    job.lanes.iter().for_each(|lane| lane.fail(error.clone()));
}

async fn begin_at_target(run: &Run, job: &Job, needed: Needed) -> Option<Attempt> {
    let host = needed.host.clone();
    let refused = match run.breakers.begin(needed, &run.deadline).await {
        Ok(attempt) => return Some(attempt),
        Err(refused) => refused,
    };
    for lane in job.lanes.iter().filter(|lane| *lane.target.store() == host) {
        let operation = Operation::Resolve(lane.reference().clone());
        lane.fail(Arc::new(lane.target_error(operation, refused.clone())));
    }
    None
}
