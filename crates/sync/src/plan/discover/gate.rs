//! Where the images of a listing's repositories wait until all of them are known.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

/// Repositories of one listing whose tags are read while more of them come.
const LISTED_AHEAD: usize = 64;

/// How a rule about one repository came into the run.
#[derive(Clone)]
pub(crate) enum Origin {
    /// It was written. Its images start at once.
    Written,
    /// A registry listed the repository.
    Listed(Gate),
}

/// Where the images of a listing's repositories wait until all of them are known.
#[derive(Clone)]
pub(crate) struct Gate {
    /// Never true, if its sender goes before.
    is_open: watch::Receiver<bool>,
    /// The right to be listed ahead of the opening: what waits there is kept in memory.
    ahead: Arc<Semaphore>,
}

impl Gate {
    /// A gate with what opens it.
    pub(crate) fn new() -> (watch::Sender<bool>, Self) {
        let (open, is_open) = watch::channel(false);
        (open, Self { is_open, ahead: Arc::new(Semaphore::new(LISTED_AHEAD)) })
    }

    pub(super) fn is_open(&self) -> bool {
        *self.is_open.borrow()
    }

    /// Waits for its opening; says whether it came.
    pub(super) async fn pass(&self) -> bool {
        self.is_open.clone().wait_for(|open| *open).await.is_ok()
    }

    /// Waits until few are ahead of it, or it opens.
    pub(super) async fn approach(&self) -> Option<OwnedSemaphorePermit> {
        tokio::select! {
            biased;
            _ = self.pass() => None,
            permit = self.ahead.clone().acquire_owned() => permit.ok(),
        }
    }
}
