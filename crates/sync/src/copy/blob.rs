//! Brings one blob to a copy's target.
//!
//! Cheapest way first: the blob is known to be present, else it is mounted from another repository, else it is sent.

use std::sync::Arc;

use oci::Descriptor;

use super::bringing::bring;
use super::claimed_blob::{ClaimedBlob, finished};
use super::mount::{Asked, mount};
use super::reading::Reading;
use super::send_blob::Origin;
use super::walk::Walk;
use crate::memory::ledger::{Claim, Kind, Why};
use crate::{BlobOutcome, Event};

/// Makes sure that the copy's target has the blob; if that fails, the copy fails.
pub(super) async fn ensure_blob(walk: &Walk, blob: &Descriptor) {
    bring_or_wait(walk, blob).await;
    if let Some(gathering) = walk.gathering() {
        gathering.pass(&blob.digest, walk.copy.index);
    }
}

async fn bring_or_wait(walk: &Walk, blob: &Descriptor) {
    let origin = Origin { gathering: walk.gathering(), reading: Arc::new(reading(walk, blob)) };
    let (run, copy) = (&walk.run, &walk.copy);
    let mut declined = 0;
    while !copy.has_failed() {
        let claim = copy.ledger.claim(Kind::Blob, copy.target.repository(), &blob.digest, declined);
        let waiting = match claim {
            Claim::Present => return finished(run, copy, blob, BlobOutcome::Present),
            Claim::Theirs(waiting) => waiting,
            Claim::Mine(claim) => {
                if claim.mount_from.is_none() {
                    let (image, digest) = (copy.image.clone(), blob.digest.clone());
                    run.tell(&Event::BlobPlanned { image, digest, size: blob.size });
                }
                let claimed = ClaimedBlob::new(copy.clone(), claim, origin.reading.source.clone());
                match mount(run, blob, claimed).await {
                    Asked::Mounted => return,
                    Asked::Needed(claimed) => return bring(run, &origin, blob, *claimed).await,
                    Asked::Waits { waiting, declined: so_often } => {
                        declined = so_often;
                        waiting
                    }
                }
            }
        };
        // This copy holds no claim here, so it cannot deadlock with the copies it waits for.
        match copy.activity.wait_for_others(waiting.done(&*origin.reading.source)).await {
            Some(Why::Failed(error)) => return copy.fail(error),
            Some(Why::LeftOut) => return finished(run, copy, blob, BlobOutcome::LeftOut),
            None => {}
        }
    }
}

fn reading(walk: &Walk, blob: &Descriptor) -> Reading {
    let known = walk.gathering().map(|gathering| gathering.known(&blob.digest)).unwrap_or_default();
    Reading::new(walk.image.planned.source.clone(), walk.held(&blob.digest), known)
}
