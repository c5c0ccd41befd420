//! Sums over images: made from what is told of each image and from nothing else, so they agree with it.

use crate::{Amounts, ImageReport, Mended, Outcome, SkipReason, Standing};

/// How many images ended in which way, and what was moved for all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Images that stand at the target and did not before.
    pub copied: usize,
    /// Of these, images in whose place the target had others under their names.
    pub replaced: usize,
    /// Images that a dry run would have copied.
    pub would_copy: usize,
    /// Images that needed nothing.
    pub unchanged: usize,
    /// Images in whose place the target has others, which their rules keep.
    pub kept: usize,
    /// Images that the platform filter left nothing of.
    pub left_out: usize,
    /// Images that were looked at, and are whole.
    pub whole: usize,
    /// Images that were looked at, and are not.
    pub different: usize,
    /// Images that were not whole, and are now.
    pub repaired: usize,
    /// Images that chance has left out.
    pub not_in_sample: usize,
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
            Outcome::Skipped(SkipReason::NotInSample) => &mut self.not_in_sample,
            Outcome::Verified(verdict) => {
                self.repaired += usize::from(matches!(verdict.mended, Mended::All));
                match verdict.standing {
                    Standing::Whole => &mut self.whole,
                    Standing::Kept => &mut self.kept,
                    _ => &mut self.different,
                }
            }
            Outcome::Failed(_) => &mut self.failed,
            Outcome::NotDone => &mut self.not_done,
        };
        *number += 1;
        self.replaced += usize::from(matches!(&ended.outcome, Outcome::Copied { replaced: Some(_), .. }));
        self.amounts = self.amounts + ended.amounts;
    }

    /// How many images were planned: each ended in one way.
    pub fn images(&self) -> usize {
        let skipped = self.unchanged + self.kept + self.left_out;
        let verified = self.whole + self.different + self.not_in_sample;
        self.copied + self.would_copy + skipped + verified + self.failed + self.not_done
    }
}
