//! What a run did: every planned image with how it ended, and the sums.

pub(crate) mod amounts;
pub(crate) mod event;
pub(crate) mod image;

use std::sync::Arc;
use std::time::Duration;

use oci::Digest;

use crate::{Amounts, Error, Image};

/// How one image ended.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// It stands at the target now.
    Copied {
        /// Its digest there.
        digest: Digest,
        /// Its digest at the source, where platforms were left out: then the two differ.
        cut_from: Option<Digest>,
    },
    /// It would have been copied, had this not been a dry run.
    WouldCopy,
    /// Nothing had to be done.
    Skipped(SkipReason),
    /// It could not be copied. What the target had before is untouched.
    Failed(Arc<Error>),
    /// The run was stopped before.
    NotDone,
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
    /// The platform filter leaves nothing of it.
    NoPlatform,
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

/// A rule that could not be turned into images.
#[derive(Debug)]
pub struct RuleFailure {
    /// Which rule, counted from 0 in the order in which they were given.
    pub rule: usize,
    /// Registry and repository of the rule's source.
    pub source: Arc<str>,
    /// Why.
    pub error: Arc<Error>,
}

/// All that a run did.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Every planned image, in the order in which they ended.
    pub images: Vec<ImageReport>,
    /// Rules that gave no images because something failed.
    pub failed_rules: Vec<Arc<RuleFailure>>,
    /// Rules of which not all images are known because the run was stopped: counted from 0 in the order in which they
    /// were given, and sorted.
    pub unfinished_rules: Vec<usize>,
    /// Signatures, SBOMs and other referrers that were left behind because no rule wanted them, as far as listings of
    /// whole repositories tell how many there are.
    pub unwanted_referrers: u64,
    /// How long the run took.
    pub took: Duration,
}

impl Report {
    /// What was moved for all images together.
    pub fn amounts(&self) -> Amounts {
        self.images.iter().map(|image| image.amounts).sum()
    }

    /// How many signatures, SBOMs and other referrers stayed behind, as far as that is known.
    pub fn referrers_left(&self) -> u64 {
        self.amounts().referrers_left.saturating_add(self.unwanted_referrers)
    }

    /// How many images stand at the target that did not before.
    pub fn copied(&self) -> usize {
        self.count(|outcome| matches!(outcome, Outcome::Copied { .. }))
    }

    /// How many images a dry run would have copied.
    pub fn would_copy(&self) -> usize {
        self.count(|outcome| matches!(outcome, Outcome::WouldCopy))
    }

    /// How many images the platform filter left nothing of: they count as skipped, too.
    pub fn left_out(&self) -> usize {
        self.count(|outcome| matches!(outcome, Outcome::Skipped(SkipReason::NoPlatform)))
    }

    /// How many images needed nothing.
    pub fn skipped(&self) -> usize {
        self.count(|outcome| matches!(outcome, Outcome::Skipped(_)))
    }

    /// How many images failed.
    pub fn failed(&self) -> usize {
        self.count(|outcome| matches!(outcome, Outcome::Failed(_)))
    }

    /// How many images were not looked at, or not finished, because the run was stopped.
    pub fn not_done(&self) -> usize {
        self.count(|outcome| matches!(outcome, Outcome::NotDone))
    }

    /// The errors of all failed images and rules.
    pub fn errors(&self) -> impl Iterator<Item = &Error> {
        let images = self.images.iter().filter_map(|image| match &image.outcome {
            Outcome::Failed(error) => Some(&**error),
            _ => None,
        });
        images.chain(self.failed_rules.iter().map(|failure| &*failure.error))
    }

    fn count(&self, wanted: impl Fn(&Outcome) -> bool) -> usize {
        self.images.iter().filter(|image| wanted(&image.outcome)).count()
    }
}
