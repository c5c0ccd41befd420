//! Resumes upload sessions that an earlier run left behind.

use std::sync::{Arc, Mutex};

use oci::{Descriptor, ErrorKind};

use super::claimed_blob::{Begun, ClaimedBlob, EarlierUpload, complete};
use super::right_to_send::{Right, right_to_send};
use crate::copy::delivery::Delivery;
use crate::copy::open_upload::{OpenUpload, Remembered};
use crate::copy::transfer::Transfer;
use crate::endpoint::{BlobRead, Source};
use crate::engine::backoff::Backoff;
use crate::engine::run::{ImageCopy, Run};
use crate::memory::state::{LeftUpload, STRIDE};
use crate::{BlobOutcome, Error, Event, Operation};

/// The result of resuming an upload session.
pub(super) enum GoneOn {
    /// Nothing is left to do: the target has the blob, or the copy has failed and another run may resume.
    ToItsEnd,
    /// The blob has to be sent from its beginning.
    NoFurther(Box<ClaimedBlob>),
}

/// What becomes of the record of an unfinished upload session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Record {
    /// The copy fails, and the record stays for another run.
    Stays,
    /// The session is wrong or useless: the blob is sent from its beginning.
    Goes,
}

impl Record {
    /// After the source did not begin to deliver the rest. If the failure is permanent, the blob may come from
    /// another place, or may be left out.
    fn unread(failure: &Error) -> Self {
        if failure.is_retryable() || failure.is_stopped() { Self::Stays } else { Self::Goes }
    }

    /// After the rest was not sent to its end.
    fn unfinished(failure: &Error, has_moved: bool) -> Self {
        let is_wrong = failure.kind() == Some(ErrorKind::Mismatch);
        let is_stopped = failure.is_stopped();
        if is_stopped || failure.is_retryable() && has_moved && !is_wrong { Self::Stays } else { Self::Goes }
    }
}

/// The upload session that an earlier run or try left for the blob. Each claimed blob tries it once.
pub(super) fn take(run: &Run, blob: &Descriptor, claimed: &mut ClaimedBlob) -> Option<LeftUpload> {
    // A mount is cheaper than a resume.
    let is_untouched = claimed.claim.mount_from.is_none() && matches!(claimed.begun, Begun::Nothing);
    if claimed.earlier != EarlierUpload::NotFound || !is_untouched {
        return None;
    }
    let left = run.state.upload(&*claimed.copy.target, &blob.digest)?;
    claimed.earlier = EarlierUpload::Tried;
    Some(left)
}

/// Sends the rest of the blob: reopens the session, takes the lease and a place, begins the read, and sends the bytes.
pub(super) async fn go_on(
    run: &Run,
    source: &dyn Source,
    blob: &Descriptor,
    mut claimed: ClaimedBlob,
    left: LeftUpload,
) -> GoneOn {
    let Some(parts) = source.parts() else { return GoneOn::NoFurther(Box::new(claimed)) };
    let copy = claimed.copy.clone();
    let upload = match reopen(run, blob, &copy, &left).await {
        Ok(Some(upload)) => upload,
        Ok(None) => {
            claimed.earlier = EarlierUpload::MayHaveEnded;
            run.state.upload_ended(&*copy.target, &blob.digest);
            return GoneOn::NoFurther(Box::new(claimed));
        }
        Err(error) if error.is_stopped() => return fail(claimed, error),
        // A session whose state cannot be read must not keep the blob from being sent.
        Err(_) => return GoneOn::NoFurther(Box::new(claimed)),
    };
    let lease = claimed.lease.clone();
    let place = match right_to_send(run, (&copy, &lease), blob).await {
        Ok(Right::Send(place)) => Arc::new(place),
        // Another process has brought the blob: a mount is cheaper than a resume.
        Ok(Right::Mount(..)) => return let_go(run, blob, claimed, upload).await,
        Err(stopped) => return fail(claimed, stopped),
    };
    let confirmed = upload.confirmed();
    let budget = Backoff::new(run.retries);
    let trail = Arc::new(Mutex::new(left.trail.clone()));
    let delivery = Delivery { copy: copy.clone(), upload, budget, trail, place, lease };
    let transfer = Transfer::new(run, source, blob);
    let state = left.trail.latest_within(confirmed);
    let (watchers, mut tries) = ([delivery.watcher()], Backoff::new(run.retries));
    let read = || parts.blob_from(blob, confirmed, state);
    let reader = match transfer.begin_read(&watchers, &mut tries, &read).await {
        Ok(reader) => reader,
        Err(error) if Record::unread(&error) == Record::Stays => return fail(claimed, error),
        Err(_) => {
            let Delivery { upload, .. } = delivery;
            return let_go(run, blob, claimed, upload).await;
        }
    };
    send_rest(run, &transfer, (reader, delivery), claimed).await
}

/// Sends the rest of the blob.
async fn send_rest(
    run: &Run,
    transfer: &Transfer<'_>,
    (reader, delivery): (Box<dyn BlobRead>, Delivery),
    claimed: ClaimedBlob,
) -> GoneOn {
    let (blob, copy, confirmed) = (transfer.blob, claimed.copy.clone(), delivery.upload.confirmed());
    run.tell(&Event::BlobStarted {
        image: copy.image.clone(),
        digest: blob.digest.clone(),
        size: blob.size.map(|size| size.saturating_sub(confirmed)),
    });
    let moved_before = copy.amounts.now().moved_bytes;
    let delivered = transfer.deliver_one(reader, delivery, &mut Backoff::new(run.retries)).await;
    let Err(error) = delivered else {
        complete(run, claimed, blob, BlobOutcome::Copied).await;
        copy.amounts.blob(confirmed, BlobOutcome::Present);
        return GoneOn::ToItsEnd;
    };
    let has_moved = copy.amounts.now().moved_bytes >= moved_before + STRIDE;
    if Record::unfinished(&error, has_moved) == Record::Stays {
        return fail(claimed, error);
    }
    run.state.upload_ended(&*copy.target, &blob.digest);
    GoneOn::NoFurther(Box::new(claimed))
}

/// Cancels the session: the target drops the bytes that it has of the blob.
async fn let_go(run: &Run, blob: &Descriptor, claimed: ClaimedBlob, upload: OpenUpload) -> GoneOn {
    run.state.upload_ended(&*claimed.copy.target, &blob.digest);
    upload.cancel().await;
    GoneOn::NoFurther(Box::new(claimed))
}

/// The record stays for another run.
fn fail(claimed: ClaimedBlob, error: Arc<Error>) -> GoneOn {
    claimed.give_up(error);
    GoneOn::ToItsEnd
}

/// Asks the target what it has. `None` if the session is of no use.
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
            let (image, target) = (copy.image.clone(), copy.target.clone());
            upload.remember(Some(Remembered { image, target, blob: blob.clone() }));
            Ok(Some(upload))
        }
        None => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::fixtures::{broken, refused, wrong_bytes};

    #[test]
    fn a_record_stays_where_another_run_may_have_more_luck() {
        use Record::{Goes, Stays};

        for (failure, unread, stuck, moved) in [
            (broken(), Stays, Goes, Stays),
            (refused(503, None), Stays, Goes, Stays),
            (refused(404, None), Goes, Goes, Goes),
            (wrong_bytes(), Stays, Goes, Goes),
            (broken().stopped(), Stays, Stays, Stays),
        ] {
            assert_eq!(Record::unread(&failure), unread, "{failure}");
            assert_eq!(
                [false, true].map(|has_moved| Record::unfinished(&failure, has_moved)),
                [stuck, moved],
                "{failure}"
            );
        }
    }
}
