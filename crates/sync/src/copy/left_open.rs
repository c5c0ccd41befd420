//! The end of uploads that a run leaves open: they are cancelled, unless the next run goes on with them. Of those a run that was
//! stopped tells how much stays.

use super::open_upload::{Abandoned, AbandonedUploads, Remembered};
use crate::Event;
use crate::engine::run::Run;

/// Ends all that was dropped open.
pub(crate) async fn end_uploads(abandoned: AbandonedUploads, run: &Run) {
    abandoned.end(|abandoned| end(run, abandoned)).await;
}

async fn end(run: &Run, abandoned: Abandoned) {
    match abandoned {
        Abandoned::ToCancel(upload) => upload.cancel().await,
        // Who stops a run wants to know what is lost of it. In one that came to its end nobody asks.
        Abandoned::Left(remembered, had) if run.deadline.is_set() => tell(run, remembered, had).await,
        Abandoned::Left(..) => {}
    }
}

/// Asks the target what it has, as the run does that goes on, and tells what came since it had so many bytes.
async fn tell(run: &Run, remembered: Box<Remembered>, had: u64) {
    let Remembered { image, target, blob } = *remembered;
    let (Some(left), Some(uploads)) = (run.state.upload(&*target, &blob.digest), target.kept_uploads())
    else {
        return;
    };
    if let Ok(Some(upload)) = uploads.reopen(&left.saved, blob.size).await {
        let bytes = upload.confirmed().saturating_sub(had);
        run.tell(&Event::BlobLeft { image, digest: blob.digest, bytes });
    }
}
