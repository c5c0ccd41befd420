//! What a run did: how each image ended, and the sums.

pub(crate) mod amounts;
pub(crate) mod blob_outcome;
pub(crate) mod event;
pub(crate) mod image;
pub(crate) mod outcome;
pub(crate) mod run_id;
pub(crate) mod totals;
pub(crate) mod verdict;
pub(crate) mod worked_on;

use std::sync::Arc;
use std::time::Duration;

use oci::Digest;

use crate::{Amounts, Error, RunId, Shard, Totals};

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

/// What a run did, in sums: its images are told one by one as they end ([`Event::ImageFinished`](crate::Event)), and not kept.
#[derive(Clone, Debug)]
pub struct Report {
    /// Which run.
    pub run: RunId,
    /// Of all planned images.
    pub totals: Totals,
    /// Rules that gave no images because something failed.
    pub failed_rules: Vec<Arc<RuleFailure>>,
    /// Rules of which not all images are known because the run was stopped: counted from 0 in the order in which they
    /// were given, and sorted.
    pub unfinished_rules: Vec<usize>,
    /// Signatures, SBOMs and other referrers that were left behind because no rule wanted them, as far as listings of
    /// whole repositories tell how many there are.
    pub unwanted_referrers: u64,
    /// How much a run that verifies has looked at.
    pub looked_at: LookedAt,
    /// Where the run was one shard of several: which, and a digest that is the same for all that were split alike.
    pub shard: Option<(Shard, Digest)>,
    /// Whether nobody knows how it ended: who brought its images could not be asked any more.
    pub is_broken_off: bool,
    /// How long the run took.
    pub took: Duration,
}

/// What was looked at at targets, each manifest and blob counted once for each repository.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LookedAt {
    /// Manifests, which were read.
    pub manifests: u64,
    /// Blobs.
    pub blobs: u64,
    /// Bytes of both that were read.
    pub bytes_read: u64,
}

impl Report {
    /// Nothing was done yet.
    pub fn empty(run: RunId) -> Self {
        Self {
            run,
            totals: Totals::default(),
            failed_rules: Vec::new(),
            unfinished_rules: Vec::new(),
            unwanted_referrers: 0,
            looked_at: LookedAt::default(),
            shard: None,
            is_broken_off: false,
            took: Duration::ZERO,
        }
    }

    /// What was moved for all images together.
    pub fn amounts(&self) -> Amounts {
        self.totals.amounts
    }

    /// How many signatures, SBOMs and other referrers stayed behind, as far as that is known.
    pub fn referrers_left(&self) -> u64 {
        self.amounts().referrers_left.saturating_add(self.unwanted_referrers)
    }

    /// How many images stand at the target that did not before.
    pub fn copied(&self) -> usize {
        self.totals.copied
    }

    /// How many images a dry run would have copied.
    pub fn would_copy(&self) -> usize {
        self.totals.would_copy
    }

    /// In place of how many images targets keep others: they count as skipped, too.
    pub fn kept(&self) -> usize {
        self.totals.kept
    }

    /// How many images the platform filter left nothing of: they count as skipped, too.
    pub fn left_out(&self) -> usize {
        self.totals.left_out
    }

    /// How many images needed nothing.
    pub fn skipped(&self) -> usize {
        self.totals.unchanged + self.totals.kept + self.totals.left_out
    }

    /// How many images failed.
    pub fn failed(&self) -> usize {
        self.totals.failed
    }

    /// How many images were not looked at, or not finished, because the run was stopped.
    pub fn not_done(&self) -> usize {
        self.totals.not_done
    }
}
