//! A blob that a copy has claimed, from the claim to its end.

use std::sync::Arc;

use oci::Descriptor;

use super::held_lease::HeldLease;
use super::length::check_mended;
use super::open_upload::OpenUpload;
use crate::endpoint::Source;
use crate::engine::run::{ImageCopy, Run};
use crate::memory::ledger::{Came, Claimed, Failure};
use crate::{BlobOutcome, Error, Event};

/// The copy that brings the blob to its target, with its claim.
pub(super) struct ClaimedBlob {
    pub(super) copy: Arc<ImageCopy>,
    pub(super) claim: Claimed,
    /// The source of the blob.
    pub(super) source: Arc<dyn Source>,
    pub(super) earlier: EarlierUpload,
    pub(super) begun: Begun,
    /// The length of the wrong content that the target has under the blob's digest.
    pub(super) has_instead: Option<u64>,
    /// The lease among all processes to send the blob.
    pub(super) lease: HeldLease,
}

/// What is known of an upload session that an earlier run or try left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum EarlierUpload {
    /// None was found so far.
    #[default]
    NotFound,
    /// The copy tried to resume it; it does so once only.
    Tried,
    /// The session is gone: the target may have completed it when no run was listening.
    MayHaveEnded,
}

/// What the target has answered before a try to send the blob begins.
#[derive(Default)]
pub(super) enum Begun {
    #[default]
    Nothing,
    /// It declined a mount, and opened an upload session instead.
    Opened(OpenUpload),
    /// It opened an upload session for an earlier try, for which the source did not deliver a byte.
    Kept(OpenUpload),
    /// The mount failed.
    Failed(Error),
}

impl ClaimedBlob {
    pub(super) fn new(copy: Arc<ImageCopy>, claim: Claimed, source: Arc<dyn Source>) -> Self {
        let (earlier, begun, has_instead, lease) = Default::default();
        Self { copy, claim, source, earlier, begun, has_instead, lease }
    }

    /// Cancels an upload session that waited for the source in vain. A stopped run cancels its open sessions at its end.
    pub(super) async fn cancel_kept(&mut self, failure: &Error) {
        if let Begun::Kept(upload) = std::mem::take(&mut self.begun)
            && !failure.is_stopped()
        {
            upload.cancel().await;
        }
    }

    /// Fails the copy, and all waiting copies for which the source would fail in the same way.
    pub(super) fn give_up(self, error: Arc<Error>) {
        self.copy.fail(error.clone());
        if !error.is_stopped() {
            self.claim.fail(Failure::new(error, &*self.source));
        }
    }

    /// The image goes on without the blob, and so do all copies that wait for it.
    pub(super) fn leave_out(self, run: &Run, blob: &Descriptor) {
        finished(run, &self.copy, blob, BlobOutcome::LeftOut);
        self.claim.fail(Failure::left_out(&*self.source));
    }
}

pub(super) async fn complete(run: &Run, claimed: ClaimedBlob, blob: &Descriptor, outcome: BlobOutcome) {
    if claimed.has_instead.is_some()
        && let Err(error) = check_mended(run, &claimed.copy, blob).await
    {
        // The copies that wait for the blob would get the same error.
        return claimed.give_up(error);
    }
    let came = match outcome {
        BlobOutcome::Copied => Came::Sent,
        BlobOutcome::Mounted => Came::Mounted,
        BlobOutcome::Present | BlobOutcome::Read | BlobOutcome::LeftOut => Came::Found,
    };
    claimed.claim.complete(came);
    if let (Some(lease), Some(leases)) = (claimed.lease.take(), run.engine.leases()) {
        leases.done(lease).await;
    }
    run.state.note_blob(&*claimed.copy.target, &blob.digest);
    claimed.copy.ledger.note_known_blob(claimed.copy.target.repository(), &blob.digest);
    finished(run, &claimed.copy, blob, outcome);
}

pub(super) fn finished(run: &Run, copy: &ImageCopy, blob: &Descriptor, outcome: BlobOutcome) {
    copy.amounts.blob(blob.size.unwrap_or(0), outcome);
    let image = copy.image.clone();
    run.tell(&Event::BlobFinished { image, digest: blob.digest.clone(), size: blob.size, outcome });
}
