//! The result for one image.

use std::sync::Arc;
use std::time::Duration;

use oci::Digest;

use crate::{Action, Amounts, Error, Image, Verdict};

/// The result for one image.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// The target has it now.
    Copied {
        /// Its digest there.
        digest: Digest,
        /// Its digest at the source: another one if the index was rewritten, or a referrers list completed.
        at_source: Digest,
        /// The digest that the reference had before, if it was another one.
        replaced: Option<Digest>,
        /// What the target does not get.
        left_out: LeftOut,
    },
    /// A run that copies would have copied it.
    WouldCopy(Action),
    /// Nothing had to be done.
    Skipped(SkipReason),
    /// It was verified.
    Verified(Arc<Verdict>),
    /// It could not be copied. The target's reference is unchanged.
    Failed(Arc<Error>),
    /// The run was stopped before.
    NotDone,
}

/// Children of an index that its target does not get.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// How many were left out for their platforms.
    pub platforms: usize,
    /// How many attestations the target refuses.
    pub attestations: usize,
}

/// Why an image needed nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SkipReason {
    /// The target already has it, with this digest.
    Unchanged(Digest),
    /// The target has a copy with the same content and another digest, as some tools make. `--force` makes it exact.
    SameContent {
        /// Its digest at the target.
        at_target: Digest,
        /// Its digest at the source.
        at_source: Digest,
    },
    /// The target has the reference with another digest, which the rule keeps.
    Kept {
        /// Its digest at the target.
        at_target: Digest,
        /// Its digest at the source.
        at_source: Digest,
    },
    /// No platform of it is wanted.
    NoPlatform,
    /// It is not in the sample of a verification.
    NotInSample,
}

/// One image with its result.
#[derive(Clone, Debug)]
pub struct ImageReport {
    /// The image.
    pub image: Arc<Image>,
    /// The first rule that selected it, counted from 0.
    pub rule: usize,
    /// The result.
    pub outcome: Outcome,
    /// How much was transferred for it.
    pub amounts: Amounts,
    /// How long it was processed.
    pub took: Duration,
}
