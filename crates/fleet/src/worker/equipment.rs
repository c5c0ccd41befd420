//! What a worker is given to work with.

use std::sync::Arc;
use std::time::Duration;

use oci::Digest;
use sync::{Assignment, BoundAssignment, Engine, Observer, Options, State};

use crate::connection::Connection;
use crate::limits::SharedLimits;
use crate::message::ended::Explain;
use crate::spending::CountSpending;

/// Finds the endpoints of a job's assignments with this worker's own config and logins, or says why one is none of its rules'.
pub type Bind = Arc<dyn Fn(&[Assignment]) -> Vec<Result<BoundAssignment, String>> + Send + std::marker::Sync>;

/// What a worker works with.
pub struct Worker {
    /// Where jobs come from.
    pub connection: Connection,
    /// Of its rules: runs of other configs are none of its business.
    pub config: Digest,
    /// What it brings images with.
    pub tools: Tools,
    /// What holds for all workers together.
    pub limits: Arc<dyn SharedLimits>,
    /// Ends after so long without work.
    pub idle_exit: Option<Duration>,
    /// Is told what people should know.
    pub say: Arc<dyn Fn(&str) + Send + std::marker::Sync>,
}

/// What a worker brings images with.
pub struct Tools {
    /// All jobs share it.
    pub engine: Engine,
    /// How images are copied.
    pub options: Options,
    /// Hints for later.
    pub state: State,
    /// Finds endpoints.
    pub bind: Bind,
    /// Puts errors into words.
    pub explain: Explain,
    /// Is told of all that happens here.
    pub observer: Arc<dyn Observer>,
    /// Counts what registries are asked for.
    pub spending: CountSpending,
}
