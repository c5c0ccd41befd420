//! The end of uploads that a run leaves open: they are cancelled, unless the next run goes on with them. Of those a run that was
//! stopped tells how much stays.

use super::open_upload::{AbandonedUploads, Remembered};
use crate::Event;
use crate::engine::run::Run;

/// Ends all that was dropped open.
pub(crate) async fn end_uploads(abandoned: AbandonedUploads, run: &Run) {
    abandoned.end(|remembered, had| tell(run, remembered, had)).await;
}

/// Asks the target what it has, where somebody has stopped the run and wants to know what is lost of it, and tells what came since it had so many bytes.
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
