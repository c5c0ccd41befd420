//! What a coordinator is to do.

use std::time::Duration;

use oci::Digest;
use sync::Sync;

/// What is to be done.
pub struct Plan {
    /// Finds out which images the rules select.
    pub sync: Sync,
    /// Of the rules.
    pub config: Digest,
    /// Of what flags select of them.
    pub selection: Digest,
    /// Joins the run of this name, and no other.
    pub run: Option<String>,
    /// A worker that is silent for so long loses its jobs.
    pub ack_wait: Duration,
}
