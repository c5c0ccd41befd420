//! Keeps the record of one upload up to date while it is sent.

use std::sync::Arc;

use oci::{Digest, HashState};

use super::State;
use super::trail::SharedTrail;
use crate::endpoint::{Target, Upload, UploadWatch};
use crate::lock::lock;

/// The hash state is saved after this many bytes: after a kill, up to that many have to be read again.
pub(crate) const STRIDE: u64 = 8 << 20;
/// The record of one upload. Without a state nothing is kept.
pub(crate) struct Journal {
    state: State,
    target: Arc<dyn Target>,
    blob: Digest,
    watch: Box<dyn UploadWatch>,
    trail: SharedTrail,
}

impl Journal {
    /// Begins or continues the record of `upload`; `None` if an interrupted upload cannot be resumed.
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

    /// Returns when another run can find the upload. Returns whether it can.
    pub(crate) async fn begin(&self) -> bool {
        let trail = lock(&self.trail).clone();
        self.state.upload_opened(&*self.target, &self.blob, self.watch.now(), trail).await
    }

    /// Saves the hash state of the bytes that were read so far.
    pub(crate) fn note(&self, state: &HashState) {
        let mut trail = lock(&self.trail);
        trail.note(state.clone());
        self.state.upload_went_on(&*self.target, &self.blob, self.watch.now(), trail.clone());
    }
}
