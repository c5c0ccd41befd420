//! A coordinator's task.

use std::time::Duration;

use oci::Digest;
use sync::Sync;

/// The run that a coordinator plans or joins.
pub struct Plan {
    /// Finds out which images the rules select.
    pub sync: Sync,
    /// The digest of the rules.
    pub config: Digest,
    /// The digest of the flags that select images.
    pub selection: Digest,
    /// The only run to join, by name. `None`: join an open run of the same rules and flags, or begin one.
    pub run: Option<String>,
    /// A worker that is silent for so long loses its jobs.
    pub ack_wait: Duration,
}
