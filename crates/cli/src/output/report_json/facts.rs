//! What a report tells beside its images: of a run, read from a file, or put together from several.

use serde::{Deserialize, Serialize};

use sync::select::Counts;

use super::timeline::Point;
use crate::output::failure::Failure;
use crate::output::record::{Ended, ImageRecord};
use crate::output::selected::LeftOutTag;

/// What the document says that it is.
pub(crate) const SCHEMA: &str = "image-syncer/report/1";

/// Everything but the images.
#[derive(Clone, Default)]
pub(crate) struct Facts {
    pub(crate) head: Head,
    pub(crate) tail: Tail,
}

/// What stands before the images.
#[derive(Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Head {
    pub(crate) version: String,
    pub(crate) run: String,
    pub(crate) command: String,
    /// The file that its rules came from, or of `copy` its logins, as it was named.
    pub(crate) config: Option<String>,
    pub(crate) started_at: String,
    pub(crate) finished_at: String,
    pub(crate) exit_code: u8,
    /// Where it is one shard of several.
    pub(crate) shard: Option<ShardEntry>,
    pub(crate) totals: Totals,
    pub(crate) rules: Vec<Rule>,
}

/// What a rule chose of the tags that its sources listed.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Rule {
    pub(crate) name: Option<String>,
    /// As it was written.
    pub(crate) source: String,
    pub(crate) selection: Counts,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct ShardEntry {
    /// Counted from 1.
    pub(crate) number: u64,
    pub(crate) of: u64,
    /// The same for all shards that were split alike; null where the run was broken off before it had split anything.
    pub(crate) split: Option<String>,
}

/// What stands behind the images.
#[derive(Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Tail {
    /// Tags that rules left out for what their names do not tell, and how many more there are: not known where a release that kept
    /// none of them wrote it.
    pub(crate) left_out: Vec<LeftOutTag>,
    pub(crate) left_out_more: Option<usize>,
    /// Rules that gave no images because something failed.
    pub(crate) failed_rules: Vec<FailedRule>,
    /// Rules, or images of a plan, that cannot be carried out, in words: some stand for several.
    pub(crate) refused_rules: Vec<String>,
    pub(crate) registries: Vec<RegistryEntry>,
    pub(crate) failures: Vec<FailureGroup>,
    pub(crate) timeline: Vec<Point>,
    /// The runs whose reports were put together; none where it is one run's own.
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
    /// Of a dry run.
    pub(crate) would_copy: u64,
    pub(crate) unlisted_rules: u64,
    /// Rules, or images of a plan, that cannot be carried out: they are no images of the report.
    pub(crate) refused: u64,
    pub(crate) bytes_moved: u64,
    pub(crate) bytes_mounted: u64,
    pub(crate) bytes_present: u64,
    /// Of all registries, with their token servers and storage services.
    pub(crate) requests: u64,
    pub(crate) referrers: u64,
    /// Of images, and what listings tell of rules that want none.
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

    /// How many images there are.
    pub(crate) fn images(&self) -> u64 {
        self.standing() + self.skipped + self.failed + self.not_done + self.would_copy
    }

    /// How many of them are at their targets as they are wanted.
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

/// What was asked of a registry.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct RegistryEntry {
    pub(crate) host: String,
    /// What it was taken for.
    pub(crate) kind: String,
    /// Of it, its token server and the services that it sends us to, with all logins.
    pub(crate) requests: u64,
    /// Of bodies.
    pub(crate) bytes_read: u64,
    pub(crate) bytes_sent: u64,
    /// How long requests and tries were held back, summed up: for its `Retry-After`, for their turn, after a failure.
    pub(crate) waited_seconds: f64,
    pub(crate) warnings: Vec<String>,
    /// Pulls that are left, where it tells: the fewest of all logins.
    pub(crate) pulls_left: Option<u64>,
    pub(crate) pull_limit: Option<u64>,
    pub(crate) limits: Vec<LimitEntry>,
}

/// How many requests at once a host got in the end, where they were fewer than it was ready to take.
#[derive(Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct LimitEntry {
    pub(crate) host: String,
    /// `look`, `read`, `upload` or `commit`.
    pub(crate) requests: String,
    pub(crate) at_once: usize,
    pub(crate) too_much: u64,
}

/// What failed for one reason.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct FailureGroup {
    pub(crate) kind: String,
    /// What to do.
    pub(crate) hint: String,
    pub(crate) count: u64,
    pub(crate) examples: Vec<String>,
    /// As the errors of its images name it; nothing where there are more causes than are told apart.
    pub(crate) cause: Option<String>,
    pub(crate) side: String,
    pub(crate) host: String,
    /// The first one's.
    pub(crate) message: String,
}

/// One of the runs whose reports were put together.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Part {
    pub(crate) started_at: String,
    pub(crate) finished_at: String,
    pub(crate) run: String,
    pub(crate) command: String,
    pub(crate) exit_code: u8,
    pub(crate) shard: Option<ShardEntry>,
}
