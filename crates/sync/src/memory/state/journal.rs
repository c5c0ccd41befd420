//! Keeps the record of one upload true while it is sent.

use std::sync::Arc;

use oci::{Digest, HashState};

use super::State;
use super::trail::SharedTrail;
use crate::endpoint::{Target, Upload, UploadWatch};
use crate::lock::lock;

/// The hashing's state is kept whenever so many bytes more were read: what a kill costs in reading.
pub(crate) const STRIDE: u64 = 8 << 20;
/// The record of one upload. Without state nothing is kept.
pub(crate) struct Journal {
    state: State,
    target: Arc<dyn Target>,
    blob: Digest,
    watch: Box<dyn UploadWatch>,
    trail: SharedTrail,
}

impl Journal {
    /// Begins, or goes on with, the record of `upload`; `None` where a broken one leaves nothing to go on with.
    pub(crate) fn of(
        state: &State,
        target: &Arc<dyn Target>,
        upload: &dyn Upload,
        blob: &Digest,
        size: Option<u64>,
        trail: &SharedTrail,
    ) -> Option<Self> {
        let watch = upload.watch(size).filter(|_| state.is_kept())?;
        let (state, target, trail) = (state.clone(), target.clone(), trail.clone());
        Some(Self { state, target, blob: blob.clone(), watch, trail })
    }

    /// Returns when the upload can be found by another run. Says whether it can.
    pub(crate) async fn begin(&self) -> bool {
        let trail = lock(&self.trail).clone();
        self.state.upload_opened(&*self.target, &self.blob, self.watch.now(), trail).await
    }

    /// The blob was read so far, and is on its way.
    pub(crate) fn note(&self, state: &HashState) {
        let mut trail = lock(&self.trail);
        trail.note(state.clone());
        self.state.upload_went_on(&*self.target, &self.blob, self.watch.now(), trail.clone());
    }
}
