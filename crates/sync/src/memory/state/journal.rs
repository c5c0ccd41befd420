//! Keeps the record of one upload true while it is sent.

use std::sync::{Arc, Mutex};

use oci::{Digest, HashState, HashTrail};

use crate::endpoint::UploadWatch;

use super::State;
use crate::endpoint::{Target, Upload};
use crate::lock::lock;

/// The hashing's state is kept whenever so many bytes more were read: what a kill costs in reading.
pub(crate) const STRIDE: u64 = 8 << 20;
/// The last state may be ahead of what the registry has: bytes wait in queues and sockets.
const STATES: usize = 3;

/// The record of one upload. Without state nothing is kept.
pub(crate) struct Journal {
    state: State,
    target: Arc<dyn Target>,
    blob: Digest,
    watch: Box<dyn UploadWatch>,
    trail: SharedTrail,
}

/// Where the hashing of a blob stood. It is of the blob, whatever session its bytes go to.
pub(crate) type SharedTrail = Arc<Mutex<HashTrail>>;

/// The trail of a blob of which nothing was sent yet.
pub(crate) fn new_trail() -> HashTrail {
    HashTrail::of_the_end(STATES)
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
