//! Goes on with uploads that an earlier run left behind.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures_util::future::join_all;
use registry::Descriptor;

use super::blob::{Carrier, complete};
use crate::backoff::Backoff;
use crate::endpoint::{BlobRead, Source};
use crate::open_upload::OpenUpload;
use crate::run::Run;
use crate::state::LeftUpload;
use crate::transfer::{Delivery, Transfer};
use crate::{BlobOutcome, Error, Event, Operation};

/// Brings the blob to those carriers whose target has a part of it; gives back all whose blob is still to be brought.
pub(super) async fn go_on(
    run: &Run,
    source: &dyn Source,
    blob: &Descriptor,
    carriers: Vec<Carrier>,
) -> Vec<Carrier> {
    let tried = join_all(carriers.into_iter().map(async |carrier| {
        match run.state.upload(&*carrier.lane.target, &blob.digest) {
            Some(open) => go_on_with(run, source, blob, carrier, open).await,
            None => Some(carrier),
        }
    }));
    tried.await.into_iter().flatten().collect()
}

/// `None` where nothing is left to be done: the blob is there, or the lane has failed and may go on in another run.
async fn go_on_with(
    run: &Run,
    source: &dyn Source,
    blob: &Descriptor,
    mut carrier: Carrier,
    open: LeftUpload,
) -> Option<Carrier> {
    let lane = carrier.lane.clone();
    let reopened = reopen(run, blob, &carrier, &open).await.map_err(|error| lane.fail(error)).ok()?;
    let Some(upload) = reopened else {
        // It may have come to its end when nobody was there to hear it.
        carrier.may_be_there = true;
        run.state.upload_ended(&*lane.target, &blob.digest);
        return Some(carrier);
    };
    let _place = run.places.take(blob, 1).await;
    let confirmed = upload.confirmed();
    let reader = read(run, source, blob, &carrier, &open, confirmed).await;
    let reader = reader.map_err(|error| lane.fail(error)).ok()?;
    run.tell(&Event::BlobStarted {
        image: lane.image.clone(),
        digest: blob.digest.clone(),
        size: blob.size.map(|size| size.saturating_sub(confirmed)),
    });
    let budget = Backoff::new(run.retries);
    let delivery = Delivery { lane: lane.clone(), upload, budget, states: open.states };
    let mut read_budget = Backoff::new(run.retries);
    let delivered = Transfer::new(run, source, blob).deliver(reader, vec![delivery], &mut read_budget).await;
    match delivered.into_iter().next()? {
        Ok(()) => {
            complete(run, carrier, blob, BlobOutcome::Copied);
            // All of it counts as moved there; what the target had is not.
            run.moved_bytes.fetch_sub(confirmed.min(blob.size.unwrap_or(0)), Ordering::Relaxed);
            run.saved_bytes.fetch_add(confirmed, Ordering::Relaxed);
            None
        }
        // What was kept may have been wrong. It is forgotten by now, and the blob begins anew.
        Err(error) if !error.is_retryable() => Some(carrier),
        Err(error) => {
            lane.fail(error);
            None
        }
    }
}

/// Finds out what the target has. `None` where that is of no use.
async fn reopen(
    run: &Run,
    blob: &Descriptor,
    carrier: &Carrier,
    open: &LeftUpload,
) -> Result<Option<OpenUpload>, Arc<Error>> {
    let lane = &carrier.lane;
    let step = async || {
        let reopened = lane.target.reopen_upload(&open.saved, blob.size).await;
        let reopened = reopened.map(|upload| upload.map(|upload| run.opened(upload)));
        reopened.map_err(|cause| lane.target_error(Operation::StartBlob(blob.digest.clone()), cause))
    };
    match run.retrying(&lane.image, step).await {
        Ok(Some(upload)) if upload.confirmed() == 0 => {
            upload.cancel().await;
            Ok(None)
        }
        // What forbids to go on may not forbid to begin.
        Err(error) if !error.is_retryable() => Ok(None),
        other => other,
    }
}

async fn read(
    run: &Run,
    source: &dyn Source,
    blob: &Descriptor,
    carrier: &Carrier,
    open: &LeftUpload,
    confirmed: u64,
) -> Result<Box<dyn BlobRead>, Arc<Error>> {
    let transfer = Transfer::new(run, source, blob);
    let step = async || {
        let reader = source.blob_from(blob, confirmed, open.state_before(confirmed)).await;
        reader.map_err(|cause| transfer.source_error(cause))
    };
    run.retrying(&carrier.lane.image, step).await
}
