//! How one image ended.

use std::sync::Arc;
use std::time::Duration;

use oci::Digest;

use crate::{Action, Amounts, Error, Image, Verdict};

/// How one image ended.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// It stands at the target now.
    Copied {
        /// Its digest there.
        digest: Digest,
        /// Its digest at the source: another one where the index was rewritten, or a list of referrers completed.
        at_source: Digest,
        /// What its name pointed to there before, where that was another digest.
        replaced: Option<Digest>,
        /// What it does not have of what it has at the source.
        left_out: LeftOut,
    },
    /// Something would have been done about it, had the run done anything but look.
    WouldCopy(Action),
    /// Nothing had to be done.
    Skipped(SkipReason),
    /// It was looked at.
    Verified(Arc<Verdict>),
    /// It could not be copied. What the target had before is untouched.
    Failed(Arc<Error>),
    /// The run was stopped before.
    NotDone,
}

/// Children of an index that its target does not get.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// So many for platforms that are not wanted.
    pub platforms: usize,
    /// So many attestations that the target refuses.
    pub attestations: usize,
}

/// Why an image needed nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SkipReason {
    /// The target already has it, with this digest.
    Unchanged(Digest),
    /// The target has a copy that says the same in other bytes, as some tools leave behind. `--force` makes it exact.
    SameContent {
        /// Its digest at the target.
        at_target: Digest,
        /// And at the source.
        at_source: Digest,
    },
    /// The target has the name with another digest, which its rule wants to stay.
    Kept {
        /// Its digest at the target.
        at_target: Digest,
        /// And at the source.
        at_source: Digest,
    },
    /// The platform filter leaves nothing of it.
    NoPlatform,
    /// Chance has left it out of those that are looked at.
    NotInSample,
}

/// One image with how it ended.
#[derive(Clone, Debug)]
pub struct ImageReport {
    /// Which image.
    pub image: Arc<Image>,
    /// The rule that asked for it first, counted from 0 in the order in which they were given.
    pub rule: usize,
    /// How it ended.
    pub outcome: Outcome,
    /// What was moved for it.
    pub amounts: Amounts,
    /// How long it was in work.
    pub took: Duration,
}
