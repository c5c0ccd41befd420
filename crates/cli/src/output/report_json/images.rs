//! One image in several reports becomes one.

use crate::output::record::{Ended, ImageRecord};

/// What an image is called: in all reports the same.
pub(super) fn name(image: &ImageRecord) -> String {
    format!("{}\0{}", image.target, image.source)
}

/// Both reports of an image in one, whichever comes first: the better end counts, and what was done for it is summed up.
pub(super) fn joined(one: ImageRecord, other: ImageRecord) -> ImageRecord {
    let (better, worse) = if order(&one) <= order(&other) { (one, other) } else { (other, one) };
    ImageRecord {
        bytes_moved: better.bytes_moved.saturating_add(worse.bytes_moved),
        bytes_mounted: better.bytes_mounted.saturating_add(worse.bytes_mounted),
        bytes_present: better.bytes_present.max(worse.bytes_present),
        referrers: better.referrers.saturating_add(worse.referrers),
        referrers_left: better.referrers_left.max(worse.referrers_left),
        seconds: better.seconds + worse.seconds,
        attempts: better.attempts.saturating_add(worse.attempts),
        ..better
    }
}

/// A run that comes later finds what the one before has copied, and says unchanged.
fn rank(outcome: Ended) -> u8 {
    match outcome {
        Ended::Copied => 0,
        Ended::Unchanged => 1,
        Ended::WouldCopy => 2,
        Ended::Skipped => 3,
        Ended::Failed => 4,
        Ended::NotDone => 5,
    }
}

/// Where both ended alike, the texts decide, so that the order of the files does not. What is summed up has no say.
fn order(image: &ImageRecord) -> impl Ord {
    let ImageRecord { digest, source_digest, replaced_digest, note, error, rule, worker, .. } = image;
    let owned = |text: &Option<String>| text.clone();
    (
        rank(image.outcome),
        owned(digest),
        owned(source_digest),
        owned(replaced_digest),
        note.as_deref().map(str::to_owned),
        error.clone(),
        owned(rule),
        owned(worker),
    )
}
