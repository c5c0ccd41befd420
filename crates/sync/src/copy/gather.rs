//! Where the ways of one image to several targets meet to share the read of a blob: whoever is ready within a short time
//! joins, and nobody waits longer for anybody.

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

/// So long a read waits for other targets that may need it, too.
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
    /// Targets that are waited for: those whose way has begun and not ended, but for who was too late before.
    present: Vec<usize>,
}

#[derive(Default)]
struct Gathered {
    /// Targets that have said what they need of it.
    heard: Vec<usize>,
    /// Those whose read has not begun.
    joined: Vec<Joined>,
    known: Arc<KnownAtSource>,
}

struct Joined {
    delivery: Delivery,
    ended: oneshot::Sender<Read>,
    /// Cancelled when nobody waits for it any more.
    taker: CancellationToken,
}

/// How one delivery ended.
pub(super) enum Read {
    /// The source did not begin to give the blob, however often it was asked. The upload is kept where it may yet.
    Refused(Arc<Error>, Option<OpenUpload>),
    /// It was sent, or what stood against it cannot be helped by trying to read on.
    Delivered(Delivered),
}

impl Gathering {
    /// The way to a target begins.
    pub(super) fn enter(&self, target: usize) {
        lock(&self.blobs).wait_for(target);
    }

    /// A target does not need a blob, or not from here.
    pub(super) fn pass(&self, blob: &Digest, target: usize) {
        lock(&self.blobs).hear(blob, target);
        self.changed.notify_waiters();
    }

    /// What reads of a blob show.
    pub(super) fn known(&self, blob: &Digest) -> Arc<KnownAtSource> {
        lock(&self.blobs).by_digest.entry(blob.clone()).or_default().known.clone()
    }

    /// A target needs nothing more of the image.
    pub(super) fn leave(&self, target: usize) {
        lock(&self.blobs).present.retain(|present| *present != target);
        self.changed.notify_waiters();
    }

    /// Delivers a blob with a read that is shared by all who come in time. `None` where it was given up. A target that others
    /// could not wait for reads by itself.
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
        // Whoever gives up, or is given up, stops what moves for it.
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
            // A task of its own: the read goes on for the others when the first of them gives up.
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

    /// Waits until every target has joined or passed, or the time is over; takes those that have joined.
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

    /// Reads a blob once for all who have joined. A source that refuses is asked again once for all.
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
                // Each for itself: a target that hangs keeps no other waiting.
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
        // At the run's end all that is open is cancelled.
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

    /// What a target needed did not come: it may join again.
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

    /// The targets that may still come for a blob.
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
