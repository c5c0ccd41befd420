//! What a run did: the result of each image, and the sums.

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

/// A rule, or the list of one of its repositories, that could not be turned into images.
#[derive(Debug)]
pub struct RuleFailure {
    /// The rule's index, counted from 0.
    pub rule: usize,
    /// Registry and repository of the rule's source, or of that list.
    pub source: Arc<str>,
    /// Why.
    pub error: Arc<Error>,
}

/// The sums of a run. The images are not kept: each is reported when it ends ([`Event::ImageFinished`](crate::Event)).
#[derive(Clone, Debug)]
pub struct Report {
    /// The id of the run.
    pub run: RunId,
    /// The sums over all planned images.
    pub totals: Totals,
    /// Rules that gave no images because of an error, and lists of single repositories of rules whose other repositories
    /// did.
    pub failed_rules: Vec<Arc<RuleFailure>>,
    /// Rules whose images are not all known because the run was stopped: their indexes counted from 0, sorted.
    pub unfinished_rules: Vec<usize>,
    /// How many signatures, SBOMs and other referrers were left out because no rule wanted them, as far as listings
    /// of whole repositories report their number.
    pub unwanted_referrers: u64,
    /// How much a verification has checked.
    pub looked_at: LookedAt,
    /// If the run was one shard of several: which one, and the fingerprint of the split.
    pub shard: Option<(Shard, Digest)>,
    /// Whether the outcome is unknown, because the connection to the workers was lost.
    pub is_broken_off: bool,
    /// How long the run took.
    pub took: Duration,
}

/// What was checked at targets, each manifest and blob counted once for each repository.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LookedAt {
    /// Manifests, which were all read.
    pub manifests: u64,
    /// Blobs.
    pub blobs: u64,
    /// Bytes of both that were read.
    pub bytes_read: u64,
}

impl Report {
    /// Of a run that has not done anything.
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

    /// What was transferred for all images together.
    pub fn amounts(&self) -> Amounts {
        self.totals.amounts
    }

    /// How many signatures, SBOMs and other referrers were left out, as far as that is known.
    pub fn referrers_left(&self) -> u64 {
        self.amounts().referrers_left.saturating_add(self.unwanted_referrers)
    }

    /// How many images the targets have now that they did not have before.
    pub fn copied(&self) -> usize {
        self.totals.copied
    }

    /// How many images a dry run would have copied.
    pub fn would_copy(&self) -> usize {
        self.totals.would_copy
    }

    /// How many images were skipped because the target's other image is kept: they also count as skipped.
    pub fn kept(&self) -> usize {
        self.totals.kept
    }

    /// How many images have no wanted platform: they also count as skipped.
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

    /// How many images were not begun, or not finished, because the run was stopped.
    pub fn not_done(&self) -> usize {
        self.totals.not_done
    }

    /// Whether images, or rules that were not listed to their end, are left for another run.
    pub fn is_left(&self) -> bool {
        self.not_done() + self.unfinished_rules.len() > 0
    }
}
