//! Sends one blob to a target that lacks it: one try, from the last check at the target to the upload's end.

use std::sync::{Arc, Mutex};

use oci::{Descriptor, ErrorKind, RepositoryName};

use super::claimed_blob::{Begun, ClaimedBlob, complete};
use super::gather::{Gathering, Read};
use super::held_lease::HeldLease;
use super::look::{Looked, Way, look};
use super::reading::Reading;
use super::right_to_send::{Right, right_to_send};
use crate::copy::delivery::Delivery;
use crate::copy::open_upload::OpenUpload;
use crate::copy::transfer::Transfer;
use crate::endpoint::{BlobRead, EndpointError, Mount};
use crate::engine::backoff::Backoff;
use crate::engine::run::{ImageCopy, Run};
use crate::engine::{Place, is_small};
use crate::memory::state::new_trail;
use crate::{BlobOutcome, Cause, Error, Event, Operation, Side};

/// A claimed blob that met an error.
type Failed = (ClaimedBlob, Arc<Error>);

/// Where the blob comes from.
pub(super) struct Origin<'a> {
    /// Shared between the image's targets; `None` if there is one target.
    pub(super) gathering: Option<&'a Arc<Gathering>>,
    pub(super) reading: Arc<Reading>,
}

/// The retries that are left. An interrupted transfer is resumed, and its count restarts after progress. Wrong bytes
/// are read again from the beginning, and that count never restarts.
pub(super) struct Tries {
    beginnings: Backoff,
    of_reads: Backoff,
    at_target: Backoff,
}

impl Tries {
    pub(super) fn new(retries: u32) -> Self {
        let [beginnings, of_reads, at_target] = [(); 3].map(|()| Backoff::new(retries));
        Self { beginnings, of_reads, at_target }
    }

    /// The budget that such a failure uses.
    pub(super) fn that_count(&mut self, failure: &Error) -> &mut Backoff {
        match (failure.side, failure.kind()) {
            (Side::Source, Some(ErrorKind::Mismatch)) => &mut self.beginnings,
            (Side::Source, _) => &mut self.of_reads,
            (Side::Target, _) => &mut self.at_target,
        }
    }
}

/// One try; returns the claimed blob if it failed.
pub(super) async fn try_to_send(
    run: &Arc<Run>,
    origin: &Origin<'_>,
    blob: &Descriptor,
    mut claimed: ClaimedBlob,
    tries: &mut Tries,
) -> Option<Failed> {
    match look(run, &mut claimed, blob).await {
        Ok(Looked::Done(outcome)) => {
            complete(run, claimed, blob, outcome).await;
            None
        }
        Ok(Looked::Waits(way)) => {
            if let Way::Damaged(length) = way {
                claimed.has_instead = Some(length);
            }
            carry(run, origin, blob, (claimed, way), tries).await
        }
        Err(error) => Some((claimed, Arc::new(error))),
    }
}

/// Takes the right to send the blob. Another process may have brought it meanwhile; a blob with an open upload
/// session, or with damaged content at the target, is sent anyway.
async fn begin_to_send(
    run: &Run,
    (copy, lease): (&ImageCopy, &HeldLease),
    blob: &Descriptor,
    way: Way,
) -> Result<(Place, Way), Arc<Error>> {
    if matches!(way, Way::Opened(_) | Way::Damaged(_)) {
        return Ok((copy.place(run, blob).await, way));
    }
    Ok(match right_to_send(run, (copy, lease), blob).await? {
        Right::Send(place) => (place, way),
        // If the registry's mounts proved unreliable, other processes' reports are not used either: the blob is sent.
        Right::Mount(place, _) if matches!(way, Way::Plain) || !copy.ledger.believes_mounts() => (place, way),
        Right::Mount(place, holder) => (place, mount_instead(way, holder, copy.target.repository()).await),
    })
}

/// How to bring a blob that another process has brought to the repository `holder`.
async fn mount_instead(way: Way, holder: RepositoryName, own: &RepositoryName) -> Way {
    if let Way::Kept(upload) = way {
        upload.cancel().await;
    }
    // Opening the session with a mount from the own repository tells whether the blob is present.
    if holder == *own { Way::Unknown } else { Way::HadElsewhere(holder) }
}

/// Takes a place, opens the upload session and sends the blob.
async fn carry(
    run: &Arc<Run>,
    origin: &Origin<'_>,
    blob: &Descriptor,
    (claimed, way): (ClaimedBlob, Way),
    tries: &mut Tries,
) -> Option<Failed> {
    let (place, way) =
        match begin_to_send(run, (&claimed.copy.clone(), &claimed.lease.clone()), blob, way).await {
            Ok((place, way)) => (Arc::new(place), way),
            Err(stopped) => return Some((claimed, stopped)),
        };
    let is_sent_for_sure =
        matches!(way, Way::Needed | Way::Damaged(_) | Way::Plain) && origin.gathering.is_none();
    let (opened, reader) = if is_sent_for_sure && is_small(blob) {
        // A small blob waits for nothing in between, so the two requests can run in parallel.
        let (opened, reader) = tokio::join!(open(run, claimed, way, blob), origin.reading.read(run, blob));
        (opened, Some(reader))
    } else {
        (open(run, claimed, way, blob).await, None)
    };
    let (claimed, upload) = match opened {
        Ok(opened) => opened?,
        Err(failed) => return Some(failed),
    };
    let image = claimed.copy.image.clone();
    run.tell(&Event::BlobStarted { image, digest: blob.digest.clone(), size: blob.size });
    let budget = Backoff::new(run.retries);
    let trail = Arc::new(Mutex::new(new_trail()));
    let lease = claimed.lease.clone();
    let delivery = Delivery { copy: claimed.copy.clone(), upload, budget, trail, place, lease };
    let read = match origin.gathering {
        Some(gathering) => gathering.deliver(run, &origin.reading, blob, delivery, &tries.of_reads).await,
        None => Some(read_alone(run, origin, blob, delivery, reader, tries).await),
    };
    after(run, origin, blob, claimed, read, tries).await
}

/// What to do with the claimed blob after the read.
async fn after(
    run: &Run,
    origin: &Origin<'_>,
    blob: &Descriptor,
    mut claimed: ClaimedBlob,
    read: Option<Read>,
    tries: &mut Tries,
) -> Option<Failed> {
    let source = &*origin.reading.source;
    let error = match read {
        Some(Read::Delivered(Ok(()))) => {
            complete(run, claimed, blob, BlobOutcome::Copied).await;
            return None;
        }
        Some(Read::Refused(error, _))
            if error.kind() == Some(ErrorKind::NotFound) && !blob.is_kept_by_registries() =>
        {
            claimed.leave_out(run, blob);
            return None;
        }
        Some(Read::Refused(error, kept)) => {
            claimed.begun = kept.map_or(Begun::Nothing, Begun::Kept);
            if origin.gathering.is_some() {
                // The shared read has used the tries already, for all its targets.
                tries.of_reads.spend();
            }
            error
        }
        Some(Read::Delivered(Err(error))) => {
            // The tries to resume are used up already.
            match error.side {
                Side::Target => tries.at_target.spend(),
                Side::Source if origin.gathering.is_some() && error.kind() != Some(ErrorKind::Mismatch) => {
                    tries.of_reads.spend();
                }
                Side::Source => {}
            }
            error
        }
        // The task that led the read panicked, and reported that.
        None => {
            let cause = Cause::Panic("the read of a blob that others shared was given up".to_owned());
            let (place, operation) = (source.name().to_owned(), Operation::ReadBlob(blob.digest.clone()));
            Arc::new(Error { side: Side::Source, place, operation, cause })
        }
    };
    Some((claimed, error))
}

/// Reads a blob for one target.
async fn read_alone(
    run: &Run,
    origin: &Origin<'_>,
    blob: &Descriptor,
    delivery: Delivery,
    reader: Option<Result<Box<dyn BlobRead>, EndpointError>>,
    tries: &mut Tries,
) -> Read {
    let reader = match reader {
        Some(reader) => reader,
        None => origin.reading.read(run, blob).await,
    };
    let transfer = Transfer::new(run, &*origin.reading.source, blob);
    match reader {
        Ok(reader) => Read::Delivered(transfer.deliver_one(reader, delivery, &mut tries.of_reads).await),
        Err(error) => refused(delivery, transfer.source_error(error)).await,
    }
}

/// The source did not begin to deliver the blob. If a retry may succeed, keeps the upload session without its place:
/// a source that asks for a pause then costs the target no request.
async fn refused(delivery: Delivery, error: Error) -> Read {
    let Delivery { upload, .. } = delivery;
    if error.is_retryable() {
        return Read::Refused(Arc::new(error), Some(upload));
    }
    upload.cancel().await;
    Read::Refused(Arc::new(error), None)
}

/// Opens the upload session if it is not open yet. For a large blob this comes before the read, so that the read
/// never waits for a target. `None` if the target turned out to have the blob.
async fn open(
    run: &Run,
    claimed: ClaimedBlob,
    way: Way,
    blob: &Descriptor,
) -> Result<Option<(ClaimedBlob, OpenUpload)>, Failed> {
    let target = claimed.copy.target.clone();
    let (started, if_there) = match way {
        Way::Opened(upload) | Way::Kept(upload) => return Ok(Some((claimed, upload))),
        Way::Unknown => (target.mount(&blob.digest, target.repository()).await, BlobOutcome::Present),
        Way::HadElsewhere(from) => {
            let started = target.mount_remembered(&blob.digest, &from).await;
            if matches!(started, Ok(Mount::Upload(_))) {
                run.state.forget_holder(&*target, &blob.digest, &from);
            }
            (started, BlobOutcome::Mounted)
        }
        Way::Needed => (target.start_upload(Some(&blob.digest)).await, BlobOutcome::Mounted),
        // A damaged blob would be damaged in every repository it is mounted from.
        Way::Plain | Way::Damaged(_) => (target.start_upload(None).await, BlobOutcome::Mounted),
    };
    match started {
        Ok(Mount::Upload(upload)) => Ok(Some((claimed, run.opened(upload)))),
        Ok(Mount::Mounted) => {
            if if_there == BlobOutcome::Present {
                claimed.copy.ledger.note_self_mount(true);
            }
            complete(run, claimed, blob, if_there).await;
            Ok(None)
        }
        Err(cause) => {
            let error = claimed.copy.target_error(Operation::StartBlob(blob.digest.clone()), cause);
            Err((claimed, Arc::new(error)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::fixtures::{broken, wrong_bytes};

    #[test]
    fn wrong_bytes_broken_reads_and_the_target_have_tries_of_their_own() {
        let at_target = || Error { side: Side::Target, ..broken() };
        let mut tries = Tries::new(1);
        for failure in [wrong_bytes(), broken(), at_target()] {
            let mut again = || tries.that_count(&failure).next(&failure).is_some();
            assert_eq!([again(), again()], [true, false], "{failure}");
        }
        tries.of_reads.progressed();
        let left = [wrong_bytes(), broken(), at_target()]
            .map(|failure| tries.that_count(&failure).next(&failure).is_some());
        assert_eq!(left, [false, true, false], "only what moved counts anew");
    }
}
