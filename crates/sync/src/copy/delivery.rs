//! An upload that a read feeds, and the callback that receives its result.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::held_lease::HeldLease;
use super::open_upload::OpenUpload;
use crate::Error;
use crate::engine::Place;
use crate::engine::backoff::Backoff;
use crate::engine::run::{ImageCopy, Run};
use crate::memory::state::SharedTrail;

/// An upload and the copy that it is for.
pub(crate) struct Delivery {
    pub(crate) copy: Arc<ImageCopy>,
    pub(crate) upload: OpenUpload,
    /// The retries that are left.
    pub(crate) budget: Backoff,
    /// The hash states at offsets of the upload, for a later resume.
    pub(crate) trail: SharedTrail,
    pub(crate) place: Arc<Place>,
    /// The lease among all processes to send the blob.
    pub(crate) lease: HeldLease,
}

/// A delivery with its callback, which runs as soon as this delivery ends, independent of the others.
pub(crate) struct Told {
    pub(super) delivery: Delivery,
    /// Cancelled when no task waits for the delivery any more; its upload is then given up.
    pub(super) taker: CancellationToken,
    pub(super) on_end: Box<dyn FnOnce(Delivered) + Send>,
}

/// How a delivery ended. If an upload failed because of the source, the error is the source's.
pub(crate) type Delivered = Result<(), Arc<Error>>;

/// Pauses a copy while its source or target has to be waited for.
pub(crate) struct Watcher {
    copy: Arc<ImageCopy>,
    /// Dangling when the upload has ended.
    place: Weak<Place>,
    lease: HeldLease,
}

impl Delivery {
    /// Passes the result to `on_end`, unless `taker` is cancelled before.
    pub(crate) fn taken_by(
        self,
        taker: CancellationToken,
        on_end: impl FnOnce(Delivered) + Send + 'static,
    ) -> Told {
        Told { delivery: self, taker, on_end: Box::new(on_end) }
    }

    pub(crate) fn watcher(&self) -> Watcher {
        Watcher { copy: self.copy.clone(), place: Arc::downgrade(&self.place), lease: self.lease.clone() }
    }
}

impl Watcher {
    /// Waits before a retry. Meanwhile other blobs use the place, and in a long wait other processes may take the
    /// lease. `None` if the upload has ended.
    pub(super) async fn pause(
        &self,
        run: &Run,
        error: Arc<Error>,
        wait: Duration,
    ) -> Option<Result<(), Arc<Error>>> {
        let place = self.place.upgrade()?;
        self.lease.wait(wait);
        Some(place.wait(run.pause(&self.copy, error, wait)).await)
    }
}
