//! Asks a target for a blob before any byte is sent, as cheaply as possible.

use oci::{Descriptor, RepositoryName};

use super::claimed_blob::{Begun, ClaimedBlob, EarlierUpload};
use super::length::other_length;
use super::open_upload::OpenUpload;
use crate::endpoint::{EndpointError, Mount};
use crate::engine::run::{ImageCopy, Run};
use crate::memory::ledger::Doubt;
use crate::memory::self_mount::Question;
use crate::{BlobOutcome, Error, Operation};

/// What the target says before any byte is sent.
pub(super) enum Looked {
    Done(BlobOutcome),
    Waits(Way),
}

/// How to bring a blob that the target is not known to have.
pub(super) enum Way {
    /// The target declined a mount and opened an upload session instead.
    Opened(OpenUpload),
    /// An earlier try opened an upload session.
    Kept(OpenUpload),
    /// The target does not have the blob.
    Needed,
    /// The target has content of this length, which is not the blob's length.
    Damaged(u64),
    /// The target does not have the blob, and mounts are not tried: the registry's answers about them are wrong.
    Plain,
    /// The target does not have the blob, but the state knows another repository that had it.
    HadElsewhere(RepositoryName),
    /// Opening the upload session will tell.
    Unknown,
}

/// Looks for the blob at the target, as cheaply as possible.
pub(super) async fn look(run: &Run, claimed: &mut ClaimedBlob, blob: &Descriptor) -> Result<Looked, Error> {
    match std::mem::take(&mut claimed.begun) {
        Begun::Nothing => {}
        Begun::Opened(upload) => return Ok(Looked::Waits(Way::Opened(upload))),
        Begun::Kept(upload) => return Ok(Looked::Waits(Way::Kept(upload))),
        Begun::Failed(error) => return Err(error),
    }
    let copy = claimed.copy.clone();
    let error = |cause| copy.target_error(Operation::StartBlob(blob.digest.clone()), cause);
    if let Some(from) = &claimed.claim.mount_from {
        return Ok(match copy.target.mount(&blob.digest, from).await.map_err(error)? {
            Mount::Mounted => Looked::Done(BlobOutcome::Mounted),
            Mount::Upload(upload) => {
                claimed.claim.send_after_decline();
                Looked::Waits(Way::Opened(run.opened(upload)))
            }
        });
    }
    if claimed.claim.doubt == Some(Doubt::Broken) {
        return Ok(Looked::Waits(Way::Plain));
    }
    if let Some(doubt) = claimed.claim.doubt {
        if doubt == Doubt::Ask
            && let Some(found) = copy.target.find_blob(&blob.digest).await.map_err(error)?
            && other_length(blob, found).is_none()
        {
            return Ok(Looked::Done(BlobOutcome::Present));
        }
        copy.ledger.disprove_mounts();
        return Ok(Looked::Waits(Way::Plain));
    }
    let is_asked_for = claimed.earlier == EarlierUpload::MayHaveEnded
        || !copy.repository.was_empty()
        || run.state.had_blob(&*copy.target, &blob.digest);
    if is_asked_for && tells_by_upload(run, &copy, blob).await {
        return Ok(Looked::Waits(Way::Unknown));
    }
    if is_asked_for && let Some(found) = copy.target.find_blob(&blob.digest).await.map_err(error)? {
        return Ok(match other_length(blob, found) {
            Some(length) => Looked::Waits(Way::Damaged(length)),
            None => Looked::Done(BlobOutcome::Present),
        });
    }
    if !copy.ledger.believes_mounts() {
        return Ok(Looked::Waits(Way::Plain));
    }
    let elsewhere = run.state.other_holder(&*copy.target, &blob.digest);
    Ok(Looked::Waits(elsewhere.map_or(Way::Needed, Way::HadElsewhere)))
}

/// Whether opening an upload session tells whether the target has the blob. Proves it first where no proof exists yet.
async fn tells_by_upload(run: &Run, copy: &ImageCopy, blob: &Descriptor) -> bool {
    let repository = copy.target.repository();
    match copy.ledger.question(repository, blob.size) {
        Question::Mount => true,
        Question::Head => false,
        Question::Prove(known) => {
            let proof = copy.ledger.proof();
            let mount = copy.target.mount(&known, repository).await;
            let shown = shown_by(&mount);
            if let Some(tells) = shown {
                copy.ledger.note_self_mount(tells);
            }
            drop(proof);
            if let Ok(Mount::Upload(upload)) = mount {
                run.opened(upload).cancel().await;
            }
            shown == Some(true)
        }
    }
}

/// What a mount of a blob that the registry has shows: whether mounts tell that a blob is present. A passing error
/// shows nothing.
fn shown_by(mount: &Result<Mount, EndpointError>) -> Option<bool> {
    match mount {
        Ok(mount) => Some(matches!(mount, Mount::Mounted)),
        Err(error) if error.is_retryable => None,
        Err(_) => Some(false),
    }
}

#[cfg(test)]
mod tests {
    use oci::ErrorKind;

    use super::*;

    #[test]
    fn a_proof_that_failed_in_passing_shows_nothing() {
        let failed = |is_retryable| {
            let error = EndpointError::new(ErrorKind::Unavailable, "503 Service Unavailable");
            shown_by(&Err(EndpointError { is_retryable, ..error }))
        };
        assert_eq!(shown_by(&Ok(Mount::Mounted)), Some(true));
        assert_eq!([failed(true), failed(false)], [None, Some(false)]);
    }
}
