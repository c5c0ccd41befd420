//! Brings one blob to a copy's target.
//!
//! Cheapest first: known to be there, mounted from another repository, and only then sent.

use std::sync::{Arc, Mutex};

use oci::{Descriptor, ErrorKind};

use super::claimed_blob::{ClaimedBlob, complete, finished};
use super::gather::{Gathering, Read};
use super::held_lease::HeldLease;
use super::left_upload;
use super::look::{Looked, Way, look};
use super::mount::{Asked, mount};
use super::reading::Reading;
use super::right_to_send::{Right, right_to_send};
use super::walk::Walk;
use crate::copy::delivery::Delivery;
use crate::copy::open_upload::OpenUpload;
use crate::copy::transfer::Transfer;
use crate::endpoint::{BlobRead, EndpointError, Mount};
use crate::engine::backoff::Backoff;
use crate::engine::run::{ImageCopy, Run};
use crate::engine::{Place, is_small};
use crate::memory::ledger::{Claim, Kind, Why};
use crate::memory::state::new_trail;
use crate::{BlobOutcome, Cause, Error, Event, Operation, Side};

/// A claimed that met an error.
type Failed = (ClaimedBlob, Arc<Error>);

/// Sees to it that the copy's target has the blob; where that fails, so has the copy.
pub(super) async fn ensure_blob(walk: &Walk, blob: &Descriptor) {
    bring_or_wait(walk, blob).await;
    if let Some(gathering) = walk.gathering() {
        gathering.pass(&blob.digest, walk.copy.index);
    }
}

async fn bring_or_wait(walk: &Walk, blob: &Descriptor) {
    let from = From { gathering: walk.gathering(), reading: Arc::new(reading(walk, blob)) };
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
                let claimed = ClaimedBlob::new(run, copy.clone(), claim, from.reading.source.clone());
                match mount(run, blob, claimed).await {
                    Asked::Mounted => return,
                    Asked::Needed(claimed) => return bring(run, &from, blob, *claimed).await,
                    Asked::Waits { waiting, declined: so_often } => {
                        declined = so_often;
                        waiting
                    }
                }
            }
        };
        // Nothing is claimed any more: only then may this wait for others.
        match copy.activity.wait_for_others(waiting.done(&*from.reading.source)).await {
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

/// Where the blob comes from.
struct From<'a> {
    /// Where targets meet that may need it; `None` where there is one.
    gathering: Option<&'a Arc<Gathering>>,
    reading: Arc<Reading>,
}

/// Tries until the blob is there, or the claimed must give up.
async fn bring(run: &Arc<Run>, from: &From<'_>, blob: &Descriptor, mut claimed: ClaimedBlob) {
    // What breaks off goes on, and counts anew whenever something moved. Wrong bytes are read anew from the
    // beginning, which never counts anew.
    let (mut beginnings, mut read_budget) = (Backoff::new(run.retries), Backoff::new(run.retries));
    let source = &*from.reading.source;
    loop {
        if let Some(left) = left_upload::take(run, blob, &mut claimed) {
            match left_upload::go_on(run, source, blob, claimed, left).await {
                Some(from_beginning) => {
                    claimed = from_beginning;
                    claimed.lease.give_back();
                }
                None => return,
            }
            continue;
        }
        let Some((failed, error)) = attempt(run, from, blob, claimed, &mut read_budget).await else { return };
        claimed = failed;
        // Nothing of it is on its way: another process may be luckier meanwhile.
        claimed.lease.give_back();
        let wait = match (error.side, error.kind()) {
            (Side::Source, Some(ErrorKind::Mismatch)) => beginnings.next(&error),
            (Side::Source, _) => read_budget.next(&error),
            (Side::Target, _) => claimed.beginnings.next(&error),
        };
        let Some(wait) = wait else {
            let is_left_out = error.side == Side::Source && from.reading.leaves_out(run, blob, &error);
            return if is_left_out {
                claimed.leave_out(run, blob);
            } else {
                claimed.give_up(error);
            };
        };
        if let Err(stopped) = run.pause(&claimed.copy, error, wait).await {
            return claimed.copy.fail(stopped);
        }
    }
}

/// One try; gives the claimed back if it failed.
async fn attempt(
    run: &Arc<Run>,
    from: &From<'_>,
    blob: &Descriptor,
    mut claimed: ClaimedBlob,
    read_budget: &mut Backoff,
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
            carry(run, from, blob, (claimed, way), read_budget).await
        }
        Err(error) => Some((claimed, Arc::new(error))),
    }
}

/// Takes the right to send the blob. Another process may have brought it meanwhile; what is open already, and what is damaged,
/// is sent.
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
        // What the registry has disproved is not believed of anybody else either: the blob is sent.
        Right::Mount(place, _) if matches!(way, Way::Plain) => (place, way),
        // Opening the upload with a mount from here tells whether that is true.
        Right::Mount(place, holder) if holder == *copy.target.repository() => (place, Way::Unknown),
        Right::Mount(place, holder) => (place, Way::HadElsewhere(holder)),
    })
}

/// Takes a place, opens the upload and sends the blob.
async fn carry(
    run: &Arc<Run>,
    from: &From<'_>,
    blob: &Descriptor,
    (claimed, way): (ClaimedBlob, Way),
    read_budget: &mut Backoff,
) -> Option<Failed> {
    let (place, way) =
        match begin_to_send(run, (&claimed.copy.clone(), &claimed.lease.clone()), blob, way).await {
            Ok((place, way)) => (Arc::new(place), way),
            Err(stopped) => return Some((claimed, stopped)),
        };
    let is_sent_for_sure =
        matches!(way, Way::Needed | Way::Damaged(_) | Way::Plain) && from.gathering.is_none();
    let (opened, reader) = if is_sent_for_sure && is_small(blob) {
        // It waits nowhere for long, so neither side need wait for the other's answer.
        let (opened, reader) = tokio::join!(open(run, claimed, way, blob), from.reading.read(run, blob));
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
    let read = match from.gathering {
        Some(gathering) => gathering.deliver(run, &from.reading, blob, delivery, read_budget).await,
        None => Some(read_alone(run, from, blob, delivery, reader, read_budget).await),
    };
    after(run, from, blob, claimed, read, read_budget).await
}

/// What becomes of the claimed once its blob was read.
async fn after(
    run: &Run,
    from: &From<'_>,
    blob: &Descriptor,
    mut claimed: ClaimedBlob,
    read: Option<Read>,
    read_budget: &mut Backoff,
) -> Option<Failed> {
    let source = &*from.reading.source;
    let error = match read {
        Some(Read::Delivered(Ok(()))) => {
            complete(run, claimed, blob, BlobOutcome::Copied).await;
            return None;
        }
        Some(Read::Refused(error))
            if error.kind() == Some(ErrorKind::NotFound) && !blob.is_kept_by_registries() =>
        {
            claimed.leave_out(run, blob);
            return None;
        }
        Some(Read::Refused(error)) => {
            if from.gathering.is_some() {
                // The tries are used up already, for all who shared them.
                *read_budget = Backoff::new(0);
            }
            error
        }
        Some(Read::Delivered(Err(error))) => {
            // The tries to go on are used up already.
            match error.side {
                Side::Target => claimed.beginnings = Backoff::new(0),
                Side::Source if from.gathering.is_some() && error.kind() != Some(ErrorKind::Mismatch) => {
                    *read_budget = Backoff::new(0);
                }
                Side::Source => {}
            }
            error
        }
        // Whoever led the read has panicked, which is told there.
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
    from: &From<'_>,
    blob: &Descriptor,
    delivery: Delivery,
    reader: Option<Result<Box<dyn BlobRead>, EndpointError>>,
    read_budget: &mut Backoff,
) -> Read {
    let reader = match reader {
        Some(reader) => reader,
        None => from.reading.read(run, blob).await,
    };
    let transfer = Transfer::new(run, &*from.reading.source, blob);
    match reader {
        Ok(reader) => Read::Delivered(transfer.deliver_one(reader, delivery, read_budget).await),
        Err(error) => {
            let Delivery { upload, .. } = delivery;
            upload.cancel().await;
            Read::Refused(Arc::new(transfer.source_error(error)))
        }
    }
}

/// Opens the upload if it is not open yet: before a large blob's source is read, so that it never waits for a target.
/// `None` where the target turned out to have the blob.
async fn open(
    run: &Run,
    claimed: ClaimedBlob,
    way: Way,
    blob: &Descriptor,
) -> Result<Option<(ClaimedBlob, OpenUpload)>, Failed> {
    let target = claimed.copy.target.clone();
    let (started, if_there) = match way {
        Way::Opened(upload) => return Ok(Some((claimed, upload))),
        Way::Unknown => (target.mount(&blob.digest, target.repository()).await, BlobOutcome::Present),
        Way::HadElsewhere(from) => {
            let started = target.mount_remembered(&blob.digest, &from).await;
            if matches!(started, Ok(Mount::Upload(_))) {
                run.state.forget_holder(&*target, &blob.digest, &from);
            }
            (started, BlobOutcome::Mounted)
        }
        Way::Needed => (target.start_upload(Some(&blob.digest)).await, BlobOutcome::Mounted),
        // What is damaged is so wherever it could be mounted from.
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
