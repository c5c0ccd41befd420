//! What a run has in the engine's queues.

use std::sync::Arc;

use crate::engine::Turn;
use crate::engine::run::Run;

/// The images of a run in the engine's queues. Removes them when the run is dropped before its end.
pub(super) struct InQueues(pub(super) Arc<Run>);

impl InQueues {
    pub(super) fn withdraw(&self) -> Vec<Turn> {
        self.0.engine.images().withdraw(|turn| turn.is_of(self.0.number))
    }
}

impl Drop for InQueues {
    fn drop(&mut self) {
        drop(self.withdraw());
    }
}
