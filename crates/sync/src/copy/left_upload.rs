//! Goes on with uploads that an earlier run left behind.

use std::sync::{Arc, Mutex};

use oci::{Descriptor, ErrorKind};

use super::claimed_blob::{Begun, ClaimedBlob, complete};
use super::right_to_send::{Right, right_to_send};
use crate::copy::delivery::Delivery;
use crate::copy::open_upload::OpenUpload;
use crate::copy::transfer::Transfer;
use crate::endpoint::Source;
use crate::engine::backoff::Backoff;
use crate::engine::run::{ImageCopy, Run};
use crate::memory::state::{LeftUpload, STRIDE};
use crate::{BlobOutcome, Error, Event, Operation};

/// What the target may have of the blob, from an earlier run or try. Each claimed goes on with that once.
pub(super) fn take(run: &Run, blob: &Descriptor, claimed: &mut ClaimedBlob) -> Option<LeftUpload> {
    // A mount is cheaper than any rest.
    let is_untouched = claimed.claim.mount_from.is_none() && matches!(claimed.begun, Begun::Nothing);
    if claimed.went_on || !is_untouched {
        return None;
    }
    let left = run.state.upload(&*claimed.copy.target, &blob.digest)?;
    claimed.went_on = true;
    Some(left)
}

/// Brings the rest of the blob; gives the claimed back where it has to be brought from its beginning.
///
/// `None` where nothing is left to be done: the blob is there, or the copy has failed and may go on in another run.
pub(super) async fn go_on(
    run: &Run,
    source: &dyn Source,
    blob: &Descriptor,
    mut claimed: ClaimedBlob,
    left: LeftUpload,
) -> Option<ClaimedBlob> {
    let Some(parts) = source.parts() else { return Some(claimed) };
    let copy = claimed.copy.clone();
    let upload = match reopen(run, blob, &copy, &left).await {
        Ok(Some(upload)) => upload,
        Ok(None) => {
            // It may have come to its end when nobody was there to hear it.
            claimed.may_be_there = true;
            run.state.upload_ended(&*copy.target, &blob.digest);
            return Some(claimed);
        }
        Err(error) if error.is_stopped() => return fail(claimed, error),
        // A session that cannot be asked about must not keep the blob from being brought.
        Err(_) => return Some(claimed),
    };
    let place = match right_to_send(run, (&copy, &claimed.lease.clone()), blob).await {
        Ok(Right::Send(place)) => Arc::new(place),
        Ok(Right::Mount(..)) => {
            // Another process has brought it: a mount is cheaper than any rest.
            run.state.upload_ended(&*copy.target, &blob.digest);
            upload.cancel().await;
            return Some(claimed);
        }
        Err(stopped) => return fail(claimed, stopped),
    };
    let confirmed = upload.confirmed();
    let budget = Backoff::new(run.retries);
    let trail = Arc::new(Mutex::new(left.trail.clone()));
    let delivery =
        Delivery { copy: copy.clone(), upload, budget, trail, place, lease: claimed.lease.clone() };
    let transfer = Transfer::new(run, source, blob);
    let state = left.trail.latest_within(confirmed);
    let (watchers, mut read_budget) = ([delivery.watcher()], Backoff::new(run.retries));
    let read = || parts.blob_from(blob, confirmed, state);
    let reader = match transfer.begin_read(&watchers, &mut read_budget, read).await {
        Ok(reader) => reader,
        Err(error) if error.is_retryable() || error.is_stopped() => return fail(claimed, error),
        Err(_) => {
            // The blob may be had from elsewhere, or need not be had.
            run.state.upload_ended(&*copy.target, &blob.digest);
            delivery.upload.cancel().await;
            return Some(claimed);
        }
    };
    run.tell(&Event::BlobStarted {
        image: copy.image.clone(),
        digest: blob.digest.clone(),
        size: blob.size.map(|size| size.saturating_sub(confirmed)),
    });
    let moved_before = copy.amounts.now().moved_bytes;
    let mut read_budget = Backoff::new(run.retries);
    let delivered = transfer.deliver_one(reader, delivery, &mut read_budget).await;
    let error = match delivered {
        Ok(()) => {
            complete(run, claimed, blob, BlobOutcome::Copied).await;
            copy.amounts.blob(confirmed, BlobOutcome::Present);
            return None;
        }
        Err(error) => error,
    };
    let has_moved = copy.amounts.now().moved_bytes >= moved_before + STRIDE;
    let is_wrong = error.kind() == Some(ErrorKind::Mismatch);
    if error.is_stopped() || error.is_retryable() && has_moved && !is_wrong {
        return fail(claimed, error);
    }
    // What was kept is wrong, or of no use: the blob begins anew.
    run.state.upload_ended(&*copy.target, &blob.digest);
    Some(claimed)
}

/// The record stays for another run.
fn fail(claimed: ClaimedBlob, error: Arc<Error>) -> Option<ClaimedBlob> {
    claimed.give_up(error);
    None
}

/// Finds out what the target has. `None` where that is of no use.
async fn reopen(
    run: &Run,
    blob: &Descriptor,
    copy: &ImageCopy,
    left: &LeftUpload,
) -> Result<Option<OpenUpload>, Arc<Error>> {
    let step = async || {
        let Some(uploads) = copy.target.kept_uploads() else { return Ok(None) };
        let reopened = uploads.reopen(&left.saved, blob.size).await;
        let reopened = reopened.map(|upload| upload.map(|upload| run.opened(upload)));
        reopened.map_err(|cause| copy.target_error(Operation::StartBlob(blob.digest.clone()), cause))
    };
    match run.retrying(copy, step).await? {
        Some(upload) if upload.confirmed() == 0 => {
            upload.cancel().await;
            Ok(None)
        }
        Some(mut upload) => {
            upload.remember(true);
            Ok(Some(upload))
        }
        None => Ok(None),
    }
}
