//! Runs, and signs of life.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use oci::Digest;
use serde::{Deserialize, Serialize};

use super::{Checked, Malformed, is_name};

/// Runs that workers may have work for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Runs {
    pub(crate) open: Vec<RunEntry>,
    /// Those that are over, the oldest first, of which the book is still there.
    #[serde(default)]
    pub(crate) closed: Vec<String>,
}

/// More runs at once than anybody begins.
const MOST_RUNS: usize = 64;

/// A run that is going on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RunEntry {
    pub(crate) run: String,
    /// Of the rules. Workers with others have nothing to do with it.
    pub(crate) config: Digest,
    /// Of what flags select of the rules.
    pub(crate) selection: Digest,
    /// All of them stand in the book.
    pub(crate) jobs: u32,
    /// When it began, in milliseconds since 1970, by its coordinator's clock.
    #[serde(default)]
    pub(crate) began: Option<u64>,
}

impl RunEntry {
    /// When it began, where that is known.
    pub(crate) fn began(&self) -> Option<SystemTime> {
        UNIX_EPOCH.checked_add(Duration::from_millis(self.began?))
    }

    /// Whether it brings what these rules and flags select.
    pub(crate) fn is_of(&self, config: &Digest, selection: &Digest) -> bool {
        (&self.config, &self.selection) == (config, selection)
    }
}

/// Where a run's book says that it was called off.
pub(crate) fn stop_key(run: &str) -> String {
    format!("{run}.stop")
}

impl Checked for Runs {
    fn checked(self) -> Result<Self, Malformed> {
        if self.open.len() > MOST_RUNS || self.closed.len() > MOST_RUNS {
            return Err(Malformed::new(format!("it has {} runs", self.open.len() + self.closed.len())));
        }
        let mut names = self.open.iter().map(|entry| &entry.run).chain(&self.closed);
        if names.all(|run| is_name(run)) { Ok(self) } else { Err(Malformed::new("a run has no name")) }
    }
}

/// A worker's sign of life.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Beat {
    pub(crate) worker: String,
    /// Of its rules: it works on no run of others.
    pub(crate) config: Digest,
    /// What it works on.
    pub(crate) jobs: u32,
    /// What it has sent since it began.
    pub(crate) bytes_moved: u64,
    /// Whether it ends, and says so.
    pub(crate) leaves: bool,
}

impl Checked for Beat {
    fn checked(self) -> Result<Self, Malformed> {
        if is_name(&self.worker) { Ok(self) } else { Err(Malformed::new("the worker has no name")) }
    }
}
