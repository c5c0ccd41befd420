//! A report without its images: of a run, from a file, or merged from several.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use sync::select::Counts;

use super::timeline::Point;
use crate::output::failure::Failure;
use crate::output::record::{Ended, ImageRecord};
use crate::output::selected::LeftOutTag;
use crate::output::worker_shares::WorkerEntry;

/// The identifier of the document's schema.
pub(crate) const SCHEMA: &str = "image-syncer/report/1";

/// Everything except the images.
#[derive(Clone, Default)]
pub(crate) struct Facts {
    pub(crate) head: Head,
    pub(crate) tail: Tail,
}

/// The part before the images.
#[derive(Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Head {
    pub(crate) version: String,
    pub(crate) run: String,
    pub(crate) command: String,
    /// The path, as typed, of the file with its rules, or for `copy` with its logins.
    pub(crate) config: Option<String>,
    pub(crate) started_at: String,
    pub(crate) finished_at: String,
    pub(crate) exit_code: u8,
    /// Set for a run that did not go on to its end.
    pub(crate) stopped: Option<Stopped>,
    /// Set for one shard of several.
    pub(crate) shard: Option<ShardEntry>,
    pub(crate) totals: Totals,
    pub(crate) rules: Vec<Rule>,
}

/// The selection of a rule among the listed tags.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Rule {
    pub(crate) name: Option<String>,
    /// As written.
    pub(crate) source: String,
    /// Of `--retry-failed`: the label of the config's rule of which this is a part.
    #[serde(rename = "partOf")]
    pub(crate) part_of: Option<Arc<str>>,
    pub(crate) selection: Counts,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct ShardEntry {
    /// Counted from 1.
    pub(crate) number: u64,
    pub(crate) of: u64,
    /// The same for all shards of one division; null if the run was interrupted before it was divided.
    pub(crate) split: Option<String>,
}

/// Why a run did not go on to its end.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Stopped {
    /// `interrupted`, `calledOff`, `brokenOff` or `notBegun`.
    pub(crate) kind: String,
    pub(crate) message: String,
    /// The advice.
    pub(crate) hint: String,
}

/// The part after the images.
#[derive(Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Tail {
    /// Tags that rules left out for reasons that their names do not show, and the number of further ones: unknown in reports of older
    /// releases, which did not record such tags.
    pub(crate) left_out: Vec<LeftOutTag>,
    pub(crate) left_out_more: Option<usize>,
    /// Lists that failed: of a whole rule, or of one of its repositories while the others yielded images.
    pub(crate) failed_rules: Vec<FailedRule>,
    /// Rules that a stopped run did not list to their end. Reports of older releases only count them.
    pub(crate) unlisted_rules: Vec<UnlistedRule>,
    /// The errors of rules, or images of a plan, that cannot be carried out. One text may stand for several.
    pub(crate) refused_rules: Vec<String>,
    pub(crate) registries: Vec<RegistryEntry>,
    pub(crate) failures: Vec<FailureGroup>,
    pub(crate) timeline: Vec<Point>,
    /// The workers of a fleet.
    pub(crate) workers: Vec<WorkerEntry>,
    /// The merged runs; empty for a single run.
    pub(crate) parts: Vec<Part>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Totals {
    pub(crate) copied: u64,
    pub(crate) unchanged: u64,
    pub(crate) skipped: u64,
    pub(crate) failed: u64,
    pub(crate) not_done: u64,
    /// In a dry run.
    pub(crate) would_copy: u64,
    pub(crate) unlisted_rules: u64,
    /// The number of entries in the tail's list.
    pub(crate) failed_rules: u64,
    /// Rules, or images of a plan, that cannot be carried out. They are not among the report's images.
    pub(crate) refused: u64,
    pub(crate) bytes_moved: u64,
    pub(crate) bytes_mounted: u64,
    pub(crate) bytes_present: u64,
    /// To all registries, their token servers and storage services.
    pub(crate) requests: u64,
    pub(crate) referrers: u64,
    /// Of images, and of listings of rules that copy no referrers.
    pub(crate) referrers_left: u64,
}

impl Totals {
    pub(crate) fn add(&mut self, image: &ImageRecord) {
        let number = match image.outcome {
            Ended::Copied => &mut self.copied,
            Ended::Unchanged => &mut self.unchanged,
            Ended::Skipped => &mut self.skipped,
            Ended::Failed => &mut self.failed,
            Ended::NotDone => &mut self.not_done,
            Ended::WouldCopy => &mut self.would_copy,
        };
        *number += 1;
        self.bytes_moved = self.bytes_moved.saturating_add(image.bytes_moved);
        self.bytes_mounted = self.bytes_mounted.saturating_add(image.bytes_mounted);
        self.bytes_present = self.bytes_present.saturating_add(image.bytes_present);
        self.referrers = self.referrers.saturating_add(image.referrers);
        self.referrers_left = self.referrers_left.saturating_add(image.referrers_left);
    }

    /// The number of images.
    pub(crate) fn images(&self) -> u64 {
        self.standing() + self.skipped + self.failed + self.not_done + self.would_copy
    }

    /// Whether images, or rules that were not listed to their end, are left for another run.
    pub(crate) fn is_left(&self) -> bool {
        self.not_done + self.unlisted_rules > 0
    }

    /// The number of images that are at their targets as wanted.
    pub(crate) fn standing(&self) -> u64 {
        self.copied + self.unchanged
    }
}

#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct FailedRule {
    pub(crate) rule: Option<String>,
    pub(crate) source: String,
    pub(crate) error: Failure,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct UnlistedRule {
    /// The label, as in [`FailedRule`].
    pub(crate) rule: Option<String>,
    /// As written.
    pub(crate) source: String,
}

impl UnlistedRule {
    pub(crate) fn label(&self) -> &str {
        self.rule.as_deref().unwrap_or(&self.source)
    }
}

impl Rule {
    pub(crate) fn label(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.source)
    }
}

impl FailedRule {
    pub(crate) fn label(&self) -> &str {
        self.rule.as_deref().unwrap_or(&self.source)
    }
}

/// The requests to a registry.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct RegistryEntry {
    pub(crate) host: String,
    /// The kind of registry that it was recognized as.
    pub(crate) kind: String,
    /// To the registry, its token server and the services that it redirects to, with all logins.
    pub(crate) requests: u64,
    /// In bodies.
    pub(crate) bytes_read: u64,
    pub(crate) bytes_sent: u64,
    /// The total delay of requests and retries: for `Retry-After`, for a free slot, after a failure.
    pub(crate) waited_seconds: f64,
    pub(crate) warnings: Vec<String>,
    /// The remaining pulls, if the registry tells: the smallest number of all logins.
    pub(crate) pulls_left: Option<u64>,
    pub(crate) pull_limit: Option<u64>,
    pub(crate) limits: Vec<LimitEntry>,
}

/// The final limit of requests at once, if throttling reduced it.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct LimitEntry {
    pub(crate) host: String,
    /// `look`, `read`, `upload` or `commit`.
    pub(crate) requests: String,
    pub(crate) at_once: usize,
    pub(crate) too_much: u64,
}

/// Failures with one reason.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct FailureGroup {
    pub(crate) kind: String,
    /// The advice.
    pub(crate) hint: String,
    pub(crate) count: u64,
    pub(crate) examples: Vec<String>,
    /// The cause in the errors of its images; `None` if the group has several causes.
    pub(crate) cause: Option<String>,
    pub(crate) side: String,
    pub(crate) host: String,
    /// The message of the first failure.
    pub(crate) message: String,
}

/// One of the merged runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Part {
    pub(crate) started_at: String,
    pub(crate) finished_at: String,
    pub(crate) run: String,
    pub(crate) command: String,
    pub(crate) exit_code: u8,
    pub(crate) shard: Option<ShardEntry>,
    pub(crate) stopped: Option<Stopped>,
}
