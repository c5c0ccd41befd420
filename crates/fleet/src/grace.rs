//! The time at a run's end on which the coordinator and the workers agree.

use std::time::Duration;

/// How long a worker may take to write its results after the images' drain time. The worker tries for this long, and a coordinator that has
/// called the run off waits for this long.
pub(crate) const WRITING: Duration = Duration::from_secs(10);
