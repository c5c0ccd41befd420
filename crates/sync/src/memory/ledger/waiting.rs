//! The wait for who brings content.

use std::sync::Arc;

use tokio::sync::watch;

use super::failure::{Failure, Why};
use crate::endpoint::Source;

/// Somebody else's transfer.
pub(crate) struct Waiting {
    pub(super) ended: watch::Receiver<Option<Arc<Failure>>>,
    pub(super) is_same_repository: bool,
}

impl Waiting {
    /// Returns when the transfer has ended, well or badly: with its failure, where whoever reads from `source` would meet
    /// the same.
    pub(crate) async fn done(mut self, source: &dyn Source) -> Option<Why> {
        let failure = self.end().await;
        let failure = failure.filter(|failure| failure.concerns(source, self.is_same_repository));
        failure.map(|failure| failure.why.clone())
    }

    pub(super) async fn end(&mut self) -> Option<Arc<Failure>> {
        // The sender's end is the message.
        while self.ended.changed().await.is_ok() {}
        self.ended.borrow().clone()
    }
}
