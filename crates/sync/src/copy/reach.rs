//! Checks whether an image's stores can be reached: an image of an unreachable store fails before any request.

use std::sync::Arc;

use oci::TagOrDigest;

use crate::endpoint::{Source, StoreId};
use crate::engine::attempt::{Attempt, Needed, Refused};
use crate::engine::run::{ImageCopy, Run};
use crate::{Error, Event, Operation, Outcome, Side};

/// An image's attempts: one at each of its stores.
pub(super) struct Reach {
    source: StoreId,
    target: StoreId,
    attempts: Vec<Attempt>,
}

impl Reach {
    /// Waits until the breakers of both stores admit the image; if one refuses, the copy fails. The copy's slot is
    /// free during the wait.
    pub(super) async fn begin(
        run: &Run,
        source: &Arc<dyn Source>,
        reference: &TagOrDigest,
        copy: &ImageCopy,
    ) -> Self {
        let (from, to) = (source.store().clone(), copy.target.store().clone());
        let mut reach = Self { source: from, target: to, attempts: Vec::new() };
        match reach.begin_at(run, copy, Needed::by_source(source)).await {
            Ok(attempt) => reach.attempts.push(attempt),
            Err(refused) => {
                let (side, place) = (Side::Source, source.name().to_owned());
                let operation = Operation::Resolve(reference.clone());
                copy.fail(Arc::new(Error { side, place, operation, cause: refused.into() }));
                return reach;
            }
        }
        if reach.target != reach.source {
            match reach.begin_at(run, copy, Needed::by_target(&copy.target)).await {
                Ok(attempt) => reach.attempts.push(attempt),
                Err(refused) => {
                    let operation = Operation::Resolve(copy.reference().clone());
                    copy.fail(Arc::new(copy.target_error(operation, refused)));
                }
            }
        }
        reach
    }

    async fn begin_at(&self, run: &Run, copy: &ImageCopy, needed: Needed) -> Result<Attempt, Refused> {
        let breakers = run.engine.breakers();
        match breakers.begin_now(needed) {
            Ok(admitted) => admitted,
            Err(needed) => {
                let (image, store) = (copy.image.clone(), needed.host.clone());
                run.tell(&Event::AwaitingStore { image, store });
                copy.activity.wait(breakers.begin(needed, &run.deadline)).await
            }
        }
    }

    /// Reports the image's outcome to the breakers of its stores.
    pub(super) fn end(self, outcome: &Outcome) {
        for attempt in self.attempts {
            let failed = match outcome {
                Outcome::Failed(error) => {
                    let failed_at = match error.side {
                        Side::Source => &self.source,
                        Side::Target => &self.target,
                    };
                    Some(error).filter(|_| failed_at == attempt.host())
                }
                _ => None,
            };
            attempt.end(failed);
        }
    }
}
