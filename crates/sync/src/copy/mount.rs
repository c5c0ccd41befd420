//! Mounts a blob from another repository of its target, before anything is read or sent.
//!
//! A few repositories that have it are asked in turn: where one declines, another may not. Whoever is declined while
//! another repository gets the bytes waits for these.

use oci::Descriptor;

use super::claimed_blob::{Begun, ClaimedBlob, complete};
use crate::endpoint::Mount;
use crate::engine::run::Run;
use crate::memory::ledger::{Declined, Waiting};
use crate::{BlobOutcome, Operation};

/// What came of asking for mounts.
pub(super) enum Asked {
    /// The blob is there.
    Mounted,
    /// Its bytes have to be sent, or what failed has to be tried again.
    Needed(Box<ClaimedBlob>),
    /// Somebody else sends them to another repository, after so many mounts were declined.
    Waits { waiting: Waiting, declined: usize },
}

/// Asks for all mounts that may be accepted.
pub(super) async fn mount(run: &Run, blob: &Descriptor, mut claimed: ClaimedBlob) -> Asked {
    while let Some(from) = claimed.claim.mount_from.clone() {
        if let Begun::Opened(upload) = std::mem::take(&mut claimed.begun) {
            upload.cancel().await;
        }
        let upload = match claimed.copy.target.mount(&blob.digest, &from).await {
            Ok(Mount::Mounted) => {
                complete(run, claimed, blob, BlobOutcome::Mounted).await;
                return Asked::Mounted;
            }
            Ok(Mount::Upload(upload)) => run.opened(upload),
            Err(cause) => {
                let operation = Operation::StartBlob(blob.digest.clone());
                claimed.begun = Begun::Failed(claimed.copy.target_error(operation, cause));
                return Asked::Needed(Box::new(claimed));
            }
        };
        match claimed.claim.decline() {
            Declined::GoOn => claimed.begun = Begun::Opened(upload),
            Declined::Wait(waiting) => {
                let declined = claimed.claim.declined;
                drop(claimed);
                upload.cancel().await;
                return Asked::Waits { waiting, declined };
            }
        }
    }
    Asked::Needed(Box::new(claimed))
}
