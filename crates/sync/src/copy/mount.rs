//! Mounts a blob from another repository of its target, before anything is read or sent.
//!
//! A few repositories that have it are asked in turn: where one declines, another may not. Whoever is declined while
//! another repository gets the bytes waits for these.

use std::sync::Arc;

use futures_util::future::join_all;
use oci::Descriptor;

use super::blob::{Begun, Carrier, complete};
use crate::endpoint::Mount;
use crate::engine::run::{Lane, Run};
use crate::memory::ledger::{Declined, Waiting};
use crate::{BlobOutcome, Operation};

/// A lane that has to wait for somebody else's transfer, and how many mounts were declined to it.
pub(super) struct Waits {
    pub(super) lane: Arc<Lane>,
    pub(super) declined: usize,
    pub(super) waiting: Waiting,
}

/// Asks for all mounts that may be accepted, side by side. Gives those whose blob is not there yet.
pub(super) async fn mount_all(
    run: &Run,
    blob: &Descriptor,
    carriers: Vec<Carrier>,
) -> (Vec<Carrier>, Vec<Waits>) {
    let asked = join_all(carriers.into_iter().map(|carrier| mount(run, blob, carrier))).await;
    let (mut needing, mut waiting) = (Vec::new(), Vec::new());
    for asked in asked {
        match asked {
            Ok(carrier) => needing.extend(carrier),
            Err(waits) => waiting.push(waits),
        }
    }
    (needing, waiting)
}

/// Gives the carrier back where the bytes have to be sent, or what failed has to be tried again.
async fn mount(run: &Run, blob: &Descriptor, mut carrier: Carrier) -> Result<Option<Carrier>, Waits> {
    while let Some(from) = carrier.claim.mount_from.clone() {
        if let Begun::Opened(upload) = std::mem::take(&mut carrier.begun) {
            upload.cancel().await;
        }
        let upload = match carrier.lane.target.mount(&blob.digest, &from).await {
            Ok(Mount::Mounted) => {
                complete(run, carrier, blob, BlobOutcome::Mounted).await;
                return Ok(None);
            }
            Ok(Mount::Upload(upload)) => run.opened(upload),
            Err(cause) => {
                let operation = Operation::StartBlob(blob.digest.clone());
                carrier.begun = Begun::Failed(carrier.lane.target_error(operation, cause));
                return Ok(Some(carrier));
            }
        };
        match carrier.claim.decline() {
            Declined::GoOn => carrier.begun = Begun::Opened(upload),
            Declined::Wait(waiting) => {
                let Carrier { lane, claim, .. } = carrier;
                let declined = claim.declined;
                drop(claim);
                upload.cancel().await;
                return Err(Waits { lane, declined, waiting });
            }
        }
    }
    Ok(Some(carrier))
}
