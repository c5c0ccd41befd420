//! Brings one blob to all lanes that need it, with one read.
//!
//! Cheapest first: known to be there, mounted from another repository, and only then sent.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures_util::future::join_all;
use registry::{Descriptor, ErrorKind};

use crate::backoff::Backoff;
use crate::endpoint::{BlobRead, Mount, Source, Upload};
use crate::fan_out::fan_out;
use crate::ledger::{Claim, Claimed, Kind};
use crate::run::{Lane, Run};
use crate::{BlobOutcome, Error, Event, Operation, Side};

/// A lane that has the right to bring the blob to its target.
struct Carrier {
    lane: Arc<Lane>,
    claim: Claimed,
}

/// What a target says before any byte moves.
enum Looked {
    Done(BlobOutcome),
    /// It declined a mount and opened an upload instead.
    Opened(Box<dyn Upload>),
    Needed,
}

/// Sees to it that every lane's target has the blob; lanes in which that fails are marked so.
pub(super) async fn ensure_blob(run: &Run, source: &dyn Source, blob: &Descriptor, lanes: Vec<Arc<Lane>>) {
    let mut pending = lanes;
    while !pending.is_empty() {
        let (mut mine, mut theirs) = (Vec::new(), Vec::new());
        for lane in pending.drain(..).filter(|lane| !lane.has_failed()) {
            match lane.ledger.claim(Kind::Blob, lane.target.repository(), &blob.digest) {
                Claim::Present => finished(run, &lane, blob, BlobOutcome::Present),
                Claim::Mine(claim) => mine.push(Carrier { lane, claim }),
                Claim::Theirs(waiting) => theirs.push((lane, waiting)),
            }
        }
        // Only when nothing is claimed any more may this wait for others.
        bring(run, source, blob, mine).await;
        for (lane, waiting) in theirs {
            waiting.done().await;
            pending.push(lane);
        }
    }
}

/// Tries until each carrier has its blob or must give up.
async fn bring(run: &Run, source: &dyn Source, blob: &Descriptor, mut carriers: Vec<Carrier>) {
    let mut backoff = Backoff::new(run.retries);
    while !carriers.is_empty() {
        let failed = attempt(run, source, blob, carriers).await;
        carriers = Vec::new();
        let Some(wait) = failed
            .iter()
            .filter(|(_, error)| error.is_retryable())
            .find_map(|(_, error)| backoff.next(error))
        else {
            for (carrier, error) in failed {
                carrier.lane.fail(error);
            }
            return;
        };
        for (carrier, error) in failed {
            if error.is_retryable() {
                run.tell(&Event::Retrying { image: carrier.lane.image.clone(), error, wait });
                carriers.push(carrier);
            } else {
                carrier.lane.fail(error);
            }
        }
        tokio::time::sleep(wait).await;
    }
}

/// One try; gives back the carriers that failed.
async fn attempt(
    run: &Run,
    source: &dyn Source,
    blob: &Descriptor,
    carriers: Vec<Carrier>,
) -> Vec<(Carrier, Arc<Error>)> {
    let mut failed = Vec::new();
    let mut waiting = Vec::new();
    let looks = join_all(carriers.iter().map(|carrier| look(carrier, blob))).await;
    for (carrier, looked) in carriers.into_iter().zip(looks) {
        match looked {
            Ok(Looked::Done(outcome)) => complete(run, carrier, blob, outcome),
            Ok(Looked::Opened(upload)) => waiting.push((carrier, Some(upload))),
            Ok(Looked::Needed) => waiting.push((carrier, None)),
            Err(error) => failed.push((carrier, Arc::new(error))),
        }
    }
    if waiting.is_empty() {
        return failed;
    }
    let Ok(_permit) = run.blobs_at_once.acquire().await else { return failed };
    let (carriers, uploads) = open(waiting, blob, &mut failed).await;
    if !carriers.is_empty() {
        send(run, source, blob, carriers, uploads, &mut failed).await;
    }
    failed
}

/// Asks the target, as cheaply as what is known allows.
async fn look(carrier: &Carrier, blob: &Descriptor) -> Result<Looked, Error> {
    let lane = &carrier.lane;
    let error = |cause| lane.target_error(Operation::StartBlob(blob.digest.clone()), cause);
    if let Some(from) = &carrier.claim.mount_from {
        let mount = lane.target.mount(&blob.digest, from).await.map_err(error)?;
        lane.ledger.note_mount(matches!(mount, Mount::Mounted));
        return Ok(match mount {
            Mount::Mounted => Looked::Done(BlobOutcome::Mounted),
            Mount::Upload(upload) => Looked::Opened(upload),
        });
    }
    if !lane.repository.was_empty() && lane.target.has_blob(&blob.digest).await.map_err(error)? {
        return Ok(Looked::Done(BlobOutcome::Present));
    }
    Ok(Looked::Needed)
}

/// Opens the uploads that are not open yet: before the source is read, so that it never waits for a target.
async fn open(
    waiting: Vec<(Carrier, Option<Box<dyn Upload>>)>,
    blob: &Descriptor,
    failed: &mut Vec<(Carrier, Arc<Error>)>,
) -> (Vec<Carrier>, Vec<Box<dyn Upload>>) {
    let opened = waiting.into_iter().map(async |(carrier, upload)| {
        let upload = match upload {
            Some(upload) => Ok(upload),
            None => carrier.lane.target.start_upload().await,
        };
        (carrier, upload)
    });
    let (mut carriers, mut uploads) = (Vec::new(), Vec::new());
    for (carrier, upload) in join_all(opened).await {
        match upload {
            Ok(upload) => {
                carriers.push(carrier);
                uploads.push(upload);
            }
            Err(cause) => {
                let error = carrier.lane.target_error(Operation::StartBlob(blob.digest.clone()), cause);
                failed.push((carrier, Arc::new(error)));
            }
        }
    }
    (carriers, uploads)
}

async fn send(
    run: &Run,
    source: &dyn Source,
    blob: &Descriptor,
    carriers: Vec<Carrier>,
    uploads: Vec<Box<dyn Upload>>,
    failed: &mut Vec<(Carrier, Arc<Error>)>,
) {
    for carrier in &carriers {
        let image = carrier.lane.image.clone();
        run.tell(&Event::BlobStarted { image, digest: blob.digest.clone(), size: blob.size });
    }
    let source_error = |cause: registry::Error| {
        let operation = Operation::ReadBlob(blob.digest.clone());
        let place = source.name().to_owned();
        Arc::new(Error { side: Side::Source, place, operation, cause: cause.into() })
    };
    let reader = match read(source, blob).await {
        Ok(reader) => reader,
        Err(cause) => {
            join_all(uploads.into_iter().map(Upload::cancel)).await;
            if cause.kind() == ErrorKind::NotFound && !blob.is_kept_by_registries() {
                for carrier in carriers {
                    finished(run, &carrier.lane, blob, BlobOutcome::LeftOut);
                }
                return;
            }
            let error = source_error(cause);
            failed.extend(carriers.into_iter().map(|carrier| (carrier, error.clone())));
            return;
        }
    };
    let lanes: Vec<_> = carriers.iter().map(|carrier| carrier.lane.clone()).collect();
    let observer = run.observer.clone();
    let transferred = fan_out(reader, blob, uploads, move |index, bytes| {
        lanes[index].moved_bytes.fetch_add(bytes, Ordering::Relaxed);
        observer.event(&Event::BytesMoved { image: lanes[index].image.clone(), bytes });
    })
    .await;
    let unreadable = transferred.read.err().map(source_error);
    for (carrier, sent) in carriers.into_iter().zip(transferred.uploads) {
        match (sent, &unreadable) {
            (Ok(()), _) => complete(run, carrier, blob, BlobOutcome::Copied),
            (Err(_), Some(error)) => failed.push((carrier, error.clone())),
            (Err(cause), None) => {
                let error = carrier.lane.target_error(Operation::SendBlob(blob.digest.clone()), cause);
                failed.push((carrier, Arc::new(error)));
            }
        }
    }
}

/// The source first; a layer that registries need not keep may be had from the addresses in its descriptor. If it
/// cannot, the source's own answer counts.
async fn read(source: &dyn Source, blob: &Descriptor) -> Result<Box<dyn BlobRead>, registry::Error> {
    let error = match source.blob(blob).await {
        Err(error) if error.kind() == ErrorKind::NotFound => error,
        other => return other,
    };
    for address in &blob.urls {
        if let Ok(reader) = source.external_blob(address, blob).await {
            return Ok(reader);
        }
    }
    Err(error)
}

fn complete(run: &Run, carrier: Carrier, blob: &Descriptor, outcome: BlobOutcome) {
    carrier.claim.complete();
    finished(run, &carrier.lane, blob, outcome);
}

fn finished(run: &Run, lane: &Lane, blob: &Descriptor, outcome: BlobOutcome) {
    let size = blob.size.unwrap_or(0);
    match outcome {
        BlobOutcome::Copied => run.moved_bytes.fetch_add(size, Ordering::Relaxed),
        BlobOutcome::Mounted | BlobOutcome::Present => run.saved_bytes.fetch_add(size, Ordering::Relaxed),
        BlobOutcome::LeftOut => 0,
    };
    let image = lane.image.clone();
    run.tell(&Event::BlobFinished { image, digest: blob.digest.clone(), size: blob.size, outcome });
}
