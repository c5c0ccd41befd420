//! Lets the copies of one image to several targets share the read of a blob. A target that is ready within a short
//! time joins the read; no target waits longer for another one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::join_all;
use oci::{Descriptor, Digest};
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::reading::{KnownAtSource, Reading};
use crate::Error;
use crate::copy::delivery::{Delivered, Delivery};
use crate::copy::open_upload::OpenUpload;
use crate::copy::transfer::Transfer;
use crate::engine::backoff::Backoff;
use crate::engine::run::Run;
use crate::lock::lock;
use crate::report::worked_on::{for_all, same_work};

/// How long a read waits for other targets that may need the blob.
const GRACE: Duration = Duration::from_millis(250);

/// The blobs of one image that several targets may need.
#[derive(Default)]
pub(super) struct Gathering {
    blobs: Mutex<Blobs>,
    changed: Notify,
}

#[derive(Default)]
struct Blobs {
    by_digest: HashMap<Digest, Gathered>,
    /// Targets that reads wait for: those whose copy is running, except those that were too late for an earlier read.
    present: Vec<usize>,
}

#[derive(Default)]
struct Gathered {
    /// Targets that have joined or passed.
    heard: Vec<usize>,
    /// Targets that wait for the read to begin.
    joined: Vec<Joined>,
    known: Arc<KnownAtSource>,
}

struct Joined {
    delivery: Delivery,
    ended: oneshot::Sender<Read>,
    /// Cancelled when the copy no longer waits for the blob.
    taker: CancellationToken,
}

/// How one delivery ended.
pub(super) enum Read {
    /// The source did not begin to deliver the blob in any try. Keeps the upload session if a later try may succeed.
    Refused(Arc<Error>, Option<OpenUpload>),
    /// The blob was sent, or the upload failed with an error that another read does not fix.
    Delivered(Delivered),
}

impl Gathering {
    /// The copy to a target begins.
    pub(super) fn enter(&self, target: usize) {
        lock(&self.blobs).wait_for(target);
    }

    /// A target does not need a blob, or does not need it from this read.
    pub(super) fn pass(&self, blob: &Digest, target: usize) {
        lock(&self.blobs).hear(blob, target);
        self.changed.notify_waiters();
    }

    /// What earlier reads of a blob have shown.
    pub(super) fn known(&self, blob: &Digest) -> Arc<KnownAtSource> {
        lock(&self.blobs).by_digest.entry(blob.clone()).or_default().known.clone()
    }

    /// A target needs no more blobs of the image.
    pub(super) fn leave(&self, target: usize) {
        lock(&self.blobs).present.retain(|present| *present != target);
        self.changed.notify_waiters();
    }

    /// Delivers a blob with a read that all targets share that join in time. `None` if the read was given up. A
    /// target that was too slow for the others reads by itself.
    pub(super) async fn deliver(
        self: &Arc<Self>,
        run: &Arc<Run>,
        reading: &Arc<Reading>,
        blob: &Descriptor,
        delivery: Delivery,
        budget: &Backoff,
    ) -> Option<Read> {
        let (target, lags) = (delivery.copy.index, delivery.copy.repository.lags());
        let (ended, read) = oneshot::channel();
        let taker = CancellationToken::new();
        // When this copy gives up, or is dropped, its part of the transfer stops.
        let _taker = taker.clone().drop_guard();
        let mut joined = vec![Joined { delivery, ended, taker }];
        let leads = {
            let mut blobs = lock(&self.blobs);
            if !lags {
                blobs.wait_for(target);
            }
            blobs.hear(&blob.digest, target);
            let waiting = &mut blobs.by_digest.entry(blob.digest.clone()).or_default().joined;
            let leads = waiting.is_empty();
            if !lags {
                waiting.append(&mut joined);
            }
            leads
        };
        self.changed.notify_waiters();
        if leads || lags {
            // A separate task: the read goes on for the other targets when the first one gives up.
            let (this, run, reading) = (self.clone(), run.clone(), reading.clone());
            let (blob, budget) = (blob.clone(), budget.clone());
            tokio::spawn(same_work(async move {
                let joined = if joined.is_empty() { this.gather(&blob.digest).await } else { joined };
                let is_shared = joined.len() > 1;
                let read = this.read_for(&run, &reading, &blob, joined, budget);
                if is_shared { for_all(read).await } else { read.await }
            }));
        }
        read.await.ok()
    }

    /// Waits until every target has joined or passed, or the time is over; returns the joined ones.
    async fn gather(&self, blob: &Digest) -> Vec<Joined> {
        let until = Instant::now() + GRACE;
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if lock(&self.blobs).missing(blob).is_empty() {
                break;
            }
            if tokio::time::timeout_at(until, changed).await.is_err() {
                let mut blobs = lock(&self.blobs);
                let late = blobs.missing(blob);
                blobs.present.retain(|present| !late.contains(present));
                break;
            }
        }
        let mut blobs = lock(&self.blobs);
        blobs.by_digest.get_mut(blob).map(|gathered| std::mem::take(&mut gathered.joined)).unwrap_or_default()
    }

    /// Reads a blob once for all targets that have joined, with shared retries if the source refuses.
    async fn read_for(
        self: &Arc<Self>,
        run: &Run,
        reading: &Reading,
        blob: &Descriptor,
        joined: Vec<Joined>,
        mut budget: Backoff,
    ) {
        let takers: Vec<_> = joined.iter().map(|joined| joined.taker.clone()).collect();
        let watchers: Vec<_> = joined.iter().map(|joined| joined.delivery.watcher()).collect();
        let transfer = Transfer::new(run, &*reading.source, blob);
        let read = || reading.read(run, blob).boxed();
        let reader = tokio::select! {
            reader = transfer.begin_read(&watchers, &mut budget, &read) => reader,
            _ = join_all(takers.iter().map(CancellationToken::cancelled)) => return,
        };
        let reader = match reader {
            Ok(reader) => reader,
            Err(error) => {
                // In parallel: a target that hangs does not delay the others.
                join_all(joined.into_iter().map(|joined| self.refuse(blob, joined, error.clone()))).await;
                return;
            }
        };
        let deliveries = joined.into_iter().map(|Joined { delivery, ended, taker }| {
            let (this, digest, target) = (self.clone(), blob.digest.clone(), delivery.copy.index);
            delivery.taken_by(taker, move |delivered| {
                if delivered.is_err() {
                    lock(&this.blobs).forget(&digest, target);
                }
                let _ = ended.send(Read::Delivered(delivered));
            })
        });
        transfer.deliver(reader, deliveries.collect(), &mut budget).await;
    }

    async fn refuse(&self, blob: &Descriptor, joined: Joined, error: Arc<Error>) {
        let Joined { delivery, ended, taker } = joined;
        lock(&self.blobs).forget(&blob.digest, delivery.copy.index);
        let Delivery { upload, .. } = delivery;
        // The end of the run cancels all open sessions.
        if !error.is_stopped() {
            tokio::select! {
                () = upload.cancel() => {}
                () = taker.cancelled() => {}
            }
        }
        let _ = ended.send(Read::Refused(error, None));
    }
}

impl Blobs {
    fn hear(&mut self, blob: &Digest, target: usize) {
        let heard = &mut self.by_digest.entry(blob.clone()).or_default().heard;
        if !heard.contains(&target) {
            heard.push(target);
        }
    }

    /// The target did not get the blob: it may join again.
    fn forget(&mut self, blob: &Digest, target: usize) {
        if let Some(gathered) = self.by_digest.get_mut(blob) {
            gathered.heard.retain(|heard| *heard != target);
        }
    }

    fn wait_for(&mut self, target: usize) {
        if !self.present.contains(&target) {
            self.present.push(target);
        }
    }

    /// The targets that may still ask for a blob.
    fn missing(&self, blob: &Digest) -> Vec<usize> {
        let heard = self.by_digest.get(blob).map(|gathered| &gathered.heard[..]).unwrap_or_default();
        self.present.iter().copied().filter(|target| !heard.contains(target)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_that_did_not_get_a_blob_are_waited_for_again() {
        let (mut blobs, blob) = (Blobs::default(), Digest::sha256(b"blob"));
        for target in 0..3 {
            blobs.wait_for(target);
            blobs.hear(&blob, target);
        }
        assert!(blobs.missing(&blob).is_empty());
        blobs.forget(&blob, 0);
        blobs.forget(&blob, 2);
        assert_eq!(blobs.missing(&blob), [0, 2]);
        blobs.hear(&blob, 2);
        assert_eq!(blobs.missing(&blob), [0], "the other one may join the read");
    }
}
