//! Sums over images: made from what is told of each image and from nothing else, so they agree with it.

use crate::{Amounts, ImageReport, Outcome, SkipReason};

/// How many images ended in which way, and what was moved for all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Images that stand at the target and did not before.
    pub copied: usize,
    /// Images that a dry run would have copied.
    pub would_copy: usize,
    /// Images that needed nothing.
    pub unchanged: usize,
    /// Images in whose place the target has others, which their rules keep.
    pub kept: usize,
    /// Images that the platform filter left nothing of.
    pub left_out: usize,
    /// Images that failed.
    pub failed: usize,
    /// Images that were not looked at, or not finished, because the run was stopped.
    pub not_done: usize,
    /// What was moved.
    pub amounts: Amounts,
}

impl Totals {
    /// Counts one more image.
    pub fn add(&mut self, ended: &ImageReport) {
        let number = match &ended.outcome {
            Outcome::Copied { .. } => &mut self.copied,
            Outcome::WouldCopy(_) => &mut self.would_copy,
            Outcome::Skipped(SkipReason::Unchanged(_) | SkipReason::SameContent { .. }) => {
                &mut self.unchanged
            }
            Outcome::Skipped(SkipReason::Kept { .. }) => &mut self.kept,
            Outcome::Skipped(SkipReason::NoPlatform) => &mut self.left_out,
            Outcome::Failed(_) => &mut self.failed,
            Outcome::NotDone => &mut self.not_done,
        };
        *number += 1;
        self.amounts = self.amounts + ended.amounts;
    }

    /// How many images were planned: each ended in one way.
    pub fn images(&self) -> usize {
        let skipped = self.unchanged + self.kept + self.left_out;
        self.copied + self.would_copy + skipped + self.failed + self.not_done
    }
}
