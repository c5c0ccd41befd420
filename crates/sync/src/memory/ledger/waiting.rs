//! The wait for another copy that brings content.

use std::sync::Arc;

use tokio::sync::watch;

use super::failure::{Failure, Why};
use crate::endpoint::Source;

/// Another copy's transfer.
pub(crate) struct Waiting {
    pub(super) ended: watch::Receiver<Option<Arc<Failure>>>,
    pub(super) is_same_repository: bool,
}

impl Waiting {
    /// Returns when the transfer has ended. The result is its failure, if a copy that reads from `source` would meet
    /// the same one.
    pub(crate) async fn done(mut self, source: &dyn Source) -> Option<Why> {
        let failure = self.end().await;
        let failure = failure.filter(|failure| failure.concerns(source, self.is_same_repository));
        failure.map(|failure| failure.why.clone())
    }

    pub(super) async fn end(&mut self) -> Option<Arc<Failure>> {
        // The channel closes when the claim ends.
        while self.ended.changed().await.is_ok() {}
        self.ended.borrow().clone()
    }
}
