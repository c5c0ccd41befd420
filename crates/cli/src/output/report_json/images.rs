//! Merges the entries of one image in several reports.

use crate::output::record::{Ended, ImageRecord};

/// The name of an image, the same in all reports.
pub(super) fn name(image: &ImageRecord) -> String {
    format!("{}\0{}", image.target, image.source)
}

/// Merges two entries of an image, regardless of order: the better result wins, and the amounts are summed.
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

/// `unchanged` ranks behind `copied`: a later run reports an image that an earlier run copied as unchanged.
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

/// For equal results, the texts decide, so that the order of files does not matter. The summed amounts are ignored.
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
