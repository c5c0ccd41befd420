//! What coordinator and workers grant each other at the end of a run.

use std::time::Duration;

/// How long a worker may take, beyond what images in work have, to write what became of them: so long it tries, and so long a
/// coordinator that has called the run off waits for it.
pub(crate) const WRITING: Duration = Duration::from_secs(10);
