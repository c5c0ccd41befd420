//! One image with its result, in the form of reports: stored outside of memory during a run.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use sync::{ImageReport, Outcome, SkipReason};

use super::failure::{Failure, explain};
use super::left_out;

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ImageRecord {
    /// The source's text of the rule.
    #[serde(default)]
    pub(crate) rule: Option<String>,
    pub(crate) source: String,
    pub(crate) target: String,
    pub(crate) outcome: Ended,
    /// Why it was skipped, or a note about it.
    #[serde(default)]
    pub(crate) note: Option<Cow<'static, str>>,
    #[serde(default)]
    pub(crate) digest: Option<String>,
    /// `None` if unknown. It differs from `digest` if an index was rewritten, or if the target has equivalent content in other bytes.
    #[serde(default)]
    pub(crate) source_digest: Option<String>,
    /// The digest that the tag pointed to at the target before, if it was another one.
    #[serde(default)]
    pub(crate) replaced_digest: Option<String>,
    #[serde(default)]
    pub(crate) bytes_moved: u64,
    #[serde(default)]
    pub(crate) bytes_mounted: u64,
    #[serde(default)]
    pub(crate) bytes_present: u64,
    #[serde(default)]
    pub(crate) referrers: u64,
    /// Referrers of the whole image and of its children that were not copied.
    #[serde(default)]
    pub(crate) referrers_left: u64,
    #[serde(default)]
    pub(crate) seconds: f64,
    #[serde(default)]
    pub(crate) attempts: u64,
    #[serde(default)]
    pub(crate) worker: Option<String>,
    #[serde(default)]
    pub(crate) error: Option<Failure>,
}

/// The result of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Ended {
    Copied,
    Unchanged,
    Skipped,
    Failed,
    NotDone,
    /// In a dry run.
    WouldCopy,
}

impl ImageRecord {
    /// `tried_again`: the number of retries of its steps.
    pub(super) fn new(ended: &ImageReport, rule: Option<&str>, tried_again: u64) -> Self {
        let (outcome, note) = outcome(&ended.outcome);
        let left_out = match &ended.outcome {
            Outcome::Copied { left_out, .. } => left_out::words(*left_out),
            _ => None,
        };
        let (digest, source_digest) = match &ended.outcome {
            Outcome::Copied { digest, at_source, .. } => (Some(digest), Some(at_source)),
            Outcome::Skipped(SkipReason::Unchanged(digest)) => (Some(digest), None),
            Outcome::Skipped(
                SkipReason::SameContent { at_target, at_source } | SkipReason::Kept { at_target, at_source },
            ) => (Some(at_target), Some(at_source)),
            Outcome::Verified(verdict) => (verdict.digest.as_ref(), None),
            _ => (None, None),
        };
        let replaced_digest = match &ended.outcome {
            Outcome::Copied { replaced, .. } => replaced.as_ref(),
            _ => None,
        };
        let error = match &ended.outcome {
            Outcome::Failed(error) => Some(explain(error)),
            _ => None,
        };
        let was_begun = outcome != Ended::NotDone || !ended.took.is_zero();
        Self {
            rule: rule.map(str::to_owned),
            source: ended.image.source_name(),
            target: ended.image.target_name(),
            outcome,
            note: note.map(Cow::Borrowed).or(left_out.map(Cow::Owned)),
            digest: digest.map(ToString::to_string),
            source_digest: source_digest.map(ToString::to_string),
            replaced_digest: replaced_digest.map(ToString::to_string),
            bytes_moved: ended.amounts.moved_bytes,
            bytes_mounted: ended.amounts.mounted_bytes,
            bytes_present: ended.amounts.present_bytes,
            referrers: ended.amounts.referrers,
            referrers_left: ended.amounts.referrers_left,
            seconds: ended.took.as_secs_f64(),
            attempts: u64::from(was_begun) + tried_again,
            worker: None,
            error,
        }
    }
}

const KEPT: &str = "the target has another digest, which the rule keeps";

fn outcome(outcome: &Outcome) -> (Ended, Option<&'static str>) {
    match outcome {
        Outcome::Copied { .. } => (Ended::Copied, None),
        Outcome::Skipped(SkipReason::Unchanged(_)) => (Ended::Unchanged, None),
        Outcome::Skipped(SkipReason::SameContent { .. }) => {
            (Ended::Unchanged, Some("same content, another digest"))
        }
        Outcome::Skipped(SkipReason::Kept { .. }) => (Ended::Skipped, Some(KEPT)),
        Outcome::Skipped(SkipReason::NoPlatform) => (Ended::Skipped, Some("no wanted platform")),
        Outcome::Skipped(SkipReason::NotInSample) => (Ended::Skipped, Some("not in the sample")),
        // The findings of a verification have their own document.
        Outcome::Verified(verdict) if verdict.is_whole() => (Ended::Unchanged, None),
        Outcome::Verified(verdict) if verdict.is_well() => (Ended::Skipped, Some(KEPT)),
        Outcome::WouldCopy(_) => (Ended::WouldCopy, None),
        Outcome::Failed(_) | Outcome::Verified(_) => (Ended::Failed, None),
        Outcome::NotDone => (Ended::NotDone, None),
    }
}
