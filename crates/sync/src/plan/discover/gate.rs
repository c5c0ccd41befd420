//! Holds back the images of a listing's repositories until all repositories are known.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

/// How many repositories of one listing have their tags read before the listing is complete.
const LISTED_AHEAD: usize = 64;

/// How a rule about one repository came into the run.
#[derive(Clone)]
pub(crate) enum Origin {
    /// It is in the config. Its images start at once.
    Written,
    /// A registry's listing contains the repository.
    Listed(Gate),
}

/// Holds back the images of a listing's repositories until all repositories are known.
#[derive(Clone)]
pub(crate) struct Gate {
    /// Stays false if its sender is dropped before.
    is_open: watch::Receiver<bool>,
    /// Limits how many repositories are listed ahead, because their images are kept in memory.
    ahead: Arc<Semaphore>,
}

impl Gate {
    /// A gate with the sender that opens it.
    pub(crate) fn new() -> (watch::Sender<bool>, Self) {
        let (open, is_open) = watch::channel(false);
        (open, Self { is_open, ahead: Arc::new(Semaphore::new(LISTED_AHEAD)) })
    }

    pub(super) fn is_open(&self) -> bool {
        *self.is_open.borrow()
    }

    /// Waits for the opening; returns whether it came.
    pub(super) async fn pass(&self) -> bool {
        self.is_open.clone().wait_for(|open| *open).await.is_ok()
    }

    /// Waits until few repositories are listed ahead, or the gate opens.
    pub(super) async fn approach(&self) -> Option<OwnedSemaphorePermit> {
        tokio::select! {
            biased;
            _ = self.pass() => None,
            permit = self.ahead.clone().acquire_owned() => permit.ok(),
        }
    }
}
