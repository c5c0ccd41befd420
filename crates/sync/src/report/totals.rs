//! Sums over images, made only from each image's report, so they agree with it.

use crate::{Amounts, ImageReport, Mended, Outcome, SkipReason, Standing};

/// How many images ended in which way, and how much was transferred for all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Images that targets have now and did not have before.
    pub copied: usize,
    /// How many of these replaced another image under their reference.
    pub replaced: usize,
    /// Images that a dry run would have copied.
    pub would_copy: usize,
    /// Images that needed nothing.
    pub unchanged: usize,
    /// Images that were skipped because their rules keep the target's other image.
    pub kept: usize,
    /// Images without a wanted platform.
    pub left_out: usize,
    /// Images that were verified, and are complete.
    pub whole: usize,
    /// Images that were verified, and are not complete.
    pub different: usize,
    /// Images that were not complete, and were repaired.
    pub repaired: usize,
    /// Images that are not in the sample.
    pub not_in_sample: usize,
    /// Images that failed.
    pub failed: usize,
    /// Images that were not begun, or not finished, because the run was stopped.
    pub not_done: usize,
    /// How much was transferred.
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

    /// How many images were planned: each has one result.
    pub fn images(&self) -> usize {
        let skipped = self.unchanged + self.kept + self.left_out;
        let verified = self.whole + self.different + self.not_in_sample;
        self.copied + self.would_copy + skipped + verified + self.failed + self.not_done
    }
}
