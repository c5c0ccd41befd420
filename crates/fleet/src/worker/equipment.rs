//! A worker's settings and tools.

use std::sync::Arc;
use std::time::Duration;

use oci::Digest;
use sync::{Assignment, BoundAssignment, Engine, Observer, Options, State};

use crate::connection::Connection;
use crate::limits::SharedLimits;
use crate::message::ended::Explain;
use crate::spending::CountSpending;

/// Finds the endpoints of a job's assignments with this worker's own config and logins, or says why none of its rules brings one.
pub type Bind = Arc<dyn Fn(&[Assignment]) -> Vec<Result<BoundAssignment, String>> + Send + std::marker::Sync>;

/// A worker with all that it needs.
pub struct Worker {
    /// The connection to the NATS that hands out jobs.
    pub connection: Connection,
    /// The digest of its rules: it ignores runs of other configs.
    pub config: Digest,
    /// Its tools to bring images.
    pub tools: Tools,
    /// The limits that all workers share.
    pub limits: Arc<dyn SharedLimits>,
    /// Ends the worker after this time without work.
    pub idle_exit: Option<Duration>,
    /// Shows a message to people.
    pub say: Arc<dyn Fn(&str) + Send + std::marker::Sync>,
}

/// A worker's tools to bring images.
pub struct Tools {
    /// The engine that all jobs share.
    pub engine: Engine,
    /// How images are copied.
    pub options: Options,
    /// Hints for later runs.
    pub state: State,
    /// Finds endpoints.
    pub bind: Bind,
    /// Puts errors into words.
    pub explain: Explain,
    /// Receives the events of all jobs.
    pub observer: Arc<dyn Observer>,
    /// Counts requests to registries.
    pub spending: CountSpending,
}
