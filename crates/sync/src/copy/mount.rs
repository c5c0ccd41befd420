//! Mounts a blob from another repository of its target, before anything is read or sent.
//!
//! Tries a few repositories that have the blob: if one mount is declined, another may work. If another copy is
//! sending the blob to a further repository, waits for that one.

use oci::Descriptor;

use super::claimed_blob::{Begun, ClaimedBlob, complete};
use crate::endpoint::Mount;
use crate::engine::run::Run;
use crate::memory::ledger::{Declined, Waiting};
use crate::{BlobOutcome, Operation};

/// The result of the mount requests.
pub(super) enum Asked {
    /// The target has the blob.
    Mounted,
    /// The bytes have to be sent, or the failed mount has to be retried.
    Needed(Box<ClaimedBlob>),
    /// Another copy sends the blob to another repository, after this many declined mounts.
    Waits { waiting: Waiting, declined: usize },
}

/// Tries all mounts that may succeed.
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
