//! Ends the upload sessions that a run leaves open: cancels those that the next run does not resume. A stopped run
//! reports how many bytes of the others stay at the target.

use super::open_upload::{AbandonedUploads, Remembered};
use crate::Event;
use crate::engine::run::Run;

/// Ends all upload sessions that were dropped open.
pub(crate) async fn end_uploads(abandoned: AbandonedUploads, run: &Run) {
    abandoned.end(|remembered, had| tell(run, remembered, had)).await;
}

/// In a stopped run, asks the target how many bytes it has, and reports how many came in addition to `had`.
async fn tell(run: &Run, remembered: Box<Remembered>, had: u64) {
    if !run.deadline.is_set() {
        return;
    }
    let Remembered { image, target, blob } = *remembered;
    let (Some(left), Some(uploads)) = (run.state.upload(&*target, &blob.digest), target.kept_uploads())
    else {
        return;
    };
    if let Ok(Some(confirmed)) = uploads.confirmed(&left.saved, blob.size).await {
        let bytes = confirmed.saturating_sub(had);
        run.tell(&Event::BlobLeft { image, digest: blob.digest, bytes });
    }
}
