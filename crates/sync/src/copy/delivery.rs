//! An upload that a read is for, and who hears how that ended.

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

/// An upload and whom it is for.
pub(crate) struct Delivery {
    pub(crate) copy: Arc<ImageCopy>,
    pub(crate) upload: OpenUpload,
    /// Tries that are left.
    pub(crate) budget: Backoff,
    /// Where the hashing stood, in what the target has of an earlier run.
    pub(crate) trail: SharedTrail,
    pub(crate) place: Arc<Place>,
    /// The right among all processes to send it.
    pub(crate) lease: HeldLease,
}

/// A delivery with whoever hears how it ended: at once, and whatever becomes of the others.
pub(crate) struct Told {
    pub(super) delivery: Delivery,
    /// Cancelled when nobody waits for it any more: its upload is given up then.
    pub(super) taker: CancellationToken,
    pub(super) on_end: Box<dyn FnOnce(Delivered) + Send>,
}

/// How a delivery ended. Where the source is the reason that an upload failed, the error is the source's.
pub(crate) type Delivered = Result<(), Arc<Error>>;

/// Somebody who waits when a store has to be waited for.
pub(crate) struct Watcher {
    copy: Arc<ImageCopy>,
    /// Gone when its upload has ended.
    place: Weak<Place>,
    lease: HeldLease,
}

impl Delivery {
    /// Has `on_end` hear how it ended, unless `taker` is cancelled before.
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
    /// Waits before a failed step is tried again. Others have the place meanwhile, and the lease where that takes long. `None`
    /// where the upload has ended.
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
